//! The keys that say where the server listens, and with which TLS.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

/// `[listen]`: where the server listens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// The local address of every receiver.
    pub address: IpAddr,
    /// The oldest TLS that is spoken.
    pub tls_minimum: TlsMinimum,
    /// Ports on which every connection starts with a PROXY protocol header.
    pub proxy_protocol_ports: Vec<u16>,
}

/// The oldest TLS that is spoken; nothing older can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum TlsMinimum {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            tls_minimum: TlsMinimum::default(),
            proxy_protocol_ports: Vec::new(),
        }
    }
}
