//! The table of segments: where each line of a message starts and ends.
//!
//! Stage: bytes → **segment table** → reading and editing by path. Knows: line
//! ends, framing bytes, segment names, the order of lines. Deliberately does not
//! know: fields, character sets.
//!
//! Every byte of a message is either in front of the first line or belongs to a
//! line: its text, then the gap behind it (terminator, blank lines, framing
//! bytes). So a line may stand anywhere in memory; an edit moves that line
//! alone, and the message is put together in the order of the table.
//!
//! # Invariants
//! - Segments are in document order and do not overlap.
//! - A line that is no segment is in the table without a name: kept, warned
//!   about, not addressable.
//! - Building the table is linear: no byte is looked at more than a fixed
//!   number of times.

mod index;
mod marks;
mod name;
mod names;
mod recent;

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

pub(super) use self::index::FILE_SEPARATOR;
use self::index::Lines;
pub(super) use self::index::{content_range, lead_of, may_begin_message};
pub(super) use self::name::{Name, name_of_line};
use self::names::Names;
use self::recent::{Recent, first_of};
use super::delimiters::Delimiters;
use crate::{Limits, Problem};

/// The longest message in bytes, whatever the limits say: offsets of a message
/// and of its replaced lines are 32 bits wide.
pub const MESSAGE_BYTES_MAX: usize = 1 << 30;

/// How many lines are looked at one by one, which is faster than an index.
const SCANNED_LINES: usize = 64;
/// So many bytes have lines of real messages, or more: room is made at once.
const BYTES_PER_LINE: usize = 48;
/// How often all lines are looked at before an index of them pays.
const SCANS_BEFORE_INDEX: u8 = 16;

/// One line: its name, its bytes, and behind them the gap up to the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: Name,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Where the gap ends; the next line may stand elsewhere.
    pub(super) next: u32,
}

impl Segment {
    /// The line without its terminator.
    pub(super) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// What stands between this line and the next, or the end.
    pub(super) fn gap(&self) -> Range<usize> {
        self.end as usize..self.next as usize
    }

    /// The line and the gap behind it.
    pub(super) fn whole(&self) -> Range<usize> {
        self.start as usize..self.next as usize
    }
}

/// All lines of a message.
#[derive(Debug)]
pub(super) struct SegmentTable {
    segments: Vec<Segment>,
    /// Where the first line starts, which is also where it ever was.
    pub(super) lead: u32,
    /// Of the message, where reading starts: behind byte order mark and framing.
    content_start: u32,
    /// Framing bytes and what follows them at the end of the message.
    framing: u32,
    delimiters: Delimiters,
    /// Whether those are the recommended ones.
    has_standard: bool,
    /// Later headers that declare other delimiters: from which line on.
    pub(super) later: Vec<(u32, Delimiters)>,
    /// Whether a line looks like a second header, an envelope or a frame of its own.
    pub(super) may_be_batch: bool,
    names: OnceLock<Names>,
    /// How often all lines were looked at; see [`SCANS_BEFORE_INDEX`].
    scans: AtomicU8,
    recent: Recent,
    /// Whether all bytes were ASCII, without an escape sequence of ISO 2022, when
    /// they were indexed.
    pub(super) is_plain: bool,
}

/// The table of a message that is no longer needed, for its memory.
#[derive(Debug, Default)]
pub(super) struct Spare(Option<Box<SegmentTable>>);

impl SegmentTable {
    /// Finds the segments of a message whose delimiters are ASCII bytes.
    ///
    /// # Errors
    /// `hl7.header` when no usable header stands first, `limit.segments`,
    /// `limit.message-bytes`.
    pub(super) fn index(bytes: &[u8], limits: &Limits) -> Result<Box<Self>, Problem> {
        Self::index_in(&mut Spare::default(), bytes, limits)
    }

    /// As [`SegmentTable::index`], in memory that another table had. It is left
    /// where it is when the bytes are refused.
    ///
    /// The table stays where it is filled: moving what was just written costs as much
    /// as finding five lines.
    pub(super) fn index_in(
        spare: &mut Spare,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Box<Self>, Problem> {
        if bytes.len() > message_bytes_max(limits) {
            return Err(too_many_bytes(bytes.len(), limits));
        }
        let content = content_range(bytes);
        let body = bytes.get(..content.end).unwrap_or_default();
        let mut lines = Lines::new(body, content.start);
        let first = lines.first_header()?;
        let mut table = spare.0.take().unwrap_or_default();
        table.empty(first);
        table.content_start = narrow(content.start);
        table.framing = narrow(bytes.len() - content.end);
        table.segments.reserve((body.len() / BYTES_PER_LINE).clamp(8, 256));
        let filled = table.fill(&mut lines, limits);
        if let Some(last) = table.segments.last_mut() {
            last.next = narrow(bytes.len());
        }
        match filled {
            Ok(()) => Ok(table),
            Err(problem) => {
                *spare = Spare::of(table);
                Err(problem)
            }
        }
    }

    /// Forgets the message; `first` are the delimiters of the next. Names every part, so
    /// that none of it is forgotten itself.
    fn empty(&mut self, first: Delimiters) {
        let Self {
            segments,
            lead,
            content_start,
            framing,
            delimiters,
            has_standard,
            later,
            may_be_batch,
            names,
            scans,
            recent,
            is_plain,
        } = self;
        segments.clear();
        later.clear();
        names.take();
        (*lead, *content_start, *framing) = (0, 0, 0);
        *delimiters = first;
        *has_standard = first == Delimiters::STANDARD;
        *scans.get_mut() = 0;
        *recent = Recent::default();
        (*may_be_batch, *is_plain) = (false, false);
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The line number (from 0) of a segment by name and occurrence from 1.
    #[inline]
    pub(super) fn position(&self, name: Name, occurrence: usize) -> Option<usize> {
        if occurrence == 1 {
            return self.recent.line_of(name).or_else(|| self.search_first(name));
        }
        self.search(name, occurrence)
    }

    #[inline(never)]
    fn search_first(&self, name: Name) -> Option<usize> {
        let near = self.segments.get(..SCANNED_LINES).unwrap_or(&self.segments);
        let found = match first_of(near, name) {
            None if self.segments.len() > SCANNED_LINES => self.far_position(name, 1),
            found => found,
        }?;
        self.recent.remember_line(name, found);
        Some(found)
    }

    #[inline(never)]
    fn search(&self, name: Name, occurrence: usize) -> Option<usize> {
        let mut remaining = occurrence;
        let near = self.segments.iter().take(SCANNED_LINES).position(|segment| {
            remaining -= usize::from(segment.name == name);
            remaining == 0
        });
        if near.is_some() || self.segments.len() <= SCANNED_LINES {
            return near;
        }
        self.far_position(name, occurrence)
    }

    fn far_position(&self, name: Name, occurrence: usize) -> Option<usize> {
        match self.names() {
            Some(names) => {
                let line = names.lines_of(name).get(occurrence.checked_sub(1)?)?;
                Some(*line as usize)
            }
            None => self.lines_of(name).nth(occurrence.checked_sub(1)?),
        }
    }

    /// How many segments have a name.
    pub(super) fn count(&self, name: Name) -> usize {
        match self.names() {
            Some(names) => names.lines_of(name).len(),
            None => self.lines_of(name).count(),
        }
    }

    /// The line number of the last segment of a name.
    pub(super) fn last(&self, name: Name) -> Option<usize> {
        match self.names() {
            Some(names) => names.lines_of(name).last().map(|line| *line as usize),
            None => self.lines_of(name).next_back(),
        }
    }

    fn lines_of(&self, name: Name) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let numbered = self.segments.iter().enumerate();
        numbered.filter(move |(_, segment)| segment.name == name).map(|(line, _)| line)
    }

    /// The index by name, where it is worth its making.
    fn names(&self) -> Option<&Names> {
        if self.segments.len() <= SCANNED_LINES {
            return None;
        }
        if let Some(names) = self.names.get() {
            return Some(names);
        }
        // A lost count of two threads makes the index one look later.
        let scans = self.scans.load(Ordering::Relaxed);
        if scans < SCANS_BEFORE_INDEX {
            self.scans.store(scans + 1, Ordering::Relaxed);
            return None;
        }
        Some(self.names.get_or_init(|| {
            let mut names = Names::default();
            names.refill(&self.segments);
            names
        }))
    }

    pub(super) fn get(&self, position: usize) -> Option<&Segment> {
        self.segments.get(position)
    }

    /// The delimiters that a line is written with.
    #[inline]
    pub(super) fn delimiters(&self, position: usize) -> &Delimiters {
        if self.later.is_empty() {
            return &self.delimiters;
        }
        let declared = self.later.partition_point(|(from, _)| *from as usize <= position);
        let last = declared.checked_sub(1).and_then(|last| self.later.get(last));
        last.map_or(&self.delimiters, |(_, delimiters)| delimiters)
    }

    /// Whether all lines have [`Delimiters::STANDARD`].
    #[inline]
    pub(super) fn is_standard(&self) -> bool {
        self.has_standard && self.later.is_empty()
    }

    /// The delimiters of the last line, which an appended one shares.
    pub(super) fn last_delimiters(&self) -> &Delimiters {
        self.later.last().map_or(&self.delimiters, |(_, delimiters)| delimiters)
    }

    /// A message of so many bytes without byte order mark and framing bytes.
    pub(super) fn content(&self, length: usize) -> Range<usize> {
        let start = self.content_start as usize;
        start..length.saturating_sub(self.framing as usize).max(start)
    }

    /// The parts of memory that make up the message, in order; neighbours that
    /// follow each other in memory are one part.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut lines = self.segments.iter();
        let mut part = Some(0..self.lead as usize);
        std::iter::from_fn(move || {
            let mut current = part.take()?;
            for line in lines.by_ref() {
                let whole = line.whole();
                if whole.start != current.end {
                    part = Some(whole);
                    break;
                }
                current.end = whole.end;
            }
            Some(current)
        })
    }

    /// Renumbers the lines for memory in which they stand in order.
    pub(super) fn lay_out(&mut self) {
        let mut offset = self.lead;
        for line in &mut self.segments {
            let (length, gap) = (line.end - line.start, line.next - line.end);
            line.start = offset;
            line.end = offset + length;
            line.next = line.end + gap;
            offset = line.next;
        }
    }

    /// The last separator of a line that is known and not behind the wanted one; as
    /// [`Recent::separator_of`].
    #[inline]
    pub(super) fn known_separator(&self, position: usize, wanted: usize) -> (usize, usize) {
        self.recent.separator_of(position, wanted)
    }

    #[inline]
    pub(super) fn remember_separator(&self, position: usize, number: usize, behind: usize) {
        self.recent.remember_separator(position, number, behind);
    }

    /// Puts a changed line in the place of one with the same name.
    pub(super) fn replace(&mut self, position: usize, line: Segment) {
        self.recent = Recent::default();
        if let Some(segment) = self.segments.get_mut(position) {
            *segment = Segment { name: segment.name, ..line };
        }
    }

    /// Records that the lines from one on moved in memory that stands in order.
    pub(super) fn shift(&mut self, position: usize, removed: usize, added: usize) {
        let delta = narrow(added).wrapping_sub(narrow(removed));
        for line in self.segments.iter_mut().skip(position) {
            line.start = line.start.wrapping_add(delta);
            line.end = line.end.wrapping_add(delta);
            line.next = line.next.wrapping_add(delta);
        }
    }

    /// Puts a line in front of the one that has this number.
    pub(super) fn insert(&mut self, position: usize, segment: Segment) {
        self.recent = Recent::default();
        self.segments.insert(position, segment);
        if let Some(names) = self.names.get_mut() {
            names.insert(segment.name, position);
        }
    }

    /// Takes lines out, given in ascending order.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        self.recent = Recent::default();
        if let &[position] = positions {
            let segment = self.segments.remove(position);
            if let Some(names) = self.names.get_mut() {
                names.remove(segment.name, position);
            }
            return;
        }
        self.names.take();
        let mut removed = positions.iter().copied().peekable();
        let mut position = 0;
        self.segments.retain(|_| {
            let goes = removed.next_if_eq(&position).is_some();
            position += 1;
            !goes
        });
    }

    /// Whether the last line ends in a byte that indexing again would take for
    /// the end of the framing.
    pub(super) fn ends_like_framing(&self, bytes: &[u8]) -> bool {
        let last = self.segments.last().and_then(|last| bytes.get(last.range()));
        self.framing == 0 && last.is_some_and(|line| line.ends_with(&[FILE_SEPARATOR]))
    }
}

impl Spare {
    pub(super) fn of(table: Box<SegmentTable>) -> Self {
        Self(Some(table))
    }
}

impl Default for SegmentTable {
    /// Of no message.
    fn default() -> Self {
        Self {
            segments: Vec::new(),
            lead: 0,
            content_start: 0,
            framing: 0,
            delimiters: Delimiters::STANDARD,
            has_standard: true,
            later: Vec::new(),
            may_be_batch: false,
            names: OnceLock::new(),
            scans: AtomicU8::new(0),
            recent: Recent::default(),
            is_plain: false,
        }
    }
}

impl Clone for SegmentTable {
    /// A copy makes its index by name when it needs one.
    fn clone(&self) -> Self {
        Self {
            segments: self.segments.clone(),
            later: self.later.clone(),
            names: OnceLock::new(),
            scans: AtomicU8::new(0),
            recent: Recent::default(),
            ..*self
        }
    }
}

#[cfg(test)]
impl PartialEq for SegmentTable {
    /// Of tables of memory in order.
    fn eq(&self, other: &Self) -> bool {
        let fields = |table: &Self| (table.lead, table.content_start, table.framing);
        fields(self) == fields(other)
            && self.segments == other.segments
            && self.delimiters == other.delimiters
            && self.later == other.later
    }
}

/// How many bytes a message may have.
pub(super) fn message_bytes_max(limits: &Limits) -> usize {
    limits.message_bytes.min(MESSAGE_BYTES_MAX)
}

/// Offsets fit: no message has more than [`MESSAGE_BYTES_MAX`] bytes.
pub(super) fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn no_header(text: impl Into<String>) -> Problem {
    Problem::new("hl7.header", text).at("MSH")
}

pub(super) fn too_many_segments(limits: &Limits) -> Problem {
    Problem::new(
        "limit.segments",
        format!("the message has more than {} segments, the configured limit", limits.segments),
    )
}

pub(super) fn too_many_bytes(found: usize, limits: &Limits) -> Problem {
    Problem::new(
        "limit.message-bytes",
        format!("the message has {found} bytes; the limit is {}", message_bytes_max(limits)),
    )
}
