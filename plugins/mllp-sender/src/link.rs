//! The connection to the peer: opened for a message or kept for the next one,
//! and one message with its answer.
//!
//! # Invariants
//! - A message is sent a second time only when nothing of it can have been
//!   received: the kept connection was found closed before anything was sent, or
//!   the network says that nothing was.
//! - A connection on which anything went wrong is never used again, so that a
//!   late answer cannot be taken for that of the next message.
//! - Where nobody waits for answers they are expected all the same: a kept
//!   connection is neither given up nor reset because of them.

use std::time::{Duration, Instant};

use tureen_plugin_sdk::connection::{Connection, Connector};
use tureen_plugin_sdk::http::may_have_been_sent;
use tureen_plugin_sdk::{Context, Level, Problem, StepError};
use tureen_sending::{network_error, timeout_within};

use crate::framing::{Answer, Incoming, TooLong};
use crate::settings::{Answering, MllpSettings};
use crate::unread::{self, Seen};

/// Bytes of an answer, with whatever stands before it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Bytes that are read at once.
const PIECE_BYTES: u32 = 64 << 10;

/// How long a kept connection is looked at before it is used.
const LOOK: Duration = Duration::from_millis(1);

/// How long answers that nobody waits for may hold up the next message. What is
/// left is thrown away with the message after that one.
const DISCARD_TIME: Duration = Duration::from_millis(200);

/// How long a peer may be silent before a connection is closed whose answers
/// nobody waits for: it may still be at work on the last messages.
const CLOSING_SILENCE: Duration = Duration::from_millis(100);

/// How long closing such a connection may take altogether.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// The property that problems are about.
const PLACE: &str = "Server";

/// What became of a message and its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchanged {
    pub(crate) reply: Reply,
    /// Had the connection carried another message before?
    pub(crate) was_kept: bool,
}

/// What became of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nobody waited for one.
    NotRead,
    /// The peer closed without one.
    Closed,
    Read(Answer),
}

/// The connection, when there is one that can be used again.
#[derive(Default)]
pub(crate) struct Link {
    kept: Option<Connection>,
}

impl Link {
    /// Sends a framed message and reads what the settings want to be read.
    ///
    /// # Errors
    /// What the network says, its detail `sent` telling whether the peer may
    /// have the message; `mllp.answer` for an answer that is too long.
    pub(crate) fn exchange(
        &mut self,
        context: &Context,
        settings: &MllpSettings,
        framed: &[u8],
    ) -> Result<Exchanged, StepError> {
        let until = Instant::now() + timeout_within(context, settings.timeout);
        let (mut connection, was_kept) = match self.usable(context, settings, until) {
            Some(kept) => sent_on_kept(context, kept, settings, framed, until)?,
            None => (sent_on_new(settings, framed, until)?, false),
        };
        let reply = read_reply(&mut connection, settings, until)?;
        let is_clean = match &reply {
            Reply::NotRead => true,
            Reply::Closed => false,
            Reply::Read(answer) => !answer.more,
        };
        self.kept = (settings.keep_open && is_clean).then_some(connection);
        Ok(Exchanged { reply, was_kept })
    }

    /// Closes the kept connection. Answers that nobody waits for are taken out of
    /// it first, for as long as the peer goes on sending them: what is unread in a
    /// connection that is closed resets it, and the peer loses the messages that
    /// it has received and not read yet.
    pub(crate) fn close(&mut self, context: &Context, settings: &MllpSettings) {
        let Some(mut kept) = self.kept.take() else { return };
        if settings.answering == Answering::Ignored {
            let at_most = timeout_within(context, CLOSING_TIME);
            // However it ends, the connection is closed.
            let _ = unread::discard(&mut kept, CLOSING_SILENCE, at_most);
        }
    }

    /// The kept connection, if the peer has neither closed it nor sent anything
    /// that nobody asked for.
    fn usable(
        &mut self,
        context: &Context,
        settings: &MllpSettings,
        until: Instant,
    ) -> Option<Connection> {
        let mut kept = self.kept.take()?;
        let seen = match settings.answering {
            Answering::Ignored => unread::discard(&mut kept, LOOK, DISCARD_TIME.min(left(until))),
            Answering::Kept | Answering::Needed => unread::look(&mut kept, LOOK),
        };
        let (level, text) = match seen {
            Seen::Usable => return Some(kept),
            Seen::Closed => (Level::Debug, "the peer closed the kept connection"),
            Seen::Unasked => (
                Level::Warn,
                "the peer sent something that nobody waited for: the connection is closed, and a \
                 new one is made",
            ),
            Seen::Flood => (
                Level::Warn,
                "the peer sends far more than answers, which nobody waits for: the connection is \
                 closed, and a new one is made",
            ),
        };
        context.log(level, text);
        None
    }
}

/// The connection, and whether it is still the kept one.
fn sent_on_kept(
    context: &Context,
    mut kept: Connection,
    settings: &MllpSettings,
    framed: &[u8],
    until: Instant,
) -> Result<(Connection, bool), StepError> {
    match kept.write(framed, left(until)) {
        Ok(()) => Ok((kept, true)),
        Err(problem) if !may_have_been_sent(&problem) => {
            context.log(Level::Info, "the kept connection was dead; a new one is made");
            drop(kept);
            Ok((sent_on_new(settings, framed, until)?, false))
        }
        Err(problem) => Err(network_error(problem, PLACE)),
    }
}

fn sent_on_new(
    settings: &MllpSettings,
    framed: &[u8],
    until: Instant,
) -> Result<Connection, StepError> {
    let mut connector = Connector::new(&settings.server, settings.port).with_timeout(left(until));
    if settings.tls {
        connector = connector.with_tls();
    }
    if let Some(certificate) = &settings.certificate {
        connector = connector.with_client_certificate(certificate.thumbprint());
    }
    let connected = connector.connect().and_then(|mut connection| {
        connection.write(framed, left(until))?;
        Ok(connection)
    });
    connected.map_err(|problem| network_error(problem, PLACE))
}

fn read_reply(
    connection: &mut Connection,
    settings: &MllpSettings,
    until: Instant,
) -> Result<Reply, StepError> {
    if settings.answering == Answering::Ignored {
        return Ok(Reply::NotRead);
    }
    let mut incoming = Incoming::new(&settings.frame, ANSWER_BYTES_MAX);
    loop {
        let piece = connection.read(PIECE_BYTES, left(until));
        let piece = piece.map_err(|problem| unanswered(problem, &incoming))?;
        if piece.is_empty() {
            return closed(&incoming, settings.answering);
        }
        match incoming.take(&piece) {
            Ok(Some(answer)) => return Ok(Reply::Read(answer)),
            Ok(None) => {}
            Err(TooLong) => {
                let text = format!(
                    "the answer has more than {ANSWER_BYTES_MAX} bytes, or no frame: see \
                     FrameStart and FrameEnd"
                );
                return Err(StepError::Failed(sent(Problem::new("mllp.answer", text)).at(PLACE)));
            }
        }
    }
}

fn closed(incoming: &Incoming<'_>, answering: Answering) -> Result<Reply, StepError> {
    if incoming.bytes() == 0 && answering == Answering::Kept {
        return Ok(Reply::Closed);
    }
    let text = match incoming.bytes() {
        0 => "the peer closed the connection without an answer".to_owned(),
        _ => format!(
            "{}, and closed the connection: it closed in the middle of its answer, or frames it \
             otherwise than FrameStart and FrameEnd say",
            came(incoming)
        ),
    };
    let problem = sent(Problem::new("network.closed", text)).at(PLACE);
    Err(StepError::Retryable { problem, after: None })
}

/// Why no whole answer could be read. Where a peer is silent after some bytes, it
/// has not sent nothing: its frame is another one.
fn unanswered(mut problem: Problem, incoming: &Incoming<'_>) -> StepError {
    if problem.code == "network.timeout" && incoming.bytes() > 0 {
        problem.text = format!(
            "{} before the time-out: it frames its answer otherwise than FrameStart and FrameEnd \
             say, or needs longer than TimeoutSeconds",
            came(incoming)
        );
    }
    network_error(sent(problem), PLACE)
}

/// What came of an answer, without what it says.
fn came(incoming: &Incoming<'_>) -> String {
    let (bytes, missing) = (incoming.bytes(), incoming.missing());
    format!("the peer sent {bytes} bytes, and no {missing} of a frame was found")
}

/// The message is out: whether the peer took it is not known.
fn sent(mut problem: Problem) -> Problem {
    problem.detail.retain(|(name, _)| name != "sent");
    problem.with("sent", "maybe")
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
