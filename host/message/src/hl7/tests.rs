//! Tests of whole HL7 messages.

mod charsets;
mod edge_cases;
mod editing;
mod properties;
mod reading;
mod writing;

use super::{Hl7, Hl7Path};
use crate::Limits;

const HEADER: &str = r"MSH|^~\&|APP|FAC|RAPP|RFAC|20240101120000||ADT^A01^ADT_A01|MSG1|P|2.5";

fn path(text: &str) -> Hl7Path {
    Hl7Path::parse(text).unwrap()
}

fn parse(bytes: impl AsRef<[u8]>) -> Hl7 {
    Hl7::parse(bytes.as_ref().to_vec(), &Limits::default()).unwrap()
}

/// A message of one header and the given rest.
fn message(rest: &str) -> Hl7 {
    parse(format!("{HEADER}\r{rest}"))
}

/// What stands behind the header of `message`.
fn rest(message: &Hl7) -> String {
    let text = String::from_utf8(message.bytes().to_vec()).unwrap();
    text.strip_prefix(HEADER).unwrap().strip_prefix('\r').unwrap_or_default().to_owned()
}
