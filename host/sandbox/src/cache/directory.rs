//! The directory that only one user may write to, and what is in it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::CacheUnusable;

/// Opens the directory, or makes it. It and the one around it are the user's own.
pub(super) fn open_private(directory: &Path) -> Result<OwnedFd, CacheUnusable> {
    let around = directory.parent().unwrap_or(directory);
    // Before anything is made: root that looks at another user's home must not
    // leave directories there that this user cannot use.
    let there = around.ancestors().find(|path| path.exists()).unwrap_or(around);
    let found = fs::metadata(there).map_err(|error| io_error(there, &error))?;
    own(there, found.uid())?;
    make(around, true)?;
    let found = fs::metadata(around).map_err(|error| io_error(around, &error))?;
    own(around, found.uid())?;
    if found.mode() & 0o022 != 0 {
        let (path, found) = (around.to_owned(), found.mode() & 0o7777);
        return Err(CacheUnusable::Mode { path, found, others: "write to" });
    }
    make(directory, false)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder =
        rustix::fs::open(directory, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP => {
                CacheUnusable::NotADirectory { path: directory.to_owned() }
            }
            error => io_error(directory, &error.into()),
        })?;
    let found = rustix::fs::fstat(&folder).map_err(|error| io_error(directory, &error.into()))?;
    own(directory, found.st_uid)?;
    if found.st_mode & 0o077 != 0 {
        let (path, found) = (directory.to_owned(), found.st_mode & 0o7777);
        return Err(CacheUnusable::Mode { path, found, others: "open" });
    }
    Ok(folder)
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> CacheUnusable {
    CacheUnusable::Io { path: path.to_owned(), text: error.to_string() }
}

pub(super) fn own(path: &Path, found: u32) -> Result<(), CacheUnusable> {
    let expected = rustix::process::geteuid().as_raw();
    if found == expected {
        return Ok(());
    }
    Err(CacheUnusable::Owner { path: path.to_owned(), found, expected })
}

fn make(directory: &Path, with_those_around: bool) -> Result<(), CacheUnusable> {
    let made = DirBuilder::new().mode(0o700).recursive(with_those_around).create(directory);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io_error(directory, &error))
        }
        _ => Ok(()),
    }
}

/// A file of the directory.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Seconds and nanoseconds since 1970.
    pub(super) changed: (i64, i64),
}

impl Listed {
    /// In seconds; 0 for what the clock says is of the future.
    pub(super) fn age(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_sub(self.changed.0).max(0)
    }
}

/// The files of the directory, in no order. One that goes meanwhile is left out.
pub(super) fn entries(folder: &OwnedFd) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        let Ok(found) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let changed = (found.st_mtime, i64::try_from(found.st_mtime_nsec).unwrap_or(0));
        let bytes = u64::try_from(found.st_size).unwrap_or(0);
        listed.push(Listed { name: name.to_owned(), bytes, changed });
    }
    Ok(listed)
}
