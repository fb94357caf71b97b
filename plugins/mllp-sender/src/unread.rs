//! What a peer sent over a kept connection while nobody was reading.
//!
//! Where an answer is waited for, anything else is a fault of the peer. Where
//! none is waited for, answers come all the same: they are thrown away, since
//! they would fill the connection, and reset it when it is closed.

use std::time::{Duration, Instant};

use tureen_plugin_sdk::connection::Connection;

/// Bytes that are thrown away at once before a peer is taken for one that floods.
/// Far more than systems hold of what nobody reads, at both ends together (on
/// Linux 10 MiB): an ordinary peer's answers always fit.
const DISCARDED_BYTES_MAX: usize = 16 << 20;

/// Bytes that are read at once.
const PIECE_BYTES: u32 = 64 << 10;

/// How a kept connection looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Usable,
    /// The peer closed it, or it is broken.
    Closed,
    /// Something is there that nobody waited for.
    Unasked,
    /// The peer sends without end.
    Flood,
}

/// Whether a connection on which nothing should come has been silent, and is for
/// this long.
pub(crate) fn look(connection: &mut Connection, silence: Duration) -> Seen {
    match connection.read(1, silence) {
        Err(problem) if problem.code == "network.timeout" => Seen::Usable,
        Ok(bytes) if !bytes.is_empty() => Seen::Unasked,
        _ => Seen::Closed,
    }
}

/// Reads and throws away what is there, until the peer is silent for so long or
/// the time is up. A peer that is not done by then is an ordinary one that has
/// much to answer: only one that sends too many bytes floods.
pub(crate) fn discard(connection: &mut Connection, silence: Duration, at_most: Duration) -> Seen {
    let until = Instant::now() + at_most;
    let mut discarded = 0;
    while discarded <= DISCARDED_BYTES_MAX {
        match connection.read(PIECE_BYTES, silence) {
            Ok(piece) if piece.is_empty() => return Seen::Closed,
            Ok(piece) => discarded += piece.len(),
            Err(problem) if problem.code == "network.timeout" => return Seen::Usable,
            Err(_) => return Seen::Closed,
        }
        if Instant::now() >= until {
            return Seen::Usable;
        }
    }
    Seen::Flood
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use tureen_plugin_sdk::connection::Connector;

    /// Only a failing test waits it out.
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(1);

    /// Both ends of a connection.
    fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connection = Connector::new("127.0.0.1", port).connect().unwrap();
        (connection, listener.accept().unwrap().0)
    }

    #[test]
    fn a_silent_connection_is_usable_and_a_closed_one_is_not() {
        let (mut connection, peer) = pair();
        assert_eq!(look(&mut connection, SHORT), Seen::Usable);
        assert_eq!(discard(&mut connection, SHORT, LONG), Seen::Usable);
        drop(peer);
        assert_eq!(look(&mut connection, LONG), Seen::Closed);
        assert_eq!(discard(&mut connection, LONG, LONG), Seen::Closed);
    }

    #[test]
    fn what_nobody_waited_for_is_told_or_thrown_away_whole() {
        let (mut connection, mut peer) = pair();
        peer.write_all(b"answer").unwrap();
        assert_eq!(look(&mut connection, LONG), Seen::Unasked);
        // Closed behind it: all of it has to be read to see that.
        peer.write_all(&[b'x'; 20_000]).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(discard(&mut connection, LONG, LONG), Seen::Closed);
    }

    #[test]
    fn a_peer_that_is_not_done_in_time_is_an_ordinary_one() {
        let (mut connection, mut peer) = pair();
        peer.write_all(b"answer").unwrap();
        assert_eq!(discard(&mut connection, LONG, Duration::ZERO), Seen::Usable);
        assert_eq!(look(&mut connection, SHORT), Seen::Usable, "and it was read");
    }

    #[test]
    fn a_peer_that_sends_without_end_floods() {
        let (mut connection, mut peer) = pair();
        let flood = std::thread::spawn(move || while peer.write_all(&[b'x'; 65_536]).is_ok() {});
        assert_eq!(discard(&mut connection, LONG, LONG), Seen::Flood);
        drop(connection);
        flood.join().unwrap();
    }
}
