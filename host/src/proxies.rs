//! Proxies that speak for clients: whose address a request has, and which certificate.
//!
//! Knows the header fields that proxies add. Deliberately does not know listeners, routes or
//! policies.
//!
//! # Invariants
//! - A header field of somebody who is not a trusted proxy changes nothing: it is not even read.
//! - Where a trusted proxy forwards certificates, its own certificate is never taken for the
//!   client's.
//! - Of a list of addresses the part that trusted proxies wrote counts: it is read from the right,
//!   and what stands left of the first untrusted address is the client's own invention.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::HeaderMap;

use crate::client_certificates::ClientCertificate;
use crate::config::{self, ClientAddressHeader, ClientCertificateHeader, Network};

pub use addresses::ADDRESSES_MAX;
pub use certificates::ForwardedCertificateError;

mod addresses;
mod certificates;
#[cfg(test)]
mod tests;

/// Who may speak for clients, and by which header fields.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Arc<[Network]>,
    address: ClientAddressHeader,
    certificate: ClientCertificateHeader,
    chain_bytes_max: usize,
}

/// The certificate of a client, as far as proxies are concerned.
#[derive(Debug)]
pub enum ForwardedCertificate {
    /// The peer is no trusted proxy: its certificate of the handshake is the client's.
    NotProxied,
    /// A trusted proxy, whose client showed none.
    Absent,
    /// What the client showed to a trusted proxy, which has checked that the client has the key.
    Present(Arc<ClientCertificate>),
}

impl TrustedProxies {
    /// `chain_bytes_max` limits a forwarded certificate together with its chain, decoded.
    pub fn new(proxies: &config::Proxies, chain_bytes_max: usize) -> Self {
        Self {
            networks: proxies.trusted.clone().into(),
            address: proxies.client_address,
            certificate: proxies.client_certificate,
            chain_bytes_max,
        }
    }

    /// Whether this peer may speak for clients.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(peer))
    }

    /// The address of the client: the peer's, unless the peer is trusted and names another one in
    /// a form that can be read.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address| self.trusts(address);
        let named = match self.address {
            ClientAddressHeader::None => return peer,
            _ if !self.trusts(peer) => return peer,
            ClientAddressHeader::Forwarded => {
                addresses::client(addresses::forwarded(headers), trusted)
            }
            ClientAddressHeader::XForwardedFor => {
                addresses::client(addresses::x_forwarded_for(headers), trusted)
            }
        };
        match named {
            Ok(client) => client,
            Err(reason) => {
                // Not what it says: the client may have written it.
                tracing::debug!(%peer, reason, "the proxy's own address is taken for the client's");
                peer
            }
        }
    }

    /// The certificate that the client showed to a trusted proxy.
    ///
    /// # Errors
    /// A trusted proxy sent a field that cannot be read, or more than one: the request is refused,
    /// since guessing could choose what a client has slipped in.
    pub fn client_certificate(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<ForwardedCertificate, ForwardedCertificateError> {
        if !self.trusts(peer) {
            return Ok(ForwardedCertificate::NotProxied);
        }
        let chain = match self.certificate {
            ClientCertificateHeader::None => None,
            ClientCertificateHeader::ClientCert => certificates::client_cert(headers)?,
            ClientCertificateHeader::XSslClientCert => certificates::x_ssl_client_cert(headers)?,
        };
        let Some(chain) = chain else { return Ok(ForwardedCertificate::Absent) };
        let certificate = ClientCertificate::parse(chain, self.chain_bytes_max)
            .map_err(|refusal| ForwardedCertificateError::Certificate { refusal })?;
        Ok(ForwardedCertificate::Present(Arc::new(certificate)))
    }
}
