//! Writes and moves files, and says what went wrong without naming them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tureen_plugin_sdk::{FIRST_DIRECTORY, Problem};

use crate::reason::{self, EIO};

/// How long to wait before the one retry of a write.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How many names are tried for a moved file.
const NAMES_MAX: u32 = 10_000;

/// The bytes that are written at once, and stay together whoever else appends: the
/// sandbox takes no more in one write.
pub(crate) const WHOLE_BYTES_MAX: usize = 64 << 10;

/// What is written for one message.
#[derive(Debug)]
pub(crate) enum Record {
    /// At the end of the file; a new file begins with the header.
    Appended { bytes: Vec<u8>, header: String },
    /// The whole file, whatever it held.
    Whole(Vec<u8>),
}

/// How a record stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Whole,
    /// Somebody else appended at the same time, perhaps in the middle of it.
    PerhapsDivided,
}

/// Writes a record; creates the directories on the way. An error of the file
/// system is waited for once, unless half a record may have stayed: the second
/// attempt would come behind it.
pub(crate) fn write(path: &str, record: &Record) -> io::Result<Written> {
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

fn write_once(path: &Path, record: &Record) -> Result<Written, Unwritten> {
    let (bytes, header) = match record {
        // Written anew, it replaces whatever was left.
        Record::Whole(bytes) => {
            let written = with_directories(path, || fs::write(path, bytes));
            written.map_err(|error| reason::behind(error, path, 0, bytes))?;
            return Ok(Written::Whole);
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

/// Appends a record; half of one is taken back, so that a second attempt does not
/// leave it in front of the whole one.
fn append(mut file: File, path: &Path, parts: &[&[u8]]) -> Result<Written, Unwritten> {
    let length = file.metadata()?.len();
    let record = parts.concat();
    match file.write_all(&record) {
        Ok(()) => Ok(written(length, &record, file.metadata()?.len())),
        Err(error) => Err(taken_back(error, &file, path, length, &record)),
    }
}

/// How a record stands in a file that has grown from one length to another.
fn written(length_before: u64, record: &[u8], length_after: u64) -> Written {
    let is_alone = length_after.checked_sub(length_before) == u64::try_from(record.len()).ok();
    match is_alone || record.len() <= WHOLE_BYTES_MAX {
        true => Written::Whole,
        false => Written::PerhapsDivided,
    }
}

/// Takes back what was written of a record. What somebody else has appended since
/// is never touched; then half a record stays.
fn taken_back(error: io::Error, file: &File, path: &Path, length: u64, record: &[u8]) -> Unwritten {
    let is_own = || is_beginning(path, length, record).unwrap_or(false);
    if !is_own() {
        return Unwritten { error, clean: false };
    }
    let error = reason::behind(error, path, length, record);
    // To ask for the reason was to write it again.
    let clean = is_own() && file.set_len(length).is_ok();
    Unwritten { error, clean }
}

/// Whether what stands in a file behind this length is a beginning of the record,
/// and so nobody else's.
fn is_beginning(path: &Path, length: u64, record: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let more = file.metadata()?.len().checked_sub(length);
    let Some(begun) = more.and_then(|more| record.get(..usize::try_from(more).ok()?)) else {
        return Ok(false);
    };
    let mut found = vec![0; begun.len()];
    file.seek(SeekFrom::Start(length))?;
    file.read_exact(&mut found)?;
    Ok(found == begun)
}

/// Why a file is still where it was.
#[derive(Debug)]
pub(crate) enum Unmoved {
    /// The file itself cannot be moved.
    File(io::Error),
    /// The directory cannot be made, or does not take it.
    Directory(io::Error),
    /// The directory has the file's name with every number.
    NoName,
}

/// Moves a file into a directory, under its own name or one that is free there;
/// nothing happens when the file is gone.
pub(crate) fn move_into(path: &str, directory: &str) -> Result<(), Unmoved> {
    let (path, directory) = (&located(path), &located(directory));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Unmoved::File(error)),
    };
    // Before the file is brought to the disk, which takes its time.
    fs::create_dir_all(directory).map_err(Unmoved::Directory)?;
    file.sync_all().map_err(Unmoved::File)?;
    let target = reserved(path, directory)?;
    replace(path, &target).map_err(Unmoved::Directory)
}

/// A name for the file that is free in the directory. An empty file takes it, so
/// that nobody else can; the move then replaces it.
fn reserved(path: &Path, directory: &Path) -> Result<PathBuf, Unmoved> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| extension.to_string_lossy());
    let extension = extension.map_or_else(String::new, |extension| format!(".{extension}"));
    for number in 0..NAMES_MAX {
        let name = match number {
            0 => format!("{stem}{extension}"),
            _ => format!("{stem}-{number}{extension}"),
        };
        let target = directory.join(name);
        match File::create_new(&target) {
            Ok(_) => return Ok(target),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Unmoved::Directory(error)),
        }
    }
    Err(Unmoved::NoName)
}

fn replace(path: &Path, target: &Path) -> io::Result<()> {
    let moved = match fs::rename(path, target) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            fs::copy(path, target).and_then(|_| fs::remove_file(path))
        }
        other => other,
    };
    if moved.is_err() {
        // The name was only reserved. What the move failed with is told.
        let _ = fs::remove_file(target);
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

/// What to tell of a file that could not be written.
pub(crate) fn problem(error: &io::Error) -> Problem {
    problem_of("the file could not be written", error)
}

/// What to tell of a file that could not be moved.
pub(crate) fn move_problem(unmoved: &Unmoved) -> Problem {
    match unmoved {
        Unmoved::File(error) => problem_of("the file could not be moved", error),
        Unmoved::Directory(error)
            if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) =>
        {
            Problem::new(
                "file.io",
                "a file stands where the directory to move into should be, or one on the way to \
                 it: move that file away, or name another directory",
            )
        }
        Unmoved::Directory(error) => problem_of("the directory did not take the file", error),
        Unmoved::NoName => Problem::new(
            "file.io",
            "the directory to move into has this name with every number: move files out of it",
        ),
    }
}

fn problem_of(what: &str, error: &io::Error) -> Problem {
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
        _ => Problem::new("file.io", format!("{what}: {}", words(error))),
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

    /// A file of a record that was begun, and its path.
    fn begun(content: &[u8]) -> (tempfile::TempDir, PathBuf, File) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("out.txt");
        fs::write(&path, content).unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        (home, path, file)
    }

    #[test]
    fn only_what_is_a_beginning_of_the_record_is_taken_back() {
        let record = b"record two\n";
        for (found, left) in [
            (&b"one\nrecord t"[..], &b"one\n"[..]),
            (b"one\nrecord two\n", b"one\n"),
            (b"one\n", b"one\n"),
            // Somebody else's record behind half of this one, or instead of it.
            (b"one\nrecord tother\n", b"one\nrecord tother\n"),
            (b"one\nother\n", b"one\nother\n"),
            (b"one\nrecord two\nother\n", b"one\nrecord two\nother\n"),
            // Somebody else cut the file.
            (b"on", b"on"),
        ] {
            let (_home, path, file) = begun(found);
            let error = io::Error::from(ErrorKind::StorageFull);
            let unwritten = taken_back(error, &file, &path, 4, record);
            let what = String::from_utf8_lossy(found);
            assert_eq!(fs::read(&path).unwrap(), left, "{what}");
            assert_eq!(unwritten.clean, left == b"one\n", "{what}");
            assert_eq!(unwritten.error.kind(), ErrorKind::StorageFull);
        }
    }

    #[test]
    fn only_a_record_of_several_writes_can_be_divided() {
        let small = vec![b'x'; WHOLE_BYTES_MAX];
        let large = vec![b'x'; WHOLE_BYTES_MAX + 1];
        let end = |record: &[u8]| 4 + record.len() as u64;
        for (record, after, expected) in [
            (&large, end(&large), Written::Whole),
            (&large, end(&large) + 1, Written::PerhapsDivided),
            (&large, 0, Written::PerhapsDivided),
            (&small, end(&small) + 1, Written::Whole),
        ] {
            assert_eq!(written(4, record, after), expected, "{} {after}", record.len());
        }
    }

    #[test]
    fn what_keeps_a_file_from_being_moved_is_told_of_the_directory_or_the_file() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        fs::write(path("file"), "1").unwrap();
        for directory in [path("file"), path("file/below")] {
            let unmoved = move_into(&path("file"), &directory).unwrap_err();
            let problem = move_problem(&unmoved);
            assert!(matches!(unmoved, Unmoved::Directory(_)), "{unmoved:?}");
            assert!(problem.text.starts_with("a file stands where"), "{problem}");
        }
        assert!(move_into(&path("gone"), &path("done")).is_ok());
        assert!(!Path::new(&path("done")).exists());
        let problem = move_problem(&Unmoved::File(ErrorKind::StorageFull.into()));
        assert!(problem.text.starts_with("the file could not be moved"), "{problem}");
    }

    #[test]
    fn a_disk_that_may_only_be_read_is_denied() {
        let problem = problem(&io::Error::from(ErrorKind::ReadOnlyFilesystem));
        assert_eq!(problem.code, "file.denied");
    }
}
