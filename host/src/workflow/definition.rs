//! A workflow as the rest of the host sees it: typed, linked, with positions.
//!
//! Stage: document → **definition** → registry. Knows: what a workflow file
//! can say about receiving, responding and the order of steps. Deliberately
//! does not know: what a condition, an action or an activity does (that is in
//! each step's settings, read by a plugin).
//!
//! # Invariants
//! - Every step's `pointer` addresses its object in `document`.
//! - A definition with an error among its diagnostics may be shown, not run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tureen_message::Format;
use tureen_message::csv::CsvOptions;
use tureen_message::dicom::DicomOptions;
use tureen_template::{SettingId, Template};

use super::document::Document;
use crate::certificates::Thumbprint;
use crate::diagnostics::{Diagnostic, Position};

pub use super::load::load;

/// The class that a filter's conditions and transformers are settings of.
pub const FILTER_CLASS: &str = "HL7Soup.Functions.Settings.Filters.FilterHostSetting";

/// The class of a set of transformers.
pub const TRANSFORMER_CLASS: &str = "HL7Soup.Functions.Settings.TransformerSetting";

/// What [`load`] made of a file.
#[derive(Debug)]
pub struct Loaded {
    /// `None` when not even the receiver could be found.
    pub definition: Option<WorkflowDefinition>,
    /// In the order of positions.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// The definition, when nothing forbids to run it. A disabled receiver is
    /// not an error: see [`Receiver::disabled`].
    pub fn runnable(&self) -> Option<&WorkflowDefinition> {
        self.definition.as_ref().filter(|_| !self.diagnostics.iter().any(Diagnostic::is_error))
    }
}

/// One workflow file.
#[derive(Debug)]
pub struct WorkflowDefinition {
    /// `WorkflowId`, or the receiver's id where the file has none.
    pub id: SettingId,
    /// Never empty: the wrapper's name, the receiver's, or the id.
    pub name: String,
    pub file: PathBuf,
    /// SHA-256 of the file's bytes.
    pub digest: [u8; 32],
    /// `Modified` as it is written in the file.
    pub modified: Option<String>,
    pub receiver: Receiver,
    /// In the order of execution; disabled ones are flagged, not left out.
    pub activities: Vec<Activity>,
    pub document: Arc<Document>,
}

/// What starts a run.
#[derive(Debug)]
pub struct Receiver {
    pub id: SettingId,
    pub name: String,
    /// The workflow is not started.
    pub disabled: bool,
    pub kind: ReceiverKind,
    pub message_type: Format,
    /// Counts only where `message_type` is CSV.
    pub csv: CsvOptions,
    /// Counts only where `message_type` is DICOM.
    pub dicom: DicomOptions,
    pub filter: Option<FilterHost>,
    pub variable_transformers: Option<Step>,
    /// Only with a custom response: in other modes they have no meaning.
    pub response_transformers: Option<Step>,
    /// Run after the activities, by receivers that answer nobody.
    pub post_transformers: Option<Step>,
    pub response: ResponseSettings,
    pub pointer: String,
}

/// How messages arrive.
#[derive(Debug)]
pub enum ReceiverKind {
    Http(Box<HttpReceiver>),
    /// A receiver that this version does not run. An error was reported, unless
    /// the file was loaded to try one message.
    Unsupported {
        class: String,
    },
}

impl ReceiverKind {
    /// Is there somebody who gets an answer?
    pub fn answers(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Unsupported { class } => {
                class.ends_with(".MLLPReceiverSetting")
                    || class.ends_with(".WebServiceReceiverSetting")
            }
        }
    }
}

/// `HttpReceiverSetting` (contract 4.2), without what concerns the response.
#[derive(Debug)]
pub struct HttpReceiver {
    /// The decoded path segments below the root; empty receives every path.
    pub service_name: Vec<String>,
    /// As written, without outer slashes.
    pub service_name_text: String,
    /// 0 lets the system choose.
    pub port: u16,
    pub use_ssl: bool,
    /// Attached to the server's shared address instead of a listener of its own.
    pub host_mode: bool,
    /// Counts only with `use_ssl` and a listener of its own.
    pub certificate: OwnCertificate,
    pub authentication: Option<Basic>,
    pub require_client_certificate: bool,
    pub client_thumbprints: Vec<Thumbprint>,
    pub extract_parameters: bool,
    pub query_parameters: Vec<QueryParameter>,
    pub extract_url_sections: bool,
    pub url_sections: Vec<VariableDescriptor>,
}

/// The certificate that a receiver wants to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCertificate {
    Default,
    Thumbprint(Thumbprint),
}

/// Expected HTTP Basic credentials; either may name a global variable.
pub struct Basic {
    pub user: Template,
    pub password: Template,
}

impl fmt::Debug for Basic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Basic { user and password not shown }")
    }
}

/// A query parameter that becomes a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    /// Looked up in the query without regard to case.
    pub key: String,
    pub variable: String,
    /// The variable's value when the parameter is missing or empty.
    pub default: Option<String>,
}

/// A path segment after the service name that becomes a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableDescriptor {
    pub variable: String,
    /// The variable's value when the segment is missing or empty.
    pub default: Option<String>,
}

/// How the receiver answers (contract 4.1, 10.1).
#[derive(Debug)]
pub struct ResponseSettings {
    pub mode: ResponseMode,
    pub priority: ResponsePriority,
    /// `ResponseMessageTemplate`; sent only in mode [`ResponseMode::Custom`].
    pub template: Template,
    /// JSON pointer to the property that decided the mode, or to the receiver.
    pub pointer: String,
}

/// What the answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// An empty body.
    None,
    /// A generated application error with this text.
    Error { message: String },
    /// A generated application reject with this text.
    Reject { message: String },
    /// The response that this activity got.
    FromActivity { id: SettingId, name: String },
    /// The response template, then the response transformers.
    Custom,
    /// A generated application accept; exists only for HL7.
    Accept,
}

/// When the answer is built and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponsePriority {
    /// Before anything ran.
    UponArrival,
    /// After the receiver's filter and variables.
    AfterValidation,
    /// After every activity.
    AfterAllProcessing,
}

/// A filter: its own transformers, then its conditions.
#[derive(Debug)]
pub struct FilterHost {
    pub transformers: Option<Step>,
    pub conditions: Step,
}

/// A sender: one thing that is done with a message.
#[derive(Debug)]
pub struct Activity {
    pub id: SettingId,
    pub name: String,
    /// Skipped.
    pub disabled: bool,
    pub step: Step,
    pub message_type: Format,
    /// Counts only where `message_type` is CSV.
    pub csv: CsvOptions,
    /// Counts only where `message_type` is DICOM.
    pub dicom: DicomOptions,
    /// `MessageTemplate`.
    pub template: Template,
    pub filter: Option<FilterHost>,
    pub transformers: Option<Step>,
    pub pointer: String,
}

/// One object of the file that a plugin evaluates. Its `Debug` leaves out the
/// settings, which may hold passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// The class name, without the assembly after the comma.
    pub type_name: String,
    /// The object as JSON: duplicates resolved, no nulls, collections unwrapped.
    /// Shared, since one object may be linked from many places.
    pub settings: Arc<str>,
    /// The receiver or activity that the step belongs to.
    pub owner: SettingId,
    pub role: Role,
    /// JSON pointer to the object in the file.
    pub pointer: String,
}

impl fmt::Debug for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Step")
            .field("type_name", &self.type_name)
            .field("settings_bytes", &self.settings.len())
            .field("owner", &self.owner)
            .field("role", &self.role)
            .field("pointer", &self.pointer)
            .finish()
    }
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Filter,
    FilterTransformers,
    ReceiverVariables,
    ActivityTransformers,
    ResponseTransformers,
    Activity,
}

impl Role {
    /// The name that plugins are given in `configure` (`wit/worlds.wit`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::FilterTransformers => "filter-transformers",
            Self::ReceiverVariables => "receiver-variables",
            Self::ActivityTransformers => "activity-transformers",
            Self::ResponseTransformers => "response-transformers",
            Self::Activity => "activity",
        }
    }
}

impl FilterHost {
    /// Its steps in the order of execution.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.transformers.iter().chain([&self.conditions])
    }
}

impl Receiver {
    /// The steps before the activities, in the order of execution.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.filter.iter().flat_map(FilterHost::steps).chain(&self.variable_transformers)
    }
}

impl Activity {
    /// Its steps in the order of execution.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let filter = self.filter.iter().flat_map(FilterHost::steps);
        filter.chain(&self.transformers).chain([&self.step])
    }
}

impl WorkflowDefinition {
    /// Every step that may run, in the order of execution: those of disabled
    /// activities are left out.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let activities = self.activities.iter().filter(|activity| !activity.disabled);
        self.receiver
            .steps()
            .chain(activities.flat_map(Activity::steps))
            .chain(&self.receiver.post_transformers)
            .chain(&self.receiver.response_transformers)
    }

    /// Where a place in a step's settings stands in the file: the whole JSON
    /// pointer, and the position of it, or of the nearest object around it when
    /// the place itself does not exist.
    pub fn locate(&self, step: &Step, pointer_in_settings: &str) -> (String, Option<Position>) {
        let pointer = format!("{}{pointer_in_settings}", step.pointer);
        let position = self.document.nearest_position(&pointer);
        (pointer, position)
    }

    pub fn activity(&self, id: SettingId) -> Option<&Activity> {
        self.activities.iter().find(|activity| activity.id == id)
    }
}
