//! A received body, made ready for [`Hl7::parse`](super::Hl7::parse).
//!
//! Messages keep their bytes and are read by their own header, so nothing is
//! decoded here where that header tells the truth. Where the transport
//! contradicts it, the body becomes UTF-8 and MSH-18 is made to say so.
//! Deliberately does not know: HTTP, the segments below the header.

use memchr::memchr;

use super::charset::{Declared, ESCAPE, Resolved};
use super::{header, resolve};
use crate::Problem;
use crate::charset::{
    Decoded, Found, Named, Set, Source, Told, Undecodable, marked_set, of_hl7, unsupported,
};

/// What MSH-18 says of UTF-8 (table 0211).
pub(super) const UNICODE_UTF_8: &[u8] = b"UNICODE UTF-8";

/// As [`crate::charset::decode`] for HL7.
///
/// # Errors
/// `charset.undecodable`; `charset.unsupported` where MSH-18 names a set that
/// is not read and the bytes make use of it.
pub(crate) fn decode(
    body: Vec<u8>,
    told: Option<Told>,
    undecodable: Undecodable,
) -> Result<Decoded, Problem> {
    let own = resolve(&body).map(Resolved::set);
    refuse_wide_over_narrow(&body, told, own)?;
    let Some(found) = told_from_outside(&body, told, own) else {
        return by_header(body, own, undecodable);
    };
    let is_read_so = match own {
        None => found.set.holds_ascii(),
        Some(own) => agree(found.set, own),
    };
    if is_read_so {
        let replaced = found.is_replaced(&body, undecodable)?;
        return Ok(Decoded { replaced, ..Decoded::untouched(body, found.set, found.source) });
    }
    let mut decoded = found.to_utf8(body, undecodable)?;
    declare_utf8(&mut decoded.bytes);
    Ok(decoded)
}

/// Whether bytes are UTF-16 or UTF-32 shows: where they are told to be and are not, something
/// changed them on their way.
fn refuse_wide_over_narrow(
    body: &[u8],
    told: Option<Told>,
    own: Option<Set>,
) -> Result<(), Problem> {
    let told = told.map(|told| told.set(body)).filter(|set| set.is_wide());
    match told {
        Some(set) if !own.is_some_and(Set::is_wide) => Err(Problem::new(
            "charset.undecodable",
            format!("the Content-Type says {}, and the bytes are not", set.name()),
        )),
        _ => Ok(()),
    }
}

/// What the Content-Type or a mark of UTF-8 says. UTF-16 and UTF-32 are seen in
/// the bytes, so what is told instead of them does not count.
fn told_from_outside(body: &[u8], told: Option<Told>, own: Option<Set>) -> Option<Found> {
    if own.is_some_and(Set::is_wide) {
        return None;
    }
    let of_transport = told.map(|told| told.set(body)).filter(|set| !set.is_wide());
    match of_transport {
        Some(set) => Some(Found { set, source: Source::ContentType }),
        None => marked_set(body).map(|set| Found { set, source: Source::ByteOrderMark }),
    }
}

/// Whether the parser, left to itself, reads the bytes as told. To a client
/// ISO 8859-1 is windows-1252, which is what is taken where MSH-18 is silent.
fn agree(told: Set, own: Set) -> bool {
    told == own || (told == Set::Latin1 && own == Set::Table(encoding_rs::WINDOWS_1252))
}

/// Nothing but the message itself tells its set.
fn by_header(
    body: Vec<u8>,
    own: Option<Set>,
    undecodable: Undecodable,
) -> Result<Decoded, Problem> {
    refuse_unsupported(&body, own)?;
    let declared = declared_set(&body).filter(|set| own.is_none_or(|own| own == *set));
    let (set, source) = match (own, declared) {
        (Some(set), _) if set.is_wide() => (set, Source::ByteOrderMark),
        (Some(set), Some(_)) => (set, Source::Msh18),
        (Some(set), None) => (set, Source::Default),
        (None, Some(set)) => (set, Source::Msh18),
        (None, None) => (Set::Utf8, Source::Default),
    };
    let found = Found { set, source };
    let replaced = found.is_replaced(&body, undecodable)?;
    let guessed = source == Source::Default && set != Set::Utf8;
    Ok(Decoded { replaced, guessed, ..Decoded::untouched(body, set, source) })
}

/// The set of MSH-18, if one is named that these bytes, which are not wide, can
/// be in.
fn declared_set(body: &[u8]) -> Option<Set> {
    let set = match header::declared_charset(body) {
        Declared::Set(charset) => Resolved::InPlace(charset).set(),
        Declared::Transcoded(transcoding) => Resolved::Transcoded(transcoding).set(),
        Declared::Nothing | Declared::Unknown => return None,
    };
    (!set.is_wide()).then_some(set)
}

fn refuse_unsupported(body: &[u8], own: Option<Set>) -> Result<(), Problem> {
    let has_escape = memchr(ESCAPE, body).is_some();
    if own.is_none() && !has_escape {
        return Ok(());
    }
    let mut names = header::declared_names(body);
    let is_unsupported = |name: &[u8]| of_hl7(&String::from_utf8_lossy(name)) == Named::Unsupported;
    if own == Some(Set::Table(encoding_rs::ISO_2022_JP)) {
        // What else it switches to is told as bytes that are not of the set.
        return Ok(());
    }
    // The sets of later repetitions are switched to by escape sequences.
    let first = names.next().is_some_and(is_unsupported);
    if first || (has_escape && names.any(is_unsupported)) {
        return Err(unsupported(Source::Msh18.described()).at("MSH-18"));
    }
    Ok(())
}

/// Makes MSH-18 of a body in UTF-8 true, where it names another set.
fn declare_utf8(bytes: &mut Vec<u8>) {
    let is_true = match header::declared_charset(bytes) {
        Declared::Nothing => true,
        Declared::Set(charset) => Resolved::InPlace(charset).set() == Set::Utf8,
        Declared::Transcoded(_) | Declared::Unknown => false,
    };
    if is_true {
        return;
    }
    if let Some(name) = header::declared_name(bytes) {
        bytes.splice(name, UNICODE_UTF_8.iter().copied());
    }
}
