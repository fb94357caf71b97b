//! Why no certificate was obtained: whose fault it is, and what to do.
//!
//! # Invariants
//! - What the authority wrote is bounded and free of control characters before it is shown.
//! - No error holds a key, a token or a key authorization.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use instant_acme::Problem;

use super::transport::TransportError;
use super::{Challenge, ORDER_TIME_MAX};

const TEXT_CHARS_MAX: usize = 400;
const TYPE_PREFIX: &str = "urn:ietf:params:acme:error:";

/// Why no certificate was obtained. What was there before goes on being used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    #[error(
        "the terms of service of {directory_url} are not agreed to; nothing was sent. Read them, \
         then set acme.agree_to_terms"
    )]
    TermsNotAgreed { directory_url: String },
    #[error("acme.{setting}: {problem}")]
    Setting { setting: &'static str, problem: String },
    #[error(
        "another order for the certificate {name:?} is under way, here or in another process. Wait \
         for it"
    )]
    Busy { name: String },
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{path} is not an ACME account that this program wrote. Move it away to register a new \
         account"
    )]
    AccountFile { path: PathBuf },
    #[error("{path} holds no certificates in PEM that can be trusted (acme.extra_roots)")]
    ExtraRoots { path: PathBuf },
    #[error("cannot answer http-01 at {address}: {}", listen_advice(source, *address))]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "tls-alpn-01 is answered by an HTTPS listener, and none is running. Start the server, or \
         use http-01"
    )]
    NoTlsListener,
    #[error("no usable answer from the authority for {doing}")]
    Unreachable {
        doing: &'static str,
        #[source]
        source: TransportError,
    },
    #[error("the authority refused {doing}: {refusal}. {}", refusal.advice())]
    Refused { doing: &'static str, refusal: Refusal },
    #[error(
        "the authority could not verify {host} by {challenge}: {refusal}. {}",
        refusal.challenge_advice(host, *challenge)
    )]
    NotVerified { host: String, challenge: Challenge, refusal: Refusal },
    #[error(
        "the authority does not offer {challenge} for {host}, only {offered}. Choose one of them \
         (acme.challenge)"
    )]
    NotOffered { host: String, challenge: Challenge, offered: String },
    #[error("the authority has no profile {profile:?}; it offers {offered} (acme.profile)")]
    UnknownProfile { profile: String, offered: String },
    #[error("the authority broke the protocol in {doing}: {text}")]
    Protocol { doing: &'static str, text: String },
    #[error(
        "the order was not done within {} s; it is given up. The authority may be busy: try again \
         later",
        ORDER_TIME_MAX.as_secs()
    )]
    TooSlow,
    #[error("the authority issued a certificate that cannot be used: {problem}")]
    Unusable { problem: String },
    #[error("cannot make a key or a request for a certificate")]
    Key {
        #[source]
        source: rcgen::Error,
    },
    #[error("cannot prepare TLS")]
    Tls {
        #[source]
        source: rustls::Error,
    },
}

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A setting, a DNS record or a firewall of the operator's.
    Operator,
    /// The way to the authority.
    Network,
    /// The authority, which refuses for now or does something unexpected.
    Authority,
    /// This machine: a file that cannot be written.
    Host,
}

impl AcmeError {
    pub fn fault(&self) -> Fault {
        match self {
            Self::TermsNotAgreed { .. }
            | Self::Setting { .. }
            | Self::Busy { .. }
            | Self::AccountFile { .. }
            | Self::ExtraRoots { .. }
            | Self::Listen { .. }
            | Self::NoTlsListener
            | Self::NotVerified { .. }
            | Self::NotOffered { .. }
            | Self::UnknownProfile { .. } => Fault::Operator,
            Self::Unreachable { .. } => Fault::Network,
            Self::Refused { refusal, .. } => refusal.fault(),
            Self::Protocol { .. } | Self::TooSlow | Self::Unusable { .. } => Fault::Authority,
            Self::File { .. } | Self::Key { .. } | Self::Tls { .. } => Fault::Host,
        }
    }

    /// What the authority said, when it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::NotVerified { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// How long the authority wants to be left alone (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { source, .. } => source.retry_after(),
            _ => self.refusal().and_then(|refusal| refusal.retry_after),
        }
    }

    pub(super) fn is(&self, problem_type: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.problem_type == problem_type)
    }
}

/// A problem document of the authority (RFC 8555, 6.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The type without its common prefix, such as `rateLimited`.
    pub problem_type: String,
    pub detail: String,
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(problem: &Problem, retry_after: Option<Duration>) -> Self {
        let problem_type = problem.r#type.as_deref().unwrap_or("about:blank");
        let problem_type = problem_type.strip_prefix(TYPE_PREFIX).unwrap_or(problem_type);
        let mut detail = problem.detail.clone().unwrap_or_default();
        for subproblem in &problem.subproblems {
            let detail_of_one = subproblem.detail.as_deref().unwrap_or("no detail");
            match &subproblem.identifier {
                Some(host) => {
                    detail.push_str(&format!(" {}: {detail_of_one}", host.authorized(false)))
                }
                None => detail.push_str(&format!(" {detail_of_one}")),
            }
        }
        Self { problem_type: shown(problem_type), detail: shown(&detail), retry_after }
    }

    fn fault(&self) -> Fault {
        match self.problem_type.as_str() {
            "rateLimited" | "serverInternal" | "badNonce" | "orderNotReady" | "malformed" => {
                Fault::Authority
            }
            _ => Fault::Operator,
        }
    }

    fn advice(&self) -> &'static str {
        match self.problem_type.as_str() {
            "rateLimited" => "Too much was asked of it lately: wait; ask for fewer certificates",
            "rejectedIdentifier" | "unsupportedIdentifier" => {
                "It issues none for one of these hosts: check acme.certificates"
            }
            "caa" => "A CAA record of the domain forbids it: add this authority to the record",
            "dns" => "It cannot look up a host: check the host's DNS records",
            "externalAccountRequired" => {
                "It wants an account of its own: set acme.external_account"
            }
            "userActionRequired" => "Its terms have changed: read them at the address it gives",
            "invalidContact" | "unsupportedContact" => {
                "It takes no such contact: check acme.contact"
            }
            "unauthorized" | "accountDoesNotExist" => {
                "It does not accept the account: check acme.external_account, or move the account's \
                 file away to register a new one"
            }
            "invalidProfile" => "It has no such profile: check acme.profile",
            "serverInternal" | "badNonce" => "The fault is the authority's: try again later",
            _ => "Do what it says; look at the authority's status page",
        }
    }

    fn challenge_advice(&self, host: &str, challenge: Challenge) -> String {
        let port = match challenge {
            Challenge::Http01 => 80,
            Challenge::TlsAlpn01 => 443,
        };
        match self.problem_type.as_str() {
            "dns" => format!("Check the DNS records (A, AAAA) of {host}"),
            "connection" => format!(
                "Check that the DNS records (A, AAAA) of {host} lead to this machine, and that port \
                 {port} can be reached from outside (firewall, port forwarding)"
            ),
            "unauthorized" | "incorrectResponse" | "tls" => format!(
                "Something else than Tureen answers at port {port} of {host}: check its DNS records \
                 (A, AAAA) and what listens at or forwards this port"
            ),
            _ => self.advice().to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.problem_type, self.detail)
    }
}

fn listen_advice(source: &std::io::Error, address: SocketAddr) -> String {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => format!(
            "port {} needs a right (CAP_NET_BIND_SERVICE on Linux); or forward port 80 to a port \
             above 1023 and set acme.http_address",
            address.port()
        ),
        std::io::ErrorKind::AddrInUse => {
            "another program, or a receiver, listens there; stop it, set acme.http_address to what \
             it forwards to, or use tls-alpn-01"
                .to_owned()
        }
        _ => "check acme.http_address".to_owned(),
    }
}

/// Bounded, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(TEXT_CHARS_MAX)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(problem_type: &str, detail: &str) -> Refusal {
        let json = serde_json::json!({
            "type": format!("{TYPE_PREFIX}{problem_type}"),
            "detail": detail,
            "subproblems": [
                { "type": "x", "detail": "One.", "identifier": { "type": "dns", "value": "b.example" } },
                { "type": "y" },
            ],
        });
        Refusal::new(&serde_json::from_value(json).unwrap(), None)
    }

    #[test]
    fn what_the_authority_wrote_is_one_bounded_line() {
        let long = format!("first\r\nsecond \u{1b}[31m{}", "x".repeat(10_000));
        let refusal = refusal("rateLimited", &long);
        assert_eq!(refusal.problem_type, "rateLimited");
        assert!(refusal.detail.starts_with("first  second  [31mxx"), "{}", refusal.detail);
        assert!(refusal.detail.chars().count() <= TEXT_CHARS_MAX + 1);
        assert!(!refusal.to_string().contains(char::is_control));
        let short = Refusal::new(&serde_json::from_value(serde_json::json!({})).unwrap(), None);
        assert_eq!(short.to_string(), "about:blank: ");
    }

    #[test]
    fn each_refusal_says_what_to_do_and_whose_fault_it_is() {
        let cases = [
            ("rateLimited", "wait", Fault::Authority),
            ("serverInternal", "later", Fault::Authority),
            ("rejectedIdentifier", "acme.certificates", Fault::Operator),
            ("caa", "CAA", Fault::Operator),
            ("dns", "DNS", Fault::Operator),
            ("externalAccountRequired", "acme.external_account", Fault::Operator),
            ("userActionRequired", "terms", Fault::Operator),
            ("invalidContact", "acme.contact", Fault::Operator),
            ("unauthorized", "account", Fault::Operator),
            ("invalidProfile", "acme.profile", Fault::Operator),
            ("somethingNew", "what it says", Fault::Operator),
        ];
        for (problem_type, advice, fault) in cases {
            let refusal = refusal(problem_type, "Because.");
            let error = AcmeError::Refused { doing: "the order", refusal };
            let text = error.to_string();
            assert!(
                text.contains("Because. b.example: One. no detail. ")
                    && text.contains(problem_type),
                "{text}"
            );
            assert!(text.contains(advice), "{problem_type}: {text}");
            assert_eq!(error.fault(), fault, "{problem_type}");
        }
    }

    #[test]
    fn a_host_that_was_not_verified_leads_to_its_port() {
        let cases = [
            ("connection", Challenge::Http01, "port 80 can be reached"),
            ("connection", Challenge::TlsAlpn01, "port 443 can be reached"),
            ("unauthorized", Challenge::Http01, "port 80 of a.example"),
            ("tls", Challenge::TlsAlpn01, "port 443 of a.example"),
            ("dns", Challenge::Http01, "DNS records (A, AAAA) of a.example"),
            ("caa", Challenge::Http01, "CAA"),
        ];
        for (problem_type, challenge, expected) in cases {
            let refusal = refusal(problem_type, "detail");
            let error = AcmeError::NotVerified { host: "a.example".into(), challenge, refusal };
            let text = error.to_string();
            assert!(text.contains(expected), "{problem_type} {challenge}: {text}");
        }
    }
}
