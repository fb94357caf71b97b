//! One file to one version, not opened yet.
//!
//! Knows: the order load, prepare. Deliberately does not know: which version runs.

use std::path::Path;

use tokio_util::task::TaskTracker;

use super::definition::{ReceiverKind, WorkflowDefinition, load};
use super::prepare::{CodeObject, Prepared, prepare};
use super::purpose::Purpose;
use super::running::Workflow;
use super::vocabulary::Vocabulary;
use crate::diagnostics::Diagnostic;
use crate::faults::FaultRegister;
use crate::plugins::PluginSet;

/// A receiver that does not run, because it is disabled or its file has errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub workflow: String,
    pub service_name: Vec<String>,
    /// `None` at the shared address.
    pub port: Option<u16>,
    pub use_ssl: bool,
}

impl Stopped {
    /// Where a definition's receiver is reached.
    pub(super) fn of(definition: &WorkflowDefinition) -> Option<Self> {
        let ReceiverKind::Http(http) = &definition.receiver.kind else { return None };
        Some(Self {
            workflow: definition.name.clone(),
            service_name: http.service_name.clone(),
            port: (!http.host_mode).then_some(http.port),
            use_ssl: http.use_ssl,
        })
    }
}

/// What a version is built with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub plugins: &'a PluginSet,
    pub vocabulary: &'a Vocabulary,
    /// Who watches the steps, in a server.
    pub faults: Option<&'a FaultRegister>,
}

/// What became of a file.
pub struct Built {
    /// `None` when an error forbids to run it.
    pub workflow: Option<Workflow>,
    /// Where its receiver is or would be, as far as the file says.
    pub receiver: Option<Stopped>,
    pub diagnostics: Vec<Diagnostic>,
    /// The scripts in it that would run.
    pub code: Vec<CodeObject>,
}

impl Built {
    /// A file that could not even be read.
    pub fn refused(diagnostic: Diagnostic) -> Self {
        Self { workflow: None, receiver: None, diagnostics: vec![diagnostic], code: Vec::new() }
    }
}

/// One file to one version, as `tureen check`, `run` and `test` do it too.
/// Nothing is opened yet.
pub async fn build_version(
    file: &Path,
    bytes: Vec<u8>,
    surroundings: Surroundings<'_>,
    closings: &TaskTracker,
    purpose: Purpose,
) -> Built {
    let loaded = load(file, bytes, purpose);
    let mut diagnostics = loaded.diagnostics;
    let Some(definition) = loaded.definition else {
        return Built { workflow: None, receiver: None, diagnostics, code: Vec::new() };
    };
    let receiver = Stopped::of(&definition);
    let Surroundings { plugins, vocabulary, faults } = surroundings;
    // Prepared even when the file has errors: one check tells everything.
    let Prepared { workflow, diagnostics: found, code } =
        Box::pin(prepare(definition, plugins, vocabulary, closings, purpose, faults)).await;
    diagnostics.extend(found);
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    Built { workflow: workflow.filter(|_| !broken), receiver, diagnostics, code }
}
