//! A client's certificate: read once, with everything that policies and variables ask for.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use super::distinguished_name;
use super::refusal::{ClientRefusal, Presented, reason};
use crate::certificates::Thumbprint;

/// The most certificates that a client may send, its own included.
pub const CHAIN_CERTIFICATES_MAX: usize = 10;

/// A client's certificate with the chain that came with it. Not trusted by being one of these.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// In the form of RFC 4514.
    pub subject: String,
    /// In the form of RFC 4514.
    pub issuer: String,
    /// Upper-case hexadecimal digits without separators and without leading zero bytes.
    pub serial: String,
    pub sha1: Thumbprint,
    pub sha256: Thumbprint,
    pub not_before: Timestamp,
    /// The last moment at which it is valid.
    pub not_after: Timestamp,
    pub(super) usage: Usage,
    /// First and last second of validity of every certificate that was sent.
    pub(super) validities: Vec<(i64, i64)>,
    chain: Vec<CertificateDer<'static>>,
}

/// What a certificate says that it may be used for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) is_authority: bool,
    /// `None`: the extension is not there.
    pub(super) digital_signature: Option<bool>,
    /// clientAuth or anyExtendedKeyUsage. `None`: the extension is not there.
    pub(super) client: Option<bool>,
}

impl ClientCertificate {
    /// Reads a chain, the client's own certificate first.
    ///
    /// # Errors
    /// No or too many certificates, more than `bytes_max` bytes, or one that is not X.509.
    pub fn parse(
        chain: Vec<CertificateDer<'static>>,
        bytes_max: usize,
    ) -> Result<Self, ClientRefusal> {
        refuse_length(&chain, bytes_max)?;
        let Some((leaf, issuers)) = chain.split_first() else {
            return Err(ClientRefusal::Malformed { reason: "there is none".to_owned() });
        };
        let parsed = parse_one(leaf)?;
        refuse_old_version(&parsed)?;
        let usage = usage(&parsed)?;
        // Verification reads a little less than what X.509 allows: no unknown critical extensions.
        ParsedCertificate::try_from(leaf)
            .map_err(|error| ClientRefusal::Malformed { reason: reason(&error) })?;
        let mut validities = vec![validity(&parsed)];
        for issuer in issuers {
            validities.push(validity(&parse_one(issuer)?));
        }
        let (not_before, not_after) = validity(&parsed);
        Ok(Self {
            subject: distinguished_name::text(parsed.subject()),
            issuer: distinguished_name::text(parsed.issuer()),
            serial: serial(parsed.raw_serial()),
            sha1: Thumbprint::sha1(leaf),
            sha256: Thumbprint::sha256(leaf),
            not_before: timestamp(not_before),
            not_after: timestamp(not_after),
            usage,
            validities,
            chain,
        })
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        self.chain.first().map(AsRef::as_ref).unwrap_or_default()
    }

    /// What came with it, from its issuer on; nobody has checked that they belong together.
    pub fn issuers(&self) -> &[CertificateDer<'static>] {
        self.chain.split_first().map(|(_, issuers)| issuers).unwrap_or_default()
    }

    /// The client's own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// For a line in the log.
    pub fn presented(&self) -> Presented {
        Presented {
            subject: self.subject.clone(),
            issuer: self.issuer.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

/// # Errors
/// More certificates or bytes than a client may send.
pub(super) fn refuse_length(
    chain: &[CertificateDer<'_>],
    bytes_max: usize,
) -> Result<(), ClientRefusal> {
    let bytes = chain.iter().map(|certificate| certificate.len()).sum();
    if chain.len() <= CHAIN_CERTIFICATES_MAX && bytes <= bytes_max {
        return Ok(());
    }
    Err(ClientRefusal::TooLong {
        certificates: chain.len(),
        certificates_max: CHAIN_CERTIFICATES_MAX,
        bytes,
        bytes_max,
    })
}

fn parse_one<'c>(der: &'c CertificateDer<'_>) -> Result<X509Certificate<'c>, ClientRefusal> {
    let malformed = |reason: String| ClientRefusal::Malformed { reason };
    let (rest, parsed) =
        X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(malformed(format!("{} bytes follow it", rest.len())));
    }
    Ok(parsed)
}

/// Only for the client's own: some clients send their root too, and old roots have version 1.
///
/// # Errors
/// A certificate that cannot say what it may be used for.
fn refuse_old_version(parsed: &X509Certificate<'_>) -> Result<(), ClientRefusal> {
    if parsed.version() == X509Version::V3 {
        return Ok(());
    }
    let reason = format!("its version is {}", parsed.version().0.saturating_add(1));
    Err(ClientRefusal::Malformed { reason })
}

/// # Errors
/// An extension that cannot be read, or is there twice. Taking it for absent would accept what it
/// forbids.
fn usage(parsed: &X509Certificate<'_>) -> Result<Usage, ClientRefusal> {
    let malformed = |reason: &str| ClientRefusal::Malformed { reason: reason.to_owned() };
    let unread = |extension: &ParsedExtension<'_>| {
        matches!(extension, ParsedExtension::ParseError { .. } | ParsedExtension::Unparsed)
    };
    if parsed.iter_extensions().any(|extension| unread(extension.parsed_extension())) {
        return Err(malformed("an extension cannot be read"));
    }
    let twice = |_| malformed("an extension is there twice");
    let basic = parsed.basic_constraints().map_err(twice)?;
    let key = parsed.key_usage().map_err(twice)?;
    let extended = parsed.extended_key_usage().map_err(twice)?;
    Ok(Usage {
        is_authority: basic.is_some_and(|extension| extension.value.ca),
        digital_signature: key.map(|extension| extension.value.digital_signature()),
        client: extended.map(|extension| extension.value.client_auth || extension.value.any),
    })
}

fn validity(parsed: &X509Certificate<'_>) -> (i64, i64) {
    let validity = parsed.validity();
    (validity.not_before.timestamp(), validity.not_after.timestamp())
}

pub(super) fn timestamp_of(time: ASN1Time) -> Timestamp {
    timestamp(time.timestamp())
}

/// Certificates without a well-defined end are valid until the last second of the year 9999
/// (RFC 5280, 4.1.2.5), which is a few hours more than a timestamp can hold.
pub(super) fn timestamp(seconds: i64) -> Timestamp {
    let bound = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(bound)
}

fn serial(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.iter().skip(zeros.min(bytes.len().saturating_sub(1)));
    significant.map(|byte| format!("{byte:02X}")).collect()
}
