//! Which plugin types stand in for the scripts of workflows (`[[code]]`).
//!
//! Knows: digests and names. Deliberately does not know: workflows, plugins.
//!
//! # Invariants
//! - A binding by digest ends when the code is edited: a changed script never
//!   runs as something that was made for the old one.

use sha2::{Digest, Sha256};
use tureen_template::SettingId;

use crate::config::Code;

/// Begins the name by which a transformer's script is required:
/// `code:<digest>`.
pub const ACTION_PREFIX: &str = "code:";

/// SHA-256 of a script, hexadecimal. Line ends count as one line feed each, so
/// that the same script saved on another system is the same.
pub fn digest_of(code: &str) -> String {
    let code = code.replace("\r\n", "\n").replace('\r', "\n");
    let digest = Sha256::digest(code.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The operator's bindings, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct CodeBindings(Vec<Code>);

impl CodeBindings {
    pub fn new(written: &[Code]) -> Self {
        Self(written.to_vec())
    }

    /// The transformer type for a script of that digest.
    pub fn transformer(&self, digest: &str) -> Option<&str> {
        let found = self.0.iter().find(|it| it.transformer.is_some() && it.is_of(digest))?;
        found.transformer.as_deref()
    }

    /// The activity type for the script of an activity: both of what a binding
    /// names must hold.
    pub fn component(&self, activity: SettingId, digest: &str) -> Option<&str> {
        let is_meant = |it: &&Code| {
            let of_activity = it
                .activity
                .as_ref()
                .is_none_or(|id| SettingId::parse(id).is_ok_and(|id| id == activity));
            it.component.is_some() && of_activity && (it.sha256.is_none() || it.is_of(digest))
        };
        self.0.iter().find(is_meant)?.component.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn line_ends_do_not_change_a_digest_and_anything_else_does() {
        let digest = digest_of("a\nb\n");
        for (text, same) in
            [("a\r\nb\r\n", true), ("a\rb\r", true), ("a\nb", false), ("a \nb\n", false)]
        {
            assert_eq!(digest_of(text) == digest, same, "{text:?}");
        }
        assert_eq!(
            digest_of("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_binding_holds_for_all_that_it_names() {
        let (one, other) = (
            SettingId::parse(&"1".repeat(32)).unwrap(),
            SettingId::parse(&"2".repeat(32)).unwrap(),
        );
        let digest = digest_of("x");
        let bindings = CodeBindings::new(&[
            code(&format!("sha256 = \"{}\"\ntransformer = \"T\"", digest.to_uppercase())),
            code(&format!("activity = \"{one}\"\nsha256 = \"{digest}\"\ncomponent = \"Both\"")),
            code(&format!("activity = \"{other}\"\ncomponent = \"Id\"")),
        ]);
        assert_eq!(bindings.transformer(&digest), Some("T"));
        assert_eq!(bindings.transformer(&digest_of("y")), None);
        for (activity, code, expected) in [
            (one, "x", Some("Both")),
            (one, "y", None),
            (other, "x", Some("Id")),
            (other, "y", Some("Id")),
            (SettingId::NONE, "x", None),
        ] {
            assert_eq!(
                bindings.component(activity, &digest_of(code)),
                expected,
                "{activity} {code}"
            );
        }
    }
}
