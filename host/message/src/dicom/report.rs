//! The node `Report`: the content tree of a structured report (PS3.3 C.17.3) as
//! a list in reading order, and as text.
//!
//! A list with levels, not a tree: a loop of a workflow walks it, and its depth
//! in JSON does not grow with the report's.
//!
//! Deliberately does not know: templates (PS3.16) and what a code means.

use std::fmt::Write as _;

use dicom_core::Tag;

use super::scan::Event;
use super::value::Element;
use crate::json::quoted;

const CONTENT: Tag = Tag(0x0040, 0xA730);
const CONCEPT_NAME: Tag = Tag(0x0040, 0xA043);
const CONCEPT_CODE: Tag = Tag(0x0040, 0xA168);
const MEASURED_VALUE: Tag = Tag(0x0040, 0xA300);
const UNITS: Tag = Tag(0x0040, 0x08EA);
const REFERENCED_SOP: Tag = Tag(0x0008, 0x1199);
const CODE_VALUE: Tag = Tag(0x0008, 0x0100);
const CODE_MEANING: Tag = Tag(0x0008, 0x0104);
const REFERENCED_INSTANCE: Tag = Tag(0x0008, 0x1155);
const RELATIONSHIP: Tag = Tag(0x0040, 0xA010);
const VALUE_TYPE: Tag = Tag(0x0040, 0xA040);
const NUMERIC_VALUE: Tag = Tag(0x0040, 0xA30A);
const COMPLETION: Tag = Tag(0x0040, 0xA491);
const VERIFICATION: Tag = Tag(0x0040, 0xA493);
/// Date-time, date, time, person name, UID and text of a content item.
const VALUES: [Tag; 6] = [
    Tag(0x0040, 0xA120),
    Tag(0x0040, 0xA121),
    Tag(0x0040, 0xA122),
    Tag(0x0040, 0xA123),
    Tag(0x0040, 0xA124),
    Tag(0x0040, 0xA160),
];

/// Deeper levels of the text are not indented further.
const INDENTED_MAX: usize = 16;

/// One content item.
#[derive(Default)]
struct Item {
    level: usize,
    relationship: String,
    value_type: String,
    name: String,
    value: String,
    units: String,
}

/// What an open sequence or item is for the report; the number is that of the
/// content item which it belongs to.
#[derive(Clone, Copy)]
enum Part {
    Item(usize),
    Children(usize),
    Name(usize),
    Code(usize),
    Measured(usize),
    Units(usize),
    Reference(usize),
    Other,
}

/// Collects the report event by event.
pub(super) struct Report {
    /// The first one is the data set itself.
    items: Vec<Item>,
    completion: String,
    verification: String,
    open: Vec<Part>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            items: vec![Item::default()],
            completion: String::new(),
            verification: String::new(),
            open: vec![Part::Item(0)],
        }
    }

    pub(super) fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Element(element) => self.element(element),
            Event::Sequence(tag) => {
                let part = self.sequence(*tag);
                self.open.push(part);
            }
            Event::Item => {
                let part = self.item();
                self.open.push(part);
            }
            Event::SequenceEnd | Event::ItemEnd => {
                self.open.pop();
            }
        }
    }

    /// `None` when the data set is no structured report.
    pub(super) fn finish(self) -> Option<String> {
        let (root, items) = self.items.split_first()?;
        if items.is_empty() && root.value_type.is_empty() {
            return None;
        }
        let mut text = String::new();
        let mut content = String::new();
        for item in items {
            line(item, &mut text);
            if !content.is_empty() {
                content.push(',');
            }
            // Writing to a String cannot fail.
            let _ = write!(
                content,
                "{{\"Level\":{},\"Relationship\":{},\"ValueType\":{},\"Name\":{},\"Value\":{},\
                 \"Units\":{}}}",
                item.level,
                quoted(&item.relationship),
                quoted(&item.value_type),
                quoted(&item.name),
                quoted(&item.value),
                quoted(&item.units),
            );
        }
        Some(format!(
            "{{\"Title\":{},\"CompletionFlag\":{},\"VerificationFlag\":{},\"Text\":{},\
             \"Content\":[{content}]}}",
            quoted(&root.name),
            quoted(&self.completion),
            quoted(&self.verification),
            quoted(&text),
        ))
    }

    fn part(&self) -> Part {
        self.open.last().copied().unwrap_or(Part::Other)
    }

    fn sequence(&self, tag: Tag) -> Part {
        match (self.part(), tag) {
            (Part::Item(item), CONTENT) => Part::Children(item),
            (Part::Item(item), CONCEPT_NAME) => Part::Name(item),
            (Part::Item(item), CONCEPT_CODE) => Part::Code(item),
            (Part::Item(item), MEASURED_VALUE) => Part::Measured(item),
            (Part::Item(item), REFERENCED_SOP) => Part::Reference(item),
            (Part::Measured(item), UNITS) => Part::Units(item),
            _ => Part::Other,
        }
    }

    fn item(&mut self) -> Part {
        let Part::Children(parent) = self.part() else { return self.part() };
        let level = self.items.get(parent).map_or(0, |parent| parent.level) + 1;
        self.items.push(Item { level, ..Item::default() });
        Part::Item(self.items.len() - 1)
    }

    fn element(&mut self, element: &Element<'_>) {
        let part = self.part();
        if let Part::Item(0) = part {
            match element.tag {
                COMPLETION => self.completion = element.text(),
                VERIFICATION => self.verification = element.text(),
                _ => {}
            }
        }
        let (Part::Item(number)
        | Part::Name(number)
        | Part::Code(number)
        | Part::Measured(number)
        | Part::Units(number)
        | Part::Reference(number)) = part
        else {
            return;
        };
        let Some(item) = self.items.get_mut(number) else { return };
        let place = match (part, element.tag) {
            (Part::Item(_), RELATIONSHIP) => &mut item.relationship,
            (Part::Item(_), VALUE_TYPE) => &mut item.value_type,
            (Part::Item(_), tag) if VALUES.contains(&tag) => &mut item.value,
            (Part::Name(_), CODE_MEANING) => &mut item.name,
            (Part::Code(_), CODE_MEANING) => &mut item.value,
            (Part::Measured(_), NUMERIC_VALUE) => &mut item.value,
            (Part::Units(_), CODE_VALUE) => &mut item.units,
            (Part::Reference(_), REFERENCED_INSTANCE) => &mut item.value,
            _ => return,
        };
        *place = element.text();
    }
}

/// `  Name: value units`
fn line(item: &Item, text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
    for _ in 1..item.level.min(INDENTED_MAX) {
        text.push_str("  ");
    }
    text.push_str(&item.name);
    if !item.value.is_empty() {
        let colon = if item.name.is_empty() { "" } else { ": " };
        text.push_str(colon);
        text.push_str(&item.value);
    }
    if !item.units.is_empty() {
        text.push(' ');
        text.push_str(&item.units);
    }
}
