//! The certificate that HTTPS listeners show, and its replacement while they run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::certificates::{
    Certificate, CertificateError, CertificateStore, DEFAULT_NAME, ServedCertificate, https_config,
    machine_host_names,
};

/// How often a certificate's dates are looked at while it is served.
const DATES_CHECKED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// The default certificate, loaded (or made) when the first listener needs it.
pub(super) struct ServerTls {
    store: CertificateStore,
    directory: PathBuf,
    serving: Mutex<Option<Serving>>,
}

struct Serving {
    served: Arc<ServedCertificate>,
    config: Arc<rustls::ServerConfig>,
    /// The certificate's own bytes, to tell a new one.
    leaf: Vec<u8>,
    /// When its dates were looked at last.
    dates_checked: Timestamp,
}

impl ServerTls {
    pub(super) fn new(directory: PathBuf) -> Result<Self, CertificateError> {
        let store = CertificateStore::open(&directory)?;
        Ok(Self { store, directory, serving: Mutex::new(None) })
    }

    /// The settings that all HTTPS listeners share.
    pub(super) fn config(&self) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(serving) = serving.as_ref() {
            return Ok(Arc::clone(&serving.config));
        }
        let default = self.store.ensure_default(&machine_host_names())?;
        if default.created {
            tracing::info!(
                "a self-signed certificate was made; clients must be given {}, or replace it by your own",
                self.certificate_file().display()
            );
        }
        let certificate = default.certificate;
        let now = Timestamp::now();
        warn_about_dates(&certificate, now);
        let served = ServedCertificate::new(&certificate);
        let config = https_config(Arc::clone(&served))?;
        let leaf = leaf_of(certificate.chain());
        *serving = Some(Serving { served, config: Arc::clone(&config), leaf, dates_checked: now });
        Ok(config)
    }

    /// Looks whether the files hold another certificate; the next handshake
    /// uses it. Open connections stay.
    pub(super) fn reload(&self) -> Result<(), CertificateError> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(serving) = serving.as_mut() else { return Ok(()) };
        let certificate = self.store.load(DEFAULT_NAME)?;
        let leaf = leaf_of(certificate.chain());
        let now = Timestamp::now();
        let is_new = leaf != serving.leaf;
        if is_new || now.duration_since(serving.dates_checked) > DATES_CHECKED_EVERY {
            warn_about_dates(&certificate, now);
            serving.dates_checked = now;
        }
        if !is_new {
            return Ok(());
        }
        serving.served.replace(&certificate);
        serving.leaf = leaf;
        tracing::info!("the certificate was replaced: the next handshake uses the new one");
        Ok(())
    }

    /// What a client needs to trust the certificate.
    pub(super) fn certificate_file(&self) -> PathBuf {
        self.directory.join(DEFAULT_NAME).join("certificate.pem")
    }
}

fn warn_about_dates(certificate: &Certificate, now: Timestamp) {
    if let Some(warning) = certificate.warning(now) {
        tracing::warn!("{warning}");
    }
}

fn leaf_of(chain: &[rustls::pki_types::CertificateDer<'static>]) -> Vec<u8> {
    chain.first().map(|leaf| leaf.as_ref().to_vec()).unwrap_or_default()
}
