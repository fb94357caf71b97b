//! Opens listening sockets and says in the operator's words why one cannot be opened.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use super::ListenerKey;

/// Connections that the operating system keeps while the connection budget is used up.
const BACKLOG: u32 = 1_024;

/// Why there is no listener at an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    #[error(
        "cannot listen on {address}: another program uses this port. Stop that program (`ss -ltnp` \
         shows it) or choose another port"
    )]
    InUse { address: SocketAddr },
    #[error(
        "cannot listen on {address}: this server already listens on {running}, which includes it. \
         Choose another port, or restart the server to move the address"
    )]
    Overlaps { address: SocketAddr, running: SocketAddr },
    #[error(
        "cannot listen on {address}: permission denied. Ports below 1024 need a privilege: choose a \
         higher port, or grant CAP_NET_BIND_SERVICE (AmbientCapabilities= in the systemd unit)"
    )]
    Permission { address: SocketAddr },
    #[error(
        "cannot listen on {address}: this machine does not have that address. Set listen.address to \
         an address that `ip address` shows, or to \"0.0.0.0\""
    )]
    NotLocal { address: SocketAddr },
    #[error("{address} is wanted by two listeners; receivers with one address share one listener")]
    Twice { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Other {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

impl BindError {
    /// The address that was wanted.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::InUse { address }
            | Self::Overlaps { address, .. }
            | Self::Permission { address }
            | Self::NotLocal { address }
            | Self::Twice { address }
            | Self::Other { address, .. } => *address,
        }
    }
}

/// Binds one socket and starts to listen.
///
/// # Errors
/// The address is in use, forbidden, or not of this machine.
pub(super) async fn bind<'a>(
    key: ListenerKey,
    running: impl Iterator<Item = &'a ListenerKey>,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let address = SocketAddr::from(key);
    try_bind(address).map_err(|source| explain(address, source, running))
}

/// Whether an address could be listened on now. Nothing is accepted, and it is given back.
///
/// # Errors
/// As when it is bound in earnest.
pub fn try_address(key: ListenerKey) -> Result<(), BindError> {
    let address = SocketAddr::from(key);
    match open_socket(address) {
        Ok(_) => Ok(()),
        Err(source) => Err(explain(address, source, [].iter())),
    }
}

fn open_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server must not wait for connections of its predecessor in TIME_WAIT. On
    // Windows the option would let two programs share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn try_bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = open_socket(address)?;
    let listener = socket.listen(BACKLOG)?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

fn explain<'a>(
    address: SocketAddr,
    source: io::Error,
    mut running: impl Iterator<Item = &'a ListenerKey>,
) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            let overlapping = running.find(|key| key.port == address.port() && key.port != 0);
            match overlapping {
                Some(key) => BindError::Overlaps { address, running: (*key).into() },
                None => BindError::InUse { address },
            }
        }
        io::ErrorKind::PermissionDenied => BindError::Permission { address },
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal { address },
        _ => BindError::Other { address, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn every_reason_says_what_to_do() {
        let key = ListenerKey { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 80 };
        let cases = [
            (io::ErrorKind::AddrInUse, "choose another port"),
            (io::ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (io::ErrorKind::AddrNotAvailable, "ip address"),
            (io::ErrorKind::OutOfMemory, "cannot listen on 127.0.0.1:80"),
        ];
        for (kind, expected) in cases {
            let text = explain(key.into(), kind.into(), [].iter()).to_string();
            assert!(text.contains("127.0.0.1:80") && text.contains(expected), "{text}");
        }
    }
}
