//! The account with an authority: registered once, kept in a file, used from then on.
//!
//! Deliberately does not know orders or certificates.
//!
//! # Invariants
//! - The key of an account is in one file of mode 0600, and nowhere else.
//! - Each directory URL has a file of its own, so that going from a staging authority to the real
//!   one, and back, registers each account once.

use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::authority::{Authority, ask};
use super::store::{self, Store};
use super::{AcmeError, Settings};

/// Bytes of the URL's digest in the file's name.
const DIGEST_BYTES: usize = 8;

/// An account that can place orders.
pub(super) struct OpenAccount {
    pub(super) account: Account,
    /// Whether it was registered just now.
    pub(super) registered: bool,
}

#[derive(Serialize, Deserialize)]
struct AccountFile {
    directory: String,
    contact: Vec<String>,
    credentials: AccountCredentials,
}

/// Opens the account of the settings' authority; registers one when there is none.
///
/// # Errors
/// The file cannot be read or written; the authority cannot be reached, or refuses.
pub(super) async fn open(
    authority: &Authority<'_>,
    store: &Store,
) -> Result<OpenAccount, AcmeError> {
    let path = path(authority.settings, store);
    let Some(account) = open_registered(authority, store).await? else {
        return register(authority, &path).await;
    };
    let mut file = load(&path, authority.settings)?;
    if file.contact != authority.settings.contact {
        update_contact(authority, &account).await?;
        file.contact.clone_from(&authority.settings.contact);
        save(&path, &file)?;
    }
    Ok(OpenAccount { account, registered: false })
}

/// The account of the settings' authority, when one was registered. Nothing that is signed is sent.
///
/// # Errors
/// The file cannot be read; the authority cannot be reached.
pub(super) async fn open_registered(
    authority: &Authority<'_>,
    store: &Store,
) -> Result<Option<Account>, AcmeError> {
    let path = path(authority.settings, store);
    if !path.exists() {
        return Ok(None);
    }
    let credentials = load(&path, authority.settings)?.credentials;
    restore(authority, credentials, &path).await.map(Some)
}

/// Moves the file of an account aside that the authority does not know any more.
///
/// # Errors
/// It cannot be moved.
pub(super) fn set_aside(settings: &Settings, store: &Store) -> Result<(), AcmeError> {
    let path = path(settings, store);
    let aside = path.with_extension("json.unknown");
    std::fs::rename(&path, aside).map_err(|source| AcmeError::File {
        action: "move away",
        path,
        source,
    })
}

async fn register(authority: &Authority<'_>, path: &Path) -> Result<OpenAccount, AcmeError> {
    let settings = authority.settings;
    let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: settings.agree_to_terms,
        only_return_existing: false,
    };
    let external = match &settings.external_account {
        Some(external) => Some(ExternalAccountKey::new(external.key_id.clone(), &external.key()?)),
        None => None,
    };
    let external = external.as_ref();
    let builder = || Account::builder_with_http(Box::new(authority.transport.clone()));
    let url = || settings.directory_url.clone();
    let doing = "the registration of an account";
    let (account, credentials) = ask!(authority, doing, builder().create(&new, url(), external))?;
    let file = AccountFile {
        directory: settings.directory_url.clone(),
        contact: settings.contact.clone(),
        credentials,
    };
    save(path, &file)?;
    Ok(OpenAccount { account, registered: true })
}

/// Asks the authority for its directory; sends nothing that is signed.
async fn restore(
    authority: &Authority<'_>,
    credentials: AccountCredentials,
    path: &Path,
) -> Result<Account, AcmeError> {
    let builder = Account::builder_with_http(Box::new(authority.transport.clone()));
    builder.from_credentials(credentials).await.map_err(|error| match error {
        instant_acme::Error::KeyRejected => AcmeError::AccountFile { path: path.to_owned() },
        error => authority.failed("its directory", error),
    })
}

async fn update_contact(authority: &Authority<'_>, account: &Account) -> Result<(), AcmeError> {
    let contact: Vec<&str> = authority.settings.contact.iter().map(String::as_str).collect();
    ask!(authority, "new contacts of the account", account.update_contacts(&contact))
}

fn load(path: &Path, settings: &Settings) -> Result<AccountFile, AcmeError> {
    let json = store::read(path)?;
    let file = serde_json::from_slice::<AccountFile>(&json).ok();
    file.filter(|file| file.directory == settings.directory_url)
        .ok_or_else(|| AcmeError::AccountFile { path: path.to_owned() })
}

fn save(path: &Path, file: &AccountFile) -> Result<(), AcmeError> {
    let json = serde_json::to_vec(file).map_err(|error| AcmeError::File {
        action: "write",
        path: path.to_owned(),
        source: error.into(),
    })?;
    store::replace_private_file(path, &json)
}

fn path(settings: &Settings, store: &Store) -> PathBuf {
    let digest = Sha256::digest(settings.directory_url.as_bytes());
    let digest: String =
        digest.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
    store.own().join(format!("account-{digest}.json"))
}
