//! Where the fields and rows of a CSV text stand (RFC 4180).
//!
//! Knows: delimiter, quotes, row ends (CR, LF, CRLF). Deliberately does not
//! know: limits, character sets, and what fields mean.
//!
//! # Invariants
//! - Fields, delimiters and row ends together are the whole text, in order.
//! - Linear: a byte is looked at once. Nothing is allocated.

/// One field as it stands in the bytes, with its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Field {
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// What stands after a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    Delimiter,
    /// A row end, and its length: 2 for CRLF.
    RowEnd(usize),
    TextEnd,
}

/// Reads the field that begins at `start`. `None` when its opening quote is
/// never closed.
///
/// A field is quoted when its first byte is a quote. What stands between the
/// closing quote and the next delimiter belongs to it, quote for quote.
pub(super) fn field(bytes: &[u8], start: usize, delimiter: u8) -> Option<(Field, Follows)> {
    let mut from = start;
    if bytes.get(start) == Some(&b'"') {
        from = closing_quote(bytes, start + 1)? + 1;
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let Some(length) = field_length(rest, delimiter) else {
        return Some((Field { start, end: bytes.len() }, Follows::TextEnd));
    };
    let end = from + length;
    let follows = match bytes.get(end) {
        Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => Follows::RowEnd(2),
        Some(b'\r' | b'\n') => Follows::RowEnd(1),
        _ => Follows::Delimiter,
    };
    Some((Field { start, end }, follows))
}

/// How far the next delimiter or row end is. Most fields are short, and a vector
/// search is worth its call in long ones alone.
fn field_length(rest: &[u8], delimiter: u8) -> Option<usize> {
    const SHORT: usize = 16;
    let ends = |byte: &u8| *byte == delimiter || matches!(byte, b'\r' | b'\n');
    let (head, tail) = rest.split_at_checked(SHORT).unwrap_or((rest, &[]));
    head.iter().position(ends).or_else(|| {
        memchr::memchr3(delimiter, b'\r', b'\n', tail).map(|length| head.len() + length)
    })
}

/// The quote that closes a field; a doubled one is content.
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

/// Whether a field is written as RFC 4180 has it: no quote inside an unquoted
/// field, nothing between a closing quote and the delimiter.
pub(super) fn is_regular(field: &[u8]) -> bool {
    match field.strip_prefix(b"\"") {
        Some(rest) => closing_quote(rest, 0) == rest.len().checked_sub(1),
        None => memchr::memchr(b'"', field).is_none(),
    }
}

/// One row as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Without its row end.
    pub(super) content: Field,
    /// Behind its row end, where another row may begin; `None` when it has none.
    pub(super) next: Option<usize>,
}

/// Reads the row that begins at `start`. `None` when a quote is never closed.
pub(super) fn row(bytes: &[u8], start: usize, delimiter: u8) -> Option<Row> {
    let mut at = start;
    loop {
        let (Field { end, .. }, follows) = field(bytes, at, delimiter)?;
        let next = match follows {
            Follows::Delimiter => {
                at = end + 1;
                continue;
            }
            Follows::RowEnd(length) => Some(end + length),
            Follows::TextEnd => None,
        };
        return Some(Row { content: Field { start, end }, next });
    }
}
