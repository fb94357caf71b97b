//! The node `Tags`: the DICOM JSON model (PS3.18 annex F).
//!
//! Deliberately does not know: keywords, reports.
//!
//! Bulk data is left out: `BulkLength`, which the model does not have, says how
//! many bytes there are. Group lengths are left out, too (F.2).

use dicom_core::{Tag, VR};

use super::scan::Event;
use super::value::{Element, Single};
use crate::json::quoted;

/// Writes the node event by event.
pub(super) struct Tags {
    json: String,
    /// For each open object and array: whether something stands in it.
    filled: Vec<bool>,
}

impl Tags {
    pub(super) fn new() -> Self {
        Self { json: "{".to_owned(), filled: vec![false] }
    }

    pub(super) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Element(element) if element.is_group_length() => {}
            Event::Element(element) => self.element(element),
            Event::Sequence(tag) => {
                self.name(*tag, VR::SQ);
                self.filled.push(false);
            }
            Event::SequenceEnd => {
                // An empty sequence has no `Value`.
                let closing = if self.filled.pop() == Some(true) { "]}" } else { "}" };
                self.json.push_str(closing);
            }
            Event::Item => {
                let before = if self.mark_filled() { ",{" } else { ",\"Value\":[{" };
                self.json.push_str(before);
                self.filled.push(false);
            }
            Event::ItemEnd => {
                self.filled.pop();
                self.json.push('}');
            }
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    fn element(&mut self, element: &Element<'_>) {
        self.name(element.tag, element.vr);
        if element.is_bulk() && !element.value.is_empty() {
            self.json.push_str(&format!(",\"BulkLength\":{}", element.value.len()));
        }
        let mut first = true;
        element.each(|single| {
            self.json.push_str(if std::mem::take(&mut first) { ",\"Value\":[" } else { "," });
            match single {
                Single::Text("") => self.json.push_str("null"),
                Single::Text(text) if element.vr == VR::PN => self.name_groups(text),
                Single::Text(text) => self.json.push_str(&quoted(text)),
                Single::Number(number) => self.json.push_str(number),
            }
        });
        self.json.push_str(if first { "}" } else { "]}" });
    }

    /// The beginning of a member: `"00100010":{"vr":"PN"`.
    fn name(&mut self, tag: Tag, vr: VR) {
        if self.mark_filled() {
            self.json.push(',');
        }
        let (group, element) = (tag.group(), tag.element());
        self.json.push_str(&format!("\"{group:04X}{element:04X}\":{{\"vr\":\"{vr}\""));
    }

    /// F.2.2: a person's name in up to three scripts.
    fn name_groups(&mut self, text: &str) {
        let mut opening = '{';
        for (name, group) in ["Alphabetic", "Ideographic", "Phonetic"].iter().zip(text.split('=')) {
            if !group.is_empty() {
                self.json.push(opening);
                self.json.push_str(&format!("\"{name}\":{}", quoted(group)));
                opening = ',';
            }
        }
        self.json.push_str(if opening == '{' { "null" } else { "}" });
    }

    /// Whether something stood there before.
    fn mark_filled(&mut self) -> bool {
        self.filled.last_mut().is_some_and(|filled| std::mem::replace(filled, true))
    }
}
