//! As much HL7 as a sender needs: the control id that goes out, the acknowledgement that comes
//! back (HL7 v2.5.1, 2.15.8 MSA and 2.15.9 MSH).

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use hyper::header::HeaderValue;

/// A message ready to be sent.
pub(super) struct Outgoing {
    bytes: Bytes,
    pub(super) content_type: HeaderValue,
}

impl Outgoing {
    pub(super) fn new(bytes: Bytes, content_type: HeaderValue) -> Self {
        Self { bytes, content_type }
    }

    /// The bytes, and the control id if there is one.
    pub(super) fn as_it_is(&self) -> (Bytes, Option<String>) {
        let control_id = control_id(&self.bytes).and_then(|place| self.bytes.get(place));
        let control_id = control_id.map(text).filter(|id| !id.is_empty());
        (self.bytes.clone(), control_id)
    }

    /// The message with another MSH-10. One that has no MSH-10 stays as it is.
    pub(super) fn with_control_id(&self, id: &str) -> (Bytes, Option<String>) {
        let Some(place) = control_id(&self.bytes) else { return self.as_it_is() };
        let (before, after) = (self.bytes.get(..place.start), self.bytes.get(place.end..));
        let bytes = [before.unwrap_or_default(), id.as_bytes(), after.unwrap_or_default()].concat();
        (bytes.into(), Some(id.to_owned()))
    }
}

/// What an acknowledgement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// MSA-1, e.g. AA.
    pub code: String,
    /// MSA-2: the control id of the message that is acknowledged.
    pub control_id: String,
}

impl Acknowledgement {
    /// `None` when the bytes are not an HL7 message with an MSA segment.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let separator = separator(bytes)?;
        let mut fields = segments(bytes)
            .map(|segment| segment.split(move |byte| *byte == separator))
            .find_map(|mut fields| (fields.next() == Some(b"MSA")).then_some(fields))?;
        let code = text(fields.next()?);
        Some(Self { code, control_id: fields.next().map(text).unwrap_or_default() })
    }
}

/// What a message looks like, as a Content-Type.
pub(super) fn content_type_of(bytes: &[u8]) -> &'static str {
    if separator(bytes).is_some() {
        return "x-application/hl7-v2+er7";
    }
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => "application/json",
        Some(b'<') => "application/xml",
        _ if std::str::from_utf8(bytes).is_ok() => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Text for a terminal: HL7 with each segment on a line of its own, other text as it is.
pub(super) fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Err(_) => format!("({} bytes that are not UTF-8)", bytes.len()).into(),
        Ok(text) if separator(bytes).is_some() => {
            text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n").replace('\r', "\n").into()
        }
        Ok(text) => text.into(),
    }
}

/// MSH-1, if the bytes begin like an HL7 message.
fn separator(bytes: &[u8]) -> Option<u8> {
    let separator = *bytes.strip_prefix(b"MSH")?.first()?;
    (!separator.is_ascii_alphanumeric() && separator > b' ').then_some(separator)
}

fn segments(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b'\r' | b'\n'))
}

/// Where MSH-10 is. MSH-1 is the separator itself, so it is the tenth part.
fn control_id(bytes: &[u8]) -> Option<Range<usize>> {
    let separator = separator(bytes)?;
    let mut fields = segments(bytes).next()?.split(|byte| *byte == separator);
    let start: usize = fields.by_ref().take(9).map(|field| field.len() + 1).sum();
    fields.next().map(|field| start..start + field.len())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
