//! Proxies: whom they speak for, and who is not believed.

/// Whose address a request has.
mod addresses;
/// Certificates that a proxy passes on.
mod certificates;
/// The PROXY protocol, before TLS and before plain HTTP.
mod introduced;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use crate::harness::http1::patient;
use crate::harness::http2::RUNTIME;

/// Linux has all of 127.0.0.0/8: one address is the trusted proxy's, and another is anybody's.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const ANYBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

const TEXT: i64 = 13;

/// A connection that comes from this address.
fn connect_from(source: Ipv4Addr, socket: SocketAddr) -> TcpStream {
    let stream = RUNTIME.block_on(async {
        let connecting = tokio::net::TcpSocket::new_v4().unwrap();
        connecting.bind((source, 0).into()).unwrap();
        connecting.connect(socket).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    patient(stream)
}
