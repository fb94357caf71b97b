//! What a source and a condition see while one message is evaluated.

use crate::Loops;
use std::cell::Cell;
use tureen_plugin_sdk::{Context, Direction, Level, Message, Placement, Problem, Role, SettingId};

/// Whose step this is, and so which source means the message that the step was
/// given: that one is read from the target, with the changes of this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    owner: SettingId,
    role: Role,
}

impl Own {
    /// Of a step at this place of the workflow.
    pub fn new(placement: &Placement) -> Self {
        Self { owner: placement.owner(), role: placement.role() }
    }

    /// The receiver or activity that the step belongs to.
    pub fn owner(self) -> SettingId {
        self.owner
    }

    /// Whether the step belongs to the receiver, where its role tells.
    fn is_receivers(self) -> bool {
        matches!(self.role, Role::ReceiverVariables | Role::ResponseTransformers)
    }

    /// Whether that message of that setting is the one that the step was given.
    ///
    /// A filter's target depends on whose filter it is, which its settings do
    /// not tell: the host is asked there.
    pub fn is_target(self, setting: SettingId, direction: Direction) -> bool {
        match (self.role, direction) {
            (Role::ReceiverVariables, Direction::Inbound)
            | (Role::ResponseTransformers, Direction::Outbound) => {
                setting.is_none() || setting == self.owner
            }
            (Role::ActivityTransformers, Direction::Outbound) => setting == self.owner,
            _ => false,
        }
    }
}

/// What is seen while one message is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'r> {
    /// The run.
    pub context: &'r Context,
    /// The message that the step was given.
    pub target: &'r Message,
    /// Whose step it is.
    pub own: Own,
    /// The loops around the action, outermost first.
    pub loops: &'r Loops,
    /// Whether the operator was told of a message that is not there.
    pub warned: &'r Cell<bool>,
}

impl Sight<'_> {
    /// Whether an id, or none, names the receiver.
    ///
    /// The host tells a step its owner alone. Where that is an activity, the
    /// receiver is the setting that has an inbound message and no outbound one:
    /// its response is built after the activities, and an activity that has
    /// answered has been sent a message.
    ///
    /// # Errors
    /// When the workflow has no such setting.
    pub(crate) fn is_receiver(&self, setting: SettingId) -> Result<bool, Problem> {
        if setting.is_none() || self.own.is_receivers() {
            return Ok(setting.is_none() || setting == self.own.owner);
        }
        let has = |direction| self.context.message_of(setting, direction);
        Ok(has(Direction::Inbound)?.is_some() && has(Direction::Outbound)?.is_none())
    }

    /// Tells the operator, once in a call, that a source has no message: its
    /// setting has not run yet, was filtered, is disabled or gave no response.
    pub(crate) fn warn_of_missing_message(&self, setting: SettingId) {
        if !self.warned.replace(true) {
            let text = format!(
                "the setting {setting} has no message yet: its values are read as empty; see \
                 whether it runs before this step, and which direction is meant"
            );
            self.context.log(Level::Warn, &text);
        }
    }
}
