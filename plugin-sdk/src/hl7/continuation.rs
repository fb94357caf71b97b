//! Long messages that come in parts (HL7 v2 chapter 2.10.2).
//!
//! Deliberately does not know: the other parts; which message came before or comes
//! next is for the plugin to keep.

use crate::{Message, Problem};

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

impl Message {
    /// What the last DSC segment says; `None` when there is none, or when its
    /// pointer is empty, which ends a continued message.
    ///
    /// # Errors
    /// `continuation.format`: the message is not HL7.
    pub fn continuation(&self) -> Result<Option<Continuation>, Problem> {
        self.0.continuation()
    }

    /// Joins every ADD segment to the one before it and answers how many that
    /// were: its first field goes on where the last field there ended, its other
    /// fields follow. Until then ADD reads as any other segment.
    ///
    /// An ADD without fields marks where a message was cut; it stays. So does one
    /// behind a header, whose segment came with the message before, and one behind
    /// a line that has no field to go on with. DSC stays.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let oru = b"MSH|^~\\&|LAB\rOBX|1|TX|NOTE||A long \rADD|text|F\rDSC|part2|F\r";
    /// let mut message = Message::parse(Format::Hl7, oru)?;
    /// assert_eq!(message.join_continuations()?, 1);
    /// assert_eq!(message.text("OBX-5")?, "A long text");
    /// let next = message.continuation()?.map(|continuation| continuation.pointer);
    /// assert_eq!(next.as_deref(), Some("part2"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `continuation.format`: the message is not HL7; and as [`Message::set`].
    pub fn join_continuations(&mut self) -> Result<u32, Problem> {
        self.0.join_continuations()
    }
}
