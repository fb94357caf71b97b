//! `tureen cert import`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::super::{Ended, HomeArgument, output};
use super::password::{PasswordArgument, ask, can_ask};
use crate::certificates::{CertificateError, CertificateStore, Existing, Imported, Password};

/// Take a certificate from PEM, DER or PFX files.
///
/// The files together hold the certificate, its chain and its key, in any order. The key may be
/// missing when the store has it: from `tureen cert create --request`, or of the certificate that
/// is renewed. A password that is needed is asked for.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    tureen cert import server.pfx\n  \
    tureen cert import fullchain.pem privkey.pem --name www --replace\n  \
    tureen cert import signed.crt intermediate.crt --name partner")]
pub(in crate::cli) struct Import {
    #[command(flatten)]
    home: HomeArgument,

    /// Certificates, chain and key
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// What to call it (default: the name of the first file without its ending)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Put it in the place of the certificate that has this name; that one is kept aside
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    password: PasswordArgument,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let name = self.name()?;
        let given = self.password.given()?;
        let imported = match self.import(&store, &name, given.as_ref()) {
            Err(CertificateError::PasswordNeeded { path }) if can_ask() => {
                let password = ask(&format!("Password of {}: ", path.display()))?;
                self.import(&store, &name, Some(&password))
            }
            other => other,
        }?;
        show(&imported);
        super::warn(&imported.warnings);
        Ok(Ended::Well)
    }

    fn import(
        &self,
        store: &CertificateStore,
        name: &str,
        password: Option<&Password>,
    ) -> Result<Imported, CertificateError> {
        let existing = if self.replace { Existing::Replace } else { Existing::Refuse };
        store.import(name, &self.files, password, existing)
    }

    fn name(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let stem = self.files.first().and_then(|file| file.file_stem()?.to_str());
        stem.map(str::to_owned).context("give it a name with --name")
    }
}

fn show(imported: &Imported) {
    let certificate = &imported.certificate;
    output::line(&format!("imported {:?}: {}", certificate.name, certificate.subject));
    output::line(&format!("  for      {}", certificate.names.join(", ")));
    output::line(&format!("  until    {}", certificate.not_after));
    output::line(&format!("  chain    {} certificate(s) are sent", certificate.chain().len()));
    output::line(&format!("  SHA-1    {}", certificate.sha1));
    output::line(&format!("  SHA-256  {}", certificate.sha256));
    if let Some(of) = &imported.key_of {
        output::line(&format!("  its key is that of {of:?}"));
    }
    if let Some(aside) = &imported.replaced {
        output::line(&format!("  the former one is kept at {}", aside.display()));
    }
}
