//! The decoders: one pass, left to right, what was decoded is not read again.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tureen_message::Problem;

/// The longest escape of JSON and XML that is looked at.
const ESCAPE_BYTES_MAX: usize = 12;

/// Copies text; at every `start` the reader may take an escape off the text
/// behind it. Where it does not, the character stays.
fn unescape(
    value: &str,
    start: char,
    mut read: impl for<'t> FnMut(&mut String, &'t str) -> Option<&'t str>,
) -> Cow<'_, str> {
    let Some((plain, mut rest)) = value.split_once(start) else { return Cow::Borrowed(value) };
    let mut text = String::with_capacity(value.len());
    text.push_str(plain);
    loop {
        match read(&mut text, rest) {
            Some(behind) => rest = behind,
            None => text.push(start),
        }
        match rest.split_once(start) {
            Some((plain, behind)) => {
                text.push_str(plain);
                rest = behind;
            }
            None => {
                text.push_str(rest);
                return Cow::Owned(text);
            }
        }
    }
}

/// Delimiter and hexadecimal escapes of HL7 with the usual delimiters; others,
/// such as `\.br\`, stay as they are.
pub(super) fn hl7(value: &str) -> Cow<'_, str> {
    unescape(value, '\\', |text, rest| {
        let (escape, behind) = rest.split_once('\\')?;
        match escape {
            "F" => text.push('|'),
            "S" => text.push('^'),
            "R" => text.push('~'),
            "T" => text.push('&'),
            "E" => text.push('\\'),
            _ => text.push_str(&hexadecimal(escape.strip_prefix('X')?)?),
        }
        Some(behind)
    })
}

/// Pairs of digits as UTF-8; none for anything else.
fn hexadecimal(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| {
            let high = char::from(*pair.first()?).to_digit(16)?;
            let low = char::from(*pair.last()?).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect();
    String::from_utf8(bytes?).ok()
}

/// The inside of a JSON string.
pub(super) fn json(value: &str) -> Cow<'_, str> {
    unescape(value, '\\', |text, rest| {
        let mut letters = rest.chars();
        let decoded = match letters.next()? {
            'u' => return json_unicode(text, letters.as_str()),
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            same @ ('"' | '\\' | '/') => same,
            _ => return None,
        };
        text.push(decoded);
        Some(letters.as_str())
    })
}

/// Four digits after `\u`, or two such escapes that are one character.
fn json_unicode<'t>(text: &mut String, rest: &'t str) -> Option<&'t str> {
    let (first, behind) = four_digits(rest)?;
    if let Ok(character) = char::try_from(u32::from(first)) {
        text.push(character);
        return Some(behind);
    }
    let (second, behind) = four_digits(behind.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    text.push(character);
    Some(behind)
}

fn four_digits(text: &str) -> Option<(u16, &str)> {
    let (digits, behind) = text.split_at_checked(4)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((all.then(|| u16::from_str_radix(digits, 16).ok()).flatten()?, behind))
}

/// The five named references and the numeric ones.
pub(super) fn xml(value: &str) -> Cow<'_, str> {
    unescape(value, '&', |text, rest| {
        let near = rest.get(..rest.floor_char_boundary(ESCAPE_BYTES_MAX))?;
        let end = near.find(';')?;
        let (name, behind) = (rest.get(..end)?, rest.get(end + 1..)?);
        text.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numeric_reference(name)?,
        });
        Some(behind)
    })
}

fn numeric_reference(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let unsigned = digits.starts_with(|first: char| first.is_digit(radix));
    let number = unsigned.then(|| u32::from_str_radix(digits, radix).ok()).flatten()?;
    char::from_u32(number)
}

/// One field: the quotation marks around it and doubled ones inside removed.
pub(super) fn csv(value: &str) -> Cow<'_, str> {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Owned(inner.to_owned()),
        None => Cow::Borrowed(value),
    }
}

/// Base64 of UTF-8 text; line ends and blanks in it are ignored.
pub(super) fn base64(value: &str) -> Result<String, Problem> {
    let problem = |expected: &str| {
        let text =
            format!("Base64Decode: expected {expected}, found {} bytes that are not", value.len());
        Problem::new("formatting.value", text)
    };
    let compact: String =
        value.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| problem("base64"))?;
    String::from_utf8(bytes).map_err(|_| problem("base64 of UTF-8 text"))
}
