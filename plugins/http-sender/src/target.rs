//! The URL that a message is sent to.
//!
//! Values are inserted as they are (contract 5.2); what no URL may hold is
//! percent-encoded afterwards, so that no value can end the line of a request.
//! Where the author wrote the server, no value can choose another one.

use std::fmt::Write as _;

use tureen_conditions::Text;
use tureen_plugin_sdk::{Context, Finding, Placement, Settings, StepError};

/// The bytes of an expanded URL.
const URL_BYTES_MAX: usize = 8192;

/// A URL as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    text: Text,
    /// Scheme, host and port, where no value takes part in them.
    origin: Option<String>,
    property: &'static str,
}

impl Target {
    /// Reads a URL. A server that the author wrote is asked of the operator.
    ///
    /// # Errors
    /// `http.url` when it is empty, or what stands before its variables is no
    /// HTTP URL.
    pub(crate) fn read(
        settings: &Settings,
        placement: &Placement,
        property: &'static str,
    ) -> Result<Self, Finding> {
        let authored = settings.text(property)?.unwrap_or_default();
        let authored = authored.trim();
        let origin = match origin_of(authored) {
            Ok(origin) => origin,
            Err(text) => return Err(settings.error(property, "http.url", text)),
        };
        if let Some(origin) = &origin {
            placement.require_server(origin, settings.pointer_to(property));
        }
        Ok(Self { text: Text::new(authored.to_owned()), origin, property })
    }

    /// The property that it stands in, for problems.
    pub(crate) fn property(&self) -> &'static str {
        self.property
    }

    /// The URL for one message.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded; rejected, `http.url`, when it is
    /// too long, or a value would choose another server than the author.
    pub(crate) fn expand(&self, context: &Context) -> Result<String, StepError> {
        let url = encoded(&self.text.expand(context)?);
        if url.len() > URL_BYTES_MAX {
            let text = format!("the URL would have {} bytes, at most {URL_BYTES_MAX}", url.len());
            return Err(self.rejected(&text));
        }
        let Some(origin) = &self.origin else { return Ok(url) };
        let rest = url.strip_prefix(origin.as_str());
        if rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#'])) {
            let text = "what is inserted into the URL would choose another server: values may \
                        fill its path and query";
            return Err(self.rejected(text));
        }
        Ok(url)
    }

    fn rejected(&self, text: &str) -> StepError {
        let problem = tureen_plugin_sdk::Problem::new("http.url", text);
        StepError::Rejected(problem.at(self.property))
    }
}

/// Scheme and authority as authored; `None` when a value takes part in them.
fn origin_of(authored: &str) -> Result<Option<String>, &'static str> {
    const EXPECTED: &str =
        "expected a URL such as https://lab.example.org/results, with http or https";
    if authored.is_empty() {
        return Err(EXPECTED);
    }
    let Some((scheme, rest)) = authored.split_once("://") else {
        return if authored.starts_with("${") { Ok(None) } else { Err(EXPECTED) };
    };
    if scheme.contains("${") {
        return Ok(None);
    }
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(EXPECTED);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains("${") {
        return Ok(None);
    }
    if authority.contains('@') {
        return Err("a name and password do not belong into the URL: use UserName and Password");
    }
    if authority.is_empty() || authority.contains(char::is_whitespace) {
        return Err(EXPECTED);
    }
    Ok(Some(format!("{scheme}://{authority}")))
}

/// What a URL may not hold, as bytes in percent signs.
fn encoded(url: &str) -> String {
    let mut encoded = String::with_capacity(url.len());
    for character in url.chars() {
        match character {
            '"'
            | '<'
            | '>'
            | '\\'
            | '^'
            | '`'
            | '{'
            | '|'
            | '}'
            | ' '
            | '\0'..='\x1f'
            | '\x7f'.. => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a text cannot fail.
                    let _ = write!(encoded, "%{byte:02X}");
                }
            }
            plain => encoded.push(plain),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_the_authors_where_he_wrote_it() {
        for (authored, expected) in [
            ("https://a.example/x", Ok(Some("https://a.example"))),
            ("HTTP://a.example:8080?q=${Q}", Ok(Some("HTTP://a.example:8080"))),
            ("http://[::1]:80/", Ok(Some("http://[::1]:80"))),
            ("https://${Host}/x", Ok(None)),
            ("https://a${Rest}", Ok(None)),
            ("${Server}", Ok(None)),
            ("${Scheme}://a", Ok(None)),
        ] {
            let found = origin_of(authored);
            assert_eq!(found, expected.map(|it: Option<&str>| it.map(str::to_owned)), "{authored}");
        }
        for authored in [
            "",
            "a.example/x",
            "ftp://a.example",
            "https://",
            "https://u:p@a.example",
            "https://a b/",
        ] {
            assert!(origin_of(authored).is_err(), "{authored}");
        }
    }

    #[test]
    fn what_no_url_may_hold_is_encoded_and_the_rest_left_alone() {
        for (url, expected) in [
            ("http://a/b%20c?d=e&f=[g]", "http://a/b%20c?d=e&f=[g]"),
            ("http://a/Müller", "http://a/M%C3%BCller"),
            ("http://a/x y\r\nHost: b", "http://a/x%20y%0D%0AHost:%20b"),
        ] {
            assert_eq!(encoded(url), expected);
        }
    }
}
