//! The keys that say who may reach the server, and how: shared address, admin address, single
//! receivers, proxies.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::http::refuse_content_type;
use super::{Encode, Listen, StatusProfile, optional_between};

/// The server's own address, which receivers in host mode share.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceAddress {
    /// `None`: there is none, and receivers in host mode are refused.
    pub port: Option<u16>,
    /// HTTPS with the certificate that is bound to the port, or the default one.
    pub tls: bool,
}

/// Where health is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    pub enabled: bool,
    /// Plain HTTP: loopback unless a firewall stands before it.
    pub address: IpAddr,
    /// 0 lets the system choose.
    pub port: u16,
}

/// What is different for one receiver.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receiver {
    pub status_profile: Option<StatusProfile>,
    pub hl7_content_type: Option<String>,
    /// Further request headers that become variables.
    pub request_headers: Vec<String>,
    /// Instead of `http.hosts`.
    pub hosts: Option<Vec<String>>,
    /// Lower than `limits.body_bytes`.
    #[serde(deserialize_with = "optional_between::<1, 1_073_741_824, _, _>")]
    pub body_bytes: Option<usize>,
    /// Basic authentication may be used without TLS of this server's own: passwords can be read on
    /// the way.
    pub basic_without_tls: bool,
    /// HEAD is answered without Basic credentials. A required client certificate stays required.
    pub health_without_credentials: bool,
    /// PEM files with the authorities that client certificates must come from.
    pub client_authorities: Vec<PathBuf>,
    /// PEM or DER files with revocation lists of those authorities.
    pub client_revocation_lists: Vec<PathBuf>,
    /// Instead of `templates.encode`.
    pub encode: Option<Encode>,
}

/// Proxies that may speak for clients.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxies {
    /// Addresses or networks, such as `10.0.0.0/8`.
    pub trusted: Vec<Network>,
    pub client_address: ClientAddressHeader,
    pub client_certificate: ClientCertificateHeader,
}

/// Which header of a trusted proxy names the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAddressHeader {
    #[default]
    None,
    /// RFC 7239.
    Forwarded,
    XForwardedFor,
}

/// Which header of a trusted proxy holds the client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificateHeader {
    #[default]
    None,
    /// RFC 9440: `Client-Cert` with `Client-Cert-Chain`.
    ClientCert,
    /// `X-SSL-Client-Cert`: PEM, percent-encoded, as nginx's `$ssl_client_escaped_cert`.
    XSslClientCert,
}

/// An IP network in CIDR notation; a single address is a network of one.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// A text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as 10.1.2.3 or a network such as 10.0.0.0/8, found {found:?}")]
pub struct InvalidNetwork {
    found: String,
}

impl Default for ServiceAddress {
    fn default() -> Self {
        Self { port: None, tls: true }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { enabled: true, address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 8079 }
    }
}

impl Network {
    /// Whether an address is in this network. An IPv4 address written in IPv6 is read as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(self.prefix_bits.into());
                let prefix = |address: Ipv4Addr| {
                    u64::from(address.to_bits()).checked_shr(shift).unwrap_or(0)
                };
                prefix(network) == prefix(address)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(self.prefix_bits.into());
                let prefix = |address: Ipv6Addr| address.to_bits().checked_shr(shift).unwrap_or(0);
                prefix(network) == prefix(address)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork { found: text.to_owned() };
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|bits| *bits <= most).ok_or_else(invalid)?,
            None => most,
        };
        Ok(Self { address, prefix_bits })
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix_bits)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Receiver {
    pub(super) fn refuse_contradictions(&self, key: &str) -> Result<(), (String, String)> {
        if let Some(content_type) = &self.hl7_content_type {
            refuse_content_type(&format!("{key}.hl7_content_type"), content_type)?;
        }
        refuse_header_names(&format!("{key}.request_headers"), &self.request_headers)?;
        if let Some(hosts) = &self.hosts {
            refuse_hosts(&format!("{key}.hosts"), hosts)?;
        }
        if self.client_authorities.is_empty() && !self.client_revocation_lists.is_empty() {
            let text = "has no effect without client_authorities, whose lists these are";
            return Err((format!("{key}.client_revocation_lists"), text.to_owned()));
        }
        Ok(())
    }
}

impl Proxies {
    pub(super) fn refuse_contradictions(&self, listen: &Listen) -> Result<(), (String, String)> {
        let none = self.trusted.is_empty();
        let needs = "needs proxies.trusted: without it anybody could claim to be anybody";
        let headers = self.client_address != ClientAddressHeader::None
            || self.client_certificate != ClientCertificateHeader::None;
        if none && headers {
            return Err(("proxies".to_owned(), format!("a header of proxies {needs}")));
        }
        if none && !listen.proxy_protocol_ports.is_empty() {
            return Err(("listen.proxy_protocol_ports".to_owned(), needs.to_owned()));
        }
        Ok(())
    }
}

/// Field names of RFC 9110, 5.1; those that carry credentials stay out of workflows.
pub(super) fn refuse_header_names(key: &str, names: &[String]) -> Result<(), (String, String)> {
    for name in names {
        let valid = hyper::header::HeaderName::from_bytes(name.as_bytes());
        let Ok(valid) = valid else {
            return Err((key.to_owned(), format!("{name:?} is not the name of a header field")));
        };
        if matches!(valid.as_str(), "authorization" | "proxy-authorization" | "cookie") {
            let text = format!("{name} carries credentials, which workflows do not get");
            return Err((key.to_owned(), text));
        }
    }
    Ok(())
}

pub(super) fn refuse_hosts(key: &str, hosts: &[String]) -> Result<(), (String, String)> {
    let usable = |host: &String| {
        hyper::http::uri::Authority::try_from(host.as_str())
            .is_ok_and(|authority| authority.port().is_none() && !host.contains('@'))
    };
    match hosts.iter().find(|host| !usable(host)) {
        Some(host) => {
            let text = format!("{host:?} is not a host name or address without port");
            Err((key.to_owned(), text))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::5", false),
            ("::/0", "::1", true),
        ];
        for (network, address, expected) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0", "proxy.example", "::/129", "1.1.1.1/-1"]
        {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }
}
