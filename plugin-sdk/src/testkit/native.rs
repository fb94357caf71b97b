//! The wrappers' other half outside the sandbox: the host's message and
//! template code, called directly.
//!
//! It mirrors what the host does behind `wit/` for one step, so that a test
//! reads and writes exactly what the workflow would.

mod message;
mod network;
mod run;

pub(crate) use message::{Message, parse_options};
pub(crate) use network::{Connection, HttpScript, play, send};
pub(crate) use run::{
    Context, CustomTransformer, DataTableText, LookupTable, Run, Surroundings, own_direction,
};

use crate::Problem;

impl From<tureen_message::Problem> for Problem {
    fn from(problem: tureen_message::Problem) -> Self {
        let mut converted = Self::new(problem.code, problem.text);
        converted.place = problem.place;
        if let Some(offset) = problem.offset {
            converted.detail.push(("offset".to_owned(), offset.to_string()));
        }
        converted
    }
}
