//! The certificates that HTTPS listeners show, and what the log says about them.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::certificates::{
    CERTIFICATE_FILE, CertificateError, DEFAULT_NAME, Serving, Wanted, https_config,
};

/// The TLS settings of every HTTPS port.
pub(super) struct ServerTls {
    directory: PathBuf,
    serving: Arc<Serving>,
    /// A listener that stays is told by its settings being the same ones.
    configs: Mutex<BTreeMap<u16, Arc<rustls::ServerConfig>>>,
    /// Problems of the last look: each is logged when it comes up, not at every look.
    problems: Mutex<HashSet<String>>,
}

impl ServerTls {
    pub(super) fn new(directory: PathBuf) -> Result<Self, CertificateError> {
        let serving = Serving::open(&directory)?;
        Ok(Self { directory, serving, configs: Mutex::default(), problems: Mutex::default() })
    }

    /// The settings of a port.
    pub(super) fn config(&self, port: u16) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&port) {
            return Ok(Arc::clone(config));
        }
        let config = https_config(self.serving.resolver(port, Wanted::Default)?, None)?;
        configs.insert(port, Arc::clone(&config));
        drop(configs);
        self.log_warnings();
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
