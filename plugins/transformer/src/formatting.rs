//! The formatting properties of an action, handed to the host's pipeline.
//!
//! Reads them and checks what may be told at load; the pipeline itself, its
//! order and its patterns, is the host's (contract 7.4).

use std::borrow::Cow;
use tureen_plugin_sdk::{Context, Finding, Findings, Placement, Problem, Settings};

/// The properties that are names: numbers other than 0 are not published, so
/// they are refused and never guessed (contract 2.3). The host writes the names
/// of numbers that the operator knows.
const NAMED: [(&str, &[&str]); 3] = [
    ("TextFormat", &["LowerCase", "UpperCase", "TitleCase", "McNameCase"]),
    ("Truncation", &["Truncate", "Trim"]),
    (
        "Encoding",
        &[
            "HL7Encode",
            "HL7Decode",
            "HL7QuotesEncode",
            "HL7QuotesDecode",
            "JSONEncode",
            "JSONDecode",
            "XMLEncode",
            "XMLDecode",
            "CSVEncode",
            "CSVDecode",
            "Base64Encode",
            "Base64Decode",
        ],
    ),
];

/// The properties that are any text.
const TEXTS: [&str; 4] = ["Format", "Remove", "Replace", "Lookup"];

/// The length that truncation has when none is written.
const TRUNCATION_LENGTH: i64 = 50;

/// What is done to a value before it is used; mostly nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Formatting(Vec<(String, String)>);

impl Formatting {
    /// Reads the formatting properties of an action or a parameter.
    pub(crate) fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let mut properties = Vec::new();
        for (name, known) in NAMED {
            if let Some(Some(value)) = findings.keep(named(settings, name, known)) {
                properties.push((name.to_owned(), value.to_owned()));
            }
        }
        for name in TEXTS {
            let text = findings.keep(settings.text(name)).flatten().unwrap_or_default();
            if name == "Lookup" && !text.is_empty() {
                placement.require_lookup_table(&text, settings.pointer_to(name));
            }
            if !text.is_empty() {
                properties.push((name.to_owned(), text));
            }
        }
        if properties.iter().any(|(name, _)| name == "Replace") {
            let with = findings.keep(settings.text("ReplaceWith")).flatten().unwrap_or_default();
            properties.push(("ReplaceWith".to_owned(), with));
        }
        if properties.iter().any(|(_, value)| value == "Truncate") {
            let length = findings.keep(length(settings, "TruncationLength", TRUNCATION_LENGTH));
            properties.extend(length.map(|length| ("TruncationLength".to_owned(), length)));
        }
        let padding = findings.keep(length(settings, "PaddingLength", 0));
        properties.extend(
            padding
                .filter(|padding| padding != "0")
                .map(|padding| ("PaddingLength".to_owned(), padding)),
        );
        findings.or(Self(properties))
    }

    /// The value, formatted.
    pub(crate) fn apply<'v>(
        &self,
        value: Cow<'v, str>,
        context: &Context,
    ) -> Result<Cow<'v, str>, Problem> {
        if self.0.is_empty() {
            return Ok(value);
        }
        context.format(&value, &self.0).map(Cow::Owned)
    }
}

/// The name that a property holds, as the pipeline spells it; `None` for no
/// formatting.
fn named(
    settings: &Settings,
    name: &str,
    known: &[&'static str],
) -> Result<Option<&'static str>, Finding> {
    let text = settings.text(name)?.unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || text == "0" || text.eq_ignore_ascii_case("None") {
        return Ok(None);
    }
    if let Some(found) = known.iter().find(|known| known.eq_ignore_ascii_case(text)) {
        return Ok(Some(found));
    }
    let reason = if text.parse::<i64>().is_ok() {
        "the numbers of this property are not published, except 0 for none; write the name"
    } else {
        "this is not one of its names"
    };
    let text = format!("{reason}; known are None, {}", known.join(", "));
    Err(settings.error(name, "formatting.property", text))
}

fn length(settings: &Settings, name: &str, default: i64) -> Result<String, Finding> {
    let length = settings.number(name)?.unwrap_or(default);
    if length < 0 {
        let text = "expected a number of characters from 0, found a negative one";
        return Err(settings.error(name, "formatting.property", text));
    }
    Ok(length.to_string())
}
