//! The classes of settings that a workflow file can hold (contract 1.2).

use crate::diagnostics::nearest::distance;
use crate::workflow::definition::{FILTER_CLASS, TRANSFORMER_CLASS};

/// What part a setting plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Receiver,
    Activity,
    Filter,
    Transformers,
}

impl Part {
    /// With its article, for a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Receiver => "a receiver",
            Self::Activity => "an activity",
            Self::Filter => "a filter",
            Self::Transformers => "a set of transformers",
        }
    }
}

/// The receiver that this version runs.
pub(super) const HTTP_RECEIVER: &str = "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting";

/// What a receiver does with an answer, and what its `Transformers` are
/// (contract 1.3, 4.1, T-60).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answering {
    /// It answers; with the custom response unless the file says otherwise.
    Custom,
    /// It answers; with a generated acknowledgement unless the file says otherwise.
    Acknowledgement,
    /// It answers nobody; its transformers run after the activities, where the
    /// property of that name, if there is one, is true.
    AfterRun(Option<&'static str>),
    /// It answers nobody, and its transformers have no effect.
    Never,
}

/// How a receiver of that class answers; `None` for a class that the format
/// does not name.
pub(super) fn answering(class: &str) -> Option<Answering> {
    let known = KNOWN.iter().find(|known| known.class == class && known.part == Part::Receiver)?;
    Some(match last_word(known.class) {
        "HttpReceiverSetting" | "WebServiceReceiverSetting" => Answering::Custom,
        "MLLPReceiverSetting" => Answering::Acknowledgement,
        "TimerReceiverSetting" => Answering::AfterRun(None),
        "DatabaseReceiverSetting" => Answering::AfterRun(Some("ExecutePostProcessQuery")),
        _ => Answering::Never,
    })
}

/// A class known by name, and its message type where the file names none.
pub(super) struct Known {
    pub(super) class: &'static str,
    pub(super) part: Part,
    pub(super) message_type: i64,
}

const fn known(class: &'static str, part: Part, message_type: i64) -> Known {
    Known { class, part, message_type }
}

macro_rules! receiver {
    ($name:literal, $message_type:literal) => {
        known(
            concat!("HL7Soup.Functions.Settings.Receivers.", $name),
            Part::Receiver,
            $message_type,
        )
    };
}

macro_rules! sender {
    ($name:literal, $message_type:literal) => {
        known(concat!("HL7Soup.Functions.Settings.Senders.", $name), Part::Activity, $message_type)
    };
}

pub(super) const KNOWN: &[Known] = &[
    known(HTTP_RECEIVER, Part::Receiver, 1),
    receiver!("MLLPReceiverSetting", 1),
    receiver!("DirectoryScanReceiverSetting", 1),
    receiver!("TimerReceiverSetting", 13),
    receiver!("DatabaseReceiverSetting", 5),
    receiver!("WebServiceReceiverSetting", 1),
    receiver!("DicomReceiverSetting", 11),
    receiver!("AzureServiceBusReceiverSetting", 1),
    sender!("HttpSenderSetting", 1),
    sender!("MLLPSenderSetting", 1),
    sender!("FileWriterSenderSetting", 1),
    sender!("DatabaseSenderSetting", 6),
    sender!("CodeSenderSetting", 1),
    sender!("WebServiceSenderSetting", 4),
    sender!("DicomSenderSetting", 16),
    sender!("AzureServiceBusSenderSetting", 1),
    known(TRANSFORMER_CLASS, Part::Transformers, 0),
    known(FILTER_CLASS, Part::Filter, 0),
];

/// What a class name says.
pub(super) enum Class {
    Known(&'static Known),
    /// Nearly a known name, or a known name without its namespace.
    Misspelt(&'static Known),
    /// A class of somebody else's.
    Other(Part),
}

/// The class of a `$type`: what stands before the comma, trimmed.
pub(super) fn class_name(type_text: &str) -> &str {
    type_text.split(',').next().unwrap_or_default().trim()
}

pub(super) fn classify(class: &str) -> Class {
    if let Some(known) = KNOWN.iter().find(|known| known.class == class) {
        return Class::Known(known);
    }
    match nearest_known(class) {
        Some(known) => Class::Misspelt(known),
        None if class.contains(".Receivers.") || class.ends_with("ReceiverSetting") => {
            Class::Other(Part::Receiver)
        }
        None => Class::Other(Part::Activity),
    }
}

/// The class that `class` was probably meant to be. Somebody else's namespace
/// with a familiar last word is not a misspelling.
fn nearest_known(class: &str) -> Option<&'static Known> {
    let familiar = !class.contains('.') || class.starts_with("HL7Soup.");
    let score = |known: &Known| {
        let whole = distance(class, known.class);
        let word = distance(last_word(class), last_word(known.class));
        if whole <= 3 || familiar && word <= 2 { Some(whole.min(word)) } else { None }
    };
    KNOWN
        .iter()
        .filter_map(|known| Some((score(known)?, known)))
        .min_by_key(|(score, _)| *score)
        .map(|(_, known)| known)
}

/// The known class of that name without namespace, as old files write it.
pub(super) fn by_last_word(word: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| last_word(known.class).eq_ignore_ascii_case(word))
}

pub(super) fn last_word(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::{Class, Part, class_name, classify};

    fn check(type_text: &str, expected: &str) {
        let found = match classify(class_name(type_text)) {
            Class::Known(known) => format!("known {}", super::last_word(known.class)),
            Class::Misspelt(known) => format!("misspelt {}", super::last_word(known.class)),
            Class::Other(Part::Receiver) => "other receiver".to_owned(),
            Class::Other(_) => "other activity".to_owned(),
        };
        assert_eq!(found, expected, "{type_text}");
    }

    #[test]
    fn a_class_is_known_by_its_name_before_the_comma() {
        let http = "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting";
        check(&format!("{http}, HL7SoupWorkflow"), "known HttpReceiverSetting");
        check(&format!("  {http} , Older, Version=1"), "known HttpReceiverSetting");
        check(http, "known HttpReceiverSetting");
    }

    #[test]
    fn a_misspelt_class_is_told_from_a_foreign_one() {
        check(
            "HL7Soup.Functions.Settings.Recievers.HttpReceiverSetting, X",
            "misspelt HttpReceiverSetting",
        );
        check("HL7Soup.Functions.Settings.HttpSenderSeting, X", "misspelt HttpSenderSetting");
        check("hl7soup.functions.settings.transformersetting", "misspelt TransformerSetting");
        check("MLLPSenderSetting", "misspelt MLLPSenderSetting");
        check("Acme.Senders.HttpSenderSetting, Acme", "other activity");
        check("Acme.Receivers.Fax, Acme", "other receiver");
        check("HL7Soup.Functions.Settings.Senders.S3UploadSetting", "other activity");
        check("", "other activity");
    }
}
