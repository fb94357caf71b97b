//! Plays the servers that a step talks to.

use std::marker::PhantomData;

use super::native::{HttpScript, play};
use crate::Problem;
use crate::http::{Request, Response};

/// Answers the HTTP requests of steps, and of nothing else, that run in this
/// thread while it lives. Connections need no script: a test listens on a port of
/// this machine, and the step connects to it.
///
/// See [`crate::http`] for an example.
pub struct ScriptedNetwork {
    before: Option<HttpScript>,
    /// It belongs to its thread.
    _here: PhantomData<*const ()>,
}

impl ScriptedNetwork {
    /// Answers each request by the function.
    #[must_use]
    pub fn http(answer: impl FnMut(&Request) -> Result<Response, Problem> + 'static) -> Self {
        Self { before: play(Some(Box::new(answer))), _here: PhantomData }
    }
}

impl Drop for ScriptedNetwork {
    fn drop(&mut self) {
        play(self.before.take());
    }
}

impl std::fmt::Debug for ScriptedNetwork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ScriptedNetwork")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::connection::Connector;

    #[test]
    fn a_script_answers_while_it_lives_and_the_one_before_it_comes_back() {
        let ask = || Request::get("http://a.example").send().map(|answer| answer.status());
        assert_eq!(ask().unwrap_err().code, "network.not-granted");
        let outer = ScriptedNetwork::http(|_| Ok(Response::new(200)));
        {
            let _inner = ScriptedNetwork::http(|_| Err(Problem::new("network.timeout", "slow")));
            assert_eq!(ask().unwrap_err().code, "network.timeout");
        }
        assert_eq!(ask(), Ok(200));
        drop(outer);
        assert!(ask().is_err());
    }

    #[test]
    fn a_connection_of_a_test_reaches_a_real_server_on_this_machine() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(b"pong").unwrap();
            asked
        });
        let patience = Duration::from_secs(30);
        let mut connection = Connector::new("127.0.0.1", port).connect().unwrap();
        connection.write(b"ping", patience).unwrap();
        assert_eq!(connection.read(100, patience).unwrap(), b"pong");
        assert_eq!(connection.read(100, patience).unwrap(), b"", "the server closed");
        assert_eq!(&server.join().unwrap(), b"ping");
        let refused = Connector::new("127.0.0.1", port).connect().unwrap_err();
        assert_eq!(refused.code, "network.refused");
        let outside = Connector::new("192.0.2.1", port).connect().unwrap_err();
        assert_eq!(outside.code, "network.address");
    }
}
