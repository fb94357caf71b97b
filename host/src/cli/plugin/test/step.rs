//! The plugin becomes a step: it gets its settings, and what it asks for besides.
//!
//! Does for one step what a workflow's preparation does for all of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tureen_sandbox::{
    Finding, Kind, Needs, Requirement, Severity, Step, StepOptions, Target, Ungranted,
};
use tureen_template::{Direction, SettingId};

use super::candidate::Candidate;
use super::given::{Given, SettingsFile};
use super::used::Witness;
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::plugins::Installed;
use crate::plugins::grants::Missing;
use crate::workflow::prepare::isolation::{self, calls_another};

/// The settings of the imagined workflow.
pub(super) const RECEIVER: SettingId =
    SettingId::from_u128(0xb000_0000_0000_4000_8000_0000_0000_0001);
pub(super) const ACTIVITY: SettingId =
    SettingId::from_u128(0xb000_0000_0000_4000_8000_0000_0000_0002);

/// What a workflow may use a transformer for: the role, whose message it is, and
/// whether that may be changed.
const USES: [(&str, SettingId, Direction, bool); 5] = [
    ("custom", ACTIVITY, Direction::Outbound, true),
    ("activity-transformers", ACTIVITY, Direction::Outbound, true),
    ("response-transformers", RECEIVER, Direction::Outbound, true),
    ("filter-transformers", RECEIVER, Direction::Inbound, true),
    ("receiver-variables", RECEIVER, Direction::Inbound, false),
];

/// Their names.
pub(super) const TRANSFORMER_ROLES: [&str; 5] =
    [USES[0].0, USES[1].0, USES[2].0, USES[3].0, USES[4].0];

/// A step that is ready, and the message that it works on.
pub(super) struct Ready {
    pub(super) step: Step,
    pub(super) target: Target,
    /// What its calls used.
    pub(super) witness: Arc<Witness>,
}

/// What came of the preparation.
pub(super) struct Prepared {
    /// `None` when something is refused.
    pub(super) ready: Option<Ready>,
    pub(super) refused: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// What it asked for and got.
    pub(super) notes: Vec<String>,
    /// To make an instance and hand it the settings.
    pub(super) took: Duration,
}

/// Configures the plugin in earnest.
pub(super) async fn prepare(candidate: &Candidate, given: &Given, role: Option<&str>) -> Prepared {
    let (role, target) = use_of(candidate.installed.plugin.kind, given, role);
    let mut preparation = Preparation {
        candidate,
        given,
        refused: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    let options =
        options_of(&candidate.installed, given.settings.text().into_owned(), target, role);
    let began = Instant::now();
    let configured = Step::prepare(Arc::clone(&candidate.installed.plugin), options).await;
    let took = began.elapsed();
    let ready = match configured {
        Ok(configured) => {
            for finding in configured.findings {
                preparation.found(finding);
            }
            for required in &configured.requires {
                if let Some(found) = calls_another(&candidate.installed, required) {
                    let found = placed(found, &given.settings, &required.pointer);
                    preparation.refused.push(found);
                }
            }
            let custom = preparation.custom(configured.requires, target).await;
            let witness = Witness::new();
            let step = configured.step.with_custom(custom.into_iter());
            let step = step.overseen(Arc::<Witness>::clone(&witness));
            Some(Ready { step, target, witness })
        }
        Err(failure) => {
            let found = isolation::refused(&failure).unwrap_or_else(|| {
                let text = format!("the plugin could not be set up: {failure}");
                let advice = super::advice::on(&failure.code, failure.fault);
                Diagnostic::new(codes::PLUGIN_FAILED, text).help(advice)
            });
            preparation.refused.push(found);
            None
        }
    };
    let Preparation { refused, warnings, notes, .. } = preparation;
    Prepared { ready: ready.filter(|_| refused.is_empty()), refused, warnings, notes, took }
}

fn use_of(kind: Kind, given: &Given, role: Option<&str>) -> (&'static str, Target) {
    let target = |setting, direction, writable| Target { setting, direction, writable };
    match kind {
        Kind::Filter => ("filter", target(RECEIVER, Direction::Inbound, false)),
        Kind::Activity => ("activity", target(ACTIVITY, Direction::Outbound, false)),
        Kind::Transformer => {
            let usual = if given.settings.is_given() { "activity-transformers" } else { "custom" };
            let wanted = role.unwrap_or(usual);
            let found = USES.into_iter().find(|(name, ..)| *name == wanted).unwrap_or(USES[0]);
            let (name, setting, direction, writable) = found;
            (name, target(setting, direction, writable))
        }
    }
}

fn options_of(
    installed: &Installed,
    settings: String,
    target: Target,
    role: &'static str,
) -> StepOptions {
    StepOptions {
        settings,
        owner: target.setting,
        role,
        limits: installed.limits.clone(),
        grants: installed.grants.clone(),
        reuse: installed.reuse,
        isolation: installed.isolation,
        ungranted: Ungranted::Refused,
    }
}

struct Preparation<'a> {
    candidate: &'a Candidate,
    given: &'a Given,
    refused: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    notes: Vec<String>,
}

impl Preparation<'_> {
    /// What the plugin says of its settings, at the place in their file.
    fn found(&mut self, finding: Finding) {
        let Finding { severity, code, text, pointer, detail } = finding;
        let mut found = Diagnostic::new(codes::PLUGIN_FINDING, format!("{text} [{code}]"));
        for (name, value) in detail {
            found = match name.as_str() {
                "expected" => found.expected(value),
                "found" => found.found(value),
                "help" => found.help(value),
                _ => found,
            };
        }
        let found = placed(found, &self.given.settings, &pointer);
        match severity {
            Severity::Error => self.refused.push(found),
            Severity::Warning => {
                self.warnings.push(found.as_severity(diagnostics::Severity::Warning));
            }
        }
    }

    /// Transformers of other plugins that the settings call; tables are looked for.
    async fn custom(
        &mut self,
        requires: Vec<Requirement>,
        target: Target,
    ) -> BTreeMap<String, Arc<Step>> {
        let mut steps = BTreeMap::new();
        for Requirement { needs, pointer } in requires {
            let vocabulary = &self.candidate.vocabulary;
            let unknown = match needs {
                Needs::Transformer(name) => {
                    if let Some(step) = self.transformer(&name, &pointer, target).await {
                        steps.insert(name, step);
                    }
                    continue;
                }
                Needs::DataTable(table) => (vocabulary.check_data_table(&table).err(), table),
                Needs::LookupTable(table) => (vocabulary.check_lookup(&table).err(), table),
            };
            match unknown {
                (None, table) => self.notes.push(format!("the table {table} of the home")),
                (Some(unknown), _) => {
                    let found = Diagnostic::new(codes::TABLE_UNKNOWN, unknown.text);
                    let found = placed(found.help(unknown.help), &self.given.settings, &pointer);
                    self.refused.push(found);
                }
            }
        }
        steps
    }

    async fn transformer(
        &mut self,
        name: &str,
        pointer: &str,
        target: Target,
    ) -> Option<Arc<Step>> {
        let refuse = |preparation: &mut Self, code, text: String, help: &str| {
            let found = Diagnostic::new(code, text).help(help);
            preparation.refused.push(placed(found, &preparation.given.settings, pointer));
            None
        };
        let Some(installed) = self.candidate.set.handling(Kind::Transformer, name) else {
            let text = format!("no installed plugin handles the transformer {}", quoted(name));
            return refuse(self, codes::NO_PLUGIN, text, "name the home that has it with --home");
        };
        if let Some(missing) = Missing::of(installed, &installed.grants) {
            let lines = missing.lines(None);
            let text = format!("{} asks for more than it is granted", installed.plugin.name);
            let help = format!("add to tureen.toml of the home:\n{lines}");
            return refuse(self, codes::GRANT_MISSING, text, &help);
        }
        let options = options_of(installed, "{}".to_owned(), target, "custom");
        match Step::prepare(Arc::clone(&installed.plugin), options).await {
            Ok(prepared) => {
                self.notes.push(format!("the transformer {name} of {}", installed.plugin.name));
                Some(Arc::new(prepared.step))
            }
            Err(failure) => {
                let text = format!("the plugin could not be set up: {failure}");
                refuse(self, codes::PLUGIN_FAILED, text, "try that plugin by itself")
            }
        }
    }
}

fn placed(found: Diagnostic, settings: &SettingsFile, pointer: &str) -> Diagnostic {
    let position = settings.document().and_then(|document| document.nearest_position(pointer));
    found.in_file(Path::new(&settings.name)).at(position).pointing(pointer)
}
