//! One entry: an authentication code, then what it covers.
//!
//! ```text
//! HMAC-SHA-256 of all that follows      32 bytes
//! mark and version of the format        16
//! key: what was compiled, by what       32
//! length of the facts, little-endian     4
//! facts
//! compiled code, to the end
//! ```

use std::io;
use std::ops::Range;

use aws_lc_rs::hmac;
use rustix::fs::{FileType, Stat};
use sha2::{Digest, Sha256};

const MARK: &[u8; 16] = b"TUREEN-CODE\0\0\0\0\x01";
const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
const HEAD_BYTES: usize = MAC_BYTES + MARK.len() + KEY_BYTES + 4;

/// How an entry's file is called at its end.
pub(super) const ENDING: &str = ".code";

/// What an entry holds the code of: everything that decides about the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryKey([u8; KEY_BYTES]);

impl EntryKey {
    /// Of these parts, in this order; where one ends and the next begins counts.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    pub(super) fn file_name(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        digits + ENDING
    }

    /// Which of so many equal places this key has.
    pub(super) fn place_among(&self, places: usize) -> usize {
        usize::from(*self.0.last().unwrap_or(&0)) % places.max(1)
    }
}

/// Native code that this program may run: it compiled it itself, or it verified
/// that it did.
pub(crate) struct TrustedCode {
    bytes: Vec<u8>,
    code: Range<usize>,
}

impl TrustedCode {
    /// What our own compiler has just given.
    pub(crate) fn compiled(bytes: Vec<u8>) -> Self {
        let code = 0..bytes.len();
        Self { bytes, code }
    }

    /// What the process that started this one has verified.
    pub(crate) fn from_parent(bytes: Vec<u8>) -> Self {
        Self::compiled(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.code.clone()).unwrap_or_default()
    }
}

/// A verified entry.
pub(crate) struct Entry {
    pub(crate) facts: Vec<u8>,
    pub(crate) code: TrustedCode,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum EntryFault {
    #[error("it is a symbolic link")]
    SymbolicLink,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it belongs to user {found}, expected {expected}")]
    Owner { found: u32, expected: u32 },
    #[error("it has mode {found:04o}: others than its owner have rights")]
    Mode { found: u32 },
    #[error("it has {found} bytes, at most {allowed} are read")]
    TooLarge { found: u64, allowed: u64 },
    #[error("it cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    #[error("it is too short for an entry")]
    TooShort,
    #[error("its authentication code does not fit: it was changed, or made with another key")]
    Authentication,
    #[error("it is of another version")]
    Version,
    #[error("it holds the code of something else")]
    OtherKey,
}

impl Entry {
    /// Verifies the bytes of a file. Nothing is looked at before the
    /// authentication code was found to fit.
    pub(super) fn open(
        mac: &hmac::Key,
        key: &EntryKey,
        bytes: Vec<u8>,
    ) -> Result<Self, EntryFault> {
        let (tag, covered) = bytes.split_at_checked(MAC_BYTES).ok_or(EntryFault::TooShort)?;
        hmac::verify(mac, covered, tag).map_err(|_| EntryFault::Authentication)?;
        let (mark, rest) = covered.split_at_checked(MARK.len()).ok_or(EntryFault::TooShort)?;
        if mark != MARK {
            return Err(EntryFault::Version);
        }
        let (of, rest) = rest.split_at_checked(KEY_BYTES).ok_or(EntryFault::TooShort)?;
        if of != key.0 {
            return Err(EntryFault::OtherKey);
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(EntryFault::TooShort)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let facts = rest.get(..length).ok_or(EntryFault::TooShort)?.to_vec();
        let code = HEAD_BYTES + length..bytes.len();
        Ok(Self { facts, code: TrustedCode { bytes, code } })
    }
}

/// The bytes of an entry's file.
pub(super) fn seal(
    mac: &hmac::Key,
    key: &EntryKey,
    facts: &[u8],
    code: &[u8],
) -> io::Result<Vec<u8>> {
    let length = u32::try_from(facts.len()).map_err(io::Error::other)?;
    let mut covered = Vec::with_capacity(HEAD_BYTES + facts.len() + code.len());
    covered.extend_from_slice(MARK);
    covered.extend_from_slice(&key.0);
    covered.extend_from_slice(&length.to_le_bytes());
    covered.extend_from_slice(facts);
    covered.extend_from_slice(code);
    let tag = hmac::sign(mac, &covered);
    covered.splice(0..0, tag.as_ref().iter().copied());
    Ok(covered)
}

/// Who may have written the file?
pub(super) fn judge_file(found: &Stat, bytes_max: u64) -> Result<(), EntryFault> {
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(EntryFault::NotAFile);
    }
    let expected = rustix::process::geteuid().as_raw();
    if found.st_uid != expected {
        return Err(EntryFault::Owner { found: found.st_uid, expected });
    }
    if found.st_mode & 0o077 != 0 {
        return Err(EntryFault::Mode { found: found.st_mode & 0o7777 });
    }
    let bytes = u64::try_from(found.st_size).unwrap_or(u64::MAX);
    if bytes > bytes_max {
        return Err(EntryFault::TooLarge { found: bytes, allowed: bytes_max });
    }
    Ok(())
}
