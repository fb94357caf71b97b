//! The keys of automatic certificates (ACME, RFC 8555).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::between;

/// Certificates that an authority issues over the network. Off without `certificates`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The authority's directory.
    pub directory_url: String,
    /// `mailto:` addresses for its notices.
    pub contact: Vec<String>,
    /// The operator agrees to the authority's terms of service.
    pub agree_to_terms: bool,
    pub challenge: AcmeChallenge,
    /// Where http-01 is answered. The authority comes to port 80 of the host.
    pub http_address: SocketAddr,
    #[serde(deserialize_with = "between::<1, 365, _, _>")]
    pub renew_before_days: u16,
    /// PEM file with the authority of a private ACME server's own TLS certificate.
    pub roots: Option<PathBuf>,
    /// The authority's profile of certificate, if it has several.
    pub profile: Option<String>,
    pub external_account: Option<ExternalAccount>,
    /// By the name that the certificate has in the store.
    pub certificates: BTreeMap<String, AcmeCertificate>,
}

/// How the authority checks who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum AcmeChallenge {
    #[serde(rename = "http-01")]
    Http01,
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// One certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeCertificate {
    pub hosts: Vec<String>,
}

/// Binds the account to one that the authority knows already (RFC 8555, 7.3.4).
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    pub key_id: String,
    /// base64url.
    pub hmac_key: String,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExternalAccount")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory_url: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            contact: Vec::new(),
            agree_to_terms: false,
            challenge: AcmeChallenge::Http01,
            http_address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80),
            renew_before_days: 30,
            roots: None,
            profile: None,
            external_account: None,
            certificates: BTreeMap::new(),
        }
    }
}

impl Acme {
    pub(super) fn refuse_contradictions(&self) -> Result<(), (String, String)> {
        if self.certificates.is_empty() {
            return Ok(());
        }
        if !self.agree_to_terms {
            let text =
                "must be true: the authority issues nothing to who does not agree to its terms";
            return Err(("acme.agree_to_terms".to_owned(), text.to_owned()));
        }
        for (name, certificate) in &self.certificates {
            if certificate.hosts.is_empty() {
                let text = "names no host, expected at least one".to_owned();
                return Err((format!("acme.certificates.{name}.hosts"), text));
            }
        }
        Ok(())
    }
}
