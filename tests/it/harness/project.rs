//! Where authors' projects are made: one empty folder, in which what a project carries
//! of this repository is compiled once and not for every project.
//!
//! Cargo knows a crate by its path and by the times of its files, so the projects are
//! made one after another under the same path, with times that do not tell them apart.
//! What they carry then decides which builds they share.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::guests::outside_of_cargo;
use super::program::{self, profile_directory};

/// The project's folder in the place.
pub(crate) const PROJECT: &str = "acme-digits";

static TAKEN: Mutex<()> = Mutex::new(());

/// An empty folder for one project at a time.
pub(crate) struct Place {
    folder: PathBuf,
    _taken: MutexGuard<'static, ()>,
}

impl Place {
    /// Waits until no other test is there, and clears it.
    pub(crate) fn take() -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Self { folder: authors().join("work"), _taken: taken };
        place.clear();
        place
    }

    pub(crate) fn clear(&self) {
        // None is there at first.
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.join(PROJECT)
    }

    /// To be called once the project is there: from then on it shares builds.
    pub(crate) fn share_builds(&self) {
        let project = self.project();
        // Only a project in Rust carries code that is compiled.
        if !project.join("tureen").is_dir() || project.join("target").exists() {
            return;
        }
        let mut carried = files(&project.join("tureen"));
        carried.sort();
        let mut hash = DefaultHasher::new();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for path in &carried {
            hash.write(path.as_os_str().as_encoded_bytes());
            hash.write(&fs::read(path).unwrap());
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
        assert!(carried.len() > 50, "a project carries the SDK: {carried:?}");
        let builds = authors().join(format!("{:016x}", hash.finish()));
        fs::create_dir_all(&builds).unwrap();
        std::os::unix::fs::symlink(builds, project.join("target")).unwrap();
    }
}

fn authors() -> PathBuf {
    profile_directory().parent().unwrap().join("authors")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A shell as an author has it, with `tureen` on its path; commands follow as its last
/// argument. What a project needs of others was fetched for this repository.
pub(crate) fn shell(folder: &Path) -> Command {
    let programs = program::path().parent().unwrap().display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = outside_of_cargo(Command::new("sh"));
    shell
        .current_dir(folder)
        .env("PATH", format!("{programs}:{path}"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env(program::SHARED_CACHE, program::shared_cache())
        .env_remove("TUREEN_HOME")
        .stdin(std::process::Stdio::null())
        .arg("-ec");
    shell
}
