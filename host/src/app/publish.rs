//! Live workflows become listeners and routes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::{Diagnostic, codes};
use crate::listener::{BindError, DesiredListener, Drained, ListenerKey, Listeners};
use crate::receiver::{DeclaredParameter, DeclaredSection, HttpReceiver, Route, RouteTable};
use crate::workflow::definition::{self, ReceiverKind};
use crate::workflow::registry::Publish;
use crate::workflow::running::Workflow;

use super::Receiving;
use super::tls::ServerTls;

type Protocol = HttpReceiver<Arc<Workflow>, Receiving>;

/// Owns the listeners.
pub(super) struct Publisher {
    listeners: Listeners<Protocol>,
    tls: Arc<ServerTls>,
    address: IpAddr,
    published: Vec<Arc<Workflow>>,
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
    pub(super) fn new(
        listeners: Listeners<Protocol>,
        tls: Arc<ServerTls>,
        address: IpAddr,
    ) -> Self {
        Self { listeners, tls, address, published: Vec::new() }
    }

    pub(super) fn addresses(&self) -> Vec<Address> {
        let address = |workflow: &Arc<Workflow>| {
            let http = http_of(workflow)?;
            let socket = self.listeners.local_address(&self.key(http))?;
            Some(Address {
                workflow: workflow.name().to_owned(),
                socket,
                tls: http.use_ssl,
                path: http.service_name_text.clone(),
            })
        };
        self.published.iter().filter_map(address).collect()
    }

    pub(super) async fn drain(self, limit: Duration) -> Drained {
        self.listeners.drain(limit).await
    }

    fn key(&self, http: &definition::HttpReceiver) -> ListenerKey {
        ListenerKey { address: self.address, port: http.port }
    }

    fn desired(
        &self,
        live: &[Arc<Workflow>],
    ) -> Result<Vec<DesiredListener<Protocol>>, Vec<Diagnostic>> {
        let mut by_key: BTreeMap<ListenerKey, Vec<&Arc<Workflow>>> = BTreeMap::new();
        for workflow in live {
            if let Some(http) = http_of(workflow) {
                by_key.entry(self.key(http)).or_default().push(workflow);
            }
        }
        let listeners = by_key.into_iter().map(|(key, workflows)| self.listener(key, &workflows));
        listeners.collect()
    }

    fn listener(
        &self,
        key: ListenerKey,
        workflows: &[&Arc<Workflow>],
    ) -> Result<DesiredListener<Protocol>, Vec<Diagnostic>> {
        let routes =
            workflows.iter().filter_map(|workflow| Some(route(workflow, http_of(workflow)?)));
        // Conflicts were looked for before; this is the second lock on the door.
        let routes = RouteTable::new(routes)
            .map_err(|duplicate| about(workflows, codes::ADDRESS_TWICE, &duplicate.to_string()))?;
        let uses_tls = workflows.iter().filter_map(|it| http_of(it)).any(|http| http.use_ssl);
        let tls = if uses_tls { Some(self.tls(key.port, workflows)?) } else { None };
        Ok(DesiredListener { key, tls, routes: Arc::new(routes) })
    }

    fn tls(
        &self,
        port: u16,
        workflows: &[&Arc<Workflow>],
    ) -> Result<Arc<rustls::ServerConfig>, Vec<Diagnostic>> {
        let config = self.tls.config(port);
        config.map_err(|error| about(workflows, codes::CERTIFICATE, &error.to_string()))
    }

    /// Which workflows asked for the address that cannot be had?
    fn unreachable(&self, live: &[Arc<Workflow>], error: &BindError) -> Vec<Diagnostic> {
        let concerned: Vec<&Arc<Workflow>> = live
            .iter()
            .filter(|workflow| {
                let Some(http) = http_of(workflow) else { return false };
                let key = self.key(http);
                error.address() == SocketAddr::new(key.address, key.port)
            })
            .collect();
        about(&concerned, codes::NOT_LISTENING, &error.to_string())
    }
}

impl Publish for Publisher {
    async fn publish(&mut self, live: &[Arc<Workflow>]) -> Result<(), Vec<Diagnostic>> {
        let desired = self.desired(live)?;
        match self.listeners.apply(desired).await {
            Ok(_) => {
                self.published = live.to_vec();
                Ok(())
            }
            Err(errors) => {
                Err(errors.iter().flat_map(|error| self.unreachable(live, error)).collect())
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

fn route(workflow: &Arc<Workflow>, http: &definition::HttpReceiver) -> Route<Arc<Workflow>> {
    let mut route = Route::new(http.service_name.clone(), Arc::clone(workflow));
    route.extract_parameters = http.extract_parameters;
    route.extract_sections = http.extract_url_sections;
    route.query = http.query_parameters.iter().map(parameter).collect();
    route.sections = http.url_sections.iter().map(section).collect();
    route
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

fn about(workflows: &[&Arc<Workflow>], code: codes::Code, text: &str) -> Vec<Diagnostic> {
    let diagnostic = |workflow: &&Arc<Workflow>| {
        let definition = workflow.definition();
        let pointer = format!("{}/Port", definition.receiver.pointer);
        Diagnostic::new(code, text)
            .in_file(&definition.file)
            .at(definition.document.nearest_position(&pointer))
            .pointing(pointer)
    };
    workflows.iter().map(diagnostic).collect()
}
