//! What is found while steps are prepared, as diagnostics at its place in the file.

use tureen_sandbox::{Failure, Finding, Kind, Severity};

use super::{Preparation, isolation, kind_of};
use crate::diagnostics::nearest::nearest;
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::workflow::definition;

/// The sandbox's word for a granted directory that cannot be opened: nobody's fault but the
/// operator's.
const DIRECTORY: &str = "grant.directory";

/// Candidates that a "not installed" lists.
const CANDIDATES_MAX: usize = 12;

impl Preparation<'_> {
    pub(super) fn no_plugin(
        &mut self,
        step: &definition::Step,
        pointer: &str,
        type_name: &str,
        kind: Kind,
    ) {
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

    /// A finding that depends on what the home has: only a warning where there is none.
    pub(super) fn about_the_home(&mut self, found: Diagnostic) {
        let at_home = matches!(found.code, codes::TABLE_UNKNOWN | codes::GLOBAL_PURPOSE);
        let is_shown = at_home && self.purpose.forgives_grants();
        let severity = if is_shown { diagnostics::Severity::Warning } else { found.severity };
        self.diagnostics.push(found.as_severity(severity));
    }

    /// A finding at a place that a plugin may have refused already: that is not told twice.
    pub(super) fn unless_refused(&mut self, found: Diagnostic) {
        let refused = self.diagnostics.iter().any(|told| {
            told.code == codes::PLUGIN_FINDING && told.is_error() && told.pointer == found.pointer
        });
        if !refused {
            self.diagnostics.push(found);
        }
    }

    pub(super) fn found(&mut self, step: &definition::Step, finding: Finding) {
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

    pub(super) fn failed(&mut self, step: &definition::Step, failure: &Failure) {
        if let Some(found) = isolation::refused(failure) {
            return self.report(step, "/$type", found);
        }
        if failure.code == DIRECTORY {
            let plugin = &failure.plugin;
            let found = Diagnostic::new(
                codes::GRANT_DIRECTORY,
                format!("plugin {plugin}: {}", failure.text),
            )
            .help(format!(
                "make the directory, or correct directories in [plugins.{plugin}] of tureen.toml"
            ));
            return self.report(step, "/$type", found);
        }
        let text = format!("the plugin could not be set up: {failure}");
        let found = Diagnostic::new(codes::PLUGIN_FAILED, text)
            .help("this is the plugin's fault, not the workflow's; tell its author, or install another version");
        self.report(step, "/$type", found);
    }

    pub(super) fn report(&mut self, step: &definition::Step, pointer: &str, found: Diagnostic) {
        let (pointer, position) = self.definition.locate(step, pointer);
        let found = found.in_file(&self.definition.file).at(position).pointing(pointer);
        self.diagnostics.push(found);
    }
}
