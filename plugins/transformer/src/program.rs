//! What a set of actions becomes: instructions with resolved jumps.

use crate::formatting::Formatting;
use tureen_conditions::{Conditions, Namespaces, Place, Source, Text};

/// The instructions of one set of transformers.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) instructions: Vec<Instruction>,
}

/// One instruction, and the action that it comes from.
#[derive(Debug)]
pub(crate) struct Instruction {
    pub(crate) operation: Operation,
    /// JSON pointer to the action in the settings.
    pub(crate) pointer: String,
}

/// What an instruction does.
#[derive(Debug)]
pub(crate) enum Operation {
    SetVariable {
        name: String,
        value: FormattedSource,
    },
    Map {
        value: FormattedSource,
        to: Text,
        /// What the prefixes in `to` mean.
        namespaces: Namespaces,
        structure: bool,
    },
    /// Goes on behind the end of the block when the conditions do not hold.
    Unless {
        conditions: Conditions,
        end: usize,
    },
    /// Goes on behind the end of the loop when there is nothing to count.
    ForEach {
        place: Place,
        end: usize,
    },
    /// Goes back to the first instruction of the loop's body, or on.
    Next {
        start: usize,
    },
    Append {
        text: Source,
    },
    Notify {
        critical: bool,
        source: Source,
    },
    Custom {
        type_name: String,
        parameters: Vec<Parameter>,
    },
    /// Keeps the place of an action that does nothing by itself.
    Nothing,
}

/// A named value for a custom transformer.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: FormattedSource,
    /// The call fails when the value is empty.
    pub(crate) required: bool,
}

/// A value and what is done to it before it is used.
#[derive(Debug)]
pub(crate) struct FormattedSource {
    pub(crate) source: Source,
    pub(crate) formatting: Formatting,
}
