//! The C# code of the checked workflows, and what stands in for it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::app::Home;
use crate::config::{Code, FILE_NAME};
use crate::diagnostics::{Diagnostic, codes};
use crate::workflow::prepare::CodeObject;

use super::output;

/// Every script that would run, with its file.
#[derive(Default)]
pub(super) struct CodeList(Vec<(PathBuf, CodeObject)>);

impl CodeList {
    pub(super) fn add(&mut self, file: PathBuf, code: Vec<CodeObject>) {
        self.0.extend(code.into_iter().map(|object| (file.clone(), object)));
    }

    pub(super) fn print(&self) {
        for (file, CodeObject { pointer, digest, bound_to }) in &self.0 {
            let instead = bound_to.as_deref().unwrap_or("nothing");
            output::line(&format!(
                "code at {} {pointer}\n  sha256    {digest}\n  runs      {instead}\n",
                file.display()
            ));
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let object = |(file, object): &(PathBuf, CodeObject)| {
            json!({
                "file": file.to_string_lossy(), "pointer": object.pointer,
                "sha256": object.digest, "boundTo": object.bound_to,
            })
        };
        self.0.iter().map(object).collect()
    }

    /// Bindings that no script has: the script was edited, or is gone.
    pub(super) fn unused(&self, home: &Home) -> Vec<Diagnostic> {
        let unused = home.config.code.iter().filter(|code| !self.uses(code));
        let tell = |code: &Code| {
            let name = code.transformer.as_ref().or(code.component.as_ref());
            let text = format!(
                "[[code]] binds {:?} to code that no workflow has",
                name.map_or("", String::as_str)
            );
            Diagnostic::new(codes::CODE_BINDING_UNUSED, text)
                .in_file(&home.path.join(FILE_NAME))
                .help("code that was edited has another SHA-256: see that the plugin still does the same, and change sha256; or remove the table")
        };
        unused.map(tell).collect()
    }

    fn uses(&self, code: &Code) -> bool {
        let name = code.transformer.as_ref().or(code.component.as_ref());
        self.0.iter().any(|(_, object)| {
            object.bound_to.as_ref() == name
                && (code.sha256.is_none() || code.is_of(&object.digest))
        })
    }
}
