//! Finds the folders that are cases.
//!
//! # Invariants
//! - Links are not followed, so that no folder is entered twice.
//! - Depth and number are limited.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders inside each other.
const DEPTH_MAX: usize = 16;

/// Files and folders that are looked at.
const ENTRIES_MAX: usize = 100_000;

/// One case that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The path from the folder that was asked for, with `/`.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// The folder that was asked for: no workflow is looked for above it.
    pub(super) root: PathBuf,
}

/// The cases below a folder, or the folder itself, by name.
///
/// # Errors
/// A folder that cannot be read, or more than the limits.
pub(super) fn cases(root: &Path) -> anyhow::Result<Vec<Found>> {
    cases_within(root, ENTRIES_MAX)
}

fn cases_within(root: &Path, entries_max: usize) -> anyhow::Result<Vec<Found>> {
    let mut search = Search { root, found: Vec::new(), entries_left: entries_max };
    search.look(root, 0)?;
    search.found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(search.found)
}

struct Search<'a> {
    root: &'a Path,
    found: Vec<Found>,
    entries_left: usize,
}

impl Search<'_> {
    /// The depth is limited, so this may recurse.
    fn look(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        if depth > DEPTH_MAX {
            anyhow::bail!(
                "{} is more than {DEPTH_MAX} folders deep: name a folder nearer to the cases",
                folder.display()
            );
        }
        let unreadable = || format!("the folder {} cannot be read", folder.display());
        let mut inner = Vec::new();
        let mut is_case = false;
        for entry in fs::read_dir(folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let Some(left) = self.entries_left.checked_sub(1) else {
                anyhow::bail!(
                    "{} holds more files than are looked at ({ENTRIES_MAX}): name a folder nearer to the cases",
                    self.root.display()
                );
            };
            self.entries_left = left;
            let name = entry.file_name();
            let kind = entry.file_type().with_context(unreadable)?;
            // A link is neither.
            if kind.is_dir() && !name.to_string_lossy().starts_with('.') {
                inner.push(entry.path());
            } else if kind.is_file() {
                is_case |= name == "case.toml" || is_message(Path::new(&name));
            }
        }
        if is_case {
            self.found.push(Found {
                name: self.name_of(folder),
                folder: folder.to_path_buf(),
                root: self.root.to_path_buf(),
            });
            return Ok(());
        }
        for folder in inner {
            self.look(&folder, depth + 1)?;
        }
        Ok(())
    }

    fn name_of(&self, folder: &Path) -> String {
        let below = folder.strip_prefix(self.root).unwrap_or(folder);
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        if !parts.is_empty() {
            return parts.join("/");
        }
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        whole.file_name().map_or_else(|| ".".to_owned(), |name| name.to_string_lossy().into_owned())
    }
}

/// `message`, whatever its extension.
pub(super) fn is_message(name: &Path) -> bool {
    name.file_stem().is_some_and(|stem| stem == "message")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<String> {
        cases(root).unwrap().into_iter().map(|found| found.name).collect()
    }

    #[test]
    fn cases_are_folders_with_a_message_or_a_case_file() {
        let home = tempfile::tempdir().unwrap();
        for file in [
            "b/message.hl7",
            "a/deep/case.toml",
            "a/deep/expected/message.txt",
            "a/other/notes.txt",
            ".git/message.hl7",
            "c/messages.hl7",
        ] {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(names(home.path()), ["a/deep", "b"]);
        assert_eq!(names(&home.path().join("b")), ["b"]);
        assert_eq!(names(&home.path().join("c")), [""; 0]);
        assert!(cases(&home.path().join("nowhere")).is_err());
    }

    #[test]
    fn more_files_than_are_looked_at_are_refused() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        assert!(cases_within(home.path(), 3).is_ok());
        let error = cases_within(home.path(), 2).unwrap_err().to_string();
        assert!(error.contains("more files"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_the_depth_is_limited() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("a")).unwrap();
        fs::write(home.path().join("a/message.txt"), "").unwrap();
        std::os::unix::fs::symlink(home.path(), home.path().join("again")).unwrap();
        std::os::unix::fs::symlink(home.path().join("a"), home.path().join("b")).unwrap();
        assert_eq!(names(home.path()), ["a"]);
        let deep = home.path().join(["d"; DEPTH_MAX].join("/"));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(names(home.path()), ["a"]);
        fs::create_dir(deep.join("d")).unwrap();
        assert!(cases(home.path()).unwrap_err().to_string().contains("folders deep"));
    }
}
