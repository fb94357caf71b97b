//! What a certificate may be called: a name that is also that of a file, and never a thumbprint.

use super::{CertificateError, Thumbprint, assignments};

/// The folder for what clients are trusted by; no certificate of a server.
pub const TRUSTED: &str = "trusted";
/// The folder of the ACME account.
pub const ACME: &str = "acme";
/// In the names of what was put aside by a replacement.
pub(super) const BEFORE: &str = ".before-";
/// In the names of what is not finished.
pub(super) const UNFINISHED: &str = ".new-";

const CHARACTERS_MAX: usize = 64;

/// # Errors
/// It is empty or too long, has signs that do not belong into the name of a file, is reserved, or
/// could be read as a thumbprint.
pub fn check_name(name: &str) -> Result<(), CertificateError> {
    let is_allowed = |sign: char| sign.is_alphanumeric() || matches!(sign, '.' | '_' | '-' | '@');
    let reason = if name.is_empty() || name.chars().count() > CHARACTERS_MAX {
        "it has 1 to 64 characters"
    } else if !name.chars().all(is_allowed) {
        "it has letters, digits and . _ - @ only"
    } else if name.starts_with(['.', '-']) || name.contains(BEFORE) || name.contains(UNFINISHED) {
        "it does not start with . or - and has no .before- or .new- in it"
    } else if is_reserved(name) {
        "trusted, acme, assignments and assignments.toml are reserved"
    } else if name.parse::<Thumbprint>().is_ok() {
        "it could be read as a thumbprint"
    } else {
        return Ok(());
    };
    Err(CertificateError::Name { name: name.to_owned(), reason })
}

pub(super) fn is_reserved(name: &str) -> bool {
    // Other files of the store begin with a dot or have `.new-` in their names.
    [TRUSTED, ACME, "assignments", assignments::FILE]
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
}
