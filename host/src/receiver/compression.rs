//! Compressed bodies: which coding a head names, and decompression while the body arrives.
//!
//! One layer of `gzip` or `deflate` (RFC 9110, 8.4.1). What senders call `deflate` is a zlib stream
//! or a bare deflate stream; both are read, told apart by the two bytes a zlib stream starts with.
//!
//! # Invariants
//! - Decompressed bytes are counted among the bodies in flight before they are kept, and never
//!   exceed the body limit, nor [`Growth::ratio`] times what has arrived (test:
//!   `a_bomb_ends_early`).
//! - Only a stream that ends cleanly, with nothing after it, gives a body.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::flight::InFlight;
use super::refusal::Refusal;

/// Below this, a body may be longer than the ratio allows: a short one may well be all spaces.
const RATIO_FREE_BYTES: u64 = 256 * 1024;

/// How much compressed input is worked on before others get their turn: deflate makes at most
/// 1,032 bytes of one.
pub(super) const SLICE_BYTES: usize = 16 * 1024;

/// What one step of inflating writes at most.
const STEP_BYTES: usize = 32 * 1024;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Coding {
    /// # Errors
    /// A coding that is not known, or more than one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut found = Self::Identity;
        for field in headers.get_all(CONTENT_ENCODING) {
            for name in field.as_bytes().split(|byte| *byte == b',') {
                let coding = Self::named(name.trim_ascii())?;
                if coding == Self::Identity {
                    continue;
                }
                if found != Self::Identity {
                    return Err(Refusal::Encoding);
                }
                found = coding;
            }
        }
        Ok(found)
    }

    fn named(name: &[u8]) -> Result<Self, Refusal> {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match () {
            () if name.is_empty() || is("identity") => Ok(Self::Identity),
            () if is("gzip") || is("x-gzip") => Ok(Self::Gzip),
            () if is("deflate") => Ok(Self::Deflate),
            () => Err(Refusal::Encoding),
        }
    }
}

/// How long a body may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) bytes_max: usize,
    /// Times the compressed bytes.
    pub(super) ratio: u64,
}

/// A body on its way out of its compressed form.
pub(super) struct Decompressor<'f> {
    decoder: Decoder<'f>,
}

enum Decoder<'f> {
    Gzip(Box<MultiGzDecoder<Decompressed<'f>>>),
    /// Before the first two bytes, which tell zlib from bare deflate.
    Undecided {
        first: Option<u8>,
        output: Decompressed<'f>,
    },
    Deflate(Inflate<'f>),
}

impl<'f> Decompressor<'f> {
    /// `None` for a body that is not compressed.
    pub(super) fn new(coding: Coding, growth: Growth, in_flight: &'f mut InFlight) -> Option<Self> {
        let output = Decompressed { bytes: Vec::new(), growth, input: 0, in_flight, refused: None };
        let decoder = match coding {
            Coding::Identity => return None,
            Coding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(output))),
            Coding::Deflate => Decoder::Undecided { first: None, output },
        };
        Some(Self { decoder })
    }

    /// Takes the next compressed bytes; callers cut them into [`SLICE_BYTES`].
    ///
    /// # Errors
    /// The stream is broken, becomes too long, or there is no room for it.
    pub(super) fn push(mut self, input: &[u8]) -> Result<Self, Refusal> {
        self.output().input += input.len() as u64;
        self.decoder = match self.decoder {
            Decoder::Gzip(mut gzip) => {
                let written = gzip.write_all(input);
                written.map_err(|_| gzip.get_ref().refusal())?;
                Decoder::Gzip(gzip)
            }
            Decoder::Deflate(mut inflate) => {
                inflate.push(input)?;
                Decoder::Deflate(inflate)
            }
            Decoder::Undecided { first, output } => decide(first, output, input)?,
        };
        Ok(self)
    }

    /// The whole body. No compressed byte at all is an empty body.
    ///
    /// # Errors
    /// The stream has not ended.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Refusal> {
        if self.output().input == 0 {
            return Ok(Vec::new());
        }
        match self.decoder {
            Decoder::Gzip(mut gzip) => {
                gzip.try_finish().map_err(|_| gzip.get_ref().refusal())?;
                Ok(std::mem::take(&mut gzip.get_mut().bytes))
            }
            Decoder::Deflate(inflate) if inflate.ended => Ok(inflate.output.bytes),
            Decoder::Deflate(_) | Decoder::Undecided { .. } => Err(Refusal::BrokenBody),
        }
    }

    fn output(&mut self) -> &mut Decompressed<'f> {
        match &mut self.decoder {
            Decoder::Gzip(gzip) => gzip.get_mut(),
            Decoder::Undecided { output, .. } => output,
            Decoder::Deflate(inflate) => &mut inflate.output,
        }
    }
}

/// With two bytes it is known what a `deflate` body is.
fn decide<'f>(
    first: Option<u8>,
    output: Decompressed<'f>,
    input: &[u8],
) -> Result<Decoder<'f>, Refusal> {
    let mut start: Vec<u8> = first.into_iter().collect();
    start.extend(input);
    let [one, two, ..] = *start.as_slice() else {
        return Ok(Decoder::Undecided { first: start.first().copied(), output });
    };
    let is_zlib = one & 0x0f == 8 && one >> 4 <= 7 && u16::from_be_bytes([one, two]) % 31 == 0;
    let mut inflate = Inflate { state: Decompress::new(is_zlib), ended: false, output };
    inflate.push(&start)?;
    Ok(Decoder::Deflate(inflate))
}

/// A zlib or bare deflate stream.
struct Inflate<'f> {
    state: Decompress,
    ended: bool,
    output: Decompressed<'f>,
}

impl Inflate<'_> {
    fn push(&mut self, mut input: &[u8]) -> Result<(), Refusal> {
        let mut step = [0; STEP_BYTES];
        loop {
            if self.ended {
                return if input.is_empty() { Ok(()) } else { Err(Refusal::BrokenBody) };
            }
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, &mut step, FlushDecompress::None);
            let status = status.map_err(|_| Refusal::BrokenBody)?;
            let read = count(self.state.total_in() - read);
            let written = count(self.state.total_out() - written);
            let fresh = step.get(..written).unwrap_or_default();
            self.output.write_all(fresh).map_err(|_| self.output.refusal())?;
            input = input.get(read..).unwrap_or_default();
            self.ended = status == Status::StreamEnd;
            // A full step may have left output behind; anything else waits for more input.
            if !self.ended && input.is_empty() && written < STEP_BYTES {
                return Ok(());
            }
            if !self.ended && read == 0 && written == 0 {
                return Err(Refusal::BrokenBody);
            }
        }
    }
}

/// Of one step, thus small.
fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Where decompressed bytes go, unless they are too many.
struct Decompressed<'f> {
    bytes: Vec<u8>,
    growth: Growth,
    /// Compressed bytes so far.
    input: u64,
    in_flight: &'f mut InFlight,
    /// Why no more is taken.
    refused: Option<Refusal>,
}

impl Decompressed<'_> {
    /// Why the decoder stopped: our refusal, else a broken stream.
    fn refusal(&self) -> Refusal {
        self.refused.unwrap_or(Refusal::BrokenBody)
    }

    fn check(&mut self, more: usize) -> Result<(), Refusal> {
        let length = self.bytes.len().saturating_add(more);
        let by_ratio = self.input.saturating_mul(self.growth.ratio).max(RATIO_FREE_BYTES);
        if length > self.growth.bytes_max || length as u64 > by_ratio {
            return Err(Refusal::LongBody);
        }
        if self.in_flight.hold(more) { Ok(()) } else { Err(Refusal::Overloaded) }
    }
}

impl Write for Decompressed<'_> {
    fn write(&mut self, fresh: &[u8]) -> io::Result<usize> {
        if self.refused.is_none() {
            self.refused = self.check(fresh.len()).err();
        }
        if let Some(refusal) = self.refused {
            return Err(io::Error::other(refusal));
        }
        self.bytes.extend_from_slice(fresh);
        Ok(fresh.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
