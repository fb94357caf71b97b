//! Values in CSV (RFC 4180): a field is put between quotation marks only when a
//! value in it makes that necessary.

use tureen_message::Problem;

use crate::template::push;

#[derive(Debug)]
pub(super) struct CsvPlace {
    delimiter: char,
    /// Where the field began in the text.
    field: usize,
    quotes: Quotes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotes {
    /// Nothing of the field is written yet.
    Start,
    /// The field has none.
    None,
    /// The author opened them.
    Open,
    /// The author closed them; a further one means a doubled one.
    Closed,
    /// A value needed them: they are closed at the end of the field.
    Ours,
}

impl CsvPlace {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter: char::from(delimiter), field: 0, quotes: Quotes::Start }
    }

    pub(super) fn authored(&mut self, text: &mut String, more: &str) -> Result<(), Problem> {
        push(text, "")?;
        for character in more.chars() {
            let ends = self.quotes != Quotes::Open
                && (character == self.delimiter || matches!(character, '\r' | '\n'));
            if ends {
                self.end(text)?;
                text.push(character);
                (self.field, self.quotes) = (text.len(), Quotes::Start);
                continue;
            }
            text.push(character);
            self.quotes = match (self.quotes, character) {
                (Quotes::Start | Quotes::Closed, '"') => Quotes::Open,
                // A quotation mark further on is one of the text, as when it is read.
                (Quotes::Start | Quotes::Closed, _) => Quotes::None,
                (Quotes::Open, '"') => Quotes::Closed,
                (Quotes::Ours, '"') => {
                    text.push('"');
                    Quotes::Ours
                }
                (quotes, _) => quotes,
            };
        }
        push(text, "")
    }

    pub(super) fn value(&mut self, text: &mut String, value: &str) -> Result<(), Problem> {
        let special = value.contains(['"', '\r', '\n', self.delimiter])
            || value.starts_with([' ', '\t'])
            || value.ends_with([' ', '\t']);
        if special && !matches!(self.quotes, Quotes::Open | Quotes::Ours) {
            let begun = text.split_off(self.field.min(text.len()));
            push(text, "\"")?;
            push(text, &begun.replace('"', "\"\""))?;
            self.quotes = Quotes::Ours;
        }
        match self.quotes {
            Quotes::Open | Quotes::Ours => push(text, &value.replace('"', "\"\"")),
            _ => {
                if !value.is_empty() {
                    self.quotes = Quotes::None;
                }
                push(text, value)
            }
        }
    }

    /// Ends the field.
    pub(super) fn end(&mut self, text: &mut String) -> Result<(), Problem> {
        if std::mem::replace(&mut self.quotes, Quotes::Start) == Quotes::Ours {
            return push(text, "\"");
        }
        Ok(())
    }
}
