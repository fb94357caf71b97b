//! Who may reach a receiver, and where: what its file asks for, judged with the configuration of
//! this server.
//!
//! Knows definitions, `tureen.toml`, secrets and the files of client authorities. Deliberately does
//! not know sockets.
//!
//! # Invariants
//! - A receiver is never less protected than its file says: what cannot be enforced is an error
//!   (traps T-01 to T-04), and what only the operator can allow is allowed by name.
//! - Authorities that cannot be read again leave those in force that were read before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Timestamp, Zoned};
use tureen_template::{
    Direction, Globals, Messages, Missing, NoTables, RunFacts, SettingId, Template, Variables,
};

use crate::certificates::{Thumbprint, Wanted};
use crate::client_certificates::{Authorities, AuthorityWarning, ClientPolicy};
use crate::config::{self, FILE_NAME, ServerConfig};
use crate::diagnostics::{Code, Diagnostic, Severity, codes, quoted};
use crate::receiver::{BasicCredentials, Hosts};
use crate::tables::{Stamp, stamp_of};
use crate::workflow::definition::{Basic, HttpReceiver, OwnCertificate, WorkflowDefinition};
use crate::workflow::vocabulary::purposes;

/// What a server has to judge with.
#[derive(Clone)]
pub struct Ground {
    pub home: PathBuf,
    pub config: Arc<ServerConfig>,
    pub globals: Arc<Globals>,
}

/// How one receiver is reached.
#[derive(Clone)]
pub struct Access {
    pub port: u16,
    /// `None` for plain HTTP.
    pub tls: Option<Wanted>,
    pub credentials: Option<BasicCredentials>,
    pub client_policy: Option<Arc<ClientPolicy>>,
    pub health_without_credentials: bool,
    pub body_bytes_max: Option<usize>,
    /// Host names that requests may name; `None` for the server's list.
    pub hosts: Option<Hosts>,
    pub request_headers: Arc<[String]>,
}

/// The policies in force, so that an unchanged one stays the same object.
#[derive(Default)]
pub struct Policies {
    known: BTreeMap<PolicyKey, Known>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyKey {
    thumbprints: Vec<Thumbprint>,
    authorities: Vec<PathBuf>,
    lists: Vec<PathBuf>,
}

struct Known {
    stamp: Stamp,
    policy: Arc<ClientPolicy>,
}

/// Judges one receiver. `None` when an error forbids to start it.
pub fn access(
    ground: &Ground,
    policies: &mut Policies,
    definition: &WorkflowDefinition,
    http: &HttpReceiver,
) -> (Option<Access>, Vec<Diagnostic>) {
    let own = ground.config.receiver(&definition.name).cloned().unwrap_or_default();
    let mut judge = Judge { ground, definition, http, own: &own, found: Vec::new() };
    let place = judge.place();
    judge.check_plain_http(place.as_ref().is_none_or(|(_, tls)| tls.is_some()));
    let credentials = http.authentication.as_ref().map(|basic| judge.credentials(basic));
    let client_policy = judge.client_policy(policies);
    let found = judge.found;
    let Some((port, tls)) = place.filter(|_| !found.iter().any(Diagnostic::is_error)) else {
        return (None, found);
    };
    let general = &ground.config.http;
    let headers = general.request_headers.iter().chain(&own.request_headers).cloned();
    let access = Access {
        port,
        tls,
        credentials: credentials.flatten(),
        client_policy,
        health_without_credentials: own.health_without_credentials,
        body_bytes_max: own.body_bytes,
        hosts: own.hosts.as_ref().map(|hosts| hosts.iter().collect()),
        request_headers: headers.collect(),
    };
    (Some(access), found)
}

/// Names in `[receivers]` that no workflow has.
pub fn unknown_receivers<'a>(
    home: &Path,
    config: &ServerConfig,
    workflows: impl Iterator<Item = &'a str>,
) -> Vec<Diagnostic> {
    let known: Vec<String> = workflows.map(str::to_lowercase).collect();
    let unknown = config.receivers.keys();
    let unknown = unknown.filter(|name| !known.contains(&name.to_lowercase()));
    let tell = |name: &String| {
        Diagnostic::new(
            codes::RECEIVER_NOT_FOUND,
            format!("no workflow has the name {}, which [receivers] tells about", quoted(name)),
        )
        .in_file(&home.join(FILE_NAME))
        .help("the name is the workflow's, as the log shows it; the keys have no effect meanwhile")
    };
    unknown.map(tell).collect()
}

struct Judge<'a> {
    ground: &'a Ground,
    definition: &'a WorkflowDefinition,
    http: &'a HttpReceiver,
    own: &'a config::Receiver,
    found: Vec<Diagnostic>,
}

impl Judge<'_> {
    /// The port, and the certificate where TLS is spoken.
    fn place(&mut self) -> Option<(u16, Option<Wanted>)> {
        if !self.http.host_mode {
            let wanted = match &self.http.certificate {
                OwnCertificate::Default => Wanted::Default,
                OwnCertificate::Thumbprint(thumbprint) => Wanted::Thumbprint(thumbprint.clone()),
            };
            return Some((self.http.port, self.http.use_ssl.then_some(wanted)));
        }
        let shared = &self.ground.config.service_address;
        let Some(port) = shared.port else {
            let text = "the receiver wants the shared address, and this server has none";
            self.tell(
                codes::NO_SERVICE_ADDRESS,
                "UseIntegrationHostServiceAddress",
                text,
                |told| {
                    told.expected("a port in [service_address] of tureen.toml")
                        .help("set it, or set UseIntegrationHostServiceAddress to false")
                },
            );
            return None;
        };
        Some((port, shared.tls.then_some(Wanted::Default)))
    }

    /// What plain HTTP cannot protect.
    fn check_plain_http(&mut self, is_tls: bool) {
        if is_tls {
            return;
        }
        let how = if self.http.host_mode { "service_address.tls" } else { "UseSsl" };
        if self.http.authentication.is_some() && !self.own.basic_without_tls {
            let name = quoted(&self.definition.name);
            let text = "Basic authentication is asked for over plain HTTP, where everybody on the way can read the password";
            self.tell(codes::BASIC_WITHOUT_TLS, "Authentication", text, |told| {
                told.expected(format!("{how} true"))
                    .found("plain HTTP")
                    .help(format!("if TLS ends before this server, allow it: basic_without_tls = true in [receivers.{name}] of tureen.toml"))
            });
        }
        let forwarded = self.ground.config.proxies.client_certificate;
        if self.http.require_client_certificate
            && forwarded == config::ClientCertificateHeader::None
        {
            let text = "a client certificate is required on plain HTTP, where there is none";
            let code = codes::CLIENT_CERTIFICATE_WITHOUT_TLS;
            self.tell(code, "RequireClientCertificate", text, |told| {
                told.expected(format!("{how} true"))
                    .found("plain HTTP")
                    .help("if a proxy does TLS before this server, let it hand the certificate on: client_certificate in [proxies] of tureen.toml")
            });
        }
    }

    fn credentials(&mut self, basic: &Basic) -> Option<BasicCredentials> {
        let user = self.secret_text("AuthenticationUserName", &basic.user)?;
        let password = self.secret_text("AuthenticationPassword", &basic.password)?;
        Some(BasicCredentials::new(&user, &password))
    }

    /// The text of a setting that may name secrets. Only shapes are told.
    fn secret_text(&mut self, property: &str, template: &Template) -> Option<String> {
        let facts = RunFacts { received: Zoned::now(), instance: 0, clock: Zoned::now };
        let variables = Variables::new(facts, Arc::clone(&self.ground.globals));
        let mut missing = None;
        let mut note = |what: Missing<'_>| {
            missing.get_or_insert(match what {
                Missing::Variable(name) => {
                    format!("no global variable or secret has the name {}", quoted(name))
                }
                Missing::Message(..) => "a message cannot be part of credentials".to_owned(),
            });
        };
        let text = template.render_sensitive(
            purposes(property),
            &variables,
            &NoMessages,
            &NoTables,
            &mut note,
        );
        let reason = match (text, missing) {
            (Ok(text), None) if !text.is_empty() => return Some(text),
            // Told at load already.
            (Ok(_), None) => return None,
            (Ok(_), Some(reason)) => reason,
            (Err(problem), _) => problem.text,
        };
        let text = format!("{property} has no value: {reason}");
        self.tell(codes::CREDENTIALS_UNKNOWN, property, &text, |told| {
            told.help("add it to [secrets] of tureen.toml, or correct the name")
        });
        None
    }

    fn client_policy(&mut self, policies: &mut Policies) -> Option<Arc<ClientPolicy>> {
        let files = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().map(|path| self.ground.home.join(path)).collect()
        };
        let key = PolicyKey {
            thumbprints: self.http.client_thumbprints.clone(),
            authorities: files(&self.own.client_authorities),
            lists: files(&self.own.client_revocation_lists),
        };
        if !self.http.require_client_certificate {
            if !key.authorities.is_empty() {
                let text = "client_authorities of tureen.toml have no effect: RequireClientCertificate is false";
                self.tell(codes::INERT_PROPERTY, "RequireClientCertificate", text, |told| {
                    told.help("set it to true, or take client_authorities out")
                });
            }
            return None;
        }
        if key.thumbprints.is_empty() && key.authorities.is_empty() {
            let text = "a client certificate is required and none is allowed";
            self.tell(codes::THUMBPRINT, "ClientCertificateThumbPrint", text, |told| {
                told.expected("thumbprints, or client_authorities of the receiver in tureen.toml")
                    .found("neither")
            });
            return None;
        }
        let judged = policies.policy(key, Timestamp::now());
        for (severity, text) in judged.told {
            self.tell(codes::CLIENT_AUTHORITIES, "RequireClientCertificate", &text, |told| {
                told.as_severity(severity)
            });
        }
        judged.policy
    }

    fn tell(
        &mut self,
        code: Code,
        property: &str,
        text: &str,
        say: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let pointer = format!("{}/{property}", self.definition.receiver.pointer);
        let diagnostic = Diagnostic::new(code, text)
            .in_file(&self.definition.file)
            .at(self.definition.document.nearest_position(&pointer))
            .pointing(pointer);
        self.found.push(say(diagnostic));
    }
}

/// What reading a policy brought.
struct JudgedPolicy {
    policy: Option<Arc<ClientPolicy>>,
    told: Vec<(Severity, String)>,
}

impl Policies {
    fn policy(&mut self, key: PolicyKey, now: Timestamp) -> JudgedPolicy {
        let stamp = stamp(key.authorities.iter().chain(&key.lists));
        if let Some(known) = self.known.get(&key).filter(|known| known.stamp == stamp) {
            let warnings = known.policy.authorities().map(|it| it.warnings(now));
            let policy = Some(Arc::clone(&known.policy));
            return JudgedPolicy { policy, told: told(warnings.unwrap_or_default()) };
        }
        match load(&key, now) {
            Ok((policy, warnings)) => {
                let policy = Arc::new(policy);
                self.known.insert(key, Known { stamp, policy: Arc::clone(&policy) });
                JudgedPolicy { policy: Some(policy), told: told(warnings) }
            }
            Err(text) => match self.known.get(&key) {
                Some(known) => {
                    let text = format!("{text}; those that were read before stay in force");
                    let policy = Some(Arc::clone(&known.policy));
                    JudgedPolicy { policy, told: vec![(Severity::Warning, text)] }
                }
                None => JudgedPolicy { policy: None, told: vec![(Severity::Error, text)] },
            },
        }
    }

    /// Lets go of those that no receiver has any more.
    pub fn forget_unused(&mut self) {
        self.known.retain(|_, known| Arc::strong_count(&known.policy) > 1);
    }

    /// Whether a file of authorities or revocation lists was saved since it was read.
    pub fn are_stale(&self) -> bool {
        self.known
            .iter()
            .any(|(key, known)| stamp(key.authorities.iter().chain(&key.lists)) != known.stamp)
    }
}

fn load(key: &PolicyKey, now: Timestamp) -> Result<(ClientPolicy, Vec<AuthorityWarning>), String> {
    let loaded = match key.authorities.is_empty() {
        true => None,
        false => Some(
            Authorities::load(&key.authorities, &key.lists, now)
                .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?,
        ),
    };
    let (authorities, warnings) = loaded.unzip();
    let policy = ClientPolicy::new(key.thumbprints.clone(), authorities);
    let policy = policy.map_err(|error| error.to_string())?;
    Ok((policy, warnings.unwrap_or_default()))
}

fn told(warnings: Vec<AuthorityWarning>) -> Vec<(Severity, String)> {
    warnings.into_iter().map(|warning| (Severity::Warning, warning.to_string())).collect()
}

fn stamp<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Stamp {
    files.map(|file| stamp_of(file)).collect()
}

/// Credentials are made before there is any message.
struct NoMessages;

impl Messages for NoMessages {
    fn message_text(&self, _: SettingId, _: Direction) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}
