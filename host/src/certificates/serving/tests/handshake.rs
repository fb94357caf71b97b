//! Clients that look at what they are shown.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConnection};

use crate::certificates::https_config;

/// Trusts everybody: which certificate is shown is the question.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Resumes nothing, so that each handshake shows the certificate.
pub(super) fn trusting_anybody(alpn: &[&str]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let mut config = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// The certificate that a client gets to see over a socket; None when there is no handshake.
pub(super) fn shown(resolver: &Arc<dyn ResolvesServerCert>, alpn: &[&str]) -> Option<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = https_config(Arc::clone(resolver), None).unwrap();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut connection = ServerConnection::new(config).unwrap();
        let ended = connection.complete_io(&mut stream);
        // The client reads to the end, so that an alert is not lost to a reset.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        ended.is_ok()
    });
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(trusting_anybody(alpn)), name).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let ended = client.complete_io(&mut stream);
    let _ = stream.flush();
    drop(stream);
    let served = server.join().unwrap();
    assert_eq!(ended.is_ok(), served);
    ended.ok()?;
    Some(client.peer_certificates()?[0].to_vec())
}

/// Hands bytes to and fro until neither has any, tickets included.
pub(super) fn exchange(client: &mut ClientConnection, server: &mut ServerConnection) {
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut answer = Vec::new();
        let mut from_client = &bytes[..];
        while !from_client.is_empty() {
            server.read_tls(&mut from_client).unwrap();
            server.process_new_packets().unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        let mut from_server = &answer[..];
        while !from_server.is_empty() {
            client.read_tls(&mut from_server).unwrap();
            client.process_new_packets().unwrap();
        }
        if bytes.is_empty() && answer.is_empty() {
            return;
        }
    }
}
