//! PKCS#12 archives (RFC 7292), as Windows, Java and OpenSSL make them.
//!
//! # Invariants
//! - An archive that asks for more work than is allowed is refused before any of it is done.

use std::path::Path;

use p12_keystore::error::Error as Pkcs12Error;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive,
    PrivateKey, PrivateKeyChain,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::material::{Material, refuse_much_work, whole};
use super::{CertificateError, Password, der};

/// For each of key, certificates and checksum. Some programs refuse more than 600,000 in all.
const WRITTEN_ITERATIONS: u32 = 100_000;

/// What p12-keystore allows for one key derivation.
const LIBRARY_ITERATIONS_MAX: u64 = 1_000_000;

/// # Errors
/// The archive is damaged, needs a password or another one, or is in a form that is not read.
pub(super) fn open(
    path: &Path,
    bytes: &[u8],
    password: Option<&Password>,
) -> Result<Material, CertificateError> {
    whole(path, bytes)?;
    let outside = der::outside(bytes);
    refuse_much_work(path, outside.iterations)?;
    // An archive without a password is one with an empty password.
    let text = password.map(Password::text).unwrap_or_default();
    let archive = Pkcs12Archive::from_pkcs12(bytes, text)
        .map_err(|error| refusal(path, &error, bytes, password))?;
    let damaged =
        |text: &str| CertificateError::Damaged { path: path.to_owned(), text: text.to_owned() };
    let mut material = Material { is_weak: outside.is_weak, ..Material::default() };
    for bag in archive.keys {
        let key = rustls::pki_types::PrivateKeyDer::try_from(bag.key.as_der().to_vec());
        material.keys.push(key.map_err(damaged)?);
    }
    material.certificates =
        archive.certs.iter().map(|bag| bag.cert.as_der().to_vec().into()).collect();
    Ok(material)
}

/// With a checksum, a wrong password is known for sure. Without one, it shows in that what was
/// decrypted makes no sense.
fn refusal(
    path: &Path,
    error: &Pkcs12Error,
    bytes: &[u8],
    password: Option<&Password>,
) -> CertificateError {
    let has_mac = der::has_mac(bytes);
    let path = path.to_owned();
    let cannot_be_written = password.is_some_and(|it| it.text().chars().any(|c| c > '\u{ffff}'));
    match error {
        Pkcs12Error::UnsupportedEncryptionScheme
        | Pkcs12Error::UnsupportedMacAlgorithm
        | Pkcs12Error::UnsupportedContentType
        | Pkcs12Error::UnsupportedCertificateType => convert(&path),
        // The library's own limits, which are per key derivation.
        Pkcs12Error::InvalidParameters => CertificateError::TooMuchWork {
            path,
            iterations: der::outside(bytes).iterations,
            iterations_max: LIBRARY_ITERATIONS_MAX,
        },
        Pkcs12Error::MacError(_) => without_right_password(&path, password),
        _ if cannot_be_written || !has_mac => without_right_password(&path, password),
        Pkcs12Error::Pkcs5Error(_) => convert(&path),
        other => CertificateError::Damaged { path, text: other.to_string() },
    }
}

fn without_right_password(path: &Path, password: Option<&Password>) -> CertificateError {
    let path = path.to_owned();
    match password {
        None => CertificateError::PasswordNeeded { path },
        Some(_) => CertificateError::WrongPassword { path },
    }
}

fn convert(path: &Path) -> CertificateError {
    let shown = path.display();
    CertificateError::Convert {
        path: path.to_owned(),
        what: "a PKCS#12 archive with rare encryption",
        command: format!(
            "openssl pkcs12 -legacy -in {shown} -out converted.pem (it asks for a new password)"
        ),
    }
}

/// An archive with AES-256 and HMAC-SHA-256.
///
/// # Errors
/// The password is empty, or a certificate cannot be put into it.
pub(super) fn write(
    name: &str,
    key: &PrivatePkcs8KeyDer<'_>,
    chain: &[CertificateDer<'_>],
    password: &Password,
) -> Result<Vec<u8>, CertificateError> {
    if password.is_empty() {
        return Err(CertificateError::EmptyPassword);
    }
    let failed = |error: Pkcs12Error| CertificateError::Pfx { text: error.to_string() };
    let key = PrivateKey::from_der(key.secret_pkcs8_der()).map_err(failed)?;
    let certificates: Result<Vec<_>, _> =
        chain.iter().map(|der| Certificate::from_der(der)).collect();
    let certificates = certificates.map_err(failed)?;
    let chain = PrivateKeyChain::new(&b"\x01"[..], key, certificates);
    let mut archive = KeyStore::new();
    archive.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
    let writer = archive
        .writer(password.text())
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(WRITTEN_ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(WRITTEN_ITERATIONS);
    writer.write().map_err(failed)
}
