//! Why a write failed, where wasi-libc does not tell.
//!
//! It writes files through streams of WASI, and makes EIO of whatever failed in
//! one (`wasip2_handle_write_error`). The same bytes, written by WASI's own call,
//! fail with a code.

use std::io;
use std::path::Path;

/// EIO where this runs: of wasi-libc (`libc`, `src/wasi/mod.rs`), or of Linux.
pub(crate) const EIO: i32 = if cfg!(target_os = "wasi") { 29 } else { 5 };

/// What is behind the error of a write of these bytes at this place in the file:
/// they are written there once more, so that the caller takes back what came of
/// it. The error itself where there is no more to tell.
#[cfg(target_os = "wasi")]
pub(crate) fn behind(error: io::Error, path: &Path, offset: u64, bytes: &[u8]) -> io::Error {
    if error.raw_os_error() != Some(EIO) {
        return error;
    }
    again::write(path, offset, bytes).map_or(error, io::Error::from)
}

/// Elsewhere an error tells its own reason.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn behind(error: io::Error, _path: &Path, _offset: u64, _bytes: &[u8]) -> io::Error {
    error
}

/// What an error code of `wasi:filesystem` means, by its name there; `None` for
/// one that tells no more than EIO does.
#[cfg(any(test, target_os = "wasi"))]
fn kind(code: &str) -> Option<io::ErrorKind> {
    Some(match code {
        "insufficient-space" => io::ErrorKind::StorageFull,
        "quota" => io::ErrorKind::QuotaExceeded,
        "file-too-large" => io::ErrorKind::FileTooLarge,
        _ => return None,
    })
}

#[cfg(target_os = "wasi")]
mod again {
    use std::io::ErrorKind;
    use std::path::Path;

    use wasip2::filesystem::preopens::get_directories;
    use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

    /// Bytes that are written at once.
    const PIECE_BYTES: usize = 64 << 10;

    /// Writes into a file that exists; gives what it failed with.
    pub(super) fn write(path: &Path, offset: u64, bytes: &[u8]) -> Option<ErrorKind> {
        let directories = get_directories();
        let below = |name: &str| path.strip_prefix(name).ok()?.to_str();
        let places = directories.iter().filter_map(|(it, name)| Some((it, below(name.as_str())?)));
        // The innermost directory that holds the file.
        let (directory, relative) = places.min_by_key(|(_, relative)| relative.len())?;
        let follow = PathFlags::SYMLINK_FOLLOW;
        let file =
            directory.open_at(follow, relative, OpenFlags::empty(), DescriptorFlags::WRITE).ok()?;
        let (mut rest, mut offset) = (bytes, offset);
        while !rest.is_empty() {
            let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
            match file.write(piece, offset) {
                Ok(0) => return None,
                Ok(written) => {
                    offset += written;
                    rest = rest.get(usize::try_from(written).ok()?..)?;
                }
                Err(code) => return super::kind(code.name()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_wasi_mean_what_is_told() {
        assert_eq!(kind("insufficient-space"), Some(io::ErrorKind::StorageFull));
        assert_eq!(kind("quota"), Some(io::ErrorKind::QuotaExceeded));
        assert_eq!(kind("file-too-large"), Some(io::ErrorKind::FileTooLarge));
        assert_eq!(kind("io"), None);
    }
}
