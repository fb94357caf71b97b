//! What the texts of a workflow name: judged when it is loaded, so that a placeholder that can never
//! be filled is found before a message meets it.
//!
//! Knows: which properties hold texts that are filled, in any step's settings. Deliberately does
//! not know: what a step does with them.
//!
//! # Invariants
//! - Every text is judged once, also where settings are linked from many places.

use std::collections::HashSet;

use serde_json::Value;
use tureen_message::Format;
use tureen_template::{Placeholder, PlaceholderKind, Purpose, SettingId, Template};

use super::collected::Collected;
use crate::config::Encode;
use crate::diagnostics::{Diagnostic, Severity, codes, quoted};
use crate::workflow::definition::{ResponseMode, Role, Step, WorkflowDefinition};
use crate::workflow::vocabulary::{Unknown, Vocabulary, purposes};

/// Classes of the workflow format itself.
const VENDOR: &str = "HL7Soup.";

/// Properties of the format's own classes that are surely filled: what is wrong there is an error.
const FILLED: [&str; 7] = [
    "Path",
    "FromPath",
    "ToPath",
    "Value",
    "FilePathToWrite",
    "DirectoryToMoveInto",
    "MessageTemplate",
];

/// Properties that are never filled: names, remarks, code, samples of the designer, and what
/// formatting takes as it is. In lower case.
const NEVER_FILLED: [&str; 16] = [
    "$type",
    "name",
    "comment",
    "comments",
    "code",
    "variablename",
    "variablenames",
    "parametername",
    "parameterdescription",
    "receivedmessagetemplate",
    "responsemessagetemplate",
    "format",
    "remove",
    "replace",
    "replacewith",
    "lookup",
];

/// Judges all texts of a definition.
pub(super) fn check(definition: &WorkflowDefinition, known: &Vocabulary) -> Vec<Diagnostic> {
    let mut texts = Texts { definition, known, told: Collected::new(definition, "texts") };
    texts.templates();
    let mut walked = HashSet::new();
    for step in definition.steps() {
        if walked.insert((step.pointer.as_str(), part_of(step))) {
            texts.step(step);
        }
    }
    texts.told.into_diagnostics()
}

/// A filter's two steps are one object: each has its own array.
fn part_of(step: &Step) -> Option<&'static str> {
    match step.role {
        Role::Filter => Some("Filters"),
        Role::FilterTransformers => Some("Transformers"),
        _ => None,
    }
}

struct Texts<'a> {
    definition: &'a WorkflowDefinition,
    known: &'a Vocabulary,
    told: Collected<'a>,
}

/// Where a text stands, and how bad it is when it cannot be filled.
struct Place<'p> {
    /// JSON pointer in the file.
    pointer: &'p str,
    property: &'p str,
    severity: Severity,
}

impl Texts<'_> {
    /// The templates of messages. What is wrong with their modifiers, and ids that lead nowhere,
    /// was told when they were read.
    fn templates(&mut self) {
        let definition = self.definition;
        let receiver = &definition.receiver;
        let response = (receiver.response.mode == ResponseMode::Custom).then_some((
            receiver.pointer.as_str(),
            "ResponseMessageTemplate",
            &receiver.response.template,
            receiver.message_type,
        ));
        let active = definition.activities.iter().filter(|activity| !activity.disabled);
        let sent = active.map(|activity| {
            (
                activity.pointer.as_str(),
                "MessageTemplate",
                &activity.template,
                activity.message_type,
            )
        });
        for (owner, property, template, format) in response.into_iter().chain(sent) {
            let pointer = format!("{owner}/{property}");
            let place = Place { pointer: &pointer, property, severity: Severity::Error };
            for placeholder in template.placeholders() {
                self.names(&placeholder, &place);
            }
            self.warn_of_values_as_they_are(template, format, &place);
        }
    }

    /// One warning for a template into which values go unencoded (contract T-10).
    fn warn_of_values_as_they_are(
        &mut self,
        template: &Template,
        format: Format,
        place: &Place<'_>,
    ) {
        let has_rules = matches!(format, Format::Hl7 | Format::Json | Format::Xml | Format::Csv);
        if !has_rules || self.known.encode(&self.definition.name) == Encode::ByFormat {
            return;
        }
        let unwritten = template.placeholders().find(|it| {
            let inserts_data = match it.kind {
                PlaceholderKind::Variable { name } => self.known.purpose(name).is_none(),
                PlaceholderKind::DataTable { .. } => true,
                PlaceholderKind::Message { .. } => false,
            };
            inserts_data && !it.written && !it.constant
        });
        let Some(unwritten) = unwritten else { return };
        let encoder = match format {
            Format::Json => "JSONEncode",
            Format::Xml => "XMLEncode",
            Format::Csv => "CSVEncode",
            _ => "HL7Encode",
        };
        let text = "the template inserts values as they are: a value can change what is around it";
        let found = Diagnostic::new(codes::WRITTEN_AS_IT_IS, text)
            .found(quoted(unwritten.text))
            .help(format!(
                "name an encoder ({encoder}) or Raw in each placeholder, or set encode = \"by-format\" in [templates] of tureen.toml"
            ));
        self.tell(found, place);
    }

    fn step(&mut self, step: &Step) {
        let Ok(settings) = serde_json::from_str::<Value>(&step.settings) else { return };
        let standard = step.type_name.starts_with(VENDOR);
        match part_of(step) {
            None => self.walk(&settings, &step.pointer, "", standard),
            Some(part) => {
                let Some(inner) = settings.get(part) else { return };
                self.walk(inner, &format!("{}/{part}", step.pointer), part, standard);
            }
        }
    }

    /// The depth of a document is limited, so this may recurse.
    fn walk(&mut self, value: &Value, pointer: &str, property: &str, standard: bool) {
        match value {
            Value::String(text) if text.contains("${") => {
                self.text(text, pointer, property, standard);
            }
            Value::Object(members) => {
                for (name, member) in members.iter().filter(|(name, _)| is_filled(name)) {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    self.walk(member, &format!("{pointer}/{step}"), name, standard);
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.walk(element, &format!("{pointer}/{index}"), property, standard);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, pointer: &str, property: &str, standard: bool) {
        // A message's template was judged as such.
        if property == "MessageTemplate" {
            return;
        }
        let severity = match standard && FILLED.contains(&property) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let place = Place { pointer, property, severity };
        for placeholder in Template::compile(text).placeholders() {
            if let Some(problem) = placeholder.problem {
                let told = format!("a placeholder of {property} can never be filled");
                let found = Diagnostic::new(codes::TEXT_PLACEHOLDER, told)
                    .found(quoted(placeholder.text))
                    .help(problem.text.clone());
                self.tell(found, &place);
            }
            if let PlaceholderKind::Message { setting, .. } = placeholder.kind
                && !self.is_setting(setting)
            {
                let told = "no receiver and no activity that runs has this id";
                let found = Diagnostic::new(codes::TEXT_PLACEHOLDER, told)
                    .expected("the Id of the receiver, or of an activity that it lists")
                    .found(quoted(placeholder.text))
                    .help("correct the id: as it is, nothing is inserted");
                self.tell(found, &place);
            }
            self.names(&placeholder, &place);
        }
    }

    fn is_setting(&self, id: SettingId) -> bool {
        let receiver = self.definition.receiver.id;
        id == SettingId::NONE || id == receiver || self.definition.activity(id).is_some()
    }

    /// Tables and globals that a placeholder names.
    fn names(&mut self, placeholder: &Placeholder<'_>, place: &Place<'_>) {
        for table in placeholder.tables() {
            self.unknown(self.known.check_lookup(table), placeholder.text, place);
        }
        match placeholder.kind {
            // A reference without a field is a problem of its own.
            PlaceholderKind::DataTable { reference, .. } if placeholder.problem.is_none() => {
                self.unknown(self.known.check_data_table(reference), placeholder.text, place);
            }
            PlaceholderKind::Variable { name } => self.purpose(name, placeholder, place),
            _ => {}
        }
    }

    fn purpose(&mut self, name: &str, placeholder: &Placeholder<'_>, place: &Place<'_>) {
        let purpose = self.known.purpose(name).unwrap_or(Purpose::Text);
        if purpose == Purpose::Text || purposes(place.property).contains(&purpose) {
            return;
        }
        let (kind, property) = (purpose.name(), place.property);
        let found =
            Diagnostic::new(codes::GLOBAL_PURPOSE, format!("{property} is not meant for a {kind}"))
                .found(quoted(placeholder.text))
                .help(
                    "take another variable; what may be read by every text belongs into [globals]",
                );
        self.tell(found, place);
    }

    fn unknown(&mut self, checked: Result<(), Unknown>, found: &str, place: &Place<'_>) {
        if let Err(unknown) = checked {
            self.tell(unknown_table(unknown).found(quoted(found)), place);
        }
    }

    fn tell(&mut self, found: Diagnostic, place: &Place<'_>) {
        let severity = found.severity.max(place.severity);
        self.told.tell(found.as_severity(severity), place.pointer);
    }
}

/// A table that texts or settings name and the home does not have.
pub(super) fn unknown_table(unknown: Unknown) -> Diagnostic {
    Diagnostic::new(codes::TABLE_UNKNOWN, unknown.text).help(unknown.help)
}

/// Whether a text of a property may be filled.
fn is_filled(property: &str) -> bool {
    let folded = property.to_ascii_lowercase();
    !folded.starts_with("sample") && !NEVER_FILLED.contains(&folded.as_str())
}

#[cfg(test)]
mod tests;
