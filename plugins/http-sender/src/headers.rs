//! The header fields that a workflow adds: parameter objects (contract 5.1),
//! whose formatting is ignored here as in the original.

use std::cell::Cell;

use tureen_conditions::{Loops, Own, PlaceFields, Sight, Source};
use tureen_plugin_sdk::{Context, Findings, Message, Placement, Problem, Settings, StepError};

/// Header fields of one sender.
const FIELDS_MAX: usize = 100;

/// The properties of a parameter object. Without a direction it is a text.
const PARAMETER: PlaceFields = PlaceFields { path: "Value", ..PlaceFields::ACTION };

/// Fields that make the request what it is: the host writes them.
const OF_THE_HOST: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One header field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    value: Source,
}

/// Reads the property `Headers`; those without a name are left out.
///
/// # Errors
/// `http.header` for a name that is none, or that belongs to the host.
pub(crate) fn read(settings: &Settings) -> Result<Vec<Field>, Findings> {
    let mut findings = Findings::default();
    let objects = settings.objects("Headers")?;
    if objects.len() > FIELDS_MAX {
        let text = format!("expected at most {FIELDS_MAX} header fields, found {}", objects.len());
        return Err(settings.error("Headers", "http.header", text).into());
    }
    let mut fields = Vec::new();
    for object in objects {
        let name = findings.keep(object.text("Name")).flatten().unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            continue;
        }
        if !name.chars().all(is_token) {
            let text = "expected the name of a header field: letters, digits and dashes";
            findings.push(object.error("Name", "http.header", text));
            continue;
        }
        if OF_THE_HOST.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let text = "this header field belongs to the connection, and the server writes it";
            findings.push(object.error("Name", "http.header", text));
            continue;
        }
        if let Some(value) = findings.keep(source(&object)) {
            fields.push(Field { name: name.to_owned(), value });
        }
    }
    findings.or(fields)
}

fn source(object: &Settings) -> Result<Source, Findings> {
    if !object.has("FromDirection") {
        let text = object.text("Value")?.unwrap_or_default();
        return Ok(Source::Text(tureen_conditions::Text::new(text)));
    }
    Source::read(object, PARAMETER)
}

impl Field {
    /// The value for one message.
    ///
    /// # Errors
    /// As [`Source::value`]; rejected, `http.header`, for a value that no header
    /// field can have.
    pub(crate) fn value(
        &self,
        context: &Context,
        message: &Message,
        placement: &Own,
    ) -> Result<String, StepError> {
        let (loops, warned) = (Loops::default(), Cell::new(false));
        let sight =
            Sight { context, target: message, own: *placement, loops: &loops, warned: &warned };
        let value = self.value.value(&sight)?.trim().to_owned();
        if value.chars().any(|it| it.is_control() && it != '\t') {
            let text = format!("the value of the header field {} would hold a line end", self.name);
            return Err(StepError::Rejected(Problem::new("http.header", text).at("Headers")));
        }
        Ok(value)
    }
}

/// Whose messages the fields read.
pub(crate) fn own(placement: &Placement) -> Own {
    Own::new(placement)
}

/// Whether a token of HTTP may hold the character.
pub(crate) fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}
