//! `[plugins]`: what single plugins may reach and how much they may use.
//!
//! Knows the names, spellings and limits of the keys. Deliberately does not know
//! which plugins there are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tureen_sandbox::{AddressRange, Destination};
use tureen_template::SettingId;

use super::PluginFaults;

/// The most entries that one list of grants may have.
const GRANTS_MAX: usize = 1_000;

/// A struct that has the keys of grants besides its own: serde can either
/// flatten a struct or refuse unknown keys.
macro_rules! with_grants {
    ($(#[$about:meta])* pub struct $name:ident {
        $($(#[$about_key:meta])* pub $key:ident: $type:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$about_key])* pub $key: $type,)*
            pub directories: Vec<GrantedDirectory>,
            /// `https://host`, `http://host:port`, `https://*.domain`.
            pub http: Vec<String>,
            /// `host:port`, plain TCP.
            pub tcp: Vec<String>,
            /// `host:port`, TLS by the host.
            pub tls: Vec<String>,
            /// Networks that are not public and that a granted name may resolve to.
            pub private_addresses: Vec<String>,
            /// Thumbprints of certificates of the home.
            pub client_certificates: Option<Names>,
            /// Names of environment variables.
            pub environment: Vec<String>,
            /// Names of `[secrets]`.
            pub secrets: Vec<String>,
            /// Names of lookup tables and data tables.
            pub tables: Option<Names>,
            pub clock: Option<Clock>,
            pub random: Option<Random>,
        }

        impl $name {
            /// The keys of grants.
            pub fn grants(&self) -> GrantKeys<'_> {
                GrantKeys {
                    directories: &self.directories,
                    http: &self.http,
                    tcp: &self.tcp,
                    tls: &self.tls,
                    private_addresses: &self.private_addresses,
                    client_certificates: self.client_certificates.as_ref(),
                    environment: &self.environment,
                    secrets: &self.secrets,
                    tables: self.tables.as_ref(),
                    clock: self.clock,
                    random: self.random,
                }
            }
        }
    };
}

with_grants! {
    /// Grants and limits of one plugin. A limit that is `None` has the sandbox's default.
    pub struct Plugin {
        /// One instance serves many messages, never two at a time.
        pub reuse: Option<bool>,
        /// Where its instances live: in the server, or in worker processes that can do
        /// nothing but compute.
        pub isolation: Option<Isolation>,
        /// Worker processes of `isolation = "process"`.
        #[serde(deserialize_with = "super::optional_between::<1, 256, _, _>")]
        pub workers: Option<usize>,
        /// Private memory of one worker process.
        #[serde(deserialize_with = "super::optional_between::<536_870_912, 1_099_511_627_776, _, _>")]
        pub worker_memory_bytes: Option<u64>,
        /// At most what one slot of the instance pool holds: 256 MiB.
        #[serde(deserialize_with = "super::optional_between::<65_536, 268_435_456, _, _>")]
        pub memory_bytes: Option<usize>,
        /// Wall time of one call.
        #[serde(deserialize_with = "super::optional_between::<1, 86_400_000, _, _>")]
        pub call_time_milliseconds: Option<u64>,
        /// Time that the plugin itself may run in one call.
        #[serde(deserialize_with = "super::optional_between::<1, 86_400_000, _, _>")]
        pub running_time_milliseconds: Option<u64>,
        #[serde(deserialize_with = "super::optional_between::<1, 1_000_000_000, _, _>")]
        pub host_calls: Option<u64>,
        /// Bytes that one host call may carry in.
        #[serde(deserialize_with = "super::optional_between::<1_024, 1_073_741_824, _, _>")]
        pub host_call_bytes: Option<usize>,
        /// Handles that an instance holds: messages, streams, files, timers.
        #[serde(deserialize_with = "super::optional_between::<8, 100_000, _, _>")]
        pub handles: Option<usize>,
        /// At most what one slot of the instance pool holds.
        #[serde(deserialize_with = "super::optional_between::<1, 100_000, _, _>")]
        pub table_elements: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<1, 8, _, _>")]
        pub table_count: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<1, 4, _, _>")]
        pub memory_count: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<1, 200, _, _>")]
        pub instance_count: Option<usize>,
        /// Variables that a run may have for this plugin to set one more.
        #[serde(deserialize_with = "super::optional_between::<0, 1_000, _, _>")]
        pub variables: Option<usize>,
        /// The same, of all names and values.
        #[serde(deserialize_with = "super::optional_between::<0, 16_777_216, _, _>")]
        pub variable_bytes: Option<usize>,
        /// Calls of all workflows at the same time.
        #[serde(deserialize_with = "super::optional_between::<1, 100_000, _, _>")]
        pub calls_at_once: Option<usize>,
        /// Messages that one activity of one workflow works at in parallel.
        #[serde(deserialize_with = "super::optional_between::<1, 64, _, _>")]
        pub activity_instances: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<0, 1_000_000, _, _>")]
        pub log_lines: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<0, 1_073_741_824, _, _>")]
        pub log_bytes: Option<usize>,
        /// Lines that the log shows of the plugin in one minute, all its steps together.
        #[serde(deserialize_with = "super::optional_between::<0, 1_000_000, _, _>")]
        pub log_lines_per_minute: Option<u32>,
        /// What is different from `[faults]`.
        pub faults: PluginFaults,
        /// Notifications of one call.
        #[serde(deserialize_with = "super::optional_between::<0, 1_000, _, _>")]
        pub notifications: Option<usize>,
        #[serde(deserialize_with = "super::optional_between::<1, 1_073_741_824, _, _>")]
        pub output_bytes: Option<usize>,
        /// HTTP requests of one call.
        #[serde(deserialize_with = "super::optional_between::<0, 1_000_000, _, _>")]
        pub outbound_requests: Option<u32>,
        /// Connections that one call may open, and one instance may hold.
        #[serde(deserialize_with = "super::optional_between::<0, 1_000, _, _>")]
        pub outbound_connections: Option<u32>,
        /// Bytes that one call may send and receive.
        #[serde(deserialize_with = "super::optional_between::<1, 1_073_741_824, _, _>")]
        pub outbound_bytes: Option<usize>,
        /// Bytes of the body of one response.
        #[serde(deserialize_with = "super::optional_between::<1, 1_073_741_824, _, _>")]
        pub response_bytes: Option<usize>,
        /// Bytes of the header fields of a request, and of a response.
        #[serde(deserialize_with = "super::optional_between::<8_192, 1_048_576, _, _>")]
        pub outbound_header_bytes: Option<usize>,
        /// Requests under way and connections open, all instances together.
        #[serde(deserialize_with = "super::optional_between::<1, 65_536, _, _>")]
        pub outbound_concurrency: Option<usize>,
        /// The file's SHA-256, 64 hexadecimal digits: another file is refused.
        pub sha256: Option<String>,
        /// Grants for single steps, besides those above.
        pub steps: Vec<PluginStep>,
    }
}

with_grants! {
    /// What a plugin is granted in one step of one workflow only.
    pub struct PluginStep {
        /// The workflow's name, without regard to case.
        pub workflow: String,
        /// The id of the receiver or activity that the step belongs to.
        pub step: String,
    }
}

/// The keys of grants, as they are written.
#[derive(Clone, Copy, Debug)]
pub struct GrantKeys<'a> {
    pub directories: &'a [GrantedDirectory],
    pub http: &'a [String],
    pub tcp: &'a [String],
    pub tls: &'a [String],
    pub private_addresses: &'a [String],
    pub client_certificates: Option<&'a Names>,
    pub environment: &'a [String],
    pub secrets: &'a [String],
    pub tables: Option<&'a Names>,
    pub clock: Option<Clock>,
    pub random: Option<Random>,
}

/// A directory that a plugin may open.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { path = \"out\", write = true }")]
pub struct GrantedDirectory {
    /// Relative to the home unless absolute.
    pub path: PathBuf,
    #[serde(default)]
    pub write: bool,
}

/// Where the instances of a plugin live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In the server's process.
    Instance,
    /// In processes of the plugin's own.
    Process,
}

/// Some things by name, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of names")]
pub enum Names {
    Every(Every),
    Named(Vec<String>),
}

/// The word for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// In steps of a millisecond.
    Coarse,
    Exact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Random {
    /// The same for a message that is run again.
    PerMessage,
    Secure,
}

impl Plugin {
    pub(super) fn refuse_contradictions(&self, key: &str) -> Result<(), (String, String)> {
        if let Some(pin) = &self.sha256
            && !is_sha256(pin)
        {
            let text = "expected 64 hexadecimal digits, as `tureen plugin inspect` shows them";
            return Err((format!("{key}.sha256"), text.to_owned()));
        }
        self.grants().refuse_contradictions(key)?;
        self.refuse_workers_of_nobody(key)?;
        for (number, step) in self.steps.iter().enumerate() {
            let key = format!("{key}.steps[{number}]");
            if step.workflow.trim().is_empty() {
                let text = "expected the name of a workflow".to_owned();
                return Err((format!("{key}.workflow"), text));
            }
            if !SettingId::parse(&step.step).is_ok_and(|id| id != SettingId::NONE) {
                let text = "expected the id of a receiver or activity, as its workflow file has it";
                return Err((format!("{key}.step"), text.to_owned()));
            }
            step.grants().refuse_contradictions(&key)?;
        }
        Ok(())
    }
}

impl Plugin {
    /// Whoever limits workers means the plugin to have some.
    fn refuse_workers_of_nobody(&self, key: &str) -> Result<(), (String, String)> {
        let given = [
            ("workers", self.workers.is_some()),
            ("worker_memory_bytes", self.worker_memory_bytes.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((limit, _)) if self.isolation != Some(Isolation::Process) => {
                let text = "has no effect without isolation = \"process\"".to_owned();
                Err((format!("{key}.{limit}"), text))
            }
            _ => Ok(()),
        }
    }
}

impl GrantKeys<'_> {
    fn refuse_contradictions(&self, key: &str) -> Result<(), (String, String)> {
        let lengths = [
            ("directories", self.directories.len()),
            ("http", self.http.len()),
            ("tcp", self.tcp.len()),
            ("tls", self.tls.len()),
            ("private_addresses", self.private_addresses.len()),
            ("client_certificates", self.client_certificates.map_or(0, Names::len)),
            ("environment", self.environment.len()),
            ("secrets", self.secrets.len()),
            ("tables", self.tables.map_or(0, Names::len)),
        ];
        if let Some((list, length)) = lengths.into_iter().find(|(_, length)| *length > GRANTS_MAX) {
            let text = format!("has {length} entries, at most {GRANTS_MAX} are expected");
            return Err((format!("{key}.{list}"), text));
        }
        refuse(key, "http", self.http, |text| Destination::http(text).err())?;
        refuse(key, "tcp", self.tcp, |text| Destination::tcp(text).err())?;
        refuse(key, "tls", self.tls, |text| Destination::tls(text).err())?;
        refuse(key, "private_addresses", self.private_addresses, |text| {
            text.parse::<AddressRange>().err()
        })?;
        let names = [("environment", self.environment), ("secrets", self.secrets)];
        for (list, names) in names {
            refuse(key, list, names, |name| {
                let wrong = name.is_empty() || name.contains(['=', '\0']);
                wrong.then_some("expected a name, which has no = in it")
            })?;
        }
        if self.directories.iter().any(|granted| granted.path.as_os_str().is_empty()) {
            let text = "expected a path; the home itself is \".\"".to_owned();
            return Err((format!("{key}.directories"), text));
        }
        let Some(Names::Named(thumbprints)) = self.client_certificates else { return Ok(()) };
        refuse(key, "client_certificates", thumbprints, |text| {
            (!is_thumbprint(text)).then_some("expected a thumbprint of 40 or 64 hexadecimal digits")
        })
    }
}

impl Names {
    fn len(&self) -> usize {
        match self {
            Self::Every(_) => 0,
            Self::Named(names) => names.len(),
        }
    }
}

fn refuse<E: ToString>(
    key: &str,
    list: &str,
    entries: &[String],
    wrong: impl Fn(&str) -> Option<E>,
) -> Result<(), (String, String)> {
    for (number, entry) in entries.iter().enumerate() {
        if let Some(error) = wrong(entry) {
            return Err((format!("{key}.{list}[{number}]"), error.to_string()));
        }
    }
    Ok(())
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// SHA-1 or SHA-256 in any spelling.
fn is_thumbprint(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|it| !matches!(it, ' ' | ':' | '-')).collect();
    matches!(digits.len(), 40 | 64) && digits.iter().all(char::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::ServerConfig;

    fn told(text: &str) -> String {
        match ServerConfig::parse(Path::new("tureen.toml"), text) {
            Ok(_) => "taken".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_grant_can_be_written_for_a_plugin_and_for_a_step() {
        let grants = "
            directories = [{ path = \"out\", write = true }]
            http = [\"https://lab.example.org\", \"http://10.1.2.3:8080\"]
            tcp = [\"127.0.0.1:6661\"]
            tls = [\"lis.example.org:6661\"]
            private_addresses = [\"10.0.0.0/8\"]
            client_certificates = [\"AB:CD:EF:00:11:22:33:44:55:66:77:88:99:00:AA:BB:CC:DD:EE:FF\"]
            environment = [\"LANG\"]
            secrets = [\"lab-password\"]
            tables = \"all\"
            clock = \"exact\"
            random = \"secure\"
        ";
        let pin = format!("sha256 = \"{}\"", "0a".repeat(32));
        let text = format!(
            "[plugins.http-sender]\n{pin}\n{grants}\n[[plugins.http-sender.steps]]\n\
             workflow = \"Admissions\"\nstep = \"b0000000-0000-4000-8000-000000000002\"\n{grants}"
        );
        assert_eq!(told(&text), "taken");
    }

    #[test]
    fn a_grant_that_says_nothing_is_refused_at_its_key() {
        let check = |line: &str, expected: &[&str]| {
            let found = told(&format!("[plugins.p]\n{line}\n"));
            for part in expected {
                assert!(found.contains(part), "{line}: {found}");
            }
        };
        check("http = [\"https://a.example\", \"a\"]", &["plugins.p.http[1]", "https://host"]);
        check("tcp = [\"lis.example.org\"]", &["plugins.p.tcp[0]", "host:port"]);
        check("tls = [\"2130706433:1\"]", &["plugins.p.tls[0]", "four decimal"]);
        check("private_addresses = [\"10/8\"]", &["private_addresses[0]", "10.0.0.0/8"]);
        check("client_certificates = [\"ab\"]", &["client_certificates[0]", "thumbprint"]);
        check("environment = [\"A=B\"]", &["plugins.p.environment[0]"]);
        check("secrets = [\"\"]", &["plugins.p.secrets[0]"]);
        check("tables = \"some\"", &["expected \"all\" or a list of names"]);
        check("clock = \"fine\"", &["coarse", "exact"]);
        check("random = \"yes\"", &["per-message", "secure"]);
        check("sha256 = \"abc\"", &["plugins.p.sha256", "64 hexadecimal"]);
        check("directories = [{ path = \"\" }]", &["plugins.p.directories"]);
        check("isolation = \"thread\"", &["instance", "process"]);
        check("workers = 2", &["plugins.p.workers", "isolation = \"process\""]);
        check("isolation = \"process\"\nworkers = 0", &["from 1 to 256"]);
        check("isolation = \"process\"\nworker_memory_bytes = 1", &["from 536870912"]);
        check("network = true", &["unknown key", "network"]);
        check("[[plugins.p.steps]]\nstep = \"1\"", &["plugins.p.steps[0].workflow"]);
        check("[[plugins.p.steps]]\nworkflow = \"W\"\nstep = \"1\"", &["steps[0].step", "the id"]);
        let many = vec!["\"a\""; 1_001].join(",");
        check(&format!("secrets = [{many}]"), &["has 1001 entries, at most 1000"]);
    }

    #[test]
    fn only_keys_of_minisign_are_trusted() {
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        assert_eq!(
            told(&format!("[trust]\nkeys = [\"{key}\"]\nrequire_signatures = true")),
            "taken"
        );
        assert!(told("[trust]\nkeys = [\"RW\"]").contains("trust.keys[0]"));
        assert!(told("[trust]\nrequire_signatures = true").contains("at least one key"));
        assert!(told("[trust]\naudit_files = 0").contains("from 1 to 100"));
    }
}
