//! Loads a certificate with its key and checks that they can be used together.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{CERTIFICATE_FILE, Certificate, CertificateError, KEY_FILE, Thumbprint};

/// Operators are warned this long before the end.
pub const EXPIRY_WARNING_DAYS: i64 = 30;

/// A long chain is some tens of KiB.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// # Errors
/// As [`super::CertificateStore::load`].
pub(super) fn load(directory: &Path, name: &str) -> Result<Certificate, CertificateError> {
    let certificate_path = directory.join(CERTIFICATE_FILE);
    let key_path = directory.join(KEY_FILE);
    let chain = chain(&certificate_path, directory)?;
    let key = key(&key_path, directory)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified_key = CertifiedKey::from_der(chain, key, &provider);
    let certified_key = certified_key.map_err(|source| match source {
        rustls::Error::InconsistentKeys(_) => {
            CertificateError::KeyMismatch { key: key_path, certificate: certificate_path.clone() }
        }
        rustls::Error::InvalidCertificate(error) => {
            CertificateError::NotX509 { path: certificate_path.clone(), text: error.to_string() }
        }
        source => CertificateError::Key { path: key_path, source },
    })?;
    certificate(name, &certificate_path, certified_key)
}

fn chain(path: &Path, directory: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let (file, pem) = read(path, directory)?;
    drop(file);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| CertificateError::NoPem { path: path.to_owned(), expected: "certificate" })
}

fn key(path: &Path, directory: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let (file, pem) = read(path, directory)?;
    refuse_shared_key(path, &file)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CertificateError::NoPem {
        path: path.to_owned(),
        expected: "unencrypted private key",
    })
}

fn read(path: &Path, directory: &Path) -> Result<(File, Vec<u8>), CertificateError> {
    let file_error =
        |source| CertificateError::File { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            CertificateError::Incomplete { path: path.to_owned(), directory: directory.to_owned() }
        }
        _ => file_error(source),
    })?;
    let mut bytes = Vec::new();
    (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(file_error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CertificateError::TooLong { path: path.to_owned(), bytes_max: FILE_BYTES_MAX });
    }
    Ok((file, bytes))
}

/// Like sshd: a key that others can read is not secret.
#[cfg(unix)]
fn refuse_shared_key(path: &Path, file: &File) -> Result<(), CertificateError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| CertificateError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(CertificateError::KeyMode { path: path.to_owned(), mode })
    }
}

#[cfg(not(unix))]
fn refuse_shared_key(_path: &Path, _file: &File) -> Result<(), CertificateError> {
    Ok(())
}

/// Reads what the first certificate says about itself.
fn certificate(
    name: &str,
    path: &Path,
    certified_key: CertifiedKey,
) -> Result<Certificate, CertificateError> {
    let not_x509 = |text: String| CertificateError::NotX509 { path: path.to_owned(), text };
    let der = certified_key.cert.first().map(AsRef::as_ref).unwrap_or_default();
    let (_, parsed) =
        X509Certificate::from_der(der).map_err(|error| not_x509(error.to_string()))?;
    let validity = parsed.validity();
    let time = |time: x509_parser::time::ASN1Time| {
        jiff::Timestamp::from_second(time.timestamp()).map_err(|error| not_x509(error.to_string()))
    };
    Ok(Certificate {
        name: name.to_owned(),
        subject: parsed.subject().to_string(),
        names: names(&parsed),
        not_before: time(validity.not_before)?,
        not_after: time(validity.not_after)?,
        sha1: Thumbprint::sha1(der),
        sha256: Thumbprint::sha256(der),
        certified_key: Arc::new(certified_key),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(bytes).to_string());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(bytes).to_string())
}
