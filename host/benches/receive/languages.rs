//! One step of somebody else's, in three languages.
//!
//! The examples in JavaScript and Python are built by their own tools, which the tests
//! of `other_languages` run; here they are measured where they lie.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Plugin, workflow};

pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) workflow: Value,
    pub(crate) plugin: Plugin,
}

impl Language {
    /// Those that can be measured; says which cannot, and why.
    pub(crate) fn all(measured: &Plugin) -> Vec<Self> {
        let rust = Self {
            name: "rust",
            workflow: workflow::with_transformer("Test.Measured", json!({})),
            plugin: Plugin { name: measured.name, component: measured.component.clone() },
        };
        let literal = |text: &str| json!({ "FromPath": text, "FromDirection": 2 });
        let parameters = json!({ "Path": literal("PID-13"), "Country": literal("1") });
        let numbers = workflow::with_transformer("Example.PhoneNumbers", parameters);
        let age = workflow::with_filter(json!({
            "$type": "Example.AgeFilter, Examples", "Version": 3, "MinimumAge": 18,
        }));
        let others = [
            Self::built("javascript", "phone-numbers", numbers),
            Self::built("python", "age-filter", age),
        ];
        std::iter::once(rust).chain(others.into_iter().flatten()).collect()
    }

    fn built(name: &'static str, example: &'static str, workflow: Value) -> Option<Self> {
        let folder = target_directory().join("other-languages").join(example);
        let file = folder.join(example).with_extension("wasm");
        let Ok(component) = std::fs::read(&file) else {
            println!(
                "{name}: not measured, {} is not there; `cargo test --release -p tureen-tests other_languages` builds it",
                file.display()
            );
            return None;
        };
        let plugin = Plugin { name: example, component: component.into() };
        Some(Self { name, workflow, plugin })
    }
}

/// Where the tests of this build put what they make.
pub(crate) fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    // target/release/deps/receive-…
    program.ancestors().nth(3).map(Path::to_owned).unwrap()
}
