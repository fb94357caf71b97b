//! Describes a run, and lets a step take part in it.

use super::native::{self, CustomTransformer, Run};
use super::outcome::{ActivityOutcome, Decision, Failure, LogLine, Outcome};
use crate::{
    Activity, Configure, Context, Direction, Filter, Findings, Format, Level, Message, SettingId,
    StepError, Transformer,
};
use serde_json::Value as Json;
use std::rc::Rc;

/// One run: the message, what surrounds it, and the settings of the step.
///
/// Without more, the run has an empty text message, no variables, no tables,
/// and its clock stands at 2026-01-02 03:04:05 UTC.
#[derive(Clone, Debug)]
pub struct TestRun {
    format: Format,
    bytes: Vec<u8>,
    delimiter: String,
    variables: Vec<(String, String)>,
    globals: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    messages: Vec<OtherText>,
    parameters: Vec<(String, String)>,
    tables: Vec<native::LookupTable>,
    data_tables: Vec<native::DataTableText>,
    custom_transformers: Vec<(String, CustomTransformer)>,
    settings: String,
    owner: String,
    role: Option<&'static str>,
    attempt: u32,
}

/// The message of another setting; without one, the setting merely exists.
#[derive(Clone, Debug)]
struct OtherText {
    setting: String,
    direction: Direction,
    message: Option<(Format, Vec<u8>)>,
}

impl Default for TestRun {
    fn default() -> Self {
        Self {
            format: Format::Text,
            bytes: Vec::new(),
            delimiter: String::new(),
            variables: Vec::new(),
            globals: Vec::new(),
            secrets: Vec::new(),
            messages: Vec::new(),
            parameters: Vec::new(),
            tables: Vec::new(),
            data_tables: Vec::new(),
            custom_transformers: Vec::new(),
            settings: String::from("{}"),
            owner: String::new(),
            role: None,
            attempt: 1,
        }
    }
}

impl TestRun {
    /// A run with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The message that the step is given; until another is named, it is also
    /// what the receiver received.
    #[must_use]
    pub fn message(mut self, format: Format, bytes: &[u8]) -> Self {
        self.format = format;
        self.bytes = bytes.to_vec();
        self
    }

    /// The delimiter of CSV messages; a comma until it is given.
    #[must_use]
    pub fn delimiter(mut self, delimiter: &str) -> Self {
        delimiter.clone_into(&mut self.delimiter);
        self
    }

    /// A workflow variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A global variable.
    #[must_use]
    pub fn global(mut self, name: &str, value: &str) -> Self {
        self.globals.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A secret that the plugin is granted.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The message of another setting; an empty id is the receiver's.
    #[must_use]
    pub fn setting_message(
        mut self,
        setting: &str,
        direction: Direction,
        format: Format,
        bytes: &[u8],
    ) -> Self {
        let message = Some((format, bytes.to_vec()));
        self.messages.push(OtherText { setting: setting.to_owned(), direction, message });
        self
    }

    /// A setting of the workflow that has no message: not run yet, filtered,
    /// disabled, or without a response.
    #[must_use]
    pub fn setting_without_message(mut self, setting: &str) -> Self {
        for direction in [Direction::Inbound, Direction::Outbound] {
            self.messages.push(OtherText { setting: setting.to_owned(), direction, message: None });
        }
        self
    }

    /// A parameter of a custom transformer's call.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A lookup table of the home. Its keys are without regard to case; of equal
    /// ones the last counts.
    #[must_use]
    pub fn table(mut self, name: &str, rows: &[(&str, &str)]) -> Self {
        let rows = rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.tables.push((name.to_owned(), rows.collect()));
        self
    }

    /// A data table of the home: its fields, and rows with a value for each.
    #[must_use]
    pub fn data_table(mut self, name: &str, fields: &[&str], rows: &[&[&str]]) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rows = rows.iter().map(|row| texts(row)).collect();
        self.data_tables.push((name.to_owned(), texts(fields), rows));
        self
    }

    /// A transformer of another plugin, played by a function that is given the
    /// parameters and the message.
    #[must_use]
    pub fn custom_transformer(
        mut self,
        type_name: &str,
        transformer: impl Fn(&[(String, String)], &mut Message) -> Result<(), StepError> + 'static,
    ) -> Self {
        let transformer = CustomTransformer(Rc::new(transformer));
        self.custom_transformers.push((type_name.to_owned(), transformer));
        self
    }

    /// The settings of the step.
    #[must_use]
    pub fn settings(mut self, settings: Json) -> Self {
        self.settings = settings.to_string();
        self
    }

    /// The settings of the step as JSON text, such as that of a file. What is no
    /// JSON is a finding of the run.
    #[must_use]
    pub fn settings_text(mut self, settings: &str) -> Self {
        settings.clone_into(&mut self.settings);
        self
    }

    /// The receiver or activity that the step belongs to.
    #[must_use]
    pub fn owner(mut self, id: &str) -> Self {
        id.clone_into(&mut self.owner);
        self
    }

    /// What the workflow uses the step for, by the contract's name; until it is
    /// given, what fits the kind: `filter`, `receiver-variables`, `activity`.
    #[must_use]
    pub fn role(mut self, role: &'static str) -> Self {
        self.role = Some(role);
        self
    }

    /// Which attempt this is; 1 until it is given.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Reads the settings alone: the findings and requirements of a step.
    pub fn configure<T: Configure>(&self, role: &'static str) -> crate::Configuration {
        let role = self.role.unwrap_or(role);
        crate::configure::<T>(&self.settings, &self.owner, role).1
    }

    /// Runs a transformer.
    ///
    /// # Errors
    /// What is wrong with the settings or the test, or what the step answers.
    pub fn transform<T: Transformer>(&self) -> Result<Outcome, Failure> {
        let (step, warnings) = self.step::<T>("receiver-variables")?;
        let (run, mut message) = self.start()?;
        step.transform(&context(&run), &mut message)?;
        Ok(outcome(&run, &message, warnings))
    }

    /// Runs a function in a transformer's place: for a helper that is no step of
    /// its own.
    ///
    /// # Errors
    /// As [`TestRun::transform`].
    pub fn transform_with(
        &self,
        transform: impl FnOnce(&Context, &mut Message) -> Result<(), StepError>,
    ) -> Result<Outcome, Failure> {
        let (run, mut message) = self.start()?;
        transform(&context(&run), &mut message)?;
        Ok(outcome(&run, &message, Findings::default()))
    }

    /// Runs a filter.
    ///
    /// # Errors
    /// As [`TestRun::transform`].
    pub fn filter<T: Filter>(&self) -> Result<Decision, Failure> {
        let (step, warnings) = self.step::<T>("filter")?;
        let (run, message) = self.start()?;
        let verdict = step.decide(&context(&run), &message)?;
        Ok(Decision { verdict, outcome: outcome(&run, &message, warnings) })
    }

    /// Runs an activity for one message: opens it, performs it, tells it that
    /// all succeeded, and closes it.
    ///
    /// # Errors
    /// As [`TestRun::transform`]. The activity is closed then, too.
    pub fn perform<T: Activity>(&self) -> Result<ActivityOutcome, Failure> {
        let mut activity = self.open::<T>()?;
        let outcome = activity.process(self);
        if outcome.is_ok() {
            activity.all_succeeded();
        }
        activity.close();
        outcome
    }

    /// Opens an activity, for a test that sends it several messages.
    ///
    /// # Errors
    /// As [`TestRun::transform`], and when it does not open.
    pub fn open<T: Activity>(&self) -> Result<OpenActivity<T>, Failure> {
        let (mut step, warnings) = self.step::<T>("activity")?;
        let (run, _) = self.start_as("activity")?;
        step.open(&context(&run)).map_err(Failure::Open)?;
        Ok(OpenActivity { step, run, warnings })
    }

    fn step<T: Configure>(&self, role: &'static str) -> Result<(T, Findings), Failure> {
        let role = self.role.unwrap_or(role);
        let (step, configuration) = crate::configure::<T>(&self.settings, &self.owner, role);
        match step {
            Some(step) => Ok((step, configuration.findings)),
            None => Err(Failure::Settings(configuration.findings)),
        }
    }

    fn start(&self) -> Result<(Rc<Run>, Message), Failure> {
        self.start_as("")
    }

    /// For a step of that role, until the test names another.
    fn start_as(&self, role: &'static str) -> Result<(Rc<Run>, Message), Failure> {
        let options = native::parse_options(&self.delimiter).map_err(Failure::Test)?;
        let parse = |format: Format, bytes: &[u8]| {
            native::Message::parse_with(format, bytes, options.clone()).map_err(Failure::Test)
        };
        let id = |text: &str| SettingId::parse(text).map_err(Failure::Test);
        let message = parse(self.format, &self.bytes)?;
        let mut messages = Vec::new();
        for other in &self.messages {
            let text = other.message.as_ref();
            let text = text.map(|(format, bytes)| parse(*format, bytes)).transpose()?;
            messages.push((id(&other.setting)?, other.direction, text));
        }
        messages.push((SettingId::NONE, Direction::Inbound, Some(message.clone())));
        let owner = id(&self.owner)?;
        let own = native::own_direction(self.role.unwrap_or(role));
        messages.push((owner, own, Some(message.clone())));
        let run = Run::new(native::Surroundings {
            variables: &self.variables,
            globals: &self.globals,
            secrets: &self.secrets,
            messages,
            parameters: self.parameters.clone(),
            tables: self.tables.clone(),
            data_tables: &self.data_tables,
            custom_transformers: self.custom_transformers.clone(),
            setting: owner,
            attempt: self.attempt,
        });
        Ok((Rc::new(run.map_err(Failure::Test)?), Message(message)))
    }
}

/// An activity between its opening and its closing.
#[derive(Debug)]
pub struct OpenActivity<T> {
    step: T,
    run: Rc<Run>,
    warnings: Findings,
}

impl<T: Activity> OpenActivity<T> {
    /// Performs the step for the message of a run. The settings of that run do
    /// not matter.
    ///
    /// # Errors
    /// What the step answers, or what is wrong with the test.
    pub fn process(&mut self, run: &TestRun) -> Result<ActivityOutcome, Failure> {
        let (run, message) = run.start_as("activity")?;
        self.run = Rc::clone(&run);
        let response = self.step.process(&context(&run), &message)?;
        let response = response.map(|response| (response.format(), response.bytes()));
        Ok(ActivityOutcome { response, outcome: outcome(&run, &message, self.warnings.clone()) })
    }

    /// Every activity of the last message's run succeeded.
    pub fn all_succeeded(&mut self) {
        self.step.all_succeeded(&context(&self.run));
    }

    /// The last message's run failed after this activity.
    pub fn roll_back(&mut self) {
        self.step.roll_back(&context(&self.run));
    }

    /// The last message's run was cut off.
    pub fn cancel(&mut self) {
        self.step.cancel(&context(&self.run));
    }

    /// The workflow's version ends. Gives what the activity logged since its
    /// last message.
    pub fn close(&mut self) -> Vec<LogLine> {
        self.run.forget_log();
        self.step.close(&context(&self.run));
        log(&self.run)
    }
}

fn context(run: &Rc<Run>) -> Context {
    Context::new(native::Context(Rc::clone(run)))
}

fn outcome(run: &Run, message: &Message, warnings: Findings) -> Outcome {
    Outcome {
        message: message.bytes(),
        variables: run.workflow_variables(),
        log: log(run),
        notifications: run.notifications(),
        warnings,
    }
}

fn log(run: &Run) -> Vec<LogLine> {
    let line = |(level, text): (Level, String)| LogLine { level, text };
    run.log_lines().into_iter().map(line).collect()
}
