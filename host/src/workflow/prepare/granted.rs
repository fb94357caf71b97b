//! What a step is granted of what its plugin and its settings need.
//!
//! Knows: grants, tables. Deliberately does not know: what servers, secrets and
//! certificates settings name (`reaches`).

use tureen_sandbox::{Grants, Needs, Requirement, TableGrant};

use super::{Installed, Preparation};
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::plugins::Right;
use crate::plugins::grants::Missing;
use crate::workflow::definition;

impl Preparation<'_> {
    /// What the plugin may reach in a step; `None` when that is less than it
    /// needs, which is told with the lines to add.
    pub(super) fn granted(
        &mut self,
        step: &definition::Step,
        installed: &Installed,
        pointer: &str,
    ) -> Option<Grants> {
        let grants = installed.grants_for(&self.definition.name, step.owner);
        self.rights.push(Right {
            plugin: installed.plugin.name.clone(),
            digest: installed.plugin.digest,
            step: step.owner,
            grants: grants.clone(),
        });
        let Some(missing) = Missing::of(installed, &grants) else { return Some(grants) };
        let text = format!(
            "the plugin {} asks for more than it is granted: {}",
            installed.plugin.name,
            missing.names()
        );
        let lines = missing.lines(Some((&self.definition.name, step.owner)));
        self.not_granted(step, pointer, text, &lines);
        self.purpose.forgives_grants().then_some(grants)
    }

    fn not_granted(&mut self, step: &definition::Step, pointer: &str, text: String, lines: &str) {
        let found = Diagnostic::new(codes::GRANT_MISSING, text)
            .help(format!("if you trust it with that, add to tureen.toml:\n{lines}"));
        let severity = match self.purpose.forgives_grants() {
            true => diagnostics::Severity::Warning,
            false => diagnostics::Severity::Error,
        };
        self.report(step, pointer, found.as_severity(severity));
    }

    /// Tells of the tables that the settings need and the plugin is not granted;
    /// gives the other requirements.
    pub(super) fn only_granted_tables(
        &mut self,
        step: &definition::Step,
        installed: &Installed,
        granted: &TableGrant,
        requires: Vec<Requirement>,
    ) -> Vec<Requirement> {
        let (mine, others) = requires.into_iter().partition(|Requirement { needs, .. }| {
            let table = match needs {
                Needs::Transformer(_) => return true,
                Needs::LookupTable(table) => table.as_str(),
                Needs::DataTable(reference) => reference.split('.').next().unwrap_or(reference),
            };
            granted.covers(table)
        });
        let others: Vec<Requirement> = others;
        for Requirement { needs, pointer } in others {
            let (Needs::LookupTable(table) | Needs::DataTable(table) | Needs::Transformer(table)) =
                needs;
            let table = table.split('.').next().unwrap_or(&table);
            let plugin = &installed.plugin.name;
            let text = format!("the plugin {plugin} is not granted the table {}", quoted(table));
            let lines = format!("[plugins.{plugin}]\ntables = [{}]", quoted(table));
            self.not_granted(step, &pointer, text, &lines);
        }
        mine
    }
}
