//! Values that templates write by the rules of a format (contract T-10).

use tureen_message::{Format, Message, ParseOptions, Path};
use tureen_template::{ByFormat, NoTables, Template};

use crate::parts::{parts, text};
use crate::template::{OneMessage, variables};

/// Stands for the placeholder in a template that the fuzzer makes up: a raw one
/// would be no finding.
const HERE: &str = "@@";

pub(crate) fn written(data: &[u8]) {
    let [value, authored] = parts::<2>(data);
    let value = text(value);
    usual(&value);
    let authored = text(authored).replace("${", "$").replace(HERE, "${Name}");
    for format in [Format::Json, Format::Xml, Format::Csv] {
        keeps_its_shape(format, &authored, &value);
    }
    // Values are escaped by the delimiters that the author wrote.
    keeps_its_shape(Format::Hl7, &format!("MSH|^~\\&|A\r{authored}"), &value);
}

/// A value is read as it was written, and what stands behind it did not change.
fn usual(value: &str) {
    let one_line = !value.contains(['\r', '\n']);
    for (format, template, place, behind, reads_the_same) in [
        (Format::Json, r#"{"a":"x${Name}y","b":"1"}"#, "a", "b", true),
        (Format::Json, r#"["${Name}",{"${Name}":0},"1"]"#, "[1]", "[3]", true),
        (Format::Xml, "<r><a>x${Name}y</a><b>1</b></r>", "r/a", "r/b", true),
        (Format::Xml, "<r><a c='x${Name}y' d=\"${Name}\"/><b>1</b></r>", "r/a/@c", "r/b", true),
        // Line ends become `\.br\`, which reads as one kind of them.
        (Format::Hl7, "MSH|^~\\&|A\rPID|1|x${Name}y|1\r", "PID-2.1", "PID-3", one_line),
        (Format::Hl7, "MSH#:*!%#A\rPID#1#q:x${Name}y#1\r", "PID-2.2", "PID-3", one_line),
        (Format::Csv, "1,x${Name}y,1\r\n", "[1]", "[2]", true),
        (Format::Csv, "1,\"x${Name}y\",1", "[1]", "[2]", true),
    ] {
        let filled = filled(format, template, value);
        let Some(text) = filled else { panic!("{template} takes any text") };
        let message = Message::parse(format, text.into_bytes(), &ParseOptions::default());
        let Ok(message) = message else { panic!("{template} stays a message with any text") };
        if reads_the_same {
            let expected = if format == Format::Xml { &xml_text(value) } else { value };
            let read = read(&message, place);
            let inner = read.strip_prefix('x').and_then(|it| it.strip_suffix('y'));
            assert!(
                inner == Some(expected) || read == expected,
                "{template}: {value:?} reads as {read:?}"
            );
        }
        assert_eq!(read(&message, behind), "1", "{template} with {value:?}");
    }
}

/// XML has no way to write most control characters (XML 1.0, 2.2).
fn xml_text(value: &str) -> String {
    let is_text = |it: char| !matches!(it, '\0'..'\t' | '\u{B}' | '\u{C}' | '\u{E}'..' ' | '\u{FFFE}' | '\u{FFFF}');
    value.chars().map(|it| if is_text(it) { it } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// A value changes nothing of what is around it, whatever the template: there are
/// as many segments, rows, elements as with a plain word.
fn keeps_its_shape(format: Format, template: &str, value: &str) {
    // An empty value may leave a blank line, a JSON value may be any.
    let is_json = || Message::parse(Format::Json, value.into(), &ParseOptions::default()).is_ok();
    if value.is_empty() || (format == Format::Json && is_json()) {
        return;
    }
    let with = |value: &str| shape(format, filled(format, template, value)?);
    if let (Some(plain), Some(with_value)) = (with("7"), with(value)) {
        assert_eq!(plain, with_value, "{template:?} with {value:?} as {}", format.name());
    }
}

fn shape(format: Format, text: String) -> Option<Vec<usize>> {
    let message = Message::parse(format, text.into_bytes(), &ParseOptions::default()).ok()?;
    let counts = |paths: &[&str]| -> Vec<usize> {
        let paths = paths.iter().filter_map(|path| message.path(path).ok());
        paths.map(|path| message.find(&path).len()).collect()
    };
    Some(match &message {
        Message::Json(_) => counts(&["newtonsoft:$..*"]),
        Message::Xml(_) => counts(&["xpath://*", "xpath://@*"]),
        Message::Csv(csv) => csv.rows().map(|row| row.values().count()).collect(),
        _ => message.whole_text().split(['\r', '\n']).map(|it| it.matches('|').count()).collect(),
    })
}

/// The text of a filled template; `None` when the value may not stand there.
fn filled(format: Format, template: &str, value: &str) -> Option<String> {
    let messages = OneMessage("");
    let draft = Template::compile(template).begin(format == Format::Json, &messages);
    let draft = draft.writing(ByFormat { format, delimiter: b',' });
    draft.finish(&draft.text, &variables(value), &messages, &NoTables).ok()
}

fn read(message: &Message, path: &str) -> String {
    let path: Path =
        message.path(path).unwrap_or_else(|problem| panic!("{path}: {}", problem.text));
    message.text(&path).into_owned()
}
