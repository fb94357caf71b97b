//! Notifications: what a person should look at.

use super::Context;
use crate::Problem;

impl Context {
    /// Tells a person something. Unlike a line of the log, the text may hold what
    /// a message holds: it reaches the operator's log at debug level only.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let outcome = TestRun::new().transform_with(|context, _| {
    ///     Ok(context.notify("a ward without a code", true)?)
    /// })?;
    /// assert_eq!(outcome.notifications[0].text, "a ward without a code");
    /// assert!(outcome.notifications[0].critical);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `notification.size`: the text has more than 4,096 bytes;
    /// `notification.count`: more than one call (100) or one message (1,000) may
    /// tell.
    pub fn notify(&self, text: &str, critical: bool) -> Result<(), Problem> {
        self.backend.notify(text, critical, None)
    }

    /// As [`Context::notify`], unless this workflow told one with the same key in
    /// the last hour: then it is dropped.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let outcome = TestRun::new().transform_with(|context, _| {
    ///     for bed in ["1", "2"] {
    ///         context.notify_once("ward-7", &format!("bed {bed} is unknown"), false)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// let told: Vec<_> = outcome.notifications.iter().map(|it| it.text.as_str()).collect();
    /// assert_eq!(told, ["bed 1 is unknown"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Context::notify`]; `notification.size` also for a key of more than
    /// 256 bytes.
    pub fn notify_once(&self, key: &str, text: &str, critical: bool) -> Result<(), Problem> {
        self.backend.notify(text, critical, Some(key))
    }
}
