//! The admin address of a server: its one listener, and what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::{AdminProtocol, Standing, State, WorkflowStanding};
use crate::config::Admin;
use crate::faults::FaultRegister;
use crate::listener::{ConnectionBudget, DesiredListener, ListenerKey, ListenerTimes, Listeners};
use crate::refusals::Refusals;
use crate::workflow::registry::Registry;

/// Enough for several monitors at once.
const CONNECTIONS: usize = 16;
const TIMES: ListenerTimes =
    ListenerTimes { handshake: Duration::from_secs(1), drain: Duration::from_secs(1) };

pub(super) struct AdminAddress {
    listeners: Listeners<AdminProtocol>,
    key: ListenerKey,
    told: Option<Arc<Standing>>,
}

impl AdminAddress {
    /// Not listening yet: [`AdminAddress::tell`] does that, when there is something to tell.
    pub(super) fn new(
        config: &Admin,
        refusals: &Arc<Refusals>,
        faults: &Arc<FaultRegister>,
    ) -> Option<Self> {
        let (refused, faults) = (Arc::clone(refusals), Arc::clone(faults));
        let protocol = Arc::new(AdminProtocol { refusals: refused, faults });
        let budget = ConnectionBudget::new(CONNECTIONS, CONNECTIONS);
        let listeners = Listeners::new(protocol, budget, TIMES, Arc::clone(refusals));
        let key = ListenerKey { address: config.address, port: config.port };
        config.enabled.then_some(Self { listeners, key, told: None })
    }

    /// What is answered from now on. An address that cannot be had is told once; messages are
    /// received without it.
    pub(super) async fn tell(&mut self, registry: &Registry) {
        let standing = Arc::new(standing(registry));
        if self.told.as_ref() == Some(&standing) {
            return;
        }
        let is_first = self.told.is_none();
        self.told = Some(Arc::clone(&standing));
        let desired = DesiredListener { key: self.key, tls: None, proxies: None, routes: standing };
        match self.listeners.apply(vec![desired]).await {
            Ok(_) if is_first => {
                if let Some(address) = self.address() {
                    tracing::info!(%address, "tells its health at /healthz and /readyz");
                }
            }
            Ok(_) => {}
            Err(errors) if is_first => {
                for error in errors {
                    let error = anyhow::Error::new(error);
                    tracing::error!("no health is told, set [admin] in tureen.toml: {error:#}");
                }
            }
            Err(_) => {}
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listeners.local_address(&self.key)
    }

    pub(super) async fn drain(self) {
        self.listeners.drain(TIMES.drain).await;
    }
}

fn standing(registry: &Registry) -> Standing {
    let workflows = registry.standings().map(|standing| {
        let is_wrong = standing.diagnostics.iter().any(crate::diagnostics::Diagnostic::is_error);
        let file = standing.file.file_name().unwrap_or_default().to_string_lossy();
        WorkflowStanding {
            name: standing.live.map_or_else(|| file.into_owned(), |live| live.name().to_owned()),
            state: match (standing.live, is_wrong) {
                (Some(_), false) => State::Running,
                (Some(_), true) => State::RunningOlder,
                (None, _) if standing.disabled => State::Disabled,
                (None, _) => State::Failed,
            },
        }
    });
    Standing { workflows: workflows.collect() }
}
