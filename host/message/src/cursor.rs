//! Where the last read among siblings ended.
//!
//! A workflow that walks over n items asks for item 1, item 2 and so on by path.
//! Looking for each from the start would take n² steps; with the place of the one
//! before at hand a walk takes n. Deliberately does not know: formats.
//!
//! A cursor is a hint. It is empty in a copy, forgotten by every edit that moves
//! what it points at, and skipped when another thread holds it: no answer ever
//! depends on it.

use std::fmt;
use std::sync::Mutex;

/// One remembered mark.
pub(crate) struct Cursor<T>(Mutex<Option<T>>);

impl<T: Copy> Cursor<T> {
    /// The mark, when there is one and nobody else looks at it now.
    pub(crate) fn recall(&self) -> Option<T> {
        self.0.try_lock().ok().and_then(|mark| *mark)
    }

    /// Replaces the mark.
    pub(crate) fn remember(&self, mark: T) {
        if let Ok(mut slot) = self.0.try_lock() {
            *slot = Some(mark);
        }
    }

    /// Changes the mark for an edit, where there is one.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut T)) {
        let mark = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(mark) = mark {
            change(mark);
        }
    }

    /// Empties it, for an edit.
    pub(crate) fn forget(&mut self) {
        *self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

impl<T> Default for Cursor<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Clone for Cursor<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> fmt::Debug for Cursor<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cursor")
    }
}
