//! Writing a message anew with other delimiters.

use super::Hl7;
use super::delimiters::Delimiters;
use super::escape::{Piece, Sequence, pieces};
use super::segments::{Name, Segment};
use crate::Problem;

impl Hl7 {
    /// Replaces the delimiters of the whole message and escapes every value for
    /// them. What the values mean stays the same.
    ///
    /// # Errors
    /// `hl7.header` for characters that cannot be delimiters, `edit.delimiter`
    /// where the message uses a level that the new ones do not have,
    /// `edit.escape` where a value cannot be written with them. The message is
    /// then unchanged.
    pub fn reencode(&mut self, field: u8, characters: &[u8]) -> Result<(), Problem> {
        let mut header = vec![b'M', b'S', b'H', field];
        header.extend_from_slice(characters);
        let new = Delimiters::read(&header)?;
        if characters.contains(&field) {
            return Err(Problem::new("hl7.header", "MSH-2 must not hold the field separator"));
        }
        self.store.arrange();
        let old = &self.store.bytes;
        let mut text = Vec::with_capacity(old.len() + 64);
        let mut written_to = 0;
        for (position, segment) in self.store.table.segments().iter().enumerate() {
            let range = segment.range();
            text.extend_from_slice(old.get(written_to..range.start).unwrap_or_default());
            let line = self.line(segment);
            if segment.name == Name::NONE {
                text.extend_from_slice(line);
            } else {
                let change = Change { old: self.store.table.delimiters(position), new: &new };
                change
                    .segment(segment, line, characters, &mut text)
                    .map_err(|problem| problem.at(format!("line {}", position + 1)))?;
            }
            written_to = range.end;
        }
        text.extend_from_slice(old.get(written_to..).unwrap_or_default());
        let whole = 0..old.len();
        self.rebuild(std::iter::once(whole), &text, self.writing(""))
    }
}

struct Change<'a> {
    old: &'a Delimiters,
    new: &'a Delimiters,
}

impl Change<'_> {
    fn segment(
        &self,
        segment: &Segment,
        line: &[u8],
        characters: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        text.extend_from_slice(&segment.name.characters());
        let mut rest = line.get(3..).unwrap_or_default();
        if segment.name.is_header() {
            text.push(self.new.field);
            text.extend_from_slice(characters);
            let behind = rest.get(1..).unwrap_or_default();
            let end = memchr::memchr(self.old.field, behind).unwrap_or(behind.len());
            rest = behind.get(end..).unwrap_or_default();
        }
        let mut leaf_start = 0;
        for (at, byte) in rest.iter().enumerate() {
            if let Some(separator) = self.separator(*byte)? {
                self.leaf(rest.get(leaf_start..at).unwrap_or_default(), text)?;
                text.push(separator);
                leaf_start = at + 1;
            }
        }
        self.leaf(rest.get(leaf_start..).unwrap_or_default(), text)
    }

    /// The new separator for an old one; `None` for any other byte.
    fn separator(&self, byte: u8) -> Result<Option<u8>, Problem> {
        if byte == self.old.field {
            return Ok(Some(self.new.field));
        }
        let levels = [
            (self.old.component, self.new.component),
            (self.old.repetition, self.new.repetition),
            (self.old.subcomponent, self.new.subcomponent),
        ];
        match levels.into_iter().find(|(old, _)| *old == Some(byte)) {
            None => Ok(None),
            Some((_, Some(new))) => Ok(Some(new)),
            Some((_, None)) => Err(Problem::new(
                "edit.delimiter",
                "the message uses a level that the new delimiters do not have",
            )),
        }
    }

    fn leaf(&self, leaf: &[u8], text: &mut Vec<u8>) -> Result<(), Problem> {
        for piece in pieces(leaf, self.old) {
            match piece {
                Piece::Plain(bytes) | Piece::Sequence(bytes, Sequence::Unknown) => {
                    bytes.iter().try_for_each(|byte| self.data(*byte, text))?;
                }
                Piece::Sequence(_, Sequence::Delimiter(byte))
                    if Some(byte) == self.new.truncation =>
                {
                    self.sequence(b"P", text)?;
                }
                Piece::Sequence(_, Sequence::Delimiter(byte)) => self.data(byte, text)?,
                Piece::Sequence(whole, Sequence::Hexadecimal(_) | Sequence::Kept) => {
                    let body = whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default();
                    self.sequence(body, text)?;
                }
            }
        }
        Ok(())
    }

    fn data(&self, byte: u8, text: &mut Vec<u8>) -> Result<(), Problem> {
        match self.new.letter(byte) {
            Some(letter) => self.sequence(&[letter], text),
            None => {
                text.push(byte);
                Ok(())
            }
        }
    }

    fn sequence(&self, body: &[u8], text: &mut Vec<u8>) -> Result<(), Problem> {
        let Some(escape) =
            self.new.escape.filter(|_| !body.iter().any(|byte| self.new.letter(*byte).is_some()))
        else {
            return Err(Problem::new(
                "edit.escape",
                "a value needs an escape sequence that the new delimiters cannot write",
            ));
        };
        text.push(escape);
        text.extend_from_slice(body);
        text.push(escape);
        Ok(())
    }
}
