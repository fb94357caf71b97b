//! Scripts of the format: which installed plugin stands in for each.
//!
//! C# cannot run here. A `CodeTransformerAction` reaches this as a requirement
//! named `code:<digest>`, a `CodeSenderSetting` as an activity of that class;
//! the operator's `[[code]]` tables say what runs instead (contract 5.6, T-14).
//! Deliberately does not know: what the code would do.

use std::sync::Arc;

use tureen_sandbox::Kind;

use super::{Installed, Preparation};
use crate::diagnostics::{Diagnostic, codes, quoted};
use crate::plugins::code::{ACTION_PREFIX, digest_of};
use crate::workflow::definition::{Role, Step};

/// The class of activities that are scripts.
const SENDER: &str = "HL7Soup.Functions.Settings.Senders.CodeSenderSetting";

/// One script of a workflow that would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeObject {
    /// JSON pointer to its action or setting in the file.
    pub pointer: String,
    /// SHA-256 of its text, hexadecimal.
    pub digest: String,
    /// The type that stands in for it.
    pub bound_to: Option<String>,
}

pub(super) fn is_sender(step: &Step) -> bool {
    step.role == Role::Activity && step.type_name == SENDER
}

/// The digest in the name of a requirement that stands for a script.
pub(super) fn digest_in(type_name: &str) -> Option<&str> {
    type_name.strip_prefix(ACTION_PREFIX)
}

impl Preparation<'_> {
    /// The type that a script of an activity is bound to.
    pub(super) fn component(&self, step: &Step) -> Option<String> {
        if !is_sender(step) {
            return None;
        }
        self.plugins.code.component(step.owner, &code_digest(step)).map(str::to_owned)
    }

    /// The plugin that stands in for an activity's script; a plugin that says
    /// that it handles the class itself will do, too.
    pub(super) fn code_sender(&mut self, step: &Step) -> Option<Arc<Installed>> {
        let digest = code_digest(step);
        let bound = self.component(step);
        self.note(step, "", &digest, bound.as_deref());
        let Some(type_name) = bound else {
            let installed = self.plugins.handling(Kind::Activity, SENDER).map(Arc::clone);
            if installed.is_none() {
                let lines = format!(
                    "[[code]]\nactivity = \"{}\"\nsha256 = \"{digest}\"\ncomponent = \"<a type that an installed activity plugin handles>\"",
                    step.owner
                );
                self.unbound(step, "/Code", &digest, &lines);
            }
            return installed;
        };
        self.stand_in(step, "/Code", &type_name, Kind::Activity)
    }

    /// The plugin that stands in for the script of an action.
    pub(super) fn code_transformer(
        &mut self,
        step: &Step,
        pointer: &str,
        digest: &str,
    ) -> Option<Arc<Installed>> {
        let bound = self.plugins.code.transformer(digest).map(str::to_owned);
        self.note(step, pointer.strip_suffix("/Code").unwrap_or(pointer), digest, bound.as_deref());
        let Some(type_name) = bound else {
            let lines = format!(
                "[[code]]\nsha256 = \"{digest}\"\ntransformer = \"<a type that an installed transformer plugin handles>\""
            );
            self.unbound(step, pointer, digest, &lines);
            return None;
        };
        self.stand_in(step, pointer, &type_name, Kind::Transformer)
    }

    fn note(&mut self, step: &Step, pointer: &str, digest: &str, bound_to: Option<&str>) {
        let (pointer, _) = self.definition.locate(step, pointer);
        let (digest, bound_to) = (digest.to_owned(), bound_to.map(str::to_owned));
        let object = CodeObject { pointer, digest, bound_to };
        if !self.code.contains(&object) {
            self.code.push(object);
        }
    }

    fn unbound(&mut self, step: &Step, pointer: &str, digest: &str, lines: &str) {
        let found = Diagnostic::new(
            codes::CODE_UNBOUND,
            "C# code cannot run here, and no plugin stands in for it",
        )
        .found(format!("code with the SHA-256 {digest}"))
        .help(format!(
            "put what it does into a plugin (docs/plugins/), and add to tureen.toml:\n{lines}"
        ));
        self.report(step, pointer, found);
    }

    fn stand_in(
        &mut self,
        step: &Step,
        pointer: &str,
        type_name: &str,
        kind: Kind,
    ) -> Option<Arc<Installed>> {
        let installed = self.plugins.handling(kind, type_name).map(Arc::clone);
        if installed.is_none() {
            let text = format!(
                "[[code]] in tureen.toml binds this code to {}, which no installed {} plugin handles",
                quoted(type_name),
                kind.name()
            );
            let handled: Vec<&str> = self.plugins.handled(kind).collect();
            let found = Diagnostic::new(codes::CODE_BINDING, text)
                .expected(format!("one of: {}", handled.join(", ")))
                .help("install the plugin, or correct the name; `tureen plugin list` shows what is there");
            self.report(step, pointer, found);
        }
        installed
    }
}

/// The digest of an activity's script; one without text has that of nothing.
fn code_digest(step: &Step) -> String {
    let settings: serde_json::Value = serde_json::from_str(&step.settings).unwrap_or_default();
    digest_of(settings.get("Code").and_then(serde_json::Value::as_str).unwrap_or_default())
}
