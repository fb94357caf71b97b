//! What a certificate says about itself.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::{CertificateError, CertificateWarning, Thumbprint, files, material};

/// Less cannot be used with TLS here, and clients refuse it.
const RSA_BITS_MIN: usize = 2048;
/// sha1WithRSAEncryption, ecdsa-with-SHA1, dsa-with-SHA1.
const SHA1_SIGNATURES: [&str; 3] =
    ["1.2.840.113549.1.1.5", "1.2.840.10045.4.1", "1.2.840.10040.4.3"];

/// What is shown of a certificate and judged about it.
pub(super) struct Facts {
    /// As RFC 4514 writes it.
    pub(super) subject: String,
    pub(super) issuer: String,
    /// DNS names and addresses.
    pub(super) names: Vec<String>,
    pub(super) not_before: jiff::Timestamp,
    pub(super) not_after: jiff::Timestamp,
    pub(super) short_rsa_bits: Option<usize>,
    is_for_servers: bool,
    is_signed_with_sha1: bool,
}

/// # Errors
/// It is no certificate; says why.
pub(super) fn facts(der: &CertificateDer<'_>) -> Result<Facts, String> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let time = |time: x509_parser::time::ASN1Time| {
        jiff::Timestamp::from_second(time.timestamp()).map_err(|error| error.to_string())
    };
    Ok(Facts {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names: names(&parsed),
        not_before: time(parsed.validity().not_before)?,
        not_after: time(parsed.validity().not_after)?,
        short_rsa_bits: short_rsa_bits(&parsed),
        is_for_servers: is_for_servers(&parsed),
        is_signed_with_sha1: is_signed_with_sha1(&parsed),
    })
}

/// A certificate in a file that is not in the store, such as a partner's.
#[derive(Clone, Debug)]
pub struct Described {
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
    pub sha1: Thumbprint,
    pub sha256: Thumbprint,
}

/// The certificates of a PEM or DER file, in its order; keys are not looked at.
///
/// # Errors
/// The file cannot be read, is damaged, or has no certificate.
pub fn describe_file(path: &Path) -> Result<Vec<Described>, CertificateError> {
    let bytes = files::read(path)?;
    let certificates = material::read(path, &bytes, None)?.certificates;
    if certificates.is_empty() {
        return Err(CertificateError::NoPem { path: path.to_owned(), expected: "certificate" });
    }
    let describe = |der: &CertificateDer<'_>| {
        let not_x509 = |text| CertificateError::NotX509 { path: path.to_owned(), text };
        let facts = facts(der).map_err(not_x509)?;
        Ok(Described {
            subject: facts.subject,
            issuer: facts.issuer,
            names: facts.names,
            not_before: facts.not_before,
            not_after: facts.not_after,
            sha1: Thumbprint::sha1(der),
            sha256: Thumbprint::sha256(der),
        })
    };
    certificates.iter().map(describe).collect()
}

impl Facts {
    /// What clients will hold against it and its issuers, apart from the time.
    pub(super) fn warnings(&self, name: &str, issuers: &[Self]) -> Vec<CertificateWarning> {
        let name = || name.to_owned();
        let mut warnings = Vec::new();
        if !self.is_for_servers {
            warnings.push(CertificateWarning::NotForServers { name: name() });
        }
        if self.is_signed_with_sha1 || issuers.iter().any(|issuer| issuer.is_signed_with_sha1) {
            warnings.push(CertificateWarning::SignedWithSha1 { name: name() });
        }
        if self.names.is_empty() {
            warnings.push(CertificateWarning::NamesNothing { name: name() });
        }
        warnings
    }
}

fn short_rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()).filter(|bits| *bits < RSA_BITS_MIN),
        _ => None,
    }
}

/// Without the extension, it is for everything (RFC 5280, 4.2.1.12).
fn is_for_servers(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
        _ => true,
    }
}

/// The signature under a self-signed one proves nothing, whatever it is made with.
fn is_signed_with_sha1(certificate: &X509Certificate<'_>) -> bool {
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    certificate.subject().as_raw() != certificate.issuer().as_raw()
        && SHA1_SIGNATURES.contains(&algorithm.as_str())
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
