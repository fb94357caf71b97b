//! The network of a test: requests are answered by a script, connections go to
//! real servers on this machine.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::Problem;
use crate::connection::Connector;
use crate::http::{Request, Response};

/// How long a test waits that does not say.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) type HttpScript = Box<dyn FnMut(&Request) -> Result<Response, Problem>>;

thread_local! {
    static HTTP: RefCell<Option<HttpScript>> = const { RefCell::new(None) };
}

/// Puts another script in the place of the one that is given back.
pub(crate) fn play(script: Option<HttpScript>) -> Option<HttpScript> {
    HTTP.with_borrow_mut(|played| std::mem::replace(played, script))
}

pub(crate) fn send(request: &Request) -> Result<Response, Problem> {
    // Taken out meanwhile: a script may send requests of its own.
    let Some(mut script) = play(None) else {
        return Err(before("network.not-granted", "no ScriptedNetwork answers in this test"));
    };
    let answer = script(request);
    play(Some(script));
    answer
}

#[derive(Debug)]
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn connect(to: &Connector) -> Result<Self, Problem> {
        if to.tls {
            return Err(before("network.tls", "tests of the kit have no TLS"));
        }
        let found = (to.host.as_str(), to.port).to_socket_addrs().ok();
        let Some(address) = found.and_then(|mut addresses| addresses.next()) else {
            return Err(before("network.name", "the name of the host cannot be resolved"));
        };
        if !address.ip().is_loopback() {
            return Err(before("network.address", "tests of the kit stay on this machine"));
        }
        let connected =
            TcpStream::connect_timeout(&address, positive(to.timeout.unwrap_or(TIMEOUT)));
        connected.map(Self).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => before("network.timeout", "there was no connection in time"),
            _ => before("network.refused", "nobody takes connections there"),
        })
    }

    pub(crate) fn read(&mut self, max: u32, timeout: Duration) -> Result<Vec<u8>, Problem> {
        let mut bytes = vec![0; usize::try_from(max.min(1 << 20)).unwrap_or_default()];
        let read = self.0.set_read_timeout(Some(positive(timeout)));
        match read.and_then(|()| self.0.read(&mut bytes)) {
            Ok(count) => {
                bytes.truncate(count);
                Ok(bytes)
            }
            Err(error) => Err(broken(error.kind())),
        }
    }

    pub(crate) fn write(&mut self, data: &[u8], timeout: Duration) -> Result<(), Problem> {
        let written = self.0.set_write_timeout(Some(positive(timeout)));
        written.and_then(|()| self.0.write_all(data)).map_err(|error| broken(error.kind()))
    }
}

/// The system takes no time-out of zero.
fn positive(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

fn before(code: &str, text: &str) -> Problem {
    Problem::new(code, text).with("sent", "no")
}

fn broken(kind: ErrorKind) -> Problem {
    let problem = match kind {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            Problem::new("network.timeout", "the peer took too long")
        }
        _ => Problem::new("network.closed", "the connection is gone"),
    };
    problem.with("sent", "maybe")
}
