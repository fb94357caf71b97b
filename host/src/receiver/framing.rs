//! Follows the framing of HTTP/1 requests byte by byte and spoils what must not pass.
//!
//! hyper reads leniently what others may read differently: a bare line feed as the end of a line,
//! both Content-Length and Transfer-Encoding, a repeated Content-Length, a transfer coding before
//! `chunked`. A proxy in front that reads such a request in another way can be made to see another
//! number of requests (request smuggling). Instead of a second parser that answers, the line end
//! of such a line is replaced with NUL, which hyper refuses with 400 in its turn, after the
//! answers of earlier requests.
//!
//! # Invariants
//! - What is well-formed passes unchanged, and how bytes are cut into pieces makes no difference
//!   (test: `pieces_make_no_difference`).
//! - Memory is bounded by [`LINE_KEPT_MAX`]; time is linear.

/// Bytes of a head line that are kept to recognise the two fields that decide the framing. No
/// honest one is longer.
const LINE_KEPT_MAX: usize = 256;

/// Where in the stream of requests the next byte is.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// Requests whose head has ended.
    heads: u64,
    line: Vec<u8>,
    line_too_long: bool,
    after_return: bool,
    length: Option<u64>,
    chunked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a request; empty lines do not count (RFC 9112, 2.2).
    #[default]
    Start,
    RequestLine,
    Fields,
    /// Bytes left of a body with a length.
    Body(u64),
    /// In the digits before a chunk.
    ChunkSize {
        size: u64,
        digits: bool,
    },
    /// Between the digits and the end of their line.
    ChunkExtension {
        size: u64,
    },
    ChunkData(u64),
    /// The line end after a chunk: how many bytes of it have been seen.
    ChunkEnd(u8),
    /// Inside a trailer line, or at the start of one.
    Trailer {
        empty: bool,
    },
    /// Something was wrong; the connection ends here.
    Spoiled,
}

impl Framing {
    /// Between two requests.
    pub(super) fn is_at_start(&self) -> bool {
        self.place == Place::Start
    }

    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.place, Place::RequestLine | Place::Fields)
    }

    /// Something was overwritten; nothing is followed any more.
    pub(super) fn is_spoiled(&self) -> bool {
        self.place == Place::Spoiled
    }

    /// Requests whose head has ended.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Follows the next bytes; overwrites the end of a line that must not pass.
    pub(super) fn follow(&mut self, mut bytes: &mut [u8]) {
        while let Some(skip) = self.skip(bytes.len()) {
            let Some((_, rest)) = bytes.split_at_mut_checked(skip) else { return };
            bytes = rest;
            if skip > 0 {
                continue;
            }
            let Some((byte, rest)) = bytes.split_first_mut() else { return };
            let place = self.place;
            if !self.step(*byte) {
                self.place = Place::Spoiled;
                // In an extension hyper takes every byte but a bare line feed, so that one must
                // stay what it is.
                if !matches!(place, Place::ChunkExtension { .. }) {
                    *byte = 0;
                }
            }
            bytes = rest;
        }
    }

    /// How many of the next bytes are data; `None` when there is nothing left to look at.
    fn skip(&mut self, available: usize) -> Option<usize> {
        if available == 0 || self.place == Place::Spoiled {
            return None;
        }
        let (Place::Body(left) | Place::ChunkData(left)) = self.place else { return Some(0) };
        let skip = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        let left = left - skip as u64;
        self.place = match (self.place, left) {
            (Place::Body(_), 0) => Place::Start,
            (Place::Body(_), left) => Place::Body(left),
            (_, 0) => Place::ChunkEnd(0),
            (_, left) => Place::ChunkData(left),
        };
        Some(skip)
    }

    /// One byte that is not data; false when it must not pass.
    fn step(&mut self, byte: u8) -> bool {
        let line_end = byte == b'\n' && self.after_return;
        let bare_feed = byte == b'\n' && !self.after_return;
        self.after_return = byte == b'\r';
        match self.place {
            Place::Start | Place::RequestLine | Place::Fields if bare_feed => false,
            Place::Start if byte == b'\r' || line_end => true,
            Place::Start => {
                self.place = Place::RequestLine;
                true
            }
            Place::RequestLine if line_end => {
                self.place = Place::Fields;
                self.line.clear();
                true
            }
            Place::RequestLine => true,
            Place::Fields if line_end => self.end_field_line(),
            Place::Fields => {
                self.keep(byte);
                true
            }
            Place::ChunkSize { size, digits } => self.step_in_chunk_size(size, digits, byte),
            Place::ChunkExtension { size } if line_end => {
                self.end_chunk_size(size);
                true
            }
            Place::ChunkExtension { .. } => !bare_feed,
            Place::ChunkEnd(0) if byte == b'\r' => {
                self.place = Place::ChunkEnd(1);
                true
            }
            Place::ChunkEnd(1) if byte == b'\n' => {
                self.start_chunk();
                true
            }
            Place::Trailer { empty } => {
                if line_end && empty {
                    self.start_request();
                } else {
                    let still_empty = line_end || (empty && byte == b'\r');
                    self.place = Place::Trailer { empty: still_empty };
                }
                true
            }
            Place::ChunkEnd(_) | Place::Body(_) | Place::ChunkData(_) | Place::Spoiled => false,
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.line.len() < LINE_KEPT_MAX {
            self.line.push(byte);
        } else {
            self.line_too_long = true;
        }
    }

    /// The line is kept without its line feed, so an empty one is a single carriage return.
    fn end_field_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        let too_long = std::mem::take(&mut self.line_too_long);
        let passes = if line == b"\r" { self.end_head() } else { self.take_field(&line, too_long) };
        self.line = line;
        self.line.clear();
        passes
    }

    /// Notes what decides the framing; everything else is left to hyper.
    fn take_field(&mut self, line: &[u8], too_long: bool) -> bool {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return true };
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let first = self.length.is_none();
            self.length = decimal(value);
            return first && !too_long && self.length.is_some();
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let first = !std::mem::replace(&mut self.chunked, true);
            return first && !too_long && value.eq_ignore_ascii_case(b"chunked");
        }
        true
    }

    fn end_head(&mut self) -> bool {
        self.heads += 1;
        let chunked = std::mem::take(&mut self.chunked);
        match (self.length.take(), chunked) {
            (Some(_), true) => return false,
            (None, true) => self.start_chunk(),
            (None | Some(0), false) => self.start_request(),
            (Some(length), false) => self.place = Place::Body(length),
        }
        true
    }

    fn start_request(&mut self) {
        self.place = Place::Start;
        self.after_return = false;
    }

    fn start_chunk(&mut self) {
        self.place = Place::ChunkSize { size: 0, digits: false };
    }

    fn step_in_chunk_size(&mut self, size: u64, digits: bool, byte: u8) -> bool {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        self.place = match (byte, digit) {
            (_, Some(digit)) => {
                let longer = size.checked_mul(16).and_then(|size| size.checked_add(digit));
                let Some(size) = longer else { return false };
                Place::ChunkSize { size, digits: true }
            }
            (b';' | b' ' | b'\t' | b'\r', None) if digits => Place::ChunkExtension { size },
            _ => return false,
        };
        true
    }

    fn end_chunk_size(&mut self, size: u64) {
        self.place = match size {
            0 => Place::Trailer { empty: true },
            size => Place::ChunkData(size),
        };
    }
}

/// A number as RFC 9110, 8.6 has it: digits, nothing else.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
