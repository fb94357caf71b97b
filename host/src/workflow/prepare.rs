//! A definition becomes runnable: each step finds its plugin, is configured once
//! in earnest, and what the plugins find is reported at its place in the file.
//!
//! Knows: plugins, definitions, the names of a home. Deliberately does not know: any condition,
//! action or activity; what is wrong inside a step's settings only its plugin
//! can say.

mod code;
mod collected;
mod custom;
mod granted;
pub(crate) mod isolation;
mod numbers;
mod places;
mod reaches;
mod texts;
mod told;
mod watched;

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tureen_sandbox::{Activity, Grants, Kind, Need, Step, StepOptions, Ungranted, need_of};
use tureen_template::SettingId;

use super::definition::{self, FilterHost, Role, WorkflowDefinition};
use super::purpose::Purpose;
use super::running::{FilterSteps, Parts, RunningActivity, RunningStep, StepName, Workflow};
use super::vocabulary::Vocabulary;
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::faults::FaultRegister;
use crate::plugins::{Installed, PluginSet, Right};

pub use code::CodeObject;
use watched::Watched;

/// What [`prepare`] made of a definition.
pub struct Prepared {
    /// `None` when an error forbids to run it.
    pub workflow: Option<Workflow>,
    /// Warnings, too.
    pub diagnostics: Vec<Diagnostic>,
    /// The scripts of the file that would run, and what runs instead.
    pub code: Vec<CodeObject>,
}

/// Makes a definition runnable.
pub async fn prepare(
    definition: WorkflowDefinition,
    plugins: &PluginSet,
    vocabulary: &Vocabulary,
    closings: &TaskTracker,
    purpose: Purpose,
    faults: Option<&FaultRegister>,
) -> Prepared {
    let mut preparation = Preparation {
        definition: &definition,
        faults,
        plugins,
        vocabulary,
        purpose,
        diagnostics: Vec::new(),
        code: Vec::new(),
        rights: Vec::new(),
    };
    let parts = preparation.parts().await;
    for found in texts::check(&definition, vocabulary) {
        preparation.about_the_home(found);
    }
    for found in places::check(&definition) {
        preparation.unless_refused(found);
    }
    let Preparation { diagnostics, code, .. } = preparation;
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    let workflow = (!broken).then(|| Workflow::new(definition, parts, closings.clone()));
    Prepared { workflow, diagnostics, code }
}

struct Preparation<'a> {
    definition: &'a WorkflowDefinition,
    /// Who watches the steps; nobody, where a workflow is only looked at or tried.
    faults: Option<&'a FaultRegister>,
    plugins: &'a PluginSet,
    vocabulary: &'a Vocabulary,
    purpose: Purpose,
    diagnostics: Vec<Diagnostic>,
    code: Vec<CodeObject>,
    rights: Vec<Right>,
}

impl Preparation<'_> {
    /// All steps, so that one check reports everything there is to report.
    async fn parts(&mut self) -> Parts {
        let definition = self.definition;
        let receiver = &definition.receiver;
        let mut parts = Parts {
            filter: self.filter(receiver.filter.as_ref(), &receiver.name).await,
            variables: self.optional(receiver.variable_transformers.as_ref(), &receiver.name).await,
            response: self.optional(receiver.response_transformers.as_ref(), &receiver.name).await,
            post: self.optional(receiver.post_transformers.as_ref(), &receiver.name).await,
            activities: Vec::new(),
            series: self.series(),
            rights: Vec::new(),
        };
        for (index, activity) in definition.activities.iter().enumerate() {
            if activity.disabled {
                continue;
            }
            let filter = self.filter(activity.filter.as_ref(), &activity.name).await;
            let transformers = self.optional(activity.transformers.as_ref(), &activity.name).await;
            if let Some((activity, name)) = self.activity(activity).await {
                parts.activities.push(RunningActivity {
                    index,
                    filter,
                    transformers,
                    activity,
                    name,
                });
            }
        }
        parts.rights = std::mem::take(&mut self.rights);
        parts
    }

    async fn filter(&mut self, filter: Option<&FilterHost>, owner: &str) -> Option<FilterSteps> {
        let filter = filter?;
        let transformers = self.optional(filter.transformers.as_ref(), owner).await;
        let conditions = self.shared(&filter.conditions, owner).await?;
        Some(FilterSteps { transformers, conditions })
    }

    async fn optional(
        &mut self,
        step: Option<&definition::Step>,
        owner: &str,
    ) -> Option<RunningStep> {
        self.shared(step?, owner).await
    }

    async fn shared(&mut self, step: &definition::Step, owner: &str) -> Option<RunningStep> {
        let (prepared, trusted) = self.step(step).await?;
        let plugin = prepared.plugin().name.clone();
        let name = StepName { name: format!("{owner}, {}", step.role.name()), plugin, trusted };
        Some(RunningStep { step: prepared, name })
    }

    /// An activity, or its name alone where it can only be shown.
    async fn activity(
        &mut self,
        activity: &definition::Activity,
    ) -> Option<(Option<Activity>, StepName)> {
        let shown = || {
            let (name, plugin) = (activity.name.clone(), String::new());
            Some((None, StepName { name, plugin, trusted: false }))
        };
        if self.purpose.may_show() && self.is_only_shown(&activity.step) {
            return shown();
        }
        let told = self.diagnostics.len();
        let made = self.step(&activity.step).await;
        if self.purpose == Purpose::Show {
            // Nothing is done by it, so its own faults keep nobody from looking.
            for found in self.diagnostics.iter_mut().skip(told) {
                found.severity = diagnostics::Severity::Warning;
            }
            if made.is_none() {
                return shown();
            }
        }
        let (step, trusted) = made?;
        let plugin = step.plugin().name.clone();
        let name = StepName { name: activity.name.clone(), plugin, trusted };
        match Activity::new(step) {
            Ok(live) => Some((Some(live), name)),
            Err(failure) => {
                self.failed(&activity.step, &failure);
                None
            }
        }
    }

    /// Can nothing perform the activity, or nothing that a test may run? Told
    /// as a warning.
    fn is_only_shown(&mut self, step: &definition::Step) -> bool {
        let installed = self.performer(step);
        let text = match &installed {
            None => format!("no installed plugin handles {}", quoted(&step.type_name)),
            Some(installed) if self.purpose == Purpose::Test && reaches_out(installed) => {
                format!("the plugin {} reaches more than files", installed.plugin.name)
            }
            Some(_) => return false,
        };
        let found = Diagnostic::new(codes::SENDER_SHOWN, format!("the activity is only shown: {text}"))
            .help("its message is built from template and transformers; `tureen check` says what serving needs");
        self.report(step, "/$type", found);
        true
    }

    /// The plugin that would perform an activity, if there is one.
    fn performer(&self, step: &definition::Step) -> Option<Arc<Installed>> {
        let bound = self.component(step);
        let type_name = bound.as_deref().unwrap_or(&step.type_name);
        self.plugins.handling(Kind::Activity, type_name).map(Arc::clone)
    }

    /// One step: plugin, grants, configuration, custom transformers.
    async fn step(&mut self, step: &definition::Step) -> Option<(Step, bool)> {
        let installed =
            if code::is_sender(step) { self.code_sender(step) } else { self.resolve(step) }?;
        let grants = self.granted(step, &installed, "/$type")?;
        let settings = numbers::named(&step.settings, &self.vocabulary.numbers).into_owned();
        let (tables, granted) = (grants.tables.clone(), grants.clone());
        let watched = Watched { role: step.role.name(), settings: settings.clone() };
        let options = self.options(&installed, grants, settings, step.owner, step.role.name());
        let prepared = match Box::pin(Step::prepare(Arc::clone(&installed.plugin), options)).await {
            Ok(prepared) => prepared,
            Err(failure) => {
                self.failed(step, &failure);
                return None;
            }
        };
        let tureen_sandbox::Prepared { step: ready, findings, requires, reaches } = prepared;
        self.reaches(step, &installed, &granted, reaches);
        for finding in findings {
            self.found(step, finding);
        }
        let requires = self.only_granted_tables(step, &installed, &tables, requires);
        let requires = self.only_what_a_process_has(step, &installed, requires);
        let custom = self.custom(step, requires).await;
        let ready = self.overseen(ready, step, &installed, &watched);
        Some((ready.with_custom(custom.into_iter()), installed.is_standard()))
    }

    fn resolve(&mut self, step: &definition::Step) -> Option<Arc<Installed>> {
        let kind = kind_of(step.role);
        let installed = self.plugins.handling(kind, &step.type_name).map(Arc::clone);
        if installed.is_none() {
            self.no_plugin(step, "/$type", &step.type_name, kind);
        }
        installed
    }

    fn options(
        &self,
        installed: &Installed,
        grants: Grants,
        settings: String,
        owner: SettingId,
        role: &'static str,
    ) -> StepOptions {
        let inert = self.purpose.forgives_grants();
        StepOptions {
            settings,
            owner,
            role,
            limits: installed.limits.clone(),
            grants,
            ungranted: if inert { Ungranted::Inert } else { Ungranted::Refused },
            reuse: installed.reuse,
            isolation: installed.isolation,
        }
    }
}

/// Does a plugin reach what a test must not touch?
fn reaches_out(installed: &Installed) -> bool {
    let inside = |need| matches!(need, Need::Nothing | Need::Directories | Need::Secrets);
    !installed.plugin.imports.iter().map(|import| need_of(import)).all(inside)
}

fn kind_of(role: Role) -> Kind {
    match role {
        Role::Filter => Kind::Filter,
        Role::Activity => Kind::Activity,
        Role::FilterTransformers
        | Role::ReceiverVariables
        | Role::ActivityTransformers
        | Role::ResponseTransformers => Kind::Transformer,
    }
}
