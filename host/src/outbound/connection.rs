//! Connections that a plugin holds and speaks a protocol of its own on.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tureen_sandbox::Scheme;
use tureen_sandbox::outbound::{
    Caller, ConnectTarget, OutboundConnection, OutboundFault, OutboundProblem, Waiting,
};

use super::Settings;
use super::connect::{self, Progress, Stage, Stream, tls_reason};
use super::target::{self, Granted};
use super::trust::Identity;

/// A target that is granted.
pub(super) struct Prepared {
    granted: Granted,
    identity: Option<Identity>,
}

impl Prepared {
    /// # Errors
    /// The target is none, or is not granted.
    pub(super) async fn new(
        settings: &Settings,
        caller: &Caller,
        target: ConnectTarget,
    ) -> Result<Self, OutboundProblem> {
        let granted = target::granted(target::peer_of(&target)?, &caller.grants, &caller.plugin)?;
        let identity = match &target.client_certificate {
            None => None,
            Some(_) if !target.tls => {
                let text = "a client certificate can be shown with TLS only";
                return Err(OutboundProblem::before(OutboundFault::Certificate, text));
            }
            Some(asked) => {
                Some(settings.trust.identity(asked, &caller.grants, &caller.plugin).await?)
            }
        };
        Ok(Self { granted, identity })
    }

    /// Whom the connection is made to.
    pub(super) fn server(&self) -> impl Iterator<Item = &Granted> {
        std::iter::once(&self.granted)
    }
}

/// # Errors
/// The peer cannot be reached, or is not whom the plugin may reach.
pub(super) async fn connect(
    settings: &Settings,
    caller: &Caller,
    prepared: Prepared,
    slot: OwnedSemaphorePermit,
    progress: &Progress,
) -> Result<Box<dyn OutboundConnection>, OutboundProblem> {
    let Prepared { granted, identity } = prepared;
    progress.at(Stage::Resolving);
    let networks = &caller.grants.private_addresses;
    let resolver = settings.resolver.as_ref();
    let addresses = connect::addresses(&granted, networks, resolver, settings.times).await?;
    progress.at(Stage::Connecting);
    let (stream, _) = connect::tcp(&granted, &addresses, settings.times).await?;
    let stream: Box<dyn Stream> = if granted.peer.scheme == Scheme::Tls {
        progress.at(Stage::Encrypting);
        let config = settings.trust.client_config(&caller.plugin, identity.as_ref(), false)?;
        Box::new(connect::encrypt(&granted, stream, config, settings.times.connect).await?)
    } else {
        Box::new(stream)
    };
    Ok(Box::new(Connection { stream, shown: Arc::from(granted.shown), broken: false, _slot: slot }))
}

/// One open connection; its place is free again when it is dropped.
struct Connection {
    stream: Box<dyn Stream>,
    shown: Arc<str>,
    /// A write was cut off: what comes next would not follow what the peer has.
    broken: bool,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    fn closed(&self, error: &std::io::Error) -> OutboundProblem {
        let shown = &self.shown;
        if error.get_ref().is_some_and(|it| it.is::<rustls::Error>()) {
            let text = format!("{shown}: {}", tls_reason(error));
            return OutboundProblem::after(OutboundFault::Tls, text);
        }
        let what = match error.kind() {
            ErrorKind::UnexpectedEof => "the peer cut the connection off",
            _ => "the connection is gone",
        };
        OutboundProblem::after(OutboundFault::Closed, format!("{shown}: {what}"))
    }

    fn late(&self, what: &str, within: Duration) -> OutboundProblem {
        let text = format!("{}: the peer {what} within {} ms", self.shown, within.as_millis());
        OutboundProblem::after(OutboundFault::Timeout, text)
    }

    fn usable(&self) -> Result<(), OutboundProblem> {
        if !self.broken {
            return Ok(());
        }
        let text = format!("{}: an earlier write was cut off; connect again", self.shown);
        Err(OutboundProblem::before(OutboundFault::Closed, text))
    }
}

impl Drop for Connection {
    /// Says goodbye: the peer knows that nothing was cut off. One attempt, for which nobody
    /// waits: a peer that takes nothing gets none.
    fn drop(&mut self) {
        if !self.broken {
            let mut nobody = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut self.stream).poll_shutdown(&mut nobody);
        }
    }
}

impl OutboundConnection for Connection {
    fn read(&mut self, max: usize, within: Duration) -> Waiting<'_, Vec<u8>> {
        Box::pin(async move {
            self.usable()?;
            let mut bytes = vec![0; max];
            match timeout(within, self.stream.read(&mut bytes)).await {
                Ok(Ok(count)) => {
                    bytes.truncate(count);
                    bytes.shrink_to_fit();
                    Ok(bytes)
                }
                Ok(Err(error)) => Err(self.closed(&error)),
                Err(_) => Err(self.late("sent nothing", within)),
            }
        })
    }

    fn write<'a>(&'a mut self, data: &'a [u8], within: Duration) -> Waiting<'a, ()> {
        Box::pin(async move {
            self.usable()?;
            // Until it is done, and also when the plugin's call ends in the middle.
            self.broken = true;
            let written = async {
                self.stream.write_all(data).await?;
                self.stream.flush().await
            };
            match timeout(within, written).await {
                Ok(Ok(())) => {
                    self.broken = false;
                    Ok(())
                }
                Ok(Err(error)) => Err(self.closed(&error)),
                Err(_) => Err(self.late("did not take all", within)),
            }
        })
    }
}
