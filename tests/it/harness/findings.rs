//! What `tureen check` finds.

use serde_json::Value;

use super::Home;

/// The report of `tureen check --json`.
pub(crate) struct Findings(Value);

impl Findings {
    pub(crate) fn of(home: &Home) -> Self {
        Self(home.run(&["check", "--json"]).json())
    }

    /// All findings of a code.
    pub(crate) fn all(&self, code: &str) -> Vec<&Value> {
        let found = self.0["diagnostics"].as_array().unwrap().iter();
        found.filter(|diagnostic| diagnostic["code"] == code).collect()
    }

    /// The one finding of a code.
    pub(crate) fn only(&self, code: &str) -> &Value {
        match self.all(code).as_slice() {
            [one] => one,
            found => panic!("expected {code} once, found {} times: {:#}", found.len(), self.0),
        }
    }

    /// The codes of all errors, sorted.
    pub(crate) fn errors(&self) -> Vec<&str> {
        let found = self.0["diagnostics"].as_array().unwrap().iter();
        let errors = found.filter(|diagnostic| diagnostic["severity"] == "error");
        let mut codes: Vec<&str> = errors.map(|error| error["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        codes
    }
}
