//! HL7 messages as segments, fields, components and sub-components.
//!
//! A segment comes from the host whole, in one call; its parts are found in it
//! by the delimiters that the host tells with it. Deliberately does not know:
//! escapes and character sets, which stay the host's: a text that holds an
//! escape is asked for by its path.
//!
//! # Invariants
//! - What a part says is what the message says at the part's path.
//! - A part borrows its message, so it cannot outlive a change of it.

mod continuation;
mod edit;
mod part;
#[cfg(test)]
mod tests;

pub use continuation::{Continuation, ContinuationKind};
pub use edit::{PlaceMut, SegmentMut};

use crate::{Message, Problem, Value};
use part::Part;
use std::borrow::Cow;
use std::fmt;

/// The characters that separate and escape where a segment stands (MSH-1 and
/// MSH-2 of the header above it). `None` is not in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: char,
    /// Between components.
    pub component: Option<char>,
    /// Between repetitions of a field.
    pub repetition: Option<char>,
    /// Between sub-components.
    pub subcomponent: Option<char>,
    /// At both ends of an escape sequence.
    pub escape: Option<char>,
}

/// A segment as the host hands it out.
pub(crate) struct SegmentText {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) delimiters: Delimiters,
}

impl Message {
    /// The segments of a name, in document order.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let oru = b"MSH|^~\\&|LAB\rOBX|1|NM|GLU^Glucose||5.4\rOBX|2|NM|K^Potassium||4.1\r";
    /// let message = Message::parse(Format::Hl7, oru)?;
    /// let names: Vec<String> = message
    ///     .segments("OBX")?
    ///     .iter()
    ///     .map(|obx| obx.field(3).component(2).text().into_owned())
    ///     .collect();
    /// assert_eq!(names, ["Glucose", "Potassium"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `path.syntax`: it is no segment name; `segments.format`: the message is
    /// not HL7.
    pub fn segments(&self, name: &str) -> Result<Vec<Segment<'_>>, Problem> {
        self.listed(Some(&format!("{name}[*]")))
    }

    /// Every segment, in document order, at most 65,535. Lines that are no
    /// segment are left out.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let message = Message::parse(Format::Hl7, b"MSH|^~\\&|A\rPID|1\rNTE|1\rNTE|2\r")?;
    /// let paths: Vec<String> =
    ///     message.all_segments()?.iter().map(|segment| segment.path().to_owned()).collect();
    /// assert_eq!(paths, ["MSH", "PID", "NTE", "NTE[2]"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `segments.format`: the message is not HL7.
    pub fn all_segments(&self) -> Result<Vec<Segment<'_>>, Problem> {
        self.listed(None)
    }

    /// The segment at a path, `PID` or `OBX[2]`; `None` where there is none.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let message = Message::parse(Format::Hl7, b"MSH|^~\\&|A\rPID|1||77^^^ACME~88\r")?;
    /// let pid = message.segment("PID")?.expect("the message has a PID");
    /// assert_eq!(pid.field(3).component(4).text(), "ACME");
    /// assert_eq!(pid.repetition(3, 2).text(), "88");
    /// assert!(message.segment("PV1")?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Message::segments`]; `path.segment`: it leads below a segment.
    pub fn segment(&self, path: &str) -> Result<Option<Segment<'_>>, Problem> {
        Ok(self.listed(Some(path))?.into_iter().next())
    }

    fn listed(&self, path: Option<&str>) -> Result<Vec<Segment<'_>>, Problem> {
        let found = self.0.segments(path)?;
        Ok(found.into_iter().map(|text| Segment { message: self, text }).collect())
    }
}

/// One segment of a message.
///
/// Numbers start at 1 and are those of the standard: field 1 of MSH is the field
/// separator, field 2 the encoding characters. What does not exist is absent,
/// never an error; so is a number over 65,535, which no path can name.
pub struct Segment<'m> {
    message: &'m Message,
    text: SegmentText,
}

impl Segment<'_> {
    /// The three letters, `OBX`.
    pub fn name(&self) -> &str {
        self.text.path.get(..3).unwrap_or_default()
    }

    /// The segment's own path, `OBX[2]`.
    pub fn path(&self) -> &str {
        &self.text.path
    }

    /// The wire text, separators and escapes as they stand, without the
    /// terminator.
    pub fn raw(&self) -> &str {
        &self.text.text
    }

    /// The delimiters that hold here.
    pub fn delimiters(&self) -> Delimiters {
        self.text.delimiters
    }

    /// A field: its first repetition, as paths mean it.
    pub fn field(&self, number: usize) -> Field<'_> {
        self.repetition(number, 1)
    }

    /// One repetition of a field.
    pub fn repetition(&self, number: usize, repetition: usize) -> Field<'_> {
        let absent = Part::absent(self, number, repetition);
        let whole = Part::field(self, number);
        Field(whole.repetitions().nth(repetition.wrapping_sub(1)).unwrap_or(absent))
    }

    /// The repetitions of a field; none when it is absent or empty.
    pub fn repetitions(&self, number: usize) -> impl Iterator<Item = Field<'_>> {
        let whole = Part::field(self, number);
        let exists = whole.raw.is_some_and(|raw| !raw.is_empty());
        exists.then(|| whole.repetitions()).into_iter().flatten().map(Field)
    }

    /// A field with all its repetitions, as it stands on the wire; `None` when
    /// it is absent.
    pub fn whole_field(&self, number: usize) -> Option<&str> {
        Part::field(self, number).raw
    }

    /// Every field that the segment has, from 1, each by its first repetition.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let message = Message::parse(Format::Hl7, b"MSH|^~\\&|A\rPID|1||77~88\r")?;
    /// let pid = message.segment("PID")?.expect("the message has a PID");
    /// let texts: Vec<_> = pid.fields().map(|field| field.text().into_owned()).collect();
    /// assert_eq!(texts, ["1", "", "77"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        Part::fields(self).filter_map(|whole| whole.repetitions().next()).map(Field)
    }
}

/// One repetition of a field.
#[derive(Clone, Copy)]
pub struct Field<'s>(Part<'s>);

impl<'s> Field<'s> {
    /// The field's number in its segment.
    pub fn number(&self) -> usize {
        self.0.field
    }

    /// Which repetition this is, from 1.
    pub fn repetition(&self) -> usize {
        self.0.repetition
    }

    /// A component. Component 1 of a field without component separators is the
    /// field itself.
    pub fn component(&self, number: usize) -> Component<'s> {
        Component(self.0.component(number))
    }

    /// All components that the field has; one where nothing separates them.
    pub fn components(&self) -> impl Iterator<Item = Component<'s>> + use<'s> {
        self.0.components().map(Component)
    }

    /// Whether the field has more than one repetition.
    pub fn is_repeated(&self) -> bool {
        Part::field(self.0.segment, self.0.field).repetitions().nth(1).is_some()
    }

    /// The repetitions of the same field, this one included.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let message = Message::parse(Format::Hl7, b"MSH|^~\\&|A\rPID|1||77~88~99\r")?;
    /// let pid = message.segment("PID")?.expect("the message has a PID");
    /// let others: Vec<_> = pid.repetition(3, 2).other_repeats().map(|id| id.path()).collect();
    /// assert_eq!(others, ["PID-3", "PID-3[3]"]);
    /// assert_eq!(pid.field(3).repeats().count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn repeats(&self) -> impl Iterator<Item = Self> + use<'s> {
        self.0.segment.repetitions(self.0.field)
    }

    /// The repetitions of the same field but this one.
    pub fn other_repeats(&self) -> impl Iterator<Item = Self> + use<'s> {
        let own = self.0.repetition;
        self.repeats().filter(move |other| other.0.repetition != own)
    }
}

/// A component of a field.
#[derive(Clone, Copy)]
pub struct Component<'s>(Part<'s>);

impl<'s> Component<'s> {
    /// The component's number in its field.
    pub fn number(&self) -> usize {
        self.0.component
    }

    /// A sub-component. The first of a component without sub-components is the
    /// component itself.
    pub fn subcomponent(&self, number: usize) -> SubComponent<'s> {
        SubComponent(self.0.subcomponent(number))
    }

    /// All sub-components that the component has; one where nothing separates
    /// them.
    pub fn subcomponents(&self) -> impl Iterator<Item = SubComponent<'s>> + use<'s> {
        self.0.subcomponents().map(SubComponent)
    }
}

/// A sub-component of a component.
#[derive(Clone, Copy)]
pub struct SubComponent<'s>(Part<'s>);

impl SubComponent<'_> {
    /// The sub-component's number in its component.
    pub fn number(&self) -> usize {
        self.0.subcomponent
    }
}

/// What fields, components and sub-components have in common.
macro_rules! as_part {
    ($($part:ident),+) => {$(
        impl<'s> $part<'s> {
            /// The path in the message, in its shortest form.
            pub fn path(&self) -> String {
                self.0.path()
            }

            /// The wire text, separators and escapes as they stand; "" when it
            /// is absent.
            pub fn raw(&self) -> &'s str {
                self.0.raw.unwrap_or_default()
            }

            /// The text as workflows read it: escapes resolved where no lower
            /// separator splits it, absent is "", the explicit null its two
            /// quotes.
            pub fn text(&self) -> Cow<'s, str> {
                self.0.text()
            }

            /// Absent, empty, null and text told apart.
            pub fn value(&self) -> Value {
                self.0.value()
            }

            /// Whether it exists, whatever it holds.
            pub fn exists(&self) -> bool {
                self.0.raw.is_some()
            }

            /// Whether it holds text: neither absent nor empty nor null.
            pub fn has_text(&self) -> bool {
                self.0.has_text()
            }
        }

        /// Shows the path alone: content must not reach a log by accident.
        impl fmt::Debug for $part<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($part), self.path())
            }
        }
    )+};
}

as_part!(Field, Component, SubComponent);

/// Shows the path alone: content must not reach a log by accident.
impl fmt::Debug for Segment<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Segment({})", self.path())
    }
}
