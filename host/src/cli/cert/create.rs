//! `tureen cert create`.

use clap::Args;

use super::super::{Ended, HomeArgument, output};
use crate::certificates::{
    CertificateStore, Existing, SelfSigned, VALID_DAYS, machine_host_names, self_signed,
};

/// Make a self-signed certificate, or a request for an authority to sign.
///
/// A self-signed certificate has to be given to each client. For one that clients trust anyway,
/// make a request, let the authority sign it, and import what it sends back under the same name.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    tureen cert create lab --host lab.example.org --host 10.1.2.3\n  \
    tureen cert create partner --host hl7.example.org --client-auth --request\n  \
    tureen cert import signed.crt --name partner")]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    home: HomeArgument,

    /// What to call it
    #[arg(value_name = "NAME")]
    name: String,

    /// A DNS name or address that clients use; may be repeated (default: this machine's names)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,

    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = VALID_DAYS,
        value_parser = clap::value_parser!(u16).range(1..=3650), conflicts_with = "request")]
    days: u16,

    /// Also for the client's side of mutual TLS (clientAuth beside serverAuth)
    #[arg(long)]
    client_auth: bool,

    /// Make a key and a request (certificate signing request) instead
    #[arg(long)]
    request: bool,

    /// Put it in the place of the certificate that has this name; that one is kept aside
    #[arg(long, conflicts_with = "request")]
    replace: bool,
}

impl Create {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let wanted = self.wanted();
        if self.request {
            self.make_request(&store, &wanted)
        } else {
            self.make_certificate(&store, &wanted)
        }
    }

    fn wanted(&self) -> SelfSigned {
        let Self { days, client_auth, .. } = *self;
        let hosts = if self.hosts.is_empty() {
            SelfSigned::default_for(&machine_host_names()).hosts
        } else {
            self.hosts.clone()
        };
        SelfSigned { hosts, organization: None, days, client_auth }
    }

    fn make_certificate(
        &self,
        store: &CertificateStore,
        wanted: &SelfSigned,
    ) -> anyhow::Result<Ended> {
        let existing = if self.replace { Existing::Replace } else { Existing::Refuse };
        let replaced = store.save(&self.name, &self_signed(wanted)?, existing)?;
        let made = store.load(&self.name)?;
        output::line(&format!("made {:?} for {}", made.name, made.names.join(", ")));
        output::line(&format!("  clients trust it with {}", made.path.display()));
        output::line(&format!("  SHA-1    {}\n  SHA-256  {}", made.sha1, made.sha256));
        if let Some(aside) = replaced {
            output::line(&format!("  the former one is kept at {}", aside.display()));
        }
        Ok(Ended::Well)
    }

    fn make_request(&self, store: &CertificateStore, wanted: &SelfSigned) -> anyhow::Result<Ended> {
        let path = store.request(&self.name, wanted)?;
        output::line(&format!("made a key and a request for {}", wanted.hosts.join(", ")));
        output::line(&format!("  give this to the authority: {}", path.display()));
        if wanted.client_auth {
            output::line(
                "  it asks for serverAuth and clientAuth; say so, many sign serverAuth only",
            );
        }
        let name = &self.name;
        output::line(&format!("  then: tureen cert import SIGNED-FILE --name {name}"));
        Ok(Ended::Well)
    }
}
