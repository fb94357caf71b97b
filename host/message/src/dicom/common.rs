//! The node `CommonFields`: the attributes of the file and of its data set by
//! keyword (PS3.6), each as one text.
//!
//! Deliberately does not know: what stands in sequences; private attributes.

use std::fmt::Write as _;

use super::dictionary;
use super::value::Element;
use crate::json::quoted;

/// Writes the node element by element.
pub(super) struct CommonFields {
    json: String,
}

impl CommonFields {
    pub(super) fn new() -> Self {
        Self { json: "{".to_owned() }
    }

    /// Takes an element of the data set itself, or of the file meta information.
    pub(super) fn take(&mut self, element: &Element<'_>) {
        if element.is_bulk() || element.is_group_length() {
            return;
        }
        let Some(keyword) = dictionary::keyword(element.tag) else { return };
        if self.json.len() > 1 {
            self.json.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.json, "\"{keyword}\":{}", quoted(&element.text()));
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }
}
