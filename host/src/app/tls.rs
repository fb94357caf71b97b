//! The certificates that HTTPS listeners show, and what the log says about them.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::server::danger::ClientCertVerifier;

use crate::certificates::{
    AlpnChallenges, CERTIFICATE_FILE, CertificateError, DEFAULT_NAME, Serving, Wanted,
    https_config_from,
};
use crate::client_certificates::{AskForCertificate, ClientPolicy};
use crate::config::{ServerConfig, TlsMinimum};

/// The TLS settings of every HTTPS port.
pub(super) struct ServerTls {
    directory: PathBuf,
    serving: Arc<Serving>,
    client_chain_bytes: usize,
    minimum: TlsMinimum,
    configs: Mutex<BTreeMap<u16, Configured>>,
    /// Problems of the last look: each is logged when it comes up, not at every look.
    problems: Mutex<HashSet<String>>,
}

/// The settings of a port and what they were made from.
struct Configured {
    wanted: Wanted,
    policies: Vec<Arc<ClientPolicy>>,
    config: Arc<rustls::ServerConfig>,
}

impl Configured {
    fn is_for(&self, wanted: &Wanted, policies: &[Arc<ClientPolicy>]) -> bool {
        let pairs = self.policies.iter().zip(policies);
        self.wanted == *wanted
            && self.policies.len() == policies.len()
            && pairs.into_iter().all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl ServerTls {
    pub(super) fn new(directory: PathBuf, config: &ServerConfig) -> Result<Self, CertificateError> {
        let serving = Serving::open(&directory)?;
        let (configs, problems) = (Mutex::default(), Mutex::default());
        let client_chain_bytes = config.limits.client_chain_bytes;
        let minimum = config.listen.tls_minimum;
        Ok(Self { directory, serving, client_chain_bytes, minimum, configs, problems })
    }

    /// The settings of a port. Clients are asked for a certificate where one of its receivers has
    /// a policy; other policies make other settings, so that no session outlives a policy.
    pub(super) fn config(
        &self,
        port: u16,
        wanted: Wanted,
        policies: Vec<Arc<ClientPolicy>>,
    ) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let resolver = self.serving.resolver(port, wanted.clone())?;
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = configs.get(&port).filter(|known| known.is_for(&wanted, &policies)) {
            return Ok(Arc::clone(&known.config));
        }
        let verifier = (!policies.is_empty()).then(|| {
            AskForCertificate::new(self.client_chain_bytes, &policies)
                as Arc<dyn ClientCertVerifier>
        });
        let config = https_config_from(self.minimum, resolver, verifier)?;
        let configured = Configured { wanted, policies, config: Arc::clone(&config) };
        configs.insert(port, configured);
        let is_first = configs.len() == 1;
        drop(configs);
        if is_first {
            // So that what is wrong with others in the store is told from the start.
            self.reload();
        } else {
            self.log_warnings();
        }
        Ok(config)
    }

    /// Looks whether there are other certificates; the next handshake uses them. Open connections
    /// stay.
    pub(super) fn reload(&self) {
        let reloaded = self.serving.reload();
        for name in reloaded.changed {
            tracing::info!("the certificate \"{name}\" is shown from the next handshake on");
        }
        let found: HashSet<String> = reloaded.problems.iter().map(ToString::to_string).collect();
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        for problem in found.difference(&problems) {
            tracing::error!("a certificate is not taken, what is shown stays: {problem}");
        }
        *problems = found;
        self.log_warnings();
    }

    /// Where answers to an authority's challenges are shown from.
    pub(super) fn challenges(&self) -> Arc<AlpnChallenges> {
        self.serving.tls_alpn_challenges()
    }

    fn log_warnings(&self) {
        for warning in self.serving.warnings(Timestamp::now()) {
            tracing::warn!("{warning}");
        }
    }

    /// What a client needs to trust the certificate that is made for a home.
    pub(super) fn certificate_file(&self) -> PathBuf {
        self.directory.join(DEFAULT_NAME).join(CERTIFICATE_FILE)
    }
}
