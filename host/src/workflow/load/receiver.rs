//! The receiver: what it receives, what hangs on it, how it answers.

use super::classes::{Answering, HTTP_RECEIVER, Part, answering, last_word};
use super::fields::Fields;
use super::findings::Headline as _;
use super::http::{LEGACY_CERTIFICATE_FIELDS, http_receiver};
use super::message_type::{TypeOptions, message_type, type_options};
use super::response::{no_response, response};
use super::settings::Setting;
use super::steps::{Steps, lint_segment_ends};
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{
    Receiver, ReceiverKind, ResponseMode, ResponseSettings, Role, Step,
};

/// Properties of every setting, and those that are display or design only.
const COMMON: &[&str] = &[
    "Id",
    "Name",
    "Version",
    "Disabled",
    "WorkflowPatternName",
    "LastModified",
    "Comments",
    "AddIncomingMessageToCurrentTab",
    "TransformersNotAvailable",
    "ReceivedMessageTemplate",
    "SettingType",
    "FunctionProviderType",
    "Details",
    "Enabled",
    "ConnectionTypeName",
    "UserCanEditTemplate",
    "InboundMessageNotAvailable",
    "MessageType",
    "MessageTypeOptions",
    "Filters",
    "Transformers",
    "VariableTransformers",
    "Activities",
];

const RESPONSE: &[&str] = &[
    "ReturnCustomResponse",
    "ResponseMessageTemplate",
    "ReturnNoResponse",
    "ReponsePriority",
    "ReturnApplicationAccept",
    "ReturnApplicationError",
    "ErrorMessage",
    "ReturnApplicationReject",
    "RejectMessage",
    "ReturnResponseFromActivity",
    "ReturnResponseFromActivityId",
    "ReturnResponseFromActivityName",
    "ResponseMessageType",
    "DifferentResponseMessageType",
];

const HTTP: &[&str] = &[
    "ServiceName",
    "Port",
    "UseSsl",
    "UseIntegrationHostServiceAddress",
    "UseDefaultSSLCertificate",
    "CertificateThumbPrint",
    "Authentication",
    "AuthenticationUserName",
    "AuthenticationPassword",
    "RequireClientCertificate",
    "ClientCertificateThumbPrint",
    "ExtractParameters",
    "QueryStringParameters",
    "ExtractUrlSections",
    "UrlSections",
];

/// Builds the receiver. `activities` are those that it lists.
pub(super) fn receiver<'a>(
    setting: &Setting<'a>,
    activities: &[&Setting<'a>],
    steps: &mut Steps<'_, 'a>,
) -> Receiver {
    let fields = &setting.fields;
    let class = setting.known.map_or(setting.class.as_str(), |known| known.class);
    let is_http = class == HTTP_RECEIVER;
    let format = message_type(fields, setting.known.map_or(1, |known| known.message_type));
    let kind = if is_http {
        fields.warn_of_unknown(
            "an HTTP receiver",
            &[COMMON, RESPONSE, HTTP, LEGACY_CERTIFICATE_FIELDS],
        );
        ReceiverKind::Http(Box::new(http_receiver(fields)))
    } else {
        refuse_unsupported(setting, class);
        ReceiverKind::Unsupported { class: class.to_owned() }
    };
    // What a receiver that is not run would answer is not looked at.
    let tried = fields.findings().purpose().takes_any_receiver();
    let answers = answering(class).filter(|_| is_http || tried).unwrap_or(Answering::Never);
    let filter = steps.filter(setting);
    let variable_transformers =
        steps.transformers(setting, "VariableTransformers", Role::ReceiverVariables);
    let response = match answers {
        Answering::Custom => response(fields, format, steps.settings, activities, true),
        Answering::Acknowledgement => response(fields, format, steps.settings, activities, false),
        Answering::AfterRun(_) | Answering::Never => no_response(&fields.pointer),
    };
    let (response_transformers, post_transformers) = match answers {
        Answering::Custom | Answering::Acknowledgement => {
            (response_transformers(setting, &response, steps), None)
        }
        Answering::AfterRun(switch) => (None, post_transformers(setting, switch, steps)),
        Answering::Never => {
            if tried {
                warn_of_inert(setting, "Transformers of this receiver never run", steps);
            } else {
                // Followed all the same, so that they count as linked.
                steps.transformers(setting, "Transformers", Role::ResponseTransformers);
            }
            (None, None)
        }
    };
    if response.mode == ResponseMode::Custom {
        lint_segment_ends(fields, "ResponseMessageTemplate", format);
        let name = "ResponseMessageTemplate";
        let role = Role::ResponseTransformers;
        steps.references.template_of(fields, &response.template, name, setting.id, role);
    }
    let TypeOptions { csv, dicom } = type_options(fields, format);
    Receiver {
        id: setting.id,
        name: setting.name.clone(),
        disabled: setting.disabled,
        kind,
        message_type: format,
        csv,
        dicom,
        filter,
        variable_transformers,
        response_transformers,
        post_transformers,
        response,
        pointer: fields.pointer.clone(),
    }
}

fn refuse_unsupported(setting: &Setting<'_>, class: &str) {
    if class.is_empty() {
        return; // Told already: it has no $type.
    }
    let fields = &setting.fields;
    if fields.findings().purpose().takes_any_receiver() && answering(class).is_some() {
        return; // Nobody opens it: it only says how a message is read.
    }
    fields.findings().tell(codes::RECEIVER_UNSUPPORTED, &fields.pointer, |diagnostic| {
        diagnostic
            .saying(format!("this version does not run the receiver {}", quoted(&setting.name)))
            .expected("an HTTP receiver: HttpReceiverSetting")
            .found(quoted(last_word(class)))
            .help("let an HTTP receiver take the messages, or keep the workflow in its own system")
    });
}

/// A receiver's `Transformers` run on a custom response and nowhere else
/// (contract 1.3, T-60).
fn response_transformers<'a>(
    setting: &Setting<'a>,
    response: &ResponseSettings,
    steps: &mut Steps<'_, 'a>,
) -> Option<Step> {
    if response.mode != ResponseMode::Custom {
        let why = "Transformers of a receiver change its custom response: it has none";
        warn_of_inert(setting, why, steps);
        return None;
    }
    steps.transformers(setting, "Transformers", Role::ResponseTransformers)
}

/// Those of a timer and of a database reader run after the activities
/// (contract 4.5, 4.6).
fn post_transformers<'a>(
    setting: &Setting<'a>,
    switch: Option<&str>,
    steps: &mut Steps<'_, 'a>,
) -> Option<Step> {
    let fields: &Fields<'a> = &setting.fields;
    // The database reader's switch has an older name, too.
    let is_on = |name: &str| fields.flag(name, false) || fields.flag("ExecutePostProcess", false);
    if switch.is_some_and(|name| !is_on(name)) {
        let why = "Transformers of a database reader belong to its query after each row: it is off";
        warn_of_inert(setting, why, steps);
        return None;
    }
    steps.transformers(setting, "Transformers", Role::ResponseTransformers)
}

fn warn_of_inert(setting: &Setting<'_>, why: &str, steps: &Steps<'_, '_>) {
    let fields = &setting.fields;
    let linked = steps.settings.follow(fields, "Transformers", Part::Transformers);
    if linked.is_none() || fields.flag("TransformersNotAvailable", false) {
        return;
    }
    let pointer = fields.pointer_to("Transformers");
    fields.findings().tell(codes::TRANSFORMERS_INERT, &pointer, |diagnostic| {
        diagnostic
            .saying(why)
            .help("set ReturnCustomResponse where there is a response, or use VariableTransformers")
    });
}
