//! What is wrong with workflows only because they stand beside each other.
//!
//! Knows: addresses and identities. Deliberately does not know: which of them
//! are started; the caller passes those that are meant to run together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tureen_template::SettingId;

use super::definition::{HttpReceiver, OwnCertificate, ReceiverKind, WorkflowDefinition};
use crate::certificates::Thumbprint;
use crate::config::ServiceAddress;
use crate::diagnostics::{Code, Diagnostic, codes, quoted};

/// The conflicts between workflows that are to run at the same time, told at
/// the later one of each pair. Disabled ones keep their identity but take no
/// address. All receivers of port 0 share the one port that the system chooses.
///
/// - `WF070` one port with and without TLS, or with another certificate (T-57)
/// - `WF071` one port and the same service name
/// - `WF072` the same service name at the shared address
/// - `WF073` the same `WorkflowId` in two files
pub fn conflicts(
    workflows: &[&WorkflowDefinition],
    service_address: &ServiceAddress,
) -> Vec<Diagnostic> {
    let mut taken = Taken::default();
    let mut found = Vec::new();
    for workflow in workflows {
        taken.check_identity(workflow, &mut found);
        if workflow.receiver.disabled {
            continue;
        }
        let ReceiverKind::Http(http) = &workflow.receiver.kind else { continue };
        let place = Place::of(http, service_address);
        taken.check_port(workflow, http, &place, &mut found);
    }
    found
}

/// Who has what, by the first that asked for it.
#[derive(Default)]
struct Taken<'w> {
    identities: HashMap<SettingId, &'w WorkflowDefinition>,
    ports: HashMap<Option<u16>, Asking<'w>>,
    addresses: HashMap<(Option<u16>, Vec<String>), Asking<'w>>,
}

type Asking<'w> = (&'w WorkflowDefinition, Place);

/// Where a receiver is reached, and what must be the same for all of a port.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    /// `None`: the shared address, which has no port yet.
    port: Option<u16>,
    tls: Tls,
    shared: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Tls {
    Plain,
    DefaultCertificate,
    Certificate(Thumbprint),
}

impl Place {
    fn of(http: &HttpReceiver, service_address: &ServiceAddress) -> Self {
        if http.host_mode {
            let tls = if service_address.tls { Tls::DefaultCertificate } else { Tls::Plain };
            return Self { port: service_address.port, tls, shared: true };
        }
        let tls = match &http.certificate {
            _ if !http.use_ssl => Tls::Plain,
            OwnCertificate::Default => Tls::DefaultCertificate,
            OwnCertificate::Thumbprint(thumbprint) => Tls::Certificate(thumbprint.clone()),
        };
        Self { port: Some(http.port), tls, shared: false }
    }

    fn described(&self) -> &'static str {
        match self.tls {
            Tls::Plain => "plain HTTP",
            Tls::DefaultCertificate => "TLS with the default certificate",
            Tls::Certificate(_) => "TLS with a certificate of its own",
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
        ours: &Place,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some((first, theirs)) = taken(&mut self.ports, ours.port, (workflow, ours.clone()))
            && theirs.tls != ours.tls
        {
            found.push(other_tls(workflow, ours, first, &theirs));
        }
        let address = (ours.port, comparable(&http.service_name));
        if let Some((first, theirs)) = taken(&mut self.addresses, address, (workflow, ours.clone()))
        {
            let path = quoted(&format!("/{}", http.service_name_text));
            let (code, place) = match (ours.shared && theirs.shared, ours.port) {
                (false, Some(port)) => {
                    (codes::ADDRESS_TWICE, format!("port {port} and path {path}"))
                }
                _ => {
                    let place = format!("ServiceName {path} at the shared address");
                    (codes::HOSTED_NAME_TWICE, place)
                }
            };
            let pointer = format!("{}/ServiceName", workflow.receiver.pointer);
            let message = format!("two workflows want {place}");
            found.push(
                conflict(code, workflow, first, &pointer, message)
                    .help("give one of them another ServiceName or address"),
            );
        }
    }
}

fn other_tls(
    workflow: &WorkflowDefinition,
    ours: &Place,
    first: &WorkflowDefinition,
    theirs: &Place,
) -> Diagnostic {
    let port = ours.port.map_or_else(String::new, |port| format!("port {port} "));
    let message = format!("two workflows want {port}with different TLS settings");
    let property = if ours.shared { "UseIntegrationHostServiceAddress" } else { "UseSsl" };
    let pointer = format!("{}/{property}", workflow.receiver.pointer);
    conflict(codes::PORT_TLS_CONFLICT, workflow, first, &pointer, message)
        .expected(format!("{}, as {} has it", theirs.described(), named(first)))
        .found(match (&theirs.tls, &ours.tls) {
            (Tls::Certificate(_), Tls::Certificate(_)) => "TLS with another certificate",
            _ => ours.described(),
        })
        .help("give one of them another port, or both the same TLS settings")
}

/// Takes a place, or tells who has it.
fn taken<K: std::hash::Hash + Eq, V: Clone>(
    places: &mut HashMap<K, V>,
    key: K,
    asking: V,
) -> Option<V> {
    match places.entry(key) {
        Entry::Occupied(other) => Some(other.get().clone()),
        Entry::Vacant(free) => {
            free.insert(asking);
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
    Diagnostic::new(code, message)
        .in_file(&workflow.file)
        .at(workflow.document.nearest_position(pointer))
        .pointing(pointer)
        .found(format!("{} has it", named(first)))
}

/// The name of a workflow and its file.
fn named(workflow: &WorkflowDefinition) -> String {
    format!("{} in {}", quoted(&workflow.name), workflow.file.display())
}

#[cfg(test)]
mod tests;
