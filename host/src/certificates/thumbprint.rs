//! Thumbprints: what a certificate is known by.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// The SHA-1 (20 bytes) or SHA-256 (32 bytes) of a whole certificate in DER.
///
/// Reads any spelling: upper or lower case, with spaces, colons, or the invisible marks that come
/// with a copy from a Windows dialog.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint {
    bytes: Vec<u8>,
}

/// How an operator says which certificate is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    Name(String),
    Thumbprint(Thumbprint),
}

impl Named {
    /// A thumbprint in any spelling; a name otherwise, without what a copy brought along.
    pub fn of(text: &str) -> Self {
        let is_around = |sign: char| sign.is_whitespace() || is_invisible(sign);
        match text.parse() {
            Ok(thumbprint) => Self::Thumbprint(thumbprint),
            Err(_) => Self::Name(text.trim_matches(is_around).to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThumbprintError {
    #[error("a thumbprint has 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, this has {digits}")]
    Length { digits: usize },
    #[error("a thumbprint has only hexadecimal digits, this has another sign at {position}")]
    Digit { position: usize },
}

impl Thumbprint {
    pub fn sha1(der: &[u8]) -> Self {
        Self::of(der, &SHA1_FOR_LEGACY_USE_ONLY)
    }

    pub fn sha256(der: &[u8]) -> Self {
        Self::of(der, &SHA256)
    }

    /// Of the kind that Windows shows, which two certificates could be made to share.
    pub fn is_sha1(&self) -> bool {
        self.bytes.len() == 20
    }

    /// Whether a text has nothing but blanks, separators and invisible marks.
    pub fn is_blank(text: &str) -> bool {
        text.chars().all(is_separator)
    }

    fn of(der: &[u8], algorithm: &'static Algorithm) -> Self {
        Self { bytes: digest(algorithm, der).as_ref().to_vec() }
    }

    /// Whether this is the thumbprint of a certificate, by the kind that this is. Takes the same
    /// time wherever the two differ.
    pub fn is_of(&self, der: &[u8]) -> bool {
        let found = if self.bytes.len() == 20 { Self::sha1(der) } else { Self::sha256(der) };
        let pairs = found.bytes.iter().zip(&self.bytes);
        let difference = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        found.bytes.len() == self.bytes.len() && difference == 0
    }
}

impl FromStr for Thumbprint {
    type Err = ThumbprintError;

    /// # Errors
    /// Anything but 40 or 64 digits between separators; nothing is taken as part of a thumbprint.
    fn from_str(text: &str) -> Result<Self, ThumbprintError> {
        let mut digits = Vec::new();
        for (index, sign) in text.chars().enumerate().filter(|(_, sign)| !is_separator(*sign)) {
            let digit = sign.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            digits.push(digit.ok_or(ThumbprintError::Digit { position: index + 1 })?);
        }
        if digits.len() != 40 && digits.len() != 64 {
            return Err(ThumbprintError::Length { digits: digits.len() });
        }
        let pairs = digits.chunks(2);
        let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit));
        Ok(Self { bytes: bytes.collect() })
    }
}

fn is_separator(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, ':' | '-') || is_invisible(sign)
}

fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}')
}

/// Upper-case digits without separators, as Windows shows them.
impl fmt::Display for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02X}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Thumbprint({self})")
    }
}
