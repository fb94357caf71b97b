//! `tureen demo`: the main job on real input, step by step, in a home that goes
//! away afterwards. Every step checks what it shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::serve::stop_on_signal;
use super::{Ended, example, init, output, shell};
use crate::app::Server;
use crate::send::{SendOptions, Source, Summary, run};

/// How long the demo waits for a saved workflow to be live.
const RELOAD_WAIT: Duration = Duration::from_secs(20);

/// Makes a home with a certificate of its own, starts HTTPS, sends HL7 through a
/// sandboxed filter, transformers and a file writer, edits the workflow while it
/// runs, and keeps serving until Ctrl-C. The home is removed at the end.
#[derive(Args)]
pub(super) struct Demo {
    /// End after the tour; not 0 when any step fails
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        let home = ThrowAwayHome::make()?;
        let stop = CancellationToken::new();
        // So that Ctrl-C during the tour removes the home as well.
        stop_on_signal(stop.clone())?;
        let tour = Tour::start(home.path(), stop).await?;
        let toured = tour.walk().await;
        if let Err(error) = &toured {
            output::error(&format!("the tour failed: {error:#}"));
        } else if !self.once {
            tour.keep_serving().await;
        }
        let clean = tour.stop().await?;
        output::line("stopped; the throw-away home is removed");
        Ok(if toured.is_ok() && clean { Ended::Well } else { Ended::Badly })
    }
}

/// A home in the system's directory for temporary files.
struct ThrowAwayHome(PathBuf);

impl ThrowAwayHome {
    fn make() -> anyhow::Result<Self> {
        let now = jiff::Timestamp::now().as_nanosecond();
        let path = std::env::temp_dir().join(format!("tureen-demo-{}-{now}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        // Removed from here on, whatever happens.
        let home = Self(path);
        // Port 0: the system chooses one that is free.
        let workflow = example::ADMISSIONS.replace("\"Port\": 8443", "\"Port\": 0");
        init::make_home(home.path(), &workflow)?;
        let configuration = home.path().join("tureen.toml");
        let text = fs::read_to_string(&configuration)?
            .replace("address = \"0.0.0.0\"", "address = \"127.0.0.1\"")
            .replace("\nport = 8079", "\nport = 0");
        fs::write(configuration, text)?;
        Ok(home)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ThrowAwayHome {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Tour {
    home: PathBuf,
    url: String,
    certificate: PathBuf,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<bool>,
}

impl Tour {
    async fn start(home: &Path, stop: CancellationToken) -> anyhow::Result<Self> {
        step(1, "a home with a certificate of its own");
        output::line(&format!("    {}", home.display()));
        let server = Server::start(home).await?;
        let certificate = server.certificate_file();
        let addresses = server.addresses();
        let address = addresses.first().context("the example workflow did not start")?;
        let url = address.url();
        output::line(&format!("    certificate {}", certificate.display()));
        output::line(&format!("    workflow {:?} receives at {url}", address.workflow));
        let stopping = stop.clone();
        let server = tokio::spawn(async move { server.run_until(stopping).await.is_clean() });
        Ok(Self { home: home.to_path_buf(), url, certificate, stop, server })
    }

    async fn walk(&self) -> anyhow::Result<()> {
        self.send_admission().await?;
        self.show_file()?;
        self.edit_workflow().await?;
        self.send_what_is_filtered().await
    }

    async fn send_admission(&self) -> anyhow::Result<()> {
        step(2, "an admission (ADT^A01), sent over HTTPS and acknowledged");
        output::message(example::ADMISSION.as_bytes());
        let (summary, answer) = self.send(example::ADMISSION).await?;
        output::line("  answered:");
        output::message(answer.as_bytes());
        ensure!(summary.is_success(), "the answer is not for the message that was sent");
        ensure!(acknowledged(&summary, "AA"), "the admission was not accepted (AA)");
        Ok(())
    }

    fn show_file(&self) -> anyhow::Result<()> {
        step(3, "what the sandboxed transformers and the file writer made of it");
        let (path, text) = self.written()?;
        output::line(&format!("    {}", path.display()));
        output::message(text.as_bytes());
        ensure!(text.contains("|FICTITIOUS^"), "the family name was not mapped");
        ensure!(!text.contains("Elm Street"), "the address was not removed");
        ensure!(text.contains("NTE|1||inpatient"), "the conditional did not append its line");
        Ok(())
    }

    async fn edit_workflow(&self) -> anyhow::Result<()> {
        step(4, "the workflow file is edited and saved while the server runs");
        let file = self.home.join("workflows").join("admissions.hl7Workflow");
        let text = fs::read_to_string(&file)?;
        let edited = text.replace("\"FromPath\": \"ARCHIVE\"", "\"FromPath\": \"NEW-ARCHIVE\"");
        ensure!(edited != text, "the example workflow has changed its mapping");
        fs::write(&file, edited)?;
        output::line("    the mapping to MSH-5 writes NEW-ARCHIVE now; sending until it is live");
        let started = Instant::now();
        let mut sent = 0;
        while !self.written()?.1.contains("|NEW-ARCHIVE|") {
            ensure!(started.elapsed() < RELOAD_WAIT, "the saved workflow was not taken over");
            let (summary, _) = self.send(example::ADMISSION).await?;
            ensure!(
                summary.is_success() && acknowledged(&summary, "AA"),
                "a request was lost meanwhile"
            );
            sent += 1;
            sleep(Duration::from_millis(20)).await;
        }
        let waited = started.elapsed().as_millis();
        output::line(&format!(
            "    live after {waited} ms; {sent} messages meanwhile, none refused"
        ));
        Ok(())
    }

    async fn send_what_is_filtered(&self) -> anyhow::Result<()> {
        step(5, "a laboratory result (ORU^R01), which the filter does not want");
        output::message(example::RESULT.as_bytes());
        let (summary, answer) = self.send(example::RESULT).await?;
        output::line("  answered:");
        output::message(answer.as_bytes());
        ensure!(acknowledged(&summary, "AR"), "the result was not rejected (AR)");
        output::line("\nthe tour is done: every step did what it shows");
        Ok(())
    }

    /// Sends one message, trusting only the home's certificate.
    async fn send(&self, message: &'static str) -> anyhow::Result<(Summary, String)> {
        let source = Source::Messages(vec![Bytes::from_static(message.as_bytes())]);
        let options = SendOptions {
            cacert: Some(self.certificate.clone()),
            ..SendOptions::new(self.url.clone(), source)
        };
        let mut printed = Vec::new();
        let summary = run(options, &mut printed).await?;
        Ok((summary, String::from_utf8_lossy(&printed).into_owned()))
    }

    /// The file that the activity writes.
    fn written(&self) -> anyhow::Result<(PathBuf, String)> {
        let mut files = fs::read_dir(self.home.join("out"))?.filter_map(Result::ok);
        let file = files.next().context("the activity wrote no file")?.path();
        let text = fs::read_to_string(&file)?;
        Ok((file, text))
    }

    async fn keep_serving(&self) {
        output::line("\nserving on; try it from another terminal, or edit the workflow:");
        output::line(&format!(
            "    curl --cacert {} {} --data-binary @message.hl7",
            shell::word(&self.certificate),
            self.url
        ));
        output::line(&format!(
            "    {}",
            self.home.join("workflows").join("admissions.hl7Workflow").display()
        ));
        output::line("Ctrl-C ends it");
        self.stop.cancelled().await;
    }

    async fn stop(self) -> anyhow::Result<bool> {
        self.stop.cancel();
        self.server.await.context("the server ended badly")
    }
}

fn acknowledged(summary: &Summary, code: &str) -> bool {
    summary.acknowledgements.get(code) == Some(&1)
}

fn step(number: usize, title: &str) {
    output::line(&format!("\n{number}. {title}"));
}
