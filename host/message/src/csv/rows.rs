//! Where the rows of a CSV text begin.
//!
//! Knows: the beginning of every so many rows, of the last one, and how many there
//! are. So a row is found in a time that does not depend on how far down it
//! stands, for a small part of the memory that all beginnings would take.
//! Deliberately does not know: which rows are header or footer, limits.
//!
//! # Invariants
//! - There is at least one row.
//! - After every edit [`Rows::splice`] or [`Rows::read_on`] makes it true again.

use super::scan::{self, Field};

/// Every so many rows the beginning is kept.
const STRIDE: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Of the rows 0, `STRIDE`, 2 × `STRIDE`, …
    starts: Vec<usize>,
    count: usize,
    /// Where the last row begins.
    last: usize,
}

/// A row that is known besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) row: usize,
    pub(super) start: usize,
}

impl Rows {
    /// No row yet: the first is told with [`Rows::add`].
    pub(super) fn new() -> Self {
        Self { starts: Vec::new(), count: 0, last: 0 }
    }

    pub(super) fn add(&mut self, start: usize) {
        if self.count.is_multiple_of(STRIDE) {
            self.starts.push(start);
        }
        self.count += 1;
        self.last = start;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn last_start(&self) -> usize {
        self.last
    }

    /// Where a row (from 0) begins; a row that is known may be nearer.
    pub(super) fn start(
        &self,
        bytes: &[u8],
        delimiter: u8,
        row: usize,
        known: Option<Known>,
    ) -> Option<usize> {
        if row >= self.count {
            return None;
        }
        if row + 1 == self.count {
            return Some(self.last);
        }
        let stride = Known { row: row - row % STRIDE, start: *self.starts.get(row / STRIDE)? };
        let from =
            known.filter(|known| known.row <= row && known.row > stride.row).unwrap_or(stride);
        let mut at = from.start;
        for _ in from.row..row {
            at = scan::row(bytes, at, delimiter)?.next?;
        }
        Some(at)
    }

    /// After a splice inside one row that left the number of rows.
    pub(super) fn splice(&mut self, row: usize, old: Field, length: usize) {
        let moved = |start: usize| start - old.end + old.start + length;
        for start in self.starts.iter_mut().skip(row / STRIDE + 1) {
            *start = moved(*start);
        }
        if row + 1 < self.count {
            self.last = moved(self.last);
        }
    }

    /// After an edit that left what stands before a row as it was: reads the
    /// rows from there on again.
    pub(super) fn read_on(&mut self, bytes: &[u8], delimiter: u8, row: usize) {
        let kept = (row / STRIDE).min(self.starts.len().saturating_sub(1));
        let mut at = self.starts.get(kept).copied().unwrap_or_default();
        self.starts.truncate(kept);
        self.count = kept * STRIDE;
        loop {
            self.add(at);
            match scan::row(bytes, at, delimiter).and_then(|row| row.next) {
                Some(next) if next < bytes.len() => at = next,
                _ => return,
            }
        }
    }
}
