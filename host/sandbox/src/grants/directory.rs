//! Directories that a plugin may open.
//!
//! # Invariants
//! - A granted directory is opened once, when its step is made, and only where
//!   it is what its path names: no symbolic link that was put in its place
//!   meanwhile leads elsewhere. All instances use that one descriptor.
//! - Below it, paths are resolved by the kernel or by `wasmtime-wasi` so that
//!   neither `..` nor a symbolic link leads out.

use std::fs::File;
use std::path::{Path, PathBuf};

use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtx};

/// Under this name a guest finds the first directory that it is granted. Not
/// ".": that would take in absolute paths that no grant holds, too.
const FIRST_DIRECTORY: &str = "granted-directory";

/// One directory with everything below it. No `..` and no symbolic link leads
/// out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// Absolute path on the host, without symbolic links; the guest sees it
    /// under the same path.
    pub path: PathBuf,
    /// May files be created, changed and deleted? Otherwise only read.
    pub write: bool,
}

/// Opens the directories. Every instance of a step gets a copy of the answer,
/// which shares the descriptors.
///
/// # Errors
/// One of them cannot be opened, is no directory, or has been replaced by a
/// symbolic link.
pub(crate) fn opened(directories: &[DirectoryGrant]) -> Result<WasiFilesystemCtx, String> {
    let mut builder = WasiCtx::builder();
    for (index, grant) in directories.iter().enumerate() {
        let told = |reason: String| {
            format!("the granted directory {} cannot be opened: {reason}", grant.path.display())
        };
        let (_root, place) = root(&grant.path).map_err(told)?;
        let perms = if grant.write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let own_path = grant.path.to_string_lossy();
        let first = (index == 0).then_some(FIRST_DIRECTORY);
        for name in std::iter::once(&*own_path).chain(first) {
            let opened = builder.preopened_dir(&place, name, perms);
            opened.map_err(|error| told(format!("{error:#}")))?;
        }
    }
    Ok(builder.build().filesystem().clone())
}

/// Holds the directory open and gives the path that leads to this descriptor,
/// whatever happens to its name.
#[cfg(target_os = "linux")]
fn root(path: &Path) -> Result<(File, PathBuf), String> {
    use std::os::fd::AsRawFd;

    let file = File::open(path).map_err(|error| error.to_string())?;
    let place = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Without /proc there is only the path, as on other systems.
    let Ok(real) = std::fs::read_link(&place) else { return Ok((file, path.to_path_buf())) };
    if real != path {
        return Err(format!("a symbolic link leads to {} now", real.display()));
    }
    Ok((file, place))
}

#[cfg(not(target_os = "linux"))]
fn root(path: &Path) -> Result<(File, PathBuf), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    Ok((file, path.to_path_buf()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_became_a_symbolic_link_is_not_opened() {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().canonicalize().unwrap();
        let (granted, other) = (base.join("granted"), base.join("other"));
        std::fs::create_dir(&granted).unwrap();
        std::fs::create_dir(&other).unwrap();
        let grant = DirectoryGrant { path: granted.clone(), write: true };
        assert!(opened(std::slice::from_ref(&grant)).is_ok());
        std::fs::remove_dir(&granted).unwrap();
        std::os::unix::fs::symlink(&other, &granted).unwrap();
        let refused = opened(std::slice::from_ref(&grant)).err().unwrap();
        assert!(refused.contains("a symbolic link leads to"), "{refused}");
        std::fs::remove_file(&granted).unwrap();
        assert!(opened(&[grant]).err().unwrap().contains("cannot be opened"));
    }
}
