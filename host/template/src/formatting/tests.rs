use std::borrow::Cow;

use proptest::prelude::*;

use super::{
    Encoding, FORMATTED_BYTES_MAX, FORMATTING_WORK_MAX, Formatting, NoTables, PADDING_MAX,
};
use crate::Template;
use crate::fixtures::{Inbound, Sexes, variables};

fn properties(properties: &[(&str, &str)]) -> Formatting {
    Formatting::from_properties(properties.iter().copied()).unwrap()
}

fn check(entries: &[(&str, &str)], value: &str, expected: &str) {
    assert_eq!(properties(entries).apply(value, &Sexes).unwrap(), expected, "{entries:?}");
}

#[test]
fn each_property_does_its_step() {
    check(&[("Format", "yyyy-MM-dd")], "20240305", "2024-03-05");
    check(&[("TextFormat", "McNameCase")], "O'BRIEN", "O'Brien");
    check(&[("textformat", "uppercase")], "é", "É");
    check(&[("Truncation", "Truncate"), ("TruncationLength", "3")], "äöüß", "äöü");
    check(&[("Truncation", "Truncate"), ("TruncationLength", "3")], "äö", "äö");
    check(&[("Truncation", "Truncate")], "abc", "");
    check(&[("Truncation", "Trim")], " a b\t", "a b");
    check(&[("TruncationLength", "3")], "abcdef", "abcdef");
    check(&[("Remove", "-")], "1-2-3", "123");
    check(&[("Replace", "aa"), ("ReplaceWith", "b")], "aaaaa", "bba");
    check(&[("Replace", "a")], "banana", "bnn");
    check(&[("ReplaceWith", "x")], "banana", "banana");
    check(&[("Lookup", "Sex")], "M", "male");
    check(&[("Lookup", "Sex")], "Z", "");
    check(&[("PaddingLength", "5")], "äb", "äb   ");
    check(&[("PaddingLength", "2")], "abc", "abc");
    check(&[("Encoding", "HL7Encode")], "a|b", "a\\F\\b");
    check(&[("FromPath", "PID-5"), ("Version", "3")], "x", "x");
}

#[test]
fn the_order_is_that_of_the_pipeline_not_of_the_properties() {
    let all = [
        ("Encoding", "JSONEncode"),
        ("PaddingLength", "8"),
        ("Lookup", ""),
        ("ReplaceWith", "\""),
        ("Replace", "C"),
        ("Remove", "A"),
        ("TruncationLength", "3"),
        ("Truncation", "Truncate"),
        ("TextFormat", "UpperCase"),
    ];
    check(&all, "abcdef", "B\\\"      ");
    // Lookup sees the replaced text, and its own result is padded.
    check(
        &[("PaddingLength", "6"), ("Lookup", "Sex"), ("Replace", "1"), ("ReplaceWith", "M")],
        "1",
        "male  ",
    );
    check(&[("TextFormat", "LowerCase"), ("Format", "MMM")], "20240305", "mar");
}

#[test]
fn nothing_to_do_borrows_the_value() {
    let none = properties(&[("TextFormat", "0"), ("Truncation", "None"), ("Encoding", "")]);
    assert!(none.is_none());
    assert!(matches!(none.apply("value", &NoTables), Ok(Cow::Borrowed("value"))));
    let unchanged =
        properties(&[("TextFormat", "UpperCase"), ("Remove", "x"), ("Encoding", "XMLEncode")]);
    assert!(matches!(unchanged.apply("VALUE", &NoTables), Ok(Cow::Borrowed("VALUE"))));
}

#[test]
fn numbers_of_enumerations_and_unknown_names_are_refused_with_the_field() {
    for (field, text) in [
        ("TextFormat", "1"),
        ("Truncation", "2"),
        ("Encoding", "3"),
        ("Encoding", "-1"),
        ("TextFormat", "CamelCase"),
        ("Encoding", "HL7NullEncode"),
        ("PaddingLength", "wide"),
        ("PaddingLength", "-1"),
        ("PaddingLength", "65536"),
    ] {
        let problem = Formatting::from_properties([(field, text)].into_iter()).unwrap_err();
        assert_eq!(problem.code, "formatting.property", "{field} {text}");
        assert_eq!(problem.place.as_deref(), Some(field));
        assert!(problem.text.contains(text), "{field} {text}");
    }
    let length = [("Truncation", "Truncate"), ("TruncationLength", "many")];
    let problem = Formatting::from_properties(length.into_iter()).unwrap_err();
    assert_eq!(problem.place.as_deref(), Some("TruncationLength"));
    let format = Formatting::from_properties([("Format", "0'")].into_iter()).unwrap_err();
    assert_eq!((format.code, format.place.as_deref()), ("format.number", Some("Format")));
}

#[test]
fn a_lookup_needs_its_table() {
    let unknown = properties(&[("Lookup", "Colours")]);
    assert_eq!(unknown.apply("x", &Sexes).unwrap_err().code, "table.unknown");
    assert_eq!(unknown.apply("x", &NoTables).unwrap_err().code, "table.unavailable");
    assert_eq!(unknown.tables().collect::<Vec<_>>(), ["Colours"]);
}

#[test]
fn a_value_cannot_grow_without_limit() {
    let growing = properties(&[("Replace", "a"), ("ReplaceWith", &"b".repeat(1 << 10))]);
    let fits = "a".repeat(FORMATTED_BYTES_MAX >> 10);
    assert_eq!(growing.apply(&fits, &NoTables).unwrap().len(), FORMATTED_BYTES_MAX);
    let problem = growing.apply(&format!("{fits}a"), &NoTables).unwrap_err();
    assert_eq!(problem.code, "limit.formatted-bytes");
    let encoded = properties(&[("Encoding", "HL7Encode")]);
    let problem = encoded.apply(&"|".repeat(FORMATTED_BYTES_MAX / 3 + 1), &NoTables).unwrap_err();
    assert_eq!(problem.code, "limit.formatted-bytes");
    let widest = PADDING_MAX.to_string();
    assert_eq!(
        properties(&[("PaddingLength", &widest)]).apply("", &NoTables).unwrap().len(),
        PADDING_MAX
    );
}

#[test]
fn steps_cannot_work_without_limit() {
    // Twenty steps make 2 MiB of two letters, each of the others looks at all of them.
    let render = |looks: usize| {
        let steps = ":Replace(a,aa)".repeat(20) + &":Replace(b,c)".repeat(looks);
        let template = Template::compile(&format!("${{Name{steps}}}"));
        template.render(&variables(&[("Name", "aa")]), &Inbound(""), &NoTables)
    };
    assert_eq!(render(100).map(|text| text.len()), Ok(2 << 20));
    assert_eq!(render(200).unwrap_err().code, "limit.formatted-bytes");
    let removing: Vec<(&str, &str)> = vec![("Remove", "b"), ("Truncation", "Trim")];
    let value = "a".repeat(FORMATTING_WORK_MAX / 2 + 1);
    assert_eq!(
        properties(&removing).apply(&value, &NoTables).unwrap_err().code,
        "limit.formatted-bytes"
    );
}

#[test]
fn encoders_write_what_their_format_needs() {
    for (encoding, value, expected) in [
        ("HL7Encode", "a|b^c~d\\e&f", "a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f"),
        ("HL7Encode", "1\r\n2\t3", "1\\X0D\\\\X0A\\2\t3"),
        ("JSONEncode", "say \"a\\b\"\n\u{1}ä", "say \\\"a\\\\b\\\"\\n\\u0001ä"),
        (
            "XMLEncode",
            "<a b=\"c\">'&\r\n\u{1}",
            "&lt;a b=&quot;c&quot;&gt;&apos;&amp;&#xD;\n\u{fffd}",
        ),
        ("CSVEncode", "plain", "plain"),
        ("CSVEncode", "a,b", "\"a,b\""),
        ("CSVEncode", "a \"b\"\r\n", "\"a \"\"b\"\"\r\n\""),
        ("CSVEncode", " a", "\" a\""),
        ("Base64Encode", "Grüße", "R3LDvMOfZQ=="),
        ("HL7QuotesEncode", "", "\"\""),
        ("HL7QuotesEncode", "a|b", "a|b"),
        ("HL7QuotesDecode", "\"\"", ""),
        ("HL7QuotesDecode", "\"a\"", "\"a\""),
    ] {
        check(&[("Encoding", encoding)], value, expected);
    }
}

#[test]
fn decoders_keep_what_is_malformed() {
    for (encoding, value, expected) in [
        ("HL7Decode", "a\\F\\b\\X0D0A\\c\\E\\d", "a|b\r\nc\\d"),
        (
            "HL7Decode",
            "\\.br\\ \\Xzz\\ \\XC\\ \\ \\XFF\\ \\H\\",
            "\\.br\\ \\Xzz\\ \\XC\\ \\ \\XFF\\ \\H\\",
        ),
        // One pass: the decoded escape character starts no sequence.
        ("HL7Decode", "\\E\\F\\E\\", "\\F\\"),
        ("JSONDecode", "a\\n\\\"\\/\\u00e4\\ud83d\\ude00", "a\n\"/ä😀"),
        ("JSONDecode", "\\x \\u12 \\ud83d \\ud83dA \\", "\\x \\u12 \\ud83d \\ud83dA \\"),
        ("JSONDecode", "\\\\n", "\\n"),
        ("XMLDecode", "&lt;&amp;amp;&#65;&#x42;&quot;", "<&amp;AB\""),
        (
            "XMLDecode",
            "& &nbsp; &#xD800; &#; &#+5; &averyveryverylong;",
            "& &nbsp; &#xD800; &#; &#+5; &averyveryverylong;",
        ),
        ("CSVDecode", "\"a \"\"b\"\"\"", "a \"b\""),
        ("CSVDecode", "plain", "plain"),
        ("CSVDecode", "\"", "\""),
        ("Base64Decode", "R3LD\r\nvMOfZQ==", "Grüße"),
    ] {
        check(&[("Encoding", encoding)], value, expected);
    }
}

#[test]
fn every_name_of_an_enumeration_is_known_and_told() {
    for property in ["TextFormat", "Truncation", "Encoding"] {
        let names = Formatting::names(property);
        assert!(names.len() > 1, "{property}");
        for name in names {
            assert!(!properties(&[(property, name)]).is_none(), "{property} {name}");
        }
    }
    assert!(Formatting::names("Format").is_empty());
}

#[test]
fn what_is_no_base64_is_a_problem_that_does_not_quote_it() {
    for value in ["Smith", "/w=="] {
        let problem =
            properties(&[("Encoding", "Base64Decode")]).apply(value, &NoTables).unwrap_err();
        assert_eq!(problem.code, "formatting.value");
        assert!(!problem.text.contains(value));
    }
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(value in ".{0,40}") {
        for (encode, decode) in [
            (Encoding::Hl7Encode, Encoding::Hl7Decode),
            (Encoding::JsonEncode, Encoding::JsonDecode),
            (Encoding::CsvEncode, Encoding::CsvDecode),
            (Encoding::Base64Encode, Encoding::Base64Decode),
        ] {
            let encoded = encode.apply(&value).unwrap();
            prop_assert_eq!(decode.apply(&encoded).unwrap(), value.as_str());
        }
    }

    #[test]
    fn xml_gives_back_everything_it_can_hold(value in "[\\t\\n\\r -~äß😀]{0,40}") {
        let encoded = Encoding::XmlEncode.apply(&value).unwrap();
        prop_assert!(!encoded.contains(['<', '>', '"', '\'']));
        prop_assert_eq!(Encoding::XmlDecode.apply(&encoded).unwrap(), value.as_str());
    }

    #[test]
    fn no_value_makes_a_decoder_panic(value in "[\\\\&#;xXuU0-9a-fA-F\"FSRTE]{0,40}") {
        for (_, encoding) in Encoding::NAMES {
            drop(encoding.apply(&value));
        }
    }

    #[test]
    fn no_properties_make_formatting_panic(
        name in 0_usize..10,
        text in "\\PC{0,12}",
        value in "\\PC{0,30}",
    ) {
        let names = [
            "Format", "TextFormat", "Truncation", "TruncationLength", "Remove", "Replace",
            "ReplaceWith", "Lookup", "PaddingLength", "Encoding",
        ];
        let entries = [(names[name], text.as_str())];
        if let Ok(formatting) = Formatting::from_properties(entries.into_iter()) {
            drop(formatting.apply(&value, &Sexes));
        }
    }
}
