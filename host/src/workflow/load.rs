//! From a file's bytes to a checked definition.
//!
//! Stage: bytes → document → **load** → definition. Reads top-down: the
//! wrapper, the settings, the receiver, its activities, what they read. Each
//! finding is told where it stands; loading goes on as far as it makes sense,
//! so that an author sees everything at once.

mod classes;
mod fields;
mod findings;
mod http;
mod message_type;
mod receiver;
mod references;
mod response;
mod settings;
mod steps;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use tureen_template::SettingId;

use self::classes::Part;
use self::fields::Fields;
use self::findings::{Findings, Headline as _};
use self::references::References;
use self::settings::{Setting, Settings};
use self::steps::Steps;
use super::definition::{Activity, Loaded, Receiver, WorkflowDefinition};
use super::document::{DEPTH_MAX, Document, Kind, Node};
use super::purpose::Purpose;
use crate::diagnostics::{Report, codes, quoted};

/// The wrapper's properties (contract 1.1).
const WRAPPER: &[&str] =
    &["WorkflowPattern", "WorkflowId", "Name", "Comments", "Modified", "ImportedDate"];

/// Reads and checks a workflow file's bytes. `file` is only a name for the
/// diagnostics and the definition; nothing is opened.
pub fn load(file: &Path, bytes: Vec<u8>, purpose: Purpose) -> Loaded {
    let document = match Document::parse(bytes, DEPTH_MAX) {
        Ok(document) => Arc::new(document),
        Err(diagnostic) => {
            return Loaded { definition: None, diagnostics: vec![diagnostic.in_file(file)] };
        }
    };
    let findings = Findings::new(file, &document, purpose);
    let graph = read_wrapper(document.root(), &findings);
    let mut diagnostics = findings.into_diagnostics();
    diagnostics.extend(document.warnings().iter().cloned().map(|warning| warning.in_file(file)));
    let definition = graph.map(|graph| WorkflowDefinition {
        id: graph.id,
        name: graph.name,
        file: file.to_path_buf(),
        digest: document.digest(),
        modified: graph.modified,
        receiver: graph.receiver,
        activities: graph.activities,
        document: Arc::clone(&document),
    });
    Loaded { definition, diagnostics: Report::new(diagnostics).into_diagnostics() }
}

/// A definition without what only the file knows.
struct Graph {
    id: SettingId,
    name: String,
    modified: Option<String>,
    receiver: Receiver,
    activities: Vec<Activity>,
}

/// The wrapper object, or the bare array that is used while authoring.
fn read_wrapper<'a>(root: &'a Node, findings: &'a Findings<'a>) -> Option<Graph> {
    let wrapper = Fields::new(root, String::new(), findings);
    let pattern = wrapper.find("WorkflowPattern").map(|found| (found.node, found.pointer));
    match (root.kind(), pattern) {
        (Kind::Array(elements), _) => {
            findings.tell(codes::BARE_ARRAY, "", |diagnostic| {
                diagnostic
                    .saying("the file is a list of settings without the object around them")
                    .expected("an object with WorkflowId, Name and WorkflowPattern")
                    .help("it is read as a WorkflowPattern; save it as a whole workflow file")
            });
            read_graph(&wrapper, &Settings::read(elements, "", findings))
        }
        (Kind::Object(_), Some((node, pointer))) if matches!(node.kind(), Kind::Array(_)) => {
            wrapper.warn_of_unknown("a workflow file", &[WRAPPER]);
            read_graph(&wrapper, &Settings::read(node.elements(), &pointer, findings))
        }
        (_, pattern) => {
            let (pointer, shape) = pattern.map_or_else(
                || (String::new(), format!("{}, without WorkflowPattern", root.shape())),
                |(node, pointer)| (pointer, node.shape()),
            );
            findings.tell(codes::NOT_A_WORKFLOW, &pointer, |diagnostic| {
                diagnostic
                    .saying("the file is JSON but not a workflow")
                    .expected("an object whose WorkflowPattern is an array of settings")
                    .found(shape)
            });
            None
        }
    }
}

fn read_graph<'a>(wrapper: &Fields<'a>, settings: &Settings<'a>) -> Option<Graph> {
    let findings = wrapper.findings();
    let workflow_id = wrapper.id("WorkflowId").unwrap_or(SettingId::NONE);
    let root = find_receiver(wrapper, settings, workflow_id)?;
    root.reach();
    warn_of_other_id(wrapper, workflow_id, root);
    let mut references = References::default();
    let (receiver, activities) = findings.leniently(root.disabled, || {
        let listed = listed_activities(root, settings);
        warn_of_same_names(&listed, findings);
        let mut steps = Steps { settings, references: &mut references };
        let receiver = receiver::receiver(root, &listed, &mut steps);
        let activities = listed
            .iter()
            .map(|activity| findings.leniently(activity.disabled, || steps.activity(activity)))
            .collect();
        references.check(settings, root, &listed, receiver.response.priority, findings);
        (receiver, activities)
    });
    settings.warn_of_unreached(findings);
    let id = if workflow_id == SettingId::NONE { root.id } else { workflow_id };
    Some(Graph {
        id,
        name: name_of(wrapper, root),
        modified: wrapper.text("Modified"),
        receiver,
        activities,
    })
}

/// The wrapper's name, or what the receiver is called.
fn name_of(wrapper: &Fields<'_>, root: &Setting<'_>) -> String {
    let written = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    written(wrapper.text("Name"))
        .or_else(|| written(root.fields.text("WorkflowPatternName")))
        .unwrap_or_else(|| root.name.clone())
}

/// The one receiver.
fn find_receiver<'s, 'a>(
    wrapper: &Fields<'a>,
    settings: &'s Settings<'a>,
    workflow_id: SettingId,
) -> Option<&'s Setting<'a>> {
    let findings = wrapper.findings();
    let receivers: Vec<&Setting<'a>> =
        settings.all.iter().filter(|setting| setting.part == Part::Receiver).collect();
    let Some(first) = receivers.first() else {
        let pointer = if wrapper.node.members().is_empty() { "" } else { "/WorkflowPattern" };
        findings.tell(codes::NO_RECEIVER, pointer, |diagnostic| {
            diagnostic
                .saying("the workflow has no receiver: nothing can start it")
                .expected("one setting whose $type is a receiver, such as HttpReceiverSetting")
                .found(format!("{} settings, none of them a receiver", settings.all.len()))
        });
        return None;
    };
    let root = receivers.iter().find(|receiver| receiver.id == workflow_id).unwrap_or(first);
    for other in receivers.iter().filter(|other| !std::ptr::eq(**other, *root)) {
        other.reach();
        findings.tell(codes::SEVERAL_RECEIVERS, &other.fields.pointer, |diagnostic| {
            diagnostic
                .saying("the workflow has more than one receiver")
                .expected("exactly one in a file")
                .found(format!("{} beside {}", quoted(&other.name), quoted(&root.name)))
                .help("move the other one into a workflow file of its own")
        });
    }
    Some(root)
}

fn warn_of_other_id(wrapper: &Fields<'_>, workflow_id: SettingId, root: &Setting<'_>) {
    if workflow_id == SettingId::NONE || root.id == SettingId::NONE || workflow_id == root.id {
        return;
    }
    wrapper.findings().tell(
        codes::WORKFLOW_ID_DIFFERS,
        &wrapper.pointer_to("WorkflowId"),
        |diagnostic| {
            diagnostic
                .saying("WorkflowId is not the Id of the receiver")
                .expected(root.id.to_string())
                .found(workflow_id.to_string())
                .help("the workflow is known by WorkflowId; make both the same")
        },
    );
}

/// The settings that `Activities` names, in order, each once.
fn listed_activities<'s, 'a>(
    root: &Setting<'a>,
    settings: &'s Settings<'a>,
) -> Vec<&'s Setting<'a>> {
    let mut seen = HashSet::new();
    let mut listed = Vec::new();
    for found in root.fields.array("Activities") {
        let followed = settings.follow_found(&root.fields, "Activities", &found, Part::Activity);
        let Some(activity) = followed else { continue };
        if seen.insert(activity.id) {
            listed.push(activity);
            continue;
        }
        root.fields.findings().tell(codes::ACTIVITY_TWICE, &found.pointer, |diagnostic| {
            diagnostic
                .saying(format!("Activities lists {} twice", quoted(&activity.name)))
                .help("an activity runs once for each message: copy it under another Id")
        });
    }
    listed
}

/// Activities may be looked up by name, so names should be told apart.
fn warn_of_same_names(activities: &[&Setting<'_>], findings: &Findings<'_>) {
    let mut names = HashSet::new();
    for activity in activities {
        if !names.insert(activity.name.to_lowercase()) {
            findings.tell(codes::NAME_TWICE, &activity.fields.pointer_to("Name"), |diagnostic| {
                diagnostic
                    .saying(format!("two activities are called {}", quoted(&activity.name)))
                    .help("logs and plugins name activities: give each a name of its own")
            });
        }
    }
}

#[cfg(test)]
mod tests;
