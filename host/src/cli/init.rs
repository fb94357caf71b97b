//! `tureen init`: a home to start from.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{Ended, example, output};
use crate::certificates::{CertificateStore, machine_host_names};
use crate::config::DEFAULT_FILE;

/// Makes a home: a commented tureen.toml, a certificate of its own, one example
/// workflow, and the folders workflows, plugins, certificates, out.
///
/// What is already there is left as it is, so it can be run again.
#[derive(Args)]
pub(super) struct Init {
    /// The directory; made if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

impl Init {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let made = make_home(&self.directory, example::ADMISSIONS)?;
        for path in &made {
            output::line(&format!("made {}", path.display()));
        }
        if made.is_empty() {
            output::line("everything was there already; nothing was changed");
        }
        let home = self.directory.display();
        output::line("");
        output::line(&format!("next:  tureen serve --home {home}"));
        output::line(&format!(
            "then:  tureen send https://localhost:8443/adt/in message.hl7 --cacert {home}/certificates/default/certificate.pem"
        ));
        Ok(Ended::Well)
    }
}

/// Makes what is missing; tells what it made.
pub(super) fn make_home(home: &Path, workflow: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    for folder in ["", "workflows", "plugins", "out"] {
        let folder = home.join(folder);
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(|error| {
                let folder = folder.display();
                anyhow::anyhow!(
                    "{folder} cannot be made: {error}\n  help: name a directory that you may write, where no file is in the way"
                )
            })?;
            made.push(folder);
        }
    }
    let configuration = format!("{DEFAULT_FILE}{}", example::GRANTS);
    made.extend(write_new(&home.join("tureen.toml"), &configuration)?);
    let workflows = home.join("workflows");
    let is_empty = fs::read_dir(&workflows)?.next().is_none();
    if is_empty {
        made.extend(write_new(&workflows.join("admissions.hl7Workflow"), workflow)?);
    }
    let store = CertificateStore::open(&home.join("certificates"))?;
    if store.ensure_default(&machine_host_names())?.created {
        made.push(home.join("certificates").join("default").join("certificate.pem"));
    }
    Ok(made)
}

/// Writes a file that must not exist yet.
fn write_new(path: &Path, text: &str) -> anyhow::Result<Option<PathBuf>> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(Some(path.to_path_buf()))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be made", path.display())),
    }
}
