//! Names, the order of sources, and what is done to the bytes.

mod xml;

use proptest::prelude::*;

use super::*;
use crate::{Message, ParseOptions};

fn decoded(format: Format, body: &[u8], told: Option<&str>) -> Decoded {
    decode(format, body.to_vec(), told, Undecodable::Refuse)
        .unwrap_or_else(|problem| panic!("{told:?}: {problem}"))
}

fn refusal(format: Format, body: &[u8], told: Option<&str>) -> Problem {
    decode(format, body.to_vec(), told, Undecodable::Refuse).unwrap_err()
}

fn hl7(declared: &str, name: &[u8]) -> Vec<u8> {
    let header = format!("MSH|^~\\&|A|B|||2026||ADT^A01|1|P|2.5||||||{declared}\rPID|1||7||");
    [header.as_bytes(), name, b"\r"].concat()
}

fn name_in(decoded: &Decoded) -> String {
    let message =
        Message::parse(Format::Hl7, decoded.bytes.clone(), &ParseOptions::default()).unwrap();
    message.text(&message.path("PID-5").unwrap()).into_owned()
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    Set::Utf16 { big_endian }.encode(text).unwrap().into_owned()
}

#[test]
fn names_of_iana_and_of_table_0211_are_known_in_any_case() {
    for (name, expected) in [
        ("utf-8", "UTF-8"),
        ("Uft-8", "UTF-8"),
        (" UNICODE UTF-8 ", "UTF-8"),
        ("us-ascii", "UTF-8"),
        ("iso-8859-1", "windows-1252"),
        ("8859/1", "ISO-8859-1"),
        ("latin1", "windows-1252"),
        ("8859/2", "ISO-8859-2"),
        ("8859/9", "ISO-8859-9"),
        ("8859/11", "windows-874"),
        ("8859/15", "ISO-8859-15"),
        ("iso-8859-15", "ISO-8859-15"),
        ("windows-1251", "windows-1251"),
        ("CP1252", "windows-1252"),
        ("KS X 1001", "EUC-KR"),
        ("GB 18030-2000", "gb18030"),
        ("BIG-5", "Big5"),
        ("shift_jis", "Shift_JIS"),
        ("iso-2022-jp", "ISO-2022-JP"),
        ("ISO IR87", "ISO-2022-JP"),
        ("ISO IR14", "ISO-2022-JP"),
        ("utf-16", "UTF-16BE"),
        ("utf-16le", "UTF-16LE"),
        ("utf-32", "UTF-32BE"),
        ("UNICODE UTF-32", "UTF-32BE"),
    ] {
        assert_eq!(Charset::from_name(name).unwrap().to_string(), expected, "{name}");
    }
    for (name, code) in [
        ("ISO IR159", "charset.unsupported"),
        ("CNS 11643-1992", "charset.unsupported"),
        ("iso-2022-kr", "charset.unsupported"),
        ("x-user-defined", "charset.unsupported"),
        ("8859/12", "charset.unknown"),
        ("ebcdic", "charset.unknown"),
    ] {
        assert_eq!(Charset::from_name(name).unwrap_err().code, code, "{name}");
    }
}

#[test]
fn an_unknown_name_is_quoted_only_where_it_looks_like_one() {
    for (name, shown) in [
        ("klingon", "`klingon`"),
        ("a\"b", "a name of 3 bytes"),
        ("\u{1b}[2J", "a name of 4 bytes"),
    ] {
        let problem = refusal(Format::Json, b"{}", Some(name));
        assert_eq!(
            (problem.code, problem.text),
            (
                "charset.unknown",
                format!(
                    "the Content-Type names a character set that is not known: {shown}; send UTF-8"
                )
            )
        );
    }
}

#[test]
fn text_formats_become_utf8_by_content_type_then_mark_then_default() {
    use Source::{ByteOrderMark, ContentType, Default};
    let e_acute = "é\n";
    for (body, told, charset, source) in [
        (b"\xE9\n".to_vec(), Some("iso-8859-1"), "windows-1252", ContentType),
        (b"\xE9\n".to_vec(), Some("8859/1"), "ISO-8859-1", ContentType),
        (b"\xE9\n".to_vec(), Some("8859/15"), "ISO-8859-15", ContentType),
        (b"\xC3\xA9\n".to_vec(), Some("utf-8"), "UTF-8", ContentType),
        (b"\xEF\xBB\xBF\xC3\xA9\n".to_vec(), Some("utf-8"), "UTF-8", ContentType),
        (b"\xC3\xA9\n".to_vec(), None, "UTF-8", Default),
        (b"\xC3\xA9\n".to_vec(), Some("us-ascii"), "UTF-8", Default),
        (b"\xEF\xBB\xBF\xC3\xA9\n".to_vec(), None, "UTF-8", ByteOrderMark),
        (utf16("\u{feff}é\n", false), None, "UTF-16LE", ByteOrderMark),
        (utf16("\u{feff}é\n", true), None, "UTF-16BE", ByteOrderMark),
        (utf16("\u{feff}é\n", false), Some("utf-16"), "UTF-16LE", ContentType),
        (utf16("é\n", true), Some("utf-16"), "UTF-16BE", ContentType),
        (utf16("é\n", false), Some("utf-16le"), "UTF-16LE", ContentType),
        (b"\xFF\xFE\0\0\xE9\0\0\0\n\0\0\0".to_vec(), None, "UTF-32LE", ByteOrderMark),
        (b"\0\0\0\xE9\0\0\0\n".to_vec(), Some("utf-32"), "UTF-32BE", ContentType),
        (b"\x8F\xAB\xB1\n".to_vec(), Some("euc-jp"), "EUC-JP", ContentType),
    ] {
        for format in [Format::Json, Format::Csv, Format::Text] {
            let found = decoded(format, &body, told);
            assert_eq!(found.bytes, e_acute.as_bytes(), "{charset} {told:?}");
            assert_eq!((found.charset.name(), found.source), (charset, source), "{told:?}");
            assert!(!found.replaced && !found.guessed, "{charset} {told:?}");
        }
    }
    let japanese = decoded(Format::Text, b"\x1b$B;3\x1b(B!", Some("iso-2022-jp"));
    assert_eq!(String::from_utf8(japanese.bytes).unwrap(), "山!");
}

#[test]
fn a_body_that_can_be_parsed_as_it_is_is_not_copied() {
    for (format, body, told) in [
        (Format::Json, "{\"a\":\"é\"}".as_bytes().to_vec(), None),
        (Format::Text, b"plain".to_vec(), Some("8859/7")),
        (Format::Xml, "<?xml version='1.0' encoding='utf-8'?><é/>".as_bytes().to_vec(), None),
        (Format::Xml, b"<?xml version='1.0' encoding='8859-2'?><a/>".to_vec(), None),
        (Format::Hl7, hl7("8859/1", b"M\xFCller"), None),
        (Format::Hl7, hl7("", "Müller".as_bytes()), Some("utf-8")),
        (Format::Binary, b"\xEF\xBB\xBF\x00\xFF".to_vec(), Some("utf-16")),
    ] {
        let before = (body.as_ptr(), body.clone());
        let found = decode(format, body, told, Undecodable::Refuse).unwrap();
        assert_eq!((found.bytes.as_ptr(), found.bytes), before);
    }
}

#[test]
fn undecodable_bytes_are_refused_with_offset_and_set_or_replaced_on_request() {
    for (body, told, offset, text) in [
        (&b"ab\xFFc"[..], None, 2, "the default says UTF-8, and the bytes are not"),
        (b"ab\xC3", None, 2, "the default says UTF-8, and the bytes are not"),
        (b"\xEF\xBB\xBF\xFF", None, 3, "the byte order mark says UTF-8, and the bytes are not"),
        (b"a\x81", Some("shift_jis"), 1, "the Content-Type says Shift_JIS, and the bytes are not"),
        (b"ab\xAE", Some("8859/7"), 2, "the Content-Type says ISO-8859-7, and the bytes are not"),
        (
            b"\xFF\xFEa\0\0\xD8b\0",
            None,
            4,
            "the byte order mark says UTF-16LE, and the bytes are not",
        ),
        (b"\xFF\xFEa\0b", None, 4, "the byte order mark says UTF-16LE, and the bytes are not"),
        (
            b"\0\0\0a\0\x11\0\0",
            Some("utf-32"),
            4,
            "the Content-Type says UTF-32BE, and the bytes are not",
        ),
        (b"\0\0\0a\0", Some("utf-32"), 4, "the Content-Type says UTF-32BE, and the bytes are not"),
    ] {
        let problem = refusal(Format::Text, body, told);
        assert_eq!((problem.code, problem.offset), ("charset.undecodable", Some(offset)), "{text}");
        assert_eq!(problem.to_string(), format!("{text} (at byte {})", offset + 1));
        let found = decode(Format::Text, body.to_vec(), told, Undecodable::Replace).unwrap();
        assert!(found.replaced, "{text}");
        assert!(String::from_utf8(found.bytes).unwrap().contains('\u{FFFD}'), "{text}");
    }
}

#[test]
fn a_late_undecodable_byte_is_found_behind_many_good_ones() {
    let mut body = [0x82, 0xA0].repeat(10_000);
    body.push(0x81);
    let problem = refusal(Format::Text, &body, Some("shift_jis"));
    assert_eq!(problem.offset, Some(20_000));
}

#[test]
fn hl7_keeps_its_bytes_where_its_own_header_tells_the_set() {
    use Source::{ByteOrderMark, ContentType, Default, Msh18};
    let latin = b"M\xFCller";
    let utf8 = "Müller".as_bytes();
    let wide = utf16(&String::from_utf8(hl7("", utf8)).unwrap(), false);
    let korean = encoding_rs::EUC_KR.encode("홍").0.into_owned();
    let chinese = encoding_rs::GB18030.encode("Müller").0.into_owned();
    for (body, told, charset, source, guessed, read) in [
        (hl7("8859/1", latin), None, "ISO-8859-1", Msh18, false, "Müller"),
        (hl7("8859/1", latin), Some("iso-8859-1"), "ISO-8859-1", ContentType, false, "Müller"),
        (hl7("8859/1", b"Muller"), None, "ISO-8859-1", Msh18, false, "Muller"),
        (hl7("", b"Muller"), None, "UTF-8", Default, false, "Muller"),
        (hl7("", utf8), None, "UTF-8", Default, false, "Müller"),
        (hl7("wrong", utf8), None, "UTF-8", Default, false, "Müller"),
        (hl7("", latin), None, "windows-1252", Default, true, "Müller"),
        (hl7("wrong", latin), None, "windows-1252", Default, true, "Müller"),
        (hl7("ASCII", latin), Some("us-ascii"), "windows-1252", Default, true, "Müller"),
        (hl7("UNICODE UTF-16", latin), None, "windows-1252", Default, true, "Müller"),
        (hl7("", latin), Some("iso-8859-1"), "ISO-8859-1", ContentType, false, "Müller"),
        (hl7("uft-8", utf8), None, "UTF-8", Msh18, false, "Müller"),
        (hl7("UTF-8", utf8), Some("utf-8"), "UTF-8", ContentType, false, "Müller"),
        (hl7("KS X 1001", &korean), None, "EUC-KR", Msh18, false, "홍"),
        (hl7("GB18030", &chinese), None, "gb18030", Msh18, false, "Müller"),
        (wide.clone(), None, "UTF-16LE", ByteOrderMark, false, "Müller"),
        (wide, Some("utf-8"), "UTF-16LE", ByteOrderMark, false, "Müller"),
    ] {
        let found = decoded(Format::Hl7, &body, told);
        assert_eq!(found.bytes, body, "{charset} {told:?}");
        assert_eq!(
            (found.charset.name(), found.source, found.guessed, found.replaced),
            (charset, source, guessed, false),
            "{told:?}"
        );
        assert_eq!(name_in(&found), read, "{charset} {told:?}");
    }
}

/// Whether bytes are UTF-16 shows.
#[test]
fn hl7_that_is_told_to_be_wide_and_is_not_is_refused() {
    for told in ["utf-16", "utf-16le", "utf-32"] {
        let body = hl7("", "Müller".as_bytes());
        let problem = decode(Format::Hl7, body, Some(told), Undecodable::Replace).unwrap_err();
        assert_eq!(problem.code, "charset.undecodable", "{told}");
        assert!(problem.text.starts_with("the Content-Type says UTF-"), "{problem:?}");
    }
}

#[test]
fn hl7_that_the_transport_contradicts_becomes_utf8_and_says_so() {
    let utf8 = "Müller".as_bytes();
    let marked = |body: Vec<u8>| [UTF8_MARK, &body].concat();
    for (body, told, charset, expected) in [
        (hl7("8859/1", utf8), Some("utf-8"), "UTF-8", hl7("UNICODE UTF-8", utf8)),
        (hl7("8859/1~8859/2", utf8), Some("utf-8"), "UTF-8", hl7("UNICODE UTF-8~8859/2", utf8)),
        (marked(hl7("8859/1", utf8)), None, "UTF-8", hl7("UNICODE UTF-8", utf8)),
        (hl7("", b"M\xFCller"), Some("8859/9"), "ISO-8859-9", hl7("", utf8)),
        (hl7("UTF-8", b"M\xFCller"), Some("8859/1"), "ISO-8859-1", hl7("UTF-8", utf8)),
        (hl7("wrong", b"M\xFCller"), Some("8859/9"), "ISO-8859-9", hl7("UNICODE UTF-8", utf8)),
        (hl7("", b"\x1b$B;3\x1b(B"), Some("iso-2022-jp"), "ISO-2022-JP", hl7("", "山".as_bytes())),
    ] {
        let found = decoded(Format::Hl7, &body, told);
        assert_eq!(found.bytes, expected, "{charset}");
        assert_eq!(found.charset.name(), charset);
        assert!(matches!(name_in(&found).as_str(), "Müller" | "山"), "{charset}");
    }
    let untouched = marked(hl7("", utf8));
    assert_eq!(decoded(Format::Hl7, &untouched, None).bytes, untouched);
}

#[test]
fn hl7_in_a_set_that_is_not_read_is_refused_once_it_matters() {
    for (declared, name, refused) in [
        ("ISO IR159", &b"abc"[..], false),
        ("ISO IR159", b"\x1b$(D;3\x1b(B", true),
        ("~ISO IR159", b"\x1b$(D;3\x1b(B", true),
        ("~ISO IR159", b"\xE9", false),
        ("~ISO IR87", b"\xE9", false),
        ("~ISO IR87~ISO IR159", b"\x1b$B;3\x1b(B", false),
        ("CNS 11643-1992", b"\xE9", true),
        ("", b"\x1b$B;3\x1b(B", false),
    ] {
        let found = decode(Format::Hl7, hl7(declared, name), None, Undecodable::Refuse);
        match found {
            Err(problem) => {
                assert_eq!(
                    (problem.code, problem.place.as_deref(), refused),
                    ("charset.unsupported", Some("MSH-18"), true),
                    "{declared}"
                );
            }
            Ok(_) => assert!(!refused, "{declared}"),
        }
    }
}

#[test]
fn japanese_hl7_is_read_as_its_header_says() {
    for declared in ["~ISO IR87", "ASCII~ISO IR87", "ISO IR87", "~ISO IR14~ISO IR87", "iso-2022-jp"]
    {
        let body = hl7(declared, b"\x1b$B;3\x1b(B^\x1b$BB@O:\x1b(B");
        let found = decoded(Format::Hl7, &body, None);
        assert_eq!((found.charset.name(), found.source), ("ISO-2022-JP", Source::Msh18));
        assert_eq!(found.bytes, body, "{declared}");
        assert_eq!(name_in(&found), "山^太郎", "{declared}");
    }
    // JIS X 0212 beside it is not read: refused, not guessed.
    let body = hl7("~ISO IR87~ISO IR159", b"\x1b$B;3\x1b$(D0!\x1b(B");
    assert_eq!(refusal(Format::Hl7, &body, None).code, "charset.undecodable");
}

#[test]
fn a_character_that_would_be_written_as_another_is_refused() {
    let japanese = Set::Table(encoding_rs::ISO_2022_JP);
    assert_eq!(japanese.encode("山ｱ"), Err(1));
    assert_eq!(japanese.encode("山ア").unwrap(), b"\x1b$B;3%\"\x1b(B".as_slice());
}

#[test]
fn hl7_that_is_not_in_its_declared_set_is_refused_or_kept_as_it_is() {
    let body = hl7("UNICODE UTF-8", b"M\xFCller");
    let problem = refusal(Format::Hl7, &body, None);
    assert_eq!(problem.code, "charset.undecodable");
    assert_eq!(problem.text, "MSH-18 says UTF-8, and the bytes are not");
    assert_eq!(body.get(problem.offset.unwrap()), Some(&0xFC));
    let found = decode(Format::Hl7, body.clone(), None, Undecodable::Replace).unwrap();
    assert_eq!((found.bytes, found.replaced), (body, true));
}

#[test]
fn text_is_encoded_exactly_or_with_question_marks() {
    let check = |text: &str, name: &str, expected: &[u8]| {
        let charset = Charset::from_name(name).unwrap();
        assert_eq!(*encode(text, charset, Undecodable::Refuse).unwrap(), *expected, "{name}");
    };
    check("aé", "utf-8", "aé".as_bytes());
    check("aé", "8859/1", b"a\xE9");
    check("ş", "8859/9", b"\xFE");
    check("€", "windows-1252", b"\x80");
    check("é", "utf-16", b"\0\xE9");
    let latin5 = Charset::from_name("8859/9").unwrap();
    let problem = encode("aş€", latin5, Undecodable::Refuse).unwrap_err();
    assert_eq!(
        (problem.code, problem.text.as_str()),
        ("charset.unwritable", "character 3 of the text does not exist in ISO-8859-9")
    );
    assert_eq!(*encode("aş€", latin5, Undecodable::Replace).unwrap(), *b"a\xFE?");
}

#[test]
fn a_debug_print_shows_no_content() {
    let shown = format!("{:?}", decoded(Format::Text, b"secret", None));
    assert!(shown.contains("bytes: 6") && !shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused_without_a_panic(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            prop::collection::vec(any::<u8>(), 0..24).prop_map(|name| hl7("", &name)),
            ("[ -~]{0,14}", prop::collection::vec(any::<u8>(), 0..8))
                .prop_map(|(declared, name)| hl7(&declared, &name)),
        ],
        told in prop::option::of(prop_oneof![
            "[ -~]{0,12}",
            prop::sample::select(vec![
                "utf-8", "utf-16", "utf-32", "iso-8859-1", "8859/9", "shift_jis", "iso-2022-jp",
                "gb18030",
            ]).prop_map(str::to_owned),
        ]),
    ) {
        for format in [Format::Hl7, Format::Json, Format::Csv, Format::Xml, Format::Text, Format::Binary] {
            let strict = decode(format, body.clone(), told.as_deref(), Undecodable::Refuse);
            let lenient = decode(format, body.clone(), told.as_deref(), Undecodable::Replace);
            if let Ok(found) = &strict {
                prop_assert!(!found.replaced);
                prop_assert_eq!(&strict, &lenient);
            }
            if let Ok(found) = &lenient
                && !matches!(format, Format::Hl7 | Format::Binary)
            {
                prop_assert!(std::str::from_utf8(&found.bytes).is_ok());
            }
        }
    }

    #[test]
    fn text_in_any_set_comes_back_as_it_was(
        text in any::<String>(),
        name in prop::sample::select(vec![
            "utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be", "gb18030",
        ]),
    ) {
        prop_assume!(!text.starts_with('\u{FEFF}'));
        // GB 18030 gives one code to two characters.
        prop_assume!(name != "gb18030" || text.chars().all(|found| !('\u{E000}'..='\u{F8FF}').contains(&found)));
        let charset = Charset::from_name(name).unwrap();
        let Ok(body) = encode(&text, charset, Undecodable::Refuse) else { return Ok(()) };
        let found = decoded(Format::Text, &body, Some(name));
        prop_assert_eq!(String::from_utf8(found.bytes).unwrap(), text);
    }

    #[test]
    fn the_first_undecodable_byte_is_where_strict_decoding_stops(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        name in prop::sample::select(vec![
            "utf-8", "utf-16le", "utf-16be", "utf-32le", "8859/1", "8859/7", "8859/9", "shift_jis",
            "big5", "gb18030", "euc-kr", "iso-2022-jp", "windows-1252",
        ]),
    ) {
        let set = Charset::from_name(name).unwrap().0;
        let replaced = set.decode(&bytes).contains(char::REPLACEMENT_CHARACTER);
        let has_one_itself = set.encode("\u{FFFD}").is_ok();
        match set.first_undecodable(&bytes) {
            None => prop_assert!(!replaced || has_one_itself),
            Some(offset) => {
                prop_assert!(offset < bytes.len());
                prop_assert_eq!(set.first_undecodable(&bytes[..offset]), None);
                prop_assert!(replaced);
            }
        }
    }
}
