//! A list of conditions, with conjunctions and groups (contract 6.3).

use crate::condition::{DATE_CLASS, STRING_CLASS, VALID_CLASS};
use crate::{Condition, Sight, telling};
use tureen_plugin_sdk::{Choice, Findings, Placement, Settings, StepError};

/// The namespace of all condition classes.
const NAMESPACE: &str = "HL7Soup.MessageFilters.";
/// The separator of groups.
const GROUP_CLASS: &str = "FilterGroup";

/// How an item is joined to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conjunction {
    And,
    Or,
}

const CONJUNCTIONS: [Choice<Conjunction>; 2] =
    [(0, "And", Conjunction::And), (1, "Or", Conjunction::Or)];

/// Conditions in groups: folded left to right inside a group, then the groups
/// left to right; And does not bind closer than Or.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    items: Vec<Item>,
    /// To the next group, of the separator.
    joint: Option<Conjunction>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    condition: Condition,
    joint: Conjunction,
    /// Its place in the list, from 1.
    position: usize,
}

/// What a list of conditions says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They hold; an empty list always does.
    Holds,
    /// They do not; the text says which condition decided, in authored words.
    Fails(String),
}

impl Conditions {
    /// Reads the array of conditions that a property holds.
    ///
    /// # Errors
    /// Everything that is wrong with any of them: unknown classes, unknown
    /// numbers, separators that separate nothing.
    pub fn read(settings: &Settings, name: &str, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let mut groups = vec![Group::default()];
        for (at, item) in settings.objects(name)?.iter().enumerate() {
            let joint = findings.keep(item.choice("Conjunction", &CONJUNCTIONS)).flatten();
            let joint = joint.unwrap_or(Conjunction::And);
            let class = item.class().unwrap_or_default();
            let class = class.strip_prefix(NAMESPACE).unwrap_or(class);
            let Some(group) = groups.last_mut() else { break };
            if class == GROUP_CLASS {
                findings.keep(group.close(joint, item, placement));
                groups.push(Group::default());
                continue;
            }
            match Condition::read(class, item, placement) {
                Some(condition) => {
                    if let Some(condition) = findings.keep(condition) {
                        group.items.push(Item { condition, joint, position: at + 1 });
                    }
                }
                None => findings.push(unknown_class(item)),
            }
        }
        let ends_empty = groups.last().is_some_and(|group| group.items.is_empty());
        if groups.len() > 1 && ends_empty && findings.is_empty() {
            let text = "a group separator may not stand last: put a condition after it";
            findings.push(settings.error(name, "condition.group", text));
        }
        findings.or(Self { groups })
    }

    /// Evaluates the conditions, no further than is needed.
    ///
    /// # Errors
    /// When an operand of a condition cannot be read.
    pub fn evaluate(&self, sight: &Sight<'_>) -> Result<Outcome, StepError> {
        let mut holds = true;
        let mut decisive = None;
        let mut joint = Conjunction::And;
        for group in self.groups.iter().filter(|group| !group.items.is_empty()) {
            if decides(joint, holds) {
                holds = group.evaluate(sight, &mut decisive)?;
            }
            joint = group.joint.unwrap_or(Conjunction::And);
        }
        Ok(match decisive {
            Some(item) if !holds => Outcome::Fails(item.describe()),
            _ => Outcome::Holds,
        })
    }
}

/// Whether what follows the joint can change what held before it.
fn decides(joint: Conjunction, holds: bool) -> bool {
    holds == (joint == Conjunction::And)
}

impl Group {
    fn close(
        &mut self,
        joint: Conjunction,
        separator: &Settings,
        placement: &Placement,
    ) -> Result<(), Findings> {
        self.joint = Some(joint);
        let Some(last) = self.items.last() else {
            let text = "a group separator may stand neither first nor after another one";
            return Err(separator.error("$type", "condition.group", text).into());
        };
        if last.joint != joint {
            let text = "the condition before this separator is joined differently than the \
                        separator: the separator counts";
            placement.warn(separator.problem("Conjunction", "condition.conjunction", text));
        }
        Ok(())
    }

    fn evaluate<'c>(
        &'c self,
        sight: &Sight<'_>,
        decisive: &mut Option<&'c Item>,
    ) -> Result<bool, StepError> {
        let mut holds = true;
        let mut joint = Conjunction::And;
        for item in &self.items {
            if decides(joint, holds) {
                holds = item.condition.holds(sight).map_err(|error| item.name_in(error))?;
                *decisive = Some(item);
            }
            joint = item.joint;
        }
        Ok(holds)
    }
}

impl Item {
    fn describe(&self) -> String {
        format!("condition {} ({}) does not hold", self.position, self.condition.describe())
    }

    /// Tells in an error which condition could not be evaluated.
    fn name_in(&self, error: StepError) -> StepError {
        telling::with_detail(error, telling::CONDITION, &self.position.to_string())
    }
}

fn unknown_class(item: &Settings) -> tureen_plugin_sdk::Finding {
    let known = [STRING_CLASS, DATE_CLASS, VALID_CLASS, GROUP_CLASS].join(", ");
    let text = format!("this is not a class of conditions; known in {NAMESPACE} are {known}");
    item.error("$type", "condition.class", text)
}

#[cfg(test)]
mod tests;
