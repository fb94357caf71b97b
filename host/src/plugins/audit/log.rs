//! The file of the audit log: lines of JSON, appended, bounded.
//!
//! Knows: how a line is written so that it is there after a crash, and how a full file is put
//! aside. Deliberately does not know: what is worth a line.
//!
//! # Invariants
//! - One writer at a time; each write is on the disk before it returns.
//! - Files belong to the server's user alone, and no link is followed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use super::{Entry, Occasion};
use crate::config::Trust;

/// Where the audit log is in a home.
const FOLDER: &str = "data";
pub(super) const LOG: &str = "audit.log";

/// An entry as it stands in the file.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    occasion: Occasion,
    process: u32,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The audit log of a home.
#[derive(Debug)]
pub(super) struct AuditLog {
    folder: PathBuf,
    bounds: Mutex<Bounds>,
}

#[derive(Debug)]
struct Bounds {
    bytes: u64,
    files: usize,
}

impl From<&Trust> for Bounds {
    fn from(trust: &Trust) -> Self {
        Self { bytes: trust.audit_bytes, files: trust.audit_files }
    }
}

impl AuditLog {
    pub(super) fn new(home: &Path) -> Self {
        let bounds = Mutex::new(Bounds::from(&Trust::default()));
        Self { folder: home.join(FOLDER), bounds }
    }

    pub(super) fn bound(&self, trust: &Trust) {
        *self.bounds.lock().unwrap_or_else(PoisonError::into_inner) = Bounds::from(trust);
    }

    /// Writes the entries, each with the time of now. Waits for the disk.
    pub(super) fn append(&self, occasion: Occasion, entries: &[Entry]) -> io::Result<()> {
        let bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        make_folder(&self.folder)?;
        let mut text = String::new();
        for entry in entries {
            let time = Timestamp::now().to_string();
            let line = Line { time, occasion, process: std::process::id(), entry };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        let log = self.folder.join(LOG);
        let length = fs::metadata(&log).map_or(0, |found| found.len());
        if length > 0 && length.saturating_add(text.len() as u64) > bounds.bytes {
            put_aside(&log, bounds.files)?;
        }
        let mut file = private(OpenOptions::new().append(true).create(true)).open(&log)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }

    /// A file beside the log.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces a file beside the log as a whole.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let beside = self.beside(&format!("{name}.new"));
        let _stale = fs::remove_file(&beside);
        let mut written = private(OpenOptions::new().write(true).create_new(true)).open(&beside)?;
        written.write_all(content)?;
        written.sync_data()?;
        fs::rename(beside, self.beside(name))
    }

    /// In words of an operator.
    pub(super) fn unwritable(&self, error: &io::Error) -> String {
        format!("{} cannot be written: {error}", self.folder.join(LOG).display())
    }
}

/// `audit.log` becomes `audit.log.1`, that becomes `.2`, and the oldest goes.
fn put_aside(log: &Path, files: usize) -> io::Result<()> {
    let aside = |number: usize| {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if files <= 1 {
        return fs::remove_file(log);
    }
    for number in (1..files - 1).rev() {
        match fs::rename(aside(number), aside(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(log, aside(1))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// For its owner alone; a symbolic link in its place is not followed.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits();
    options.mode(0o600).custom_flags(no_follow.cast_signed())
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
