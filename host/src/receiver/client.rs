//! Who is at the other end of a connection, and who sent a request over it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::HeaderMap;

use crate::client_certificates::{ClientCertificate, JudgedClient};
use crate::proxies::{ForwardedCertificate, ForwardedCertificateError, TrustedProxies};

/// The peer of one connection.
pub(super) struct Peer {
    /// An IPv4 address written in IPv6 is IPv4 here.
    pub(super) address: IpAddr,
    pub(super) tls: bool,
    pub(super) judged: JudgedClient,
    certificate: Option<Arc<ClientCertificate>>,
    /// The last one that a proxy passed on, so that it need not be judged again.
    forwarded: Mutex<Option<Arc<ClientCertificate>>>,
}

impl Peer {
    pub(super) fn new(
        address: IpAddr,
        tls: bool,
        certificate: Option<Arc<ClientCertificate>>,
    ) -> Self {
        Self {
            address: address.to_canonical(),
            tls,
            judged: JudgedClient::default(),
            certificate,
            forwarded: Mutex::default(),
        }
    }

    /// The certificate of the client that a request comes from: that of the handshake, or what a
    /// trusted proxy passes on, never the proxy's own.
    ///
    /// # Errors
    /// A trusted proxy passes on what is no certificate.
    pub(super) fn certificate(
        &self,
        proxies: &TrustedProxies,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<ClientCertificate>>, ForwardedCertificateError> {
        match proxies.client_certificate(self.address, headers)? {
            ForwardedCertificate::NotProxied => Ok(self.certificate.clone()),
            ForwardedCertificate::Absent => Ok(None),
            ForwardedCertificate::Present(certificate) => Ok(Some(self.same_as_last(certificate))),
        }
    }

    fn same_as_last(&self, certificate: Arc<ClientCertificate>) -> Arc<ClientCertificate> {
        let mut last = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref().filter(|last| last.chain() == certificate.chain()) {
            Some(last) => last.clone(),
            None => last.insert(certificate).clone(),
        }
    }
}
