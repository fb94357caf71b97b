//! Compiled plugins on disk, so that a start reads instead of compiling.
//!
//! Knows: a private directory, authenticated entries, a bound on their size.
//! Deliberately does not know: wasmtime, plugins, what an entry's facts mean.
//!
//! # Invariants
//! - Compiled code is native code: it is handed out only after its entry's
//!   authentication code was verified, and exactly those bytes are handed out.
//! - Nothing in the directory is an error. What cannot be used is a miss with a
//!   reason, and the plugin is compiled anew.
//! - An entry is written beside its place, synced and renamed; it is never
//!   written to again.

mod directory;
mod entry;
mod key;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};

pub(crate) use entry::{Entry, EntryFault, EntryKey, TrustedCode};

/// Bytes of all entries together, by default. A compiled Rust plugin has 2 MiB,
/// one in JavaScript 36 MiB.
pub const CACHE_BYTES_DEFAULT: u64 = 1 << 30;

/// Bytes of one entry that are read. A larger one is no entry of ours.
const ENTRY_BYTES_MAX: u64 = 512 << 20;

/// Age in seconds from which a file that a writer left behind is removed.
const ABANDONED_SECONDS: i64 = 3600;

/// Where compiled code is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// An absolute path. The directory is made when it is not there. It and the
    /// one around it must belong to the user that runs the program, and only
    /// that user may write to them. The key that authenticates the entries is
    /// kept beside the directory, under its name with `.key` after it.
    pub directory: PathBuf,
    /// Bytes of all entries together; those that were not used for longest go
    /// first. Default [`CACHE_BYTES_DEFAULT`].
    pub bytes: u64,
}

/// Why compiled code cannot be kept there. The program works without.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheUnusable {
    #[error("{path} cannot be used: {text}")]
    Io { path: PathBuf, text: String },
    #[error("{path} belongs to user {found}, expected {expected}, who runs this program")]
    Owner { path: PathBuf, found: u32, expected: u32 },
    #[error("{path} has mode {found:04o}, others must not be able to {others} it")]
    Mode { path: PathBuf, found: u32, others: &'static str },
    #[error("{path} is not a directory, or a symbolic link")]
    NotADirectory { path: PathBuf },
}

/// An open cache.
pub(crate) struct CodeCache {
    path: PathBuf,
    folder: OwnedFd,
    mac: hmac::Key,
    bytes_max: u64,
    written: AtomicU64,
}

/// What the cache has under a key.
pub(crate) enum Found {
    Nothing,
    /// Something that is not used, and why.
    Refused(EntryFault),
    Entry(Entry),
}

/// Held while an entry is made; others, in other processes too, wait for it.
pub(crate) struct MakingLock {
    _file: OwnedFd,
}

impl CodeCache {
    /// Opens the directory, or makes it.
    pub(crate) fn open(options: &CacheOptions) -> Result<Self, CacheUnusable> {
        let folder = directory::open_private(&options.directory)?;
        let mac = key::of(&options.directory)?;
        Ok(Self {
            path: options.directory.clone(),
            folder,
            mac,
            bytes_max: options.bytes,
            written: AtomicU64::new(0),
        })
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Reads and verifies an entry, and marks it as used.
    pub(crate) fn find(&self, key: &EntryKey) -> Found {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.folder, key.file_name(), flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Found::Nothing,
            Err(rustix::io::Errno::LOOP) => return Found::Refused(EntryFault::SymbolicLink),
            Err(error) => return Found::Refused(EntryFault::Unreadable(error.kind())),
        };
        match self.read(file, key) {
            Ok(entry) => Found::Entry(entry),
            Err(fault) => Found::Refused(fault),
        }
    }

    fn read(&self, file: OwnedFd, key: &EntryKey) -> Result<Entry, EntryFault> {
        let found =
            rustix::fs::fstat(&file).map_err(|error| EntryFault::Unreadable(error.kind()))?;
        entry::judge_file(&found, ENTRY_BYTES_MAX)?;
        let mut file = File::from(file);
        let mut bytes = Vec::with_capacity(usize::try_from(found.st_size).unwrap_or(0));
        (&mut file)
            .take(ENTRY_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|error| EntryFault::Unreadable(error.kind()))?;
        let entry = Entry::open(&self.mac, key, bytes)?;
        // The time of change tells which entries are in use. Failing costs at most
        // that this one goes early.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let _ =
            rustix::fs::futimens(&file, &Timestamps { last_access: now, last_modification: now });
        Ok(entry)
    }

    /// Writes an entry; older ones make room for it.
    pub(crate) fn keep(&self, key: &EntryKey, facts: &[u8], code: &[u8]) -> io::Result<()> {
        let bytes = entry::seal(&self.mac, key, facts, code)?;
        let size = bytes.len() as u64;
        if size > self.bytes_max.min(ENTRY_BYTES_MAX) {
            return Err(io::Error::other(format!(
                "it has {size} bytes, at most {} are kept",
                self.bytes_max.min(ENTRY_BYTES_MAX)
            )));
        }
        self.make_room(size, &key.file_name())?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = format!(".{}-{}-{number}.tmp", key.file_name(), std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let private = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(rustix::fs::openat(&self.folder, &beside, flags, private)?);
        let written = file.write_all(&bytes).and_then(|()| file.sync_all()).and_then(|()| {
            rustix::fs::renameat(&self.folder, &beside, &self.folder, key.file_name())?;
            Ok(rustix::fs::fsync(&self.folder)?)
        });
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.folder, &beside, AtFlags::empty());
        }
        written
    }

    /// Removes an entry that is of no use.
    pub(crate) fn forget(&self, key: &EntryKey) {
        let _ = rustix::fs::unlinkat(&self.folder, key.file_name(), AtFlags::empty());
    }

    /// The right to make this entry; `None` while somebody else has it. Keys share
    /// `places` locks, so that many processes compile no more than one does.
    pub(crate) fn try_lock(&self, key: &EntryKey, places: usize) -> io::Result<Option<MakingLock>> {
        let name = format!(".making-{}.lock", key.place_among(places));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(MakingLock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what was not used for longest until `size` more bytes fit.
    fn make_room(&self, size: u64, replaced: &str) -> io::Result<()> {
        let mut entries = directory::entries(&self.folder)?;
        entries.retain(|entry| {
            let abandoned = entry.name.ends_with(".tmp") && entry.age() > ABANDONED_SECONDS;
            if abandoned {
                let _ = rustix::fs::unlinkat(&self.folder, &entry.name, AtFlags::empty());
            }
            entry.name.ends_with(entry::ENDING) && entry.name != replaced
        });
        entries.sort_by_key(|entry| entry.changed);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            if total.saturating_add(size) <= self.bytes_max {
                break;
            }
            rustix::fs::unlinkat(&self.folder, &entry.name, AtFlags::empty())?;
            total = total.saturating_sub(entry.bytes);
        }
        Ok(())
    }
}
