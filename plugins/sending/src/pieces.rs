//! Texts and bytes, piece by piece from one set into another: what comes out can
//! be counted before there is room made for it, and no copy is larger than it has
//! to be. A plugin's memory does not hold three of the largest messages.

use encoding_rs::{DecoderResult, EncoderResult, Encoding, mem};

/// Bytes that are read or written at once.
const PIECE_BYTES: usize = 4 << 10;

/// Gives the text of bytes of a table away; `None` when they are not of it.
pub(crate) fn decode(
    encoding: &'static Encoding,
    bytes: &[u8],
    take: &mut dyn FnMut(&str),
) -> Option<()> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut piece = String::with_capacity(PIECE_BYTES);
    let mut rest = bytes;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut piece, true);
        take(&piece);
        piece.clear();
        rest = rest.get(read..)?;
        match result {
            DecoderResult::InputEmpty => return Some(()),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => return None,
        }
    }
}

/// Gives the text of bytes of ISO 8859-1 away.
pub(crate) fn decode_latin1(bytes: &[u8], take: &mut dyn FnMut(&str)) {
    // A character takes two bytes at most.
    let mut piece = "\0".repeat(2 * PIECE_BYTES);
    for part in bytes.chunks(PIECE_BYTES) {
        let written = mem::convert_latin1_to_str(part, piece.as_mut_str());
        take(piece.get(..written).unwrap_or_default());
    }
}

/// Gives the bytes of a text in a table away; `None` when it lacks a character.
pub(crate) fn encode(
    encoding: &'static Encoding,
    text: &str,
    take: &mut dyn FnMut(&[u8]),
) -> Option<()> {
    let mut encoder = encoding.new_encoder();
    let mut piece = [0; PIECE_BYTES];
    let mut rest = text;
    loop {
        let (result, read, written) =
            encoder.encode_from_utf8_without_replacement(rest, &mut piece, true);
        take(piece.get(..written)?);
        rest = rest.get(read..)?;
        match result {
            EncoderResult::InputEmpty => return Some(()),
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => return None,
        }
    }
}

/// Gives units away, each as its bytes; `None` when one has none.
pub(crate) fn encode_units<const BYTES: usize>(
    units: impl Iterator<Item = Option<[u8; BYTES]>>,
    take: &mut dyn FnMut(&[u8]),
) -> Option<()> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    for unit in units {
        piece.extend_from_slice(&unit?);
        if piece.len() + BYTES > PIECE_BYTES {
            take(&piece);
            piece.clear();
        }
    }
    take(&piece);
    Some(())
}
