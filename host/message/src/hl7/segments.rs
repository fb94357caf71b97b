//! The table of segments: where each line of a message starts and ends.
//!
//! Stage: bytes → **segment table** → reading and editing by path. Knows: line
//! ends, framing bytes, segment names. Deliberately does not know: fields,
//! character sets.
//!
//! # Invariants
//! - Segments are in document order and do not overlap; everything between them
//!   (terminators, blank lines) stays in the bytes untouched.
//! - A line that is no segment is in the table without a name: kept, warned
//!   about, not addressable.
//! - Building the table is linear: no byte is looked at more than a fixed
//!   number of times.

use std::ops::Range;

use memchr::{memchr, memchr2_iter};

use super::delimiters::{Delimiters, is_field_separator};
use crate::{Limits, Problem};

const CARRIAGE_RETURN: u8 = b'\r';
const LINE_FEED: u8 = b'\n';
const VERTICAL_TAB: u8 = 0x0B;
const FILE_SEPARATOR: u8 = 0x1C;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The three characters of a segment name in one number; compares in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(u32);

impl Name {
    /// No segment: a line whose start is not a segment name.
    pub(super) const NONE: Self = Self(0);
    pub(super) const MSH: Self = Self::of(*b"MSH");
    const FILE_HEADER: Self = Self::of(*b"FHS");
    const BATCH_HEADER: Self = Self::of(*b"BHS");
    const BATCH_TRAILER: Self = Self::of(*b"BTS");
    const FILE_TRAILER: Self = Self::of(*b"FTS");

    pub(super) const fn of(characters: [u8; 3]) -> Self {
        let [first, second, third] = characters;
        Self(u32::from_be_bytes([0, first, second, third]))
    }

    /// The name that text starts with: a capital letter, then two capital
    /// letters or digits.
    #[inline]
    pub(super) fn start_of(text: &[u8]) -> Option<Self> {
        let &[first, second, third, ..] = text else { return None };
        let follows = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        (first.is_ascii_uppercase() && follows(second) && follows(third))
            .then(|| Self::of([first, second, third]))
    }

    pub(super) fn characters(self) -> [u8; 3] {
        let [_, first, second, third] = self.0.to_be_bytes();
        [first, second, third]
    }

    /// BTS and FTS close what BHS and FHS opened, with its delimiters.
    fn is_trailer(self) -> bool {
        self == Self::BATCH_TRAILER || self == Self::FILE_TRAILER
    }

    /// MSH, FHS and BHS declare delimiters and number their fields from the
    /// separator itself.
    pub(super) fn is_header(self) -> bool {
        self == Self::MSH || self == Self::FILE_HEADER || self == Self::BATCH_HEADER
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.characters().into_iter().try_for_each(|byte| write!(formatter, "{}", char::from(byte)))
    }
}

/// One line: its name, and its bytes without the terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: Name,
    start: u32,
    end: u32,
}

impl Segment {
    pub(super) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// All lines of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentTable {
    segments: Vec<Segment>,
    /// Without byte order mark and framing bytes.
    content: Range<u32>,
    delimiters: Delimiters,
    /// Later headers that declare other delimiters: from which line on.
    later: Vec<(u32, Delimiters)>,
}

impl SegmentTable {
    /// Finds the segments of a message whose delimiters are ASCII bytes.
    ///
    /// # Errors
    /// `hl7.header` when no usable header stands first, `limit.segments`,
    /// `limit.message-bytes`.
    pub(super) fn index(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        if bytes.len() > limits.message_bytes.min(u32::MAX as usize) {
            return Err(too_many_bytes(bytes.len(), limits));
        }
        let content = content_range(bytes);
        let body = bytes.get(..content.end).unwrap_or_default();
        let mut lines = Lines::new(body, content.start);
        let first = lines.first_header()?;
        let mut table = Self {
            segments: Vec::with_capacity((body.len() / 80).clamp(8, 256)),
            content: narrow(content.start)..narrow(content.end),
            delimiters: first,
            later: Vec::new(),
        };
        table.fill(&mut lines, limits)?;
        Ok(table)
    }

    fn fill(&mut self, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), Problem> {
        let mut scope = Scope { current: self.delimiters, file: None, batch: None };
        let body = lines.body;
        for hit in memchr2_iter(CARRIAGE_RETURN, LINE_FEED, body) {
            if hit < lines.start || !lines.ends_line(hit, scope.current.field) {
                continue;
            }
            self.push_line(body, lines.start..hit, &mut scope);
            lines.start = lines.after_terminator(hit);
            if self.segments.len() > limits.segments {
                return Err(too_many_segments(limits));
            }
        }
        self.push_line(body, lines.start..body.len(), &mut scope);
        if self.segments.len() > limits.segments {
            return Err(too_many_segments(limits));
        }
        Ok(())
    }

    #[inline]
    fn push_line(&mut self, body: &[u8], range: Range<usize>, scope: &mut Scope) {
        if range.start >= range.end {
            return;
        }
        let line = body.get(range.clone()).unwrap_or_default();
        let mut name = name_of_line(line, scope.current.field);
        if self.segments.is_empty() {
            // `index` has read the first line already.
            scope.open(name, self.delimiters);
        } else if name.is_header() || name.is_trailer() {
            match scope.enter(name, line) {
                Some(delimiters) if delimiters != scope.current => {
                    self.later.push((narrow(self.segments.len()), delimiters));
                    scope.current = delimiters;
                }
                Some(_) => {}
                None => name = Name::NONE,
            }
        }
        self.segments.push(Segment { name, start: narrow(range.start), end: narrow(range.end) });
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The line number (from 0) of a segment by name and occurrence from 1.
    #[inline]
    pub(super) fn position(&self, name: Name, occurrence: usize) -> Option<usize> {
        let mut remaining = occurrence;
        self.segments.iter().position(|segment| {
            remaining -= usize::from(segment.name == name);
            remaining == 0
        })
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

    /// The delimiters of the last line, which an appended one shares.
    pub(super) fn last_delimiters(&self) -> &Delimiters {
        self.later.last().map_or(&self.delimiters, |(_, delimiters)| delimiters)
    }

    /// The message without byte order mark and framing bytes.
    pub(super) fn content(&self) -> Range<usize> {
        self.content.start as usize..self.content.end as usize
    }

    /// Records that one line became longer or shorter in the bytes.
    pub(super) fn resize(&mut self, position: usize, old_length: usize, new_length: usize) {
        let delta = narrow(new_length).wrapping_sub(narrow(old_length));
        let mut lines = self.segments.iter_mut().skip(position);
        if let Some(line) = lines.next() {
            line.end = line.end.wrapping_add(delta);
        }
        for line in lines {
            line.start = line.start.wrapping_add(delta);
            line.end = line.end.wrapping_add(delta);
        }
        self.content.end = self.content.end.wrapping_add(delta);
    }
}

/// The delimiters that lines are read with, and those that the trailers of an
/// open batch and file will be read with.
struct Scope {
    current: Delimiters,
    file: Option<Delimiters>,
    batch: Option<Delimiters>,
}

impl Scope {
    /// The delimiters from a header or trailer on; `None` where the line is not
    /// usable as one.
    fn enter(&mut self, name: Name, line: &[u8]) -> Option<Delimiters> {
        if name.is_trailer() {
            let opened = if name == Name::FILE_TRAILER { self.file } else { self.batch };
            let delimiters = opened.unwrap_or(self.current);
            return line.get(3).is_none_or(|byte| *byte == delimiters.field).then_some(delimiters);
        }
        let delimiters = Delimiters::read(line).ok()?;
        self.open(name, delimiters);
        Some(delimiters)
    }

    fn open(&mut self, header: Name, delimiters: Delimiters) {
        match header {
            Name::FILE_HEADER => self.file = Some(delimiters),
            Name::BATCH_HEADER => self.batch = Some(delimiters),
            _ => {}
        }
    }
}

/// The scan over a body: where the current line starts, and what is known
/// about the message's line ends.
struct Lines<'a> {
    body: &'a [u8],
    start: usize,
    /// Whether any CR occurs; looked for once, when the first LF is met.
    carriage_returns: Option<bool>,
    /// Line feeds before this offset are known to be data.
    data_until: usize,
}

impl<'a> Lines<'a> {
    fn new(body: &'a [u8], start: usize) -> Self {
        Self { body, start, carriage_returns: None, data_until: 0 }
    }

    /// Skips blank lines and reads the delimiters of the header that must
    /// follow.
    fn first_header(&mut self) -> Result<Delimiters, Problem> {
        let rest = self.body.get(self.start..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.start += blank;
        let line = rest.get(blank..).unwrap_or_default();
        if line.len() < 5 {
            return Err(no_header(format!("a message has at least 5 bytes; found {}", line.len())));
        }
        if !Name::start_of(line).is_some_and(Name::is_header) {
            return Err(no_header("the first segment must be MSH, FHS or BHS"));
        }
        let field = line.get(3).copied().unwrap_or_default();
        let end = memchr2_iter(CARRIAGE_RETURN, LINE_FEED, line)
            .find(|hit| self.ends_line(self.start + hit, field))
            .unwrap_or(line.len());
        Delimiters::read(line.get(..end).unwrap_or_default())
    }

    /// Whether the CR or LF at an offset ends the current line. A CR always
    /// does. A line feed does in a message without any CR; beside CRs it is
    /// data, unless a segment, the end, or another line feed of that kind
    /// follows.
    #[inline]
    fn ends_line(&mut self, hit: usize, field: u8) -> bool {
        if self.body.get(hit) == Some(&CARRIAGE_RETURN) || hit == self.start {
            return true;
        }
        if hit < self.data_until {
            return false;
        }
        let body = self.body;
        let after = body.get(hit + 1..).unwrap_or_default();
        let start = self.start;
        let mixed = *self.carriage_returns.get_or_insert_with(|| {
            memchr(CARRIAGE_RETURN, body.get(start..).unwrap_or_default()).is_some()
        });
        if !mixed {
            return true;
        }
        let line_feeds = after.iter().take_while(|byte| **byte == LINE_FEED).count();
        let next = after.get(line_feeds..).unwrap_or_default();
        if next.is_empty() || starts_segment(next, field) {
            return true;
        }
        self.data_until = hit + 1 + line_feeds;
        false
    }

    fn after_terminator(&self, hit: usize) -> usize {
        let next = hit + 1;
        let pair =
            self.body.get(hit) == Some(&CARRIAGE_RETURN) && self.body.get(next) == Some(&LINE_FEED);
        next + usize::from(pair)
    }
}

/// The name of a line that is a segment, else `Name::NONE`.
#[inline]
pub(super) fn name_of_line(line: &[u8], field: u8) -> Name {
    let Some(name) = Name::start_of(line) else { return Name::NONE };
    let own_separator = name.is_header() || name.is_trailer();
    match line.get(3) {
        None => name,
        Some(&next) if next == field || (own_separator && is_field_separator(next)) => name,
        Some(_) => Name::NONE,
    }
}

fn starts_segment(text: &[u8], field: u8) -> bool {
    let end = if matches!(text.get(3), Some(b'\r' | b'\n')) { 3 } else { text.len() };
    name_of_line(text.get(..end).unwrap_or_default(), field) != Name::NONE
}

/// The message without a leading byte order mark and MLLP start byte, and
/// without a trailing MLLP end byte and the line ends after it.
fn content_range(bytes: &[u8]) -> Range<usize> {
    let mut start = 0;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        start = BYTE_ORDER_MARK.len();
    }
    if bytes.get(start) == Some(&VERTICAL_TAB) {
        start += 1;
        if bytes.get(start..).is_some_and(|rest| rest.starts_with(BYTE_ORDER_MARK)) {
            start += BYTE_ORDER_MARK.len();
        }
    }
    let kept = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    match kept {
        Some(last) if last >= start && bytes.get(last) == Some(&FILE_SEPARATOR) => start..last,
        _ => start..bytes.len(),
    }
}

/// Offsets fit: `index` refuses more bytes than a `u32` counts.
fn narrow(offset: usize) -> u32 {
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
        format!("the message has {found} bytes; the limit is {}", limits.message_bytes),
    )
}
