//! Changing an HL7 message by segment, field and component instead of by path.
//!
//! Everything goes through the message's own `set`, `set_structure`, `insert`
//! and `remove`: what they refuse is refused here.

use super::Segment;
use crate::{Message, Problem, Value};
use std::fmt;

impl Message {
    /// The segment at a path, `PID` or `OBX[2]`, to change it. It need not be
    /// there: the first value that is set makes it.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let mut message = Message::parse(Format::Hl7, b"MSH|^~\\&|A\rPID|1||77\r")?;
    /// let mut pid = message.segment_mut("PID");
    /// pid.field(5).component(1).set("O|Brien")?;
    /// pid.add_repetition(3, "88^^^ACME")?;
    /// assert_eq!(message.bytes(), b"MSH|^~\\&|A\rPID|1||77~88^^^ACME||O\\F\\Brien\r");
    /// # Ok(())
    /// # }
    /// ```
    pub fn segment_mut(&mut self, path: &str) -> SegmentMut<'_> {
        SegmentMut { message: self, path: path.to_owned() }
    }

    /// Visits the segments of a name, in document order, and lets each be
    /// changed or removed. Segments that a visit inserts next to its own are not
    /// visited.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let oru = b"MSH|^~\\&|A\rOBX|1|NM|K||4\rOBX|2|TX|N||x\rOBX|3|NM|G||5\r";
    /// let mut message = Message::parse(Format::Hl7, oru)?;
    /// message.for_each_segment("OBX", |obx| {
    ///     if obx.field(2).text()? == "TX" { obx.remove() } else { obx.field(11).set("F") }
    /// })?;
    /// assert_eq!(
    ///     message.bytes(),
    ///     b"MSH|^~\\&|A\rOBX|1|NM|K||4||||||F\rOBX|3|NM|G||5||||||F\r"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `path.syntax`: it is no segment name; and the first error of a visit.
    pub fn for_each_segment<E: From<Problem>>(
        &mut self,
        name: &str,
        mut visit: impl FnMut(&mut SegmentMut<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = self.count(name)?;
        // Counted from the end: what a visit removes or inserts moves the others.
        while left > 0 {
            let count = self.count(name)?;
            left = left.min(count);
            let Some(before) = count.checked_sub(left).filter(|before| *before < count) else {
                break;
            };
            visit(&mut self.segment_mut(&format!("{name}[{}]", before + 1)))?;
            left -= 1;
        }
        Ok(())
    }
}

/// A segment of a message that may be changed.
pub struct SegmentMut<'m> {
    message: &'m mut Message,
    path: String,
}

impl SegmentMut<'_> {
    /// The segment's path, `OBX[2]`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The segment as it stands now, to read many places of it; `None` where
    /// there is none yet.
    ///
    /// # Errors
    /// As [`Message::segment`].
    pub fn read(&self) -> Result<Option<Segment<'_>>, Problem> {
        self.message.segment(&self.path)
    }

    /// A field: its first repetition.
    pub fn field(&mut self, number: usize) -> PlaceMut<'_> {
        PlaceMut { path: format!("{}-{number}", self.path), message: self.message }
    }

    /// One repetition of a field.
    pub fn repetition(&mut self, number: usize, repetition: usize) -> PlaceMut<'_> {
        PlaceMut { path: format!("{}-{number}[{repetition}]", self.path), message: self.message }
    }

    /// Adds a repetition, as wire text, behind the last one of a field; to a
    /// field that holds nothing, as the first.
    ///
    /// # Errors
    /// As [`Message::set_structure`].
    pub fn add_repetition(&mut self, number: usize, raw: &str) -> Result<(), Problem> {
        let next = self.message.count(&format!("{}-{number}", self.path))?.saturating_add(1);
        self.message.set_structure(&format!("{}-{number}[{next}]", self.path), raw)
    }

    /// Replaces the whole segment by wire text.
    ///
    /// # Errors
    /// As [`Message::set_structure`].
    pub fn set_raw(&mut self, raw: &str) -> Result<(), Problem> {
        self.message.set_structure(&self.path, raw)
    }

    /// Inserts a segment, as wire text, before this one. The path then means the
    /// new one if it has the same name. One behind the last appends.
    ///
    /// # Errors
    /// As [`Message::insert`].
    pub fn insert_before(&mut self, raw: &str) -> Result<(), Problem> {
        self.message.insert(&self.path, raw)
    }

    /// Takes the segment out of the message.
    ///
    /// # Errors
    /// As [`Message::remove`].
    pub fn remove(&mut self) -> Result<(), Problem> {
        self.message.remove(&self.path).map(drop)
    }
}

/// A field, component or sub-component of a message that may be changed. It need
/// not be there: what is missing is made by the first value that is set.
pub struct PlaceMut<'m> {
    message: &'m mut Message,
    path: String,
}

impl PlaceMut<'_> {
    /// The place's path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A component of a field, or a sub-component of a component.
    #[must_use]
    pub fn component(self, number: usize) -> Self {
        Self { path: format!("{}.{number}", self.path), message: self.message }
    }

    /// The place as it stands now.
    ///
    /// # Errors
    /// As [`Message::get`].
    pub fn value(&self) -> Result<Value, Problem> {
        self.message.get(&self.path)
    }

    /// The place as workflow text.
    ///
    /// # Errors
    /// As [`Message::text`].
    pub fn text(&self) -> Result<String, Problem> {
        self.message.text(&self.path)
    }

    /// Writes a text. Separators in it are escaped: they do not split it.
    ///
    /// # Errors
    /// As [`Message::set`].
    pub fn set(&mut self, text: &str) -> Result<(), Problem> {
        self.message.set(&self.path, text)
    }

    /// Writes wire text, whose separators do split it.
    ///
    /// # Errors
    /// As [`Message::set_structure`].
    pub fn set_raw(&mut self, raw: &str) -> Result<(), Problem> {
        self.message.set_structure(&self.path, raw)
    }

    /// Writes the explicit null, which asks the reader to delete.
    ///
    /// # Errors
    /// As [`Message::set_null`].
    pub fn set_null(&mut self) -> Result<(), Problem> {
        self.message.set_null(&self.path)
    }

    /// Inserts a repetition, as wire text, before this one; the path then means
    /// the new one. One behind the last appends.
    ///
    /// # Errors
    /// As [`Message::insert`].
    pub fn insert_before(&mut self, raw: &str) -> Result<(), Problem> {
        self.message.insert(&self.path, raw)
    }

    /// Takes the place out: later repetitions move up by one.
    ///
    /// # Errors
    /// As [`Message::remove`].
    pub fn remove(&mut self) -> Result<(), Problem> {
        self.message.remove(&self.path).map(drop)
    }
}

impl fmt::Debug for SegmentMut<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SegmentMut({})", self.path)
    }
}

impl fmt::Debug for PlaceMut<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PlaceMut({})", self.path)
    }
}
