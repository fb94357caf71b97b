//! User names, passwords and client certificates.

use tureen_plugin_sdk::{Context, Finding, Findings, Placement, Problem, Settings};

/// A text that proves who sends: as it is written, or a secret of the home that
/// it names as `${Name}`. Anything else with `${` is a text like any other: such
/// fields are not filled (contract 3.4).
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    Literal(String),
    Named(String),
}

impl Credential {
    /// Reads one. A secret that it names is asked of the home, so that a
    /// workflow does not load without it.
    ///
    /// # Errors
    /// `settings.type` when it is no text.
    pub fn read(
        settings: &Settings,
        placement: &Placement,
        name: &str,
    ) -> Result<Option<Self>, Finding> {
        let Some(text) = settings.text(name)? else { return Ok(None) };
        if text.is_empty() {
            return Ok(None);
        }
        let Some(secret) = named(&text) else { return Ok(Some(Self::Literal(text))) };
        placement.require_secret(secret, settings.pointer_to(name));
        Ok(Some(Self::Named(secret.to_owned())))
    }

    /// What it stands for.
    ///
    /// # Errors
    /// The home has no such secret, or does not grant it; what the problem says
    /// never holds the value.
    pub fn value(&self, context: &Context) -> Result<String, Problem> {
        match self {
            Self::Literal(text) => Ok(text.clone()),
            Self::Named(name) => context.secret(name).or_else(|problem| {
                // A global variable of the same name is as good as a text.
                context.variable(name).ok_or(problem)
            }),
        }
    }
}

/// Nothing of it may reach a log.
impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => formatter.write_str("Literal(…)"),
            Self::Named(name) => formatter.debug_tuple("Named").field(name).finish(),
        }
    }
}

/// The name in a text that is one placeholder without formats.
fn named(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    let plain = |it: char| !matches!(it, '{' | '}' | '$' | ':' | '>' | '?');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// A certificate of the home that is shown to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    thumbprint: String,
}

impl ClientCertificate {
    /// The certificate that `AuthenticationCertificateThumbprint` names.
    ///
    /// # Errors
    /// `sender.certificate` when it is no whole thumbprint.
    pub fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        const NAME: &str = "AuthenticationCertificateThumbprint";
        let text = settings.text(NAME)?.unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let others = |it: char| !it.is_ascii_hexdigit() && (it.is_alphanumeric() || it == ',');
        if !matches!(digits.len(), 40 | 64) || text.contains(others) {
            let expected = "expected the thumbprint of a certificate of this home: SHA-1 (40 \
                            digits) or SHA-256 (64); `tureen cert list` shows them";
            return Err(settings.error(NAME, "sender.certificate", expected).into());
        }
        placement.require_client_certificate(&digits, settings.pointer_to(NAME));
        Ok(Self { thumbprint: digits })
    }

    /// Hexadecimal digits alone.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tureen_plugin_sdk::{Role, SettingId};

    fn placement() -> Placement {
        Placement::new(SettingId::NONE, Role::Activity)
    }

    #[test]
    fn a_placeholder_alone_is_a_secret_and_anything_else_a_text() {
        let read = |text: &str| {
            Credential::read(&Settings::new(json!({ "P": text })), &placement(), "P").unwrap()
        };
        assert_eq!(read("${Lab Password}"), Some(Credential::Named("Lab Password".into())));
        assert_eq!(read(""), None);
        for text in
            ["plain", "$5{x}", "a${B}", "${A}${B}", "${A:LowerCase}", "${}", "${DATATABLE>x}"]
        {
            assert_eq!(read(text), Some(Credential::Literal(text.into())), "{text}");
        }
        assert!(!format!("{:?}", read("plain")).contains("plain"));
    }

    #[test]
    fn a_thumbprint_is_whole() {
        let read = |text: &str| {
            let settings = json!({ "AuthenticationCertificateThumbprint": text });
            ClientCertificate::read(&Settings::new(settings), &placement())
        };
        let sha1 = "0123456789ABCDEF0123456789abcdef01234567";
        assert_eq!(read(sha1).unwrap().thumbprint(), sha1);
        assert!(read(&format!("\u{200e}{}", sha1.replace("23", "23 "))).is_ok());
        for text in
            ["", "abc", sha1.get(1..).unwrap(), &format!("{sha1},{sha1}"), &sha1.replace('0', "g")]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
