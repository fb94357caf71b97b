//! Live workflows become listeners and routes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Severity, codes};
use crate::listener::{BindError, DesiredListener, Drained, ListenerKey, Listeners};
use crate::receiver::{DeclaredParameter, DeclaredSection, HttpReceiver, Route, RouteTable};
use crate::workflow::conflicts::conflicts;
use crate::workflow::definition::{self, ReceiverKind, WorkflowDefinition};
use crate::workflow::registry::Publish;
use crate::workflow::running::Workflow;
use crate::workflow::version::Stopped;

use super::access::{Access, Ground, Policies, access};
use super::tls::ServerTls;
use super::{Receiving, Target};

type Protocol = HttpReceiver<Target, Receiving>;

/// Owns the listeners.
pub(super) struct Publisher {
    listeners: Listeners<Protocol>,
    tls: Arc<ServerTls>,
    address: IpAddr,
    ground: Ground,
    policies: Policies,
    published: Vec<Reached>,
    /// Warnings that were told.
    told: BTreeSet<String>,
}

/// A live workflow and how it is reached.
#[derive(Clone)]
struct Reached {
    workflow: Arc<Workflow>,
    access: Access,
}

/// Where one workflow is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub workflow: String,
    pub socket: SocketAddr,
    pub tls: bool,
    /// Without outer slashes.
    pub path: String,
}

impl Address {
    /// As a client on this machine would write it.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}/{}", super::reachable(self.socket), self.path)
    }
}

impl Publisher {
    pub(super) fn new(listeners: Listeners<Protocol>, tls: Arc<ServerTls>, ground: Ground) -> Self {
        let address = ground.config.listen.address;
        Self {
            listeners,
            tls,
            address,
            ground,
            policies: Policies::default(),
            published: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// What the next publication judges with.
    pub(super) fn stand_on(&mut self, ground: Ground) {
        self.ground = ground;
    }

    /// Whether files that decide about clients were saved since they were read.
    pub(super) fn is_stale(&self) -> bool {
        self.policies.are_stale()
    }

    pub(super) fn addresses(&self) -> Vec<Address> {
        let address = |reached: &Reached| {
            let http = http_of(&reached.workflow)?;
            let socket = self.listeners.local_address(&self.key(reached.access.port))?;
            Some(Address {
                workflow: reached.workflow.name().to_owned(),
                socket,
                tls: reached.access.tls.is_some(),
                path: http.service_name_text.clone(),
            })
        };
        self.published.iter().filter_map(address).collect()
    }

    pub(super) async fn drain(self, limit: Duration) -> Drained {
        self.listeners.drain(limit).await
    }

    fn key(&self, port: u16) -> ListenerKey {
        ListenerKey { address: self.address, port }
    }

    /// How each workflow is reached. One that runs already goes on as it is reached now, when the
    /// configuration has become wrong for it.
    fn reach(&mut self, live: &[Arc<Workflow>]) -> Result<Vec<Reached>, Vec<Diagnostic>> {
        let mut reached = Vec::new();
        let mut errors = Vec::new();
        for workflow in live {
            let Some(http) = http_of(workflow) else { continue };
            let (access, found) =
                access(&self.ground, &mut self.policies, workflow.definition(), http);
            let running =
                self.published.iter().find(|known| Arc::ptr_eq(&known.workflow, workflow));
            match (access, running) {
                (Some(access), _) => {
                    self.tell(&found);
                    reached.push(Reached { workflow: Arc::clone(workflow), access });
                }
                (None, Some(running)) => {
                    let running = running.clone();
                    let state = "the workflow goes on being reached as before";
                    let stated = found.into_iter().map(|told| told.state(state));
                    self.tell(&stated.collect::<Vec<_>>());
                    reached.push(running);
                }
                (None, None) => errors.extend(found.into_iter().filter(Diagnostic::is_error)),
            }
        }
        if errors.is_empty() { Ok(reached) } else { Err(errors) }
    }

    /// Revocation lists grow old while nothing changes.
    pub(super) fn tell_of_dates(&mut self) {
        let now = jiff::Timestamp::now();
        let policies =
            self.published.iter().filter_map(|it| Some((it, it.access.client_policy.as_ref()?)));
        let found: Vec<Diagnostic> = policies
            .filter_map(|(it, policy)| Some((it, policy.authorities()?.warnings(now))))
            .flat_map(|(it, warnings)| {
                let file = it.workflow.definition().file.clone();
                warnings.into_iter().map(move |warning| {
                    Diagnostic::new(codes::CLIENT_AUTHORITIES, warning.to_string())
                        .as_severity(Severity::Warning)
                        .in_file(&file)
                })
            })
            .collect();
        self.tell(&found);
    }

    /// Logs what was not logged before.
    pub(super) fn tell(&mut self, found: &[Diagnostic]) {
        for diagnostic in found {
            if self.told.insert(diagnostic.to_string()) {
                super::show(std::slice::from_ref(diagnostic));
            }
        }
    }

    fn desired(
        &self,
        reached: &[Reached],
        stopped: &[Stopped],
    ) -> Result<Vec<DesiredListener<Protocol>>, Vec<Diagnostic>> {
        let mut by_port: BTreeMap<u16, Vec<&Reached>> = BTreeMap::new();
        for one in reached {
            by_port.entry(one.access.port).or_default().push(one);
        }
        let shared = self.ground.config.service_address.port;
        let listener = |(port, reached): (u16, Vec<&Reached>)| {
            let stopped = stopped.iter().filter(|it| it.port.or(shared) == Some(port));
            self.listener(port, &reached, stopped)
        };
        by_port.into_iter().map(listener).collect()
    }

    fn listener<'s>(
        &self,
        port: u16,
        reached: &[&Reached],
        stopped: impl Iterator<Item = &'s Stopped>,
    ) -> Result<DesiredListener<Protocol>, Vec<Diagnostic>> {
        let mut routes: Vec<_> = reached.iter().filter_map(|it| route(it)).collect();
        for one in stopped {
            // A copy that is disabled beside the original: the original answers.
            if !routes.iter().any(|known| same_place(&known.service_name, &one.service_name)) {
                routes.push(Route::new(one.service_name.clone(), Target::Stopped));
            }
        }
        // Conflicts were looked for before; this is the second lock on the door.
        let routes = RouteTable::new(routes)
            .map_err(|duplicate| about(reached, codes::ADDRESS_TWICE, &duplicate.to_string()))?;
        let policies: Vec<_> =
            reached.iter().filter_map(|it| it.access.client_policy.clone()).collect();
        let tls =
            match reached.iter().find_map(|it| it.access.tls.clone()) {
                Some(wanted) => {
                    let config = self.tls.config(port, wanted, policies);
                    Some(config.map_err(|error| {
                        about(reached, codes::CERTIFICATE, &format!("{error:#}"))
                    })?)
                }
                None => None,
            };
        let config = &self.ground.config;
        let behind_proxy = config.listen.proxy_protocol_ports.contains(&port);
        Ok(DesiredListener {
            key: self.key(port),
            tls,
            proxies: behind_proxy.then(|| config.proxies.trusted.as_slice().into()),
            routes: Arc::new(routes),
        })
    }

    /// Which workflows asked for the address that cannot be had?
    fn unreachable(&self, reached: &[Reached], error: &BindError) -> Vec<Diagnostic> {
        let concerned: Vec<&Reached> = reached
            .iter()
            .filter(|it| error.address() == SocketAddr::from(self.key(it.access.port)))
            .collect();
        about(&concerned, codes::NOT_LISTENING, &error.to_string())
    }
}

impl Publish for Publisher {
    async fn publish(
        &mut self,
        live: &[Arc<Workflow>],
        stopped: &[Stopped],
    ) -> Result<(), Vec<Diagnostic>> {
        // First: a workflow that cannot run takes no address from those that can.
        let reached = self.reach(live)?;
        let definitions: Vec<&WorkflowDefinition> =
            live.iter().map(|workflow| workflow.definition()).collect();
        let found = conflicts(&definitions, &self.ground.config.service_address);
        if !found.is_empty() {
            return Err(found);
        }
        let desired = self.desired(&reached, stopped)?;
        match self.listeners.apply(desired).await {
            Ok(_) => {
                self.published = reached;
                self.policies.forget_unused();
                Ok(())
            }
            Err(errors) => {
                Err(errors.iter().flat_map(|error| self.unreachable(&reached, error)).collect())
            }
        }
    }
}

fn http_of(workflow: &Workflow) -> Option<&definition::HttpReceiver> {
    match &workflow.definition().receiver.kind {
        ReceiverKind::Http(http) => Some(http),
        ReceiverKind::Unsupported { .. } => None,
    }
}

fn same_place(one: &[String], other: &[String]) -> bool {
    let folded = |name: &[String]| name.join("/").to_lowercase();
    folded(one) == folded(other)
}

fn route(reached: &Reached) -> Option<Route<Target>> {
    let Reached { workflow, access } = reached;
    let http = http_of(workflow)?;
    let mut route = Route::new(http.service_name.clone(), Target::Live(Arc::clone(workflow)));
    route.extract_parameters = http.extract_parameters;
    route.extract_sections = http.extract_url_sections;
    route.query = http.query_parameters.iter().map(parameter).collect();
    route.sections = http.url_sections.iter().map(section).collect();
    route.credentials = access.credentials.clone();
    route.body_bytes_max = access.body_bytes_max;
    route.hosts = access.hosts.clone();
    route.client_policy = access.client_policy.clone();
    route.health_without_credentials = access.health_without_credentials;
    route.request_headers = access.request_headers.to_vec();
    Some(route)
}

fn parameter(declared: &definition::QueryParameter) -> DeclaredParameter {
    DeclaredParameter {
        key: declared.key.clone(),
        variable: declared.variable.clone(),
        default: declared.default.clone(),
    }
}

fn section(declared: &definition::VariableDescriptor) -> DeclaredSection {
    DeclaredSection { variable: declared.variable.clone(), default: declared.default.clone() }
}

fn about(reached: &[&Reached], code: codes::Code, text: &str) -> Vec<Diagnostic> {
    let diagnostic = |reached: &&Reached| {
        let definition = reached.workflow.definition();
        let file: &Path = &definition.file;
        let pointer = format!("{}/Port", definition.receiver.pointer);
        Diagnostic::new(code, text)
            .in_file(file)
            .at(definition.document.nearest_position(&pointer))
            .pointing(pointer)
    };
    reached.iter().map(diagnostic).collect()
}
