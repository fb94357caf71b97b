//! What an operator says about ACME, and what of it can be used.
//!
//! Deliberately does not know `tureen.toml`, files or the network: whoever reads the configuration
//! fills these in, and [`Settings::check`] judges them before anything is sent.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Uri;
use instant_acme::Identifier;

use super::AcmeError;

/// Names of one certificate; more than the authorities allow.
pub const HOSTS_MAX: usize = 100;
/// Certificates of one home that are obtained by ACME.
pub const ORDERS_MAX: usize = 100;
/// Contacts of one account.
pub const CONTACTS_MAX: usize = 10;
/// The folder of the store in which ACME keeps its own files; no certificate has this name.
pub const ACME_FOLDER: &str = "acme";

const NAME_CHARS_MAX: usize = 64;
const HOST_CHARS_MAX: usize = 253;
const LABEL_CHARS_MAX: usize = 63;
const RENEW_BEFORE_DAYS_MAX: u16 = 365;

/// From which authority, on whose behalf, and which certificates.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory of the authority (RFC 8555, 7.1.1); `https` only.
    pub directory_url: String,
    /// `mailto:` addresses to which the authority may write.
    pub contact: Vec<String>,
    /// Whether the operator agrees to the authority's terms of service. Nothing is sent before.
    pub agree_to_terms: bool,
    /// Certificates in PEM that are trusted for the connection to the authority, beside those of
    /// the system: for a private authority.
    pub extra_roots: Option<PathBuf>,
    /// For authorities that want an account of theirs (RFC 8555, 7.3.4).
    pub external_account: Option<ExternalAccount>,
    /// How hosts are proved.
    pub challenge: Challenge,
    /// Where http-01 is answered while an order is open. The authority asks at port 80 of each
    /// host, so this is port 80 or what port 80 is forwarded to.
    pub http_address: SocketAddr,
    /// The certificates that are obtained and kept.
    pub certificates: Vec<Order>,
    /// A certificate is renewed when fewer days are left, or a third of its life when that is
    /// shorter. 1 to 365.
    pub renew_before_days: u16,
    /// One of the profiles that the authority offers; its default when there is none.
    pub profile: Option<String>,
}

/// An account that the operator has with the authority outside ACME.
#[derive(Clone)]
pub struct ExternalAccount {
    /// The authority's name of the key.
    pub key_id: String,
    /// The key in base64url, as authorities hand it out.
    pub hmac_key: String,
}

/// The key is a secret.
impl fmt::Debug for ExternalAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ExternalAccount");
        shown.field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// How it is proved that a host is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A file at port 80 (RFC 8555, 8.3).
    Http01,
    /// A certificate in a handshake at port 443 (RFC 8737).
    TlsAlpn01,
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        })
    }
}

/// One certificate that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its folder in the certificate store.
    pub name: String,
    /// DNS names and addresses that it is for.
    pub hosts: Vec<String>,
}

impl Settings {
    /// Whether an order can be placed with these settings. Nothing is sent, no file is read.
    ///
    /// # Errors
    /// The terms are not agreed to, or a setting cannot be used; the operator's fault.
    pub fn check(&self) -> Result<(), AcmeError> {
        self.check_authority()?;
        let many = self.certificates.len();
        if many > ORDERS_MAX {
            let problem =
                format!("there are {many} certificates; at most {ORDERS_MAX} are possible");
            return Err(wrong("certificates", problem));
        }
        let mut names = BTreeSet::new();
        for order in &self.certificates {
            order.check()?;
            if !names.insert(&order.name) {
                let problem = format!("two certificates have the name {:?}", order.name);
                return Err(wrong("certificates", problem));
            }
        }
        Ok(())
    }

    /// Everything but the certificates.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub(super) fn check_authority(&self) -> Result<(), AcmeError> {
        check_directory(&self.directory_url)?;
        if !self.agree_to_terms {
            return Err(AcmeError::TermsNotAgreed { directory_url: self.directory_url.clone() });
        }
        check_contact(&self.contact)?;
        if !(1..=RENEW_BEFORE_DAYS_MAX).contains(&self.renew_before_days) {
            let days = self.renew_before_days;
            let problem = format!("expected 1 to {RENEW_BEFORE_DAYS_MAX} days, found {days}");
            return Err(wrong("renew_before_days", problem));
        }
        self.external_account.as_ref().map_or(Ok(()), |account| account.key().map(drop))
    }
}

impl ExternalAccount {
    /// The bytes of the key.
    ///
    /// # Errors
    /// It is not base64url.
    pub(super) fn key(&self) -> Result<Vec<u8>, AcmeError> {
        let text = self.hmac_key.trim().trim_end_matches('=');
        let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| !key.is_empty());
        key.ok_or_else(|| {
            let problem = "expected the key in base64url, as the authority shows it";
            wrong("external_account.hmac_key", problem.to_owned())
        })
    }
}

impl Order {
    /// # Errors
    /// The name is not one of a folder, or a host cannot be in a certificate.
    pub(super) fn check(&self) -> Result<(), AcmeError> {
        check_name(&self.name)?;
        self.hosts().map(drop)
    }

    /// The hosts without repetitions, in their order.
    ///
    /// # Errors
    /// There are none or too many, or one cannot be in a certificate by these challenges.
    pub(super) fn hosts(&self) -> Result<Vec<Host>, AcmeError> {
        if self.hosts.is_empty() || self.hosts.len() > HOSTS_MAX {
            let found = self.hosts.len();
            let problem = format!(
                "certificate {:?}: expected 1 to {HOSTS_MAX} hosts, found {found}",
                self.name
            );
            return Err(wrong("hosts", problem));
        }
        let mut hosts = Vec::new();
        for text in &self.hosts {
            let host = Host::parse(text)?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(hosts)
    }
}

/// A DNS name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// # Errors
    /// It is neither an address nor a name that http-01 and tls-alpn-01 can prove.
    pub(super) fn parse(text: &str) -> Result<Self, AcmeError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        match name_problem(text) {
            None => Ok(Self::Name(text.to_ascii_lowercase())),
            Some(problem) => Err(wrong("hosts", format!("{text:?}: {problem}"))),
        }
    }

    pub(super) fn identifier(&self) -> Identifier {
        match self {
            Self::Name(name) => Identifier::Dns(name.clone()),
            Self::Address(address) => Identifier::Ip(*address),
        }
    }

    /// The name that a tls-alpn-01 handshake asks for: for an address, its name in the reverse
    /// mapping (RFC 8738, 6).
    pub(super) fn server_name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(IpAddr::V4(address)) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            Self::Address(IpAddr::V6(address)) => {
                let octets = address.octets();
                let nibbles = octets.iter().rev();
                let labels: String =
                    nibbles.map(|octet| format!("{:x}.{:x}.", octet & 0x0f, octet >> 4)).collect();
                format!("{labels}ip6.arpa")
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

fn check_directory(url: &str) -> Result<(), AcmeError> {
    let uri = url.parse::<Uri>().ok();
    let https = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
    let authority = uri.as_ref().and_then(Uri::authority);
    if https && authority.is_some_and(|authority| !authority.as_str().contains('@')) {
        return Ok(());
    }
    let problem = "expected an https:// URL without a user, such as \
                   https://acme-v02.api.letsencrypt.org/directory";
    Err(wrong("directory_url", problem.to_owned()))
}

fn check_contact(contact: &[String]) -> Result<(), AcmeError> {
    let is_mail = |contact: &String| {
        let address = contact.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
        address.is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty())
    };
    if contact.len() > CONTACTS_MAX || !contact.iter().all(is_mail) {
        let problem = format!("expected at most {CONTACTS_MAX} of the form mailto:NAME@DOMAIN");
        return Err(wrong("contact", problem));
    }
    Ok(())
}

/// A name of a folder on every system, which cannot lead out of the store.
fn check_name(name: &str) -> Result<(), AcmeError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let usable = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && !name.ends_with('.')
        && !name.eq_ignore_ascii_case(ACME_FOLDER);
    if usable {
        return Ok(());
    }
    let problem = format!(
        "{name:?} cannot be the name of a certificate: expected 1 to {NAME_CHARS_MAX} of a-z, A-Z, \
         0-9, \"-\", \"_\" and \".\", a letter or digit first, and not {ACME_FOLDER:?}"
    );
    Err(wrong("name", problem))
}

fn name_problem(name: &str) -> Option<&'static str> {
    let is_label = |label: &str| {
        (1..=LABEL_CHARS_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if name.contains('*') {
        Some("a wildcard needs dns-01, which is not supported; name each host")
    } else if !name.is_ascii() {
        Some("write the name in its ASCII form (xn--…)")
    } else if name.is_empty() || name.len() > HOST_CHARS_MAX || !name.split('.').all(is_label) {
        Some("expected a DNS name such as hl7.example.org, or an address")
    } else if name.rsplit('.').next().is_some_and(is_number) {
        Some("a DNS name does not end in a number; an address has the form 192.0.2.7")
    } else {
        None
    }
}

fn wrong(setting: &'static str, problem: String) -> AcmeError {
    AcmeError::Setting { setting, problem }
}

#[cfg(test)]
mod tests;
