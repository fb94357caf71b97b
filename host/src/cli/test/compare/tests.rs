use super::*;

/// The differences of two messages: `place: expected -> found`.
fn inside(expected: &str, found: &str) -> Vec<String> {
    let (left, right) = (expected.as_bytes(), found.as_bytes());
    let all = match (Kind::of(left), Kind::of(right)) {
        (Kind::Hl7, Kind::Hl7) => hl7::compare(left, right),
        (Kind::Json, Kind::Json) => json::compare(left, right, &[]),
        (Kind::Xml, Kind::Xml) => xml::compare(left, right),
        _ => text::compare(left, right),
    };
    let word = |it: Option<String>| it.unwrap_or_else(|| "nothing".to_owned());
    all.into_iter()
        .map(|(place, one, other)| format!("{place}: {} -> {}", word(one), word(other)))
        .collect()
}

const ORU: &str = "MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5\rPID|1||77^^^X~88||Ekholm^Siri\r\
OBX|1|NM|K||4.1\rOBX|2|NM|NA||140\r";

#[test]
fn messages_that_differ_in_line_ends_only_are_equal() {
    for (one, other) in [
        (ORU.to_owned(), ORU.replace('\r', "\n")),
        (ORU.to_owned(), ORU.replace('\r', "\r\n")),
        (ORU.to_owned(), ORU.trim_end().to_owned()),
        ("a\nb\n".to_owned(), "a\r\nb".to_owned()),
        ("{\"a\": [1, 2]}\n".to_owned(), "{\"a\":[1,2]}".to_owned()),
        ("<a>\n  <b>x</b>\n</a>\n".to_owned(), "<a><b>x</b></a>".to_owned()),
        ("<a xmlns='u'/>".to_owned(), "<p:a xmlns:p='u'></p:a>".to_owned()),
        ("<a>b<!-- x -->c<?y?>d</a>".to_owned(), "<a>bcd</a>".to_owned()),
        ("<a><!-- x --></a>".to_owned(), "<a/>".to_owned()),
    ] {
        assert_eq!(inside(&one, &other), [""; 0], "{one} {other}");
    }
}

#[test]
fn hl7_differs_at_the_finest_place() {
    for (from, to, expected) in [
        ("Ekholm", "Ek", vec!["PID-5.1: Ekholm -> Ek"]),
        ("|2026|", "||", vec!["MSH-7: 2026 -> nothing"]),
        ("~88", "~88^^^Y", vec!["PID-3[2].4: nothing -> Y"]),
        ("~88", "", vec!["PID-3[2]: 88 -> nothing"]),
        ("|140", "|141|H", vec!["OBX[2]-5: 140 -> 141", "OBX[2]-6: nothing -> H"]),
        ("Siri", "S&T", vec!["PID-5.2.1: Siri -> S", "PID-5.2.2: nothing -> T"]),
        ("OBX|1|NM|K||4.1\r", "", vec!["OBX[1]: OBX|1|NM|K||4.1 -> nothing"]),
        ("OBX|2", "NTE|1\rOBX|2", vec!["NTE: nothing -> NTE|1"]),
        ("|^~\\&|", "|^~\\$|", vec!["MSH-2: ^~\\& -> ^~\\$"]),
    ] {
        assert_eq!(inside(ORU, &ORU.replace(from, to)), expected, "{from} {to}");
    }
}

#[test]
fn another_order_of_segments_is_a_difference() {
    let swapped =
        ORU.replace("OBX|1|NM|K||4.1\rOBX|2|NM|NA||140\r", "OBX|2|NM|NA||140\rOBX|1|NM|K||4.1\r");
    assert_eq!(inside(ORU, &swapped).len(), 2);
}

#[test]
fn more_segments_than_are_matched_are_compared_by_number() {
    let many: String = (0..6_000).map(|at| format!("NTE|{at}\r")).collect();
    let one = format!("{ORU}{many}");
    assert_eq!(inside(&one, &one.replace("NTE|5999\r", "NTE|x\r")), ["NTE[6000]-1: 5999 -> x"]);
}

#[test]
fn json_differs_member_by_member() {
    let json = r#"{"a":{"b":[1,{"c":"x"}]},"d":null}"#;
    for (from, to, expected) in [
        (r#""x""#, r#""y""#, vec![r#"a/b[2]/c: "x" -> "y""#]),
        ("[1,", "[", vec![r#"a/b[1]: 1 -> {"c":"x"}"#, r#"a/b[2]: {"c":"x"} -> nothing"#]),
        (r#","d":null"#, "", vec!["d: null -> nothing"]),
        ("null", "\"\"", vec![r#"d: null -> """#]),
        ("[1", "[\"1\"", vec![r#"a/b[1]: 1 -> "1""#]),
        ("[1", "[1.0", vec!["a/b[1]: 1 -> 1.0"]),
    ] {
        assert_eq!(inside(json, &json.replace(from, to)), expected, "{from} {to}");
    }
}

#[test]
fn json_that_a_parser_takes_for_equal_differs_all_the_same() {
    for (one, other) in [
        ("[123456789012345678901234]", "[123456789012345678901235]"),
        (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        (r#"["a b"]"#, r#"["a\u0020b"]"#),
        (r#"["\" x"]"#, r#"["\"x"]"#),
    ] {
        assert_eq!(inside(one, other).len(), 1, "{one} {other}");
    }
}

#[test]
fn xml_differs_element_by_element() {
    let xml = "<r id='1'><a>x</a><b><c/><c>y</c></b></r>";
    for (from, to, expected) in [
        ("x", "z", vec!["r/a: x -> z"]),
        ("id='1'", "", vec!["r/@id: 1 -> nothing"]),
        ("id='1'", "id='2' n='3'", vec!["r/@id: 1 -> 2", "r/@n: nothing -> 3"]),
        ("<c>y</c>", "<c>w</c>", vec!["r/b/c[2]: y -> w"]),
        ("<c>y</c>", "", vec!["r/b/c[2]: <c>y</c> -> nothing"]),
        ("<c>y</c>", "y", vec!["r/b/c[2]: <c>y</c> -> y"]),
        ("<a>x</a>", "<a>x<!-- n -->z</a>", vec!["r/a: x -> xz"]),
        (
            "<a>x</a>",
            "<a>x</a><d/>",
            vec!["r/b: <b><c/><c>y</c></b> -> <d/>", "r/b: nothing -> <b><c/><c>y</c></b>"],
        ),
    ] {
        assert_eq!(inside(xml, &xml.replace(from, to)), expected, "{from} {to}");
    }
}

#[test]
fn xml_as_deep_as_the_parser_takes_is_compared() {
    let deep = |inner: &str| format!("{}{inner}{}", "<a>".repeat(400), "</a>".repeat(400));
    assert_eq!(inside(&deep("x"), &deep("y")).len(), 1);
}

#[test]
fn texts_differ_line_by_line() {
    for (one, other, expected) in [
        ("a\nb\nc\n", "a\nx\nc\n", vec!["line 2: b -> x"]),
        ("a\nb\n", "a\n", vec!["line 2: b -> nothing"]),
        ("a", "b\na", vec!["before line 1: nothing -> b"]),
        ("a\nb", "a\nx\ny\nb", vec!["after line 1: nothing -> x", "after line 1: nothing -> y"]),
        ("a\nb\nc\nd", "a\nx\ny\nd", vec!["line 2: b -> x", "line 3: c -> y"]),
        ("a\nb\nd", "a\nx\ny\nd", vec!["line 2: b -> x", "after line 2: nothing -> y"]),
        ("a\nb\nc\nd", "a\nx\nd", vec!["line 2: b -> x", "line 3: c -> nothing"]),
        ("{", "[", vec!["line 1: { -> ["]),
        ("a\n\n", "a\n", vec!["line 2:  -> nothing"]),
    ] {
        assert_eq!(inside(one, other), expected, "{one:?} {other:?}");
    }
    let many: String = (0..6_000).map(|at| format!("{at}\n")).collect();
    assert_eq!(inside(&many, &many.replace("\n5999\n", "\nx\n")), ["line 6000: 5999 -> x"]);
    assert_eq!(inside(&many, &format!("{many}x\n")), ["after line 6000: nothing -> x"]);
}

#[test]
fn other_bytes_differ_whatever_the_encoding() {
    let message = |name: &[u8]| [b"MSH|^~\\&|A\rPID|1||7||".as_slice(), name, b"\r"].concat();
    let place = |one: &[u8], other: &[u8]| -> Vec<String> {
        differences(&message(one), &message(other)).into_iter().map(|(place, ..)| place).collect()
    };
    for (one, other) in [
        (b"M\xfcller".as_slice(), b"M\xe4ller".as_slice()),
        (b"M\xfcller", "Müller".as_bytes()),
        (b"M\xfcller", "M\u{fffd}ller".as_bytes()),
        (b"\xff", b"\xfe"),
    ] {
        assert_eq!(place(one, other), ["PID-5"], "{one:?} {other:?}");
        assert_eq!(place(one, one), [""; 0], "{one:?}");
    }
}

#[test]
fn bytes_differ_from_the_first_other_one() {
    let found = binary(b"\x00\x01\x02", b"\x00\x01\xff\xfe");
    let expected = (
        "byte 3".to_owned(),
        Some("02 (1 bytes from here)".to_owned()),
        Some("ff fe (2 bytes from here)".to_owned()),
    );
    assert_eq!(found, [expected]);
    assert_eq!(binary(b"a", b"ab")[0].1, None);
}

#[test]
fn a_kind_is_told_by_the_content() {
    for (bytes, expected) in [
        (b"MSH|^~\\&|A".as_slice(), Kind::Hl7),
        (b"\xef\xbb\xbfMSH|^~\\&|A", Kind::Hl7),
        (b"MSH|^~\\&|\xe4", Kind::Hl7),
        (b" {\"a\":1}", Kind::Json),
        (b"{a}", Kind::Text),
        (b"<a/>", Kind::Xml),
        (b"<a>", Kind::Text),
        (b"", Kind::Text),
        (b"\xff\xfe", Kind::Binary),
        (b"a\0b", Kind::Binary),
    ] {
        assert_eq!(Kind::of(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn long_values_are_cut() {
    let long = "ä".repeat(SHOWN_MAX + 7);
    assert!(shown(&long).ends_with("… (7 more characters)"));
    assert_eq!(shown("short"), "short");
}

/// What is told of two messages under the keys of a `case.toml`.
fn told(keys: &str, expected: &str, found: &str) -> Vec<Difference> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_path_buf();
    for (name, text) in [("case.toml", keys), ("message.txt", ""), ("w.hl7Workflow", "{}")] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let (name, root) = ("case".to_owned(), folder.clone());
    let case = Case::read(&super::super::find::Found { name, folder, root }).unwrap();
    let mut out = Vec::new();
    let (expected, found) = (expected.as_bytes(), found.as_bytes());
    message("response", expected, Some(found), &case, &case.ignore.response, &mut out);
    out
}

#[test]
fn an_ignored_place_hides_nothing_else() {
    let places = |ignored: &str, one: &str, other: &str| -> Vec<String> {
        let found = told(&format!("[ignore]\nresponse = [{ignored:?}]"), one, other);
        found.into_iter().filter_map(|it| it.place).collect()
    };
    let spelling = "the order of members, or how numbers or characters are spelt";
    for (ignored, one, other, expected) in [
        ("line 2", "a\nOLD\nb\nd", "a\nNEW\nEVIL\nd", vec!["line 3"]),
        ("line 3", "a\nOLD\nb\nd", "a\nNEW\nEVIL\nd", vec!["line 2"]),
        ("line 2", "a\nOLD\nd", "a\nNEW\nEVIL\nd", vec!["after line 2"]),
        ("line 3", "a\nb\nd", "a\nb\nEVIL\nd", vec!["after line 2"]),
        ("line 2", "a\nOLD\nd", "a\nNEW\nd", vec![]),
        (
            "id",
            r#"{"id":1,"n":12345678901234567890123}"#,
            r#"{"id":2,"n":12345678901234567890124}"#,
            vec![spelling],
        ),
        ("id", r#"{"id":1,"a":1,"a":2}"#, r#"{"id":2,"a":2}"#, vec![spelling]),
        ("id", r#"{"id":1,"a":1,"b":2}"#, r#"{"id":2,"b":2,"a":1}"#, vec![spelling]),
        ("id", r#"{"id":1,"a":[1.0]}"#, r#"{"id":2,"a":[1.0]}"#, vec![]),
        ("id", r#"{"id":{"x":1.0,"x":2},"a":1}"#, r#"{"a": 1, "id":{"x":2}}"#, vec![]),
        ("id", r#"{"a":1}"#, r#"{"a":1,"id":{"b":[{}]}}"#, vec![]),
        ("i d", r#"{"i\u0020d":1.0,"a":"\"]"}"#, r#"{"i d":1,"a":"\"]"}"#, vec![]),
        ("a[2]", r#"{"a":[1,[2,3],"4"]}"#, r#"{"a":[1,[2.0,5],"4"]}"#, vec![]),
        ("a[2]", r#"{"a":[1,[2],"4"]}"#, r#"{"a":[1,[3],"\u0034"]}"#, vec![spelling]),
        ("[1]/id", r#"[{"id":1.0},{"id":1.0}]"#, r#"[{"id":2.0},{"id":1.00}]"#, vec![spelling]),
    ] {
        assert_eq!(places(ignored, one, other), expected, "{ignored}: {one} {other}");
    }
}

#[test]
fn an_exact_case_compares_bytes() {
    let other = ORU.replace('\r', "\n");
    assert_eq!(told("", ORU, &other), []);
    assert_eq!(told("exact = true", ORU, &other).len(), 1);
    assert_eq!(told("exact = true", ORU, ORU), []);
}

#[test]
fn differences_of_one_message_are_told_up_to_a_limit() {
    let many = |value: &str| {
        let fields: Vec<&str> = vec![value; DIFFERENCES_MAX + 3];
        format!("MSH|^~\\&|A\rZZZ|{}\r", fields.join("|"))
    };
    let found = told("", &many("1"), &many("2"));
    assert_eq!(found.len(), DIFFERENCES_MAX + 1);
    let last = found.last().unwrap();
    assert_eq!((last.place.clone(), last.found.as_deref()), (None, Some("3 more differences")));
    assert_eq!(told("[ignore]\nresponse = [\"ZZZ\"]", &many("1"), &many("2")), []);
}
