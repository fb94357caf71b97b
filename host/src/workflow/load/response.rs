//! How the receiver answers: which of the file's flags decides (contract 10.1).

use tureen_message::Format;
use tureen_template::Template;

use super::classes::Part;
use super::fields::{Fields, Names};
use super::findings::Headline as _;
use super::settings::{Setting, Settings};
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{ResponseMode, ResponsePriority, ResponseSettings};

const PRIORITIES: Names = &[(0, "UponArrival"), (1, "AfterValidation"), (2, "AfterAllProcessing")];

/// The flags that choose a mode, the strongest first.
const FLAGS: [&str; 6] = [
    "ReturnNoResponse",
    "ReturnApplicationError",
    "ReturnApplicationReject",
    "ReturnResponseFromActivity",
    "ReturnCustomResponse",
    "ReturnApplicationAccept",
];

const ACTIVITY_ID: &str = "ReturnResponseFromActivityId";

/// The response of a receiver that this version does not run.
pub(super) fn no_response(pointer: &str) -> ResponseSettings {
    ResponseSettings {
        mode: ResponseMode::None,
        priority: ResponsePriority::AfterAllProcessing,
        template: Template::compile(""),
        pointer: pointer.to_owned(),
    }
}

/// Reads the response properties of a receiver. `activities` are those that it
/// lists; `custom_by_default` is what the format says of its class where the
/// file does not set `ReturnCustomResponse`.
pub(super) fn response<'a>(
    fields: &Fields<'a>,
    format: Format,
    settings: &Settings<'a>,
    activities: &[&Setting<'a>],
    custom_by_default: bool,
) -> ResponseSettings {
    let priority = match fields.choice("ReponsePriority", PRIORITIES) {
        Some(0) => ResponsePriority::UponArrival,
        Some(1) => ResponsePriority::AfterValidation,
        _ => ResponsePriority::AfterAllProcessing,
    };
    let decided_by = deciding_flag(fields, custom_by_default);
    let mode = match decided_by {
        Some("ReturnNoResponse") => ResponseMode::None,
        Some("ReturnApplicationError") => {
            ResponseMode::Error { message: fields.text("ErrorMessage").unwrap_or_default() }
        }
        Some("ReturnApplicationReject") => {
            ResponseMode::Reject { message: fields.text("RejectMessage").unwrap_or_default() }
        }
        Some("ReturnResponseFromActivity") => from_activity(fields, priority, settings, activities),
        Some("ReturnCustomResponse") => ResponseMode::Custom,
        Some(_) => ResponseMode::Accept,
        None if format == Format::Hl7 => ResponseMode::Accept,
        None => ResponseMode::None,
    };
    let response = ResponseSettings {
        mode,
        priority,
        template: fields.template("ResponseMessageTemplate"),
        pointer: match decided_by {
            Some(flag) if fields.find(flag).is_some() => fields.pointer_to(flag),
            _ => fields.pointer.clone(),
        },
    };
    warn_of_empty_answers(fields, format, &response);
    response
}

/// The flag that decides: the strongest that the file sets, else the custom
/// response that is on unless the file says otherwise. A default never beats
/// what is written, and makes no response of nothing.
fn deciding_flag(fields: &Fields<'_>, custom_by_default: bool) -> Option<&'static str> {
    let written: Vec<&'static str> =
        FLAGS.into_iter().filter(|flag| fields.explicit_flag(flag) == Some(true)).collect();
    if let [first, .., last] = written.as_slice() {
        fields.findings().tell(codes::SEVERAL_RESPONSES, &fields.pointer_to(last), |diagnostic| {
            diagnostic
                .saying("the receiver asks for several responses at once")
                .expected("one of them set to true")
                .found(written.join(", "))
                .help(format!("{first} decides: set the others to false"))
        });
    }
    let by_default = "ReturnCustomResponse";
    let says_something = || {
        let template = fields.text("ResponseMessageTemplate");
        template.is_some_and(|text| !text.is_empty()) || fields.find("Transformers").is_some()
    };
    let default_holds =
        || custom_by_default && fields.explicit_flag(by_default).is_none() && says_something();
    written.first().copied().or_else(|| default_holds().then_some(by_default))
}

fn from_activity<'a>(
    fields: &Fields<'a>,
    priority: ResponsePriority,
    settings: &Settings<'a>,
    activities: &[&Setting<'a>],
) -> ResponseMode {
    let findings = fields.findings();
    let shown = fields.text("ReturnResponseFromActivityName").unwrap_or_default();
    if priority != ResponsePriority::AfterAllProcessing {
        findings.tell(
            codes::RESPONSE_BEFORE_ACTIVITY,
            &fields.pointer_to("ReponsePriority"),
            |diagnostic| {
                diagnostic
                    .saying("the answer is to come from an activity that has not run by then")
                    .expected("ReponsePriority 2 (AfterAllProcessing)")
                    .found(format!("{priority:?}"))
            },
        );
    }
    let bad = |message: String, help: &str| {
        findings.tell(codes::RESPONSE_ACTIVITY, &fields.pointer_to(ACTIVITY_ID), |diagnostic| {
            diagnostic.saying(message).help(help)
        });
    };
    let id = fields.find(ACTIVITY_ID).and_then(|found| fields.id_at(ACTIVITY_ID, &found));
    let Some(id) = id else {
        bad(
            "the answer is to come from an activity, but none is named".to_owned(),
            "set ReturnResponseFromActivityId to the Id of an activity",
        );
        return ResponseMode::FromActivity { id: tureen_template::SettingId::NONE, name: shown };
    };
    let Some(activity) = settings.follow(fields, ACTIVITY_ID, Part::Activity) else {
        return ResponseMode::FromActivity { id, name: shown };
    };
    if !activities.iter().any(|listed| listed.id == id) {
        bad(
            format!("the answer is to come from {}, which never runs", quoted(&activity.name)),
            "add it to the receiver's Activities",
        );
    } else if activity.disabled {
        bad(
            format!("the answer is to come from {}, which is disabled", quoted(&activity.name)),
            "enable it, or choose another response",
        );
    }
    let name = if shown.is_empty() { activity.name.clone() } else { shown };
    ResponseMode::FromActivity { id, name }
}

/// An answer without body looks like a success (T-33): say so beforehand.
fn warn_of_empty_answers(fields: &Fields<'_>, format: Format, response: &ResponseSettings) {
    let generated = matches!(
        response.mode,
        ResponseMode::Accept | ResponseMode::Error { .. } | ResponseMode::Reject { .. }
    );
    if generated && format != Format::Hl7 {
        fields.findings().tell(
            codes::ACKNOWLEDGEMENT_OF_OTHER_TYPE,
            &response.pointer,
            |diagnostic| {
                diagnostic
                    .saying("acknowledgements exist for HL7 only: the answer will have no body")
                    .found(format!("{} messages", format.name()))
                    .help("use ReturnCustomResponse with a ResponseMessageTemplate")
            },
        );
    }
    // Nothing was asked for, by a property or without one.
    let unsaid = response.mode == ResponseMode::None
        && FLAGS.iter().all(|flag| fields.explicit_flag(flag).is_none());
    if unsaid || response.mode == ResponseMode::Custom && response.template.source().is_empty() {
        fields.findings().tell(codes::RESPONSE_EMPTY, &response.pointer, |diagnostic| {
            diagnostic.saying("the answer will be empty: ResponseMessageTemplate has no text").help(
                match format {
                    Format::Hl7 => {
                        "set ReturnApplicationAccept for an acknowledgement, or write a template"
                    }
                    _ => "write a template, or set ReturnNoResponse if that is meant",
                },
            )
        });
    }
}
