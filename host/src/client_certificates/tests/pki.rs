//! Authorities and clients made for one test.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};

use crate::client_certificates::{Authorities, ClientPolicy, ClientRefusal};

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

/// What a client has: a chain, its own certificate first, and the key.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<KeyPair>,
}

pub(crate) fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(crate) fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
}

pub(crate) fn intermediate(params: CertificateParams, root: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
}

pub(crate) fn client_params(name: &str, serial: u64) -> CertificateParams {
    let mut params = params(name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A client whose chain holds these authorities after its own certificate.
pub(crate) fn client(
    params: &CertificateParams,
    issuer: &Authority,
    sent: &[&Authority],
) -> Client {
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, issuer).unwrap().der().clone();
    let chain = std::iter::once(leaf).chain(sent.iter().map(|sent| der(sent))).collect();
    Client { chain, key: Arc::new(key) }
}

pub(crate) fn self_signed(params: &CertificateParams) -> Client {
    let key = KeyPair::generate().unwrap();
    Client { chain: vec![params.self_signed(&key).unwrap().der().clone()], key: Arc::new(key) }
}

pub(crate) fn der(authority: &Authority) -> CertificateDer<'static> {
    authority.as_ref().der().clone()
}

/// A list that ends in this year and revokes these serial numbers.
pub(crate) fn revocation_list(
    issuer: &Authority,
    ends_in: i32,
    revoked: &[u64],
) -> CertificateRevocationListDer<'static> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2020, 2, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 2, 1),
        next_update: date_time_ymd(ends_in, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().clone()
}

/// Files that are gone when this is dropped.
pub(crate) struct Files {
    directory: tempfile::TempDir,
    count: std::cell::Cell<usize>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), count: Default::default() }
    }

    pub(crate) fn write(&self, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.count.set(self.count.get() + 1);
        let path = self.directory.path().join(self.count.get().to_string());
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn authorities(
    roots: &[&Authority],
    lists: &[CertificateRevocationListDer<'static>],
) -> Authorities {
    let files = Files::new();
    let roots: Vec<PathBuf> = roots.iter().map(|root| files.write(der(root))).collect();
    let lists: Vec<PathBuf> = lists.iter().map(|list| files.write(list)).collect();
    Authorities::load(&roots, &lists, jiff::Timestamp::now()).unwrap().0
}

pub(crate) fn issued_by(
    roots: &[&Authority],
    lists: &[CertificateRevocationListDer<'static>],
) -> Arc<ClientPolicy> {
    Arc::new(ClientPolicy::new(Vec::new(), Some(authorities(roots, lists))).unwrap())
}

pub(crate) fn pinned(client: &Client) -> Arc<ClientPolicy> {
    let sha256 = crate::certificates::Thumbprint::sha256(&client.chain[0]);
    Arc::new(ClientPolicy::new(vec![sha256], None).unwrap())
}

/// Shows a chain, whatever the server asks for, with a key that need not fit.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn pkcs8(key: &KeyPair) -> PrivatePkcs8KeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der())
}

/// A server for the name `localhost`, and what its clients must trust.
pub(crate) fn server_config(
    verifier: Arc<dyn rustls::server::danger::ClientCertVerifier>,
) -> (Arc<rustls::ServerConfig>, RootCertStore) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate.clone()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], pkcs8(&key).into())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (Arc::new(config), trusted)
}

pub(crate) fn client_config(
    version: &'static rustls::SupportedProtocolVersion,
    trusted: RootCertStore,
    client: Option<&Client>,
) -> Arc<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(trusted);
    let Some(client) = client else { return Arc::new(builder.with_no_client_auth()) };
    let key = provider().key_provider.load_private_key(pkcs8(&client.key).into()).unwrap();
    let shown = CertifiedKey::new(client.chain.clone(), key);
    Arc::new(builder.with_client_cert_resolver(Arc::new(Shows(Arc::new(shown)))))
}

/// The variant of a refusal, without what it carries.
pub(crate) fn variant(refusal: &ClientRefusal) -> String {
    let text = format!("{refusal:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}
