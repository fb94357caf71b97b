//! Whether the addresses, certificates and clients that workflows name can be had on this machine.
//!
//! Reads only: no certificate is made, and a port that is tried is given back at once.

use std::collections::BTreeSet;
use std::path::Path;

use crate::app::Home;
use crate::app::access::{Access, Ground, Policies, access, unknown_receivers};
use crate::certificates::{Assignments, Certificate, CertificateError, CertificateStore, Wanted};
use crate::diagnostics::{Code, Diagnostic, Severity, codes};
use crate::listener::{BindError, ListenerKey, try_address};
use crate::workflow::definition::{HttpReceiver, ReceiverKind, WorkflowDefinition};

/// Everything about the way to the receivers of these workflows.
pub(super) fn check(
    home: &Home,
    ground: &Ground,
    definitions: &[&WorkflowDefinition],
) -> Vec<Diagnostic> {
    let store = Store::open(&home.path.join("certificates"));
    let mut found = Vec::new();
    let mut policies = Policies::default();
    let mut ports = BTreeSet::new();
    for definition in definitions {
        let Some(http) = http_of(definition) else { continue };
        let (reached, told) = access(ground, &mut policies, definition, http);
        found.extend(told.into_iter().map(|told| as_far_as_known(home, told)));
        let Some(reached) = reached else { continue };
        found.extend(store.check(definition, &reached));
        if reached.port != 0 && ports.insert(reached.port) {
            found.extend(check_port(home, definition, reached.port));
        }
    }
    // What a receiver's finding tells already, with its place, is not told again.
    let problems = store.problems().into_iter();
    let untold: Vec<_> =
        problems.filter(|problem| found.iter().all(|it| it.message != problem.message)).collect();
    found.extend(untold);
    if !home.is_bare() {
        let names = definitions.iter().map(|definition| definition.name.as_str());
        found.extend(unknown_receivers(&ground.home, &ground.config, names));
    }
    found
}

/// Without a home, what `tureen.toml` could allow is only a warning.
fn as_far_as_known(home: &Home, told: Diagnostic) -> Diagnostic {
    if home.is_bare() { told.as_severity(Severity::Warning) } else { told }
}

fn http_of(definition: &WorkflowDefinition) -> Option<&HttpReceiver> {
    match &definition.receiver.kind {
        ReceiverKind::Http(http) if !definition.receiver.disabled => Some(http),
        ReceiverKind::Http(_) | ReceiverKind::Unsupported { .. } => None,
    }
}

fn check_port(home: &Home, definition: &WorkflowDefinition, port: u16) -> Option<Diagnostic> {
    let key = ListenerKey { address: home.config.listen.address, port };
    let error = try_address(key).err()?;
    let in_use = matches!(error, BindError::InUse { .. });
    let told = about(definition, codes::NOT_LISTENING, "Port", &error.to_string());
    // The server of this home may be the one that listens there.
    Some(if in_use {
        told.as_severity(Severity::Warning).help("nothing is wrong if this home's server runs now")
    } else {
        told
    })
}

/// The certificates of a home, where it has any yet.
struct Store {
    /// `None`: the first start of an HTTPS receiver makes it.
    opened: Option<Result<Opened, CertificateError>>,
}

struct Opened {
    store: CertificateStore,
    assignments: Assignments,
}

impl Store {
    fn open(directory: &Path) -> Self {
        let opened = directory.is_dir().then(|| {
            let store = CertificateStore::open(directory)?;
            let assignments = Assignments::load(directory)?;
            Ok(Opened { store, assignments })
        });
        Self { opened }
    }

    /// What is wrong with the store, whoever uses it.
    fn problems(&self) -> Vec<Diagnostic> {
        let problem = |error: &CertificateError| {
            Diagnostic::new(codes::CERTIFICATE, in_full(error)).as_severity(Severity::Warning)
        };
        match &self.opened {
            None => Vec::new(),
            Some(Err(error)) => vec![Diagnostic::new(codes::CERTIFICATE, in_full(error))],
            Some(Ok(opened)) => match opened.store.scan() {
                Ok(scan) => scan.problems.iter().map(problem).collect(),
                Err(error) => vec![Diagnostic::new(codes::CERTIFICATE, in_full(&error))],
            },
        }
    }

    /// The certificate that a receiver would show.
    fn check(&self, definition: &WorkflowDefinition, reached: &Access) -> Vec<Diagnostic> {
        let Some(wanted) = &reached.tls else { return Vec::new() };
        let property = match wanted {
            Wanted::Default => "UseSsl",
            Wanted::Thumbprint(_) => "CertificateThumbPrint",
        };
        let tell = |severity, text: String| {
            about(definition, codes::CERTIFICATE, property, &text).as_severity(severity)
        };
        match self.shown(reached.port, wanted) {
            Ok(None) => Vec::new(),
            Ok(Some(certificate)) => {
                let dates = certificate.warning(jiff::Timestamp::now());
                let warnings = certificate.warnings.iter().cloned().chain(dates);
                let mut found: Vec<_> =
                    warnings.map(|warning| tell(Severity::Warning, warning.to_string())).collect();
                if let Wanted::Thumbprint(thumbprint) = wanted
                    && !thumbprint.is_of(certificate.own())
                {
                    let text = format!(
                        "port {} shows the certificate \"{}\" that is bound to it, not the one that \
                         the workflow names",
                        reached.port, certificate.name
                    );
                    found.push(tell(Severity::Warning, text));
                }
                found
            }
            Err(error) => vec![tell(Severity::Error, in_full(&error))],
        }
    }

    fn shown(&self, port: u16, wanted: &Wanted) -> Result<Option<Certificate>, CertificateError> {
        let opened = match &self.opened {
            Some(Ok(opened)) => opened,
            // Told once, as the store's problem.
            Some(Err(_)) => return Ok(None),
            None => {
                return match wanted {
                    Wanted::Default => Ok(None),
                    Wanted::Thumbprint(thumbprint) => {
                        Err(CertificateError::ThumbprintNotFound { wanted: thumbprint.clone() })
                    }
                };
            }
        };
        let Opened { store, assignments } = opened;
        match (assignments.port(port), wanted) {
            (Some(name), _) => store.named(name).map(Some),
            (None, Wanted::Thumbprint(thumbprint)) => store.find(thumbprint).map(Some),
            (None, Wanted::Default) => {
                let name = assignments.default_name();
                if store.has(name)? { store.named(name).map(Some) } else { Ok(None) }
            }
        }
    }
}

fn about(definition: &WorkflowDefinition, code: Code, property: &str, text: &str) -> Diagnostic {
    let pointer = format!("{}/{property}", definition.receiver.pointer);
    Diagnostic::new(code, text)
        .in_file(&definition.file)
        .at(definition.document.nearest_position(&pointer))
        .pointing(pointer)
}

/// An error with what caused it.
fn in_full(error: &CertificateError) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
