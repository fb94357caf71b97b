//! The bytes of a message while it is edited: lines that move, one at a time.
//!
//! Stage: edits → **lines in memory** → the message on the wire. Knows: memory and
//! the order of lines. Deliberately does not know: paths, fields, escapes.
//!
//! A short message is spliced. In a long one, a line that no longer fits where it
//! stands moves to the end of the memory; nothing else does. What it leaves behind
//! is swept up when it is more than the message, so an edit costs what its line
//! costs, however long the message is, and memory stays below three times that.
//!
//! # Invariants
//! - `in_order` says that the memory is the message, byte for byte.
//! - Lengths, limits and the table are true after every call; the whole message
//!   is put together only when somebody asks for it.

use std::borrow::Cow;
use std::ops::Range;

use super::memory::Memory;
use super::segments::{
    Name, Segment, SegmentTable, Spare, message_bytes_max, narrow, too_many_bytes,
};
use crate::{Limits, Problem};

/// A message up to this length is changed where it stands, as long as it stands in
/// order: moving what follows costs less than putting lines together later. Tests
/// have short messages go either way.
const SPLICED_BYTES: usize = if cfg!(test) { 300 } else { 4 << 10 };
/// Memory left behind that is not worth sweeping up, in bytes.
const GARBAGE_BYTES: usize = 4 << 10;

/// Where the lines of a message stand.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bytes: Memory,
    pub(super) table: Box<SegmentTable>,
    /// Of the message; the memory holds at least as many bytes.
    length: usize,
    in_order: bool,
    line_ends: Option<LineEnds>,
}

/// How the lines of a message end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnds {
    /// With one kind of terminator, so that a line can go or come without a
    /// change of how others are read.
    Plain,
    /// Line feeds stand beside carriage returns: whether one ends a line hangs
    /// on what follows.
    Mixed,
}

impl Store {
    pub(super) fn new(bytes: impl Into<Memory>, table: Box<SegmentTable>) -> Self {
        let bytes = bytes.into();
        Self { length: bytes.len(), bytes, table, in_order: true, line_ends: None }
    }

    /// How many bytes the message has.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// The message, when its lines stand in order.
    pub(super) fn in_order(&self) -> Option<&[u8]> {
        self.in_order.then_some(&self.bytes)
    }

    /// The message in order.
    pub(super) fn assembled(&self) -> Cow<'_, [u8]> {
        if self.in_order {
            return Cow::Borrowed(&self.bytes);
        }
        let mut bytes = Vec::with_capacity(self.length);
        for part in self.table.parts() {
            bytes.extend_from_slice(self.bytes.get(part).unwrap_or_default());
        }
        Cow::Owned(bytes)
    }

    pub(super) fn into_assembled(self) -> Vec<u8> {
        match self.in_order {
            true => self.bytes.into_bytes(),
            false => self.assembled().into_owned(),
        }
    }

    /// The memory, for another message.
    pub(super) fn into_parts(self) -> (Vec<u8>, Spare) {
        (self.bytes.into_bytes(), Spare::of(self.table))
    }

    /// Puts the lines in order; offsets of the message are those of the memory
    /// afterwards.
    pub(super) fn arrange(&mut self) {
        if !self.in_order {
            self.bytes = self.assembled().into_owned().into();
            self.table.lay_out();
            self.in_order = true;
        }
    }

    /// The bytes of a segment without its terminator.
    #[inline]
    pub(super) fn line(&self, segment: &Segment) -> &[u8] {
        self.bytes.get(segment.range()).unwrap_or_default()
    }

    /// The text of bytes that are a part of the memory, where that is known to be
    /// text: without looking at them.
    #[inline]
    pub(super) fn text(&self, part: &[u8]) -> Option<&str> {
        let start = part.as_ptr().addr().wrapping_sub(self.bytes.as_ptr().addr());
        self.bytes.text(start..start.checked_add(part.len())?)
    }

    pub(super) fn gap(&self, segment: &Segment) -> &[u8] {
        self.bytes.get(segment.gap()).unwrap_or_default()
    }

    /// Refuses a change that would make the message too long.
    pub(super) fn refuse_length(
        &self,
        removed: usize,
        added: usize,
        limits: &Limits,
    ) -> Result<(), Problem> {
        let length = self.length.saturating_sub(removed).saturating_add(added);
        if length > message_bytes_max(limits) {
            return Err(too_many_bytes(length, limits));
        }
        Ok(())
    }

    /// Replaces a part of a line, whose offsets count from its start.
    pub(super) fn replace(&mut self, position: usize, part: Range<usize>, new: &[u8]) {
        let Some(segment) = self.table.get(position).copied() else { return };
        let start = segment.start as usize;
        let part = start + part.start..start + part.end;
        self.put(position, part, new, segment.gap().len());
    }

    /// Replaces the gap behind a line.
    fn replace_gap(&mut self, position: usize, new: &[u8]) {
        let Some(segment) = self.table.get(position).copied() else { return };
        if self.gap(&segment) != new {
            self.put(position, segment.gap(), new, new.len());
        }
    }

    /// Replaces a part of a line and its gap; the last bytes of what comes out
    /// are its gap.
    fn put(&mut self, position: usize, part: Range<usize>, new: &[u8], gap: usize) {
        let Some(segment) = self.table.get(position).copied() else { return };
        let whole = segment.whole();
        let length = whole.len() - part.len() + new.len();
        let mut start = whole.start;
        if self.in_order && self.length <= SPLICED_BYTES {
            self.table.shift(position + 1, part.len(), new.len());
            exchange(self.bytes.edit(), part, new);
        } else if whole.end == self.bytes.len() {
            exchange(self.bytes.edit(), part, new);
        } else if new.len() <= part.len() {
            let kept_from = part.start + new.len();
            self.in_order &= new.len() == part.len();
            let bytes = self.bytes.edit();
            if let Some(place) = bytes.get_mut(part.start..kept_from) {
                place.copy_from_slice(new);
            }
            bytes.copy_within(part.end..whole.end, kept_from);
        } else {
            start = self.bytes.len();
            self.in_order = false;
            let bytes = self.bytes.edit();
            bytes.reserve(length);
            bytes.extend_from_within(whole.start..part.start);
            bytes.extend_from_slice(new);
            bytes.extend_from_within(part.end..whole.end);
        }
        self.length = self.length - whole.len() + length;
        self.table.replace(position, placed(start, length, gap));
        self.sweep();
    }

    /// Whether lines can come and go one by one; else the message has to be
    /// indexed again.
    pub(super) fn has_plain_lines(&mut self) -> bool {
        if self.line_ends.is_none() {
            self.arrange();
            self.line_ends = Some(LineEnds::of(self.content()));
        }
        self.table.later.is_empty() && self.line_ends == Some(LineEnds::Plain)
    }

    /// Puts a line in front of the one that has this number, with a terminator.
    pub(super) fn insert_before(&mut self, position: usize, line: &[u8]) {
        let gap = self.terminator_at(position.saturating_sub(1));
        self.insert(position, line, gap);
        self.sweep();
    }

    /// Puts a line behind the one that has this number; the gap behind that one
    /// is behind the new one then.
    pub(super) fn insert_after(&mut self, position: usize, line: &[u8]) {
        let Some(segment) = self.table.get(position) else { return };
        let terminator = self.terminator_at(position);
        let gap = self.gap(segment).to_vec();
        self.replace_gap(position, terminator);
        self.insert(position + 1, line, &gap);
        self.sweep();
    }

    fn insert(&mut self, position: usize, line: &[u8], gap: &[u8]) {
        let Some(name) = Name::start_of(line) else { return };
        let start = self.bytes.len();
        self.in_order &= position == self.table.segments().len();
        let bytes = self.bytes.edit();
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(gap);
        let length = line.len() + gap.len();
        self.length += length;
        self.table.insert(position, Segment { name, ..placed(start, length, gap.len()) });
    }

    /// Takes lines out with their terminators, given in ascending order; never
    /// the first. Blank lines behind them stay.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        let mut kept = 0;
        let mut left: Vec<u8> = Vec::new();
        let mut expected = None;
        let mut gaps: Vec<(usize, Vec<u8>)> = Vec::new();
        for &position in positions {
            let Some(segment) = self.table.get(position) else { continue };
            if expected != Some(position) {
                if !left.is_empty() {
                    gaps.push((kept, std::mem::take(&mut left)));
                }
                kept = position.saturating_sub(1);
            }
            expected = Some(position + 1);
            let gap = self.gap(segment);
            left.extend_from_slice(gap.get(terminator_length(gap)..).unwrap_or_default());
            self.length -= segment.whole().len();
        }
        if !left.is_empty() {
            gaps.push((kept, left));
        }
        for (kept, left) in gaps {
            let Some(segment) = self.table.get(kept) else { continue };
            let gap = [self.gap(segment), &left].concat();
            self.replace_gap(kept, &gap);
        }
        self.in_order &= positions.is_empty();
        self.table.remove(positions);
        self.sweep();
    }

    /// The terminator of a line, or of the one before; CR where there is none.
    /// Another one than the neighbours' could change how they are read: a bare
    /// LF is data only where CR ends lines.
    pub(super) fn terminator_at(&self, position: usize) -> &'static [u8] {
        let gap_of = |position: usize| self.table.get(position).map(|segment| self.gap(segment));
        let own = gap_of(position).unwrap_or_default();
        let before = match position.checked_sub(1) {
            Some(before) => gap_of(before).unwrap_or_default(),
            None => self.bytes.get(..self.table.lead as usize).unwrap_or_default(),
        };
        let before = before.get(before.len().saturating_sub(2)..).unwrap_or_default();
        let found = match (own, before) {
            ([b'\r' | b'\n', ..], _) => own,
            (_, [b'\r', b'\n'] | [b'\r' | b'\n']) => before,
            (_, [_, last @ ..]) => last,
            _ => b"",
        };
        match found {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\n', ..] if self.line_ends == Some(LineEnds::Plain) => b"\n",
            [b'\n', ..] if !LineEnds::have_return_behind_feed(self.content()) => b"\n",
            _ => b"\r",
        }
    }

    /// What lines are found in, as far as it stands in order: a carriage return of the
    /// framing ends none.
    fn content(&self) -> &[u8] {
        self.bytes.get(self.table.content(self.bytes.len())).unwrap_or_default()
    }

    fn sweep(&mut self) {
        if self.bytes.len() > self.length * 2 + GARBAGE_BYTES {
            self.arrange();
        }
    }
}

/// Puts bytes in the place of others; what follows moves as one piece.
fn exchange(bytes: &mut Vec<u8>, part: Range<usize>, new: &[u8]) {
    let length = bytes.len();
    let end = part.start + new.len();
    if end > part.end {
        bytes.resize(length + end - part.end, 0);
    }
    bytes.copy_within(part.end..length, end);
    bytes.truncate(length - part.len() + new.len());
    if let Some(place) = bytes.get_mut(part.start..end) {
        place.copy_from_slice(new);
    }
}

/// A line with its gap at a place in memory; [`MESSAGE_BYTES_MAX`] bounds that.
///
/// [`MESSAGE_BYTES_MAX`]: super::MESSAGE_BYTES_MAX
fn placed(start: usize, length: usize, gap: usize) -> Segment {
    Segment {
        name: Name::NONE,
        start: narrow(start),
        end: narrow(start + length - gap),
        next: narrow(start + length),
    }
}

/// How long the terminator is that a gap starts with.
pub(super) fn terminator_length(gap: &[u8]) -> usize {
    match gap {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

impl LineEnds {
    fn of(bytes: &[u8]) -> Self {
        let has_return = memchr::memchr(b'\r', bytes).is_some();
        match first_bare_line_feed(bytes) {
            Some(_) if has_return => Self::Mixed,
            _ => Self::Plain,
        }
    }

    /// Does a CR follow the first bare LF? Then a bare LF ends a line only in
    /// front of a segment, and CR is the safe one to write.
    fn have_return_behind_feed(bytes: &[u8]) -> bool {
        let rest = first_bare_line_feed(bytes).and_then(|first| bytes.get(first..));
        memchr::memchr(b'\r', rest.unwrap_or_default()).is_some()
    }
}

fn first_bare_line_feed(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes)
        .find(|&at| at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r'))
}

impl Clone for Store {
    /// A copy stands in order.
    fn clone(&self) -> Self {
        let mut table = self.table.clone();
        if !self.in_order {
            table.lay_out();
        }
        let bytes = match self.in_order {
            true => self.bytes.clone(),
            false => self.assembled().into_owned().into(),
        };
        Self { bytes, table, in_order: true, ..*self }
    }
}
