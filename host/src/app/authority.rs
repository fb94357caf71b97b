//! Certificates that an authority issues: `tureen.toml` to the ACME client, and its answers to
//! challenges to the HTTPS listeners.

use std::path::Path;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use crate::acme::{self, TlsAlpnChallenges};
use crate::certificates::AlpnChallenges;
use crate::config::{Acme, AcmeChallenge};

/// Obtains and renews in a task until `stop`; nothing when no certificate is asked for.
///
/// What is installed is found by the next look at the home, as every other certificate.
pub(super) fn keep_certificates(
    config: &Acme,
    home: &Path,
    challenges: Arc<AlpnChallenges>,
    stop: CancellationToken,
) -> Option<tokio::task::JoinHandle<()>> {
    if config.certificates.is_empty() {
        return None;
    }
    let settings = settings(config, home);
    let directory = home.join("certificates");
    let challenges: Arc<dyn TlsAlpnChallenges> = Arc::new(Shown(challenges));
    Some(tokio::spawn(async move {
        let installed = |name: &str| tracing::info!(certificate = name, "the authority issued it");
        let kept = acme::run(settings, directory, Some(challenges), stop, installed).await;
        if let Err(error) = kept {
            let error = anyhow::Error::new(error);
            tracing::error!("no certificate is obtained or renewed: {error:#}");
        }
    }))
}

/// What the configuration says, in the words of the ACME client.
pub fn settings(config: &Acme, home: &Path) -> acme::Settings {
    let certificates = config.certificates.iter();
    acme::Settings {
        directory_url: config.directory_url.clone(),
        contact: config.contact.clone(),
        agree_to_terms: config.agree_to_terms,
        extra_roots: config.roots.as_ref().map(|path| home.join(path)),
        external_account: config.external_account.as_ref().map(|account| acme::ExternalAccount {
            key_id: account.key_id.clone(),
            hmac_key: account.hmac_key.clone(),
        }),
        challenge: match config.challenge {
            AcmeChallenge::Http01 => acme::Challenge::Http01,
            AcmeChallenge::TlsAlpn01 => acme::Challenge::TlsAlpn01,
        },
        http_address: config.http_address,
        certificates: certificates
            .map(|(name, one)| acme::Order { name: name.clone(), hosts: one.hosts.clone() })
            .collect(),
        renew_before_days: config.renew_before_days,
        profile: config.profile.clone(),
    }
}

struct Shown(Arc<AlpnChallenges>);

impl TlsAlpnChallenges for Shown {
    fn set(&self, server_name: &str, key: Arc<CertifiedKey>) {
        self.0.insert(server_name, key);
    }

    fn remove(&self, server_name: &str) {
        self.0.remove(server_name);
    }
}
