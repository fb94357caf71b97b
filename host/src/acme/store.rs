//! The files of ACME: what is in a certificate's folder, and how a new pair gets there.
//!
//! Deliberately does not know the authority. It knows the layout of the certificate store (`NAME/`
//! with `certificate.pem` and `key.pem`) and keeps its own files in the store's folder `acme`.
//!
//! # Invariants
//! - At no moment, also when the machine stops, is there a folder with half of a pair: the new
//!   folder is complete and on the disk before it gets the name. Who reads the two files while they
//!   are replaced may get one of each pair, and reads them again.
//! - Keys are written with mode 0600, into folders with mode 0700.
//! - While one order for a certificate is under way, no other process starts one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::AcmeError;
use super::settings::{ACME_FOLDER, Host};

const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";
/// Says where the pair beside it comes from.
const ORIGIN_FILE: &str = "acme.json";
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The certificate store, as ACME sees it.
#[derive(Clone, Debug)]
pub(super) struct Store {
    directory: PathBuf,
}

/// A certificate with its key, ready to be installed.
pub(super) struct Pair {
    pub(super) chain_pem: String,
    pub(super) key_pem: String,
}

/// What a certificate says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) hosts: BTreeSet<Host>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// What is in the folder of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) leaf: Leaf,
    /// The directory of the authority that issued it; none when it was not obtained by ACME.
    pub(super) directory_url: Option<String>,
}

/// What [`ORIGIN_FILE`] holds.
#[derive(Serialize, Deserialize)]
struct Origin {
    directory: String,
}

/// The right to place an order; given back when dropped, or when the process ends.
#[must_use]
pub(super) struct OrderLock {
    _file: File,
}

impl Store {
    /// Makes the folder `acme` when it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn open(directory: &Path) -> Result<Self, AcmeError> {
        let store = Self { directory: directory.to_owned() };
        private_directory(&store.own())?;
        Ok(store)
    }

    /// The folder of ACME's own files.
    pub(super) fn own(&self) -> PathBuf {
        self.directory.join(ACME_FOLDER)
    }

    /// The folder of a certificate.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// # Errors
    /// Another order has it; the lock file cannot be made.
    pub(super) fn lock(&self, name: &str) -> Result<OrderLock, AcmeError> {
        let path = self.own().join(format!("{name}.lock"));
        let file = private_options().create(true).truncate(false).open(&path);
        let file = file.map_err(file_error("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(OrderLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(AcmeError::Busy { name: name.to_owned() }),
            Err(fs::TryLockError::Error(source)) => Err(file_error("lock", &path)(source)),
        }
    }

    /// What is there; none when nothing is, or nothing that can be used.
    pub(super) fn present(&self, name: &str) -> Option<Present> {
        self.put_back(name);
        let folder = self.folder(name);
        let chain_pem = read(&folder.join(CERTIFICATE_FILE)).ok()?;
        let key_pem = read(&folder.join(KEY_FILE)).ok()?;
        let leaf = check_pair(&chain_pem, &key_pem).ok()?;
        let origin = read(&folder.join(ORIGIN_FILE)).ok();
        let origin: Option<Origin> = origin.and_then(|json| serde_json::from_slice(&json).ok());
        Some(Present { leaf, directory_url: origin.map(|origin| origin.directory) })
    }

    /// Puts a pair in place of what is there, which goes on being there until the new one is.
    ///
    /// # Errors
    /// A file cannot be written; what was there stays.
    pub(super) fn install(
        &self,
        name: &str,
        pair: &Pair,
        directory_url: &str,
    ) -> Result<(), AcmeError> {
        let new = self.own().join(format!("{name}.new"));
        // What a process left that ended in the middle.
        remove_folder(&new)?;
        private_directory(&new)?;
        private_file(&new.join(CERTIFICATE_FILE), pair.chain_pem.as_bytes())?;
        private_file(&new.join(KEY_FILE), pair.key_pem.as_bytes())?;
        let origin = serde_json::json!({ "directory": directory_url }).to_string();
        private_file(&new.join(ORIGIN_FILE), origin.as_bytes())?;
        sync_directory(&new)?;
        self.give_name(&new, name)?;
        sync_directory(&self.directory)?;
        // Now the old pair.
        remove_folder(&new)
    }

    /// After this `name` is the new folder.
    fn give_name(&self, new: &Path, name: &str) -> Result<(), AcmeError> {
        let folder = self.folder(name);
        let renamed = file_error("put the new certificate into", &folder);
        if !folder.exists() {
            return fs::rename(new, &folder).map_err(renamed);
        }
        match exchange(new, &folder) {
            Ok(()) => Ok(()),
            Err(error) if is_unsupported(&error) => self.exchange_in_two_steps(new, name),
            Err(error) => Err(renamed(error)),
        }
    }

    /// For file systems that cannot do it in one. When the machine stops between the two, the old
    /// folder gets its name back at the next look.
    fn exchange_in_two_steps(&self, new: &Path, name: &str) -> Result<(), AcmeError> {
        let (folder, old) = (self.folder(name), self.old(name));
        remove_folder(&old)?;
        fs::rename(&folder, &old)
            .and_then(|()| fs::rename(new, &folder))
            .map_err(file_error("put the new certificate into", &folder))
            .inspect_err(|_| self.put_back(name))?;
        remove_folder(&old)
    }

    /// Where a file system cannot exchange two folders, the old one is here for a moment.
    fn old(&self, name: &str) -> PathBuf {
        self.own().join(format!("{name}.old"))
    }

    /// Gives the old folder its name back when the machine stopped in that moment.
    fn put_back(&self, name: &str) {
        let folder = self.folder(name);
        if !folder.exists() {
            // Mostly there is none; then nothing is present.
            let _nothing = fs::rename(self.old(name), folder);
        }
    }
}

/// Whether the key is that of the first certificate; what that says about itself.
///
/// # Errors
/// The text says what is wrong.
pub(super) fn check_pair(chain_pem: &[u8], key_pem: &[u8]) -> Result<Leaf, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_pem).collect();
    let chain = chain.map_err(|_| "it is not a chain in PEM")?;
    let first = chain.first().cloned().ok_or("its chain is empty")?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| "its key is not in PEM")?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| error.to_string())?;
    leaf(&first)
}

fn leaf(certificate: &CertificateDer<'static>) -> Result<Leaf, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    let time = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|error| error.to_string())
    };
    let names = parsed.subject_alternative_name().map_err(|error| error.to_string())?;
    let names = names.map(|extension| &extension.value.general_names);
    Ok(Leaf {
        certificate: certificate.clone(),
        hosts: names.into_iter().flatten().filter_map(host).collect(),
        not_before: time(parsed.validity().not_before)?,
        not_after: time(parsed.validity().not_after)?,
    })
}

fn host(name: &GeneralName<'_>) -> Option<Host> {
    match name {
        GeneralName::DNSName(name) => Some(Host::Name(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from))
                .ok()
                .map(Host::Address)
        }
        _ => None,
    }
}

/// Exchanges two folders in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Older kernels and some network file systems cannot.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// # Errors
/// It is not there, or longer than any such file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, AcmeError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .and_then(|length| {
            let fits = length as u64 <= FILE_BYTES_MAX;
            if fits { Ok(()) } else { Err(io::ErrorKind::FileTooLarge.into()) }
        })
        .map_err(file_error("read", path))?;
    Ok(bytes)
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub(super) fn replace_private_file(path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(file_error("remove", &new)(source));
        }
        _ => {}
    }
    private_file(&new, bytes)?;
    fs::rename(&new, path).map_err(file_error("write", path))?;
    path.parent().map_or(Ok(()), sync_directory)
}

fn private_file(path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
    let written = private_options().create_new(true).open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(file_error("write", path))
}

fn private_options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn private_directory(path: &Path) -> Result<(), AcmeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(file_error("make the directory", path))
}

fn remove_folder(path: &Path) -> Result<(), AcmeError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(file_error("remove", path)(source))
        }
        _ => Ok(()),
    }
}

/// So that names are on the disk, and not only what they name.
#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), AcmeError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(file_error("write", path))
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> Result<(), AcmeError> {
    Ok(())
}

fn file_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> AcmeError {
    let path = path.to_owned();
    move |source| AcmeError::File { action, path: path.clone(), source }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
