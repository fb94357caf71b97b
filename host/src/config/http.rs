//! The keys that say how HTTP answers look, and what is read of requests.

use serde::{Deserialize, Deserializer, Serialize};

/// `[http]`: how HTTP answers look.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub status_profile: StatusProfile,
    /// The status of a filtered message under [`StatusProfile::Rest`].
    #[serde(deserialize_with = "filtered_status")]
    pub rest_filtered_status: u16,
    /// The Content-Type of HL7 answers.
    pub hl7_content_type: String,
    /// Request headers that become variables named `HttpHeader:NAME`.
    pub request_headers: Vec<String>,
    /// Host names (without port) that requests may name. Empty: any.
    pub hosts: Vec<String>,
    /// Refuses a request whose Host is another than the name of the TLS handshake (SNI).
    pub host_must_match_tls_name: bool,
}

/// How one receiver answers over HTTP: its own keys, else the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseStyle<'a> {
    pub status_profile: StatusProfile,
    pub rest_filtered_status: u16,
    pub hl7_content_type: &'a str,
}

/// Which of the two status tables of contract 4.2 is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusProfile {
    /// HL7 over HTTP: what carries an acknowledgement is 200.
    Hoh,
    /// The status tells the outcome.
    Rest,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            status_profile: StatusProfile::Hoh,
            rest_filtered_status: 200,
            hl7_content_type: "x-application/hl7-v2+er7".to_owned(),
            request_headers: Vec::new(),
            hosts: Vec::new(),
            host_must_match_tls_name: true,
        }
    }
}

pub(super) fn refuse_content_type(key: &str, content_type: &str) -> Result<(), (String, String)> {
    if content_type.is_empty() || !content_type.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let text = "is not usable as a Content-Type, expected visible ASCII characters";
        return Err((key.to_owned(), text.to_owned()));
    }
    Ok(())
}

fn filtered_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        status @ (200 | 422) => Ok(status),
        found => {
            let text = format!("expected 200 or 422, found {found}");
            Err(serde::de::Error::custom(text))
        }
    }
}
