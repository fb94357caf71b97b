//! Which other settings' messages the steps read, and whether they are there by
//! then (contract 1.3, trap T-39: the original silently reads "").
//!
//! Knows: `FromSetting`, `ToSetting` and `${<id> inbound}`, the properties that
//! every kind of action, condition and parameter shares. Deliberately does not
//! know: what is done with the message.

use std::collections::{HashMap, HashSet};

use tureen_template::{Direction, PlaceholderKind, SettingId, Template};

use super::classes::Part;
use super::fields::{Fields, Names};
use super::findings::{Findings, Headline as _};
use super::settings::{Setting, Settings};
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{ResponsePriority, Role};
use crate::workflow::document::{Kind, Node, pointer_step};

const DIRECTIONS: Names = &[(0, "Inbound"), (1, "Outbound"), (2, "Variable")];

/// Classes whose `FromSetting` means what the format says.
const VENDOR: &str = "HL7Soup.";

/// One place that names another setting's message.
struct Reference {
    property: &'static str,
    pointer: String,
    id: SettingId,
    /// What is read; `None` for what is written.
    reads: Option<Direction>,
    owner: SettingId,
    role: Role,
}

/// All such places of a workflow.
#[derive(Default)]
pub(super) struct References {
    all: Vec<Reference>,
    /// Settings that were walked: one that is shared is walked for its first
    /// owner only, which has the fewest messages to read.
    walked: HashSet<(String, bool)>,
}

impl References {
    /// Notes what a step's settings refer to.
    pub(super) fn settings_of(&mut self, setting: &Setting<'_>, owner: SettingId, role: Role) {
        let fields = &setting.fields;
        let is_vendor = setting.known.is_some() || setting.class.starts_with(VENDOR);
        // A filter's two steps are one object: each walks its own array.
        let part = match role {
            Role::FilterTransformers => Some("Transformers"),
            Role::Filter => Some("Filters"),
            _ => None,
        };
        let first = self.walked.insert((fields.pointer.clone(), part == Some("Transformers")));
        if !is_vendor || !first {
            return;
        }
        match part {
            None => self.walk(fields, owner, role),
            Some(name) => {
                for found in fields.array(name) {
                    self.walk(
                        &Fields::new(found.node, found.pointer, fields.findings()),
                        owner,
                        role,
                    );
                }
            }
        }
    }

    /// Notes what an activity's message template refers to.
    pub(super) fn template(
        &mut self,
        setting: &Setting<'_>,
        template: &Template,
        name: &'static str,
    ) {
        self.template_of(&setting.fields, template, name, setting.id, Role::Activity);
    }

    pub(super) fn template_of(
        &mut self,
        fields: &Fields<'_>,
        template: &Template,
        name: &'static str,
        owner: SettingId,
        role: Role,
    ) {
        for placeholder in template.placeholders() {
            if let Some(problem) = placeholder.problem {
                fields.findings().tell(
                    codes::PLACEHOLDER,
                    &fields.pointer_to(name),
                    |diagnostic| {
                        diagnostic
                            .saying(format!("a placeholder of {name} can never be filled"))
                            .found(quoted(placeholder.text))
                            .help(problem.text.clone())
                    },
                );
            }
            let PlaceholderKind::Message { setting: id, direction } = placeholder.kind else {
                continue;
            };
            if id == SettingId::NONE {
                continue; // The receiver.
            }
            self.all.push(Reference {
                property: name,
                pointer: fields.pointer_to(name),
                id,
                reads: Some(direction),
                owner,
                role,
            });
        }
    }

    /// The depth of a document is limited, so this may recurse.
    fn walk(&mut self, fields: &Fields<'_>, owner: SettingId, role: Role) {
        self.note(fields, "FromSetting", "FromDirection", owner, role);
        self.note(fields, "ToSetting", "ToDirection", owner, role);
        let inner = |node, step: &str| {
            Fields::new(node, format!("{}/{step}", fields.pointer), fields.findings())
        };
        for member in fields.node.members() {
            if matches!(member.value.kind(), Kind::Object(_) | Kind::Array(_)) {
                self.walk(&inner(&member.value, &pointer_step(&member.name)), owner, role);
            }
        }
        for (index, element) in fields.node.elements().iter().enumerate() {
            if matches!(element.kind(), Kind::Object(_) | Kind::Array(_)) {
                self.walk(&inner(element, &index.to_string()), owner, role);
            }
        }
    }

    fn note(
        &mut self,
        fields: &Fields<'_>,
        property: &'static str,
        direction: &str,
        owner: SettingId,
        role: Role,
    ) {
        let Some(found) = fields.find(property) else { return };
        let Some(id) = fields.id_at(property, &found) else { return };
        // Parameters and headers are texts unless they say otherwise.
        let is_parameter = fields.node.get("Path").or(fields.node.get("FromPath")).is_none()
            && fields.node.get("Value").is_some_and(|value| Node::as_text(value).is_some());
        let default = if is_parameter && property == "FromSetting" { 2 } else { 0 };
        let reads = match fields.find(direction) {
            None => Some(default),
            Some(_) => fields.choice(direction, DIRECTIONS),
        };
        let reads = match (property, reads) {
            (_, Some(2) | None) => return,
            ("FromSetting", Some(0)) => Some(Direction::Inbound),
            ("FromSetting", Some(_)) => Some(Direction::Outbound),
            _ => None,
        };
        self.all.push(Reference { property, pointer: found.pointer, id, reads, owner, role });
    }

    /// Tells every reference that leads nowhere or reads what is not there yet.
    pub(super) fn check<'a>(
        &self,
        settings: &Settings<'a>,
        receiver: &Setting<'a>,
        activities: &[&Setting<'a>],
        priority: ResponsePriority,
        findings: &Findings<'_>,
    ) {
        let order: HashMap<SettingId, usize> =
            activities.iter().enumerate().map(|(index, activity)| (activity.id, index)).collect();
        for reference in &self.all {
            let owner_disabled = settings.get(reference.owner).is_some_and(|owner| owner.disabled);
            findings.leniently(owner_disabled || receiver.disabled, || {
                let Some(target) = existing(reference, settings, findings) else { return };
                let Some(direction) = reference.reads else { return };
                if let Some(why) =
                    unreadable(reference, direction, target, receiver, &order, priority)
                {
                    findings.tell(codes::READS_TOO_EARLY, &reference.pointer, |diagnostic| {
                        diagnostic
                            .saying(format!("this message is never there: {why}"))
                            .found(format!("{} of {}", shown(direction), quoted(&target.name)))
                            .help("it reads as empty: read another one, or reorder the activities")
                    });
                }
            });
        }
    }
}

fn existing<'s, 'a>(
    reference: &Reference,
    settings: &'s Settings<'a>,
    findings: &Findings<'_>,
) -> Option<&'s Setting<'a>> {
    let parts = [Part::Receiver, Part::Activity];
    let Some(target) = settings.get(reference.id) else {
        settings.tell_lost(findings, reference.property, &reference.pointer, reference.id, &parts);
        return None;
    };
    if !parts.contains(&target.part) {
        findings.tell(codes::LINK_TO_WRONG_KIND, &reference.pointer, |diagnostic| {
            diagnostic
                .saying(format!("{} leads to {}", reference.property, target.part.noun()))
                .expected("the Id of a receiver or an activity")
                .found(quoted(&target.name))
        });
        return None;
    }
    Some(target)
}

/// Why a message cannot be there when the reference is read.
fn unreadable(
    reference: &Reference,
    direction: Direction,
    target: &Setting<'_>,
    receiver: &Setting<'_>,
    order: &HashMap<SettingId, usize>,
    priority: ResponsePriority,
) -> Option<&'static str> {
    let in_response = reference.role == Role::ResponseTransformers;
    if target.id == receiver.id {
        let too_early = direction == Direction::Outbound && !in_response;
        return too_early.then_some("the response is built after the activities");
    }
    let Some(position) = order.get(&target.id) else {
        return Some("the receiver's Activities do not list that activity");
    };
    if target.disabled {
        return Some("that activity is disabled");
    }
    let Some(own) = order.get(&reference.owner) else {
        let after_all = in_response && priority == ResponsePriority::AfterAllProcessing;
        return (!after_all).then_some("no activity has run by then");
    };
    if position > own {
        Some("that activity runs later")
    } else if position == own && direction == Direction::Inbound {
        Some("an activity's response comes after everything that prepares its message")
    } else {
        None
    }
}

fn shown(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "the inbound message",
        Direction::Outbound => "the outbound message",
    }
}
