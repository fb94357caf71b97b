//! Certificates that proxies pass on: `Client-Cert` with `Client-Cert-Chain` (RFC 9440), and the
//! percent-encoded PEM of nginx.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::client_certificates::{CHAIN_CERTIFICATES_MAX, ClientRefusal};

const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const X_SSL_CLIENT_CERT: HeaderName = HeaderName::from_static("x-ssl-client-cert");

/// RFC 8941, 4.2.7: padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a forwarded certificate cannot be used. The fault is the proxy's: it must remove the fields
/// that its clients send and add its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardedCertificateError {
    #[error("the header field {name} is there more than once")]
    Several { name: &'static str },
    #[error("the header field {name} is not {expected}")]
    Malformed { name: &'static str, expected: &'static str },
    #[error("the header field Client-Cert-Chain is there without Client-Cert")]
    ChainAlone,
    #[error("the forwarded certificate cannot be read: {refusal}")]
    Certificate { refusal: ClientRefusal },
}

type Chain = Vec<CertificateDer<'static>>;

/// The client's certificate and the ones that it sent with it; `None` when there is none.
pub(super) fn client_cert(headers: &HeaderMap) -> Result<Option<Chain>, ForwardedCertificateError> {
    let field = only(headers, &CLIENT_CERT, "Client-Cert")?;
    let mut chain_fields = headers.get_all(CLIENT_CERT_CHAIN).iter();
    let Some(field) = field else {
        return match chain_fields.next() {
            Some(_) => Err(ForwardedCertificateError::ChainAlone),
            None => Ok(None),
        };
    };
    let expected = "one byte sequence between colons (RFC 9440, 2.2)";
    let malformed = ForwardedCertificateError::Malformed { name: "Client-Cert", expected };
    let mut chain = vec![byte_sequence(field.as_bytes()).ok_or(malformed)?];
    let expected = "a list of byte sequences (RFC 9440, 2.3), not more than a chain may have";
    let malformed = ForwardedCertificateError::Malformed { name: "Client-Cert-Chain", expected };
    for member in chain_fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b',')) {
        if chain.len() == CHAIN_CERTIFICATES_MAX {
            return Err(malformed);
        }
        chain.push(byte_sequence(member).ok_or_else(|| malformed.clone())?);
    }
    Ok(Some(chain))
}

/// An empty field is what nginx sends for a client without certificate.
pub(super) fn x_ssl_client_cert(
    headers: &HeaderMap,
) -> Result<Option<Chain>, ForwardedCertificateError> {
    let field = only(headers, &X_SSL_CLIENT_CERT, "X-SSL-Client-Cert")?;
    let Some(field) = field.filter(|field| !field.as_bytes().trim_ascii().is_empty()) else {
        return Ok(None);
    };
    let pem: Vec<u8> = percent_decode(field.as_bytes()).collect();
    let certificates: Result<Chain, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(chain) if chain.len() == 1 => Ok(Some(chain)),
        _ => {
            let expected = "one certificate in PEM, percent-encoded ($ssl_client_escaped_cert)";
            let name = "X-SSL-Client-Cert";
            Err(ForwardedCertificateError::Malformed { name, expected })
        }
    }
}

fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    told: &'static str,
) -> Result<Option<&'h HeaderValue>, ForwardedCertificateError> {
    let mut fields = headers.get_all(name).iter();
    let field = fields.next();
    match fields.next() {
        Some(_) => Err(ForwardedCertificateError::Several { name: told }),
        None => Ok(field),
    }
}

/// `:base64:` (RFC 8941, 3.3.5), without parameters.
fn byte_sequence(text: &[u8]) -> Option<CertificateDer<'static>> {
    let base64 = text.trim_ascii().strip_prefix(b":")?.strip_suffix(b":")?;
    let bytes = BASE64.decode(base64).ok()?;
    (!bytes.is_empty()).then(|| CertificateDer::from(bytes))
}
