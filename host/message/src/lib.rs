//! Healthcare messages as bytes that can be read and changed in place.
//!
//! Stage: received bytes → **message** → workflow run → bytes out. Knows: the
//! formats, their paths, escapes and edits. Deliberately does not know: files,
//! sockets, clocks, plugins; it has no such dependency.
//!
//! # Invariants
//! - The original bytes are kept. What was not touched is written back byte for
//!   byte; an edit is a splice that touches only its place.
//! - Absent, empty and explicit null are three different values.
//! - No input panics, recurses without bound or takes more than linear time.
//! - Every type is `Send + Sync`; a shared one shows the same to everybody: what
//!   is remembered inside speeds reading up and changes no answer. A message may
//!   be shared between threads and versions of a workflow.

pub mod binary;
pub mod charset;
pub mod csv;
mod cursor;
pub mod dicom;
pub mod hl7;
pub mod json;
pub mod media_type;
mod message;
mod path;
mod problem;
pub mod text;
mod value;
pub mod xml;

pub use message::{Message, ParseOptions};
pub use path::Path;
pub use problem::Problem;
pub use value::{Format, Limits, Value};
