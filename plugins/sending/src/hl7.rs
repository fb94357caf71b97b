//! HL7 responses whose set is told from outside: where MSH-18 contradicts it, the
//! message becomes UTF-8, and MSH-18 is made to say so. Without that the host,
//! which reads by MSH-18, would read other characters.
//!
//! Deliberately does not know: who told the set, the segments below the header.

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::Encoding;

use crate::Charset;
use crate::charset::Untranslatable;

/// What MSH-18 says of UTF-8 (table 0211).
const UNICODE_UTF_8: &[u8] = b"UNICODE UTF-8";

/// MSH-1 is the separator itself, so MSH-18 stands behind the seventeenth.
const SEPARATORS_BEFORE: usize = 17;

/// The bytes that the host reads as the set that is told.
///
/// # Errors
/// The bytes are not of that set, or the text would be too long.
pub(crate) fn readable(
    bytes: Cow<'_, [u8]>,
    told: Option<Charset>,
) -> Result<Cow<'_, [u8]>, Untranslatable> {
    let Some(told) = told else { return Ok(bytes) };
    if is_wide(&bytes) || (told.holds_ascii() && bytes.is_ascii()) {
        // The host sees these by themselves, whatever is told.
        return Ok(bytes);
    }
    if told.is_wide() || !told.has(&bytes) {
        return Err(Untranslatable::NotOfTheSet);
    }
    if agree(told, &bytes) {
        return Ok(bytes);
    }
    let mut text = told.decode(bytes)?.into_owned();
    declare_utf8(&mut text);
    Ok(Cow::Owned(text))
}

/// Whether bytes are of UTF-16 or UTF-32: by their mark, or by the zero bytes
/// beside the first letter of a header.
fn is_wide(bytes: &[u8]) -> bool {
    const FIRST: &[u8] = b"MFB";
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, ..] => true,
        [letter, 0, ..] | [0, letter, ..] => FIRST.contains(letter),
        _ => false,
    }
}

/// Whether the host, left to itself, surely reads these bytes as they are told to
/// be read.
fn agree(told: Charset, bytes: &[u8]) -> bool {
    match named(bytes) {
        // Where it is told nothing, the host takes what is UTF-8 for that.
        Named::Nothing => told == Charset::Utf8,
        Named::Set(set) => set == told && !(set == TURKISH && has_c1(bytes)),
        Named::Unknown => false,
    }
}

/// To the web ISO 8859-9 is windows-1254. To the host `8859/9` is ISO 8859-9, and
/// it differs in the control characters C1.
const TURKISH: Charset = Charset::Other(encoding_rs::WINDOWS_1254);

fn has_c1(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| (0x80..0xa0).contains(byte))
}

/// What MSH-18 says.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// It is empty, or says ASCII.
    Nothing,
    Set(Charset),
    /// What is not known here the host may know all the same.
    Unknown,
}

fn named(bytes: &[u8]) -> Named {
    let Some(place) = Place::find(bytes) else { return Named::Nothing };
    let name = String::from_utf8_lossy(bytes.get(place.range).unwrap_or_default());
    let name = name.trim().to_ascii_uppercase();
    let table = |encoding| Named::Set(Charset::Other(encoding));
    match name.as_str() {
        "" | "ASCII" | "US-ASCII" | "ANSI_X3.4-1968" | "ISO646-US" | "ISO IR6" | "ISO IR 6" => {
            Named::Nothing
        }
        "UNICODE UTF-8" | "UNICODE UTF8" | "UTF-8" | "UTF8" | "UFT-8" | "UNICODE UFT-8"
        | "UNICODE" => Named::Set(Charset::Utf8),
        "8859/1" | "8859" | "8859-1" | "ISO-8859-1" | "ISO8859-1" | "ISO 8859-1" => {
            Named::Set(Charset::Latin1)
        }
        "8859/9" => Named::Set(TURKISH),
        "8859/11" => table(encoding_rs::WINDOWS_874),
        "CP1252" => table(encoding_rs::WINDOWS_1252),
        "KS X 1001" => table(encoding_rs::EUC_KR),
        "GB 18030-2000" => table(encoding_rs::GB18030),
        "BIG-5" => table(encoding_rs::BIG5),
        "SHIFT-JIS" => table(encoding_rs::SHIFT_JIS),
        other => {
            let label = other.replacen("8859/", "ISO-8859-", 1);
            let known = Encoding::for_label(label.as_bytes()).filter(|it| is_read(it));
            known.map_or(Named::Unknown, table)
        }
    }
}

/// Whether the host reads a message by this set where its header names it.
fn is_read(encoding: &'static Encoding) -> bool {
    encoding != encoding_rs::REPLACEMENT && encoding != encoding_rs::X_USER_DEFINED
}

/// Where the first repetition of MSH-18 stands, or would stand.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    range: Range<usize>,
    separator: u8,
    /// Separators that the header lacks before it.
    lacking: usize,
}

impl Place {
    fn find(bytes: &[u8]) -> Option<Self> {
        let line = header(bytes)?;
        let text = bytes.get(line.clone())?;
        let separator = *text.get(3)?;
        let mut places = (line.start..).zip(text).filter(|(_, byte)| **byte == separator);
        let Some((before, _)) = places.nth(SEPARATORS_BEFORE - 1) else {
            let found = text.iter().filter(|byte| **byte == separator).count();
            let lacking = SEPARATORS_BEFORE.saturating_sub(found);
            return Some(Self { range: line.end..line.end, separator, lacking });
        };
        // MSH-2 may end before it names what separates repetitions.
        let characters = text.get(4..)?.split(|byte| *byte == separator).next()?;
        let repetition = characters.get(1).copied();
        let start = before + 1;
        let rest = bytes.get(start..line.end)?;
        let ends = |byte: &u8| *byte == separator || Some(*byte) == repetition;
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        Some(Self { range: start..start + length, separator, lacking: 0 })
    }
}

/// The first line that begins with MSH and a separator, which may stand behind
/// what frames a message.
fn header(bytes: &[u8]) -> Option<Range<usize>> {
    let begins = |start: &usize| {
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        before.is_none_or(|byte| !byte.is_ascii_graphic())
    };
    let is_header = |four: &[u8]| matches!(four, [b'M', b'S', b'H', it] if is_separator(*it));
    let headers = bytes.windows(4).enumerate().filter(|(_, four)| is_header(four));
    let start = headers.map(|(start, _)| start).find(begins)?;
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0x1c);
    let rest = bytes.get(start..)?;
    Some(start..start + rest.iter().position(ends).unwrap_or(rest.len()))
}

fn is_separator(byte: u8) -> bool {
    byte == b'\t' || byte.is_ascii_punctuation()
}

/// Makes MSH-18 of a message in UTF-8 true.
fn declare_utf8(text: &mut Vec<u8>) {
    if named(text) == Named::Set(Charset::Utf8) {
        return;
    }
    let Some(place) = Place::find(text) else { return };
    let mut name = vec![place.separator; place.lacking];
    name.extend_from_slice(UNICODE_UTF_8);
    // Without this the text could get twice the room that it needs.
    text.reserve_exact(name.len());
    text.splice(place.range, name);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(declared: &str, name: &[u8]) -> Vec<u8> {
        let head = format!("MSH|^~\\&|A|B|||2024||ACK|1|P|2.5||||||{declared}\rZZZ|");
        [head.as_bytes(), name, b"\rMSA|AA\r"].concat()
    }

    #[test]
    fn a_message_keeps_its_bytes_unless_what_is_told_contradicts_its_header() {
        let (latin, utf8) = (&b"Gr\xfcn"[..], "Grün".as_bytes());
        let says = |name: &[u8]| message("UNICODE UTF-8", name);
        let kept = |declared, name: &[u8]| (message(declared, name), message(declared, name));
        for (told, (bytes, expected)) in [
            (None, kept("8859/1", latin)),
            (Some("iso-8859-1"), kept("8859/1", latin)),
            (Some("iso-8859-1"), kept("ISO8859-1~8859/2", latin)),
            (Some("iso-8859-2"), kept("8859/2", latin)),
            (Some("iso-8859-9"), kept("8859/9", latin)),
            (Some("iso-8859-15"), kept("8859/15", latin)),
            (Some("windows-1252"), kept("CP1252", latin)),
            (Some("windows-1252"), kept("windows-1252", latin)),
            (Some("shift_jis"), kept("SHIFT-JIS", b"\x8e\x52")),
            (Some("utf-8"), kept("UNICODE UTF-8", utf8)),
            (Some("utf-8"), kept("UTF-8", utf8)),
            (Some("utf-8"), kept("", utf8)),
            (Some("utf-8"), kept("8859/1", b"Gruen")),
            (Some("iso-8859-1"), kept("UNICODE UTF-8", b"Gruen")),
            (Some("utf-8"), (message("8859/1", utf8), says(utf8))),
            (Some("iso-8859-1"), (message("8859/2", latin), says(utf8))),
            (Some("iso-8859-1"), (message("", latin), says(utf8))),
            (Some("iso-8859-1"), (message("ASCII", latin), says(utf8))),
            (Some("iso-8859-1"), (message("wrong", latin), says(utf8))),
            (Some("iso-8859-1"), (message("UNICODE UTF-8", latin), says(utf8))),
            (Some("utf-8"), (message("wrong", utf8), says(utf8))),
            (Some("windows-1254"), (message("8859/9", b"\x80"), says("€".as_bytes()))),
            (
                Some("iso-8859-1"),
                (message("8859/5~8859/2", latin), message("UNICODE UTF-8~8859/2", utf8)),
            ),
            (Some("iso-8859-1"), (message("UTF-8", latin), message("UTF-8", utf8))),
        ] {
            let set = told.map(|name| Charset::from_name(name).unwrap());
            let read = readable(Cow::Borrowed(&bytes), set).unwrap();
            assert_eq!(
                String::from_utf8_lossy(&read),
                String::from_utf8_lossy(&expected),
                "{told:?}"
            );
            assert_eq!(read, expected, "{told:?}");
        }
    }

    #[test]
    fn msh_18_is_found_in_a_header_of_any_separators_and_length() {
        for (bytes, expected) in [
            (&b"MSH|^~\\&|A\rZZZ|\xfc"[..], "MSH|^~\\&|A|||||||||||||||UNICODE UTF-8\rZZZ|ü"),
            (b"\x0bMSH#^!@$#A\nZZZ#\xfc", "\x0bMSH#^!@$#A###############UNICODE UTF-8\nZZZ#ü"),
            (b"MSH|^||||||||||||||||8859/5~|\rA|\xfc", "MSH|^||||||||||||||||UNICODE UTF-8|\rA|ü"),
            (b"XMSH|a\rMSH|\rA|\xfc", "XMSH|a\rMSH|||||||||||||||||UNICODE UTF-8\rA|ü"),
            (b"no header, \xfc", "no header, ü"),
        ] {
            let read = readable(Cow::Borrowed(bytes), Some(Charset::Latin1)).unwrap();
            assert_eq!(std::str::from_utf8(&read).unwrap(), expected);
        }
    }

    #[test]
    fn wide_messages_are_seen_and_narrow_ones_told_to_be_wide_are_refused() {
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        for (bytes, told, expected) in [
            (wide("MSH|^~\\&|ü", u16::to_le_bytes), Charset::Utf16LittleEndian, true),
            (wide("\u{feff}MSH|^~\\&|ü", u16::to_be_bytes), Charset::Utf16LittleEndian, true),
            (wide("MSH|^~\\&|x", u16::to_le_bytes), Charset::Latin1, true),
            (b"MSH|^~\\&|\xfc\xfc".to_vec(), Charset::Utf16LittleEndian, false),
            (b"MSH|^~\\&|\xfc".to_vec(), Charset::Utf8, false),
        ] {
            let expected = match expected {
                true => Ok(Cow::Borrowed(bytes.as_slice())),
                false => Err(Untranslatable::NotOfTheSet),
            };
            assert_eq!(readable(Cow::Borrowed(&bytes), Some(told)), expected);
        }
    }
}
