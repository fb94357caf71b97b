//! Shows the proofs of one order to the authority, and takes all of them back at its end.
//!
//! Deliberately does not know how the authority is spoken to.
//!
//! # Invariants
//! - What was shown is taken back when the order ends, however it ends: by [`Proofs::close`] or by
//!   being dropped.

use std::sync::Arc;

use instant_acme::KeyAuthorization;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use super::responder::HttpResponder;
use super::settings::Host;
use super::{AcmeError, Challenge, Settings};

/// The protocol that a tls-alpn-01 handshake names (RFC 8737, 6.2). A listener answers it with the
/// certificate that was set for the server name, and ends the connection after the handshake.
pub const TLS_ALPN_PROTOCOL: &[u8] = b"acme-tls/1";

/// HTTPS listeners that answer tls-alpn-01.
///
/// They answer a handshake that offers [`TLS_ALPN_PROTOCOL`] alone, and refuse it for a server name
/// that is not set. Server names are in lower case.
pub trait TlsAlpnChallenges: Send + Sync {
    fn set(&self, server_name: &str, key: Arc<CertifiedKey>);
    /// Nothing happens when the name is not set.
    fn remove(&self, server_name: &str);
}

/// The proofs of one order.
pub(super) enum Proofs {
    Http(HttpResponder),
    Tls { listeners: Arc<dyn TlsAlpnChallenges>, server_names: Vec<String> },
}

impl Proofs {
    /// # Errors
    /// The address for http-01 cannot be bound; nothing answers tls-alpn-01.
    pub(super) async fn open(
        settings: &Settings,
        tls_alpn: Option<&Arc<dyn TlsAlpnChallenges>>,
    ) -> Result<Self, AcmeError> {
        match settings.challenge {
            Challenge::Http01 => {
                let address = settings.http_address;
                let responder = HttpResponder::bind(address).await;
                responder.map(Self::Http).map_err(|source| AcmeError::Listen { address, source })
            }
            Challenge::TlsAlpn01 => {
                let listeners = tls_alpn.ok_or(AcmeError::NoTlsListener)?;
                Ok(Self::Tls { listeners: Arc::clone(listeners), server_names: Vec::new() })
            }
        }
    }

    /// # Errors
    /// No key or certificate can be made for tls-alpn-01.
    pub(super) fn show(
        &mut self,
        host: &Host,
        token: &str,
        key_authorization: &KeyAuthorization,
    ) -> Result<(), AcmeError> {
        match self {
            Self::Http(responder) => {
                responder.set(token.to_owned(), key_authorization.as_str().to_owned());
            }
            Self::Tls { listeners, server_names } => {
                let key = challenge_certificate(host, key_authorization.as_str())?;
                let server_name = host.server_name();
                listeners.set(&server_name, Arc::new(key));
                server_names.push(server_name);
            }
        }
        Ok(())
    }

    /// Takes everything back; the address of http-01 is free afterwards.
    pub(super) async fn close(mut self) {
        self.take_back();
        if let Self::Http(responder) = &mut self {
            responder.close().await;
        }
    }

    fn take_back(&mut self) {
        if let Self::Tls { listeners, server_names } = self {
            for server_name in server_names.drain(..) {
                listeners.remove(&server_name);
            }
        }
    }
}

impl Drop for Proofs {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// Self-signed, for this host alone, with the digest of the key authorization in the critical
/// extension acmeIdentifier (RFC 8737, 3).
///
/// # Errors
/// A key or the certificate cannot be made.
fn challenge_certificate(host: &Host, key_authorization: &str) -> Result<CertifiedKey, AcmeError> {
    let failed = |source| AcmeError::Key { source };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut parameters = CertificateParams::new([host.to_string()]).map_err(failed)?;
    parameters.distinguished_name = DistinguishedName::new();
    let digest = Sha256::digest(key_authorization.as_bytes());
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|source| AcmeError::Tls { source })?;
    // Without rustls' check that both fit, which refuses critical extensions it does not know.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    #[test]
    fn the_challenge_certificate_is_as_rfc_8737_wants_it() {
        let hosts = [
            (Host::Name("hl7.example".into()), "hl7.example"),
            (Host::Address(IpAddr::from([192, 0, 2, 7])), "192.0.2.7"),
        ];
        for (host, shown) in hosts {
            let key = challenge_certificate(&host, "token.thumbprint").unwrap();
            assert_eq!(key.cert.len(), 1, "{shown}");
            let (_, parsed) = X509Certificate::from_der(&key.cert[0]).unwrap();
            let extensions: Vec<_> = parsed.extensions().iter().collect();
            let acme = extensions.iter().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
            let acme = acme.expect("acmeIdentifier");
            assert!(acme.critical);
            let mut expected = vec![0x04, 32];
            expected.extend_from_slice(&Sha256::digest(b"token.thumbprint"));
            assert_eq!(acme.value, expected);
            let names = parsed.subject_alternative_name().unwrap().unwrap();
            assert_eq!(names.value.general_names.len(), 1, "{shown}");
        }
    }
}
