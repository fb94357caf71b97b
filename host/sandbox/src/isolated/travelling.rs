//! A message's run as bytes, and again as a run.
//!
//! Knows: every part of a run that a step may read. Deliberately does not know: the
//! socket. Tables stay in the server.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tureen_message::csv::CsvOptions;
use tureen_message::dicom::DicomOptions;
use tureen_message::{Format, Limits, Message, ParseOptions};
use tureen_template::{
    Direction, Globals, SettingId, Tables, VariableLimits, VariableParts, Variables,
};

use super::frames::Blob;
use super::zone::{Time, now};
use crate::exchange::{CallFacts, Exchange, Notifications, Run};
use crate::grants::{ClockPrecision, Grants, RandomSource, TableGrant};

/// What a run has set by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TravellingVariables {
    pub(super) workflow: Vec<(String, String)>,
    pub(super) workflow_error: Option<String>,
}

impl TravellingVariables {
    pub(super) fn of(variables: &Variables) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            workflow: variables.iter().map(owned).collect(),
            workflow_error: variables.workflow_error_text().map(str::to_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TravellingRun {
    received: Time,
    instance: u64,
    variable_limits: [usize; 4],
    workflow: Vec<(String, String)>,
    host: Vec<(String, String)>,
    repeatable: Option<(Time, u64)>,
    reads_clock_coarsely: bool,
    receiver: u128,
    messages: Vec<TravellingSlot>,
    parse: Parse,
    workflow_name: String,
    message_id: String,
    attempt: u32,
    told: u32,
    acknowledgements: u32,
}

#[derive(Serialize, Deserialize)]
struct TravellingSlot {
    setting: u128,
    inbound: Option<TravellingMessage>,
    outbound: Option<TravellingMessage>,
}

#[derive(Serialize, Deserialize)]
struct TravellingMessage {
    format: u8,
    bytes: Blob,
    parse: Parse,
}

/// [`ParseOptions`].
#[derive(Serialize, Deserialize)]
struct Parse {
    #[serde(with = "MessageLimits")]
    limits: Limits,
    #[serde(with = "Csv")]
    csv: CsvOptions,
    #[serde(with = "Dicom")]
    dicom: DicomOptions,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Limits")]
struct MessageLimits {
    message_bytes: usize,
    segments: usize,
    messages: usize,
    index: usize,
    depth: usize,
    path_steps: usize,
    attributes: usize,
    namespaces: usize,
    expression_nodes: usize,
    expression_steps: u64,
    columns: usize,
    field_bytes: usize,
    elements: usize,
    shown_bytes: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CsvOptions")]
struct Csv {
    delimiter: u8,
    has_header: bool,
    header: String,
    has_footer: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DicomOptions")]
struct Dicom {
    common_fields: bool,
    report: bool,
    tags: bool,
}

impl From<ParseOptions> for Parse {
    fn from(options: ParseOptions) -> Self {
        let ParseOptions { limits, csv, dicom } = options;
        Self { limits, csv, dicom }
    }
}

impl From<Parse> for ParseOptions {
    fn from(parse: Parse) -> Self {
        let Parse { limits, csv, dicom } = parse;
        Self { limits, csv, dicom }
    }
}

const FORMATS: [Format; 7] = [
    Format::Hl7,
    Format::Json,
    Format::Csv,
    Format::Xml,
    Format::Text,
    Format::Binary,
    Format::Dicom,
];

impl From<&Message> for TravellingMessage {
    fn from(message: &Message) -> Self {
        let number = FORMATS.iter().position(|it| *it == message.format()).unwrap_or_default();
        Self {
            format: u8::try_from(number).unwrap_or_default(),
            bytes: Blob(message.bytes().to_vec()),
            parse: message.parse_options().into(),
        }
    }
}

impl TravellingMessage {
    fn message(self) -> Result<Message, String> {
        let format = FORMATS.get(usize::from(self.format)).copied();
        let format = format.ok_or("a message of a format that is not known")?;
        let parsed = Message::parse(format, self.bytes.0, &self.parse.into());
        parsed.map_err(|problem| format!("a message cannot be read again: {}", problem.code))
    }
}

impl TravellingRun {
    pub(super) fn of(run: &Run) -> Self {
        let parts = run.variables.parts();
        let VariableLimits { count, name_bytes, value_bytes, total_bytes } = parts.limits;
        let messages = run.exchange.slots().map(|(setting, inbound, outbound)| TravellingSlot {
            setting: setting.as_u128(),
            inbound: inbound.map(Into::into),
            outbound: outbound.map(Into::into),
        });
        Self {
            received: Time::from(&parts.received),
            instance: parts.instance,
            variable_limits: [count, name_bytes, value_bytes, total_bytes],
            workflow: parts.workflow,
            host: parts.host,
            repeatable: parts.repeatable.map(|(now, ids)| (Time::from(&now), ids)),
            reads_clock_coarsely: parts.reads_clock_coarsely,
            receiver: run.exchange.receiver().as_u128(),
            messages: messages.collect(),
            parse: ParseOptions::clone(&run.parse).into(),
            workflow_name: run.facts.workflow.clone(),
            message_id: run.facts.message_id.clone(),
            attempt: run.facts.attempt,
            told: run.notifications.told(),
            acknowledgements: run.acknowledgements,
        }
    }

    /// The run again.
    ///
    /// # Errors
    /// Some part of it is not what it was: a fault of this program.
    pub(super) fn run(
        self,
        globals: Arc<Globals>,
        tables: Arc<dyn Tables + Send + Sync>,
        latest: Option<Instant>,
    ) -> Result<Box<Run>, String> {
        let [count, name_bytes, value_bytes, total_bytes] = self.variable_limits;
        let repeatable = self.repeatable.map(|(now, ids)| now.zoned().map(|now| (now, ids)));
        let parts = VariableParts {
            received: self.received.zoned()?,
            instance: self.instance,
            limits: VariableLimits { count, name_bytes, value_bytes, total_bytes },
            workflow: self.workflow,
            host: self.host,
            repeatable: repeatable.transpose()?,
            reads_clock_coarsely: self.reads_clock_coarsely,
        };
        let variables =
            Variables::from_parts(parts, now, globals).map_err(|problem| problem.to_string())?;
        let receiver = SettingId::from_u128(self.receiver);
        let others = self.messages.iter().map(|slot| SettingId::from_u128(slot.setting));
        let mut exchange = Exchange::new(receiver, others.filter(|setting| *setting != receiver));
        for TravellingSlot { setting, inbound, outbound } in self.messages {
            let setting = SettingId::from_u128(setting);
            let both = [(Direction::Inbound, inbound), (Direction::Outbound, outbound)];
            for (direction, message) in both {
                if let Some(message) = message {
                    exchange.put(setting, direction, message.message()?);
                }
            }
        }
        let (workflow, message_id, attempt) = (self.workflow_name, self.message_id, self.attempt);
        Ok(Box::new(Run {
            variables,
            exchange,
            tables,
            latest,
            parse: Arc::new(self.parse.into()),
            facts: Arc::new(CallFacts { workflow, message_id, attempt }),
            log: Vec::new(),
            notifications: Notifications::resumed(self.told),
            acknowledgements: self.acknowledgements,
        }))
    }
}

/// What of [`Grants`] a worker has any use for: what leads out is not for workers.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TravellingGrants {
    environment: Vec<(String, String)>,
    secrets: Vec<String>,
    names_its_secrets: bool,
    tables: TableGrant,
    exact_clock: bool,
    secure_random: bool,
}

impl From<&Grants> for TravellingGrants {
    fn from(grants: &Grants) -> Self {
        Self {
            environment: grants.environment.clone(),
            secrets: grants.secrets.clone(),
            names_its_secrets: grants.names_its_secrets,
            tables: grants.tables.clone(),
            exact_clock: grants.clock == ClockPrecision::Exact,
            secure_random: grants.random == RandomSource::Secure,
        }
    }
}

impl From<TravellingGrants> for Grants {
    fn from(grants: TravellingGrants) -> Self {
        let (exact, secure) = (grants.exact_clock, grants.secure_random);
        Self {
            environment: grants.environment,
            secrets: grants.secrets,
            names_its_secrets: grants.names_its_secrets,
            tables: grants.tables,
            clock: if exact { ClockPrecision::Exact } else { ClockPrecision::Coarse },
            random: if secure { RandomSource::Secure } else { RandomSource::PerMessage },
            ..Self::default()
        }
    }
}
