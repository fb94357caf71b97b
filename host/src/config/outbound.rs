//! What holds for every connection that plugins make: trust, times, how much is kept open; and
//! what one plugin may use of the network.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tureen_sandbox::outbound::NetworkLimits;

use super::{Plugin, TlsMinimum, between};

/// The server's own way to other servers, for its plugins.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// PEM files with authorities that are trusted beside those of the system.
    pub certificate_authorities: Vec<PathBuf>,
    /// Are the authorities of the operating system trusted?
    pub system_authorities: bool,
    pub tls_minimum: TlsMinimum,
    #[serde(deserialize_with = "between::<1, 60_000, _, _>")]
    pub resolve_timeout_milliseconds: u64,
    /// For one address, with its TLS handshake.
    #[serde(deserialize_with = "between::<1, 300_000, _, _>")]
    pub connect_timeout_milliseconds: u64,
    /// Names that are looked up at the same time; more wait.
    #[serde(deserialize_with = "between::<1, 1_024, _, _>")]
    pub lookups_in_flight: usize,
    /// Idle connections: in all, and of one plugin to one server as one client. 0: none.
    #[serde(deserialize_with = "between::<0, 65_536, _, _>")]
    pub kept_connections: usize,
    #[serde(deserialize_with = "between::<0, 65_536, _, _>")]
    pub kept_connections_per_destination: usize,
    /// How long an idle connection is kept.
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub kept_seconds: u64,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            certificate_authorities: Vec::new(),
            system_authorities: true,
            tls_minimum: TlsMinimum::Tls12,
            resolve_timeout_milliseconds: 5_000,
            connect_timeout_milliseconds: 10_000,
            lookups_in_flight: 32,
            kept_connections: 256,
            kept_connections_per_destination: 8,
            kept_seconds: 15,
        }
    }
}

impl Plugin {
    /// What the plugin may use of the network; what is not written is the default.
    pub fn network_limits(&self) -> NetworkLimits {
        let usual = NetworkLimits::default();
        NetworkLimits {
            requests: self.outbound_requests.unwrap_or(usual.requests),
            connections: self.outbound_connections.unwrap_or(usual.connections),
            bytes: self.outbound_bytes.unwrap_or(usual.bytes),
            response_bytes: self.response_bytes.unwrap_or(usual.response_bytes),
            header_bytes: self.outbound_header_bytes.unwrap_or(usual.header_bytes),
            concurrent: self.outbound_concurrency.unwrap_or(usual.concurrent),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::ServerConfig;

    #[test]
    fn limits_of_the_network_are_those_that_are_written() {
        let text = "[plugins.p]\nhttp = [\"https://*.example.org\"]\noutbound_requests = 3\n";
        let (config, _) = ServerConfig::parse(Path::new("tureen.toml"), text).unwrap();
        assert_eq!(config.plugins["p"].network_limits().requests, 3);
    }
}
