//! Files that could not be moved away, and wait for another attempt.
//!
//! # Invariants
//! - No path waits twice, and never more than [`FILES_MAX`] do.

use std::time::{Duration, Instant};

/// How many files wait at most.
pub(crate) const FILES_MAX: usize = 16;

/// How long a file waits for its next attempt.
pub(crate) const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A file that messages were written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilledFile {
    pub(crate) path: String,
    pub(crate) directory_to_move_into: String,
    pub(crate) records: u64,
}

/// Files that wait, the oldest first, each with the time of its last attempt.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    files: Vec<(Instant, FilledFile)>,
}

impl Waiting {
    /// Keeps a file that was tried now. Gives back the one that has waited longest
    /// where there are too many.
    pub(crate) fn keep(&mut self, file: FilledFile, now: Instant) -> Option<FilledFile> {
        let given_up =
            (self.files.len() >= FILES_MAX).then(|| self.files.remove(0)).map(|(_, file)| file);
        self.files.push((now, file));
        given_up
    }

    /// The file of a path, which is filled again.
    pub(crate) fn take(&mut self, path: &str) -> Option<FilledFile> {
        let at = self.files.iter().position(|(_, file)| file.path == path)?;
        Some(self.files.remove(at).1)
    }

    /// The files that have waited long enough; they wait no more.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<FilledFile> {
        let is_due = |tried: Instant| now.saturating_duration_since(tried) >= TRIED_AGAIN_AFTER;
        let due = self.files.extract_if(.., |(tried, _)| is_due(*tried));
        due.map(|(_, file)| file).collect()
    }

    /// All of them; nothing waits any more.
    pub(crate) fn take_all(&mut self) -> Vec<FilledFile> {
        std::mem::take(&mut self.files).into_iter().map(|(_, file)| file).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> FilledFile {
        let path = path.to_owned();
        FilledFile { path, directory_to_move_into: "done".to_owned(), records: 1 }
    }

    #[test]
    fn a_file_is_due_after_its_time_and_no_more_wait_than_may() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        for number in 0..FILES_MAX {
            assert_eq!(waiting.keep(file(&number.to_string()), start), None);
        }
        let later = start + TRIED_AGAIN_AFTER;
        assert_eq!(waiting.keep(file("late"), later), Some(file("0")));
        assert_eq!(waiting.take("1"), Some(file("1")));
        assert_eq!(waiting.take("1"), None);
        assert_eq!(waiting.take_due(start), []);
        assert_eq!(waiting.take_due(later).len(), FILES_MAX - 2);
        assert_eq!(waiting.take_all(), [file("late")]);
        assert_eq!(waiting.take_all(), []);
    }
}
