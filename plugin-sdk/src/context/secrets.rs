//! Secrets of the home: passwords, keys, tokens.

use super::Context;
use crate::Problem;

impl Context {
    /// A value of `[secrets]` that the operator granted this plugin by name:
    /// `secrets = ["lab-password"]`. A plugin that calls this is refused until
    /// some secret is granted. Names are case-insensitive. Do not log the value,
    /// and do not put it into a variable or a message.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let run = TestRun::new().secret("lab-password", "open sesame");
    /// let outcome = run.transform_with(|context, _| {
    ///     let length = context.secret("lab-password")?.len();
    ///     context.set_variable("Length", &length.to_string())?;
    ///     assert_eq!(context.secret("other").unwrap_err().code, "secret.not-granted");
    ///     Ok(())
    /// })?;
    /// assert_eq!(outcome.variable("Length"), Some("11"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `secret.not-granted`; `secret.unknown`: granted, but `[secrets]` has none
    /// of the name; `secret.unavailable`: it cannot be read at the moment.
    pub fn secret(&self, name: &str) -> Result<String, Problem> {
        self.backend.secret(name)
    }
}
