//! The server's side of what a worker says: questions to tables are answered, and
//! what a call changed is taken over.
//!
//! # Invariants
//! - Nothing is taken over from an answer that breaks a limit which a guest has: a
//!   worker whose plugin broke out of its instance gains nothing by it.

use tureen_message::{Message, Problem};
use tureen_template::{Movement, Tables, VariableBounds};

use super::frames::Blob;
use super::travelling::TravellingVariables;
use super::wire::{
    Called, TableAnswer, TableQuestion, TravellingFailure, TravellingNotification,
    TravellingProblem, WholeTable,
};
use crate::exchange::{LogLevel, LogLine, Notification, Run, Target};
use crate::failure::{Breakdown, Failure};
use crate::imports::notification_fits;
use crate::limits::Limits;
use crate::snapshot::Configured;
use crate::step::{Finding, Reach, Reaching, Requirement};
use crate::told;

/// Lines of the log of one call besides those that the plugin wrote: how many were cut.
const OWN_LINES: u32 = 1;

/// Bytes of one answer beyond what limits of the plugin bound.
const ANSWER_BYTES: usize = 4 << 20;

/// The least bytes of one variable, log line or notification in an answer.
const OVERHEAD: usize = 64;

/// How long the answer to a call of a plugin with these limits may be.
pub(super) fn answer_bytes_max(limits: &Limits, run: &Run) -> u32 {
    let count = run.variables.iter().count().max(limits.variables);
    let told = limits.notifications as usize * (8 << 10);
    let parts = [
        limits.output_bytes,
        // A run may have more variables than this plugin may set.
        (16 << 20_usize).max(limits.variable_bytes),
        limits.log_bytes,
        (limits.log_lines as usize).saturating_add(count).saturating_mul(OVERHEAD),
        told,
        ANSWER_BYTES,
    ];
    let sum = parts.into_iter().fold(0_usize, usize::saturating_add);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Asks the tables that the step is granted.
pub(super) fn answer(question: TableQuestion, tables: &dyn Tables) -> TableAnswer {
    match question {
        TableQuestion::Lookup { table, key } => {
            TableAnswer::Found(tables.lookup(&table, &key).map_err(Into::into))
        }
        TableQuestion::HasLookup { table } => TableAnswer::Has(tables.has_lookup(&table)),
        TableQuestion::Whole { table } => TableAnswer::Whole(whole(tables, &table)),
        TableQuestion::Move { table, to_random } => {
            TableAnswer::Moved(match tables.data_table(&table) {
                Some(found) => {
                    let movement = if to_random { Movement::Random } else { Movement::Next };
                    tables.move_row(found, movement).map_err(Into::into)
                }
                None => {
                    Err(Problem::new("data-table.unknown", "there is no such data table").into())
                }
            })
        }
        TableQuestion::Row { table } => {
            TableAnswer::Row(tables.data_table(&table).and_then(|found| tables.current_row(found)))
        }
    }
}

fn whole(tables: &dyn Tables, name: &str) -> Option<WholeTable> {
    let table = tables.data_table(name)?;
    let fields: Vec<String> = table.fields().map(str::to_owned).collect();
    let value = |row, field: &String| table.value(row, field).unwrap_or_default().to_owned();
    let row = |row| fields.iter().map(|field| value(row, field)).collect();
    let rows = (1..=table.row_count()).map(row).collect();
    Some(WholeTable { name: table.name().to_owned(), fields, rows })
}

impl From<Problem> for TravellingProblem {
    fn from(problem: Problem) -> Self {
        let Problem { code, text, place, .. } = problem;
        Self { code: code.to_owned(), text, place }
    }
}

/// What a call changed, taken over into the run.
///
/// # Errors
/// It breaks a limit, or cannot be read: nothing was taken over. Why, in words.
pub(super) fn take_over(
    called: &mut Called,
    run: &mut Run,
    target: Target,
    plugin: &str,
    limits: &Limits,
) -> Result<(), String> {
    let changed = called.changed.take();
    let changed = changed.map(|bytes| changed_message(bytes, run, target, limits)).transpose()?;
    let lines = std::mem::take(&mut called.log);
    let lines = checked_lines(lines, plugin, limits)?;
    let notifications = std::mem::take(&mut called.notifications);
    let notifications = checked_notifications(notifications, plugin, limits)?;
    if let Some(variables) = called.variables.take() {
        take_variables(variables, run, limits)?;
    }
    for notification in notifications {
        // Over the limit of a run: as where the plugin told it here.
        run.notifications.push(notification);
    }
    if let Some(message) = changed {
        run.exchange.put(target.setting, target.direction, message);
    }
    run.log.extend(lines);
    run.variables.ids_given(called.ids);
    run.acknowledgements = called.acknowledgements;
    Ok(())
}

fn changed_message(
    Blob(bytes): Blob,
    run: &Run,
    target: Target,
    limits: &Limits,
) -> Result<Message, String> {
    if !target.writable {
        return Err("it changed a message that it may only read".to_owned());
    }
    if bytes.len() > limits.output_bytes {
        return Err(format!("its message has {} bytes", bytes.len()));
    }
    let before = run.exchange.message(target.setting, target.direction).ok().flatten();
    let before = before.ok_or("it changed a message that is not there")?;
    Message::parse(before.format(), bytes, &before.parse_options())
        .map_err(|problem| format!("its message cannot be read again: {}", problem.code))
}

fn checked_lines(
    lines: Vec<(u8, String)>,
    plugin: &str,
    limits: &Limits,
) -> Result<Vec<LogLine>, String> {
    let bytes: usize = lines.iter().map(|(_, text)| text.len()).sum();
    let allowed = limits.log_lines.saturating_add(OWN_LINES);
    if lines.len() > allowed as usize
        || bytes > limits.log_bytes.saturating_add(told::TEXT_CHARS_MAX)
    {
        return Err(format!("it wrote {} log lines", lines.len()));
    }
    let line = |(level, text)| LogLine { plugin: plugin.to_owned(), level: level_of(level), text };
    Ok(lines.into_iter().map(line).collect())
}

const LEVELS: [LogLevel; 5] =
    [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

pub(super) fn number_of(level: LogLevel) -> u8 {
    let number = LEVELS.iter().position(|it| *it == level).unwrap_or_default();
    u8::try_from(number).unwrap_or_default()
}

fn level_of(number: u8) -> LogLevel {
    LEVELS.get(usize::from(number)).copied().unwrap_or(LogLevel::Error)
}

fn checked_notifications(
    notifications: Vec<TravellingNotification>,
    plugin: &str,
    limits: &Limits,
) -> Result<Vec<Notification>, String> {
    if notifications.len() > limits.notifications as usize {
        return Err(format!("it told {} notifications", notifications.len()));
    }
    let checked = notifications.into_iter().map(|told| {
        let TravellingNotification { text, critical, key } = told;
        let notification = Notification { plugin: plugin.to_owned(), text, critical, key };
        notification_fits(&notification).map_err(|problem| problem.text)?;
        Ok(notification)
    });
    checked.collect()
}

/// The bounds of the plugin hold for what it adds, those of the run for all.
fn take_variables(
    variables: TravellingVariables,
    run: &mut Run,
    limits: &Limits,
) -> Result<(), String> {
    let before = TravellingVariables::of(&run.variables);
    let size =
        |all: &[(String, String)]| all.iter().map(|(name, value)| name.len() + value.len()).sum();
    let bounds = VariableBounds {
        count: limits.variables.max(before.workflow.len()),
        bytes: limits.variable_bytes.max(size(&before.workflow)),
    };
    let (count, bytes): (usize, usize) = (variables.workflow.len(), size(&variables.workflow));
    if count > bounds.count || bytes > bounds.bytes {
        return Err(format!("it left {count} variables of {bytes} bytes"));
    }
    let told = |problem: tureen_template::VariableProblem| problem.code().to_owned();
    let mut after = run.variables.clone();
    after.replace_workflow(variables.workflow).map_err(told)?;
    match (variables.workflow_error, before.workflow_error) {
        (Some(text), _) => after.set("WorkflowError", text).map_err(told)?,
        (None, Some(_)) => after.unset("WorkflowError"),
        (None, None) => {}
    }
    run.variables = after;
    Ok(())
}

/// A failure as a worker tells it, as long as a guest's may be.
pub(super) fn failure_of(told: TravellingFailure, plugin: &str) -> Failure {
    let failure = told.of_plugin(plugin);
    let breakdown = failure.breakdown.map(|breakdown| {
        let Breakdown { outcome, trap, stack } = *breakdown;
        let stack = stack.into_iter().take(Breakdown::STACK_MAX);
        let stack = stack.map(|name| told::line(&name, Breakdown::NAME_CHARACTERS_MAX + 1));
        let trap = trap.map(|trap| told::line(&trap, told::CODE_CHARS_MAX));
        Box::new(Breakdown { outcome, trap, stack: stack.collect() })
    });
    Failure {
        code: told::line(&failure.code, told::CODE_CHARS_MAX),
        text: told::line(&failure.text, told::FINDING_CHARS_MAX),
        place: failure.place.map(|place| told::line(&place, told::PLACE_CHARS_MAX)),
        breakdown,
        ..failure
    }
}

/// What `configure` answered, as long as a guest's answer may be.
pub(super) fn configured(told: Configured) -> Configured {
    let Configured { findings, requires, reaches } = told;
    let most = told::FINDINGS_MAX;
    let finding = |it: Finding| Finding {
        severity: it.severity,
        code: told::line(&it.code, told::CODE_CHARS_MAX),
        text: told::line(&it.text, told::FINDING_CHARS_MAX),
        pointer: told::line(&it.pointer, told::PLACE_CHARS_MAX),
        detail: it
            .detail
            .into_iter()
            .take(told::DETAILS_MAX)
            .map(|(name, value)| {
                let name = told::line(&name, told::CODE_CHARS_MAX);
                (name, told::line(&value, told::FINDING_CHARS_MAX))
            })
            .collect(),
    };
    let pointer = |pointer: &str| told::line(pointer, told::PLACE_CHARS_MAX);
    let requirement =
        |it: Requirement| Requirement { pointer: pointer(&it.pointer), needs: it.needs };
    let reaching = |it: Reaching| Reaching { pointer: pointer(&it.pointer), to: short(it.to) };
    Configured {
        // Besides those that a guest may tell: that there were too many.
        findings: findings.into_iter().take(most + 2).map(finding).collect(),
        requires: requires.into_iter().take(most).map(requirement).collect(),
        reaches: reaches.into_iter().take(most).map(reaching).collect(),
    }
}

fn short(reach: Reach) -> Reach {
    let short = |text: String| told::line(&text, told::TEXT_CHARS_MAX);
    match reach {
        Reach::Server(text) => Reach::Server(short(text)),
        Reach::Secret(text) => Reach::Secret(short(text)),
        Reach::Certificate(text) => Reach::Certificate(short(text)),
    }
}
