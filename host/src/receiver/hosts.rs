//! Which hosts requests may ask for: an allow-list, and the name that the TLS handshake was for.
//!
//! # Invariants
//! - Names are compared without regard to case, port, brackets of an address and a dot at the end.

use std::sync::Arc;

use super::refusal::Refusal;
use crate::config;

/// Host names and addresses; empty for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Arc<[String]>);

impl<S: AsRef<str>> FromIterator<S> for Hosts {
    fn from_iter<I: IntoIterator<Item = S>>(hosts: I) -> Self {
        Self(hosts.into_iter().map(|host| normal(host.as_ref())).collect())
    }
}

impl Hosts {
    /// # Errors
    /// The host is not one of these, or the request names none.
    pub(super) fn check(&self, host: Option<&str>) -> Result<(), Refusal> {
        let known = || host.is_some_and(|host| self.0.contains(&normal(host)));
        if self.0.is_empty() || known() { Ok(()) } else { Err(Refusal::WrongHost) }
    }
}

/// What holds for all receivers; a reload may change it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    /// For receivers that have no list of their own.
    pub hosts: Hosts,
    /// A request must ask for the host that its TLS handshake named (SNI), if it named one.
    pub must_match_tls_name: bool,
}

impl From<&config::Http> for HostRules {
    fn from(http: &config::Http) -> Self {
        let hosts = http.hosts.iter().collect();
        Self { hosts, must_match_tls_name: http.host_must_match_tls_name }
    }
}

impl HostRules {
    /// # Errors
    /// The request asks for another host than the handshake.
    pub(super) fn check_tls_name(
        &self,
        host: Option<&str>,
        tls_name: Option<&str>,
    ) -> Result<(), Refusal> {
        match (host, tls_name) {
            (Some(host), Some(name))
                if self.must_match_tls_name && normal(host) != normal(name) =>
            {
                Err(Refusal::WrongHost)
            }
            _ => Ok(()),
        }
    }
}

fn normal(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_are_one_host() {
        let hosts: Hosts = ["Lab.Example.ORG", "::1", "10.0.0.1"].into_iter().collect();
        for known in ["lab.example.org", "LAB.example.org.", "[::1]", "10.0.0.1"] {
            assert_eq!(hosts.check(Some(known)), Ok(()), "{known}");
        }
        for unknown in ["example.org", "lab.example.org.evil", "[::2]", "10.0.0.2", ""] {
            assert_eq!(hosts.check(Some(unknown)), Err(Refusal::WrongHost), "{unknown}");
        }
        assert_eq!(hosts.check(None), Err(Refusal::WrongHost));
        assert_eq!(Hosts::default().check(None), Ok(()));
    }
}
