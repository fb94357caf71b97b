//! The server's configuration file, `tureen.toml`: typed, checked, with every default.
//!
//! Knows the names, units and limits of the keys. Deliberately does not know who uses them.
//!
//! # Invariants
//! - Every key has a default and the file may be absent (test: `the_shipped_file_is_the_defaults`).
//! - An unknown key, a wrong type or a number out of range is an error with file, line and column;
//!   nothing is guessed and nothing is ignored.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

pub use acme::{Acme, AcmeCertificate, AcmeChallenge, ExternalAccount};
pub use code::Code;
pub use faults::{Faults, Metrics, PluginFaults};
pub use limits::Limits;
pub use messages::Messages;
pub use network::{
    Admin, ClientAddressHeader, ClientCertificateHeader, InvalidNetwork, Network, Proxies,
    Receiver, ServiceAddress,
};
pub use outbound::Outbound;
pub use plugins::{Clock, Every, GrantKeys, GrantedDirectory, Names, Plugin, PluginStep, Random};
pub use plugins_cache::PluginsCache;
pub use texts::{Encode, FormatNumbers, Templates};
pub use trust::Trust;

mod acme;
mod code;
mod faults;
mod limits;
mod messages;
mod network;
mod outbound;
mod plugins;
mod plugins_cache;
#[cfg(test)]
mod tests;
mod texts;
mod trust;

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

/// Where a secret is kept: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    /// Relative to the home unless absolute. Only the server's user may read it.
    pub file: Option<PathBuf>,
    /// The name of an environment variable.
    pub environment: Option<String>,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// The local address of every receiver.
    pub address: IpAddr,
    /// The oldest TLS that is spoken.
    pub tls_minimum: TlsMinimum,
    /// Ports on which every connection starts with a PROXY protocol header.
    pub proxy_protocol_ports: Vec<u16>,
}

/// The oldest TLS that is spoken; nothing older can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum TlsMinimum {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

/// How HTTP answers look.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub status_profile: StatusProfile,
    /// The status of a filtered message under [`StatusProfile::Rest`].
    #[serde(deserialize_with = "filtered_status")]
    pub rest_filtered_status: u16,
    /// The Content-Type of HL7 answers.
    pub hl7_content_type: String,
    /// Request headers that become variables named `HttpHeader:NAME`.
    pub request_headers: Vec<String>,
    /// Host names (without port) that requests may name. Empty: any.
    pub hosts: Vec<String>,
    /// Refuses a request whose Host is another than the name of the TLS handshake (SNI).
    pub host_must_match_tls_name: bool,
}

/// How one receiver answers over HTTP: its own keys, else the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseStyle<'a> {
    pub status_profile: StatusProfile,
    pub rest_filtered_status: u16,
    pub hl7_content_type: &'a str,
}

/// Which of the two status tables of contract 4.2 is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusProfile {
    /// HL7 over HTTP: what carries an acknowledgement is 200.
    Hoh,
    /// The status tells the outcome.
    Rest,
}

/// How changed files are noticed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    #[serde(deserialize_with = "between::<0, 60_000, _, _>")]
    pub debounce_milliseconds: u64,
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub rescan_seconds: u64,
    pub watch: Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Watch {
    /// The operating system reports changes.
    Events,
    /// The server looks for changes.
    Poll,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level, or a filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Something that works but is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {text}")]
pub struct ConfigWarning {
    pub key: String,
    pub text: String,
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
            let text = error.message().to_owned();
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

    /// Names are case-insensitive in workflows, so two spellings of one name are two values for it.
    fn refuse_contradictions(&self) -> Result<(), (String, String)> {
        refuse_same_name("tables", self.tables.keys())?;
        refuse_same_name("secrets", self.secrets.keys())?;
        refuse_same_name("connection_strings", self.connection_strings.keys())?;
        let hidden = self.secrets.keys().chain(self.connection_strings.keys());
        refuse_same_name("globals", hidden.chain(self.globals.keys()))?;
        let sections =
            [("secrets", &self.secrets), ("connection_strings", &self.connection_strings)];
        for (section, secrets) in sections {
            for (name, secret) in secrets {
                if secret.file.is_some() == secret.environment.is_some() {
                    let text = "expected either file or environment".to_owned();
                    return Err((format!("{section}.{name}"), text));
                }
            }
        }
        refuse_same_name("data_tables", self.data_tables.keys())?;
        if let Some(name) = self.data_tables.keys().find(|name| name.contains('.')) {
            let text = "a name without a dot is expected: in Staff.Name the dot ends it";
            return Err((format!("data_tables.{name:?}"), text.to_owned()));
        }
        self.format_numbers.refuse_contradictions()?;
        refuse_same_name("receivers", self.receivers.keys())?;
        refuse_content_type("http.hl7_content_type", &self.http.hl7_content_type)?;
        network::refuse_header_names("http.request_headers", &self.http.request_headers)?;
        network::refuse_hosts("http.hosts", &self.http.hosts)?;
        for (name, receiver) in &self.receivers {
            receiver.refuse_contradictions(&format!("receivers.{name:?}"))?;
        }
        for (number, code) in self.code.iter().enumerate() {
            code.refuse_contradictions(number + 1)?;
        }
        self.faults.refuse_contradictions("faults")?;
        for (name, plugin) in &self.plugins {
            let key = format!("plugins.{name}");
            plugin.refuse_contradictions(&key)?;
            let faults = self.faults.with(Some(&plugin.faults));
            faults.refuse_contradictions(&format!("{key}.faults"))?;
        }
        self.trust.refuse_contradictions()?;
        self.proxies.refuse_contradictions(&self.listen)?;
        self.acme.refuse_contradictions()
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

    fn warnings(&self) -> Vec<ConfigWarning> {
        let limits = &self.limits;
        let mut warnings = Vec::new();
        let mut warn = |key: &str, text: String| {
            warnings.push(ConfigWarning { key: key.to_owned(), text });
        };
        if limits.body_bytes > limits.body_bytes_in_flight {
            let text = format!(
                "is {}, but all bodies together may have only {} bytes (body_bytes_in_flight), so \
                 a body of the full size is always answered with 503",
                limits.body_bytes, limits.body_bytes_in_flight
            );
            warn("limits.body_bytes", text);
        }
        if limits.messages_in_flight_per_workflow >= limits.messages_in_flight
            && limits.messages_in_flight > 1
        {
            let text = "is not less than limits.messages_in_flight: a workflow whose plugin hangs \
                        can take every place";
            warn("limits.messages_in_flight_per_workflow", text.to_owned());
        }
        let largest = self.plugins.values().filter_map(|it| it.memory_bytes).max();
        let largest = largest.unwrap_or(0).max(tureen_sandbox::Limits::default().memory_bytes);
        if limits.plugin_memory_bytes < 2 * largest {
            let text = format!(
                "is {}, but a call that calls another plugin may need twice {largest} bytes \
                 (plugins.<name>.memory_bytes)",
                limits.plugin_memory_bytes
            );
            warn("limits.plugin_memory_bytes", text);
        }
        if limits.connections_per_peer > limits.connections {
            let text = "is more than limits.connections and has no effect".to_owned();
            warn("limits.connections_per_peer", text);
        }
        if limits.url_bytes >= limits.header_bytes {
            let text = "is not less than limits.header_bytes and has no effect".to_owned();
            warn("limits.url_bytes", text);
        }
        if limits.body_rate_grace_seconds >= limits.body_timeout_seconds {
            let text = "is not less than limits.body_timeout_seconds, so the rate is never checked";
            warn("limits.body_rate_grace_seconds", text.to_owned());
        }
        warnings
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            tls_minimum: TlsMinimum::default(),
            proxy_protocol_ports: Vec::new(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            status_profile: StatusProfile::Hoh,
            rest_filtered_status: 200,
            hl7_content_type: "x-application/hl7-v2+er7".to_owned(),
            request_headers: Vec::new(),
            hosts: Vec::new(),
            host_must_match_tls_name: true,
        }
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self { debounce_milliseconds: 300, rescan_seconds: 30, watch: Watch::Events }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
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

fn refuse_content_type(key: &str, content_type: &str) -> Result<(), (String, String)> {
    if content_type.is_empty() || !content_type.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let text = "is not usable as a Content-Type, expected visible ASCII characters";
        return Err((key.to_owned(), text.to_owned()));
    }
    Ok(())
}

/// Upper and lower case do not differ in names.
fn is_same_name(one: &str, other: &str) -> bool {
    let folded = |name| str::chars(name).flat_map(char::to_lowercase);
    folded(one).eq(folded(other))
}

fn refuse_same_name<'a>(
    section: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), (String, String)> {
    let mut seen = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(name.to_lowercase(), name) {
            let text = format!("is the same name as {first}: upper and lower case do not differ");
            return Err((format!("{section}.{name}"), text));
        }
    }
    Ok(())
}

/// One-based line and column (in characters) of the start of a byte range.
fn line_and_column(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let start = span.map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn between<'de, const MIN: u64, const MAX: u64, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    let found = u64::deserialize(deserializer)?;
    if !(MIN..=MAX).contains(&found) {
        let text = format!("expected a number from {MIN} to {MAX}, found {found}");
        return Err(serde::de::Error::custom(text));
    }
    N::try_from(found)
        .map_err(|_| serde::de::Error::custom("the number is too large for this machine"))
}

fn filtered_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        status @ (200 | 422) => Ok(status),
        found => {
            let text = format!("expected 200 or 422, found {found}");
            Err(serde::de::Error::custom(text))
        }
    }
}

fn optional_between<'de, const MIN: u64, const MAX: u64, D, N>(
    deserializer: D,
) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    between::<MIN, MAX, D, N>(deserializer).map(Some)
}
