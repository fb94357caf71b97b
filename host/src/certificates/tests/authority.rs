//! Authorities and their certificates, made for a test.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::certificates::NewCertificate;

/// An authority that can issue others.
pub(crate) struct Authority {
    pub(crate) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with its key.
pub(crate) struct Issued {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let parameters = authority_parameters(name);
        let der = parameters.self_signed(&key).unwrap().der().clone();
        Self { der, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| {})
    }

    pub(crate) fn intermediate_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = authority_parameters(name);
        change(&mut parameters);
        let der = parameters.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { der, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn issue(&self, host: &str) -> Issued {
        self.issue_with(host, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let key = KeyPair::generate().unwrap();
        let der = self.certify(host, &key, change);
        Issued { der, key }
    }

    /// A certificate for a key that is there already.
    pub(crate) fn certify(
        &self,
        host: &str,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut parameters = CertificateParams::new(vec![host.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, host);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_years(&mut parameters);
        change(&mut parameters);
        parameters.signed_by(key, &self.issuer).unwrap().der().clone()
    }
}

impl Issued {
    pub(crate) fn new_certificate(&self, others: &[&CertificateDer<'static>]) -> NewCertificate {
        let others = others.iter().map(|der| (*der).clone());
        NewCertificate {
            chain: std::iter::once(self.der.clone()).chain(others).collect(),
            key: PrivatePkcs8KeyDer::from(self.key.serialize_der()),
        }
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn pem(&self) -> String {
        pem(&[&self.der])
    }
}

/// From last year to the end of the next one.
fn set_years(parameters: &mut CertificateParams) {
    let year = i32::from(jiff::Zoned::now().year());
    parameters.not_before = date_time_ymd(year - 1, 1, 1);
    parameters.not_after = date_time_ymd(year + 1, 12, 28);
}

fn authority_parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_years(&mut parameters);
    parameters
}

pub(crate) fn pem(certificates: &[&CertificateDer<'static>]) -> String {
    let blocks = certificates.iter().map(|der| ("CERTIFICATE", der.as_ref()));
    crate::certificates::store::pem_text(blocks)
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
    set_mode(path, 0o600);
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}
