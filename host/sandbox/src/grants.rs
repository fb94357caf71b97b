//! What a plugin may reach outside its memory. Nothing by default.
//!
//! Knows: what can be granted, and what an import of a component needs.
//! Deliberately does not know: where grants are written, who connects or reads.

mod destination;
mod directory;
mod names;
mod need;
mod network;

use std::fmt;

pub use destination::{Destination, Host, InvalidDestination, InvalidHost, Scheme};
pub use directory::DirectoryGrant;
pub(crate) use directory::opened;
pub use names::{CertificateGrant, NameGrant, TableGrant};
pub use need::{Need, imports_in_a_sentence, need_of};
pub use network::{AddressRange, InvalidAddressRange, is_private};

/// The grants of one plugin, or of one of its steps, as the operator wrote them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Directories; the first is also where relative paths start.
    pub directories: Vec<DirectoryGrant>,
    /// HTTP servers.
    pub http: Vec<Destination>,
    /// Plain TCP.
    pub tcp: Vec<Destination>,
    /// TLS, made by the host.
    pub tls: Vec<Destination>,
    /// Networks that are not public and that a granted name may resolve to.
    pub private_addresses: Vec<AddressRange>,
    /// Certificates of the home that the plugin may show a peer.
    pub client_certificates: CertificateGrant,
    /// Name and value as read at load.
    pub environment: Vec<(String, String)>,
    /// Names of `[secrets]`.
    pub secrets: Vec<String>,
    /// May the plugin import the interface though no secret is granted? Such a one
    /// says when it is configured which it needs.
    pub names_its_secrets: bool,
    pub tables: TableGrant,
    pub clock: ClockPrecision,
    pub random: RandomSource,
}

/// How exactly a plugin may read the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockPrecision {
    /// In steps of a millisecond: too coarse to measure what a cache holds.
    #[default]
    Coarse,
    /// As the machine's clocks.
    Exact,
}

/// Where a plugin's random numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RandomSource {
    /// From the message's id: a message that is run again sees the same numbers.
    /// They are no secret, so no keys may be made of them.
    #[default]
    PerMessage,
    /// Unpredictable, fit for keys.
    Secure,
}

impl Grants {
    /// These grants and those of one step: a step's add to its plugin's.
    #[must_use]
    pub fn joined(&self, more: &Self) -> Self {
        fn both<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
            let mut all = one.to_vec();
            for item in other {
                if !all.contains(item) {
                    all.push(item.clone());
                }
            }
            all
        }
        let exact = [self.clock, more.clock].contains(&ClockPrecision::Exact);
        let secure = [self.random, more.random].contains(&RandomSource::Secure);
        Self {
            directories: both(&self.directories, &more.directories),
            http: both(&self.http, &more.http),
            tcp: both(&self.tcp, &more.tcp),
            tls: both(&self.tls, &more.tls),
            private_addresses: both(&self.private_addresses, &more.private_addresses),
            client_certificates: self.client_certificates.joined(&more.client_certificates),
            environment: both(&self.environment, &more.environment),
            secrets: both(&self.secrets, &more.secrets),
            names_its_secrets: self.names_its_secrets || more.names_its_secrets,
            tables: self.tables.joined(&more.tables),
            clock: if exact { ClockPrecision::Exact } else { ClockPrecision::Coarse },
            random: if secure { RandomSource::Secure } else { RandomSource::PerMessage },
        }
    }

    /// Does a grant give what an import needs?
    pub fn satisfy(&self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Directories => !self.directories.is_empty(),
            Need::Http => !self.http.is_empty(),
            Need::Connections => !self.tcp.is_empty() || !self.tls.is_empty(),
            Need::Secrets => self.names_its_secrets || !self.secrets.is_empty(),
            Need::NotAvailable => false,
        }
    }
}

/// Values of the environment stay out of every log.
impl fmt::Debug for Grants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment: Vec<&str> = self.environment.iter().map(|(name, _)| &**name).collect();
        formatter
            .debug_struct("Grants")
            .field("directories", &self.directories)
            .field("http", &self.http)
            .field("tcp", &self.tcp)
            .field("tls", &self.tls)
            .field("private_addresses", &self.private_addresses)
            .field("client_certificates", &self.client_certificates)
            .field("environment", &environment)
            .field("secrets", &self.secrets)
            .field("names_its_secrets", &self.names_its_secrets)
            .field("tables", &self.tables)
            .field("clock", &self.clock)
            .field("random", &self.random)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grants_of_a_step_add_to_those_of_its_plugin() {
        let plugin = Grants {
            tables: TableGrant::named(["wards"]),
            environment: vec![("LANG".to_owned(), "secret-value".to_owned())],
            ..Grants::default()
        };
        let step = Grants {
            tables: TableGrant::named(["Wards", "staff"]),
            clock: ClockPrecision::Exact,
            ..Grants::default()
        };
        let both = plugin.joined(&step);
        assert!(both.tables.covers("WARDS") && both.tables.covers("staff"));
        assert!(!both.tables.covers("other"));
        assert_eq!(both.clock, ClockPrecision::Exact);
        assert_eq!(both.random, RandomSource::PerMessage);
        assert_eq!(both.environment, plugin.environment);
        assert!(!format!("{both:?}").contains("secret-value"), "{both:?}");
    }
}
