//! Asks a client for its certificate during the handshake, and has it prove that the key is its own.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
};

use super::certificate::ClientCertificate;
use super::policy::ClientPolicy;
use super::refusal::ClientRefusal;

/// The most bytes of authority names that are sent to clients as a hint. Without a hint a client
/// chooses by itself.
pub const AUTHORITY_HINT_BYTES_MAX: usize = 16 * 1024;

/// The part of client authentication that belongs to the handshake: a certificate is asked for and
/// not required, since the path of a request decides which policy applies. Whoever shows one proves
/// that it has the key. Whether it is trusted is not looked at here.
#[derive(Debug)]
pub struct AskForCertificate {
    algorithms: WebPkiSupportedAlgorithms,
    chain_bytes_max: usize,
    hints: Vec<DistinguishedName>,
}

impl AskForCertificate {
    /// `policies` are those of all receivers behind the port. Names of authorities are sent only
    /// when each of them goes by authorities: else a pinned client would think that it has no
    /// fitting certificate.
    pub fn new(chain_bytes_max: usize, policies: &[Arc<ClientPolicy>]) -> Arc<Self> {
        let algorithms =
            rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        Arc::new(Self { algorithms, chain_bytes_max, hints: hints(policies) })
    }

    fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), ClientRefusal> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|certificate| certificate.clone().into_owned()).collect();
        ClientCertificate::parse(chain, self.chain_bytes_max)?;
        Ok(())
    }
}

fn hints(policies: &[Arc<ClientPolicy>]) -> Vec<DistinguishedName> {
    let mut hints: Vec<DistinguishedName> = Vec::new();
    for policy in policies {
        let Some(authorities) = policy.authorities() else { return Vec::new() };
        for subject in authorities.subjects() {
            if !hints.iter().any(|hint| hint.as_ref() == subject.as_ref()) {
                hints.push(subject.clone());
            }
        }
        let bytes: usize = hints.iter().map(|hint| hint.as_ref().len()).sum();
        if bytes > AUTHORITY_HINT_BYTES_MAX {
            return Vec::new();
        }
    }
    hints
}

fn refused(refusal: ClientRefusal) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// Says in the log what a bad signature means.
fn proved(
    result: Result<HandshakeSignatureValid, rustls::Error>,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    result.map_err(|error| match error {
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
            refused(ClientRefusal::BadSignature { reason: "that of the handshake" })
        }
        other => other,
    })
}

impl ClientCertVerifier for AskForCertificate {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(end_entity, intermediates).map_err(refused)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        proved(verify_tls12_signature(message, cert, dss, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        proved(verify_tls13_signature(message, cert, dss, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
