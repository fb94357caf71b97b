//! Whom plugins' connections trust, and as whom they show themselves.
//!
//! Knows authorities and the home's certificates. Deliberately does not know plugins' grants beyond
//! thumbprints, nor connections.
//!
//! # Invariants
//! - Plugins share no TLS session, nor do two certificates of one plugin: each has a setting of its
//!   own, which is where sessions are kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use tureen_sandbox::CertificateGrant;
use tureen_sandbox::outbound::{NetworkGrants, OutboundFault, OutboundProblem};

use crate::certificates::{Certificate, CertificateStore, Thumbprint};
use crate::config::{Outbound as OutboundConfig, TlsMinimum};
use crate::diagnostics::{Diagnostic, codes};

/// A file of authorities.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// A certificate that was replaced in the home is shown at the latest after this.
const IDENTITY_AGE: Duration = Duration::from_secs(30);

/// TLS settings that are kept; more are made anew.
const KEPT_MAX: usize = 256;

/// Trust and identities of one home, as its configuration says.
pub(super) struct Trust {
    own: Vec<CertificateDer<'static>>,
    system: bool,
    minimum: TlsMinimum,
    certificates: PathBuf,
    roots: OnceLock<Arc<RootCertStore>>,
    kept: Mutex<HashMap<Key, (Instant, Arc<ClientConfig>)>>,
    /// The home's certificates that were asked for of late.
    identities: Mutex<HashMap<Thumbprint, (Instant, Identity)>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    plugin: Arc<str>,
    identity: Option<Thumbprint>,
    http: bool,
}

/// A certificate of the home that a plugin may show.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// SHA-256.
    pub(super) thumbprint: Thumbprint,
    sha1: Thumbprint,
    key: Arc<CertifiedKey>,
}

impl Trust {
    /// Reads the authorities that the configuration names; what is wrong with them is told, and the
    /// others count.
    pub(super) fn load(home: &Path, config: &OutboundConfig) -> (Self, Vec<Diagnostic>) {
        let (mut own, mut diagnostics) = (Vec::new(), Vec::new());
        for path in &config.certificate_authorities {
            let path = home.join(path);
            match authorities(&path) {
                Ok(found) => own.extend(found),
                Err(reason) => {
                    let text = format!("the authorities of [outbound] cannot be used: {reason}");
                    let found = Diagnostic::new(codes::OUTBOUND_AUTHORITIES, text)
                        .in_file(&path)
                        .help("put PEM certificates there, or correct certificate_authorities")
                        .state("servers with certificates of these authorities are not trusted");
                    diagnostics.push(found);
                }
            }
        }
        let trust = Self {
            own,
            system: config.system_authorities,
            minimum: config.tls_minimum,
            certificates: home.join("certificates"),
            roots: OnceLock::new(),
            kept: Mutex::default(),
            identities: Mutex::default(),
        };
        (trust, diagnostics)
    }

    /// The certificate that a plugin wants to show.
    ///
    /// # Errors
    /// It is not granted, or the home has no such certificate.
    pub(super) async fn identity(
        &self,
        asked: &str,
        grants: &NetworkGrants,
        plugin: &str,
    ) -> Result<Identity, OutboundProblem> {
        let refused = |fault, text: String| Err(OutboundProblem::before(fault, text));
        let Ok(asked) = asked.parse::<Thumbprint>() else {
            let text = "the client certificate is not named by a thumbprint";
            return refused(OutboundFault::Certificate, text.to_owned());
        };
        // Nothing is read for a plugin that may show none.
        let found = match grants.client_certificates {
            CertificateGrant::None => None,
            _ => self.certificate(&asked).await,
        };
        let covers = |thumbprint: &Thumbprint| {
            grants.client_certificates.covers_thumbprint(&thumbprint.to_string())
        };
        // A grant may name the same certificate by its other digest.
        let is_granted = covers(&asked)
            || found.as_ref().is_some_and(|it| covers(&it.sha1) || covers(&it.thumbprint));
        if !is_granted {
            let text = format!(
                "the plugin is not granted this client certificate; add its thumbprint to `client_certificates` of [plugins.{plugin}], if it may show it"
            );
            return refused(OutboundFault::NotGranted, text);
        }
        match found {
            Some(identity) => Ok(identity),
            None => {
                let text = format!(
                    "the home has no usable certificate with the thumbprint {asked}; `tureen cert list` shows what it has"
                );
                refused(OutboundFault::Certificate, text)
            }
        }
    }

    /// A certificate of the home, read at most every so often.
    async fn certificate(&self, asked: &Thumbprint) -> Option<Identity> {
        let known = {
            let identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
            identities.get(asked).cloned()
        };
        if let Some((read, identity)) = known
            && read.elapsed() < IDENTITY_AGE
        {
            return Some(identity);
        }
        let (directory, wanted) = (self.certificates.clone(), asked.clone());
        let found = tokio::task::spawn_blocking(move || find(&directory, &wanted)).await.ok()??;
        let identity = Identity {
            thumbprint: found.sha256.clone(),
            sha1: found.sha1.clone(),
            key: Arc::clone(found.certified_key()),
        };
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if identities.len() >= KEPT_MAX {
            identities.clear();
        }
        identities.insert(asked.clone(), (Instant::now(), identity.clone()));
        Some(identity)
    }

    /// The settings of a handshake.
    ///
    /// # Errors
    /// There is nobody to trust.
    pub(super) fn client_config(
        &self,
        plugin: &Arc<str>,
        identity: Option<&Identity>,
        http: bool,
    ) -> Result<Arc<ClientConfig>, OutboundProblem> {
        let thumbprint = identity.map(|identity| identity.thumbprint.clone());
        let key = Key { plugin: Arc::clone(plugin), identity: thumbprint, http };
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |made: &Instant| identity.is_none() || now.duration_since(*made) < IDENTITY_AGE;
        if let Some((_, config)) = kept.get(&key).filter(|(made, _)| fresh(made)) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.config(identity, http)?);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (now, Arc::clone(&config)));
        Ok(config)
    }

    fn config(
        &self,
        identity: Option<&Identity>,
        http: bool,
    ) -> Result<ClientConfig, OutboundProblem> {
        let unusable = |text: String| OutboundProblem::before(OutboundFault::Tls, text);
        let roots = self.roots.get_or_init(|| Arc::new(self.read_roots()));
        if roots.is_empty() {
            let text = "no authority is trusted: the system has none; name some in [outbound] certificate_authorities";
            return Err(unusable(text.to_owned()));
        }
        let versions: &[&rustls::SupportedProtocolVersion] = match self.minimum {
            TlsMinimum::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsMinimum::Tls13 => &[&rustls::version::TLS13],
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| unusable(error.to_string()))?
            .with_root_certificates(Arc::clone(roots));
        let mut config = match identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(Shown(Arc::clone(&identity.key))))
            }
            None => builder.with_no_client_auth(),
        };
        if http {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        Ok(config)
    }

    fn read_roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        // What cannot be an authority was told when it was read, or is the system's affair.
        let _of_the_home = roots.add_parsable_certificates(self.own.iter().cloned());
        if self.system {
            let found = rustls_native_certs::load_native_certs();
            let _of_the_system = roots.add_parsable_certificates(found.certs);
        }
        roots
    }
}

/// Shows one certificate to whoever asks for any.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _issuers: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn find(directory: &Path, wanted: &Thumbprint) -> Option<Certificate> {
    // A home without certificates gets no folder because a plugin asked for one.
    if !directory.is_dir() {
        return None;
    }
    let scan = CertificateStore::open(directory).ok()?.scan().ok()?;
    scan.certificates.into_iter().find(|it| wanted.is_of(it.own()))
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() || found.len() > FILE_BYTES_MAX {
        return Err(format!("expected a file of at most {FILE_BYTES_MAX} bytes"));
    }
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|_| "it is damaged PEM".to_owned())?;
    let mut checked = RootCertStore::empty();
    let (usable, ignored) = checked.add_parsable_certificates(found.iter().cloned());
    match (usable, ignored) {
        (0, _) => Err("it holds no certificate".to_owned()),
        (_, 0) => Ok(found),
        (_, ignored) => Err(format!("{ignored} of its certificates cannot be read")),
    }
}
