use proptest::prelude::*;
use serde_json::json;

use super::{DEPTH_MAX, Document};
use crate::diagnostics::{Diagnostic, Position};

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec(), DEPTH_MAX).unwrap()
}

fn refused(bytes: &[u8]) -> Diagnostic {
    *Document::parse(bytes.to_vec(), DEPTH_MAX).unwrap_err()
}

fn at(document: &Document, pointer: &str) -> Option<(usize, usize)> {
    document.position_of(pointer).map(|Position { line, column }| (line, column))
}

#[test]
fn positions_count_lines_and_characters_from_one() {
    let text = "{\n  \"a\": [1,\n    {\"bü\": \"x\"}],\r\n  \"c/d\": true,\r\"~\": 5\n}\n";
    let document = parse(text);
    for (pointer, expected) in [
        ("", Some((1, 1))),
        ("/a", Some((2, 8))),
        ("/a/0", Some((2, 9))),
        ("/a/1", Some((3, 5))),
        ("/a/1/bü", Some((3, 12))),
        ("/c~1d", Some((4, 10))),
        ("/~0", Some((5, 6))),
        ("/a/2", None),
        ("/b", None),
        ("a", None),
        ("/a/x", None),
    ] {
        assert_eq!(at(&document, pointer), expected, "{pointer}");
    }
    let nearest = document.nearest_position("/a/1/missing/deeper").unwrap();
    assert_eq!((nearest.line, nearest.column), (3, 5), "the innermost object that exists");
}

#[test]
fn a_byte_order_mark_is_not_counted() {
    let document = parse("\u{FEFF}{\"a\": 1}");
    assert_eq!(at(&document, "/a"), Some((1, 7)));
}

#[test]
fn columns_are_right_far_into_a_long_line_of_wide_characters() {
    for length in [1000, 4094, 4095, 4096, 4097, 9000] {
        let text = format!("{{\"{}\":1,\"b\":2}}", "ü".repeat(length));
        assert_eq!(at(&parse(&text), "/b"), Some((1, length + 11)), "{length}");
    }
}

#[test]
fn duplicates_wrappers_and_nulls_are_resolved_and_pointers_follow() {
    let text = r#"{
 "$type": "A", "b": 1, "$type": "B",
 "list": {"$type": "L", "$values": [null, {"x": null, "y": 2}, 3]},
 "b": {"deep": "last"},
 "gone": 1, "gone": null
}"#;
    let document = parse(text);
    let expected = json!({"$type": "B", "b": {"deep": "last"}, "list": [{"y": 2}, 3]});
    assert_eq!(document.root().normalised(), expected);
    assert_eq!(
        document.root().to_json(),
        r#"{"$type":"B","b":{"deep":"last"},"list":[{"y":2},3]}"#
    );
    assert_eq!(at(&document, "/b/deep"), Some((4, 16)));
    assert_eq!(at(&document, "/list/0/y"), Some((3, 60)));
    assert_eq!(at(&document, "/list/1"), Some((3, 64)));
    assert_eq!(at(&document, "/gone"), None);
    let warnings: Vec<String> = document
        .warnings()
        .iter()
        .map(|warning| {
            let place = warning.position.map(|place| (place.line, place.column));
            format!("{} {place:?} {:?}", warning.code, warning.pointer)
        })
        .collect();
    assert_eq!(
        warnings,
        [
            "WF011 Some((4, 2)) Some(\"/b\")",
            "WF011 Some((5, 13)) Some(\"/gone\")",
            "WF011 Some((2, 24)) None",
            "WF012 Some((3, 37)) Some(\"/list\")",
        ]
    );
}

#[test]
fn repeated_metadata_is_told_once_and_other_repetitions_up_to_a_limit() {
    let element = r#"{"$type":"A","$type":"A"},"#;
    let text = format!("[{}0]", element.repeat(500));
    let document = parse(&text);
    assert_eq!(document.warnings().len(), 1);
    assert_eq!(document.warnings()[0].found.as_deref(), Some("500 such repetitions in the file"));
    let text = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(5000));
    assert_eq!(parse(&text).warnings().len(), super::tree::NOTES_MAX);
}

#[test]
fn only_metadata_may_stand_beside_wrapped_values() {
    for (text, expected) in [
        (r#"{"$values":[1]}"#, json!([1])),
        (r#"{"$id":"1","$values":[],"$type":"x"}"#, json!([])),
        (r#"{"$values":[1],"a":2}"#, json!({"$values": [1], "a": 2})),
        (r#"{"$values":1}"#, json!({"$values": 1})),
    ] {
        assert_eq!(parse(text).root().normalised(), expected, "{text}");
    }
}

#[test]
fn numbers_keep_their_text() {
    let text = "[1.10,-0,12345678901234567890123,1E+2]";
    assert_eq!(parse(text).root().to_json(), text);
    assert_eq!(refused(b"[1e999]").code.as_str(), "WF016");
}

#[test]
fn texts_survive_a_round_trip_through_settings() {
    let text = "{\"a\":\"\\\"\\\\\\r\\n\\t\\u0001\\u000b/\u{1F600}\"}";
    let document = parse(text);
    let again: serde_json::Value = serde_json::from_str(&document.root().to_json()).unwrap();
    assert_eq!(again, document.root().normalised());
    assert_eq!(again["a"], "\"\\\r\n\t\u{1}\u{b}/\u{1F600}");
}

#[test]
fn nesting_is_limited_before_anything_recurses() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(nested(DEPTH_MAX).into_bytes(), DEPTH_MAX).is_ok());
    let diagnostic = refused(nested(DEPTH_MAX + 1).as_bytes());
    assert_eq!(diagnostic.code.as_str(), "WF008");
    assert_eq!(diagnostic.position.map(|place| place.column), Some(DEPTH_MAX + 1));
    assert_eq!(refused("{\"a\":".repeat(1_000_000).as_bytes()).code.as_str(), "WF008");
    let brackets_in_text = format!("[\"{}\\\"{}\"]", "[".repeat(500), "{".repeat(500));
    assert!(Document::parse(brackets_in_text.into_bytes(), DEPTH_MAX).is_ok());
}

#[test]
fn what_the_depth_check_takes_for_text_is_refused_before_it_nests() {
    // Comments and single quotes could hide brackets from the depth check.
    for opening in ["/* \" */", "// \"\n", "'\"'"] {
        let text = format!("[{opening}{}", "[".repeat(100_000));
        assert_eq!(refused(text.as_bytes()).code.as_str(), "WF007", "{opening}");
    }
}

/// Code, message and what was found, in one line.
fn told(bytes: &[u8]) -> String {
    let Diagnostic { code, message, found, .. } = refused(bytes);
    format!("{code} {message} | {}", found.unwrap_or_default())
}

#[test]
fn each_way_of_being_no_json_text_is_told_apart() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "WF002 the workflow file is empty | 0 bytes"),
        (b" \n ", "WF002 the workflow file holds only blanks | "),
        (
            b"\0\0\0",
            "WF005 the workflow file was never written completely | nothing but 3 NUL bytes",
        ),
        (
            b"{\"a\"\0\0",
            "WF005 the workflow file was never written completely | \
             2 NUL bytes at the end, after 4 others",
        ),
        (
            b"\xFF\xFE{\0}\0 ",
            "WF006 the workflow file is not UTF-8 text | the byte order mark of UTF-16",
        ),
        (
            b"{\n\"\xC3\xBC\xE4\":1}",
            "WF006 the workflow file is not UTF-8 text | byte 0xE4 at offset 5",
        ),
        (b"{\"a\": 1,}", "WF007 a comma stands before a closing bracket | ','"),
        (b"{\"a\": 1 \"b\": 2}", "WF007 a comma is missing between two values | a text in quotes"),
        (b"{\"a\": [1, 2", "WF007 the array that starts here has no end | '['"),
        (b"{\"a\": tru}", "WF007 this is not JSON: Unexpected token | a word without quotes"),
        (b"{a: 1}", "WF007 a property's name has no quotes | a word without quotes"),
        (
            b"{\"a\": \"c:\\hl7\"}",
            "WF007 a text is not written as JSON asks: Invalid escape | '\\\\'",
        ),
        (b"{} {}", "WF007 something follows the end of the JSON value | '{'"),
        (b"{\"a\": 01}", "WF007 a comma is missing between two values | a number"),
        (b"// note\n{}", "WF007 a comment stands in the file; JSON has none | '/'"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(told(bytes), *expected, "{}", String::from_utf8_lossy(bytes));
    }
    let place = refused(b"{\n\"\xC3\xBC\xE4\":1}").position.unwrap();
    assert_eq!((place.line, place.column), (2, 3), "the byte that is not UTF-8");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse(bytes, DEPTH_MAX);
    }

    #[test]
    fn text_that_looks_like_json_never_panics(
        text in r#"[\[\]{}:,"'\\/ntu0-9.eE+\-a-f \r\n*$]{0,80}"#
    ) {
        let _ = Document::parse(text.into_bytes(), DEPTH_MAX);
    }

    #[test]
    fn json_is_read_as_serde_json_wrote_it(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let document = Document::parse(text.into_bytes(), DEPTH_MAX).unwrap();
        let expected = without_nulls(value);
        prop_assert_eq!(&document.root().normalised(), &expected);
        let again: serde_json::Value = serde_json::from_str(&document.root().to_json()).unwrap();
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn every_position_is_the_one_that_counting_gives(
        text in "[a\u{fc}\u{1F600}\r\n]{0,40}",
        cut in 0_usize..200,
    ) {
        let lines = super::lines::Lines::new(&text);
        let mut offset = cut.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (mut line, mut column) = (1, 1);
        let mut characters = text.get(..offset).unwrap().chars().peekable();
        while let Some(character) = characters.next() {
            let beyond = || text.get(offset..).unwrap().chars().next();
            let next = characters.peek().copied().or_else(beyond);
            if character == '\n' || character == '\r' && next != Some('\n') {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        prop_assert_eq!(lines.position(&text, offset), Position { line, column });
    }
}

/// JSON values with every kind of text as name and value.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9).prop_map(|number: f64| serde_json::Value::from(number.trunc() / 8.0)),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// The value as a document keeps it, below the root.
fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Array(elements) => {
            elements.into_iter().filter(|each| !each.is_null()).map(without_nulls).collect()
        }
        Json::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        other => other,
    }
}
