//! Writes and moves files, and says what went wrong without naming them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tureen_plugin_sdk::{FIRST_DIRECTORY, Problem};

use crate::reason::{self, EIO};

/// How long to wait before the one retry of a write.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How many names are tried for a moved file.
const NAMES_MAX: u32 = 10_000;

/// What is written for one message.
#[derive(Debug)]
pub(crate) enum Record {
    /// At the end of the file; a new file begins with the header.
    Appended { bytes: Vec<u8>, header: String },
    /// The whole file, whatever it held.
    Whole(Vec<u8>),
}

/// Writes a record; creates the directories on the way. An error of the file
/// system is waited for once, unless half a record may have stayed: the second
/// attempt would come behind it.
pub(crate) fn write(path: &str, record: &Record) -> io::Result<()> {
    let path = &located(path);
    match write_once(path, record) {
        Err(Unwritten { error, clean: true }) if may_recover(&error) => {
            std::thread::sleep(RETRY_AFTER);
            write_once(path, record).map_err(|unwritten| unwritten.error)
        }
        done => done.map_err(|unwritten| unwritten.error),
    }
}

/// A record that is not in the file.
struct Unwritten {
    error: io::Error,
    /// Nothing of it is there either.
    clean: bool,
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self { error, clean: true }
    }
}

/// A relative path starts in the first directory that is granted; an absolute
/// one has to lie in one of them.
fn located(path: &str) -> PathBuf {
    let path = Path::new(path);
    if path.has_root() { path.to_path_buf() } else { Path::new(FIRST_DIRECTORY).join(path) }
}

fn write_once(path: &Path, record: &Record) -> Result<(), Unwritten> {
    let (bytes, header) = match record {
        // Written anew, it replaces whatever was left.
        Record::Whole(bytes) => {
            let written = with_directories(path, || fs::write(path, bytes));
            return Ok(written.map_err(|error| reason::behind(error, path, 0, bytes))?);
        }
        Record::Appended { bytes, header } => (bytes, header),
    };
    let mut options = OpenOptions::new();
    options.append(true);
    let existing = options.open(path);
    match existing {
        Ok(file) => append(file, path, &[bytes]),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let file = with_directories(path, || options.create(true).open(path))?;
            match header.as_str() {
                "" => append(file, path, &[bytes]),
                header => append(file, path, &[header.as_bytes(), b"\n", bytes]),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn with_directories<T>(path: &Path, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match (act(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            act()
        }
        (done, _) => done,
    }
}

/// Appends in one write; half a record is taken back, so that a second attempt
/// does not leave it in front of the whole one.
fn append(mut file: File, path: &Path, parts: &[&[u8]]) -> Result<(), Unwritten> {
    let length = file.metadata()?.len();
    let record = parts.concat();
    file.write_all(&record).map_err(|error| {
        let error = reason::behind(error, path, length, &record);
        let clean = file.set_len(length).is_ok();
        Unwritten { error, clean }
    })
}

/// Moves a file into a directory, under its own name or one that is free there;
/// nothing happens when the file is gone.
pub(crate) fn move_into(path: &str, directory: &str) -> io::Result<()> {
    let (path, directory) = (&located(path), &located(directory));
    match File::open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    fs::create_dir_all(directory)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| extension.to_string_lossy());
    let extension = extension.map_or_else(String::new, |extension| format!(".{extension}"));
    for number in 0..NAMES_MAX {
        let name = match number {
            0 => format!("{stem}{extension}"),
            _ => format!("{stem}-{number}{extension}"),
        };
        let target = directory.join(name);
        // An empty file takes the name, so that nobody else can; the move then
        // replaces it.
        match File::create_new(&target) {
            Ok(_) => return replace(path, &target),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "no name is free in the directory to move into"))
}

fn replace(path: &Path, target: &Path) -> io::Result<()> {
    let moved = match fs::rename(path, target) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            fs::copy(path, target).and_then(|_| fs::remove_file(path))
        }
        other => other,
    };
    if moved.is_err() {
        // The name was only reserved.
        fs::remove_file(target)?;
    }
    moved
}

/// Whether the same may work later.
pub(crate) fn may_recover(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::Unsupported
    )
}

/// What to tell of an error.
pub(crate) fn problem(error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => Problem::new(
            "file.not-granted",
            "no directory that is granted to this plugin holds the path: a path is relative to the \
             first directory of [plugins.file-writer] in tureen.toml, or begins with one of them",
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Problem::new(
            "file.denied",
            "the file or its directory may not be written: grant the directory for writing, and \
             see who owns it",
        ),
        _ => Problem::new("file.io", format!("the file could not be written: {}", words(error))),
    }
}

/// An error in plain words.
fn words(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::StorageFull => "no space is left on the device",
        ErrorKind::QuotaExceeded => "the quota of the disk is used up",
        ErrorKind::FileTooLarge => "it would be larger than its file system allows",
        ErrorKind::TooManyLinks => "its directory has too many links",
        ErrorKind::InvalidFilename => "its name, or that of a directory on the way, is too long",
        // The sandbox tells these as one error.
        _ if error.raw_os_error() == Some(EIO) => {
            "the device failed, or its quota is used up, or it may only be read"
        }
        kind => return kind.to_string(),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_disk_is_told_in_plain_words() {
        for (error, expected) in [
            (io::Error::from(ErrorKind::StorageFull), "no space is left on the device"),
            (io::Error::from(ErrorKind::QuotaExceeded), "quota"),
            (io::Error::from(ErrorKind::FileTooLarge), "larger than its file system allows"),
            (io::Error::from(ErrorKind::TooManyLinks), "too many links"),
            (io::Error::from(ErrorKind::InvalidFilename), "too long"),
            (io::Error::from_raw_os_error(EIO), "the device failed"),
            (io::Error::from(ErrorKind::NotADirectory), "not a directory"),
        ] {
            let problem = problem(&error);
            assert_eq!(problem.code, "file.io", "{error}");
            assert!(problem.text.contains(expected), "{error}: {problem}");
        }
    }

    #[test]
    fn a_disk_that_may_only_be_read_is_denied() {
        let problem = problem(&io::Error::from(ErrorKind::ReadOnlyFilesystem));
        assert_eq!(problem.code, "file.denied");
    }
}
