//! A definition becomes runnable: each step finds its plugin, is configured once
//! in earnest, and what the plugins find is reported at its place in the file.
//!
//! Knows: plugins, definitions, the names of a home. Deliberately does not know: any condition,
//! action or activity; what is wrong inside a step's settings only its plugin
//! can say.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tureen_sandbox::{
    Activity, Failure, Finding, Kind, Needs, Prepared, Requirement, Severity, Step, StepOptions,
};
use tureen_template::SettingId;

use super::definition::{self, FilterHost, Role, WorkflowDefinition};
use super::nearest::nearest;
use super::running::{FilterSteps, Parts, RunningActivity, RunningStep, StepName, Workflow};
use super::vocabulary::{Unknown, Vocabulary};
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::plugins::{Installed, PluginSet, lines_to_grant};

mod numbers;
mod texts;

/// Candidates that a "not installed" lists.
const CANDIDATES_MAX: usize = 12;

/// Makes a definition runnable. `None` when an error forbids it; the
/// diagnostics hold warnings in either case.
pub async fn prepare(
    definition: WorkflowDefinition,
    plugins: &PluginSet,
    vocabulary: &Vocabulary,
    closings: &TaskTracker,
    strictness: Strictness,
) -> (Option<Workflow>, Vec<Diagnostic>) {
    let diagnostics = Vec::new();
    let mut preparation =
        Preparation { definition: &definition, plugins, vocabulary, strictness, diagnostics };
    let parts = preparation.parts().await;
    for found in texts::check(&definition, vocabulary) {
        preparation.about_the_home(found);
    }
    let diagnostics = preparation.diagnostics;
    if diagnostics.iter().any(Diagnostic::is_error) {
        return (None, diagnostics);
    }
    (Some(Workflow::new(definition, parts, closings.clone())), diagnostics)
}

/// Must plugins have what they ask for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Yes: the workflow is to run.
    Granted,
    /// No: its activities are only shown, and what is missing is a warning.
    Shown,
}

struct Preparation<'a> {
    definition: &'a WorkflowDefinition,
    plugins: &'a PluginSet,
    vocabulary: &'a Vocabulary,
    strictness: Strictness,
    diagnostics: Vec<Diagnostic>,
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
            activities: Vec::new(),
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

    async fn activity(&mut self, activity: &definition::Activity) -> Option<(Activity, StepName)> {
        let (step, trusted) = self.step(&activity.step).await?;
        let plugin = step.plugin().name.clone();
        let name = StepName { name: activity.name.clone(), plugin, trusted };
        match Activity::new(step) {
            Ok(live) => Some((live, name)),
            Err(failure) => {
                self.failed(&activity.step, &failure);
                None
            }
        }
    }

    /// One step: plugin, grants, configuration, custom transformers.
    async fn step(&mut self, step: &definition::Step) -> Option<(Step, bool)> {
        let installed = self.resolve(step)?;
        if !self.is_granted(step, &installed) {
            return None;
        }
        let settings = numbers::named(&step.settings, &self.vocabulary.numbers).into_owned();
        let options = options_of(&installed, settings, step.owner, step.role.name());
        let prepared = match Step::prepare(Arc::clone(&installed.plugin), options).await {
            Ok(prepared) => prepared,
            Err(failure) => {
                self.failed(step, &failure);
                return None;
            }
        };
        let Prepared { step: ready, findings, requires } = prepared;
        for finding in findings {
            self.found(step, finding);
        }
        let custom = self.custom(step, requires).await;
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

    fn no_plugin(&mut self, step: &definition::Step, pointer: &str, type_name: &str, kind: Kind) {
        let handled: Vec<&str> = self.plugins.handled(kind).collect();
        let text = format!("no installed plugin handles the {} {}", kind.name(), quoted(type_name));
        let help = match nearest(type_name, handled.iter().copied()) {
            Some(near) => format!("did you mean {}? otherwise put the plugin's .wasm file into plugins/", quoted(near)),
            None => "put the plugin's .wasm file into plugins/; `tureen plugin list` shows what is there".to_owned(),
        };
        let mut listed =
            handled.iter().take(CANDIDATES_MAX).copied().collect::<Vec<_>>().join(", ");
        if handled.len() > CANDIDATES_MAX {
            listed.push_str(", …");
        }
        let found = Diagnostic::new(codes::NO_PLUGIN, text)
            .expected(format!("one of: {listed}"))
            .found(quoted(type_name))
            .help(help);
        self.report(step, pointer, found);
    }

    fn is_granted(&mut self, step: &definition::Step, installed: &Installed) -> bool {
        let Some(lines) = lines_to_grant(installed) else { return true };
        let imports = installed.plugin.missing_grants(&installed.grants);
        let names: Vec<String> = imports.into_iter().map(|(import, _)| import).collect();
        let text = format!(
            "the plugin {} asks for more than it is granted: {}",
            installed.plugin.name,
            names.join(", ")
        );
        let found = Diagnostic::new(codes::GRANT_MISSING, text)
            .help(format!("if you trust it with that, add to tureen.toml:\n{lines}"));
        let shown = self.strictness == Strictness::Shown;
        let severity =
            if shown { diagnostics::Severity::Warning } else { diagnostics::Severity::Error };
        self.report(step, "/$type", found.as_severity(severity));
        shown
    }

    /// A finding that depends on what the home has: only a warning where there is none.
    fn about_the_home(&mut self, found: Diagnostic) {
        let at_home = matches!(found.code, codes::TABLE_UNKNOWN | codes::GLOBAL_PURPOSE);
        let is_shown = at_home && self.strictness == Strictness::Shown;
        let severity = if is_shown { diagnostics::Severity::Warning } else { found.severity };
        self.diagnostics.push(found.as_severity(severity));
    }

    /// The transformers of other plugins that the settings call; tables are looked for.
    async fn custom(
        &mut self,
        step: &definition::Step,
        requires: Vec<Requirement>,
    ) -> BTreeMap<String, Arc<Step>> {
        let mut found: BTreeMap<String, Arc<Step>> = BTreeMap::new();
        for Requirement { needs, pointer } in requires {
            let type_name = match needs {
                Needs::Transformer(type_name) => type_name,
                Needs::DataTable(reference) => {
                    let checked = self.vocabulary.check_data_table(&reference);
                    self.needs_table(step, &pointer, checked);
                    continue;
                }
                Needs::LookupTable(table) => {
                    let checked = self.vocabulary.check_lookup(&table);
                    self.needs_table(step, &pointer, checked);
                    continue;
                }
            };
            if found.contains_key(&type_name) {
                continue;
            }
            let Some(installed) =
                self.plugins.handling(Kind::Transformer, &type_name).map(Arc::clone)
            else {
                self.no_plugin(step, &pointer, &type_name, Kind::Transformer);
                continue;
            };
            if !self.is_granted(step, &installed) {
                continue;
            }
            let options = options_of(&installed, "{}".to_owned(), step.owner, "custom");
            match Step::prepare(Arc::clone(&installed.plugin), options).await {
                Ok(prepared) => {
                    drop(found.insert(type_name, Arc::new(prepared.step)));
                }
                Err(failure) => self.failed(step, &failure),
            }
        }
        found
    }

    fn needs_table(
        &mut self,
        step: &definition::Step,
        pointer: &str,
        checked: Result<(), Unknown>,
    ) {
        let Err(unknown) = checked else { return };
        let (pointer, position) = self.definition.locate(step, pointer);
        let found = texts::unknown_table(unknown).in_file(&self.definition.file);
        self.about_the_home(found.at(position).pointing(pointer));
    }

    fn found(&mut self, step: &definition::Step, finding: Finding) {
        let handling = self.plugins.handling(kind_of(step.role), &step.type_name);
        let plugin = handling.map(|it| it.plugin.name.clone());
        let mut found = Diagnostic::new(codes::PLUGIN_FINDING, finding.text).as_severity(
            match finding.severity {
                Severity::Error => diagnostics::Severity::Error,
                Severity::Warning => diagnostics::Severity::Warning,
            },
        );
        for (name, value) in finding.detail {
            found = match name.as_str() {
                "expected" => found.expected(value),
                "found" => found.found(value),
                "help" => found.help(value),
                _ => found,
            };
        }
        let by = plugin.map(|plugin| format!("{plugin}: {}", finding.code));
        if let Some(by) = by {
            found.message = format!("{} [{by}]", found.message);
        }
        self.report(step, &finding.pointer, found);
    }

    fn failed(&mut self, step: &definition::Step, failure: &Failure) {
        let text = format!("the plugin could not be set up: {failure}");
        let found = Diagnostic::new(codes::PLUGIN_FAILED, text)
            .help("this is the plugin's fault, not the workflow's; tell its author, or install another version");
        self.report(step, "/$type", found);
    }

    fn report(&mut self, step: &definition::Step, pointer: &str, found: Diagnostic) {
        let (pointer, position) = self.definition.locate(step, pointer);
        let found = found.in_file(&self.definition.file).at(position).pointing(pointer);
        self.diagnostics.push(found);
    }
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

fn options_of(
    installed: &Installed,
    settings: String,
    owner: SettingId,
    role: &'static str,
) -> StepOptions {
    StepOptions {
        settings,
        owner,
        role,
        limits: installed.limits.clone(),
        grants: installed.grants.clone(),
        reuse: installed.reuse,
    }
}
