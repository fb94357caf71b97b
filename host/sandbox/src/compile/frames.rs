//! How a process and its compiler talk: a mark, the length of a head, the head as
//! JSON, then bytes whose number the head tells. One frame each way.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CompileError, CompileLimits, Fingerprint, Product};
use crate::snapshot::Configured;

/// Program and compiler are one file; another mark means that it was replaced.
const MARK: &[u8; 8] = b"TUREEN\0\x01";

/// Bytes of a head: settings of a step, or findings on them.
const HEAD_BYTES_MAX: u32 = 64 << 20;

/// What is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) limits: CompileLimits,
    pub(super) engine: Fingerprint,
    pub(super) product: Product,
    pub(super) component_bytes: u64,
}

/// What is answered.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    Made { configured: Option<Configured>, code_bytes: u64 },
    Not(CompileError),
}

pub(super) fn write(output: &mut impl Write, head: &impl Serialize) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    let length = u32::try_from(head.len()).ok().filter(|length| *length <= HEAD_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the head is too long"))?;
    output.write_all(MARK)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&head)
}

pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<T> {
    let mut mark = [0; MARK.len()];
    input.read_exact(&mut mark)?;
    if &mark != MARK {
        return Err(io::Error::other("expected a frame of this version"));
    }
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > HEAD_BYTES_MAX {
        return Err(io::Error::other("the head is too long"));
    }
    let head = read_bytes(input, u64::from(length))?;
    Ok(serde_json::from_slice(&head)?)
}

/// Exactly so many bytes; memory is taken as they come.
pub(super) fn read_bytes(input: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
