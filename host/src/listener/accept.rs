//! The accepting task of one socket, and the life of one connection around its protocol.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::budget::{ConnectionBudget, ConnectionPermit};
use super::connection::{Connection, Stream};
use crate::refusals::{RefusalKind, Refusals};

/// The first pause after a failed accept, and the longest.
const BACK_OFF_FIRST: Duration = Duration::from_millis(20);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// What is spoken on the connections of a listener.
pub trait Protocol: Send + Sync + 'static {
    /// What is served; replaced by a reload while connections stay open.
    type Routes: Send + Sync + 'static;

    /// Serves one connection until it ends. Ends after what is in flight once `connection.stop` is
    /// cancelled.
    ///
    /// # Cancellation
    /// The future is dropped when the connection is cut. Work that must not be lost belongs on
    /// `connection.tasks`.
    fn serve(
        &self,
        connection: Connection,
        routes: Arc<ArcSwap<Self::Routes>>,
    ) -> impl Future<Output = ()> + Send;
}

/// Where connections come from; a trait so that tests can fail an accept.
pub(super) trait Accept: Send + 'static {
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

/// What all connections of one socket have in common.
pub(super) struct Shared<P: Protocol> {
    pub(super) local: SocketAddr,
    pub(super) protocol: Arc<P>,
    pub(super) routes: Arc<ArcSwap<P::Routes>>,
    pub(super) mode: ArcSwap<Mode>,
    pub(super) budget: Arc<ConnectionBudget>,
    pub(super) handshake_timeout: Duration,
    pub(super) connections: TaskTracker,
    pub(super) tasks: TaskTracker,
    pub(super) refusals: Arc<Refusals>,
}

/// Plain or TLS, and the tokens of the connections accepted under it.
pub(super) struct Mode {
    tls: Option<Arc<rustls::ServerConfig>>,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Mode {
    pub(super) fn new(tls: Option<Arc<rustls::ServerConfig>>, cut: &CancellationToken) -> Self {
        Self { tls, stop: CancellationToken::new(), cut: cut.child_token() }
    }

    /// Lets the connections finish what is in flight, and cuts what is left after `drain`.
    pub(super) fn retire(&self, drain: Duration) {
        self.stop.cancel();
        let cut = self.cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(drain) => cut.cancel(),
                () = cut.cancelled() => {}
            }
        });
    }
}

impl<P: Protocol> Shared<P> {
    /// Takes over new settings. Only a change between plain and TLS concerns open connections.
    pub(super) fn update(
        &self,
        tls: Option<Arc<rustls::ServerConfig>>,
        routes: Arc<P::Routes>,
        cut: &CancellationToken,
        drain: Duration,
    ) {
        self.routes.store(routes);
        let mode = self.mode.load();
        if mode.tls.is_some() == tls.is_some() {
            let same = Mode { tls, stop: mode.stop.clone(), cut: mode.cut.clone() };
            self.mode.store(Arc::new(same));
        } else {
            let old = self.mode.swap(Arc::new(Mode::new(tls, cut)));
            old.retire(drain);
        }
    }
}

/// Accepts until `close` is cancelled. The socket is closed when this returns.
pub(super) async fn accept<P: Protocol>(
    mut socket: impl Accept,
    shared: Arc<Shared<P>>,
    close: CancellationToken,
) {
    let mut pause = BACK_OFF_FIRST;
    let accepting = async {
        // The budget is never closed, so this ends only by being dropped.
        while let Some(place) = shared.budget.place().await {
            match socket.accept().await {
                Ok((stream, peer)) => {
                    pause = BACK_OFF_FIRST;
                    match shared.budget.admit(place, peer.ip()) {
                        Some(permit) => spawn(&shared, stream, peer, permit),
                        None => {
                            // Not louder: the peer decides how often this is written.
                            tracing::debug!(%peer, "too many connections from this peer");
                            shared.refusals.count(RefusalKind::ConnectionsPerPeer);
                        }
                    }
                }
                Err(error) if concerns_one_connection(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was accepted");
                }
                Err(error) => {
                    // Most likely out of file descriptors: trying again at once would only spin.
                    tracing::error!(address = %shared.local, %error, "cannot accept connections");
                    shared.refusals.count(RefusalKind::AcceptFailed);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF_MAX);
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = close.cancelled() => {}
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn spawn<P: Protocol>(
    shared: &Arc<Shared<P>>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
) {
    let mode = shared.mode.load_full();
    let connection = serve(shared.clone(), mode.clone(), stream, peer);
    shared.connections.spawn(async move {
        tokio::select! {
            () = connection => {}
            () = mode.cut.cancelled() => tracing::warn!(%peer, "connection cut while in use"),
        }
        drop(permit);
    });
}

async fn serve<P: Protocol>(
    shared: Arc<Shared<P>>,
    mode: Arc<Mode>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the connection is gone");
        return;
    }
    let stream = tokio::select! {
        stream = secure(&shared, &mode, stream, peer) => stream,
        () = mode.stop.cancelled() => None,
    };
    let Some(stream) = stream else { return };
    let connection = Connection {
        stream,
        peer,
        local: shared.local,
        stop: mode.stop.clone(),
        tasks: shared.tasks.clone(),
    };
    shared.protocol.serve(connection, shared.routes.clone()).await;
}

/// Does the TLS handshake, where there is one to do.
async fn secure<P: Protocol>(
    shared: &Shared<P>,
    mode: &Mode,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<Stream> {
    let Some(tls) = &mode.tls else { return Some(Stream::Plain(stream)) };
    let handshake = TlsAcceptor::from(tls.clone()).accept(stream);
    match tokio::time::timeout(shared.handshake_timeout, handshake).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::info!(%peer, %error, "TLS handshake failed");
            shared.refusals.count(RefusalKind::HandshakeFailed);
            None
        }
        Err(_) => {
            tracing::info!(%peer, "TLS handshake not complete in time");
            shared.refusals.count(RefusalKind::HandshakeTimeout);
            None
        }
    }
}

#[cfg(test)]
mod tests;
