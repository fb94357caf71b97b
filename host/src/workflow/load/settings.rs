//! Every setting of the file, found by id, and the links between them.
//!
//! Knows: which part a class plays, whether a link leads to the right part.
//! Deliberately does not know: what the parts' own properties mean.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::sync::Arc;

use tureen_template::SettingId;

use super::classes::{Class, Known, Part, by_last_word, class_name, classify};
use super::fields::{Fields, Found};
use super::findings::{Findings, Headline as _};
use crate::diagnostics::nearest::distance;
use crate::diagnostics::{codes, quoted};
use crate::workflow::document::{Kind, Node};

/// Settings in one workflow file.
pub(super) const SETTINGS_MAX: usize = 2_000;

/// Settings that a finding about a broken link offers.
const CANDIDATES_MAX: usize = 5;

/// How many digits of an id may differ from one that is meant.
const ID_DISTANCE_MAX: usize = 4;

/// One object of `WorkflowPattern`.
pub(super) struct Setting<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) id: SettingId,
    /// Never empty: the name, or the class, or "setting 3".
    pub(super) name: String,
    pub(super) class: String,
    pub(super) part: Part,
    pub(super) known: Option<&'static Known>,
    misspelt: Option<&'static Known>,
    pub(super) disabled: bool,
    linked: Cell<bool>,
    json: OnceCell<Arc<str>>,
}

impl Setting<'_> {
    /// The object as a plugin gets it.
    pub(super) fn json(&self) -> Arc<str> {
        Arc::clone(self.json.get_or_init(|| self.fields.node.to_json().into()))
    }

    /// A class that only a plugin knows may stand for a filter or for a set of
    /// transformers too: who links to it decides, and the plugin has to agree.
    fn may_be(&self, part: Part) -> bool {
        self.known.is_none()
            && self.part == Part::Activity
            && matches!(part, Part::Filter | Part::Transformers)
    }

    /// Whether a link has led here before; from now on it has.
    pub(super) fn reach(&self) -> bool {
        if let Some(meant) = self.misspelt {
            self.fields.findings().tell(
                codes::TYPE_MISSPELT,
                &self.fields.pointer_to("$type"),
                |diagnostic| {
                    diagnostic
                        .saying(format!("the $type of {} is misspelt", quoted(&self.name)))
                        .expected(meant.class)
                        .found(quoted(&self.class))
                        .help(format!("did you mean {}?", quoted(meant.class)))
                },
            );
        }
        self.linked.replace(true)
    }

    fn described(&self) -> String {
        format!("{} ({})", quoted(&self.name), self.id)
    }
}

/// All settings of a file.
pub(super) struct Settings<'a> {
    pub(super) all: Vec<Setting<'a>>,
    by_id: HashMap<SettingId, usize>,
}

impl<'a> Settings<'a> {
    pub(super) fn read(elements: &'a [Node], pointer: &str, findings: &'a Findings<'a>) -> Self {
        if elements.len() > SETTINGS_MAX {
            findings.tell(codes::TOO_MANY_SETTINGS, pointer, |diagnostic| {
                diagnostic
                    .saying("the workflow has too many settings")
                    .expected(format!("at most {SETTINGS_MAX}"))
                    .found(elements.len().to_string())
                    .help("split it into several workflows")
            });
        }
        let mut settings = Self { all: Vec::new(), by_id: HashMap::new() };
        for (index, node) in elements.iter().take(SETTINGS_MAX).enumerate() {
            let fields = Fields::new(node, format!("{pointer}/{index}"), findings);
            if matches!(node.kind(), Kind::Object(_)) {
                settings.add(fields, index);
            } else {
                findings.tell(codes::SETTING_NOT_AN_OBJECT, &fields.pointer, |diagnostic| {
                    diagnostic
                        .saying("an element of WorkflowPattern is not a setting")
                        .expected("an object with $type and Id")
                        .found(node.shape())
                });
            }
        }
        settings
    }

    fn add(&mut self, fields: Fields<'a>, index: usize) {
        let disabled = fields.flag("Disabled", false);
        let findings = fields.findings();
        let setting = findings.leniently(disabled, || read_setting(fields, index, disabled));
        if setting.id == SettingId::NONE {
            findings.leniently(disabled, || tell_missing_id(&setting));
        } else if let Some(first) = self.get(setting.id) {
            findings.tell(codes::ID_TWICE, &setting.fields.pointer_to("Id"), |diagnostic| {
                let there = findings.document().nearest_position(&first.fields.pointer);
                let line = there.map_or(0, |position| position.line);
                diagnostic
                    .saying(format!("two settings have the same Id {}", setting.id))
                    .found(format!("{} on line {line} has it too", quoted(&first.name)))
                    .help("give one of them a new GUID, and everything that links to it")
            });
        } else {
            self.by_id.insert(setting.id, self.all.len());
        }
        self.all.push(setting);
    }

    pub(super) fn get(&self, id: SettingId) -> Option<&Setting<'a>> {
        self.all.get(*self.by_id.get(&id)?)
    }

    /// Follows the link in a property. `None` when there is none, or when it
    /// leads nowhere, which is told.
    pub(super) fn follow(&self, from: &Fields<'a>, name: &str, part: Part) -> Option<&Setting<'a>> {
        self.follow_found(from, name, &from.find(name)?, part)
    }

    /// The same for a value that was found already.
    pub(super) fn follow_found(
        &self,
        from: &Fields<'a>,
        name: &str,
        found: &Found<'a>,
        part: Part,
    ) -> Option<&Setting<'a>> {
        let id = from.id_at(name, found)?;
        let Some(setting) = self.get(id) else {
            self.tell_lost(from.findings(), name, &found.pointer, id, &[part]);
            return None;
        };
        if setting.part != part && !setting.may_be(part) {
            from.findings().tell(codes::LINK_TO_WRONG_KIND, &found.pointer, |diagnostic| {
                diagnostic
                    .saying(format!("{name} leads to {}", setting.part.noun()))
                    .expected(format!("the Id of {}", part.noun()))
                    .found(setting.described())
                    .help(self.offer(id, &[part]))
            });
            return None;
        }
        setting.reach();
        Some(setting)
    }

    /// Tells that no setting has the id that a property names.
    pub(super) fn tell_lost(
        &self,
        findings: &Findings<'_>,
        name: &str,
        pointer: &str,
        id: SettingId,
        parts: &[Part],
    ) {
        findings.tell(codes::LINK_TO_NOTHING, pointer, |diagnostic| {
            let nouns: Vec<&str> = parts.iter().map(|part| part.noun()).collect();
            diagnostic
                .saying(format!("{name} names a setting that the workflow does not have"))
                .expected(format!("the Id of {}", nouns.join(" or ")))
                .found(id.to_string())
                .help(self.offer(id, parts))
        });
    }

    /// The settings that a broken link may have meant, the nearest id first.
    fn offer(&self, id: SettingId, parts: &[Part]) -> String {
        let id = id.to_string();
        let mut candidates: Vec<(usize, &Setting<'a>)> = self
            .all
            .iter()
            .filter(|setting| parts.contains(&setting.part) && setting.id != SettingId::NONE)
            .map(|setting| (distance(&id, &setting.id.to_string()), setting))
            .collect();
        candidates.sort_by_key(|(distance, _)| *distance);
        match candidates.as_slice() {
            [] => "the workflow has none: add it, or remove the link".to_owned(),
            [(distance, meant), ..] if *distance <= ID_DISTANCE_MAX => {
                format!("did you mean {}?", meant.described())
            }
            several => {
                let shown = several.iter().take(CANDIDATES_MAX);
                let names: Vec<String> = shown.map(|(_, setting)| setting.described()).collect();
                let more = several.len().saturating_sub(CANDIDATES_MAX);
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("there is {}{rest}", names.join(", "))
            }
        }
    }

    /// Warns of settings that no link leads to.
    pub(super) fn warn_of_unreached(&self, findings: &Findings<'_>) {
        for setting in self.all.iter().filter(|setting| !setting.linked.get()) {
            findings.tell(codes::NEVER_RUNS, &setting.fields.pointer, |diagnostic| {
                let help = match setting.part {
                    Part::Activity => "add its Id to the receiver's Activities, or remove it",
                    _ => "link to its Id, or remove it",
                };
                diagnostic
                    .saying(format!("nothing links to {}: it never runs", quoted(&setting.name)))
                    .help(help)
            });
        }
    }
}

fn read_setting<'a>(fields: Fields<'a>, index: usize, disabled: bool) -> Setting<'a> {
    let (class, part, known, misspelt) = read_class(&fields);
    let shown = if class.is_empty() {
        format!("setting {}", index + 1)
    } else {
        super::classes::last_word(&class).to_owned()
    };
    let name = fields.text("Name").filter(|name| !name.trim().is_empty()).unwrap_or(shown);
    Setting {
        id: fields.id("Id").unwrap_or(SettingId::NONE),
        name,
        class,
        part,
        known,
        misspelt,
        disabled,
        linked: Cell::new(false),
        json: OnceCell::new(),
        fields,
    }
}

type ReadClass = (String, Part, Option<&'static Known>, Option<&'static Known>);

fn read_class(fields: &Fields<'_>) -> ReadClass {
    if let Some(text) = fields.node.get("$type").and_then(Node::as_text) {
        let class = class_name(text).to_owned();
        return match classify(&class) {
            Class::Known(known) => (class, known.part, Some(known), None),
            Class::Misspelt(known) => (class, known.part, Some(known), Some(known)),
            Class::Other(part) => (class, part, None, None),
        };
    }
    old_class(fields).unwrap_or_else(|| {
        fields.findings().tell(codes::TYPE_MISSING, &fields.pointer, |diagnostic| {
            diagnostic
                .saying("a setting has no $type: it cannot be told what it is")
                .expected("\"$type\": \"<class name>, HL7SoupWorkflow\", first in the object")
                .found(fields.node.shape())
        });
        (String::new(), guessed_part(fields), None, None)
    })
}

/// `SettingType` or `FunctionProviderType`, as early files have it.
fn old_class(fields: &Fields<'_>) -> Option<ReadClass> {
    for property in ["SettingType", "FunctionProviderType"] {
        let Some(text) = fields.node.get(property).and_then(Node::as_text) else { continue };
        let written = class_name(text);
        let class = match by_last_word(written) {
            Some(known) => known.class.to_owned(),
            None => written.to_owned(),
        };
        fields.findings().tell(
            codes::OLD_TYPE_PROPERTY,
            &fields.pointer_to(property),
            |diagnostic| {
                diagnostic
                    .saying(format!("{property} is read as $type"))
                    .help(format!("write \"$type\": \"{class}, HL7SoupWorkflow\""))
            },
        );
        return Some(match classify(&class) {
            Class::Known(known) => (class, known.part, Some(known), None),
            Class::Misspelt(known) => (class, known.part, Some(known), Some(known)),
            Class::Other(part) => (class, part, None, None),
        });
    }
    None
}

/// The part that a setting without class plays, so that one fault is told once.
fn guessed_part(fields: &Fields<'_>) -> Part {
    let is_array = |name| matches!(fields.node.get(name).map(Node::kind), Some(Kind::Array(_)));
    if is_array("Activities") {
        Part::Receiver
    } else if is_array("Filters") {
        Part::Filter
    } else if is_array("Transformers") {
        Part::Transformers
    } else {
        Part::Activity
    }
}

fn tell_missing_id(setting: &Setting<'_>) {
    let has_text = setting.fields.find("Id").is_some_and(|found| {
        found.node.as_text().is_none_or(|text| text.parse::<SettingId>().is_err())
    });
    if has_text {
        return; // Told already as an id that is none.
    }
    setting.fields.findings().tell(codes::ID_MISSING, &setting.fields.pointer, |diagnostic| {
        diagnostic
            .saying(format!("{} has no Id", quoted(&setting.name)))
            .expected("a GUID that no other setting has")
            .help("links and messages name a setting by its Id")
    });
}
