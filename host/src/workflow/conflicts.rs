//! What is wrong with workflows only because they stand beside each other.
//!
//! Knows: addresses and identities. Deliberately does not know: which of them
//! are started; the caller passes those that are meant to run together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use tureen_template::SettingId;

use super::definition::{HttpReceiver, ReceiverKind, WorkflowDefinition};
use crate::diagnostics::{Code, Diagnostic, codes, quoted};

/// The conflicts between workflows that are to run at the same time, told at
/// the later one of each pair. Disabled ones keep their identity but take no
/// address; port 0 never conflicts.
///
/// - `WF070` one port with and without TLS, or with another certificate (T-57)
/// - `WF071` one port and the same service name
/// - `WF072` the same service name at the shared address
/// - `WF073` the same `WorkflowId` in two files
pub fn conflicts(workflows: &[&WorkflowDefinition]) -> Vec<Diagnostic> {
    let mut taken = Taken::default();
    let mut found = Vec::new();
    for workflow in workflows {
        taken.check_identity(workflow, &mut found);
        if workflow.receiver.disabled {
            continue;
        }
        match &workflow.receiver.kind {
            ReceiverKind::Http(http) if http.host_mode => {
                taken.check_hosted(workflow, http, &mut found);
            }
            ReceiverKind::Http(http) if http.port != 0 => {
                taken.check_port(workflow, http, &mut found);
            }
            ReceiverKind::Http(_) | ReceiverKind::Unsupported { .. } => {}
        }
    }
    found
}

/// Who has what, by the first that asked for it.
#[derive(Default)]
struct Taken<'w> {
    identities: HashMap<SettingId, &'w WorkflowDefinition>,
    ports: HashMap<u16, (&'w WorkflowDefinition, Tls)>,
    addresses: HashMap<(u16, Vec<String>), &'w WorkflowDefinition>,
    hosted: HashMap<Vec<String>, &'w WorkflowDefinition>,
}

/// What must be the same for all receivers of a port.
#[derive(PartialEq, Eq)]
enum Tls {
    Plain,
    DefaultCertificate,
    /// The certificate's thumbprint, hexadecimal digits only.
    Certificate(String),
}

impl Tls {
    fn of(http: &HttpReceiver) -> Self {
        if !http.use_ssl {
            Self::Plain
        } else if http.use_default_certificate {
            Self::DefaultCertificate
        } else {
            let digits = http.certificate_thumbprint.chars().filter(char::is_ascii_hexdigit);
            Self::Certificate(digits.map(|digit| digit.to_ascii_lowercase()).collect())
        }
    }

    fn described(&self) -> &'static str {
        match self {
            Self::Plain => "plain HTTP",
            Self::DefaultCertificate => "TLS with the default certificate",
            Self::Certificate(_) => "TLS with a certificate of its own",
        }
    }
}

impl<'w> Taken<'w> {
    fn check_identity(&mut self, workflow: &'w WorkflowDefinition, found: &mut Vec<Diagnostic>) {
        if workflow.id == SettingId::NONE {
            return;
        }
        if let Some(first) = taken(&mut self.identities, workflow.id, workflow) {
            let message = format!("two files hold the workflow {}", workflow.id);
            found
                .push(conflict(codes::WORKFLOW_TWICE, workflow, first, "/WorkflowId", message).help(
                "remove the older file; a copy that is meant to be another workflow needs new ids",
            ));
        }
    }

    fn check_port(
        &mut self,
        workflow: &'w WorkflowDefinition,
        http: &HttpReceiver,
        found: &mut Vec<Diagnostic>,
    ) {
        let port = http.port;
        let receiver = &workflow.receiver.pointer;
        match self.ports.entry(port) {
            Entry::Vacant(free) => {
                free.insert((workflow, Tls::of(http)));
            }
            Entry::Occupied(other) => {
                let (first, theirs) = other.get();
                let ours = Tls::of(http);
                if *theirs != ours {
                    let message =
                        format!("two workflows want port {port} with different TLS settings");
                    let pointer = format!("{receiver}/UseSsl");
                    found.push(
                        conflict(codes::PORT_TLS_CONFLICT, workflow, first, &pointer, message)
                            .expected(format!(
                                "{}, as {} has it",
                                theirs.described(),
                                quoted(&first.name)
                            ))
                            .found(match (theirs, &ours) {
                                (Tls::Certificate(_), Tls::Certificate(_)) => {
                                    "TLS with another certificate"
                                }
                                _ => ours.described(),
                            })
                            .help("give one of them another port, or both the same TLS settings"),
                    );
                }
            }
        }
        let address = (port, comparable(&http.service_name));
        if let Some(first) = taken(&mut self.addresses, address, workflow) {
            let path = quoted(&format!("/{}", http.service_name_text));
            let message = format!("two workflows want port {port} and path {path}");
            let pointer = format!("{receiver}/ServiceName");
            found.push(
                conflict(codes::ADDRESS_TWICE, workflow, first, &pointer, message)
                    .help("give one of them another ServiceName or Port"),
            );
        }
    }

    fn check_hosted(
        &mut self,
        workflow: &'w WorkflowDefinition,
        http: &HttpReceiver,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some(first) = taken(&mut self.hosted, comparable(&http.service_name), workflow) {
            let path = quoted(&http.service_name_text);
            let message = format!("two workflows want ServiceName {path} at the shared address");
            let pointer = format!("{}/ServiceName", workflow.receiver.pointer);
            found.push(
                conflict(codes::HOSTED_NAME_TWICE, workflow, first, &pointer, message)
                    .help("give one of them another ServiceName"),
            );
        }
    }
}

/// Takes a place, or tells who has it.
fn taken<'w, K: std::hash::Hash + Eq>(
    places: &mut HashMap<K, &'w WorkflowDefinition>,
    key: K,
    workflow: &'w WorkflowDefinition,
) -> Option<&'w WorkflowDefinition> {
    match places.entry(key) {
        Entry::Occupied(other) => Some(other.get()),
        Entry::Vacant(free) => {
            free.insert(workflow);
            None
        }
    }
}

/// Paths are compared segment by segment, decoded and without regard to case.
fn comparable(segments: &[String]) -> Vec<String> {
    segments.iter().map(|segment| segment.to_lowercase()).collect()
}

fn conflict(
    code: Code,
    workflow: &WorkflowDefinition,
    first: &WorkflowDefinition,
    pointer: &str,
    message: String,
) -> Diagnostic {
    let name = |path: &Path| path.display().to_string();
    Diagnostic::new(code, message)
        .in_file(&workflow.file)
        .at(workflow.document.nearest_position(pointer))
        .pointing(pointer)
        .found(format!("{} in {} has it", quoted(&first.name), name(&first.file)))
}

#[cfg(test)]
mod tests;
