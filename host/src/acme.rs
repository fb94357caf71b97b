//! Certificates from an authority that speaks ACME (RFC 8555), obtained and renewed.
//!
//! [`run`] keeps the certificates of a home for as long as the server runs; [`obtain`] places one
//! order. Hosts are proved by http-01, which this module answers itself, or by tls-alpn-01, which
//! HTTPS listeners answer (behind the trait [`TlsAlpnChallenges`]).
//!
//! Knows the layout of the certificate store. Deliberately does not know listeners, receivers,
//! workflows, `tureen.toml` or how certificates are loaded and served.
//!
//! # Invariants
//! - Nothing is sent before the operator agrees to the terms of service and all settings are
//!   checked.
//! - Whatever fails, what was in the certificate's folder stays there; a new pair replaces it whole.
//! - Everything is bounded: hosts, answers, the time of a request and of an order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use challenge::{TLS_ALPN_PROTOCOL, TlsAlpnChallenges};
pub use error::{AcmeError, Fault, Refusal};
pub use renewal::run;
pub use settings::{
    ACME_FOLDER, CONTACTS_MAX, Challenge, ExternalAccount, HOSTS_MAX, ORDERS_MAX, Order, Settings,
};
pub use transport::TransportError;

use authority::Authority;
use challenge::Proofs;
use order::Issued;
use settings::Host;
use store::Store;

mod account;
mod authority;
mod challenge;
mod error;
mod order;
mod renewal;
mod responder;
mod settings;
mod store;
mod transport;

/// How long one order may take, from the directory to the chain.
pub const ORDER_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// What an order brought.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the certificate.
    pub name: String,
    /// Its hosts, as the certificate names them.
    pub hosts: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// The folder with `certificate.pem` and `key.pem`.
    pub folder: PathBuf,
    /// Whether an account was registered for it.
    pub account_registered: bool,
}

/// Obtains one certificate, due or not, and puts it in place of what `store_directory` has under
/// its name. `tls_alpn` is needed for tls-alpn-01 alone.
///
/// # Errors
/// See [`AcmeError`]; what was there stays.
///
/// # Cancellation
/// Proofs are taken back, the order is left to expire at the authority. A pair that is complete
/// is still installed.
pub async fn obtain(
    settings: &Settings,
    order: &Order,
    store_directory: &Path,
    tls_alpn: Option<Arc<dyn TlsAlpnChallenges>>,
) -> Result<Outcome, AcmeError> {
    settings.check_authority()?;
    order.check()?;
    let hosts = order.hosts()?;
    let store = Store::open(store_directory)?;
    let lock = store.lock(&order.name)?;
    let authority = Authority::new(settings)?;
    // Before the authority hears of the order: what cannot be answered is not ordered.
    let mut proofs = Proofs::open(settings, tls_alpn.as_ref()).await?;
    let issuing = issue(&authority, &store, &hosts, &mut proofs);
    let issued = tokio::time::timeout(ORDER_TIME_MAX, issuing).await;
    proofs.close().await;
    let (issued, account_registered) = issued.unwrap_or(Err(AcmeError::TooSlow))?;
    let outcome = Outcome {
        name: order.name.clone(),
        hosts: issued.leaf.hosts.iter().map(Host::to_string).collect(),
        not_before: issued.leaf.not_before,
        not_after: issued.leaf.not_after,
        folder: store.folder(&order.name),
        account_registered,
    };
    let (name, directory_url) = (order.name.clone(), settings.directory_url.clone());
    let installed = tokio::task::spawn_blocking(move || {
        let installed = store.install(&name, &issued.pair, &directory_url);
        drop(lock);
        installed
    });
    installed
        .await
        .map_err(|_| AcmeError::Unusable { problem: "it was not installed".into() })??;
    Ok(outcome)
}

/// The certificate, and whether an account was registered for it.
async fn issue(
    authority: &Authority<'_>,
    store: &Store,
    hosts: &[Host],
    proofs: &mut Proofs,
) -> Result<(Issued, bool), AcmeError> {
    let open = account::open(authority, store).await?;
    match order::place(authority, &open.account, hosts, proofs).await {
        // Authorities that are set up anew forget accounts; that is no reason to stay without one.
        Err(error) if error.is("accountDoesNotExist") && !open.registered => {
            tracing::warn!(
                "the authority does not know the account any more; a new one is registered"
            );
            account::set_aside(authority.settings, store)?;
            let open = account::open(authority, store).await?;
            let issued = order::place(authority, &open.account, hosts, proofs).await?;
            Ok((issued, open.registered))
        }
        issued => Ok((issued?, open.registered)),
    }
}
