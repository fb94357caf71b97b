//! The key that authenticates entries: 32 random bytes in a file beside the
//! directory, which only the user may read. Whoever can read it can make code
//! that this program runs, so one that others could read is replaced; the
//! entries that were made with it are then misses.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;

use super::CacheUnusable;
use super::directory::io_error;

const KEY_BYTES: usize = 32;

/// The key of a directory; made when there is none.
pub(super) fn of(directory: &Path) -> Result<hmac::Key, CacheUnusable> {
    let file = beside(directory);
    let failed = |error: io::Error| io_error(&file, &error);
    let bytes = match read(&file) {
        Ok(bytes) => bytes,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(
                    file = %file.display(),
                    "the key of the compiled plugins is not used, a new one is made and they are compiled anew: {error}"
                );
                fs::remove_file(&file).map_err(failed)?;
            }
            make(&file).map_err(failed)?;
            // Another process may have been first: its key is the one.
            read(&file).map_err(failed)?
        }
    };
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn beside(directory: &Path) -> PathBuf {
    let mut name = directory.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn read(file: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut open = OpenOptions::new().read(true).custom_flags(no_follow).open(file)?;
    let found = open.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let expected = rustix::process::geteuid().as_raw();
    if found.uid() != expected {
        let text = format!("it belongs to user {}, expected {expected}", found.uid());
        return Err(io::Error::other(text));
    }
    if found.mode() & 0o077 != 0 {
        let text = format!("it has mode {:04o}, expected 0600", found.mode() & 0o7777);
        return Err(io::Error::other(text));
    }
    let mut bytes = Vec::new();
    (&mut open).take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| {
        io::Error::other(format!("it has {found} bytes or more, expected {KEY_BYTES}"))
    })
}

/// Appears whole or not at all, and never in place of another one.
fn make(file: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let new = PathBuf::from(name);
    let _ = fs::remove_file(&new);
    let made = write_private(&new, &bytes).and_then(|()| match fs::hard_link(&new, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _ = fs::remove_file(&new);
    made
}

fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}
