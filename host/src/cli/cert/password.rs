//! Where the password of a file comes from. Never from the command line: others can read that.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::certificates::Password;

const VARIABLE: &str = "TUREEN_CERTIFICATE_PASSWORD";
/// The first line of a longer file is a mistake, not a password.
const BYTES_MAX: u64 = 4096;

#[derive(Args)]
pub(super) struct PasswordArgument {
    /// Read the password from the first line of this file, instead of from
    /// TUREEN_CERTIFICATE_PASSWORD or the terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgument {
    /// The password that came with the command, if any.
    pub(super) fn given(&self) -> anyhow::Result<Option<Password>> {
        if let Some(path) = &self.password_file {
            let length = std::fs::metadata(path).map(|metadata| metadata.len());
            let length = length.with_context(|| format!("cannot read {}", path.display()))?;
            ensure!(length <= BYTES_MAX, "{} is no file with a password", path.display());
            let bytes = std::fs::read(path).map(zeroize::Zeroizing::new);
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(Some(Password::of_file(&bytes)));
        }
        Ok(std::env::var(VARIABLE).ok().map(Password::new))
    }

    /// A password for a file that is made now, asked for twice on the terminal.
    pub(super) fn for_new_file(&self) -> anyhow::Result<Password> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        if !can_ask() {
            bail!("the file needs a password: give --password-file or {VARIABLE}");
        }
        let first = rpassword::prompt_password("Password for the new file: ")?;
        let again = zeroize::Zeroizing::new(rpassword::prompt_password("Once more: ")?);
        let is_same = first == *again;
        let first = Password::new(first);
        ensure!(is_same, "the two passwords differ; nothing was written");
        Ok(first)
    }
}

/// Whether somebody sits at a terminal.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks without showing what is typed.
pub(super) fn ask(question: &str) -> anyhow::Result<Password> {
    rpassword::prompt_password(question).map(Password::new).context("the terminal cannot be read")
}
