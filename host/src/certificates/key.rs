//! Private keys: brought into one form, and found to belong to a certificate.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use x509_parser::prelude::{FromDer, X509Certificate};

/// # Errors
/// TLS cannot use the key.
pub(super) fn signing_key(
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<dyn SigningKey>, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.key_provider.load_private_key(key.clone_key())
}

/// Whether the certificate was issued for this key: by its public key, which certificates of every
/// version have.
pub(super) fn fits(key: &Arc<dyn SigningKey>, certificate: &CertificateDer<'static>) -> bool {
    let Some(public_key) = key.public_key() else { return false };
    let parsed = X509Certificate::from_der(certificate);
    parsed.is_ok_and(|(_, parsed)| parsed.public_key().raw == public_key.as_ref())
}

/// The key as PKCS#8 without attributes, which every program reads. None for a key that TLS cannot
/// use.
pub(super) fn pkcs8(key: &PrivateKeyDer<'static>) -> Option<PrivatePkcs8KeyDer<'static>> {
    let der = key.secret_der();
    let rsa = match key {
        PrivateKeyDer::Pkcs1(_) => aws_lc_rs::rsa::KeyPair::from_der(der),
        _ => aws_lc_rs::rsa::KeyPair::from_pkcs8(der),
    };
    if let Ok(rsa) = rsa {
        let encoded: Pkcs8V1Der<'_> = rsa.as_der().ok()?;
        return Some(encoded.as_ref().to_vec().into());
    }
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let elliptic = |curve| EcdsaKeyPair::from_private_key_der(curve, der).ok();
    if let Some(pair) = curves.into_iter().find_map(elliptic) {
        return Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec().into());
    }
    match key {
        PrivateKeyDer::Pkcs8(other) => Some(other.clone_key()),
        _ => None,
    }
}
