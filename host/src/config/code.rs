//! `[[code]]`: which plugin stands in for a script of a workflow.

use serde::{Deserialize, Serialize};
use tureen_template::SettingId;

/// One script, and the type of an installed plugin that does the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Code {
    /// SHA-256 of the script's text, hexadecimal; `tureen check` shows it.
    pub sha256: Option<String>,
    /// The id of the activity (`CodeSenderSetting`) whose script it is.
    pub activity: Option<String>,
    /// The type that a transformer plugin handles: for a `CodeTransformerAction`.
    pub transformer: Option<String>,
    /// The type that an activity plugin handles: for a `CodeSenderSetting`.
    pub component: Option<String>,
}

impl Code {
    /// Is it bound to code of that digest?
    pub fn is_of(&self, digest: &str) -> bool {
        self.sha256.as_ref().is_some_and(|written| written.trim().eq_ignore_ascii_case(digest))
    }

    pub(super) fn refuse_contradictions(&self, number: usize) -> Result<(), (String, String)> {
        let wrong = |text: &str| Err((format!("code, table {number}"), text.to_owned()));
        let digest = |it: &String| {
            it.trim().len() == 64 && it.trim().bytes().all(|it| it.is_ascii_hexdigit())
        };
        if self.sha256.as_ref().is_some_and(|it| !digest(it)) {
            return wrong("expected 64 hexadecimal digits in sha256");
        }
        if self.activity.as_ref().is_some_and(|it| {
            SettingId::parse(it).is_ok_and(SettingId::is_none) || SettingId::parse(it).is_err()
        }) {
            return wrong("expected the Id of an activity, a GUID, in activity");
        }
        match (&self.transformer, &self.component) {
            (Some(_), None) if self.sha256.is_none() || self.activity.is_some() => {
                wrong("an action has no id: expected sha256, and no activity, beside transformer")
            }
            (None, Some(_)) if self.sha256.is_none() && self.activity.is_none() => {
                wrong("expected sha256, activity or both beside component")
            }
            (Some(name), None) | (None, Some(name)) if name.trim().is_empty() => {
                wrong("expected the type that an installed plugin handles")
            }
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => wrong("expected either transformer or component"),
        }
    }
}
