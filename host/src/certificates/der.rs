//! Just enough of DER to look at a file before a library decodes it: is it whole, is it an archive
//! or an encrypted key, and how much work does it ask for?
//!
//! # Invariants
//! - Linear in the bytes and bounded in depth.

/// Deeper nesting than any archive has.
const DEPTH_MAX: usize = 24;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const CONSTRUCTED: u8 = 0x20;

/// 1.2.840.113549.1.12.1, under which the methods of PKCS#12 with RC2, RC4 and 3DES are.
const PKCS12_PBE: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// Why bytes are not one whole object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DerError {
    #[error("it ends too early, {found} of {expected} bytes are there")]
    Short { expected: usize, found: usize },
    #[error("{bytes} bytes follow after its end")]
    Trailing { bytes: usize },
    #[error("it does not have the structure of DER")]
    Structure,
}

#[derive(Clone, Copy, Debug)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// What can be seen of a PKCS#12 archive or an encrypted key from the outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outside {
    /// All rounds of key derivation that it asks for, as far as they are visible.
    pub(super) iterations: u64,
    /// It uses one of the old methods.
    pub(super) is_weak: bool,
}

/// # Errors
/// Bytes are missing or too many.
pub(super) fn whole(bytes: &[u8]) -> Result<(), DerError> {
    let (_, rest) = split(bytes)?;
    if rest.is_empty() { Ok(()) } else { Err(DerError::Trailing { bytes: rest.len() }) }
}

/// PFX ::= SEQUENCE { version INTEGER (3), authSafe SEQUENCE, … } (RFC 7292, 4). Also when its end
/// is missing.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    let Some([version, content, ..]) = first_two(bytes) else { return false };
    version.tag == INTEGER && version.content == [3] && content.tag == SEQUENCE
}

/// EncryptedPrivateKeyInfo ::= SEQUENCE { SEQUENCE { OID, … }, OCTET STRING } (RFC 5958, 3).
pub(super) fn is_encrypted_key(bytes: &[u8]) -> bool {
    let Some([algorithm, data]) = first_two(bytes) else { return false };
    let is_algorithm = split(algorithm.content).is_ok_and(|(it, _)| it.tag == OBJECT_IDENTIFIER);
    algorithm.tag == SEQUENCE && is_algorithm && data.tag == OCTET_STRING
}

/// Whether an archive says how its integrity is checked (MacData, the third part).
pub(super) fn has_mac(archive: &[u8]) -> bool {
    let Ok((outer, _)) = split(archive) else { return false };
    children(outer.content).count() > 2
}

pub(super) fn outside(bytes: &[u8]) -> Outside {
    let mut seen = Outside::default();
    look(bytes, DEPTH_MAX, &mut seen);
    seen
}

/// A count of rounds is the INTEGER after the OCTET STRING of a salt, in PBKDF2-params, in
/// pkcs-12PbeParams and in MacData; scrypt's cost stands there as well.
fn look(bytes: &[u8], depth: usize, seen: &mut Outside) {
    if depth == 0 {
        return;
    }
    let mut salt_before = false;
    for element in children(bytes) {
        if element.tag == INTEGER && salt_before {
            seen.iterations = seen.iterations.saturating_add(value(element.content));
        }
        seen.is_weak |=
            element.tag == OBJECT_IDENTIFIER && element.content.starts_with(&PKCS12_PBE);
        salt_before = element.tag == OCTET_STRING;
        if element.tag & CONSTRUCTED != 0 || holds_der(element) {
            look(element.content, depth - 1, seen);
        }
    }
}

fn holds_der(element: Element<'_>) -> bool {
    element.tag == OCTET_STRING
        && element.content.first() == Some(&SEQUENCE)
        && whole(element.content).is_ok()
}

/// A negative number counts as the largest.
fn value(content: &[u8]) -> u64 {
    let significant = content.iter().skip_while(|byte| **byte == 0);
    if significant.clone().count() > 8 {
        return u64::MAX;
    }
    let is_negative = content.first().is_some_and(|byte| byte & 0x80 != 0);
    if is_negative {
        return u64::MAX;
    }
    significant.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The first two parts of a sequence, even if the sequence or the second part is cut off.
fn first_two(bytes: &[u8]) -> Option<[Element<'_>; 2]> {
    let (tag, _, rest) = head(bytes).ok()?;
    if tag != SEQUENCE {
        return None;
    }
    let (first, rest) = split(rest).ok()?;
    let (tag, length, content) = head(rest).ok()?;
    let second = Element { tag, content: content.get(..length).unwrap_or(content) };
    Some([first, second])
}

fn children(mut content: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (element, rest) = split(content).ok()?;
        content = rest;
        Some(element)
    })
}

fn split(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), DerError> {
    let (tag, length, rest) = head(bytes)?;
    let short = DerError::Short {
        expected: (bytes.len() - rest.len()).saturating_add(length),
        found: bytes.len(),
    };
    let (content, rest) = rest.split_at_checked(length).ok_or(short)?;
    Ok((Element { tag, content }, rest))
}

/// Tag and length; tags above 30 and indefinite lengths are not in the files of interest.
fn head(bytes: &[u8]) -> Result<(u8, usize, &[u8]), DerError> {
    let [tag, first, rest @ ..] = bytes else { return Err(DerError::Structure) };
    if *first < 0x80 {
        return Ok((*tag, usize::from(*first), rest));
    }
    let octets = usize::from(first & 0x7f);
    if octets == 0 || octets > 4 {
        return Err(DerError::Structure);
    }
    let (length, rest) = rest.split_at_checked(octets).ok_or(DerError::Structure)?;
    let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    Ok((*tag, length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_added_up_wherever_they_can_be_seen() {
        // SEQUENCE { OCTET STRING salt, INTEGER 2048 }, once plain and once inside an OCTET STRING.
        let parameters = b"\x30\x07\x04\x01s\x02\x02\x08\x00";
        let nested = [b"\x04\x09", &parameters[..]].concat();
        let both = [&parameters[..], &nested].concat();
        assert_eq!(outside(parameters).iterations, 2048);
        assert_eq!(outside(&both).iterations, 4096);
        assert_eq!(outside(b"\x30\x06\x04\x01s\x02\x01\xff").iterations, u64::MAX);
        assert_eq!(outside(b"\x30\x06\x02\x01\x07\x02\x01\x07").iterations, 0);
    }

    #[test]
    fn missing_and_spare_bytes_are_counted() {
        assert_eq!(whole(b"\x30\x02\x05\x00"), Ok(()));
        assert_eq!(whole(b"\x30\x05\x05\x00"), Err(DerError::Short { expected: 7, found: 4 }));
        assert_eq!(whole(b"\x30\x00zz"), Err(DerError::Trailing { bytes: 2 }));
        for broken in [&b""[..], b"\x30", b"\x30\x80\x00\x00", b"\x30\x85\x01\x01\x01\x01\x01"] {
            assert_eq!(whole(broken), Err(DerError::Structure), "{broken:?}");
        }
    }

    #[test]
    fn nesting_without_end_is_left_alone() {
        let mut deep = b"\x30\x07\x04\x01s\x02\x02\x08\x00".to_vec();
        for _ in 0..40 {
            let length = u8::try_from(deep.len()).unwrap();
            deep = [&[0x30, length][..], &deep].concat();
        }
        assert_eq!(outside(&deep).iterations, 0);
    }
}
