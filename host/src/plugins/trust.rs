//! Which plugin files may run: digest pins and signatures.
//!
//! Knows: `[trust]`, `sha256` of a plugin, `NAME.wasm.minisig`. Deliberately does
//! not know: how a plugin is compiled, what it is granted.
//!
//! # Invariants
//! - A signature is judged before the file is compiled.
//! - A file that is not trusted leaves the trusted version that ran before it.
//! - A signature by a trusted key that does not fit its file is always refused,
//!   required or not.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minisign_verify::{Error, PublicKey};

use super::{Installed, PluginSet};
use crate::config::{ServerConfig, Trust};
use crate::diagnostics::{Code, Diagnostic, codes};

/// Bytes of a signature file; minisign's have some 300.
const SIGNATURE_BYTES_MAX: u64 = 4_096;

/// Characters of a signer's comment that are shown.
const COMMENT_SHOWN: usize = 120;

/// Who vouches for a plugin's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Part of the program.
    BuiltIn,
    /// There is none.
    Unsigned,
    /// There is one, by none of the trusted keys.
    OtherKey,
    /// By this key of `[trust]`; the comment is the signer's.
    Trusted { key: String, comment: String },
}

impl Signature {
    /// One word, for lists.
    pub fn state(&self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Unsigned => "unsigned",
            Self::OtherKey => "unknown-key",
            Self::Trusted { .. } => "signed",
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => out.write_str("part of the program"),
            Self::Unsigned => out.write_str("none"),
            Self::OtherKey => out.write_str("by a key that is not in [trust]"),
            Self::Trusted { key, comment } => write!(out, "by {key} ({comment})"),
        }
    }
}

/// Where the signature of a plugin's file is.
pub fn signature_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

/// The signature's text; `None` when there is none.
///
/// # Errors
/// It cannot be read, or is longer than any signature.
pub fn read_signature(file: &Path) -> Result<Option<String>, String> {
    let file = signature_file(file);
    let opened = match File::open(&file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("its signature cannot be read: {error}")),
    };
    let mut text = String::new();
    let read = opened.take(SIGNATURE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| format!("its signature cannot be read: {error}"))?;
    if text.len() as u64 > SIGNATURE_BYTES_MAX {
        return Err(format!("its signature has more than {SIGNATURE_BYTES_MAX} bytes"));
    }
    Ok(Some(text))
}

/// Judges the signature of a file of `plugins/`.
///
/// # Errors
/// The file may not run; the text says why.
pub fn judge(trust: &Trust, file: &Path, bytes: &[u8]) -> Result<Signature, String> {
    let signature = match read_signature(file)? {
        None => Signature::Unsigned,
        Some(_) if trust.keys.is_empty() => Signature::OtherKey,
        Some(text) => verify(trust, &text, bytes)?,
    };
    match signature {
        Signature::Unsigned if trust.require_signatures => Err(format!(
            "it has no signature (expected in {}), and [trust] requires one",
            signature_file(file).display()
        )),
        Signature::OtherKey if trust.require_signatures => {
            Err("its signature is by none of the keys in [trust]".to_owned())
        }
        accepted => Ok(accepted),
    }
}

fn verify(trust: &Trust, text: &str, bytes: &[u8]) -> Result<Signature, String> {
    let signature = minisign_verify::Signature::decode(text)
        .map_err(|_| "its signature is none of minisign's".to_owned())?;
    for key in &trust.keys {
        let Ok(public) = PublicKey::from_base64(key) else { continue };
        match public.verify(bytes, &signature, false) {
            Ok(()) => {
                let comment = signature.trusted_comment().chars();
                let comment = comment.filter(|it| !it.is_control()).take(COMMENT_SHOWN);
                return Ok(Signature::Trusted { key: key.clone(), comment: comment.collect() });
            }
            Err(Error::UnexpectedKeyId) => {}
            Err(Error::UnsupportedLegacyMode) => {
                return Err("its signature is of the old kind; sign it again".to_owned());
            }
            Err(_) => return Err(format!("its signature by {key} does not fit the file")),
        }
    }
    Ok(Signature::OtherKey)
}

/// Would a plugin that was taken before still be taken?
pub(super) fn still_stands(trust: &Trust, signature: &Signature) -> bool {
    match signature {
        Signature::BuiltIn => true,
        Signature::Unsigned | Signature::OtherKey => !trust.require_signatures,
        Signature::Trusted { key, .. } => trust.keys.contains(key),
    }
}

/// Is the digest the one that is pinned, where one is?
pub fn is_pinned(pin: Option<&str>, digest: &str) -> bool {
    pin.is_none_or(|pin| pin.eq_ignore_ascii_case(digest))
}

impl PluginSet {
    /// The trusted version of a changed file that ran until now.
    pub(super) fn earlier(
        &self,
        file: &Path,
        refused: [u8; 32],
        config: &ServerConfig,
    ) -> Option<Arc<Installed>> {
        let mut installed = self.iter().filter(|it| it.file.as_deref() == Some(file));
        let earlier = installed.next()?;
        let name = &earlier.plugin.name;
        let pin = config.plugins.get(name).and_then(|written| written.sha256.as_deref());
        let stands = earlier.plugin.digest != refused
            && is_pinned(pin, &earlier.plugin.digest_text())
            && still_stands(&config.trust, &earlier.signature);
        stands.then(|| Arc::clone(earlier))
    }

    /// A file that may not run: told, and the version before stays where it may.
    #[expect(clippy::too_many_arguments, reason = "what a set is made from, and one file")]
    pub(super) fn distrust(
        &mut self,
        before: Option<&Self>,
        home: &Path,
        config: &ServerConfig,
        file: &Path,
        code: Code,
        reason: &str,
        earlier: Option<Arc<Installed>>,
    ) {
        let state = match &earlier {
            Some(earlier) => format!(
                "the version before goes on: {} {}, sha256 {}",
                earlier.plugin.name,
                earlier.plugin.version,
                earlier.plugin.digest_text()
            ),
            None => "the file is left out; workflows that need it do not start".to_owned(),
        };
        let help = if code == codes::PLUGIN_PIN {
            "if the file is the one that you want, write its digest there; otherwise put the right file back"
        } else {
            "get the file and its .minisig again from whoever made it; [trust] says whose keys count"
        };
        let found = Diagnostic::new(code, format!("this file is not trusted: {reason}"));
        self.diagnostics.push(found.in_file(file).help(help).state(state));
        if let Some(earlier) = earlier {
            let plugin = Arc::clone(&earlier.plugin);
            let signature = earlier.signature.clone();
            self.install(before, home, config, plugin, Some(file.to_path_buf()), signature);
        }
    }
}
