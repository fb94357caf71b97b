//! `tureen init`: a home to start from.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{Ended, example, output, shell};
use crate::certificates::{CertificateStore, machine_host_names};
use crate::config::DEFAULT_FILE;

/// How the names of files begin that are not whole yet. No server reads such a file.
const UNFINISHED: &str = ".unfinished-";

/// Makes a home: a commented tureen.toml, a certificate of its own, one example
/// workflow, and the folders workflows, plugins, certificates, out.
///
/// What is already there is left as it is, so it can be run again.
#[derive(Args)]
pub(super) struct Init {
    /// The directory; made if it does not exist. TUREEN_HOME does not count here
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
        let home = shell::word(&self.directory);
        let certificate = self.directory.join("certificates/default/certificate.pem");
        let certificate = shell::word(&certificate);
        output::line("");
        output::line(&format!("next:  tureen serve --home {home}"));
        output::line(&format!(
            "then:  tureen send https://localhost:8443/adt/in message.hl7 --cacert {certificate}"
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
    if is_empty(&workflows)? {
        made.extend(write_new(&workflows.join("admissions.hl7Workflow"), workflow)?);
    }
    let store = CertificateStore::open(&home.join("certificates"))?;
    if store.ensure_default(&machine_host_names())?.created {
        made.push(home.join("certificates").join("default").join("certificate.pem"));
    }
    Ok(made)
}

/// Is nothing in the folder but what another `init` was stopped in the middle of?
fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    let unreadable = || format!("{} cannot be read", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        if !name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes a file that must not exist yet. It is there whole or not at all: one that was cut short
/// would be taken for the operator's own by the next `init`.
fn write_new(path: &Path, text: &str) -> anyhow::Result<Option<PathBuf>> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(None);
    }
    match written_whole(path, text) {
        Ok(()) => Ok(Some(path.to_path_buf())),
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error).with_context(|| {
            format!("{} cannot be written; nothing of it was left there", path.display())
        }),
    }
}

/// # Errors
/// Something has the name already, or the file cannot be written; then nothing is left of it.
fn written_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // As any other new file: the umask takes away what it takes.
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_and_what_is_missing_is_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        assert_eq!(write_new(&path, "whole").unwrap(), Some(path.clone()));
        assert_eq!(write_new(&path, "other").unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        let is_there = written_whole(&path, "other").unwrap_err();
        assert_eq!(is_there.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let readable = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(readable & 0o600, 0o600);
        assert!(write_new(&folder.path().join("no/such/folder"), "x").is_err());
    }

    #[test]
    fn what_a_stopped_init_left_is_no_workflow_of_the_operator() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_empty(folder.path()).unwrap());
        fs::write(folder.path().join(format!("{UNFINISHED}0a1b")), "{").unwrap();
        assert!(is_empty(folder.path()).unwrap());
        fs::write(folder.path().join("own.hl7Workflow"), "{}").unwrap();
        assert!(!is_empty(folder.path()).unwrap());
    }
}
