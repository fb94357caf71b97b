//! The server's configuration file, `tureen.toml`: typed, checked, with every default.
//!
//! Knows the names, units and limits of the keys. Deliberately does not know who uses them.
//!
//! # Invariants
//! - Every key has a default and the file may be absent (test: `the_shipped_file_is_the_defaults`).
//! - An unknown key, a wrong type or a number out of range is an error with file, line and column;
//!   nothing is guessed and nothing is ignored.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use acme::{Acme, AcmeCertificate, AcmeChallenge, ExternalAccount};
pub use checks::ConfigWarning;
pub use code::Code;
pub use faults::{Faults, Metrics, PluginFaults};
pub use http::{Http, ResponseStyle, StatusProfile};
pub use limits::Limits;
pub use listen::{Listen, TlsMinimum};
pub use messages::Messages;
pub use network::{
    Admin, ClientAddressHeader, ClientCertificateHeader, InvalidNetwork, Network, Proxies,
    Receiver, ServiceAddress,
};
pub use outbound::Outbound;
pub use plugins::{
    Clock, Every, GrantKeys, GrantedDirectory, Isolation, Names, Plugin, PluginStep, Random,
};
pub use plugins_cache::PluginsCache;
pub use secret::Secret;
pub use texts::{Encode, FormatNumbers, Templates};
pub use trust::Trust;
pub use upkeep::{Log, LogFormat, Reload, Watch};

use numbers::{between, optional_between};

mod acme;
mod checks;
mod code;
mod faults;
mod http;
mod limits;
mod listen;
mod messages;
mod network;
mod numbers;
mod outbound;
mod plugins;
mod plugins_cache;
mod secret;
#[cfg(test)]
mod tests;
mod texts;
mod trust;
mod upkeep;
mod words;

/// The name of the file inside a home.
pub const FILE_NAME: &str = "tureen.toml";

/// The commented file that `tureen init` writes. It parses to [`ServerConfig::default`].
pub const DEFAULT_FILE: &str = include_str!("config/tureen.toml");

/// The longest configuration file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything an operator can set for one home.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: Listen,
    pub service_address: ServiceAddress,
    pub admin: Admin,
    pub http: Http,
    /// What is different for single receivers, by the name of the workflow.
    pub receivers: BTreeMap<String, Receiver>,
    pub proxies: Proxies,
    pub acme: Acme,
    pub limits: Limits,
    pub messages: Messages,
    pub faults: Faults,
    pub metrics: Metrics,
    pub reload: Reload,
    pub log: Log,
    /// What single plugins may do, by plugin name. Names of plugins that are not installed are
    /// not an error here.
    pub plugins: BTreeMap<String, Plugin>,
    pub trust: Trust,
    pub plugins_cache: PluginsCache,
    /// How plugins reach other servers.
    pub outbound: Outbound,
    /// What stands in for scripts of workflows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<Code>,
    /// Lookup tables: name to file, relative to the home unless absolute.
    pub tables: BTreeMap<String, PathBuf>,
    /// Global variables: name to text.
    pub globals: BTreeMap<String, String>,
    /// Global variables that only settings meant for secrets may read, such as passwords.
    pub secrets: BTreeMap<String, Secret>,
    /// Global variables that only settings meant for connection strings may read.
    pub connection_strings: BTreeMap<String, Secret>,
    /// Data tables: name to file, relative to the home unless absolute.
    pub data_tables: BTreeMap<String, PathBuf>,
    pub templates: Templates,
    pub format_numbers: FormatNumbers,
}

/// Why a configuration cannot be used. The fault is always the operator's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is {found} bytes long, expected at most {FILE_BYTES_MAX}")]
    TooLong { path: PathBuf, found: u64 },
    #[error("{path}:{line}:{column}: {text}")]
    Content { path: PathBuf, line: usize, column: usize, text: String },
    #[error("{path}: {key}: {text}")]
    Contradiction { path: PathBuf, key: String, text: String },
}

impl ServerConfig {
    /// Reads `tureen.toml` of a home; an absent file gives the defaults.
    ///
    /// # Errors
    /// A file that cannot be read, is too long, is not TOML, has unknown keys, wrong types or
    /// numbers out of range, or keys that contradict each other.
    pub fn load(home: &Path) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let path = home.join(FILE_NAME);
        match read_limited(&path)? {
            Some(text) => Self::parse(&path, &text),
            None => Ok((Self::default(), Vec::new())),
        }
    }

    /// Parses the text of a file; `path` is only used in messages.
    ///
    /// # Errors
    /// As [`ServerConfig::load`].
    pub fn parse(path: &Path, text: &str) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = line_and_column(text, error.span());
            let text = words::of_error(text, &error);
            ConfigError::Content { path: path.to_owned(), line, column, text }
        })?;
        config.refuse_contradictions().map_err(|(key, text)| ConfigError::Contradiction {
            path: path.to_owned(),
            key,
            text,
        })?;
        let warnings = config.warnings();
        Ok((config, warnings))
    }

    /// What is different for the receiver of a workflow; names are compared without regard to
    /// case.
    pub fn receiver(&self, workflow: &str) -> Option<&Receiver> {
        // For every message: nothing is copied.
        let mut receivers = self.receivers.iter();
        receivers.find(|(name, _)| is_same_name(name, workflow)).map(|(_, receiver)| receiver)
    }

    /// How the receiver of a workflow answers.
    pub fn response_style(&self, workflow: &str) -> ResponseStyle<'_> {
        let http = &self.http;
        let own = self.receiver(workflow);
        let content_type = own.and_then(|own| own.hl7_content_type.as_ref());
        ResponseStyle {
            status_profile: own.and_then(|own| own.status_profile).unwrap_or(http.status_profile),
            rest_filtered_status: http.rest_filtered_status,
            hl7_content_type: content_type.unwrap_or(&http.hl7_content_type),
        }
    }

    /// How the templates of a workflow are filled.
    pub fn encode(&self, workflow: &str) -> Encode {
        let own = self.receiver(workflow).and_then(|own| own.encode);
        own.unwrap_or(self.templates.encode)
    }
}

fn read_limited(path: &Path) -> Result<Option<String>, ConfigError> {
    let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    };
    if metadata.len() > FILE_BYTES_MAX {
        return Err(ConfigError::TooLong { path: path.to_owned(), found: metadata.len() });
    }
    std::fs::read_to_string(path).map(Some).map_err(read_error)
}

/// Upper and lower case do not differ in names of workflows and tables.
pub fn is_same_name(one: &str, other: &str) -> bool {
    let folded = |name| str::chars(name).flat_map(char::to_lowercase);
    folded(one).eq(folded(other))
}

/// One-based line and column (in characters) of the start of a byte range.
fn line_and_column(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let start = span.map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
