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

use super::DesiredListener;
use super::budget::{ConnectionBudget, ConnectionPermit, Place};
use super::connection::{Connection, Stream};
use super::proxy_protocol::{self, Introduced};
use crate::client_certificates::ClientRefusal;
use crate::config::Network;
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

/// Plain or TLS, with or without proxies, and the tokens of the connections accepted under it.
pub(super) struct Mode {
    tls: Option<Arc<rustls::ServerConfig>>,
    proxies: Option<Arc<[Network]>>,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Mode {
    pub(super) fn new(
        tls: Option<Arc<rustls::ServerConfig>>,
        proxies: Option<Arc<[Network]>>,
        cut: &CancellationToken,
    ) -> Self {
        Self { tls, proxies, stop: CancellationToken::new(), cut: cut.child_token() }
    }

    fn is_proxy(&self, peer: SocketAddr) -> bool {
        let mut proxies = self.proxies.iter().flat_map(|proxies| proxies.iter());
        proxies.any(|network| network.contains(peer.ip()))
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
    /// Takes over new settings. Only a change between plain and TLS, or of who introduces clients,
    /// concerns open connections.
    pub(super) fn update(
        &self,
        desired: DesiredListener<P>,
        cut: &CancellationToken,
        drain: Duration,
    ) {
        let DesiredListener { tls, proxies, routes, .. } = desired;
        self.routes.store(routes);
        let mode = self.mode.load();
        if mode.tls.is_some() == tls.is_some() && mode.proxies == proxies {
            let same = Mode { tls, proxies, stop: mode.stop.clone(), cut: mode.cut.clone() };
            self.mode.store(Arc::new(same));
        } else {
            let old = self.mode.swap(Arc::new(Mode::new(tls, proxies, cut)));
            old.retire(drain);
        }
    }

    /// Gives a place to a peer, unless that peer has its full share already. A proxy has no share:
    /// its clients will have theirs.
    fn admit(&self, place: Place, peer: SocketAddr) -> Option<Admitted> {
        let mode = self.mode.load_full();
        if mode.is_proxy(peer) {
            return Some(Admitted { mode, held: Held::Place(place) });
        }
        let permit = self.budget.admit(place, peer.ip())?;
        Some(Admitted { mode, held: Held::Permit(permit) })
    }
}

/// What an accepted connection has of the budget, and the settings that it lives under.
struct Admitted {
    mode: Arc<Mode>,
    held: Held,
}

enum Held {
    /// A place without a client's share, until a proxy has said who the client is.
    Place(Place),
    Permit(ConnectionPermit),
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
                    match shared.admit(place, peer) {
                        Some(admitted) => spawn(&shared, stream, peer, admitted),
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
    admitted: Admitted,
) {
    let Admitted { mode, held } = admitted;
    let connection = serve(shared.clone(), mode.clone(), stream, peer, held);
    shared.connections.spawn(async move {
        tokio::select! {
            () = connection => {}
            () = mode.cut.cancelled() => tracing::warn!(%peer, "connection cut while in use"),
        }
    });
}

async fn serve<P: Protocol>(
    shared: Arc<Shared<P>>,
    mode: Arc<Mode>,
    stream: TcpStream,
    peer: SocketAddr,
    held: Held,
) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the connection is gone");
        return;
    }
    let ready = tokio::select! {
        ready = prepare(&shared, &mode, stream, peer, held) => ready,
        () = mode.stop.cancelled() => None,
    };
    let Some((stream, peer, _permit)) = ready else { return };
    let connection = Connection {
        client_certificate: stream.client_certificate(),
        server_name: stream.server_name().map(str::to_owned),
        stream,
        peer,
        local: shared.local,
        stop: mode.stop.clone(),
        tasks: shared.tasks.clone(),
    };
    shared.protocol.serve(connection, shared.routes.clone()).await;
}

/// Finds out who the client is, and does the TLS handshake, where there is one to do.
async fn prepare<P: Protocol>(
    shared: &Shared<P>,
    mode: &Mode,
    mut stream: TcpStream,
    peer: SocketAddr,
    held: Held,
) -> Option<(Stream, SocketAddr, ConnectionPermit)> {
    let client = match mode.proxies {
        Some(_) => introduced(mode, &mut stream, peer, shared.handshake_timeout).await?,
        None => peer,
    };
    let permit = match held {
        Held::Permit(permit) => permit,
        Held::Place(place) => {
            let permit = shared.budget.admit(place, client.ip());
            if permit.is_none() {
                tracing::debug!(%client, "too many connections from this client");
            }
            permit?
        }
    };
    let stream = secure(shared, mode, stream, client).await?;
    Some((stream, client, permit))
}

/// Reads the header of the PROXY protocol. `None` closes the connection: without it nobody knows
/// who the client is.
async fn introduced(
    mode: &Mode,
    stream: &mut TcpStream,
    peer: SocketAddr,
    limit: Duration,
) -> Option<SocketAddr> {
    if !mode.is_proxy(peer) {
        tracing::info!(
            %peer,
            "closed: connections to this port come from proxies.trusted only \
             (listen.proxy_protocol_ports)"
        );
        return None;
    }
    match tokio::time::timeout(limit, proxy_protocol::read(stream)).await {
        Ok(Ok(Introduced::Client(client))) => Some(client),
        Ok(Ok(Introduced::ProxyItself)) => Some(peer),
        Ok(Err(error)) => {
            tracing::info!(%peer, error = &error as &dyn std::error::Error, "closed");
            None
        }
        Err(_) => {
            tracing::info!(%peer, "closed: the PROXY protocol header did not come in time");
            None
        }
    }
}

/// Does the TLS handshake, where there is one to do.
async fn secure<P: Protocol>(
    shared: &Shared<P>,
    mode: &Mode,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<Stream> {
    let Some(tls) = &mode.tls else { return Some(Stream::Plain(stream)) };
    let handshake = async {
        let _turn = shared.budget.handshake().await;
        TlsAcceptor::from(tls.clone()).accept(stream).await
    };
    match tokio::time::timeout(shared.handshake_timeout, handshake).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            match ClientRefusal::in_handshake(&error) {
                Some(refusal) => tracing::info!(%peer, %refusal, "TLS handshake failed"),
                None => tracing::info!(%peer, %error, "TLS handshake failed"),
            }
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
