//! Changing what MSH-18 says: the bytes of the message change with it.
//!
//! Deliberately does not know: what else an edit does.

use super::escape::{Piece, Sequence, hexadecimal_text, pieces};
use super::path::Hl7Path;
use super::segments::Name;
use super::{Hl7, edit};
use crate::Problem;

impl Hl7 {
    /// Whether an edit there may change what MSH-18 says about bytes outside ASCII.
    pub(super) fn may_redeclare(&self, path: &Hl7Path) -> bool {
        let is_declaration = path.element.is_none_or(|element| element.field == 18);
        let is_plain = self.charset.is_none() && self.transcoded.is_none();
        !is_plain && is_declaration && path.segment == Name::MSH && path.occurrence.number() == 1
    }

    /// Makes an edit of the header, and writes the whole message in the set that MSH-18
    /// names then, if that is another.
    ///
    /// # Errors
    /// Those of the edit; `edit.charset` where the message cannot be written in that set.
    /// The message is then unchanged.
    pub(super) fn redeclare(
        &mut self,
        path: &Hl7Path,
        edit: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut changed = self.clone();
        edit(&mut changed)?;
        if changed.declared_charset() != self.declared_charset() {
            let text = self
                .portable(&changed)
                .map_err(|why| edit::at(path, Problem::new("edit.charset", why)))?;
            changed = Self::parse_text(text, &self.limits).map_err(|problem| {
                let problem = Problem { code: "edit.charset", ..problem };
                edit::at(path, problem)
            })?;
        }
        *self = changed;
        Ok(())
    }

    /// The text of a changed message with its framing, where it means the same in any set.
    fn portable(&self, changed: &Self) -> Result<String, &'static str> {
        if self.charset().first_undecodable(&self.store.assembled()).is_some() {
            return Err("the message holds bytes that its character set does not define; \
                        it cannot be written in another");
        }
        if self.writes_bytes() {
            return Err("the message writes characters of its set as \\X..\\; \
                        it cannot be written in another");
        }
        let all = changed.store.assembled();
        let content = changed.store.table.content(all.len());
        // A byte order mark goes with the set that it marks.
        let framing = |part: Option<&[u8]>| -> String {
            part.unwrap_or_default()
                .iter()
                .filter(|it| it.is_ascii())
                .map(|it| char::from(*it))
                .collect()
        };
        let (lead, trail) = (framing(all.get(..content.start)), framing(all.get(content.end..)));
        Ok(format!("{lead}{}{trail}", changed.whole_text()))
    }

    /// Whether some sequence `\X..\` stands for characters outside ASCII.
    fn writes_bytes(&self) -> bool {
        let charset = self.hexadecimal_charset();
        self.store.table.segments().iter().enumerate().any(|(position, segment)| {
            let delimiters = self.store.table.delimiters(position);
            pieces(self.line(segment), delimiters).any(|piece| match piece {
                Piece::Sequence(_, Sequence::Hexadecimal(digits)) => {
                    !hexadecimal_text(digits, charset).is_ascii()
                }
                _ => false,
            })
        })
    }
}
