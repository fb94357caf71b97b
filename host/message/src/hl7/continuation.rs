//! Long messages sent in parts: ADD and DSC (HL7 v2 chapter 2.10.2).
//!
//! Deliberately does not know: other messages; what was received before or comes
//! next is for the caller to put together.

use std::ops::Range;

use super::Hl7;
use super::path::{Element, Hl7Path, Index};
use super::segments::{Name, Segment};
use crate::Problem;

const ADDENDUM: Name = Name::of(*b"ADD");
const CONTINUATION: Name = Name::of(*b"DSC");

/// What DSC says: the message goes on in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// DSC-1, which the next message has in MSH-14. Never empty.
    pub pointer: String,
    /// DSC-2; `None` where it is empty, as before version 2.4, or unknown.
    pub kind: Option<ContinuationKind>,
}

/// How a message is continued: table 0398.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContinuationKind {
    /// `F`: the sender goes on by itself.
    Fragment,
    /// `I`: the rest comes when it is asked for (chapter 5.6.3).
    Interactive,
}

impl Hl7 {
    /// What the last DSC segment says; `None` when there is none, or when its
    /// pointer is empty, which ends a continued message.
    pub fn continuation(&self) -> Option<Continuation> {
        let occurrence = self.store.table.count(CONTINUATION);
        let field = |field| Hl7Path {
            segment: CONTINUATION,
            occurrence: Index::Number(u16::try_from(occurrence.max(1)).unwrap_or(u16::MAX)),
            element: Some(Element {
                field,
                repetition: Index::Number(1),
                component: 0,
                component_index: 1,
                subcomponent: 0,
            }),
        };
        let pointer = self.text(&field(1)).into_owned();
        let kind = match self.text(&field(2)).as_ref() {
            "F" => Some(ContinuationKind::Fragment),
            "I" => Some(ContinuationKind::Interactive),
            _ => None,
        };
        (!pointer.is_empty()).then_some(Continuation { pointer, kind })
    }

    /// Joins every ADD segment to the one before it and answers how many that
    /// were: its first field goes on where the last field there ended, its other
    /// fields follow.
    ///
    /// An ADD without fields marks where a message was cut; it stays. So does one
    /// behind a header, whose segment came with the message before, and one behind
    /// a line that has no field to go on with. DSC stays.
    ///
    /// # Errors
    /// `edit.charset` as for [`Hl7::set`]. The message is then unchanged.
    pub fn join_continuations(&mut self) -> Result<usize, Problem> {
        if self.store.table.count(ADDENDUM) == 0 {
            return Ok(0);
        }
        self.store.arrange();
        let mut seams: Vec<Range<usize>> = Vec::new();
        // Where the line ends that an ADD here goes on with.
        let mut open_end: Option<usize> = None;
        for segment in self.store.table.segments() {
            let range = segment.range();
            match open_end {
                Some(end) if segment.name == ADDENDUM && has_fields(segment) => {
                    seams.push(end..range.start + "ADD|".len());
                    open_end = Some(range.end);
                }
                _ => open_end = can_go_on(segment).then_some(range.end),
            }
        }
        let joined = seams.len();
        if joined > 0 {
            self.rebuild(seams, b"", self.writing(""))?;
        }
        Ok(joined)
    }
}

fn has_fields(segment: &Segment) -> bool {
    segment.range().len() > "ADD".len()
}

fn can_go_on(segment: &Segment) -> bool {
    let name = segment.name;
    let is_data = name != Name::NONE && name != ADDENDUM && name != CONTINUATION;
    is_data && !name.is_header() && !name.is_trailer() && has_fields(segment)
}
