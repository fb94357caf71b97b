//! Which placeholders of a template stand for the same name of a tag.
//!
//! An XML element is parsed before its name is known, and its end tag must then hold what its start
//! tag holds. Knows: where the name of a tag may stand. Deliberately does not know: whether the text
//! is XML; elsewhere nothing depends on two placeholders being told apart.

use std::collections::HashMap;

/// Walks through the text of a template, from its beginning.
#[derive(Debug, Default)]
pub(super) struct TagNames {
    /// Whether what comes next belongs to the name in a start or end tag.
    inside: bool,
    /// The first field of each placeholder that stands in such a name.
    first: HashMap<String, usize>,
}

impl TagNames {
    /// Goes on behind authored text, or the text of a message.
    pub(super) fn step_over(&mut self, text: &str) {
        let name = match text.rsplit_once('<') {
            Some((_, behind)) => behind.strip_prefix('/').unwrap_or(behind),
            None if self.inside => text,
            None => return,
        };
        let ends =
            |it: char| it.is_whitespace() || matches!(it, '>' | '/' | '!' | '?' | '=' | '"' | '\'');
        self.inside = !name.contains(ends);
    }

    /// The number of the field whose token a placeholder gets: its own, or in the name of a tag
    /// that of the first one that is written the same.
    pub(super) fn shared(&mut self, placeholder: &str, number: usize) -> usize {
        if !self.inside {
            return number;
        }
        match self.first.get(placeholder) {
            Some(first) => *first,
            None => {
                self.first.insert(placeholder.to_owned(), number);
                number
            }
        }
    }
}
