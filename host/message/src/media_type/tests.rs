use proptest::prelude::*;

use super::*;

fn parse(value: &str) -> MediaType {
    MediaType::parse(value.as_bytes()).unwrap()
}

fn refusal(value: &[u8]) -> Problem {
    MediaType::parse(value).unwrap_err()
}

#[test]
fn type_subtype_and_charset_are_read_in_lower_case() {
    for (value, main, subtype, charset) in [
        ("text/plain", "text", "plain", None),
        ("Text/XML; Charset=UTF-8", "text", "xml", Some("utf-8")),
        ("text/xml;charset=\"utf-8\"", "text", "xml", Some("utf-8")),
        ("text/xml ; charset=\"a \\\"b\\\\\"", "text", "xml", Some("a \"b\\")),
        ("  text/csv\t;\theader=present ; charset=8859-1  ", "text", "csv", Some("8859-1")),
        ("text/csv; charset=\"unicode utf-8\"", "text", "csv", Some("unicode utf-8")),
        ("text/csv; charset=\"\"", "text", "csv", None),
        ("text/csv; charset=a; charset=b", "text", "csv", Some("a")),
        ("text/csv; x=\"; charset=no\"; charset=yes", "text", "csv", Some("yes")),
        ("text/csv;;", "text", "csv", None),
        ("text/csv; ; charset=a;", "text", "csv", Some("a")),
        ("x-application/hl7-v2+er7", "x-application", "hl7-v2+er7", None),
        ("multipart/form-data; boundary=\"a'()+_,b\"", "multipart", "form-data", None),
    ] {
        let found = parse(value);
        assert_eq!((found.main(), found.subtype()), (main, subtype), "{value}");
        assert_eq!(found.charset(), charset, "{value}");
    }
}

#[test]
fn what_is_no_media_type_is_refused_with_its_place() {
    for (value, offset, expected, found) in [
        (&b""[..], 0, "a media type", "its end"),
        (b"text", 4, "a slash after the type", "its end"),
        (b"text/", 5, "a subtype after the slash", "its end"),
        (b"text /xml", 4, "a slash after the type", "white space"),
        (b"/xml", 0, "a media type", "a punctuation mark"),
        (b"t\xE9xt/xml", 1, "a slash after the type", "a byte outside ASCII"),
        (b"text/xml charset=a", 9, "a semicolon before the next parameter", "a letter or digit"),
        (b"text/xml, text/csv", 8, "a semicolon before the next parameter", "a punctuation mark"),
        (b"text/xml; charset", 17, "an equals sign after the name of a parameter", "its end"),
        (
            b"text/xml; charset = a",
            17,
            "an equals sign after the name of a parameter",
            "white space",
        ),
        (b"text/xml; charset=", 18, "the value of a parameter", "its end"),
        (b"text/xml; =a", 10, "the name of a parameter", "a punctuation mark"),
        (b"text/xml; charset=\"a", 20, "the rest of a quoted value", "its end"),
        (b"text/xml; charset=\"a\\", 21, "the rest of a quoted value", "its end"),
        (b"text/xml; charset=\"\r\n\"", 19, "the rest of a quoted value", "a control character"),
        (b"text/xml; charset=\"\xFF\"", 19, "the rest of a quoted value", "a byte outside ASCII"),
    ] {
        let problem = refusal(value);
        let shown = String::from_utf8_lossy(value);
        assert_eq!(
            (problem.code, problem.offset),
            ("content-type.syntax", Some(offset)),
            "{shown}"
        );
        assert_eq!(
            problem.text,
            format!("Content-Type: expected {expected}, found {found}"),
            "{shown}"
        );
    }
}

#[test]
fn length_and_number_of_parameters_are_bounded() {
    let of_length = |length: usize| format!("text/{}", "x".repeat(length - 5));
    assert!(MediaType::parse(of_length(MEDIA_TYPE_BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(refusal(of_length(MEDIA_TYPE_BYTES_MAX + 1).as_bytes()).code, "limit.content-type");
    let with = |count: usize| format!("text/xml{}", ";a=b".repeat(count));
    assert!(MediaType::parse(with(PARAMETERS_MAX).as_bytes()).is_ok());
    assert_eq!(refusal(with(PARAMETERS_MAX + 1).as_bytes()).code, "limit.content-type");
}

#[test]
fn kinds_of_media_types_are_told_apart() {
    for (value, kinds) in [
        ("application/hl7-v2", "hl7"),
        ("application/hl7-v2+er7", "hl7"),
        ("x-application/hl7-v2+er7; charset=utf-8", "hl7"),
        ("application/edi-hl7v2", "hl7"),
        ("text/hl7", "hl7"),
        ("application/hl7-v2+xml", "xml"),
        ("x-application/hl7-v2+xml", "xml"),
        ("image/hl7-v2", ""),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("application/soap+xml", "xml"),
        ("image/svg+xml", "xml"),
        ("image/xml", ""),
        ("application/json", "json"),
        ("text/json", "json"),
        ("application/fhir+json", "json"),
        ("application/json+x", ""),
        ("multipart/form-data", "multipart"),
        ("multipart/related", "multipart"),
        ("text/multipart", ""),
        ("text/plain", ""),
    ] {
        let found = parse(value);
        let flags = [
            ("hl7", found.is_hl7()),
            ("xml", found.is_xml()),
            ("json", found.is_json()),
            ("multipart", found.is_multipart()),
        ];
        let names: Vec<&str> = flags.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        assert_eq!(names.join(" "), kinds, "{value}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(
        value in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            "[a/;= \t\"\\\\charset]{0,32}".prop_map(String::into_bytes),
            "[a-c]/[a-c];[ \t]charset=\"?[a-c\\\\\"]{0,4}\"?".prop_map(String::into_bytes),
        ],
    ) {
        match MediaType::parse(&value) {
            Ok(found) => prop_assert_eq!(&parse(&found.to_string()), &found),
            Err(problem) => prop_assert!(problem.offset.is_none_or(|at| at <= value.len())),
        }
    }

    #[test]
    fn what_is_written_by_the_rules_is_read_back(
        main in "[A-Za-z!#$&^_.+-]{1,8}",
        subtype in "[A-Za-z0-9!#$&^_.+-]{1,8}",
        charset in "[ -~]{1,12}",
        white in "[ \t]{0,3}",
    ) {
        let quoted = charset.replace('\\', "\\\\").replace('"', "\\\"");
        let value = format!("{main}/{subtype}{white};{white}Charset=\"{quoted}\"{white}");
        let found = parse(&value);
        prop_assert_eq!(found.main(), main.to_ascii_lowercase());
        prop_assert_eq!(found.subtype(), subtype.to_ascii_lowercase());
        let expected = charset.to_ascii_lowercase();
        prop_assert_eq!(found.charset(), Some(expected.as_str()));
    }
}
