//! The test sender: messages over HTTP, and an account of what came back.
//!
//! Knows HTTP/1.1, TLS and just enough HL7 to tell whether an answer is for its message: MSH-10 of
//! what is sent, MSA-1 and MSA-2 of what comes back. It reads them on its own, not with the parser
//! of the server, so that it is a witness. Deliberately does not know anything else of the server.
//!
//! # Invariants
//! - Every request ends in exactly one count: answered with a status, or an error of a kind.
//! - A request is sent again only when it is certain that no byte of it has been sent before.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderValue;
use tokio::time::Instant;

use crate::certificates::{Thumbprint, ThumbprintError};
use connection::{Target, Worker};
use message::Outgoing;

pub use connection::{Answer, RequestError};
pub use message::Acknowledgement;
pub use summary::Summary;

mod connection;
mod message;
mod summary;
#[cfg(test)]
mod tests;
mod tls;

/// The longest message that is read from a file or from standard input.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What to send, where, and how the server is trusted.
#[derive(Clone, Debug)]
pub struct SendOptions {
    pub url: String,
    pub source: Source,
    /// PEM file with the certificates to trust instead of those of the system.
    pub cacert: Option<PathBuf>,
    /// PEM files with the sender's own certificate chain and key.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Trust any server.
    pub insecure: bool,
    /// Trust the one certificate with this thumbprint, whatever names it has.
    pub thumbprint: Option<String>,
    /// How often each message is sent. Above 1, every HL7 message gets an MSH-10 of its own, so
    /// that each answer can be told from the others; everything else is sent as it is.
    pub count: usize,
    pub concurrency: usize,
    /// `None`: by the look of the message.
    pub content_type: Option<String>,
    /// For one request, with connecting.
    pub timeout: Duration,
    pub method: String,
    /// Print the summary as one JSON object.
    pub json: bool,
}

/// Where messages come from.
#[derive(Clone, Debug)]
pub enum Source {
    Files(Vec<PathBuf>),
    StandardInput,
    Messages(Vec<Bytes>),
}

impl SendOptions {
    /// One message once, with the certificates of the system.
    pub fn new(url: impl Into<String>, source: Source) -> Self {
        Self {
            url: url.into(),
            source,
            cacert: None,
            cert: None,
            key: None,
            insecure: false,
            thumbprint: None,
            count: 1,
            concurrency: 1,
            content_type: None,
            timeout: Duration::from_secs(30),
            method: "POST".to_owned(),
            json: false,
        }
    }
}

/// Why nothing was sent. What goes wrong later is counted in the [`Summary`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    #[error("the URL {url:?} is not usable: {reason}")]
    Url { url: String, reason: &'static str },
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is longer than {MESSAGE_BYTES_MAX} bytes")]
    TooLong { path: PathBuf },
    #[error("there is no message to send")]
    NoMessage,
    #[error("{path} holds no {expected} in PEM")]
    Pem { path: PathBuf, expected: &'static str },
    #[error("a certificate of the sender needs its key: give both --cert and --key")]
    CertificateWithoutKey,
    #[error("the thumbprint is not usable")]
    Thumbprint(#[source] ThumbprintError),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error(
        "the certificates that this system trusts cannot be found; give --cacert or --thumbprint"
    )]
    NoSystemRoots,
    #[error("{name} {value:?} is not valid in HTTP")]
    Header { name: &'static str, value: String },
    #[error("cannot write the result")]
    Output(#[source] io::Error),
}

/// Sends everything and prints what came back: the answer for a single message, else a summary.
///
/// # Errors
/// Nothing could be sent, or the output could not be written.
pub async fn run(
    options: SendOptions,
    output: &mut (dyn Write + Send),
) -> Result<Summary, SendError> {
    let plan = Arc::new(plan(&options)?);
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.concurrency.clamp(1, plan.requests.max(1)) {
        workers.spawn(work(plan.clone()));
    }
    let mut summary = Summary::default();
    let mut last = None;
    while let Some(worked) = workers.join_next().await {
        // A worker has no way to panic; if it did, its requests would be missing in the count.
        if let Ok((part, result)) = worked {
            summary.merge(part);
            last = result.or(last);
        }
    }
    summary.finish(plan.requests, start.elapsed());
    let printed = if options.json {
        summary.print_json(output)
    } else if let (1, Some(result)) = (plan.requests, &last) {
        print_result(result, output)
    } else {
        summary.print(output)
    };
    printed.map_err(SendError::Output)?;
    Ok(summary)
}

/// Everything that is fixed before the first request.
struct Plan {
    target: Target,
    messages: Vec<Outgoing>,
    requests: usize,
    next: AtomicUsize,
    own_control_ids: bool,
    run_id: u64,
}

type RequestResult = Result<Answer, RequestError>;

fn plan(options: &SendOptions) -> Result<Plan, SendError> {
    let content_type = options.content_type.as_deref();
    let messages = read_messages(&options.source)?
        .into_iter()
        .map(|bytes| outgoing(bytes, content_type))
        .collect::<Result<Vec<_>, _>>()?;
    if messages.is_empty() {
        return Err(SendError::NoMessage);
    }
    let method = Method::from_bytes(options.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| SendError::Header { name: "method", value: options.method.clone() })?;
    let thumbprint = options.thumbprint.as_deref().map(str::parse::<Thumbprint>);
    let thumbprint = thumbprint.transpose().map_err(SendError::Thumbprint)?;
    Ok(Plan {
        target: Target::new(options, method, thumbprint)?,
        requests: messages.len().saturating_mul(options.count),
        messages,
        next: AtomicUsize::new(0),
        own_control_ids: options.count > 1,
        // Another run must not repeat control ids: a server may answer them from memory.
        run_id: jiff::Timestamp::now().as_millisecond().unsigned_abs(),
    })
}

fn outgoing(bytes: Bytes, content_type: Option<&str>) -> Result<Outgoing, SendError> {
    let content_type = content_type.unwrap_or_else(|| message::content_type_of(&bytes));
    let value = HeaderValue::try_from(content_type);
    let value = value
        .map_err(|_| SendError::Header { name: "content type", value: content_type.to_owned() })?;
    Ok(Outgoing::new(bytes, value))
}

fn read_messages(source: &Source) -> Result<Vec<Bytes>, SendError> {
    match source {
        Source::Messages(messages) => Ok(messages.clone()),
        Source::StandardInput => {
            Ok(vec![read_limited(io::stdin().lock(), "standard input".into())?])
        }
        Source::Files(paths) => paths
            .iter()
            .map(|path| {
                let read_error = |source| SendError::Read { path: path.clone(), source };
                read_limited(std::fs::File::open(path).map_err(read_error)?, path.clone())
            })
            .collect(),
    }
}

fn read_limited(reader: impl Read, path: PathBuf) -> Result<Bytes, SendError> {
    let mut bytes = Vec::new();
    match reader.take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        Err(source) => Err(SendError::Read { path, source }),
        Ok(length) if length as u64 > MESSAGE_BYTES_MAX => Err(SendError::TooLong { path }),
        Ok(_) => Ok(bytes.into()),
    }
}

/// One connection at a time, one request after the other, until none is left.
async fn work(plan: Arc<Plan>) -> (Summary, Option<RequestResult>) {
    let mut worker = Worker::new(plan.target.clone());
    let mut summary = Summary::default();
    let mut last = None;
    loop {
        let index = plan.next.fetch_add(1, Ordering::Relaxed);
        let message = plan.messages.get(index % plan.messages.len());
        let Some(message) = message.filter(|_| index < plan.requests) else { break };
        let (body, control_id) = if plan.own_control_ids {
            message.with_control_id(&format!("T{:X}-{index}", plan.run_id % (1 << 36)))
        } else {
            message.as_it_is()
        };
        let result = worker.request(body, message.content_type.clone()).await;
        summary.count(&result, control_id.as_deref());
        last = Some(result);
    }
    (summary, last)
}

fn print_result(result: &RequestResult, output: &mut (dyn Write + Send)) -> io::Result<()> {
    match result {
        Ok(answer) => {
            let milliseconds = answer.time.as_secs_f64() * 1_000.0;
            writeln!(output, "{} in {milliseconds:.1} ms", answer.status)?;
            writeln!(output, "{}", message::printable(&answer.body))
        }
        Err(error) => writeln!(output, "no answer: {error}"),
    }
}
