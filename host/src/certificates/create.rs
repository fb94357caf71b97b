//! Makes the self-signed certificate of a home.

use std::io::Write;
use std::path::Path;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};

use super::{CERTIFICATE_FILE, CertificateError, KEY_FILE};

/// Browsers and some HTTP libraries refuse certificates that are valid for longer.
const VALID_DAYS: i64 = 398;
/// Random bits of the serial number: 127, more than the 64 that are asked for (CA/B BR 7.1).
const SERIAL_BYTES: usize = 16;
const ALWAYS_NAMED: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Makes certificate and key in a new directory; false when another process was faster.
///
/// Both files are written to a directory beside it, which then gets the name, so that a certificate
/// is there whole or not at all.
///
/// # Errors
/// Key generation or writing failed.
pub(super) fn create(directory: &Path, host_names: &[String]) -> Result<bool, CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(|source| CertificateError::Create { source })?;
    let certificate = parameters(host_names)?
        .self_signed(&key)
        .map_err(|source| CertificateError::Create { source })?;
    let serial = random::<8>()?;
    let suffix: String = serial.iter().map(|byte| format!("{byte:02x}")).collect();
    let unfinished = directory.with_extension(format!("new-{suffix}"));
    private_directory(&unfinished)?;
    let written = private_file(&unfinished.join(CERTIFICATE_FILE), &certificate.pem())
        .and_then(|()| private_file(&unfinished.join(KEY_FILE), &key.serialize_pem()));
    let outcome = written.and_then(|()| give_name(&unfinished, directory));
    if !matches!(outcome, Ok(true)) {
        // What is left of a failed attempt is of no use; that it cannot be removed either is not
        // the news.
        let _cleaned = std::fs::remove_dir_all(&unfinished);
    }
    outcome
}

fn give_name(unfinished: &Path, directory: &Path) -> Result<bool, CertificateError> {
    match std::fs::rename(unfinished, directory) {
        Ok(()) => Ok(true),
        Err(_) if directory.exists() => Ok(false),
        Err(source) => {
            Err(CertificateError::File { action: "make", path: directory.to_owned(), source })
        }
    }
}

fn parameters(host_names: &[String]) -> Result<CertificateParams, CertificateError> {
    let usable = |name: &&str| {
        let bytes = name.bytes();
        !name.is_empty() && bytes.into_iter().all(|byte| matches!(byte, b'!'..=b'~'))
    };
    let mut names: Vec<String> = Vec::new();
    let given = host_names.iter().map(String::as_str).filter(usable);
    for name in ALWAYS_NAMED.into_iter().chain(given) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    let common_name = names.get(ALWAYS_NAMED.len()).unwrap_or(&ALWAYS_NAMED[0].to_owned()).clone();
    let mut parameters =
        CertificateParams::new(names).map_err(|source| CertificateError::Create { source })?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.distinguished_name.push(DnType::OrganizationName, "Tureen default certificate");
    parameters.serial_number = Some(serial_number()?);
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut parameters);
    Ok(parameters)
}

/// From midnight on, so that a clock that is a little behind does not see the future.
fn set_validity(parameters: &mut CertificateParams) {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = today.saturating_add(jiff::Span::new().days(VALID_DAYS - 1));
    let time = |date: jiff::civil::Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    parameters.not_before = time(today);
    parameters.not_after = time(last);
}

/// Positive and not zero (RFC 5280, 4.1.2.2).
fn serial_number() -> Result<SerialNumber, CertificateError> {
    let mut serial = random::<SERIAL_BYTES>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from(serial.to_vec()))
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], CertificateError> {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CertificateError::Random)?;
    Ok(bytes)
}

/// Makes a directory that only its owner can enter, with the directories above it.
///
/// # Errors
/// It cannot be made.
pub(super) fn private_directory(directory: &Path) -> Result<(), CertificateError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| CertificateError::File {
        action: "make the directory",
        path: directory.to_owned(),
        source,
    })
}

/// Writes a new file that only its owner can read, to the disk.
fn private_file(path: &Path, text: &str) -> Result<(), CertificateError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(|source| CertificateError::File { action: "write", path: path.to_owned(), source })
}
