//! What must hold for any input, as functions from bytes.
//!
//! Each function panics when its property does not hold. The fuzzers of
//! `tests/fuzz` call them with inputs that they make up; `tests/replay.rs` calls
//! them with every seed, and with every input that a fuzzer ever found, in each
//! run of the tests. Deliberately does not know: fuzzers, files.
//!
//! An input has parts, divided by the record separator (0x1E), so that seeds can be
//! written and read by people: a message, a path, a value.

#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a property that does not hold is told by a panic"
)]

mod batch;
mod dicom;
mod message;
mod outside;
mod parts;
mod template;
#[cfg(feature = "workflow")]
mod workflow;
mod written;

/// A property by its name: the name of its fuzz target and of its seeds' folder.
pub type Property = (&'static str, fn(&[u8]));

/// Every property.
pub const ALL: &[Property] = &[
    ("hl7", message::hl7),
    ("json", message::json),
    ("xml", message::xml),
    ("csv", message::csv),
    ("text", message::text),
    ("dicom", dicom::dicom),
    ("batch", batch::batch),
    ("path", message::path),
    ("header", outside::header),
    ("charset", outside::charset),
    ("template", template::template),
    ("format", template::format),
    ("written", written::written),
    #[cfg(feature = "workflow")]
    ("workflow", workflow::workflow),
];

/// Runs one property.
///
/// # Panics
/// When it does not hold, and when there is none of that name.
pub fn check(name: &str, data: &[u8]) {
    match ALL.iter().find(|(known, _)| *known == name) {
        Some((_, property)) => property(data),
        None => panic!("there is no property called {name:?}"),
    }
}
