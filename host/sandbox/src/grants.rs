//! What a plugin may reach outside its memory. Nothing by default.

use std::path::PathBuf;

/// The grants of one plugin, as the operator wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Directories; the first is also where relative paths start.
    pub directories: Vec<DirectoryGrant>,
}

/// One directory with everything below it. No `..` and no symbolic link leads
/// out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// Absolute path on the host; the guest sees it under the same path.
    pub path: PathBuf,
    /// May files be created, changed and deleted? Otherwise only read.
    pub write: bool,
}

/// What an import of a component needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Always there: the contract itself, or inert WASI (no arguments, no
    /// environment, closed input, output to the log).
    Nothing,
    /// A directory grant.
    Directories,
    /// Nothing in this version can grant it.
    NotAvailable,
}

/// Judges one import by its interface name, `wasi:io/streams@0.2.6`.
pub(crate) fn need_of(import: &str) -> Need {
    let name = import.split('@').next().unwrap_or(import);
    match name {
        _ if name.starts_with("tureen:plugin/") => Need::Nothing,
        _ if name.starts_with("wasi:io/") || name.starts_with("wasi:cli/") => Need::Nothing,
        _ if name.starts_with("wasi:clocks/") || name.starts_with("wasi:random/") => Need::Nothing,
        _ if name.starts_with("wasi:filesystem/") => Need::Directories,
        _ => Need::NotAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_needs_what_its_interface_reaches() {
        let check =
            |import: &str, expected: Need| assert_eq!(need_of(import), expected, "{import}");
        check("tureen:plugin/types@0.1.0", Need::Nothing);
        check("wasi:cli/stderr@0.2.6", Need::Nothing);
        check("wasi:clocks/wall-clock@0.2.6", Need::Nothing);
        check("wasi:filesystem/types@0.2.6", Need::Directories);
        check("wasi:sockets/tcp@0.2.6", Need::NotAvailable);
        check("wasi:http/outgoing-handler@0.2.6", Need::NotAvailable);
        check("env", Need::NotAvailable);
    }
}
