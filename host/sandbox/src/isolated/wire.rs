//! What the server and a worker say to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frames::Blob;
use super::travelling::{TravellingGrants, TravellingRun, TravellingVariables};
use super::travelling_globals::TravellingGlobal;
use super::zone::Zone;
use crate::compile::Fingerprint;
use crate::failure::{Breakdown, Failure, Fault};
use crate::instance::Identity;
use crate::isolated::WorkerLimits;
use crate::limits::Limits;
use crate::snapshot::Configured;
use crate::usage::{CallOutcome, Usage};

/// From the server.
#[derive(Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// First, and once.
    Begin(Box<Begin>),
    /// Who is the plugin?
    Identify,
    /// Takes a step of the plugin up: its settings are handed over.
    TakeUp(Box<StepToTakeUp>),
    /// A step that is not called any more.
    LetGo(u64),
    Call(Box<Call>),
    /// To a question that was asked in a call.
    Answer(TableAnswer),
}

/// From a worker; each is the answer to one thing, but for `Ask`.
#[derive(Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// It is confined and has the plugin's code.
    Ready,
    /// The system does not confine it: nothing of the plugin was run.
    Unconfined(String),
    /// It cannot begin.
    Failed(String),
    Identified(Result<Identity, TravellingFailure>),
    TakenUp(Result<Configured, TravellingFailure>),
    /// In a call: the host has the tables.
    Ask(TableQuestion),
    Called(Box<Called>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Begin {
    pub(super) limits: WorkerLimits,
    pub(super) engine: Fingerprint,
    pub(super) stack_bytes: usize,
    pub(super) zone: Zone,
    /// For what the plugin's failures are told by.
    pub(super) plugin: String,
    /// Compiled by this program and verified by the server.
    pub(super) code: Blob,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StepToTakeUp {
    pub(super) step: u64,
    pub(super) settings: String,
    pub(super) owner: u128,
    pub(super) role: String,
    pub(super) limits: Limits,
    pub(super) grants: TravellingGrants,
    /// Is it linked with nothing, only to read its settings?
    pub(super) inert: bool,
    pub(super) reuse: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) step: u64,
    pub(super) decides: bool,
    pub(super) setting: u128,
    pub(super) is_inbound: bool,
    pub(super) writable: bool,
    pub(super) parameters: Vec<(String, String)>,
    /// What is left for the call around this one.
    pub(super) call_left: Option<Duration>,
    /// What is left for the message.
    pub(super) message_left: Option<Duration>,
    /// Where they are not those of the step's last call in this worker.
    pub(super) globals: Option<Vec<(String, TravellingGlobal)>>,
    pub(super) run: TravellingRun,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Called {
    pub(super) outcome: Result<Answered, TravellingFailure>,
    pub(super) usage: TravellingUsage,
    pub(super) variables: Option<TravellingVariables>,
    /// Repeatable ids that the run has given by now.
    pub(super) ids: u64,
    /// The target's bytes, where they changed.
    pub(super) changed: Option<Blob>,
    pub(super) log: Vec<(u8, String)>,
    pub(super) notifications: Vec<TravellingNotification>,
    pub(super) acknowledgements: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answered {
    Passed,
    Stopped(String),
    Done,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TravellingNotification {
    pub(super) text: String,
    pub(super) critical: bool,
    pub(super) key: Option<String>,
}

/// A question to the tables of the home, as [`tureen_template::Tables`] asks it.
#[derive(Serialize, Deserialize)]
pub(super) enum TableQuestion {
    Lookup { table: String, key: String },
    HasLookup { table: String },
    Whole { table: String },
    Move { table: String, to_random: bool },
    Row { table: String },
}

#[derive(Serialize, Deserialize)]
pub(super) enum TableAnswer {
    Found(Result<Option<String>, TravellingProblem>),
    Has(bool),
    Whole(Option<WholeTable>),
    Moved(Result<u32, TravellingProblem>),
    Row(Option<u32>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct WholeTable {
    pub(super) name: String,
    pub(super) fields: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TravellingProblem {
    pub(super) code: String,
    pub(super) text: String,
    pub(super) place: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct TravellingUsage {
    outcome: u8,
    running: Duration,
    host_calls: u32,
    memory_bytes: usize,
    is_reused: bool,
    log_lines: u32,
    log_lines_cut: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TravellingFailure {
    fault: u8,
    code: String,
    text: String,
    place: Option<String>,
    retry_after_ms: Option<u32>,
    breakdown: Option<(u8, Option<String>, Vec<String>)>,
}

const FAULTS: [Fault; 4] = [Fault::Sender, Fault::Author, Fault::Plugin, Fault::Host];

impl From<Failure> for TravellingFailure {
    fn from(failure: Failure) -> Self {
        let Failure { fault, code, text, place, retry_after_ms, breakdown, .. } = failure;
        let number = FAULTS.iter().position(|it| *it == fault).unwrap_or_default();
        let breakdown = breakdown.map(|it| (it.outcome as u8, it.trap, it.stack));
        let fault = u8::try_from(number).unwrap_or_default();
        Self { fault, code, text, place, retry_after_ms, breakdown }
    }
}

impl TravellingFailure {
    /// As it was; a number that nobody has is the plugin's fault.
    pub(super) fn of_plugin(self, plugin: &str) -> Failure {
        let fault = FAULTS.get(usize::from(self.fault)).copied();
        let breakdown = self.breakdown.map(|(outcome, trap, stack)| {
            Box::new(Breakdown { outcome: outcome_of(outcome), trap, stack })
        });
        Failure {
            fault: fault.unwrap_or(Fault::Plugin),
            code: self.code,
            text: self.text,
            place: self.place,
            plugin: plugin.to_owned(),
            retry_after_ms: self.retry_after_ms,
            breakdown,
        }
    }
}

fn outcome_of(number: u8) -> CallOutcome {
    CallOutcome::ALL.get(usize::from(number)).copied().unwrap_or(CallOutcome::Worker)
}

impl From<Usage> for TravellingUsage {
    fn from(usage: Usage) -> Self {
        Self {
            outcome: usage.outcome as u8,
            running: usage.running,
            host_calls: usage.host_calls,
            memory_bytes: usage.memory_bytes,
            is_reused: usage.is_reused,
            log_lines: usage.log_lines,
            log_lines_cut: usage.log_lines_cut,
        }
    }
}

impl From<TravellingUsage> for Usage {
    fn from(usage: TravellingUsage) -> Self {
        let without = Self::without_instance(outcome_of(usage.outcome));
        Self {
            running: usage.running,
            host_calls: usage.host_calls,
            memory_bytes: usage.memory_bytes,
            is_reused: usage.is_reused,
            log_lines: usage.log_lines,
            log_lines_cut: usage.log_lines_cut,
            ..without
        }
    }
}
