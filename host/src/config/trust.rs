//! `[trust]`: which plugins may run at all, and how much is kept of what was
//! decided about them.

use serde::{Deserialize, Serialize};

/// Whose plugins are trusted, and the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// Public keys of minisign: the line that begins with `RW`.
    pub keys: Vec<String>,
    /// A plugin of `plugins/` runs only with a signature by one of the keys.
    pub require_signatures: bool,
    /// Bytes of one file of the audit log; a longer one is put aside.
    #[serde(deserialize_with = "super::between::<65_536, 1_073_741_824, _, _>")]
    pub audit_bytes: u64,
    /// Files of the audit log, the one that is written included.
    #[serde(deserialize_with = "super::between::<1, 100, _, _>")]
    pub audit_files: usize,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            require_signatures: false,
            audit_bytes: 8 * 1024 * 1024,
            audit_files: 8,
        }
    }
}

impl Trust {
    pub(super) fn refuse_contradictions(&self) -> Result<(), (String, String)> {
        for (number, key) in self.keys.iter().enumerate() {
            if minisign_verify::PublicKey::from_base64(key).is_err() {
                let text = "expected a public key of minisign: 56 characters that begin with RW";
                return Err((format!("trust.keys[{number}]"), text.to_owned()));
            }
        }
        if self.require_signatures && self.keys.is_empty() {
            let text = "needs at least one key in trust.keys";
            return Err(("trust.require_signatures".to_owned(), text.to_owned()));
        }
        Ok(())
    }
}
