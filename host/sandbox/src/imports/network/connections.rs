//! Connections of a guest: opened and used within the budgets of its call, kept
//! as long as the guest keeps the handle.

use std::time::Duration;

use wasmtime::component::Resource;

use crate::bindings::network::tureen::plugin::connections;
use crate::bindings::transformer::tureen::plugin::types;
use crate::guest::Guest;
use crate::limits::Exceeded;
use crate::outbound::{ConnectTarget, OutboundConnection};

type Answer<T> = wasmtime::Result<Result<T, types::Problem>>;

/// The most bytes that one read gives, whatever is asked for.
const READ_BYTES_MAX: usize = 1 << 20;

/// What a guest's `connector` handle stands for.
#[expect(unreachable_pub, reason = "the generated bindings name it in public items")]
pub struct Connector {
    target: ConnectTarget,
    within: Option<Duration>,
}

/// What a guest's `connection` handle stands for.
#[expect(unreachable_pub, reason = "the generated bindings name it in public items")]
pub struct ConnectionHandle(Box<dyn OutboundConnection>);

impl Connector {
    fn held(&self) -> usize {
        self.target.host.len() + self.target.client_certificate.as_ref().map_or(0, String::len)
    }
}

impl Guest {
    fn connector(&mut self, this: &Resource<Connector>) -> wasmtime::Result<&mut Connector> {
        self.enter()?;
        Ok(self.table.get_mut(this)?)
    }
}

impl connections::Host for Guest {}

impl connections::HostConnector for Guest {
    fn new(&mut self, host: String, port: u16) -> wasmtime::Result<Resource<Connector>> {
        self.enter()?;
        let target = ConnectTarget { host, port, ..ConnectTarget::default() };
        let allowed = self.limits.handles;
        let connector = Connector { target, within: None };
        self.network.hold(connector.held())?;
        Ok(self.table.push(connector).map_err(|_| Exceeded::Handles { allowed })?)
    }

    fn tls(&mut self, this: Resource<Connector>) -> wasmtime::Result<()> {
        self.connector(&this)?.target.tls = true;
        Ok(())
    }

    fn client_certificate(
        &mut self,
        this: Resource<Connector>,
        thumbprint: String,
    ) -> wasmtime::Result<()> {
        let connector = self.connector(&this)?;
        let before = connector.held();
        connector.target.client_certificate = Some(thumbprint);
        let after = connector.held();
        self.network.release(before);
        Ok(self.network.hold(after)?)
    }

    fn timeout_ms(&mut self, this: Resource<Connector>, milliseconds: u32) -> wasmtime::Result<()> {
        self.connector(&this)?.within = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    async fn connect(&mut self, this: Resource<Connector>) -> Answer<Resource<ConnectionHandle>> {
        self.network.take_connect()?;
        let connector = self.connector(&this)?;
        let (target, asked) = (connector.target.clone(), connector.within);
        let target = ConnectTarget { within: self.network.within(asked), ..target };
        let access = &self.network.access;
        let connected = match access.outbound() {
            Ok(outbound) => outbound.connect(&access.caller, target).await,
            Err(problem) => Err(problem),
        };
        match connected {
            Ok(connection) => {
                let allowed = self.limits.handles;
                let handle = self.table.push(ConnectionHandle(connection));
                let handle = handle.map_err(|_| Exceeded::Handles { allowed })?;
                self.network.connections += 1;
                Ok(Ok(handle))
            }
            Err(problem) => Ok(Err(problem.into())),
        }
    }

    fn drop(&mut self, this: Resource<Connector>) -> wasmtime::Result<()> {
        let connector = self.table.delete(this)?;
        self.network.release(connector.held());
        Ok(())
    }
}

impl connections::HostConnection for Guest {
    async fn read(
        &mut self,
        this: Resource<ConnectionHandle>,
        max: u32,
        timeout_ms: u32,
    ) -> Answer<Vec<u8>> {
        self.enter()?;
        let within = self.network.within(Some(Duration::from_millis(timeout_ms.into())));
        let max = usize::try_from(max).unwrap_or(READ_BYTES_MAX).min(READ_BYTES_MAX);
        let connection = self.table.get_mut(&this)?;
        let read = connection.0.read(max, within).await;
        if let Ok(bytes) = &read {
            self.network.take_bytes(bytes.len())?;
        }
        Ok(read.map_err(Into::into))
    }

    async fn write(
        &mut self,
        this: Resource<ConnectionHandle>,
        data: Vec<u8>,
        timeout_ms: u32,
    ) -> Answer<()> {
        self.enter()?;
        self.network.take_bytes(data.len())?;
        let within = self.network.within(Some(Duration::from_millis(timeout_ms.into())));
        let connection = self.table.get_mut(&this)?;
        let written = connection.0.write(&data, within).await;
        Ok(written.map_err(Into::into))
    }

    fn drop(&mut self, this: Resource<ConnectionHandle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        self.network.connections = self.network.connections.saturating_sub(1);
        Ok(())
    }
}
