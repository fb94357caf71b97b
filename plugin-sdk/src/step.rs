//! What an author implements: the settings of a step, and the step itself.

use crate::{
    Context, Finding, Findings, Message, Problem, SettingId, Settings, Severity, StepError,
};
use std::cell::RefCell;

/// A step with settings: reads them once, at load.
///
/// A step without settings derives `Default` instead, and is then configured
/// with whatever it is given; a type has one or the other.
///
/// `configure` is called before anything else and may not call the host: the
/// host may keep the configured step and start every message from it.
pub trait Configure: Sized {
    /// Makes the step from its settings object.
    ///
    /// What does not keep the workflow from starting is told by
    /// [`Placement::warn`].
    ///
    /// # Errors
    /// Everything that is wrong with the settings. Bad settings are findings,
    /// never a panic.
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings>;
}

impl<T: Default> Configure for T {
    fn configure(_settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        Ok(Self::default())
    }
}

/// Decides whether a message goes on.
pub trait Filter: Configure {
    /// The message may be read, not changed.
    ///
    /// # Errors
    /// When the filter cannot decide.
    fn decide(&self, context: &Context, message: &Message) -> Result<Verdict, StepError>;
}

/// Changes a message, or the variables of its run.
pub trait Transformer: Configure {
    /// Changes the message in place. What it changed is thrown away when it
    /// answers an error.
    ///
    /// # Errors
    /// When the message cannot be transformed.
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError>;
}

/// Does something with a message: writes a file, sends it on, asks a database.
///
/// One value lives as long as its workflow's version and may keep sockets,
/// counters and tokens; its calls come one at a time, those of several messages
/// between each other ([`Context::message_id`] tells whose a call is).
///
/// For every [`process`](Self::process) that answered `Ok` comes exactly one of
/// [`all_succeeded`](Self::all_succeeded), [`roll_back`](Self::roll_back) and
/// [`cancel`](Self::cancel).
pub trait Activity: Configure {
    /// Before the first message.
    ///
    /// # Errors
    /// Keeps the workflow from starting.
    fn open(&mut self, _context: &Context) -> Result<(), Problem> {
        Ok(())
    }

    /// Performs the step; gives the response when there is one.
    ///
    /// # Errors
    /// When the step could not be performed; [`StepError`] tells whose fault.
    fn process(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError>;

    /// Every activity of this message's run succeeded.
    fn all_succeeded(&mut self, _context: &Context) {}

    /// This message's run failed after this activity. The last activity that was
    /// performed is told first.
    fn roll_back(&mut self, _context: &Context) {}

    /// This message's run was cut off: by the server's end, or because a later
    /// step was ended at its time limit. Whether what came after this activity
    /// was done is not known.
    fn cancel(&mut self, _context: &Context) {}

    /// The workflow's version ends: finish files, close sockets.
    fn close(&mut self, _context: &Context) {}
}

/// What a filter decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Stop here, successfully: the message is not wanted. The text says which
    /// condition decided, without message content.
    Stop(String),
}

/// What the workflow uses a step for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The conditions of a filter.
    Filter,
    /// The transformers that run before a filter's conditions.
    FilterTransformers,
    /// After the receiver's filter, before the activities.
    ReceiverVariables,
    /// On the message that an activity is about to send.
    ActivityTransformers,
    /// On the response that the receiver is about to give.
    ResponseTransformers,
    /// An activity itself.
    Activity,
    /// Called by another transformer.
    Custom,
    /// One that this version of the SDK does not know.
    Other,
}

impl Role {
    /// The role of that name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "filter" => Self::Filter,
            "filter-transformers" => Self::FilterTransformers,
            "receiver-variables" => Self::ReceiverVariables,
            "activity-transformers" => Self::ActivityTransformers,
            "response-transformers" => Self::ResponseTransformers,
            "activity" => Self::Activity,
            "custom" => Self::Custom,
            _ => Self::Other,
        }
    }
}

/// A transformer of another plugin that these settings call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// As the settings write it.
    pub type_name: String,
    /// JSON pointer to the place that asks.
    pub place: String,
}

/// Where in its workflow a step stands; and what it tells its author besides
/// errors.
#[derive(Debug)]
pub struct Placement {
    owner: SettingId,
    role: Role,
    warnings: RefCell<Vec<Finding>>,
    requirements: RefCell<Vec<Requirement>>,
}

impl Placement {
    /// A placement, for a test.
    pub fn new(owner: SettingId, role: Role) -> Self {
        Self { owner, role, warnings: RefCell::default(), requirements: RefCell::default() }
    }

    /// The receiver or activity that the step belongs to.
    pub fn owner(&self) -> SettingId {
        self.owner
    }

    /// What the workflow uses the step for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Tells the author of the workflow to look at something that does not keep
    /// it from starting.
    pub fn warn(&self, problem: Problem) {
        self.warnings.borrow_mut().push(Finding::warning(problem));
    }

    /// Asks for a transformer of another plugin, which may then be called by
    /// [`Context::run_custom_transformer`]. `place` is a JSON pointer to what
    /// asks.
    pub fn require(&self, type_name: impl Into<String>, place: impl Into<String>) {
        let requirement = Requirement { type_name: type_name.into(), place: place.into() };
        self.requirements.borrow_mut().push(requirement);
    }

    /// Says that the settings name a data table of the home: `Staff`, or a field
    /// of one as `Staff.Name`. Without it the workflow does not load. For what is
    /// known when the settings are read; a name that holds `${…}` is not.
    pub fn require_data_table(&self, reference: &str, place: impl Into<String>) {
        self.require(format!("data-table:{reference}"), place);
    }

    /// Says that the settings name a lookup table of the home.
    pub fn require_lookup_table(&self, table: &str, place: impl Into<String>) {
        self.require(format!("lookup-table:{table}"), place);
    }

    /// Says that the settings name a server: `https://host[:port]`, `http://…`,
    /// `tcp://host:port` or `tls://host:port`. What is not granted is told at the
    /// place, with the line to add, before any message is sent there.
    pub fn require_server(&self, url: &str, place: impl Into<String>) {
        self.require(format!("outbound:{url}"), place);
    }

    /// Says that the settings name a secret of the home, which
    /// [`Context::secret`] reads.
    pub fn require_secret(&self, name: &str, place: impl Into<String>) {
        self.require(format!("secret:{name}"), place);
    }

    /// Says that the settings name a certificate of the home by its thumbprint,
    /// to be shown to a server.
    pub fn require_client_certificate(&self, thumbprint: &str, place: impl Into<String>) {
        self.require(format!("client-certificate:{thumbprint}"), place);
    }

    pub(crate) fn into_parts(self) -> (Vec<Finding>, Vec<Requirement>) {
        (self.warnings.into_inner(), self.requirements.into_inner())
    }
}

/// What became of reading a step's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// What is wrong with them.
    pub findings: Findings,
    /// What they call.
    pub requirements: Vec<Requirement>,
}

/// Reads the settings of a step: what the exported `configure` does, and what a
/// test of settings calls.
///
/// The step is `None` when a finding is an error.
pub fn configure<T: Configure>(
    settings: &str,
    owner: &str,
    role: &str,
) -> (Option<T>, Configuration) {
    let mut configuration = Configuration::default();
    let settings = configuration.findings.keep(Settings::parse(settings));
    let owner = configuration.findings.keep(SettingId::parse(owner));
    let (Some(settings), Some(owner)) = (settings, owner) else {
        return (None, configuration);
    };
    let placement = Placement::new(owner, Role::from_name(role));
    let step = T::configure(&settings, &placement);
    let step = configuration.findings.keep(step);
    if step.is_none() && !configuration.findings.iter().any(is_error) {
        let text = "the plugin refused the settings without saying why";
        configuration.findings.push(Finding::error(Problem::new("settings.refused", text)));
    }
    let (warnings, requirements) = placement.into_parts();
    for warning in warnings {
        configuration.findings.push(warning);
    }
    configuration.requirements = requirements;
    (step, configuration)
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}
