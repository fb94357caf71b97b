//! Escape sequences of values (HL7 v2 chapter 2.7).
//!
//! Deliberately does not know: where a value stands. Splitting comes first, on
//! raw bytes; an escape character never hides a delimiter.
//!
//! # Invariants
//! - One pass from left to right; a result is never scanned again.
//! - What is not a sequence that `unescape` knows stays as it is written.
//! - `unescape(escape(text)) == text` for any text that can be escaped.

use std::borrow::Cow;

use memchr::memchr;

use super::charset::CharacterSet;
use super::delimiters::Delimiters;
use super::split::find_byte;
use crate::Problem;

/// What stands behind an escape character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequence<'a> {
    /// `\F\` and its like: the byte that it stands for.
    Delimiter(u8),
    /// `\Xhh..\`: the hexadecimal digits, an even number of them.
    Hexadecimal(&'a [u8]),
    /// Formatting, highlighting, character set and local sequences: kept.
    Kept,
    /// No sequence; the escape character is data.
    Unknown,
}

/// A piece of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Plain(&'a [u8]),
    /// The whole sequence with its escape characters, and what it is. Of an
    /// unknown one only the first escape character.
    Sequence(&'a [u8], Sequence<'a>),
}

/// Splits the raw bytes of a value into plain runs and sequences.
pub(super) fn pieces<'a>(
    raw: &'a [u8],
    delimiters: &'a Delimiters,
) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let plain = match delimiters.escape {
            Some(escape) => memchr(escape, rest).unwrap_or(rest.len()),
            None => rest.len(),
        };
        let piece = if plain > 0 {
            Piece::Plain(rest.get(..plain)?)
        } else {
            first_sequence(rest, delimiters)
        };
        let (Piece::Plain(bytes) | Piece::Sequence(bytes, _)) = piece;
        rest = rest.get(bytes.len()..)?;
        Some(piece)
    })
}

/// The sequence that bytes starting with an escape character start with.
fn first_sequence<'a>(bytes: &'a [u8], delimiters: &Delimiters) -> Piece<'a> {
    let (lone, rest) = bytes.split_at_checked(1).unwrap_or((bytes, &[]));
    let body = delimiters
        .escape
        .and_then(|escape| memchr(escape, rest))
        .and_then(|length| rest.get(..length));
    let kind = body.map_or(Sequence::Unknown, |body| classify(body, delimiters));
    match body {
        Some(body) if kind != Sequence::Unknown => {
            Piece::Sequence(bytes.get(..body.len() + 2).unwrap_or(bytes), kind)
        }
        _ => Piece::Sequence(lone, Sequence::Unknown),
    }
}

fn classify<'a>(body: &'a [u8], delimiters: &Delimiters) -> Sequence<'a> {
    match *body {
        [letter] if let Some(byte) = delimiters.of_letter(letter) => Sequence::Delimiter(byte),
        [b'H' | b'N'] => Sequence::Kept,
        [b'X', ref digits @ ..] if is_hexadecimal(digits) => Sequence::Hexadecimal(digits),
        [b'C', ref digits @ ..] if digits.len() == 4 && is_hexadecimal(digits) => Sequence::Kept,
        [b'M', ref digits @ ..] if matches!(digits.len(), 4 | 6) && is_hexadecimal(digits) => {
            Sequence::Kept
        }
        [b'Z', ..] => Sequence::Kept,
        [b'.', ref command @ ..] if is_formatting(command) => Sequence::Kept,
        _ => Sequence::Unknown,
    }
}

fn is_hexadecimal(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit)
}

fn is_formatting(command: &[u8]) -> bool {
    let Some((name, argument)) = command.split_at_checked(2) else { return false };
    let number = argument.strip_prefix(b"+").or(argument.strip_prefix(b"-")).unwrap_or(argument);
    matches!(name, b"br" | b"sp" | b"in" | b"ti" | b"sk" | b"ce" | b"fi" | b"nf")
        && number.iter().all(u8::is_ascii_digit)
}

/// The text of a raw leaf. The bytes of `\X..\` are in the message's own set also where the
/// message is not read in place.
pub(super) fn unescape<'a>(
    raw: &'a [u8],
    delimiters: &Delimiters,
    charset: CharacterSet,
    hexadecimal: CharacterSet,
) -> Cow<'a, str> {
    if delimiters.escape.is_none_or(|escape| find_byte(raw, escape).is_none()) {
        return charset.decode(raw);
    }
    let mut text = String::with_capacity(raw.len());
    for piece in pieces(raw, delimiters) {
        match piece {
            Piece::Sequence(_, Sequence::Delimiter(byte)) => text.push(char::from(byte)),
            Piece::Sequence(_, Sequence::Hexadecimal(digits)) => {
                text.push_str(&hexadecimal_text(digits, hexadecimal));
            }
            Piece::Plain(bytes) | Piece::Sequence(bytes, _) => {
                text.push_str(&charset.decode(bytes));
            }
        }
    }
    Cow::Owned(text)
}

/// The text of the bytes of one `\X..\`. Where every first byte of a pair is
/// zero they are UTF-16, as several senders write them.
pub(super) fn hexadecimal_text(digits: &[u8], charset: CharacterSet) -> String {
    let bytes: Vec<u8> = digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&[high, low]| hexadecimal_digit(high) << 4 | hexadecimal_digit(low))
        .collect();
    let (pairs, rest) = bytes.as_chunks::<2>();
    if rest.is_empty() && pairs.iter().all(|[high, _]| *high == 0) {
        return pairs.iter().map(|[_, low]| char::from(*low)).collect();
    }
    charset.decode(&bytes).into_owned()
}

fn hexadecimal_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10) & 0x0F,
    }
}

/// The raw bytes of text: delimiters and control characters become sequences,
/// everything else is written in the message's character set.
///
/// # Errors
/// `edit.charset` for a character that the set does not have,
/// `edit.escape` where a sequence is needed and the message declares no escape
/// character.
pub(super) fn escape<'a>(
    text: &'a str,
    delimiters: &Delimiters,
    charset: CharacterSet,
) -> Result<Cow<'a, [u8]>, Problem> {
    let special = |byte: u8| needs_sequence(byte, delimiters);
    let truncated = ends_like_truncation(text, delimiters);
    if !truncated && !text.bytes().any(special) {
        return charset.encode(text).map_err(|written| unwritable(text, written));
    }
    let Some(escape) = delimiters.escape else {
        return Err(Problem::new(
            "edit.escape",
            "the value holds a delimiter or a control character, and MSH-2 declares no escape \
             character to write it with",
        ));
    };
    let mut bytes = Vec::with_capacity(text.len() + 16);
    let kept = if truncated { text.len() - 1 } else { text.len() };
    for run in text.get(..kept).unwrap_or(text).split_inclusive(|character: char| {
        u8::try_from(character).is_ok_and(|byte| byte.is_ascii() && special(byte))
    }) {
        let last = run.bytes().next_back().filter(|byte| special(*byte));
        let plain = run.get(..run.len() - usize::from(last.is_some())).unwrap_or(run);
        let encoded = charset.encode(plain).map_err(|written| unwritable(plain, written))?;
        bytes.extend_from_slice(&encoded);
        if let Some(byte) = last {
            push_sequence(&mut bytes, byte, escape, delimiters);
        }
    }
    if truncated {
        bytes.extend_from_slice(&[escape, b'P', escape]);
    }
    Ok(Cow::Owned(bytes))
}

fn push_sequence(bytes: &mut Vec<u8>, byte: u8, escape: u8, delimiters: &Delimiters) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value & 0x0F)).copied().unwrap_or(b'0');
    match delimiters.letter(byte) {
        Some(letter) => bytes.extend_from_slice(&[escape, letter, escape]),
        None => bytes.extend_from_slice(&[escape, b'X', digit(byte >> 4), digit(byte), escape]),
    }
}

fn needs_sequence(byte: u8, delimiters: &Delimiters) -> bool {
    (byte < 0x20 && byte != b'\t') || delimiters.letter(byte).is_some()
}

/// A value that ends with the truncation character reads as cut off.
fn ends_like_truncation(text: &str, delimiters: &Delimiters) -> bool {
    delimiters.truncation.is_some_and(|mark| text.as_bytes().last() == Some(&mark))
}

pub(super) fn unwritable(text: &str, written: usize) -> Problem {
    let offset = text.char_indices().nth(written).map_or(text.len(), |(offset, _)| offset);
    Problem::new(
        "edit.charset",
        format!(
            "character {} of the value does not exist in the message's character set (MSH-18)",
            written + 1
        ),
    )
    .at_offset(offset)
}
