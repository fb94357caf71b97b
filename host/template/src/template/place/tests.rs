use proptest::prelude::*;
use tureen_message::csv::{Csv, CsvOptions};
use tureen_message::{Format, Limits, Message, ParseOptions};

use super::ByFormat;
use crate::fixtures::{Inbound, STEP, Sexes, variables};
use crate::{Draft, Template};

/// The text of a template that is filled by the rules of a format.
fn filled(format: Format, text: &str, value: &str) -> Result<String, tureen_message::Problem> {
    let message = Inbound("|^\"<x>");
    let draft = Template::compile(text).begin(format == Format::Json, &message);
    let draft = draft.writing(ByFormat { format, delimiter: b',' });
    draft.finish(&draft.text, &variables(&[("v", value)]), &message, &Sexes)
}

fn check(format: Format, text: &str, value: &str, expected: Result<&str, &str>) {
    let found = filled(format, text, value).map_err(|problem| problem.code);
    assert_eq!(found.as_deref().map_err(|code| *code), expected, "{text} with {value:?}");
}

#[test]
fn json_values_are_escaped_inside_strings_and_are_values_outside() {
    for (text, value, expected) in [
        (r#"{"a":"${v}"}"#, "say \"a\\b\"\n", Ok(r#"{"a":"say \"a\\b\"\n"}"#)),
        (r#"{"a":"x\\${v}"}"#, "\"", Ok(r#"{"a":"x\\\""}"#)),
        (r#"{"${v}":1}"#, "k\",\"x", Ok(r#"{"k\",\"x":1}"#)),
        (r#"{"a":${v}}"#, "-1.5e3", Ok(r#"{"a":-1.5e3}"#)),
        (r#"{"a":${v}}"#, "{\"b\":[1]}", Ok(r#"{"a":{"b":[1]}}"#)),
        (r#"{"a":${v}}"#, "1,\"admin\":true", Err("template.place")),
        (r#"{"a":-${v}.0}"#, "7", Ok(r#"{"a":-7.0}"#)),
        (r#"{"a":"\${v}"}"#, "\"", Err("template.place")),
        (r#"{"a":"${v:JSONEncode}"}"#, "\"", Ok(r#"{"a":"\""}"#)),
        (r#"{"a":${v:Raw}}"#, "1,\"b\":2", Ok(r#"{"a":1,"b":2}"#)),
        (r#"{"a":"${v:UpperCase}","b":"${v}"}"#, "\"x", Ok(r#"{"a":"\"X","b":"\"x"}"#)),
    ] {
        check(Format::Json, text, value, expected);
    }
}

#[test]
fn xml_values_are_text_in_content_and_attributes_and_names_in_tags() {
    for (text, value, expected) in [
        ("<a>${v}</a>", "<b>&\"", Ok("<a>&lt;b&gt;&amp;&quot;</a>")),
        ("<a b='${v}' c=\"${v}\"/>", "'\"", Ok("<a b='&apos;&quot;' c=\"&apos;&quot;\"/>")),
        ("<a b='${v}'>${v}</a>", "1\n2\t", Ok("<a b='1&#10;2&#9;'>1\n2\t</a>")),
        ("<a b='>'>${v}</a>", "<", Ok("<a b='>'>&lt;</a>")),
        ("<${v}>1</${v}>", "ns:name-1", Ok("<ns:name-1>1</ns:name-1>")),
        ("<${v}>1</${v}>", "a b='c'", Err("template.place")),
        ("<a><![CDATA[${v}]]></a>", "<b>", Ok("<a><![CDATA[<b>]]></a>")),
        ("<a><!-- ${v} -->${v}</a>", "--><b>", Ok("<a><!-- __><b> -->--&gt;&lt;b&gt;</a>")),
        ("<?xml version='1.0'?><a>${v}</a>", "&", Ok("<?xml version='1.0'?><a>&amp;</a>")),
        ("<a>${v:XMLEncode}${v:Raw}</a>", "<b/>", Ok("<a>&lt;b/&gt;<b/></a>")),
    ] {
        check(Format::Xml, text, value, expected);
    }
}

#[test]
fn hl7_values_are_escaped_in_the_delimiters_of_their_message() {
    for (text, value, expected) in [
        (
            "MSH|^~\\&|\rPID|${v}",
            "a|b^c~d\\e&f",
            Ok("MSH|^~\\&|\rPID|a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f"),
        ),
        ("MSH#:*!%#\rPID#${v}", "a#b:c|d", Ok("MSH#:*!%#\rPID#a!F!b!S!c|d")),
        ("MSH|^~\\&|\rPID|${v}", "1\r\n2\n3\u{b}", Ok("MSH|^~\\&|\rPID|1\\.br\\2\\.br\\3\\X0B\\")),
        ("MSH|^~\\&|${CR}PID|${v}${MLLPEnd}", "x", Ok("MSH|^~\\&|\rPID|x\u{1c}\r")),
        ("MSH|^~\rPID|${v}", "a|b", Err("template.place")),
        ("MSH|^~\rPID|${v}", "a\\b", Ok("MSH|^~\rPID|a\\b")),
        ("PID|${v}", "a|b", Ok("PID|a\\F\\b")),
        ("MSH|^~\\&|\rPID|${v:Raw}|${v:HL7Encode}", "a^b", Ok("MSH|^~\\&|\rPID|a^b|a\\S\\b")),
    ] {
        check(Format::Hl7, text, value, expected);
    }
}

#[test]
fn csv_fields_are_quoted_when_a_value_needs_it() {
    for (text, value, expected) in [
        ("${v},x", "plain", Ok("plain,x")),
        ("${v},x", "a,b", Ok("\"a,b\",x")),
        ("x,${v}", "a \"b\"\n", Ok("x,\"a \"\"b\"\"\n\"")),
        ("Dr ${v} \"x\",2\r\n${v}", "a,b", Ok("\"Dr a,b \"\"x\"\"\",2\r\n\"a,b\"")),
        ("\"Dr ${v}\",2", "a\",b", Ok("\"Dr a\"\",b\",2")),
        ("\"say \"\"${v}\"\"\",2", "\"", Ok("\"say \"\"\"\"\"\"\",2")),
        ("\"a\"b\",${v}", "c,d", Ok("\"a\"b\",\"c,d\"")),
        ("${v}${v},2", " a", Ok("\" a a\",2")),
        ("1;${v}", "a;b", Ok("1;a;b")),
        ("${v:CSVEncode},${v:Raw}", "a,b", Ok("\"a,b\",a,b")),
    ] {
        check(Format::Csv, text, value, expected);
    }
}

#[test]
fn text_and_messages_of_other_steps_stay_as_they_are() {
    check(Format::Text, "${v}", "a|\"<", Ok("a|\"<"));
    let text = format!("PID|${{{STEP} inbound}}|${{v}}");
    check(Format::Hl7, &text, "|", Ok("PID||^\"<x>|\\F\\"));
}

#[test]
fn a_value_that_a_transformer_moved_is_written_for_where_it_is_then() {
    let draft: Draft = Template::compile("<a b=''>${v}</a>").begin(false, &Inbound(""));
    let draft = draft.writing(ByFormat { format: Format::Xml, delimiter: b',' });
    let token = draft.text.trim_start_matches("<a b=''>").trim_end_matches("</a>").to_owned();
    let moved = format!("<a b='{token}'/>");
    let finished = draft.finish(&moved, &variables(&[("v", "'")]), &Inbound(""), &Sexes);
    assert_eq!(finished.unwrap(), "<a b='&apos;'/>");
}

fn parsed(format: Format, text: &str) -> Message {
    Message::parse(format, text.as_bytes().to_vec(), &ParseOptions::default()).unwrap()
}

fn read(message: &Message, path: &str) -> String {
    message.text(&message.path(path).unwrap()).into_owned()
}

proptest! {
    /// The value comes out again where it was put in, and nothing around it moved.
    #[test]
    fn a_value_stays_a_value(value in "[\\PC\"'<>&,|^~\\\\\r\n\\]-]{0,20}") {
        let json = parsed(Format::Json, &filled(Format::Json, r#"{"a":"${v}","b":"1"}"#, &value).unwrap());
        prop_assert_eq!(read(&json, "a"), value.as_str());
        prop_assert_eq!(read(&json, "b"), "1");
        let xml = "<a><b c='${v}'>${v}</b><d>1</d><e><![CDATA[]${v}>]]></e></a>";
        let xml = parsed(Format::Xml, &filled(Format::Xml, xml, &value).unwrap());
        prop_assert_eq!(read(&xml, "a/d"), "1");
        prop_assert_eq!(read(&xml, "a/b"), value.as_str());
        if !value.contains('\r') {
            prop_assert_eq!(read(&xml, "a/e"), format!("]{value}>"));
        }
        let hl7 = filled(Format::Hl7, "MSH|^~\\&|A\rPID|1|${v}|3\r", &value).unwrap();
        let hl7 = parsed(Format::Hl7, &hl7);
        prop_assert_eq!(read(&hl7, "PID-3"), "3");
        if !value.contains(['\r', '\n']) {
            prop_assert_eq!(read(&hl7, "PID-2.1"), value.as_str());
        }
        let csv = filled(Format::Csv, "1,Dr ${v},${v}\n2,\"${v}\"", &value).unwrap();
        let csv = Csv::parse(csv.into_bytes(), &CsvOptions::default(), &Limits::default()).unwrap();
        let rows: Vec<Vec<String>> =
            csv.rows().map(|row| row.values().map(|value| value.into_owned()).collect()).collect();
        let expected = [vec!["1".to_owned(), format!("Dr {value}"), value.clone()], vec!["2".to_owned(), value.clone()]];
        prop_assert_eq!(rows, expected);
    }
}
