//! The file around a data set (PS3.10 section 7): preamble, file meta
//! information, and the transfer syntax that it tells.
//!
//! Deliberately does not know: what stands in the data set.

use dicom_core::Tag;

use super::scan::{Encoding, Event, Scanner};
use crate::{Limits, Problem};

/// Where the mark stands, behind 128 bytes that mean nothing.
const MARK_AT: usize = 128;
const MARK: &[u8] = b"DICM";

/// (0002,0000) with VR UL: file meta information that comes without preamble.
const BARE_META: &[u8] = b"\x02\0\0\0UL";

const TRANSFER_SYNTAX: Tag = Tag(0x0002, 0x0010);

/// The parts of a file, as offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) meta: usize,
    pub(super) data_set: usize,
    pub(super) encoding: Encoding,
}

impl Layout {
    /// Reads what is in front of the data set.
    ///
    /// # Errors
    /// `dicom.header` when it is no DICOM file, `dicom.transfer-syntax` when the
    /// data set's encoding is not told, not known or compressed as a whole, and
    /// those of [`Scanner::next`].
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let meta = meta_offset(bytes)?;
        let mut scanner = Scanner::of_meta(bytes, meta, limits);
        let mut encoding = None;
        while let Some(event) = scanner.next()? {
            if let Event::Element(element) = event
                && element.tag == TRANSFER_SYNTAX
            {
                encoding = Some(encoding_of(element.value)?);
            }
        }
        let encoding = encoding.ok_or_else(|| {
            transfer_syntax("the file meta information does not tell it in (0002,0010)")
        })?;
        Ok(Self { meta, data_set: scanner.offset(), encoding })
    }
}

fn meta_offset(bytes: &[u8]) -> Result<usize, Problem> {
    let mark_end = MARK_AT + MARK.len();
    if bytes.get(MARK_AT..mark_end) == Some(MARK) {
        return Ok(mark_end);
    }
    if bytes.starts_with(BARE_META) {
        return Ok(0);
    }
    Err(Problem::new(
        "dicom.header",
        format!(
            "not a DICOM file: expected the mark DICM behind a preamble of {MARK_AT} bytes, found \
             {} bytes without it. A data set alone does not tell its encoding: send it as a file \
             (PS3.10)",
            bytes.len()
        ),
    ))
}

/// The encoding that a transfer syntax has (PS3.5 annex A, PS3.6 annex A).
fn encoding_of(value: &[u8]) -> Result<Encoding, Problem> {
    let uid = value.trim_ascii().strip_suffix(b"\0").unwrap_or(value.trim_ascii());
    match uid {
        b"1.2.840.10008.1.2" => Ok(Encoding::ImplicitLittle),
        b"1.2.840.10008.1.2.2" => Ok(Encoding::ExplicitBig),
        b"1.2.840.10008.1.2.1.99" | b"1.2.840.10008.1.2.4.95" | b"1.2.840.10008.1.2.4.205" => {
            Err(transfer_syntax(
                "the data set is compressed as a whole (deflated), which is not read: send it in \
                 another transfer syntax",
            ))
        }
        // All that encapsulate pixel data are explicit, little-endian.
        uid if uid.starts_with(b"1.2.840.10008.1.2.") => Ok(Encoding::ExplicitLittle),
        _ => Err(transfer_syntax("it is not one of the standard's (PS3.6 annex A)")),
    }
}

fn transfer_syntax(text: &str) -> Problem {
    Problem::new("dicom.transfer-syntax", format!("the transfer syntax cannot be used: {text}"))
        .at("element (0002,0010)")
}
