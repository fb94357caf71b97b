//! Reads a workflow file without trusting its size or its kind.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::document::empty_file;
use crate::diagnostics::{Diagnostic, codes};

/// The default limit on a workflow file: 16 MiB. Real ones have kilobytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// One diagnostic that names the file: it cannot be reached or read (`WF001`),
/// has no bytes (`WF002`), has more than `limit` (`WF003`; nothing beyond the
/// limit is read), or is a directory, a pipe or a device (`WF004`).
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Box<Diagnostic>> {
    read(path, limit).map_err(|diagnostic| Box::new((*diagnostic).in_file(path)))
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Box<Diagnostic>> {
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    check(&metadata, limit)?;
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limit {
        return Err(too_large(limit, "a file that grows while it is read"));
    }
    if length == 0 {
        return Err(Box::new(empty_file()));
    }
    Ok(bytes)
}

fn check(metadata: &Metadata, limit: u64) -> Result<(), Box<Diagnostic>> {
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        return Err(Box::new(
            Diagnostic::new(codes::FILE_NOT_REGULAR, "a workflow is read from a file")
                .expected("a regular file, or a link to one")
                .found(found)
                .help("remove it from the workflow directory"),
        ));
    }
    if metadata.len() > limit {
        return Err(too_large(limit, &format!("{} bytes", metadata.len())));
    }
    Ok(())
}

fn too_large(limit: u64, found: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::new(codes::FILE_TOO_LARGE, "the workflow file is too large")
            .expected(format!("at most {limit} bytes"))
            .found(found)
            .help("workflow files have kilobytes: shorten sample messages in it, if it is one"),
    )
}

fn unreadable(error: &io::Error) -> Box<Diagnostic> {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the path; a link may point to a file that is gone",
        io::ErrorKind::PermissionDenied => "give the server's user the right to read the file",
        _ => "check the path for links that point to each other, and the file system for errors",
    };
    Box::new(
        Diagnostic::new(codes::FILE_UNREADABLE, "the workflow file cannot be read")
            .found(error.to_string())
            .help(help),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read_bounded;

    fn code(path: &Path, limit: u64) -> &'static str {
        match read_bounded(path, limit) {
            Ok(_) => "ok",
            Err(diagnostic) => {
                assert_eq!(diagnostic.file, path, "the diagnostic names the file");
                diagnostic.code.as_str()
            }
        }
    }

    #[test]
    fn every_kind_of_unreadable_file_has_its_own_code() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::write(at("ten"), b"0123456789").unwrap();
        std::fs::write(at("empty"), b"").unwrap();
        assert_eq!(read_bounded(&at("ten"), 10).unwrap(), b"0123456789");
        assert_eq!(code(&at("ten"), 9), "WF003");
        assert_eq!(code(&at("empty"), 9), "WF002");
        assert_eq!(code(&at("missing"), 9), "WF001");
        assert_eq!(code(home.path(), 9), "WF004");
    }

    #[test]
    fn a_file_over_the_limit_is_refused_before_it_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("huge");
        // A sparse file: 200 MB that would be read if the size were not asked.
        std::fs::File::create(&path).unwrap().set_len(200 << 20).unwrap();
        let diagnostic = read_bounded(&path, super::FILE_BYTES_MAX).unwrap_err();
        assert_eq!(diagnostic.code.as_str(), "WF003");
        assert_eq!(diagnostic.found.as_deref(), Some("209715200 bytes"));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_point_to_each_other_and_to_nothing_are_told() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::os::unix::fs::symlink(at("a"), at("b")).unwrap();
        std::os::unix::fs::symlink(at("b"), at("a")).unwrap();
        std::os::unix::fs::symlink(at("gone"), at("dangling")).unwrap();
        std::fs::write(at("real"), b"{}").unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        assert_eq!(code(&at("a"), 9), "WF001");
        assert_eq!(code(&at("dangling"), 9), "WF001");
        assert_eq!(code(&at("link"), 9), "ok");
        assert_eq!(code(Path::new("/dev/null"), 9), "WF004");
    }
}
