//! Notifications of a step: taken within limits, told by the host.

use tureen_message::Problem;

use super::Answer;
use crate::bindings::transformer::tureen::plugin::notifications;
use crate::exchange::{Notification, Notifications};
use crate::guest::{Call, Guest};

/// The most bytes of one notification's text.
const TEXT_BYTES_MAX: usize = 4_096;

/// The most bytes of one uniqueness key.
const KEY_BYTES_MAX: usize = 256;

impl notifications::Host for Guest {
    fn notify(
        &mut self,
        text: String,
        critical: bool,
        uniqueness_key: Option<String>,
    ) -> Answer<()> {
        let plugin = self.plugin.to_string();
        let allowed = self.limits.notifications;
        let call = self.enter()?;
        let notification = Notification { plugin, text, critical, key: uniqueness_key };
        Ok(call.notify(notification, allowed).map_err(Into::into))
    }
}

impl Call {
    fn notify(&mut self, notification: Notification, allowed: u32) -> Result<(), Problem> {
        fits(&notification)?;
        let Some(left) = self.notifications_left.checked_sub(1) else {
            let text = format!("one call may tell {allowed} notifications (notifications)");
            return Err(Problem::new("notification.count", text));
        };
        self.notifications_left = left;
        if !self.run.notifications.push(notification) {
            let text = format!("one message may cause {} notifications", Notifications::MAX);
            return Err(Problem::new("notification.count", text));
        }
        Ok(())
    }
}

/// Is it as short as a notification has to be?
///
/// # Errors
/// `notification.size`.
pub(crate) fn fits(notification: &Notification) -> Result<(), Problem> {
    let key = notification.key.as_deref().unwrap_or_default();
    within("text", notification.text.len(), TEXT_BYTES_MAX)?;
    within("key", key.len(), KEY_BYTES_MAX)
}

fn within(what: &str, found: usize, allowed: usize) -> Result<(), Problem> {
    if found <= allowed {
        return Ok(());
    }
    let text = format!("the {what} of a notification has at most {allowed} bytes, found {found}");
    Err(Problem::new("notification.size", text))
}
