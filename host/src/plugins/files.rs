//! The plugin files of a folder, of which no more is read than a plugin may have.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::diagnostics::{Diagnostic, codes};

/// Bytes of a plugin file that are read.
const PLUGIN_BYTES_MAX: u64 = 64 << 20;

/// `*.wasm` right in the folder, by name; a folder that is not there is empty.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn plugin_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("wasm")))
        .collect();
    files.sort();
    Ok(files)
}

/// What is told of a folder of plugins that cannot be read.
pub(super) fn folder_unreadable(folder: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::new(codes::PLUGIN_FILE, format!("the plugin folder cannot be read: {error}"))
        .in_file(folder)
        .help("check that it is a folder, and its permissions")
        .state("its plugins are left out; workflows that need them do not start")
}

/// A plugin's file.
///
/// # Errors
/// It cannot be read, is no file, or too large.
pub fn read_bounded(file: &Path) -> Result<Vec<u8>, String> {
    let found = fs::metadata(file).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if found.len() > PLUGIN_BYTES_MAX {
        return Err(format!("it has {} bytes, at most {PLUGIN_BYTES_MAX} are read", found.len()));
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let read = opened.take(PLUGIN_BYTES_MAX + 1).read_to_end(&mut bytes);
    match read.map_err(|error| error.to_string())? as u64 {
        found if found > PLUGIN_BYTES_MAX => {
            Err(format!("it has more than the {PLUGIN_BYTES_MAX} bytes that are read"))
        }
        _ => Ok(bytes),
    }
}
