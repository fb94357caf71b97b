//! `tureen send`: the test sender.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Ended, output};
use crate::send::{SendOptions, Source, run};

/// Sends messages over HTTP or HTTPS and shows what the receiver answers.
///
/// One message: its status, acknowledgement and time. Many: a summary of
/// statuses, acknowledgement codes, errors and times. Ends with 1 when a request
/// got no answer, or an answer that is not for its message (MSA-2).
#[derive(Args)]
#[command(after_help = "Example:\n  tureen send https://localhost:8443/adt/in message.hl7 \
    --cacert my-home/certificates/default/certificate.pem")]
pub(super) struct Send {
    /// http://… or https://…
    url: String,
    /// Files, one message each; without any, standard input
    files: Vec<PathBuf>,
    /// Trust the certificates in this PEM file instead of those of the system
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The sender's own certificate chain, PEM (with --key)
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The sender's own private key, PEM (with --cert)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Trust any server: for tests only
    #[arg(long)]
    insecure: bool,
    /// Trust the one certificate with this SHA-256 or SHA-1 thumbprint, in any spelling
    #[arg(long, value_name = "HEX")]
    thumbprint: Option<String>,
    /// Send each message this often; above 1 every HL7 message gets an MSH-10 of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    count: u32,
    /// Connections at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    concurrency: u32,
    /// The Content-Type; otherwise by the look of the message
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Seconds for one request, connecting included
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// The HTTP method
    #[arg(long, default_value = "POST")]
    method: String,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

impl Send {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        let source = match self.files.is_empty() {
            true => Source::StandardInput,
            false => Source::Files(self.files),
        };
        let options = SendOptions {
            cacert: self.cacert,
            cert: self.cert,
            key: self.key,
            insecure: self.insecure,
            thumbprint: self.thumbprint,
            count: self.count as usize,
            concurrency: self.concurrency as usize,
            content_type: self.content_type,
            timeout: Duration::from_secs(self.timeout),
            method: self.method,
            json: self.json,
            ..SendOptions::new(self.url, source)
        };
        let summary = run(options, &mut output::Results).await?;
        Ok(if summary.is_success() { Ended::Well } else { Ended::Badly })
    }
}
