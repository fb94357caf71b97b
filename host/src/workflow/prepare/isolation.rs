//! Plugins in processes of their own: what they cannot do there is told at load.
//!
//! Deliberately does not know: how a process is confined.

use tureen_sandbox::{Failure, Isolation, Needs, Requirement};

use super::{Installed, Preparation};
use crate::diagnostics::{Diagnostic, codes, quoted};
use crate::workflow::definition::Step;

/// Begins the codes of failures that are about where a plugin is to run.
const ISOLATION: &str = "isolation.";

/// What the operator is told when a plugin cannot run in processes of its own; `None`
/// where that is not what failed.
pub(crate) fn refused(failure: &Failure) -> Option<Diagnostic> {
    let what = failure.code.strip_prefix(ISOLATION)?;
    let plugin = failure.plugin.as_str();
    let text =
        format!("the plugin {plugin} cannot run with isolation = \"process\": {}", failure.text);
    let help = match what {
        "unavailable" => format!(
            "that needs Linux with Landlock and seccomp, which some container runtimes take away; with isolation = \"instance\" in [plugins.{plugin}] it runs in the server's process"
        ),
        _ => format!(
            "isolation = \"instance\" in [plugins.{plugin}] lets it run in the server's process, if you trust it with that"
        ),
    };
    let found = Diagnostic::new(codes::PLUGIN_ISOLATION, text).help(help);
    Some(found.state("it was not run instead in the server's process"))
}

impl Preparation<'_> {
    /// A process of its own calls no transformers of other plugins: told at the action
    /// that does. Gives the other requirements.
    pub(super) fn only_what_a_process_has(
        &mut self,
        step: &Step,
        installed: &Installed,
        requires: Vec<Requirement>,
    ) -> Vec<Requirement> {
        let (refused, others): (Vec<_>, Vec<_>) =
            requires.into_iter().partition(|it| calls_another(installed, it).is_some());
        for requirement in refused {
            if let Some(found) = calls_another(installed, &requirement) {
                self.report(step, &requirement.pointer, found);
            }
        }
        others
    }
}

/// What is told of a requirement that a plugin cannot have from where it runs.
pub(crate) fn calls_another(installed: &Installed, required: &Requirement) -> Option<Diagnostic> {
    let Needs::Transformer(type_name) = &required.needs else { return None };
    if installed.isolation == Isolation::Instance {
        return None;
    }
    let plugin = &installed.plugin.name;
    let text = format!(
        "the plugin {plugin} cannot call {} from a process of its own (isolation = \"process\") yet",
        quoted(type_name)
    );
    Some(Diagnostic::new(codes::PLUGIN_ISOLATION, text).help(format!(
        "isolation = \"instance\" in [plugins.{plugin}]; the plugin that is called may have its own process all the same"
    )))
}
