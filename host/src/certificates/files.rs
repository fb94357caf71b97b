//! Files of the store: private, bounded, and there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::CertificateError;

/// A long chain is some tens of KiB.
pub(super) const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Reads a file whole.
///
/// # Errors
/// It cannot be read, is no file, or is longer than [`FILE_BYTES_MAX`].
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    Ok(open(path)?.0)
}

/// Reads a file that holds a secret; like sshd, refuses one that others than its owner can use.
///
/// # Errors
/// As [`read`], and when its mode gives anything to others.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let (bytes, file) = open(path)?;
    refuse_shared(path, &file)?;
    Ok(bytes)
}

fn open(path: &Path) -> Result<(Zeroizing<Vec<u8>>, File), CertificateError> {
    let error = |source| file_error("read", path, source);
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(error)?.is_file() {
        return Err(CertificateError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(error)?;
    let mut bytes = Zeroizing::new(Vec::new());
    (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CertificateError::TooLong { path: path.to_owned(), bytes_max: FILE_BYTES_MAX });
    }
    Ok((bytes, file))
}

#[cfg(unix)]
fn refuse_shared(path: &Path, file: &File) -> Result<(), CertificateError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| file_error("read", path, source))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(CertificateError::KeyMode { path: path.to_owned(), mode })
    }
}

#[cfg(not(unix))]
fn refuse_shared(_path: &Path, _file: &File) -> Result<(), CertificateError> {
    Ok(())
}

/// Makes a directory that only its owner can enter, with the directories above it.
///
/// # Errors
/// It cannot be made.
pub(super) fn private_directory(directory: &Path) -> Result<(), CertificateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| file_error("make the directory", directory, source))
}

/// Writes a new file that only its owner can read, to the disk.
///
/// # Errors
/// It is there already, or cannot be written.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CertificateError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|source| file_error("write", path, source))
}

/// Puts a private file in the place of another; a reader sees the old one or the new one.
///
/// # Errors
/// It cannot be written.
pub(super) fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), CertificateError> {
    let unfinished = beside(path, &format!("{}{}", super::name::UNFINISHED, random_suffix()?));
    let outcome = write_private(&unfinished, bytes).and_then(|()| {
        fs::rename(&unfinished, path).map_err(|source| file_error("write", path, source))
    });
    if outcome.is_err() {
        // What is left of a failed attempt is of no use; that it stays is not the news.
        let _cleaned = fs::remove_file(&unfinished);
    }
    outcome
}

/// The same path with something after its name.
pub(super) fn beside(path: &Path, after: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(after);
    path.with_file_name(name)
}

/// Makes two directories change their names, in one step where the system can.
///
/// # Errors
/// One of them cannot be renamed.
pub(super) fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // Some file systems cannot: there is a moment without the directory then, in which a server
    // goes on with what it has loaded.
    let aside = beside(new, "-aside");
    fs::rename(old, &aside)?;
    fs::rename(new, old)?;
    fs::rename(&aside, new)
}

/// For the names of unfinished files.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn random_suffix() -> Result<String, CertificateError> {
    let bytes: [u8; 8] = random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// # Errors
/// The system gives no random numbers.
pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], CertificateError> {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CertificateError::Random)?;
    Ok(bytes)
}

pub(super) fn file_error(action: &'static str, path: &Path, source: io::Error) -> CertificateError {
    CertificateError::File { action, path: path.to_owned(), source }
}
