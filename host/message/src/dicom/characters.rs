//! The text of DICOM values: Specific Character Set (0008,0005), PS3.3 C.12.1.1.2
//! and PS3.5 section 6.1.
//!
//! Knows: the defined terms, code extensions by ISO 2022 escapes. Deliberately
//! does not know: elements and values; a value's backslashes are split after
//! decoding, since they may be half of a character before.
//!
//! # Invariants
//! - Bytes that a set does not have read as U+FFFD; nothing fails.
//! - Linear; every escape that the standard defines is understood, whether the
//!   data set announced it or not.

use encoding_rs::{
    EUC_JP, EUC_KR, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_15, SHIFT_JIS, WINDOWS_874,
};
use std::borrow::Cow;

use crate::charset::Set;

const ESCAPE: u8 = 0x1B;

/// How the text of a data set is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Characters {
    /// The set at the beginning of each value.
    initial: Set,
    /// Whether escapes may change it.
    escapes: bool,
    /// Whether every term was one of the standard's.
    pub(super) known: bool,
}

impl Characters {
    /// Without (0008,0005): ASCII. Read as UTF-8, so that text which breaks the
    /// rule that way is read right.
    pub(super) const DEFAULT: Self = Self { initial: Set::Utf8, escapes: false, known: true };

    /// Of the value of (0008,0005).
    pub(super) fn of(value: &[u8]) -> Self {
        let value = String::from_utf8_lossy(value);
        let mut terms = value.split('\\').map(|term| term.trim_matches([' ', '\0']));
        let first = terms.next().unwrap_or_default();
        let initial = set_of(first);
        let mut characters = Self {
            initial: initial.unwrap_or(Set::Utf8),
            escapes: first.starts_with("ISO 2022"),
            known: initial.is_some(),
        };
        for term in terms {
            characters.escapes = true;
            characters.known &= set_of(term).is_some();
        }
        characters
    }

    /// The text of a value, its backslashes included. In names, `^` and `=` end
    /// what an escape began, too.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8], is_name: bool) -> Cow<'a, str> {
        if !self.escapes || !bytes.contains(&ESCAPE) {
            return self.initial.decode(bytes);
        }
        Cow::Owned(Escaped { characters: self, is_name, bytes, at: 0 }.decode())
    }
}

/// The set of a defined term. Multi-byte sets of ISO 2022 begin in ASCII.
fn set_of(term: &str) -> Option<Set> {
    let number = ["ISO_IR ", "ISO 2022 IR ", "ISO_IR_", "ISO-IR ", "ISO IR "]
        .iter()
        .find_map(|prefix| term.strip_prefix(prefix));
    Some(match number.unwrap_or(term) {
        "" | "6" | "87" | "159" | "192" => Set::Utf8,
        "100" => Set::Latin1,
        "101" => Set::Table(ISO_8859_2),
        "109" => Set::Table(ISO_8859_3),
        "110" => Set::Table(ISO_8859_4),
        "144" => Set::Table(ISO_8859_5),
        "127" => Set::Table(ISO_8859_6),
        "126" => Set::Table(ISO_8859_7),
        "138" => Set::Table(ISO_8859_8),
        "148" => Set::Latin5,
        "203" => Set::Table(ISO_8859_15),
        "13" => Set::Table(SHIFT_JIS),
        "166" => Set::Table(WINDOWS_874),
        "149" => Set::Table(EUC_KR),
        "58" | "GBK" => Set::Table(GBK),
        "GB18030" => Set::Table(GB18030),
        _ => return None,
    })
}

/// What an escape changes.
#[derive(Clone, Copy)]
enum Designation {
    /// The bytes below 0x80.
    Low(Low),
    /// The bytes above.
    High(Set),
}

/// What bytes below 0x80 mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Low {
    Ascii,
    /// Pairs of JIS X 0208.
    Kanji,
    /// Pairs of JIS X 0212.
    Supplementary,
}

/// The escape at the beginning of the bytes (after ESC itself), and its length.
fn designation(bytes: &[u8]) -> Option<(usize, Designation)> {
    use Designation::{High, Low as InLow};
    Some(match bytes {
        // JIS X 0201's low half differs from ASCII by a yen sign and an overline.
        [b'(', b'B' | b'J', ..] => (2, InLow(Low::Ascii)),
        [b'$', b'B' | b'@', ..] => (2, InLow(Low::Kanji)),
        [b'$', b'(', b'D', ..] => (3, InLow(Low::Supplementary)),
        [b'$', b')', b'C', ..] => (3, High(Set::Table(EUC_KR))),
        [b'$', b')', b'A', ..] => (3, High(Set::Table(GBK))),
        [b')', b'I', ..] => (2, High(Set::Table(SHIFT_JIS))),
        [b'-', last, ..] => (
            2,
            High(match last {
                b'A' => Set::Latin1,
                b'B' => Set::Table(ISO_8859_2),
                b'C' => Set::Table(ISO_8859_3),
                b'D' => Set::Table(ISO_8859_4),
                b'F' => Set::Table(ISO_8859_7),
                b'G' => Set::Table(ISO_8859_6),
                b'H' => Set::Table(ISO_8859_8),
                b'L' => Set::Table(ISO_8859_5),
                b'M' => Set::Latin5,
                b'T' => Set::Table(WINDOWS_874),
                b'b' => Set::Table(ISO_8859_15),
                _ => return None,
            }),
        ),
        _ => return None,
    })
}

/// One value with escapes, being decoded.
struct Escaped<'a> {
    characters: &'a Characters,
    is_name: bool,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Escaped<'a> {
    fn decode(mut self) -> String {
        let mut text = String::with_capacity(self.bytes.len());
        let mut low = Low::Ascii;
        let mut high = self.characters.initial;
        while let Some(byte) = self.bytes.get(self.at) {
            let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
            if *byte == ESCAPE {
                self.at += 1;
                match designation(rest) {
                    Some((length, Designation::Low(set))) => {
                        (low, self.at) = (set, self.at + length)
                    }
                    Some((length, Designation::High(set))) => {
                        (high, self.at) = (set, self.at + length);
                    }
                    None => text.push(char::REPLACEMENT_CHARACTER),
                }
            } else if low != Low::Ascii && is_half(*byte) {
                text.push_str(&self.pair(low));
            } else {
                let run = self.run(low);
                text.push_str(&high.decode(run));
                if run.last().is_some_and(|last| self.ends_extension(*last)) {
                    (low, high) = (Low::Ascii, self.characters.initial);
                }
            }
        }
        text
    }

    /// One character of two bytes.
    fn pair(&mut self, low: Low) -> String {
        let Some([first, second]) = self.bytes.get(self.at..self.at + 2) else {
            self.at += 1;
            return char::REPLACEMENT_CHARACTER.to_string();
        };
        if !is_half(*second) {
            self.at += 1;
            return char::REPLACEMENT_CHARACTER.to_string();
        }
        self.at += 2;
        // EUC holds the same tables with the high bits set.
        let (first, second) = (first | 0x80, second | 0x80);
        let euc: &[u8] = match low {
            Low::Supplementary => &[0x8F, first, second],
            Low::Ascii | Low::Kanji => &[first, second],
        };
        EUC_JP.decode_without_bom_handling(euc).0.into_owned()
    }

    /// The bytes up to the next escape, pair or delimiter, the last one included.
    fn run(&mut self, low: Low) -> &'a [u8] {
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == ESCAPE || (low != Low::Ascii && is_half(*byte)) {
                break;
            }
            self.at += 1;
            if self.ends_extension(*byte) {
                break;
            }
        }
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// PS3.5 section 6.1.2.5.3.
    fn ends_extension(&self, byte: u8) -> bool {
        matches!(byte, b'\\' | b'\r' | b'\n' | b'\t' | 0x0C)
            || (self.is_name && matches!(byte, b'^' | b'='))
    }
}

fn is_half(byte: u8) -> bool {
    (0x21..=0x7E).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of PS3.5 annexes H to K, and single-byte sets.
    #[test]
    fn text_reads_in_the_set_that_is_told() {
        for (told, bytes, expected) in [
            ("", &b"Doe^John"[..], "Doe^John"),
            ("", b"M\xC3\xBCller", "Müller"),
            ("", b"M\xFCller", "M\u{FFFD}ller"),
            ("ISO_IR 100", b"Buc^J\xE9r\xF4me", "Buc^Jérôme"),
            ("ISO_IR 192", "Wang^XiaoDong=王^小東".as_bytes(), "Wang^XiaoDong=王^小東"),
            ("ISO_IR 144", b"\xBB\xEEce\xDC\xD1yp\xD3", "Люceмбypг"),
            ("ISO_IR 148", b"\xDE", "Ş"),
            ("ISO_IR 13", b"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
            ("ISO_IR 166", b"\xCA\xC1", "สม"),
            ("GB18030", b"Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "Wang^XiaoDong=王^小东"),
            (
                "\\ISO 2022 IR 87",
                b"Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B",
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
            ),
            (
                "\\ISO 2022 IR 149",
                b"Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7=\x1B$)C\xC8\xAB^\x1B$)C\xB1\xE6\xB5\xBF",
                "Hong^Gildong=洪^吉洞=홍^길동",
            ),
            (
                "\\ISO 2022 IR 58",
                b"Zhang^XiaoDong=\x1B$)A\xD5\xC5^\x1B$)A\xD0\xA1\xB6\xAB",
                "Zhang^XiaoDong=张^小东",
            ),
            ("ISO 2022 IR 6\\ISO 2022 IR 159", b"\x1B$(D0!\x1B(B", "丂"),
            ("ISO 2022 IR 100\\ISO 2022 IR 126", b"\xE9\x1B-F\xC4^\xE9", "éΔ^é"),
        ] {
            let characters = Characters::of(told.as_bytes());
            assert!(characters.known, "{told}");
            assert_eq!(characters.decode(bytes, true), expected, "{told}");
        }
    }

    #[test]
    fn a_delimiter_ends_what_an_escape_began() {
        let characters = Characters::of(b"ISO 2022 IR 100\\ISO 2022 IR 126");
        assert_eq!(characters.decode(b"\x1B-F\xC4^\xC4\\\xC4", false), "Δ^Δ\\Ä");
        assert_eq!(characters.decode(b"\x1B-F\xC4^\xC4\\\xC4", true), "Δ^Ä\\Ä");
    }

    #[test]
    fn what_is_not_understood_reads_as_replacement_characters() {
        for (told, bytes, expected) in [
            ("\\ISO 2022 IR 87", &b"\x1BZx"[..], "\u{FFFD}Zx"),
            ("\\ISO 2022 IR 87", b"\x1B$B;", "\u{FFFD}"),
            ("\\ISO 2022 IR 87", b"\x1B$B;\x20", "\u{FFFD} "),
            ("\\ISO 2022 IR 87", b"\x1B", "\u{FFFD}"),
        ] {
            assert_eq!(Characters::of(told.as_bytes()).decode(bytes, false), expected);
        }
        assert!(!Characters::of(b"ISO_IR 999").known);
        assert!(!Characters::of(b"ISO 2022 IR 6\\nonsense").known);
        assert_eq!(Characters::of(b"nonsense").decode("é".as_bytes(), false), "é");
    }
}
