//! What is wrong or odd in a configuration whose keys are all right one by one.
//!
//! Knows: which keys of a file contradict each other. Deliberately does not know: where the
//! file is, and anything else of the home.

use std::collections::BTreeMap;

use super::http::refuse_content_type;
use super::{ServerConfig, network};

/// Something that works but is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {text}")]
pub struct ConfigWarning {
    pub key: String,
    pub text: String,
}

impl ServerConfig {
    /// Names are case-insensitive in workflows, so two spellings of one name are two values for it.
    pub(super) fn refuse_contradictions(&self) -> Result<(), (String, String)> {
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
        self.log.refuse_contradictions()?;
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

    pub(super) fn warnings(&self) -> Vec<ConfigWarning> {
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
