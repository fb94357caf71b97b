//! Which interfaces a component is linked with: the contract and inert WASI
//! always, everything else only where it is granted.
//!
//! # Invariants
//! - An interface that is not granted is not there: a component that imports it
//!   is refused with the interface's name.
//! - To be asked who it is, and to read its settings where nothing could have
//!   been granted yet, a component is linked [`LinkedWith::Nothing`]: files that
//!   do not exist, and a network that refuses.

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};

use crate::bindings;
use crate::bindings::transformer::Transformer;
use crate::grants::{Grants, Need, need_of};
use crate::guest::Guest;
use crate::imports::{self, network};

/// The interfaces beyond the contract that a component is linked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Capabilities {
    pub(crate) files: bool,
    pub(crate) secrets: bool,
    pub(crate) http: bool,
    pub(crate) connections: bool,
}

/// What a component is linked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LinkedWith {
    /// What is granted; other imports are refused.
    Granted(Capabilities),
    /// All there is, of which nothing is granted: it answers that nothing is there.
    Nothing,
}

impl Capabilities {
    const ALL: Self = Self { files: true, secrets: true, http: true, connections: true };

    /// What of the grants the imports ask for.
    pub(crate) fn of(imports: &[String], grants: &Grants) -> Self {
        let needed =
            |need| grants.satisfy(need) && imports.iter().any(|import| need_of(import) == need);
        Self {
            files: needed(Need::Directories),
            secrets: needed(Need::Secrets),
            http: needed(Need::Http),
            connections: needed(Need::Connections),
        }
    }
}

/// Makes linkers; the part that all have in common is made once.
pub(crate) struct Linkers {
    common: Linker<Guest>,
}

impl Linkers {
    pub(crate) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        add_inert_wasi(&mut linker)?;
        Transformer::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        imports::link_reading(&mut linker)?;
        Ok(Self { common: linker })
    }

    /// The linker for components that are linked so.
    pub(crate) fn linker(&self, with: LinkedWith) -> wasmtime::Result<Linker<Guest>> {
        let mut linker = self.common.clone();
        match with {
            LinkedWith::Granted(capabilities) => add(&mut linker, capabilities)?,
            // A guest's library looks for its directories before it is asked
            // anything: there are none. Nothing else is granted either.
            LinkedWith::Nothing => add(&mut linker, Capabilities::ALL)?,
        }
        Ok(linker)
    }
}

fn add(linker: &mut Linker<Guest>, capabilities: Capabilities) -> wasmtime::Result<()> {
    if capabilities.files {
        add_files(linker)?;
    }
    if capabilities.secrets {
        bindings::secrets::tureen::plugin::secrets::add_to_linker::<_, HasSelf<Guest>>(
            linker,
            |guest| guest,
        )?;
    }
    if capabilities.http {
        network::add_http(linker)?;
    }
    if capabilities.connections {
        network::add_connections(linker)?;
    }
    Ok(())
}

fn add_files(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, Guest::filesystem)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, Guest::filesystem)
}

/// `wasi:cli`, `wasi:io`, `wasi:clocks` and `wasi:random`: what a language's
/// library imports whether it is used or not.
fn add_inert_wasi(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, Guest::random)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, Guest::random)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, Guest::cli)
}
