//! `tureen cert bind`, `unbind`, `default` and `remove`.

use clap::Args;

use super::super::{Ended, HomeArgument, output};
use crate::certificates::{self, Assignments, Certificate, CertificateStore, Named, Unbound};

/// Let a port show a certificate, whatever its receivers ask for.
#[derive(Args)]
#[command(after_help = "Example:\n  tureen cert bind 8443 www")]
pub(in crate::cli) struct Bind {
    #[command(flatten)]
    home: HomeArgument,

    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// Which one, by name or thumbprint
    #[arg(value_name = "NAME")]
    name: String,

    /// Also when the port has another certificate
    #[arg(long)]
    replace: bool,
}

impl Bind {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let certificate = store.named(&self.name)?;
        let (name, port) = (&certificate.name, self.port);
        let bound = Assignments::change(store.directory(), |all| {
            if all.port(port).is_some_and(|text| means(&store, text, &certificate)) {
                return certificates::Bound::AlreadyThis;
            }
            all.bind(port, name, self.replace)
        })?;
        let ended = match bound {
            certificates::Bound::Bound => {
                output::line(&format!("bound: port {port} shows {name:?}"));
                Ended::Well
            }
            certificates::Bound::Replaced { was } => {
                output::line(&format!("bound: port {port} shows {name:?} instead of {was:?}"));
                Ended::Well
            }
            certificates::Bound::AlreadyThis => {
                output::line(&format!("port {port} already has a certificate: this one, {name:?}"));
                Ended::Well
            }
            certificates::Bound::AlreadyBound { by } => {
                output::error(&format!(
                    "port {port} already has a certificate: {by:?}. --replace puts {name:?} in its place"
                ));
                Ended::Badly
            }
        };
        super::warn(&certificate.warning(jiff::Timestamp::now()).into_iter().collect::<Vec<_>>());
        Ok(ended)
    }
}

/// Let a port show what its receivers ask for again.
#[derive(Args)]
pub(in crate::cli) struct Unbind {
    #[command(flatten)]
    home: HomeArgument,

    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

impl Unbind {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let port = self.port;
        match Assignments::change(store.directory(), |all| all.unbind(port))? {
            Unbound::Removed { name } => {
                output::line(&format!("removed: port {port} no longer shows {name:?}"));
                Ok(Ended::Well)
            }
            Unbound::NothingBound => {
                output::error(&format!("no certificate on this port: {port}"));
                Ok(Ended::Badly)
            }
        }
    }
}

/// Choose the certificate of all ports without one of their own.
#[derive(Args)]
pub(in crate::cli) struct SetDefault {
    #[command(flatten)]
    home: HomeArgument,

    /// Which one, by name or thumbprint; without it, tells which one it is
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl SetDefault {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        let Some(name) = &self.name else {
            output::line(Assignments::load(store.directory())?.default_name());
            return Ok(Ended::Well);
        };
        let name = store.named(name)?.name;
        if Assignments::change(store.directory(), |all| all.set_default(&name))? {
            output::line(&format!("the default certificate is {name:?} now"));
        } else {
            output::line(&format!("{name:?} is the default certificate already"));
        }
        Ok(Ended::Well)
    }
}

/// Remove a certificate with its key.
///
/// One that is the default or bound to a port is not removed, unless --force says so; its ports
/// are unbound then.
#[derive(Args)]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    home: HomeArgument,

    /// Which one, by name or thumbprint; a request by its name
    #[arg(value_name = "NAME")]
    name: String,

    /// Also when it is used
    #[arg(long)]
    force: bool,
}

impl Remove {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let store = super::store(&self.home)?;
        // One that cannot be loaded can be removed by its name.
        let name = match Named::of(&self.name) {
            Named::Name(name) => name,
            Named::Thumbprint(thumbprint) => store.find(&thumbprint)?.name,
        };
        let uses = Assignments::load(store.directory())?;
        let uses = uses_of(&store, &uses, &name);
        if !uses.is_empty() && !self.force {
            output::error(&format!(
                "{name:?} is used: {}. Choose another one there first, or give --force",
                uses.join(", ")
            ));
            return Ok(Ended::Badly);
        }
        let certificate = store.load(&name).ok();
        store.remove(&name)?;
        output::line(&format!("removed: {name:?}"));
        let freed =
            Assignments::change(store.directory(), |all| free(all, &name, certificate.as_ref()))?;
        for port in freed {
            output::line(&format!("removed: port {port} no longer shows it"));
        }
        Ok(Ended::Well)
    }
}

/// Takes a certificate that is gone out of the assignments; tells from which ports.
fn free(all: &mut Assignments, name: &str, certificate: Option<&Certificate>) -> Vec<u16> {
    let is_it = |text: &str| match Named::of(text) {
        Named::Name(other) => other == name,
        Named::Thumbprint(thumbprint) => {
            certificate.is_some_and(|certificate| thumbprint.is_of(certificate.own()))
        }
    };
    let ports: Vec<u16> =
        all.ports().filter(|(_, text)| is_it(text)).map(|(port, _)| port).collect();
    for port in &ports {
        all.unbind(*port);
    }
    if is_it(all.default_name()) {
        all.set_default(certificates::DEFAULT_NAME);
    }
    ports
}

/// Where a certificate is used, in words.
pub(super) fn uses_of(store: &CertificateStore, all: &Assignments, name: &str) -> Vec<String> {
    let is_it = |text: &str| match Named::of(text) {
        Named::Name(other) => other == name,
        Named::Thumbprint(thumbprint) => {
            store.find(&thumbprint).is_ok_and(|certificate| certificate.name == name)
        }
    };
    let default = is_it(all.default_name()).then(|| "default".to_owned());
    let ports = all.ports().filter(|(_, text)| is_it(text));
    default.into_iter().chain(ports.map(|(port, _)| format!("port {port}"))).collect()
}

fn means(store: &CertificateStore, text: &str, certificate: &Certificate) -> bool {
    store.named(text).is_ok_and(|other| other.name == certificate.name)
}
