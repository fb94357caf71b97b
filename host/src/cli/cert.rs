//! `tureen cert`: the certificates of a home, from making or importing them to their end.

mod assign;
mod create;
mod export;
mod import;
mod list;
mod password;

use std::path::Path;

use anyhow::Context;
use clap::Subcommand;

use super::{Ended, HomeArgument, output, shell};
use crate::certificates::{CertificateError, CertificateStore, CertificateWarning};

/// Make, import and show certificates, and say which port shows which.
///
/// They are kept in the home's folder certificates, one folder each with certificate.pem (the
/// chain) and key.pem; NAME.pem, NAME.crt with NAME.key, and NAME.pfx may be dropped in as well.
/// A running server shows what changed from the next handshake on.
///
/// Where a NAME is asked for, a thumbprint (SHA-1 or SHA-256, in any spelling) does too.
///
/// Ends with 0 when it is done, 1 when something is in its way (a name that is taken, a
/// certificate that is used, a port that has another one or none) or `list` found what cannot be
/// used, 2 when it could not be done.
#[derive(Subcommand)]
pub(super) enum Cert {
    /// Make a self-signed certificate, or a request for an authority to sign
    Create(create::Create),
    /// Take a certificate from PEM, DER or PFX files
    Import(import::Import),
    /// Give a certificate out: for clients to trust, or with its key to move it
    Export(export::Export),
    /// Show all certificates, until when they are valid and where they are used
    List(list::List),
    /// Show everything about one certificate
    Show(list::Show),
    /// Remove a certificate with its key
    Remove(assign::Remove),
    /// Let a port show a certificate, whatever its receivers ask for
    Bind(assign::Bind),
    /// Let a port show what its receivers ask for again
    Unbind(assign::Unbind),
    /// Choose the certificate of all ports without one of their own
    Default(assign::SetDefault),
}

impl Cert {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let outcome = match self {
            Self::Create(create) => create.run(),
            Self::Import(import) => import.run(),
            Self::Export(export) => export.run(),
            Self::List(list) => list.run(),
            Self::Show(show) => show.run(),
            Self::Remove(remove) => remove.run(),
            Self::Bind(bind) => bind.run(),
            Self::Unbind(unbind) => unbind.run(),
            Self::Default(default) => default.run(),
        };
        match outcome {
            Err(error) if is_in_the_way(&error) => {
                output::error(&format!("{error:#}"));
                Ok(Ended::Badly)
            }
            other => other,
        }
    }
}

/// Would something have been overwritten? All else could not be done.
fn is_in_the_way(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<CertificateError>(),
        Some(CertificateError::Exists { .. } | CertificateError::RequestWaits { .. })
    )
}

/// # Errors
/// There is no such home: a store is not made by a slip of the pen.
fn store(home: &HomeArgument) -> anyhow::Result<CertificateStore> {
    let home: &Path = &home.home;
    anyhow::ensure!(
        home.is_dir(),
        "there is no directory {}; `tureen init {}` makes a home",
        home.display(),
        shell::word(home)
    );
    let directory = home.join("certificates");
    CertificateStore::open(&directory).context("the certificates cannot be opened")
}

fn warn(warnings: &[CertificateWarning]) {
    for warning in warnings {
        output::warning(&warning.to_string());
    }
}
