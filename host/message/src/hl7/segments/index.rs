//! Finding the lines of a message.
//!
//! Deliberately does not know: fields, character sets, edits.

use std::ops::Range;

use memchr::{memchr, memchr2_iter};

use super::super::charset::ESCAPE;
use super::super::delimiters::Delimiters;
use super::marks::Marks;
use super::{Name, Segment, SegmentTable, name_of_line, narrow, no_header, too_many_segments};
use crate::{Limits, Problem};

const CARRIAGE_RETURN: u8 = b'\r';
const LINE_FEED: u8 = b'\n';
const VERTICAL_TAB: u8 = 0x0B;
pub(in crate::hl7) const FILE_SEPARATOR: u8 = 0x1C;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SegmentTable {
    pub(super) fn fill(&mut self, lines: &mut Lines<'_>, limits: &Limits) -> Result<(), Problem> {
        let mut scope = Scope { current: self.delimiters, file: None, batch: None };
        let body = lines.body;
        let mut has_escape = false;
        let mut marks = Marks::of(body);
        while let Some(hit) = self.push_common_lines(&mut marks, lines, scope.current.field, limits)
        {
            has_escape |= body.get(hit) == Some(&ESCAPE);
            // The end of a frame, with another behind it.
            self.may_be_batch |= body.get(hit) == Some(&FILE_SEPARATOR);
            let may_end = matches!(body.get(hit), Some(&(CARRIAGE_RETURN | LINE_FEED)));
            if !may_end {
                continue;
            }
            if !lines.ends_line(hit, scope.current.field) {
                // A header behind it begins a message, whatever the line end.
                let next = body.get(hit + 1);
                self.may_be_batch |= next.is_some_and(|byte| may_begin_message(*byte));
                continue;
            }
            self.push_line(body, lines.start..hit, &mut scope);
            lines.start = after_terminator(body, hit);
            if let Some(last) = self.segments.last_mut() {
                last.next = narrow(lines.start);
            }
        }
        self.is_plain = !has_escape && marks.is_ascii();
        self.push_line(body, lines.start..body.len(), &mut scope);
        if self.segments.len() > limits.segments {
            return Err(too_many_segments(limits));
        }
        Ok(())
    }

    /// Takes segments that end in CR and are no header or trailer, as nearly all lines
    /// are, in a third of the steps that [`SegmentTable::push_line`] takes. Answers the
    /// first mark that ends another line, or none; `None` at the end, or when there are
    /// more segments than may be.
    #[inline(never)]
    fn push_common_lines(
        &mut self,
        marks: &mut Marks<'_>,
        lines: &mut Lines<'_>,
        field: u8,
        limits: &Limits,
    ) -> Option<usize> {
        let body = lines.body;
        let mut start = lines.start;
        let mut own = marks.clone();
        let uncommon = loop {
            if self.segments.len() > limits.segments {
                break None;
            }
            let Some(end) = own.next() else { break None };
            if end < start {
                continue; // the line feed of the CRLF in front
            }
            let line = body.get(start..end).unwrap_or_default();
            let Some(name) = Name::common_start_of(line, field) else { break Some(end) };
            if body.get(end) != Some(&CARRIAGE_RETURN) {
                break Some(end);
            }
            let next = after_terminator(body, end);
            let [from, to, behind] = [start, end, next].map(narrow);
            self.segments.push(Segment { name, start: from, end: to, next: behind });
            start = next;
        };
        *marks = own;
        lines.start = start;
        uncommon
    }

    #[inline(never)]
    fn push_line(&mut self, body: &[u8], range: Range<usize>, scope: &mut Scope) {
        if range.start >= range.end {
            return;
        }
        let line = body.get(range.clone()).unwrap_or_default();
        let mut name = name_of_line(line, scope.current.field);
        let start = narrow(range.start);
        match self.segments.last_mut() {
            // `index` has read the first line already.
            None => {
                scope.open(name, self.delimiters);
                self.lead = start;
                self.may_be_batch |= name != Name::MSH;
            }
            Some(last) => {
                last.next = start;
                if name.may_be_header_or_trailer() && (name.is_header() || name.is_trailer()) {
                    self.may_be_batch = true;
                    match scope.enter(name, line) {
                        Some(delimiters) if delimiters != scope.current => {
                            self.later.push((narrow(self.segments.len()), delimiters));
                            scope.current = delimiters;
                        }
                        Some(_) => {}
                        None => name = Name::NONE,
                    }
                } else if name == Name::NONE {
                    self.may_be_batch |= line.first().is_some_and(|byte| may_begin_message(*byte));
                }
            }
        }
        let end = narrow(range.end);
        self.segments.push(Segment { name, start, end, next: end });
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
pub(super) struct Lines<'a> {
    body: &'a [u8],
    start: usize,
    /// Whether any CR occurs; looked for once, when the first LF is met.
    carriage_returns: Option<bool>,
    /// Line feeds before this offset are known to be data.
    data_until: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(body: &'a [u8], start: usize) -> Self {
        Self { body, start, carriage_returns: None, data_until: 0 }
    }

    /// Skips blank lines and reads the delimiters of the header that must
    /// follow.
    pub(super) fn first_header(&mut self) -> Result<Delimiters, Problem> {
        let rest = self.body.get(self.start..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.start += blank;
        let line = rest.get(blank..).unwrap_or_default();
        if let [b'M', b'S', b'H', b'|', b'^', b'~', b'\\', b'&', b'|', ..] = line {
            return Ok(Delimiters::STANDARD);
        }
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
}

/// The offset behind the CR, LF or CRLF at an offset.
#[inline]
fn after_terminator(body: &[u8], at: usize) -> usize {
    let pair = body.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"));
    at + 1 + usize::from(pair)
}

/// A header's first letter, or what may stand in front of it: framing, a byte order mark.
pub(in crate::hl7) fn may_begin_message(byte: u8) -> bool {
    matches!(byte, b'M' | b'B' | b'F' | VERTICAL_TAB | FILE_SEPARATOR | 0xEF)
}

/// How many bytes in front of a header are a byte order mark and the MLLP start byte.
pub(in crate::hl7) fn lead_of(text: &[u8]) -> usize {
    let mark =
        |text: &[u8]| if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let start = mark(text);
    match text.get(start..) {
        Some([VERTICAL_TAB, behind @ ..]) => start + 1 + mark(behind),
        _ => start,
    }
}

fn starts_segment(text: &[u8], field: u8) -> bool {
    let end = if matches!(text.get(3), Some(b'\r' | b'\n')) { 3 } else { text.len() };
    name_of_line(text.get(..end).unwrap_or_default(), field) != Name::NONE
}

/// The message without a leading byte order mark and MLLP start byte, and
/// without a trailing MLLP end byte and the line ends after it.
pub(in crate::hl7) fn content_range(bytes: &[u8]) -> Range<usize> {
    let start = lead_of(bytes);
    let kept = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    match kept {
        Some(last) if last >= start && bytes.get(last) == Some(&FILE_SEPARATOR) => start..last,
        _ => start..bytes.len(),
    }
}
