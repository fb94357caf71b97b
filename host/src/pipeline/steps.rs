//! The steps of one run: hands the run's state to the sandbox and takes it back,
//! builds messages from templates in the contract's phases, turns failures into
//! run errors.

use std::borrow::Cow;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tureen_message::binary::Binary;
use tureen_message::csv::CsvOptions;
use tureen_message::dicom::DicomOptions;
use tureen_message::{Format, Limits, Message, ParseOptions, Problem};
use tureen_sandbox::{Activity, Failure, Fault, Notification, Performed, Run, Target, Verdict};
use tureen_template::{ByFormat, Direction, SettingId, Template};

use super::ends::loggable;
use super::hooks::{Done, Hook, Untold};
use super::lines::PluginLines;
use super::notifications::{self, ToldKeys};
use super::{NotificationRecord, Settings};
use crate::config::Encode;
use crate::response::RunError;
use crate::workflow::definition;
use crate::workflow::running::{FilterSteps, RunningActivity, RunningStep, StepName, Workflow};

pub(super) struct Steps<'a> {
    workflow: &'a Workflow,
    settings: &'a Settings,
    /// Out only while a step has it; every call gives it back.
    run: Option<Box<Run>>,
    telling: Telling<'a>,
    notifications: Vec<NotificationRecord>,
}

/// What becomes of log lines and notifications.
pub(super) struct Telling<'a> {
    pub(super) lines: &'a PluginLines,
    pub(super) told: &'a ToldKeys,
    /// Are they kept for whoever runs the message?
    pub(super) is_recorded: bool,
}

/// What a template is built for.
struct Blueprint<'a> {
    template: &'a Template,
    format: Format,
    csv: &'a CsvOptions,
    dicom: DicomOptions,
    target: Target,
    /// For error texts.
    name: &'a str,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        workflow: &'a Workflow,
        settings: &'a Settings,
        run: Box<Run>,
        telling: Telling<'a>,
    ) -> Self {
        Self { workflow, settings, run: Some(run), telling, notifications: Vec::new() }
    }

    /// What was told so far, where that is recorded.
    pub(super) fn into_notifications(self) -> Vec<NotificationRecord> {
        self.notifications
    }

    fn take(&mut self) -> Result<Box<Run>, RunError> {
        self.run.take().ok_or_else(|| host_error("run.lost", "the state of the run was lost"))
    }

    pub(super) fn put(&mut self, setting: SettingId, direction: Direction, message: Message) {
        if let Some(run) = &mut self.run {
            run.exchange.put(setting, direction, message);
        }
    }

    pub(super) fn message(&self, setting: SettingId, direction: Direction) -> Option<&Message> {
        self.run.as_ref()?.exchange.message(setting, direction).ok().flatten()
    }

    /// The workflow's variables, in the order in which they were first set.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let variables = self.run.iter().flat_map(|run| run.variables.iter());
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A filter's own transformers, then its conditions: why it says no.
    pub(super) async fn decide(
        &mut self,
        filter: &FilterSteps,
        target: Target,
    ) -> Result<Option<String>, RunError> {
        if let Some(transformers) = &filter.transformers {
            self.transform(transformers, target).await?;
        }
        let run = self.take()?;
        let (run, decided) =
            filter.conditions.step.decide(run, Target { writable: false, ..target }).await;
        self.back(run, &filter.conditions.name);
        match decided.map_err(|failure| run_error(failure, &filter.conditions.name))? {
            Verdict::Pass => Ok(None),
            Verdict::Stop(reason) => Ok(Some(reason)),
        }
    }

    pub(super) async fn transform(
        &mut self,
        step: &RunningStep,
        target: Target,
    ) -> Result<(), RunError> {
        let run = self.take()?;
        let (run, transformed) = step.step.transform(run, target, Vec::new()).await;
        self.back(run, &step.name);
        transformed.map_err(|failure| run_error(failure, &step.name))
    }

    /// Builds an activity's message; gives its bytes.
    pub(super) async fn compose(
        &mut self,
        activity: &definition::Activity,
        transformers: Option<&RunningStep>,
    ) -> Result<Vec<u8>, RunError> {
        let target =
            Target { setting: activity.id, direction: Direction::Outbound, writable: true };
        let blueprint = Blueprint {
            template: &activity.template,
            format: activity.message_type,
            csv: &activity.csv,
            dicom: activity.dicom,
            target,
            name: &activity.name,
        };
        self.build(&blueprint, transformers).await?;
        let sent = self.message(activity.id, Direction::Outbound);
        Ok(sent.map(|message| message.bytes().to_vec()).unwrap_or_default())
    }

    /// Builds the receiver's custom response.
    pub(super) async fn respond(
        &mut self,
        transformers: Option<&RunningStep>,
    ) -> Result<Message, RunError> {
        let workflow = self.workflow;
        let receiver = &workflow.definition().receiver;
        let target =
            Target { setting: receiver.id, direction: Direction::Outbound, writable: true };
        let blueprint = Blueprint {
            template: &receiver.response.template,
            format: receiver.message_type,
            csv: &receiver.csv,
            dicom: receiver.dicom,
            target,
            name: "response",
        };
        self.build(&blueprint, transformers).await?;
        self.forced_error()?;
        let built =
            self.run.as_mut().and_then(|run| run.exchange.take(receiver.id, Direction::Outbound));
        built.ok_or_else(|| host_error("run.lost", "the response was lost"))
    }

    /// The phases of contract 3.2: messages of other settings are inserted, the
    /// result is parsed; transformers change it; the other placeholders are
    /// filled in, never to be scanned again.
    async fn build(
        &mut self,
        blueprint: &Blueprint<'_>,
        transformers: Option<&RunningStep>,
    ) -> Result<(), RunError> {
        let run = self.run.as_mut().ok_or_else(|| host_error("run.lost", "the run was lost"))?;
        let Target { setting, direction, .. } = blueprint.target;
        if let Some(whole) = whole_message(blueprint, run, &self.settings.parse.limits) {
            // The message itself, not its text: bytes stay what they are.
            run.exchange.put(setting, direction, whole);
            return match transformers {
                Some(step) => self.transform(step, blueprint.target).await,
                None => Ok(()),
            };
        }
        let mut draft = blueprint.template.begin(blueprint.format == Format::Json, &run.exchange);
        if self.settings.config.encode(self.workflow.name()) == Encode::ByFormat {
            let delimiter = blueprint.csv.delimiter;
            draft = draft.writing(ByFormat { format: blueprint.format, delimiter });
        }
        if let Some(problem) = draft.problem() {
            return Err(author_error(blueprint, problem.clone()));
        }
        let text = match transformers {
            None => Cow::Borrowed(draft.text.as_str()),
            Some(step) => {
                let message = self.parsed(blueprint, &draft.text);
                let message = message
                    .map_err(|problem| author_error(blueprint, draft.in_template(problem)))?;
                self.put(setting, direction, message);
                self.transform(step, blueprint.target).await?;
                let built = self.message(setting, direction).map(Message::whole_text);
                Cow::Owned(built.unwrap_or_default().into_owned())
            }
        };
        if !draft.has_tokens() && transformers.is_some() {
            // What the transformers left is the message.
            return Ok(());
        }
        let run = self.run.as_mut().ok_or_else(|| host_error("run.lost", "the run was lost"))?;
        draft
            .settle_variables(&mut run.variables, &run.exchange, run.tables.as_ref())
            .map_err(|problem| author_error(blueprint, problem))?;
        let finished = draft
            .finish(&text, &run.variables, &run.exchange, run.tables.as_ref())
            .map_err(|problem| author_error(blueprint, problem))?;
        let message = self.parsed(blueprint, &finished);
        let message = message.map_err(|problem| author_error(blueprint, problem))?;
        self.put(setting, direction, message);
        Ok(())
    }

    fn parsed(&self, blueprint: &Blueprint<'_>, text: &str) -> Result<Message, Problem> {
        let options = self.parse_options(blueprint);
        match blueprint.format {
            Format::Binary | Format::Dicom => {
                let bytes = BASE64.decode(text.trim()).map_err(|error| {
                    let text = format!("the text of a binary message is not base64: {error}");
                    Problem::new("binary.base64", text)
                })?;
                Message::parse(blueprint.format, bytes, &options)
            }
            Format::Hl7 | Format::Json | Format::Csv | Format::Xml | Format::Text => {
                Message::parse_text(blueprint.format, text.to_owned(), &options)
            }
        }
    }

    fn parse_options(&self, blueprint: &Blueprint<'_>) -> ParseOptions {
        ParseOptions {
            csv: blueprint.csv.clone(),
            dicom: blueprint.dicom,
            ..ParseOptions::clone(&self.settings.parse)
        }
    }

    /// The deed itself.
    pub(super) async fn perform(
        &mut self,
        performed: &Activity,
        activity: &RunningActivity,
        definition: &definition::Activity,
    ) -> Result<Performed, RunError> {
        let target =
            Target { setting: definition.id, direction: Direction::Outbound, writable: false };
        let run = self.take()?;
        let (run, outcome) = performed.process(run, target).await;
        self.back(run, &activity.name);
        outcome.map_err(|failure| run_error(failure, &activity.name))
    }

    /// What an activity has answered. A plugin does not know the delimiter of its setting, so
    /// the host reads an answer in CSV by it.
    pub(super) fn answered(
        &mut self,
        activity: &definition::Activity,
        response: Message,
    ) -> Result<(), RunError> {
        let is_csv = response.format() == Format::Csv && activity.message_type == Format::Csv;
        if is_csv && activity.csv != self.settings.parse.csv {
            return self.reply(activity, response.bytes().to_vec());
        }
        self.put(activity.id, Direction::Inbound, response);
        Ok(())
    }

    /// What an activity that nobody performed is said to have answered.
    pub(super) fn reply(
        &mut self,
        activity: &definition::Activity,
        bytes: Vec<u8>,
    ) -> Result<(), RunError> {
        let options = ParseOptions {
            csv: activity.csv.clone(),
            dicom: activity.dicom,
            ..ParseOptions::clone(&self.settings.parse)
        };
        let message =
            Message::parse(activity.message_type, bytes, &options).map_err(|problem| {
                let place = Some(format!("reply of {:?}", activity.name));
                let (code, text) = (problem.code.to_owned(), problem.text);
                RunError { code, fault: Fault::Author, text, place, inside: None, is_quoted: false }
            })?;
        self.put(activity.id, Direction::Inbound, message);
        Ok(())
    }

    /// Tells every activity that was performed how the run ended.
    pub(super) async fn settle(&mut self, untold: &mut Untold, hook: Hook, message_id: &str) {
        while let Some(done) = untold.next(hook) {
            self.tell(done, hook, message_id).await;
        }
    }

    async fn tell(&mut self, done: Done, hook: Hook, message_id: &str) {
        let workflow = self.workflow;
        let Some(activity) = workflow.activities().get(done.index) else { return };
        // Only what was performed is told.
        let Some(performed) = &activity.activity else { return };
        let setting = activity.definition(workflow).id;
        let target = Target { setting, direction: Direction::Outbound, writable: false };
        // A step that was cut off took the state of the run with it.
        let run = self.take().unwrap_or_else(|_| workflow.run_without_message(message_id));
        let (run, told) = hook.tell(performed, done.by, run, target).await;
        self.back(run, &activity.name);
        if let Err(failure) = told {
            // The outcome stands; the operator should know.
            let error = run_error(failure, &activity.name);
            let words = loggable(&error);
            tracing::warn!(code = error.code, fault = %error.fault, "after a run: {words}");
        }
    }

    /// `WorkflowError` set by a step puts the run in error state (contract 3.2).
    pub(super) fn forced_error(&self) -> Result<(), RunError> {
        let Some(run) = &self.run else { return Ok(()) };
        let forced = run.variables.get("WorkflowError");
        if !forced.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        let text = "a step of the workflow set the variable WorkflowError".to_owned();
        let code = "workflow.error".to_owned();
        let (place, inside) = (None, None);
        Err(RunError { code, fault: Fault::Author, text, place, inside, is_quoted: false })
    }

    pub(super) fn set_error(&mut self, error: &RunError) {
        if let Some(run) = &mut self.run {
            run.variables.set_builtin("WorkflowError", "True");
            run.variables.set_builtin("WorkflowErrorMessage", error.to_string());
        }
    }

    fn back(&mut self, mut run: Box<Run>, step: &StepName) {
        for line in run.log.drain(..) {
            self.telling.lines.show(step, &run.facts, &line, &self.settings.config);
        }
        for notification in run.notifications.take() {
            self.tell_person(step, &run.facts.message_id, notification);
        }
        self.run = Some(run);
    }

    fn tell_person(&mut self, step: &StepName, id: &str, notification: Notification) {
        let Telling { told, is_recorded, .. } = self.telling;
        if !told.admits(self.workflow.name(), notification.key.as_deref(), Instant::now()) {
            return;
        }
        notifications::log(step, id, &notification);
        if is_recorded {
            let Notification { text, critical, .. } = notification;
            self.notifications.push(NotificationRecord { step: step.name.clone(), critical, text });
        }
    }
}

fn run_error(failure: Failure, step: &StepName) -> RunError {
    // The sandbox's own codes begin so, and no plugin's do; their texts are ours.
    let ours = failure.code.starts_with("plugin.") || step.speaks(&failure.plugin);
    let Failure { fault, code, text, place, plugin, .. } = failure;
    // A step tells the place in its settings and in the message.
    let inside = place.filter(|_| ours);
    let place = Some(format!("step {:?}, plugin {plugin}", step.name));
    let code = if ours { code } else { plain_code(&code) };
    RunError { code, fault, text, place, inside, is_quoted: !ours }
}

/// A third party's code as far as it is one: lower-case words, dots, dashes.
fn plain_code(code: &str) -> String {
    let plain = |it: char| it.is_ascii_lowercase() || matches!(it, '.' | '-');
    match code {
        "" => "step.failed".to_owned(),
        code if code.chars().all(plain) => code.to_owned(),
        _ => "step.failed".to_owned(),
    }
}

/// A template that is exactly one placeholder of another message passes that
/// message on, when it is of the right format. The bytes of a DICOM message are
/// a binary one, too: its text is JSON, which no bytes could be made of.
fn whole_message(blueprint: &Blueprint<'_>, run: &Run, limits: &Limits) -> Option<Message> {
    let (setting, direction) = blueprint.template.whole_message()?;
    let message = run.exchange.message(setting, direction).ok().flatten()?;
    match (message, blueprint.format) {
        (Message::Dicom(dicom), Format::Dicom) => {
            Some(Message::Dicom(dicom.shown_with(blueprint.dicom)))
        }
        (Message::Dicom(dicom), Format::Binary) => {
            Binary::parse(dicom.bytes().to_vec(), limits).ok().map(Message::Binary)
        }
        (message, format) => (message.format() == format).then(|| message.clone()),
    }
}

fn author_error(blueprint: &Blueprint<'_>, problem: Problem) -> RunError {
    let place = match problem.place {
        Some(place) => format!("message of {:?}, {place}", blueprint.name),
        None => format!("message of {:?}", blueprint.name),
    };
    RunError {
        code: problem.code.to_owned(),
        fault: Fault::Author,
        text: problem.text,
        place: Some(place),
        inside: None,
        is_quoted: false,
    }
}

fn host_error(code: &str, text: &str) -> RunError {
    RunError {
        code: code.to_owned(),
        fault: Fault::Host,
        text: text.to_owned(),
        place: None,
        inside: None,
        is_quoted: false,
    }
}
