//! Finds the certificates of a store, in every form that is accepted, and makes each ready to use.
//!
//! Forms: a folder `NAME/` with `certificate.pem` and `key.pem`; one file `NAME.pem` with both;
//! a pair `NAME.crt` (or `.cer`) and `NAME.key`; an archive `NAME.pfx` (or `.p12`), with its
//! password in `NAME.pfx.password` beside it if it has one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::material::{self, Material};
use super::name::{BEFORE, UNFINISHED, is_reserved};
use super::{
    CERTIFICATE_FILE, Certificate, CertificateError, CertificateWarning, FORMERLY_FILE, KEY_FILE,
    Password, REQUEST_FILE, Thumbprint, chain, files, inspect, key,
};

/// More than any server shows; a directory with more is the wrong one.
pub(super) const ENTRIES_MAX: usize = 4_000;

/// Where one certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Folder(PathBuf),
    /// Key and chain in one file.
    Together(PathBuf),
    Pair {
        certificate: PathBuf,
        key: PathBuf,
    },
    Archive {
        file: PathBuf,
        password: Option<PathBuf>,
    },
}

/// The bytes of one certificate's files.
pub(super) struct Contents {
    certificate: PathBuf,
    key: PathBuf,
    certificate_bytes: Zeroizing<Vec<u8>>,
    /// None when they are those of `certificate`.
    key_bytes: Option<Zeroizing<Vec<u8>>>,
    password: Option<Password>,
    formerly: Vec<Thumbprint>,
    pub(super) digest: [u8; 32],
}

/// What lies in a store.
#[derive(Default)]
pub(super) struct Found {
    pub(super) forms: BTreeMap<String, Form>,
    /// Folders with a key and a request that waits for its certificate.
    pub(super) requests: Vec<String>,
    pub(super) problems: Vec<CertificateError>,
}

/// # Errors
/// The directory cannot be read, or has too many entries.
pub(super) fn find(directory: &Path) -> Result<Found, CertificateError> {
    let error = |source| files::file_error("read", directory, source);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(error)? {
        paths.push(entry.map_err(error)?.path());
        if paths.len() > ENTRIES_MAX {
            return Err(CertificateError::StoreTooLarge {
                directory: directory.to_owned(),
                entries_max: ENTRIES_MAX,
            });
        }
    }
    paths.sort();
    let mut found = Found::default();
    for path in paths {
        found.take(&path);
    }
    Ok(found)
}

impl Found {
    fn take(&mut self, path: &Path) {
        let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else { return };
        if file_name.starts_with('.')
            || [BEFORE, UNFINISHED].iter().any(|it| file_name.contains(it))
        {
            return;
        }
        let (name, form) = if path.is_dir() {
            if is_reserved(file_name) {
                return;
            }
            if is_request(path) {
                self.requests.push(file_name.to_owned());
                return;
            }
            (file_name, Form::Folder(path.to_owned()))
        } else {
            let Some(form) = form_of_file(path) else { return };
            (path.file_stem().and_then(|stem| stem.to_str()).unwrap_or(file_name), form)
        };
        if let Err(problem) = super::check_name(name) {
            self.problems.push(problem);
        } else if let Some(first) = self.forms.get(name) {
            self.problems.push(CertificateError::NameTwice {
                name: name.to_owned(),
                first: first.path().to_owned(),
                second: path.to_owned(),
            });
        } else {
            self.forms.insert(name.to_owned(), form);
        }
    }
}

fn is_request(folder: &Path) -> bool {
    folder.join(REQUEST_FILE).is_file() && !folder.join(CERTIFICATE_FILE).exists()
}

fn form_of_file(path: &Path) -> Option<Form> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "pem" => Some(Form::Together(path.to_owned())),
        "crt" | "cer" => {
            Some(Form::Pair { certificate: path.to_owned(), key: path.with_extension("key") })
        }
        "pfx" | "p12" => {
            let password = files::beside(path, ".password");
            let password = password.is_file().then_some(password);
            Some(Form::Archive { file: path.to_owned(), password })
        }
        _ => None,
    }
}

impl Form {
    /// The folder, or the file with the certificate.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Together(path) => path,
            Self::Pair { certificate, .. } => certificate,
            Self::Archive { file, .. } => file,
        }
    }

    /// Everything of it that is there: what goes away with the certificate.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let paths = match self {
            Self::Folder(path) | Self::Together(path) => [Some(path), None],
            Self::Pair { certificate, key } => [Some(certificate), Some(key)],
            Self::Archive { file, password } => [Some(file), password.as_ref()],
        };
        paths.into_iter().flatten().filter(|path| path.exists()).cloned().collect()
    }

    /// # Errors
    /// A file is missing, cannot be read, is too long, or its key may be read by others.
    pub(super) fn read(&self) -> Result<Contents, CertificateError> {
        let (certificate, key, password) = match self {
            Self::Folder(folder) => (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE), None),
            Self::Together(file) => (file.clone(), file.clone(), None),
            Self::Pair { certificate, key } => (certificate.clone(), key.clone(), None),
            Self::Archive { file, password } => (file.clone(), file.clone(), password.clone()),
        };
        let missing = |error| self.missing(error);
        let (certificate_bytes, key_bytes) = if certificate == key {
            (files::read_secret(&key)?, None)
        } else {
            let certificate = files::read(&certificate).map_err(missing)?;
            (certificate, Some(files::read_secret(&key).map_err(missing)?))
        };
        let password = password.map(|path| files::read_secret(&path)).transpose()?;
        let formerly = match self {
            Self::Folder(folder) => formerly(&folder.join(FORMERLY_FILE)),
            _ => Vec::new(),
        };
        let mut digest = Sha256::new();
        let parts = [Some(&certificate_bytes), key_bytes.as_ref(), password.as_ref()];
        for part in parts.into_iter().flatten() {
            digest.update(part.len().to_le_bytes());
            digest.update(part.as_slice());
        }
        let password = password.map(|bytes| Password::of_file(&bytes));
        let digest = digest.finalize().into();
        Ok(Contents { certificate, key, certificate_bytes, key_bytes, password, formerly, digest })
    }

    fn missing(&self, error: CertificateError) -> CertificateError {
        match error {
            CertificateError::File { path, source, .. }
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                CertificateError::Incomplete { path, directory: self.path().to_owned() }
            }
            other => other,
        }
    }
}

/// Thumbprints of the certificates that this one replaced; a line that is none is passed over.
fn formerly(path: &Path) -> Vec<Thumbprint> {
    let Ok(bytes) = files::read(path) else { return Vec::new() };
    String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse().ok()).collect()
}

/// # Errors
/// The files hold no certificate or key, or none that fit.
pub(super) fn certificate(
    name: &str,
    contents: &Contents,
) -> Result<Certificate, CertificateError> {
    let password = contents.password.as_ref();
    let mut material =
        material::read(&contents.certificate, &contents.certificate_bytes, password)?;
    if let Some(bytes) = &contents.key_bytes {
        material.keys = material::read(&contents.key, bytes, password)?.keys;
    }
    let origin = Origin { certificate: &contents.certificate, key: &contents.key };
    let formerly = contents.formerly.clone();
    let made = assemble(name, &origin, material)?;
    Ok(Certificate { formerly, digest: contents.digest, ..made })
}

/// Where certificate and key came from, for what is said about them.
pub(super) struct Origin<'a> {
    pub(super) certificate: &'a Path,
    pub(super) key: &'a Path,
}

/// Finds the key's certificate among all, and its chain.
///
/// # Errors
/// There is no certificate or no key, they do not fit, or TLS cannot use them.
pub(super) fn assemble(
    name: &str,
    origin: &Origin<'_>,
    material: Material,
) -> Result<Certificate, CertificateError> {
    let no_pem =
        |path: &Path, expected| CertificateError::NoPem { path: path.to_owned(), expected };
    if material.certificates.is_empty() {
        return Err(no_pem(origin.certificate, "certificate"));
    }
    let not_x509 = |text| CertificateError::NotX509 { path: origin.certificate.to_owned(), text };
    for certificate in &material.certificates {
        inspect::facts(certificate).map_err(not_x509)?;
    }
    let Some((own, signing_key, key)) = pair(origin, &material)? else {
        return Err(if material.keys.is_empty() {
            no_pem(origin.key, "unencrypted private key")
        } else {
            CertificateError::KeyMismatch {
                key: origin.key.to_owned(),
                certificate: origin.certificate.to_owned(),
            }
        });
    };
    let facts = inspect::facts(own).map_err(not_x509)?;
    let chain = chain::order(own, &material.certificates).map_err(not_x509)?;
    let issuers: Vec<_> =
        chain.sent.iter().skip(1).filter_map(|one| inspect::facts(one).ok()).collect();
    let mut warnings = facts.warnings(name, &issuers);
    warnings.extend(chain_warnings(name, &chain));
    if material.is_weak {
        warnings.push(CertificateWarning::WeakFile { path: origin.certificate.to_owned() });
    }
    Ok(Certificate {
        name: name.to_owned(),
        path: origin.certificate.to_owned(),
        subject: facts.subject,
        issuer: facts.issuer,
        names: facts.names,
        not_before: facts.not_before,
        not_after: facts.not_after,
        sha1: Thumbprint::sha1(own),
        sha256: Thumbprint::sha256(own),
        formerly: Vec::new(),
        warnings,
        root: chain.root,
        issuers_not_after: issuers.iter().map(|issuer| issuer.not_after).min(),
        key: Arc::new(key),
        certified_key: Arc::new(CertifiedKey::new(chain.sent, signing_key)),
        digest: [0; 32],
    })
}

type Pair<'a> = (
    &'a rustls::pki_types::CertificateDer<'static>,
    Arc<dyn rustls::sign::SigningKey>,
    rustls::pki_types::PrivatePkcs8KeyDer<'static>,
);

/// Of several certificates for a key the newest is meant: a renewal beside what it renews.
fn pair<'a>(
    origin: &Origin<'_>,
    material: &'a Material,
) -> Result<Option<Pair<'a>>, CertificateError> {
    let mut unusable = None;
    for key in &material.keys {
        let usable = key::signing_key(key).and_then(|signing_key| {
            let pkcs8 = key::pkcs8(key);
            let pkcs8 =
                pkcs8.ok_or_else(|| rustls::Error::General("unknown kind of key".into()))?;
            Ok((signing_key, pkcs8))
        });
        let (signing_key, pkcs8) = match usable {
            Ok(usable) => usable,
            Err(source) => {
                unusable = Some(source);
                continue;
            }
        };
        let fitting = material.certificates.iter().filter(|one| key::fits(&signing_key, one));
        let newest = fitting.max_by_key(|one| {
            (inspect::facts(one).map(|facts| facts.not_before).ok(), one.to_vec())
        });
        if let Some(own) = newest {
            return Ok(Some((own, signing_key, pkcs8)));
        }
    }
    let Some(source) = unusable else { return Ok(None) };
    let facts = material.certificates.iter().filter_map(|one| inspect::facts(one).ok());
    Err(match facts.filter_map(|facts| facts.short_rsa_bits).next() {
        Some(bits) => CertificateError::KeyTooShort { path: origin.certificate.to_owned(), bits },
        None => CertificateError::Key { path: origin.key.to_owned(), source },
    })
}

fn chain_warnings(name: &str, chain: &chain::Chain) -> Vec<CertificateWarning> {
    let mut warnings = Vec::new();
    let name = || name.to_owned();
    if let Some(issuer) = chain.missing_issuer.clone() {
        warnings.push(CertificateWarning::ChainIncomplete { name: name(), issuer });
    }
    let (duplicates, unrelated) = (chain.duplicates, chain.unrelated);
    if duplicates + unrelated > 0 {
        warnings.push(CertificateWarning::NotUsed { name: name(), duplicates, unrelated });
    }
    warnings
}
