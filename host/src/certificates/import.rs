//! Takes certificates from files into the store, and gives them out again.
//!
//! Whatever form they come in, the store has one: a folder with the chain and an unencrypted
//! PKCS#8 key that only its owner can read.

use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::create::{self, SelfSigned};
use super::load::{self, Origin};
use super::material::{self, Material};
use super::store::pem_text;
use super::{
    Certificate, CertificateError, CertificateStore, CertificateWarning, Existing, KEY_FILE,
    NewCertificate, Password, files, key, pfx,
};

/// What an import brought.
#[derive(Debug)]
pub struct Imported {
    /// As it lies in the store now.
    pub certificate: Certificate,
    /// Where what it replaced is now.
    pub replaced: Option<PathBuf>,
    /// The request or certificate of the store whose key belongs to it, if none came along.
    pub key_of: Option<String>,
    pub warnings: Vec<CertificateWarning>,
}

impl NewCertificate {
    /// From texts in PEM: the chain in any order, and its key.
    ///
    /// # Errors
    /// One of them holds nothing of the kind, or they do not fit.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, CertificateError> {
        let (chain_path, key_path) = (Path::new("certificate"), Path::new("key"));
        let mut material = material::read(chain_path, chain.as_bytes(), None)?;
        material.keys = material::read(key_path, key.as_bytes(), None)?.keys;
        let origin = Origin { certificate: chain_path, key: key_path };
        Ok(Self::of(&load::assemble("new", &origin, material)?))
    }

    fn of(certificate: &Certificate) -> Self {
        Self {
            chain: certificate.chain_and_root().cloned().collect(),
            key: certificate.key.clone_key(),
        }
    }
}

/// Files that were read for an import.
struct Sources<'a> {
    material: Material,
    /// The first file with a certificate, and the first with a key.
    certificate: &'a Path,
    key: &'a Path,
}

impl CertificateStore {
    /// Takes one certificate from files in PEM, DER or PKCS#12, which together hold it, its chain
    /// and its key. The key may be missing if one of the store belongs to it.
    ///
    /// # Errors
    /// A file is damaged or needs another password, nothing fits, or the name is taken.
    pub fn import(
        &self,
        name: &str,
        paths: &[PathBuf],
        password: Option<&Password>,
        existing: Existing,
    ) -> Result<Imported, CertificateError> {
        super::check_name(name)?;
        if existing == Existing::Refuse && self.has(name)? {
            return Err(CertificateError::Exists { name: name.to_owned() });
        }
        let mut sources = read_all(paths, password)?;
        let key_of = if sources.material.keys.is_empty() {
            let (key, of) = self.key_for(name, &sources)?;
            sources.material.keys.push(key);
            Some(of)
        } else {
            None
        };
        let origin = Origin { certificate: sources.certificate, key: sources.key };
        let assembled = load::assemble(name, &origin, sources.material)?;
        self.refuse_another_request(name, &assembled)?;
        let replaced = self.save(name, &NewCertificate::of(&assembled), existing)?;
        let certificate = self.load(name)?;
        let dates = certificate.warning(jiff::Timestamp::now());
        let warnings = assembled.warnings.into_iter().chain(dates).collect();
        Ok(Imported { certificate, replaced, key_of, warnings })
    }

    /// Makes a key and a request for it, under a name that its certificate will have. Tells where
    /// the request is.
    ///
    /// # Errors
    /// The name is taken, or a host cannot be in a certificate.
    pub fn request(&self, name: &str, wanted: &SelfSigned) -> Result<PathBuf, CertificateError> {
        let (key, request) = create::request(wanted)?;
        self.save_request(name, &key, &request)
    }

    /// A key of the store that belongs to one of the certificates: that of the request with this
    /// name before others.
    fn key_for(
        &self,
        name: &str,
        sources: &Sources<'_>,
    ) -> Result<(PrivateKeyDer<'static>, String), CertificateError> {
        let scan = self.scan()?;
        let mut requests = scan.requests;
        requests.sort_by_key(|request| request != name);
        let of_requests = requests.into_iter().filter_map(|request| {
            let key = self.request_key(&request).ok()?;
            Some((key, request))
        });
        let of_certificates = scan.certificates.into_iter().map(|certificate| {
            (PrivateKeyDer::Pkcs8(certificate.key.clone_key()), certificate.name)
        });
        let belongs = |(key, _): &(PrivateKeyDer<'static>, String)| {
            key::signing_key(key).is_ok_and(|signing| {
                sources.material.certificates.iter().any(|one| key::fits(&signing, one))
            })
        };
        of_requests
            .chain(of_certificates)
            .find(belongs)
            .ok_or_else(|| CertificateError::KeyUnknown { path: sources.certificate.to_owned() })
    }

    fn request_key(&self, name: &str) -> Result<PrivateKeyDer<'static>, CertificateError> {
        let path = self.directory().join(name).join(KEY_FILE);
        let material = material::read(&path, &files::read_secret(&path)?, None)?;
        let none = || CertificateError::Holds { path: path.clone(), expected: "private key" };
        material.keys.into_iter().next().ok_or_else(none)
    }

    /// The key of a request that still waits is not lost to a certificate for another key.
    fn refuse_another_request(
        &self,
        name: &str,
        new: &Certificate,
    ) -> Result<(), CertificateError> {
        let is_requested = load::find(self.directory())?.requests.iter().any(|it| it == name);
        if !is_requested {
            return Ok(());
        }
        let fits = self.request_key(name).and_then(|waiting| {
            key::signing_key(&waiting)
                .map_err(|source| CertificateError::Key { path: new.path.clone(), source })
        });
        let own = new.chain().first();
        match (fits, own) {
            (Ok(key), Some(own)) if key::fits(&key, own) => Ok(()),
            _ => Err(CertificateError::RequestWaits { name: name.to_owned() }),
        }
    }
}

fn read_all<'a>(
    paths: &'a [PathBuf],
    password: Option<&Password>,
) -> Result<Sources<'a>, CertificateError> {
    let first = paths.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
    let mut sources = Sources { material: Material::default(), certificate: first, key: first };
    for path in paths {
        let found = material::read(path, &files::read(path)?, password)?;
        if found.certificates.is_empty() && found.keys.is_empty() {
            let expected = "certificate or private key, neither in PEM nor in DER";
            return Err(CertificateError::Holds { path: path.clone(), expected });
        }
        if sources.material.certificates.is_empty() && !found.certificates.is_empty() {
            sources.certificate = path;
        }
        if sources.material.keys.is_empty() && !found.keys.is_empty() {
            sources.key = path;
        }
        sources.material.add(found);
    }
    if sources.material.certificates.is_empty() {
        let path = first.to_owned();
        return Err(CertificateError::Holds { path, expected: "certificate" });
    }
    Ok(sources)
}

impl Certificate {
    /// The certificate alone, in PEM.
    pub fn pem(&self) -> String {
        blocks(self.chain().iter().take(1))
    }

    /// The chain in PEM, the server's own first, with the root where it is known.
    pub fn chain_pem(&self) -> String {
        blocks(self.chain_and_root())
    }

    /// The unencrypted key in PKCS#8, in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        let key: &PrivatePkcs8KeyDer<'_> = &self.key;
        Zeroizing::new(pem_text(std::iter::once(("PRIVATE KEY", key.secret_pkcs8_der()))))
    }

    /// Chain and key as a PKCS#12 archive with AES-256.
    ///
    /// # Errors
    /// The password is empty.
    pub fn pfx(&self, password: &Password) -> Result<Vec<u8>, CertificateError> {
        let chain: Vec<_> = self.chain_and_root().cloned().collect();
        pfx::write(&self.name, &self.key, &chain, password)
    }
}

fn blocks<'a>(certificates: impl Iterator<Item = &'a CertificateDer<'static>>) -> String {
    pem_text(certificates.map(|der| ("CERTIFICATE", der.as_ref())))
}

/// Writes a file that must not be there yet and that only its owner can read.
///
/// # Errors
/// It is there, or cannot be written.
pub fn write_private_file(path: &Path, bytes: &[u8]) -> Result<(), CertificateError> {
    files::write_private(path, bytes)
}
