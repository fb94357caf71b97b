//! Several messages in one text, and the envelopes around them (HL7 v2 chapter
//! 2.10.3).
//!
//! Stage: received bytes → **the place of each message** → parsing each. Knows:
//! where lines start, headers and trailers. Deliberately does not know: what
//! stands in messages, their character sets, acknowledgements.
//!
//! ```text
//! [FHS] { [BHS] { MSH … } [BTS] } [FTS]        and any number of bare MSH …
//! ```
//!
//! # Invariants
//! - Nothing is copied; every place is a range of the bytes that were split.
//! - Messages do not overlap, and hold no header of another and no envelope. A
//!   header that cannot be used starts a message all the same, which then is
//!   refused alone.
//! - One pass; what is kept is bounded by [`Limits::messages`].

use std::ops::Range;

use memchr::{memchr3, memchr3_iter};

use super::charset::Transcoding;
use super::check::PROBLEMS_MAX;
use super::delimiters::is_field_separator;
use super::segments::{FILE_SEPARATOR, Name, content_range, lead_of, may_begin_message};
use super::split::part;
use crate::{Limits, Problem};

/// Where the messages of a text stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    messages: Vec<Range<usize>>,
    envelope: Option<Envelope>,
    warnings: Vec<Problem>,
}

/// The lines around messages, as ranges of the bytes without terminators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// FHS.
    pub file_header: Option<Range<usize>>,
    /// In document order; messages outside of BHS and BTS are a section too.
    pub sections: Vec<Section>,
    /// FTS.
    pub file_trailer: Option<Range<usize>>,
}

/// The messages between one BHS and its BTS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// BHS; `None` for messages that stand in no batch.
    pub header: Option<Range<usize>>,
    /// Which of [`Batch::messages`], counted from 0.
    pub messages: Range<usize>,
    /// BTS.
    pub trailer: Option<Range<usize>>,
}

impl Batch {
    /// Finds the messages of a text. Each reaches from its MSH (or the MLLP
    /// framing bytes or byte order mark before it) to the next header or trailer
    /// that starts a line; lines end with CR, LF or CRLF, and at the end of an
    /// MLLP frame.
    ///
    /// # Errors
    /// `hl7.header` when no header stands first, `limit.messages` for more
    /// messages or batches than [`Limits::messages`], `hl7.batch-charset` for a
    /// batch in UTF-16 or UTF-32, which cannot be split in place. The sender is
    /// at fault.
    ///
    /// # Examples
    /// ```
    /// use tureen_message::{Limits, hl7::batch::Batch};
    ///
    /// let bytes = b"BHS|^~\\&|LAB\rMSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\rBTS|2\r";
    /// let batch = Batch::split(bytes, &Limits::default())?;
    /// assert_eq!(batch.messages(), [13..30, 30..41]);
    /// assert!(!batch.is_single() && batch.warnings().is_empty());
    /// # Ok::<(), tureen_message::Problem>(())
    /// ```
    pub fn split(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        if let Some(wide) = Transcoding::detect(bytes) {
            return refuse_wide_batch(wide, bytes, limits);
        }
        let content = content_range(bytes);
        let rest = bytes.get(content.clone()).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| is_line_end(**byte)).count();
        let first = Found::at(bytes, content.start + blank, None);
        let Some(mut first) = first.filter(|found| !found.name.is_trailer()) else {
            return Err(Problem::new(
                "hl7.header",
                "the first segment of a message or batch must be MSH, FHS or BHS",
            )
            .at("MSH"));
        };
        let before = content.start.checked_sub(1);
        // Of several framing bytes the one at the header belongs to it.
        let is_framed = first.start < first.line.start;
        if !is_framed && before.and_then(|before| bytes.get(before)) == Some(&VERTICAL_TAB) {
            first.start = content.start - 1;
        }
        let mut hits = memchr3_iter(b'\r', b'\n', FILE_SEPARATOR, rest)
            .map(|hit| content.start + hit + 1)
            .filter(|start| *start > content.start + blank);
        let mut next = |field| {
            hits.by_ref()
                .filter(|start| bytes.get(*start).is_some_and(|byte| may_begin_message(*byte)))
                .find_map(|start| Found::at(bytes, start, field))
        };
        // Nearly every text ends this search: it is one message.
        let second = next(bytes.get(first.line.start + 3).copied());
        if second.is_none() && first.name == Name::MSH {
            return Ok(Self::single(bytes));
        }
        let mut splitter = Splitter::new(bytes, limits);
        splitter.take(first)?;
        let mut found = second;
        while let Some(one) = found {
            splitter.take(one)?;
            found = next(splitter.field);
        }
        Ok(splitter.finish(content.end))
    }

    fn single(bytes: &[u8]) -> Self {
        let whole = 0..bytes.len();
        Self { messages: std::iter::once(whole).collect(), envelope: None, warnings: Vec::new() }
    }

    /// Where each message stands. Of a single message without an envelope that
    /// is all of the bytes, with byte order mark and framing.
    pub fn messages(&self) -> &[Range<usize>] {
        &self.messages
    }

    /// Whether the text is one message and nothing else, and thus no batch.
    pub fn is_single(&self) -> bool {
        self.messages.len() == 1 && self.envelope.is_none()
    }

    /// The lines around the messages; `None` where there are only messages.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// What is wrong with the envelope and tolerated: counts that differ
    /// (`hl7.batch-count`), missing or surplus headers and trailers
    /// (`hl7.batch-envelope`), lines outside of messages (`hl7.batch-line`). At
    /// most [`PROBLEMS_MAX`].
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

const VERTICAL_TAB: u8 = 0x0B;

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn refuse_wide_batch(wide: Transcoding, bytes: &[u8], limits: &Limits) -> Result<Batch, Problem> {
    let text = wide.decode(bytes);
    match Batch::split(text.as_bytes(), limits)?.is_single() {
        true => Ok(Batch::single(bytes)),
        false => Err(Problem::new(
            "hl7.batch-charset",
            "a batch in UTF-16 or UTF-32 is not taken apart: send it in UTF-8",
        )),
    }
}

/// A header or trailer that starts a line.
struct Found {
    name: Name,
    /// Where its part of the text starts: its line, or the framing before.
    start: usize,
    line: Range<usize>,
}

impl Found {
    /// The header or trailer that a line starts with. A trailer has the field
    /// separator of what it closes.
    fn at(bytes: &[u8], start: usize, field: Option<u8>) -> Option<Self> {
        let name_at = start + lead_of(bytes.get(start..)?);
        let rest = bytes.get(name_at..)?;
        let name = Name::start_of(rest)?;
        let separator = rest.get(3).copied();
        let is_one = match separator {
            Some(byte) if name.is_header() => is_field_separator(byte),
            Some(byte) => name.is_trailer() && (is_line_end(byte) || Some(byte) == field),
            None => name.is_trailer(),
        };
        let end = memchr3(b'\r', b'\n', FILE_SEPARATOR, rest).unwrap_or(rest.len());
        is_one.then_some(Self { name, start, line: name_at..name_at + end })
    }
}

/// What is known while the text is walked.
struct Splitter<'a> {
    bytes: &'a [u8],
    limit: usize,
    messages: Vec<Range<usize>>,
    envelope: Envelope,
    /// Where the message starts that is not yet complete.
    message: Option<usize>,
    /// Where the text behind an envelope line starts, that should be blank.
    outside: usize,
    /// The field separators that a trailer may have: of the innermost header.
    field: Option<u8>,
    file_field: Option<u8>,
    in_batch: bool,
    warnings: Vec<Problem>,
}

impl<'a> Splitter<'a> {
    fn new(bytes: &'a [u8], limits: &Limits) -> Self {
        Self {
            bytes,
            limit: limits.messages,
            messages: Vec::new(),
            envelope: Envelope::default(),
            message: None,
            outside: 0,
            field: None,
            file_field: None,
            in_batch: false,
            warnings: Vec::new(),
        }
    }

    fn take(&mut self, found: Found) -> Result<(), Problem> {
        self.close_message(found.start);
        let separator = self.bytes.get(found.line.start + 3).copied();
        match found.name {
            Name::MSH => {
                self.open_message(found.start)?;
                if !self.in_batch {
                    self.field = self.file_field.or(separator);
                }
            }
            Name::FILE_HEADER => {
                self.close_section();
                if self.envelope.file_header.is_some() {
                    self.warn("hl7.batch-envelope", "a second file header (FHS)", &found);
                }
                self.envelope.file_header.get_or_insert(found.line.clone());
                self.field = separator;
                self.file_field = separator;
            }
            Name::BATCH_HEADER => {
                self.close_section();
                self.open_section(Some(found.line.clone()))?;
                self.field = separator;
                self.in_batch = true;
            }
            Name::BATCH_TRAILER => self.take_batch_trailer(&found),
            _ => self.take_file_trailer(&found),
        }
        if found.name != Name::MSH {
            self.outside = found.line.end;
        }
        Ok(())
    }

    fn open_message(&mut self, start: usize) -> Result<(), Problem> {
        if self.messages.len() >= self.limit {
            return Err(self.too_many());
        }
        let is_open = self.in_batch
            || self
                .envelope
                .sections
                .last()
                .is_some_and(|it| it.header.is_none() && it.trailer.is_none());
        if !is_open {
            self.open_section(None)?;
        }
        self.message = Some(start);
        Ok(())
    }

    fn close_message(&mut self, end: usize) {
        match self.message.take() {
            Some(start) => {
                self.messages.push(start..end);
                if let Some(section) = self.envelope.sections.last_mut() {
                    section.messages.end = self.messages.len();
                }
            }
            None => {
                let between = self.bytes.get(self.outside..end).unwrap_or_default();
                let is_blank = |byte: &u8| is_line_end(*byte) || *byte == FILE_SEPARATOR;
                if self.outside > 0 && !between.iter().all(is_blank) {
                    let text = "lines between envelopes belong to no message; they are dropped";
                    self.warn_at("hl7.batch-line", text, self.outside);
                }
            }
        }
    }

    fn open_section(&mut self, header: Option<Range<usize>>) -> Result<(), Problem> {
        if self.envelope.sections.len() >= self.limit {
            return Err(self.too_many());
        }
        let next = self.messages.len();
        self.envelope.sections.push(Section { header, messages: next..next, trailer: None });
        Ok(())
    }

    /// A batch that ends without its trailer may have been cut off.
    fn close_section(&mut self) {
        if std::mem::take(&mut self.in_batch) {
            let start = self.envelope.sections.last().and_then(|section| section.header.clone());
            let text = "a batch header (BHS) has no batch trailer (BTS); the batch may be cut off";
            self.warn_at("hl7.batch-envelope", text, start.map_or(0, |line| line.start));
        }
    }

    fn take_batch_trailer(&mut self, found: &Found) {
        let is_open = self.in_batch;
        self.in_batch = false;
        let Some(section) = self.envelope.sections.last_mut().filter(|it| it.trailer.is_none())
        else {
            return self.warn("hl7.batch-envelope", "a batch trailer (BTS) closes no batch", found);
        };
        section.trailer = Some(found.line.clone());
        let count = section.messages.len();
        if !is_open {
            self.warn("hl7.batch-envelope", "a batch trailer (BTS) has no batch header", found);
        }
        self.check_count(found, "BTS-1", count, "messages in the batch");
        self.field = self.file_field.or(self.field);
    }

    fn take_file_trailer(&mut self, found: &Found) {
        self.close_section();
        if self.envelope.file_header.is_none() || self.envelope.file_trailer.is_some() {
            self.warn("hl7.batch-envelope", "a file trailer (FTS) closes no file", found);
        }
        self.envelope.file_trailer = Some(found.line.clone());
        let sections = self.envelope.sections.len();
        self.check_count(found, "FTS-1", sections, "batches in the file");
    }

    /// Counts are informative (chapter 2.14.2.1): an empty one says nothing.
    fn check_count(&mut self, found: &Found, field: &str, count: usize, of_what: &str) {
        let line = self.bytes.get(found.line.clone()).unwrap_or_default();
        let said = part(line, line.get(3).copied(), 2).ok().and_then(|range| line.get(range));
        let said = String::from_utf8_lossy(said.unwrap_or_default());
        let number = said.trim().parse::<usize>();
        let text = match number {
            _ if said.trim().is_empty() => return,
            Ok(number) if number == count => return,
            Ok(number) => format!("{field} says {number}; there are {count} {of_what}"),
            Err(_) => format!("{field} is no number; there are {count} {of_what}"),
        };
        self.warn("hl7.batch-count", text, found);
    }

    fn warn(&mut self, code: &'static str, text: impl Into<String>, found: &Found) {
        self.warn_at(code, text, found.line.start);
    }

    fn warn_at(&mut self, code: &'static str, text: impl Into<String>, offset: usize) {
        if self.warnings.len() < PROBLEMS_MAX {
            let place = format!("byte {}", offset + 1);
            self.warnings.push(Problem::new(code, text).at(place).at_offset(offset));
        }
    }

    fn too_many(&self) -> Problem {
        Problem::new(
            "limit.messages",
            format!("the batch holds more than {} messages, the configured limit", self.limit),
        )
    }

    fn finish(mut self, content_end: usize) -> Batch {
        let has_message = self.message.is_some();
        self.close_message(if has_message { self.bytes.len() } else { content_end });
        self.close_section();
        let Envelope { file_header, sections, file_trailer } = &self.envelope;
        let is_bare = file_header.is_none()
            && file_trailer.is_none()
            && sections.iter().all(|section| section.header.is_none() && section.trailer.is_none());
        if let (Some(line), None) = (file_header, file_trailer) {
            let start = line.start;
            let text = "a file header (FHS) has no file trailer (FTS); the file may be cut off";
            self.warn_at("hl7.batch-envelope", text, start);
        }
        Batch {
            messages: self.messages,
            envelope: (!is_bare).then_some(self.envelope),
            warnings: self.warnings,
        }
    }
}

#[cfg(test)]
mod tests;
