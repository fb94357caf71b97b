//! Formatting commands of text (HL7 v2 chapter 2.7.4) turned into layout.
//!
//! Plain reading leaves them in place, so that a copy keeps them.

use super::Hl7;
use super::charset::CharacterSet;
use super::escape::{Piece, Sequence, hexadecimal_text, pieces};
use super::path::Hl7Path;

/// The most spaces or lines that one command adds.
const REPEAT_MAX: usize = 200;

impl Hl7 {
    /// The text of a place with its formatting commands carried out: line
    /// breaks, vertical and horizontal space and indents become white space;
    /// highlighting, centring and word wrap, which plain text cannot show, go
    /// away. Character set switches and local sequences stay as they are.
    /// Empty where the place does not exist.
    pub fn formatted_text(&self, path: &Hl7Path) -> String {
        let Some(place) = self.place(path) else { return String::new() };
        let charset = self.charset();
        if !place.is_leaf() {
            return charset.decode(place.raw).into_owned();
        }
        let mut layout = Layout::default();
        for piece in pieces(place.raw, place.delimiters) {
            layout.add(piece, charset, self.hexadecimal_charset());
        }
        layout.text
    }
}

#[derive(Default)]
struct Layout {
    text: String,
    /// Spaces before each line that follows a break.
    indent: usize,
    /// Spaces before the next line only, beside `indent`.
    temporary: isize,
    /// Whether the spaces of the current line are still to be written.
    at_start: bool,
}

impl Layout {
    fn add(&mut self, piece: Piece<'_>, charset: CharacterSet, hexadecimal: CharacterSet) {
        match piece {
            Piece::Sequence(_, Sequence::Delimiter(byte)) => {
                self.push(char::from(byte).encode_utf8(&mut [0; 4]));
            }
            Piece::Sequence(_, Sequence::Hexadecimal(digits)) => {
                self.push(&hexadecimal_text(digits, hexadecimal));
            }
            Piece::Sequence(whole, Sequence::Kept) => {
                let body = whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default();
                let body = charset.decode(body);
                if !self.carry_out(&body) {
                    self.push(&charset.decode(whole));
                }
            }
            Piece::Plain(bytes) | Piece::Sequence(bytes, Sequence::Unknown) => {
                self.push(&charset.decode(bytes));
            }
        }
    }

    /// Whether the sequence was a command that layout knows.
    fn carry_out(&mut self, body: &str) -> bool {
        if matches!(body, "H" | "N") {
            return true;
        }
        let Some((command, argument)) = body.strip_prefix('.').and_then(|b| b.split_at_checked(2))
        else {
            return false;
        };
        let number = argument.parse::<isize>().ok();
        let count = number.unwrap_or(1).clamp(0, REPEAT_MAX as isize).unsigned_abs();
        match command {
            "br" | "ce" => self.break_lines(1),
            "sp" => self.break_lines(count),
            "sk" => self.push(&" ".repeat(count)),
            "in" => self.indent = indent_after(self.indent, argument, number),
            "ti" => {
                let wanted = indent_after(self.indent, argument, number);
                self.temporary = wanted as isize - self.indent as isize;
                self.at_start |= self.text.is_empty();
            }
            _ => {}
        }
        if command == "in" {
            self.at_start |= self.text.is_empty();
        }
        true
    }

    fn break_lines(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n('\n', count));
        self.at_start = true;
    }

    fn push(&mut self, text: &str) {
        if self.at_start && !text.is_empty() {
            let spaces = self.indent.saturating_add_signed(self.temporary);
            self.text.extend(std::iter::repeat_n(' ', spaces));
            self.temporary = 0;
            self.at_start = false;
        }
        self.text.push_str(text);
    }
}

/// A signed argument moves the indent, an unsigned one sets it.
fn indent_after(indent: usize, argument: &str, number: Option<isize>) -> usize {
    let number = number.unwrap_or(0).clamp(-(REPEAT_MAX as isize), REPEAT_MAX as isize);
    let wanted = match argument.starts_with(['+', '-']) {
        true => indent.saturating_add_signed(number),
        false => number.unsigned_abs(),
    };
    wanted.min(REPEAT_MAX)
}
