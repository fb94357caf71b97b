//! The places in messages that actions and conditions name, and the variables that they set: judged
//! when a workflow is loaded, so that what fails for every message is found before the first one
//! (contract 1.9).
//!
//! Knows: which properties of the format's own actions and conditions hold a path or a name, which
//! message a path is meant for, and which messages may be written. Deliberately does not know: what
//! an action does with a value, how plugins of others read their settings.
//!
//! # Invariants
//! - Only what surely fails, whatever the message holds, is an error: a path with placeholders, and
//!   one for a message whose format only a plugin decides, is not looked at.

mod item;
mod paths;

use serde_json::Value;
use tureen_message::Format;
use tureen_template::{Direction, NameSlip, SettingId};

use self::item::Item;
use self::paths::Use;
use super::collected::Collected;
use crate::diagnostics::{Diagnostic, codes, quoted};
use crate::workflow::definition::{
    FILTER_CLASS, ResponsePriority, Role, Step, TRANSFORMER_CLASS, WorkflowDefinition,
};

/// What the properties of a place are called: actions and conditions differ.
struct Names {
    path: &'static str,
    setting: &'static str,
    direction: &'static str,
    kind: &'static str,
}

const ACTION: Names = Names {
    path: "FromPath",
    setting: "FromSetting",
    direction: "FromDirection",
    kind: "FromType",
};
const CONDITION: Names = Names { path: "Path", ..ACTION };
/// The second operand of a condition, by reference.
const OPERAND: Names =
    Names { path: "ToPath", setting: "ToSetting", direction: "ToDirection", kind: "ToType" };

/// In the order of their numbers (contract 2.2).
const DIRECTIONS: [&str; 3] = ["Inbound", "Outbound", "Variable"];
const OUTBOUND: usize = 1;
const VARIABLE: usize = 2;

/// In the order of their numbers, and whether the second operand is read (contract 6.2).
const STRING_COMPARERS: [(&str, bool); 13] = [
    ("Equals", true),
    ("Contains", true),
    ("StartsWith", true),
    ("EndsWith", true),
    ("LengthGreaterThan", true),
    ("LengthLessThan", true),
    ("Empty", false),
    ("InMessage", false),
    ("InDataTable", true),
    ("IsTitleCase", false),
    ("IsUpperCase", false),
    ("IsLowerCase", false),
    ("InList", true),
];
const DATE_COMPARERS: [(&str, bool); 8] = [
    ("Equals", true),
    ("GreaterThan", true),
    ("LessThan", true),
    ("GreaterThanOrEqualTo", true),
    ("LessThanOrEqualTo", true),
    ("Empty", false),
    ("InMessage", false),
    ("InvalidDate", false),
];

/// Judges the actions and conditions of a definition. One set that is linked from several places is
/// judged for each, since the messages differ.
pub(super) fn check(definition: &WorkflowDefinition) -> Vec<Diagnostic> {
    let told = Collected::new(definition, "paths and names of variables");
    let mut places = Places { definition, told };
    for step in definition.steps() {
        places.step(step);
    }
    places.told.into_diagnostics()
}

struct Places<'a> {
    definition: &'a WorkflowDefinition,
    told: Collected<'a>,
}

impl Places<'_> {
    fn step(&mut self, step: &Step) {
        let (class, part) = match step.role {
            Role::Activity => return,
            Role::Filter => (FILTER_CLASS, "Filters"),
            Role::FilterTransformers => (FILTER_CLASS, "Transformers"),
            Role::ReceiverVariables | Role::ActivityTransformers | Role::ResponseTransformers => {
                (TRANSFORMER_CLASS, "Transformers")
            }
        };
        if step.type_name != class {
            return;
        }
        let Ok(settings) = serde_json::from_str::<Value>(&step.settings) else { return };
        let Some(root) = Item::of(&settings, step.pointer.clone()) else { return };
        for item in root.items(part) {
            match step.role {
                Role::Filter => self.condition(step, &item),
                _ => self.action(step, &item),
            }
        }
    }

    /// The other actions read no place.
    fn action(&mut self, step: &Step, action: &Item<'_>) {
        match action.class() {
            "CreateVariableTransformerAction" => {
                self.source(step, action, &ACTION, Use::Value);
                let name = action.text("VariableName").unwrap_or_default();
                self.variable(action, "VariableName", &name);
            }
            "CreateMappingTransformerAction" => {
                self.source(step, action, &ACTION, Use::Value);
                self.target(step, action);
            }
            "AppendLineTransformerAction" => {
                self.source(step, action, &ACTION, Use::Value);
                self.written(step, action, "ToSetting");
            }
            "NotificationTransformerAction" => self.source(step, action, &ACTION, Use::Value),
            "ForEachTransformerAction" => self.source(step, action, &ACTION, Use::Loop),
            "BeginConditionalTransformerAction" => {
                for condition in action.items("Filters") {
                    self.condition(step, &condition);
                }
            }
            "CustomTransformerAction" => {
                // What a parameter without direction means, the format does not say clearly.
                let parameters = action.values("Parameters");
                for parameter in parameters.iter().filter(|it| it.has("FromDirection")) {
                    self.source(step, parameter, &ACTION, Use::Value);
                }
            }
            _ => {}
        }
    }

    /// `ValidMessageFilter` asks about the whole message, whatever its path.
    fn condition(&mut self, step: &Step, condition: &Item<'_>) {
        let (comparers, repeats): (&[(&str, bool)], bool) = match condition.class() {
            "StringMessageFilter" => (&STRING_COMPARERS, condition.flag("IncludesRepeatFields")),
            "DateMessageFilter" => (&DATE_COMPARERS, false),
            _ => return,
        };
        let first = if repeats { Use::Repetitions } else { Use::Value };
        self.source(step, condition, &CONDITION, first);
        let names: Vec<&str> = comparers.iter().map(|(name, _)| *name).collect();
        let comparer = condition.choice("Comparer", &names);
        let compares = comparer.and_then(|it| comparers.get(it)).is_some_and(|(_, reads)| *reads);
        // Without a setting, and without a path, the second operand is a text.
        let by_reference = condition.text(OPERAND.path).is_some_and(|path| !path.is_empty())
            && condition.id(OPERAND.setting).is_some_and(|id| id != SettingId::NONE);
        if compares && by_reference {
            self.source(step, condition, &OPERAND, Use::Value);
        }
    }

    /// The path of what is read.
    fn source(&mut self, step: &Step, item: &Item<'_>, names: &Names, by: Use) {
        let Some(direction) = item.choice(names.direction, &DIRECTIONS) else { return };
        let Some(setting) = item.id(names.setting) else { return };
        let is_text = setting == SettingId::NONE && item.is(names.kind, 7, "TextWithVariables");
        if direction == VARIABLE || is_text {
            return;
        }
        let direction =
            if direction == OUTBOUND { Direction::Outbound } else { Direction::Inbound };
        if let Some(format) = self.format_of(step, setting, direction) {
            self.path(item, names.path, format, by);
        }
    }

    /// The format of a message that is there when a step runs: `None` for one that is not, which
    /// reads as empty (`WF034`), and for what an activity has answered, which its plugin decides.
    fn format_of(&self, step: &Step, setting: SettingId, direction: Direction) -> Option<Format> {
        let receiver = &self.definition.receiver;
        let in_response = step.role == Role::ResponseTransformers;
        if setting == SettingId::NONE || setting == receiver.id {
            let is_there = direction == Direction::Inbound || in_response && self.is_answered();
            return is_there.then_some(receiver.message_type);
        }
        let activities = &self.definition.activities;
        let place_of = |id: SettingId| activities.iter().position(|it| it.id == id);
        let place = place_of(setting)?;
        let activity = activities.get(place)?;
        if direction == Direction::Inbound || activity.disabled {
            return None;
        }
        let is_there = match place_of(step.owner) {
            Some(own) => place < own || place == own && step.role == Role::ActivityTransformers,
            None => {
                in_response && receiver.response.priority == ResponsePriority::AfterAllProcessing
            }
        };
        is_there.then_some(activity.message_type)
    }

    /// Whether transformers of the receiver change a response, not run after the activities.
    fn is_answered(&self) -> bool {
        self.definition.receiver.response_transformers.is_some()
    }

    /// The path of what is written, or the variable instead.
    fn target(&mut self, step: &Step, action: &Item<'_>) {
        let Some(direction) = action.choice("ToDirection", &DIRECTIONS) else { return };
        if direction == VARIABLE {
            let path = action.text("ToPath").unwrap_or_default();
            let name = path.trim();
            let inner = name.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
            return self.variable(action, "ToPath", inner.unwrap_or(name));
        }
        if let Some(format) = self.written(step, action, "ToPath") {
            let structure = action.flag("AllowMessageStructureToChange");
            self.path(action, "ToPath", format, Use::Target { structure });
        }
    }

    /// The format of the message that a step may write. Where there is none, that is told at a
    /// property of the action.
    fn written(&mut self, step: &Step, action: &Item<'_>, property: &str) -> Option<Format> {
        let receiver = &self.definition.receiver;
        let setting = action.id("ToSetting")?;
        let own = setting == SettingId::NONE || setting == step.owner;
        if !own && step.role != Role::FilterTransformers {
            return None; // The transformer refuses it.
        }
        let format = match step.role {
            Role::ActivityTransformers => {
                return Some(self.definition.activity(step.owner)?.message_type);
            }
            Role::ResponseTransformers => self.is_answered().then_some(receiver.message_type),
            Role::FilterTransformers => {
                (step.owner == receiver.id).then_some(receiver.message_type)
            }
            Role::ReceiverVariables | Role::Filter | Role::Activity => None,
        };
        if format.is_none() {
            let place = if action.has(property) { property } else { "$type" };
            let found = Diagnostic::new(
                codes::WRITE_REFUSED,
                "these transformers may not write into a message: every message would fail here",
            )
            .expected("a variable: CreateVariableTransformerAction, or ToDirection 2")
            .found("a write into the received message")
            .help(
                "set a variable here, and write it in the Transformers of an activity or of the \
                 response; the received message itself can be changed in the receiver's filter",
            );
            self.told.tell(found, &action.pointer_to(place));
        }
        format
    }

    /// The name of a variable that is set. A name with placeholders is left to the run.
    fn variable(&mut self, action: &Item<'_>, property: &str, name: &str) {
        if name.contains("${") {
            return;
        }
        let found = match NameSlip::of(name) {
            None => return,
            Some(NameSlip::ReadOnly) => Diagnostic::new(
                codes::VARIABLE_NAME,
                "the variable is the server's own and cannot be set: every message would fail here",
            )
            .help("choose another name; of the server's variables WorkflowError alone may be set"),
            Some(NameSlip::Unreadable) => Diagnostic::new(
                codes::VARIABLE_NAME,
                "no placeholder can name this variable: it would be set and never read",
            )
            .expected(
                "1 to 256 bytes without blanks at the ends, colons, braces, dollar signs, \
                 quotation marks and control characters",
            )
            .help(renamed(name)),
        };
        self.told.tell(found.found(quoted(name)), &action.pointer_to(property));
    }

    /// A path of a message of that format.
    fn path(&mut self, item: &Item<'_>, property: &str, format: Format, by: Use) {
        let Some(path) = item.text(property).filter(|path| !path.contains("${")) else { return };
        if let Some(found) = paths::judge(property, &path, format, by) {
            self.told.tell(found, &item.pointer_to(property));
        }
    }
}

/// What to call a variable instead.
fn renamed(name: &str) -> String {
    let better: String = name
        .trim()
        .chars()
        .map(|it| if it.is_alphanumeric() || matches!(it, ' ' | '-' | '.') { it } else { '_' })
        .collect();
    match NameSlip::of(&better) {
        None => format!("call it {}", quoted(&better)),
        Some(_) => "give it a name of letters and digits".to_owned(),
    }
}

#[cfg(test)]
mod tests;
