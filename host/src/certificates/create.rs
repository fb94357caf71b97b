//! Makes self-signed certificates, and requests that an authority signs.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::store::NewCertificate;
use super::{CertificateError, files};

/// Browsers refuse certificates of more than 398 days; Mozilla's recommendations for servers ask
/// for less than 366.
pub const VALID_DAYS: u16 = 365;
/// Random bits of the serial number: 127, more than the 64 that are asked for (CA/B BR 7.1).
const SERIAL_BYTES: usize = 16;
/// Of one label of a DNS name, and of all with their dots.
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 253;
const ALWAYS_NAMED: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a new certificate is to say.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// Names and addresses; the first is the common name.
    pub hosts: Vec<String>,
    pub organization: Option<String>,
    /// From today on.
    pub days: u16,
    /// Also for the client's side of mutual TLS.
    pub client_auth: bool,
}

impl SelfSigned {
    /// For this machine, whatever it is called by. Names that cannot be in a certificate are left
    /// out.
    pub fn default_for(host_names: &[String]) -> Self {
        let given = host_names.iter().map(String::as_str).filter(|name| is_usable(name));
        let mut hosts: Vec<String> = Vec::new();
        for name in ALWAYS_NAMED.into_iter().chain(given) {
            if !hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                hosts.push(name.to_owned());
            }
        }
        let organization = Some("Tureen default certificate".to_owned());
        Self { hosts, organization, days: VALID_DAYS, client_auth: false }
    }

    /// The machine's own name says more than `localhost`.
    fn common_name(&self) -> &str {
        let own = self.hosts.iter().find(|name| !ALWAYS_NAMED.contains(&name.as_str()));
        own.or(self.hosts.first()).map_or("localhost", String::as_str)
    }

    fn parameters(&self) -> Result<CertificateParams, CertificateError> {
        if let Some(host) = self.hosts.iter().find(|host| !is_usable(host)) {
            return Err(CertificateError::Host { host: host.clone() });
        }
        let mut parameters = CertificateParams::new(self.hosts.clone())
            .map_err(|source| CertificateError::Create { source })?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, self.common_name());
        if let Some(organization) = &self.organization {
            parameters.distinguished_name.push(DnType::OrganizationName, organization);
        }
        parameters.is_ca = IsCa::ExplicitNoCa;
        // Some verifiers want it (RFC 5280, 4.2.1.1), of a self-signed certificate too.
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if self.client_auth {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        Ok(parameters)
    }
}

/// An address, or a name that DNS can have, with a wildcard as its first label at most.
fn is_usable(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_dns_name(host.strip_prefix("*.").unwrap_or(host), host)
}

/// RFC 1035, 2.3.4. Underscores are in no host's name, but in names that machines have all the
/// same. What ends with a number is an address that is none.
fn is_dns_name(name: &str, whole: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    whole.len() <= NAME_MAX
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// With a new key (ECDSA P-256).
///
/// # Errors
/// A name cannot be in a certificate, or the system gives no random numbers.
pub fn self_signed(wanted: &SelfSigned) -> Result<NewCertificate, CertificateError> {
    let key = new_key()?;
    let mut parameters = wanted.parameters()?;
    parameters.serial_number = Some(serial_number()?);
    set_validity(&mut parameters, wanted.days);
    let certificate =
        parameters.self_signed(&key).map_err(|source| CertificateError::Create { source })?;
    Ok(NewCertificate {
        chain: vec![certificate.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()),
    })
}

/// A key, and the request in PEM that an authority makes a certificate of. The dates are the
/// authority's to choose.
///
/// # Errors
/// As [`self_signed`].
pub(super) fn request(
    wanted: &SelfSigned,
) -> Result<(PrivatePkcs8KeyDer<'static>, String), CertificateError> {
    let error = |source| CertificateError::Create { source };
    let key = new_key()?;
    let mut parameters = wanted.parameters()?;
    // Not a matter of the request: authorities refuse what they do not expect in it.
    parameters.is_ca = IsCa::NoCa;
    parameters.use_authority_key_identifier_extension = false;
    let request = parameters.serialize_request(&key).map_err(error)?;
    let pem = request.pem().map_err(error)?.replace("\r\n", "\n");
    Ok((PrivatePkcs8KeyDer::from(key.serialize_der()), pem))
}

fn new_key() -> Result<KeyPair, CertificateError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(|source| CertificateError::Create { source })
}

/// From midnight on, so that a clock that is a little behind does not see the future.
fn set_validity(parameters: &mut CertificateParams, days: u16) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = today.saturating_add(jiff::Span::new().days(i64::from(days)));
    let time = |date: jiff::civil::Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    parameters.not_before = time(today);
    parameters.not_after = time(last);
}

/// Positive and not zero (RFC 5280, 4.1.2.2).
fn serial_number() -> Result<SerialNumber, CertificateError> {
    let mut serial = files::random::<SERIAL_BYTES>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from(serial.to_vec()))
}
