//! Templates and formats.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Zoned;
use tureen_template::date::DateTime;
use tureen_template::{
    Direction, Formatting, Globals, Messages, NoTables, RunFacts, SettingId, Template, Variables,
};

use crate::parts::{parts, text};

pub(crate) struct OneMessage<'a>(pub(crate) &'a str);

impl Messages for OneMessage<'_> {
    fn message_text(&self, _: SettingId, _: Direction) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0))
    }
}

pub(crate) fn variables(value: &str) -> Variables {
    fn clock() -> Zoned {
        Zoned::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC)
    }
    let facts = RunFacts { received: clock(), instance: 1, clock };
    let mut variables = Variables::new(facts, Arc::new(Globals::default()));
    let _ = variables.set("Name", value);
    variables
}

/// A template compiles, whatever its text, and inserted text is never expanded.
pub(crate) fn template(data: &[u8]) {
    let [authored, value] = parts::<2>(data);
    let (authored, value) = (text(authored), text(value));
    let template = Template::compile(&authored);
    assert_eq!(template.source(), authored);
    let messages = OneMessage(&value);
    let rendered = template.render(&variables(&value), &messages, &NoTables);
    if let (Some(literal), Ok(rendered)) = (template.literal(), &rendered) {
        assert_eq!(literal, authored);
        assert_eq!(*rendered, authored, "text without placeholders stays as it is");
    }
    // A value that looks like a placeholder is inserted as it is.
    let hostile = "${Name:UpperCase}${CurrentDateTime}";
    if let Ok(rendered) =
        Template::compile("<${Name}>").render(&variables(hostile), &messages, &NoTables)
    {
        assert_eq!(rendered, format!("<{hostile}>"));
    }
}

/// Formats and date-times: any text and any format.
pub(crate) fn format(data: &[u8]) {
    let [pattern, value] = parts::<2>(data);
    let (pattern, value) = (text(pattern), text(value));
    let _ = DateTime::parse(&value);
    for properties in [
        vec![("Format", pattern.as_str())],
        vec![("Remove", pattern.as_str())],
        vec![("Replace", pattern.as_str()), ("ReplaceWith", "x")],
        vec![("Truncation", "Truncate"), ("TruncationLength", pattern.as_str())],
        vec![("TextFormat", pattern.as_str())],
        vec![("Encoding", pattern.as_str())],
        vec![("PaddingLength", pattern.as_str())],
    ] {
        if let Ok(formatting) = Formatting::from_properties(properties.into_iter()) {
            let _ = formatting.apply(&value, &NoTables);
        }
    }
}
