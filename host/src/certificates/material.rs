//! Reads certificates and keys out of bytes, whatever their form: PEM in any order, DER, PKCS#12.
//!
//! Knows no store. What belongs together is not judged here.
//!
//! # Invariants
//! - No input panics; work is bounded by [`ITERATIONS_MAX`] and [`OBJECTS_MAX`].

use std::path::Path;

use pem::Pem;
use pkcs8::Error as Pkcs8Error;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{EncryptionScheme, Error as Pkcs5Error};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{CertificateError, Password, der, pfx};

/// All rounds of key derivation that one file may ask for: some seconds.
pub(super) const ITERATIONS_MAX: u64 = 5_000_000;
/// Certificates and keys in one file.
pub(super) const OBJECTS_MAX: usize = 100;

/// Memory that the key derivation scrypt may take: 128 · N · r (RFC 7914).
const SCRYPT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const SCRYPT_PARALLEL_MAX: u16 = 16;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
    /// It was protected by a method that is easily broken.
    pub(super) is_weak: bool,
}

impl Material {
    pub(super) fn add(&mut self, other: Self) {
        self.certificates.extend(other.certificates);
        self.keys.extend(other.keys);
        self.is_weak |= other.is_weak;
    }
}

/// Empty for bytes that are neither PEM nor DER.
///
/// # Errors
/// The bytes are damaged, need a password or another one, or are in a form that is not read.
pub(super) fn read(
    path: &Path,
    bytes: &[u8],
    password: Option<&Password>,
) -> Result<Material, CertificateError> {
    let material = if memchr::memmem::find(bytes, b"-----BEGIN ").is_some() {
        of_pem(path, bytes, password)?
    } else if bytes.first() == Some(&0x30) {
        of_der(path, bytes, password)?
    } else {
        Material::default()
    };
    let found = material.certificates.len() + material.keys.len();
    if found > OBJECTS_MAX {
        return Err(CertificateError::TooMany {
            path: path.to_owned(),
            found,
            found_max: OBJECTS_MAX,
        });
    }
    Ok(material)
}

fn of_pem(
    path: &Path,
    bytes: &[u8],
    password: Option<&Password>,
) -> Result<Material, CertificateError> {
    let damaged =
        |text: &str| CertificateError::Damaged { path: path.to_owned(), text: text.to_owned() };
    // A text of the editor's, such as a byte order mark, may stand before and between.
    let blocks = pem::parse_many(bytes).map_err(|error| damaged(&error.to_string()))?;
    let begun = memchr::memmem::find_iter(bytes, b"-----BEGIN ").count();
    if blocks.len() < begun {
        return Err(damaged("a block of PEM has no proper end"));
    }
    let mut material = Material::default();
    for block in blocks {
        add_block(path, block, password, &mut material)?;
    }
    Ok(material)
}

fn add_block(
    path: &Path,
    block: Pem,
    password: Option<&Password>,
    material: &mut Material,
) -> Result<(), CertificateError> {
    let convert = |what, command: &str| CertificateError::Convert {
        path: path.to_owned(),
        what,
        command: format!("{command} -in {} -out converted.pem", path.display()),
    };
    if block.headers().get("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED")) {
        return Err(convert(
            "a private key in the encryption of old OpenSSL versions",
            "openssl pkcs8 -topk8",
        ));
    }
    match block.tag() {
        "CERTIFICATE" | "X509 CERTIFICATE" => {
            material.certificates.push(block.into_contents().into());
        }
        "PRIVATE KEY" => {
            material.keys.push(PrivatePkcs8KeyDer::from(block.into_contents()).into());
        }
        "RSA PRIVATE KEY" => {
            material.keys.push(PrivatePkcs1KeyDer::from(block.into_contents()).into());
        }
        "EC PRIVATE KEY" => {
            material.keys.push(PrivateSec1KeyDer::from(block.into_contents()).into());
        }
        "ENCRYPTED PRIVATE KEY" => {
            material.keys.push(decrypted_key(path, block.contents(), password)?);
        }
        "PKCS7" => {
            return Err(convert("certificates in PKCS#7", "openssl pkcs7 -print_certs"));
        }
        // Parameters of curves, requests, revocation lists: not of interest.
        _ => {}
    }
    Ok(())
}

fn of_der(
    path: &Path,
    bytes: &[u8],
    password: Option<&Password>,
) -> Result<Material, CertificateError> {
    if der::is_archive(bytes) {
        return pfx::open(path, bytes, password);
    }
    whole(path, bytes)?;
    let mut material = Material::default();
    if der::is_encrypted_key(bytes) {
        material.keys.push(decrypted_key(path, bytes, password)?);
    } else if X509Certificate::from_der(bytes).is_ok() {
        material.certificates.push(bytes.to_vec().into());
    } else if let Ok(key) = PrivateKeyDer::try_from(bytes) {
        material.keys.push(key.clone_key());
    }
    Ok(material)
}

/// # Errors
/// Bytes are missing, or more are there than belong to it.
pub(super) fn whole(path: &Path, bytes: &[u8]) -> Result<(), CertificateError> {
    der::whole(bytes).map_err(|error| CertificateError::Damaged {
        path: path.to_owned(),
        text: error.to_string(),
    })
}

/// # Errors
/// Opening it would take too long.
pub(super) fn refuse_much_work(path: &Path, iterations: u64) -> Result<(), CertificateError> {
    if iterations <= ITERATIONS_MAX {
        return Ok(());
    }
    let iterations_max = ITERATIONS_MAX;
    Err(CertificateError::TooMuchWork { path: path.to_owned(), iterations, iterations_max })
}

/// A key in encrypted PKCS#8 (RFC 5958).
fn decrypted_key(
    path: &Path,
    bytes: &[u8],
    password: Option<&Password>,
) -> Result<PrivateKeyDer<'static>, CertificateError> {
    whole(path, bytes)?;
    refuse_much_work(path, der::outside(bytes).iterations)?;
    let convert = || CertificateError::Convert {
        path: path.to_owned(),
        what: "a private key in an encryption other than PBES2 with AES",
        command: format!("openssl pkcs8 -topk8 -in {} -out converted.pem", path.display()),
    };
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|_| convert())?;
    if takes_much_memory(&encrypted.encryption_algorithm) {
        return Err(convert());
    }
    let password =
        password.ok_or_else(|| CertificateError::PasswordNeeded { path: path.to_owned() })?;
    let document = encrypted.decrypt(password.text()).map_err(|error| match error {
        Pkcs8Error::EncryptedPrivateKey(
            Pkcs5Error::UnsupportedAlgorithm { .. } | Pkcs5Error::NoPbes1CryptSupport,
        ) => convert(),
        _ => CertificateError::WrongPassword { path: path.to_owned() },
    })?;
    let key = PrivateKeyDer::try_from(document.as_bytes());
    key.map(|key| key.clone_key())
        .map_err(|text| CertificateError::Damaged { path: path.to_owned(), text: text.to_owned() })
}

fn takes_much_memory(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return false };
    let Kdf::Scrypt(scrypt) = &parameters.kdf else { return false };
    let bytes = scrypt.cost_parameter.saturating_mul(128).saturating_mul(scrypt.block_size.into());
    bytes > SCRYPT_BYTES_MAX || scrypt.parallelization > SCRYPT_PARALLEL_MAX
}
