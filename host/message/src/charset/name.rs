//! Names of character sets: IANA's, and those of HL7 table 0211.
//!
//! Deliberately does not know: where a name was found.

use encoding_rs::Encoding;

use super::set::Set;

/// What a name says about bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// ASCII, or no name at all. That says nothing about bytes outside ASCII,
    /// which are there all the same when somebody looks for their set.
    Ascii,
    Set(Set),
    /// UTF-16, its byte order told by a mark.
    Utf16,
    /// UTF-32, its byte order told by a mark.
    Utf32,
    /// A set that exists and is not read here.
    Unsupported,
    /// No name of a set that anybody knows.
    Unknown,
}

/// A name as a Content-Type or an XML declaration has it: a label of the web's
/// Encoding standard, else a name of table 0211. By that standard `iso-8859-1`
/// is windows-1252, which is what senders of such bytes mean.
pub(crate) fn of_label(name: &str) -> Named {
    label(name.trim()).or_else(|| table_0211(name)).unwrap_or(Named::Unknown)
}

/// A name as MSH-18 has it: of table 0211, else a label. Here `8859/1` and its
/// spellings are ISO 8859-1 to the letter, so that every byte can be written
/// back.
pub(crate) fn of_hl7(name: &str) -> Named {
    table_0211(name).or_else(|| label(name.trim())).unwrap_or(Named::Unknown)
}

/// HL7 v2 table 0211, and the spellings that occur.
fn table_0211(name: &str) -> Option<Named> {
    let set = |set| Some(Named::Set(set));
    let table = |encoding| Some(Named::Set(Set::Table(encoding)));
    // Compared in place: this is asked for every message outside ASCII.
    let mut buffer = [0_u8; 32];
    let name = name.trim();
    let upper = buffer.get_mut(..name.len())?;
    upper.copy_from_slice(name.as_bytes());
    upper.make_ascii_uppercase();
    match std::str::from_utf8(upper).ok()? {
        "" | "ASCII" | "US-ASCII" | "ISO IR6" | "ISO IR 6" => Some(Named::Ascii),
        "UNICODE UTF-8" | "UNICODE UTF8" | "UTF-8" | "UTF8" | "UFT-8" | "UNICODE UFT-8"
        | "UNICODE" => set(Set::Utf8),
        "UNICODE UTF-16" | "UTF-16" => Some(Named::Utf16),
        "UNICODE UTF-32" | "UTF-32" => Some(Named::Utf32),
        "8859/1" | "8859" | "8859-1" | "ISO-8859-1" | "ISO8859-1" | "ISO 8859-1" => {
            set(Set::Latin1)
        }
        "8859/2" => table(encoding_rs::ISO_8859_2),
        "8859/3" => table(encoding_rs::ISO_8859_3),
        "8859/4" => table(encoding_rs::ISO_8859_4),
        "8859/5" => table(encoding_rs::ISO_8859_5),
        "8859/6" => table(encoding_rs::ISO_8859_6),
        "8859/7" => table(encoding_rs::ISO_8859_7),
        "8859/8" => table(encoding_rs::ISO_8859_8),
        "8859/9" | "ISO-8859-9" => set(Set::Latin5),
        "8859/10" => table(encoding_rs::ISO_8859_10),
        // TIS-620 and a no-break space, which windows-874 extends.
        "8859/11" => table(encoding_rs::WINDOWS_874),
        "8859/13" => table(encoding_rs::ISO_8859_13),
        "8859/14" => table(encoding_rs::ISO_8859_14),
        "8859/15" => table(encoding_rs::ISO_8859_15),
        "8859/16" => table(encoding_rs::ISO_8859_16),
        "CP1252" => table(encoding_rs::WINDOWS_1252),
        "KS X 1001" => table(encoding_rs::EUC_KR),
        "GB 18030-2000" => table(encoding_rs::GB18030),
        "BIG-5" => table(encoding_rs::BIG5),
        "SHIFT-JIS" => table(encoding_rs::SHIFT_JIS),
        // JIS X 0201 and JIS X 0208, switched to within ISO 2022.
        "ISO IR14" | "ISO IR 14" | "ISO IR87" | "ISO IR 87" | "JIS X 0202" => {
            table(encoding_rs::ISO_2022_JP)
        }
        // JIS X 0212 and sets that no library has.
        "ISO IR159" | "ISO IR 159" | "JAS2020" | "CNS 11643-1992" => Some(Named::Unsupported),
        _ => None,
    }
}

/// Labels of the web's Encoding standard, and those that it leaves out because
/// pages must not use them.
fn label(name: &str) -> Option<Named> {
    match name.to_ascii_lowercase().as_str() {
        "ascii" | "us-ascii" | "ansi_x3.4-1968" | "iso646-us" => return Some(Named::Ascii),
        "utf-16" | "utf16" => return Some(Named::Utf16),
        "utf-32" | "utf32" => return Some(Named::Utf32),
        "utf-32le" => return Some(Named::Set(Set::Utf32 { big_endian: false })),
        "utf-32be" => return Some(Named::Set(Set::Utf32 { big_endian: true })),
        _ => {}
    }
    let encoding = Encoding::for_label(name.as_bytes())?;
    if encoding == encoding_rs::REPLACEMENT || encoding == encoding_rs::X_USER_DEFINED {
        return Some(Named::Unsupported);
    }
    Some(Named::Set(if encoding == encoding_rs::UTF_8 {
        Set::Utf8
    } else if encoding == encoding_rs::UTF_16LE {
        Set::Utf16 { big_endian: false }
    } else if encoding == encoding_rs::UTF_16BE {
        Set::Utf16 { big_endian: true }
    } else {
        Set::Table(encoding)
    }))
}
