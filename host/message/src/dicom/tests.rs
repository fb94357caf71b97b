//! DICOM messages against files that dicom-rs writes, and against hostile bytes.

mod files;
mod hostile;
mod properties;
mod reading;

use super::*;
use crate::{Format, Message, ParseOptions};

fn parse(bytes: Vec<u8>) -> Message {
    Message::parse(Format::Dicom, bytes, &ParseOptions::default()).unwrap()
}

fn text(message: &Message, path: &str) -> String {
    message.text(&message.path(path).unwrap()).into_owned()
}

fn refused(bytes: Vec<u8>, limits: &Limits) -> Problem {
    Dicom::parse(bytes, DicomOptions::default(), limits).unwrap_err()
}
