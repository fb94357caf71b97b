//! The directory of certificates: found, saved, replaced and removed as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::create::{self, SelfSigned};
use super::load::{self, Form};
use super::name::{BEFORE, UNFINISHED};
use super::{
    CERTIFICATE_FILE, Certificate, CertificateError, CertificateWarning, DEFAULT_NAME,
    FORMERLY_FILE, KEY_FILE, Named, REQUEST_FILE, Thumbprint, check_name, files,
};

/// Thumbprints of replaced certificates that are remembered.
const FORMERLY_MAX: usize = 20;

/// The directory of certificates. What it holds is read anew by every call.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    directory: PathBuf,
}

/// Everything in a store; one bad file hides no other.
#[derive(Debug, Default)]
pub struct Scan {
    /// By name.
    pub certificates: Vec<Certificate>,
    /// Names of requests that wait for their certificate.
    pub requests: Vec<String>,
    pub problems: Vec<CertificateError>,
    pub warnings: Vec<CertificateWarning>,
}

/// The default certificate, and whether it is new.
#[derive(Clone, Debug)]
pub struct DefaultCertificate {
    pub certificate: Certificate,
    pub created: bool,
}

/// What to do when the name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    /// Put aside under a name that is not scanned.
    Replace,
}

/// A certificate with its key, ready to be saved.
#[derive(Debug)]
pub struct NewCertificate {
    /// The server's own first, the root included when it is known.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivatePkcs8KeyDer<'static>,
}

impl CertificateStore {
    /// Makes the directory (mode 0700) when it is missing.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(directory: &Path) -> Result<Self, CertificateError> {
        files::private_directory(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Loads the certificate `default`; makes one when there is none, for `localhost`, the loopback
    /// addresses and `host_names` (names or addresses; what cannot be in a certificate is left out).
    ///
    /// # Errors
    /// As [`CertificateStore::load`], and when a new one cannot be made or written.
    pub fn ensure_default(
        &self,
        host_names: &[String],
    ) -> Result<DefaultCertificate, CertificateError> {
        let created = !self.has(DEFAULT_NAME)? && self.create_default(host_names)?;
        Ok(DefaultCertificate { certificate: self.load(DEFAULT_NAME)?, created })
    }

    /// False when another process was faster.
    fn create_default(&self, host_names: &[String]) -> Result<bool, CertificateError> {
        let new = create::self_signed(&SelfSigned::default_for(host_names))?;
        match self.save(DEFAULT_NAME, &new, Existing::Refuse) {
            Ok(_) => Ok(true),
            Err(CertificateError::Exists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether something with this name lies in the store, usable or not.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn has(&self, name: &str) -> Result<bool, CertificateError> {
        Ok(load::find(&self.directory)?.forms.contains_key(name))
    }

    /// Loads one certificate by its name, in any of the forms.
    ///
    /// # Errors
    /// There is none, a file is missing, too long or damaged, the key may be read by others, or
    /// does not belong to the certificate.
    pub fn load(&self, name: &str) -> Result<Certificate, CertificateError> {
        let form = self.form(name)?;
        load::certificate(name, &form.read()?)
    }

    fn form(&self, name: &str) -> Result<Form, CertificateError> {
        let mut found = load::find(&self.directory)?;
        let not_found = || CertificateError::NotFound { wanted: name.to_owned() };
        found.forms.remove(name).ok_or_else(not_found)
    }

    /// Reads everything.
    ///
    /// # Errors
    /// The directory itself cannot be read.
    pub fn scan(&self) -> Result<Scan, CertificateError> {
        self.scan_beside(&BTreeMap::new())
    }

    /// As [`CertificateStore::scan`]; what has not changed is taken from `known` instead of
    /// decoding it again.
    pub(super) fn scan_beside(
        &self,
        known: &BTreeMap<String, Arc<Certificate>>,
    ) -> Result<Scan, CertificateError> {
        let found = load::find(&self.directory)?;
        let mut scan =
            Scan { requests: found.requests, problems: found.problems, ..Scan::default() };
        for (name, form) in found.forms {
            let loaded = form.read().and_then(|contents| match known.get(&name) {
                Some(known) if known.digest == contents.digest => Ok(Certificate::clone(known)),
                _ => load::certificate(&name, &contents),
            });
            match loaded {
                Ok(certificate) => {
                    scan.warnings.extend(certificate.warnings.iter().cloned());
                    scan.certificates.push(certificate);
                }
                Err(problem) => scan.problems.push(problem),
            }
        }
        Ok(scan)
    }

    /// The certificate with this thumbprint.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub fn find(&self, thumbprint: &Thumbprint) -> Result<Certificate, CertificateError> {
        let scan = self.scan()?;
        let found = scan.certificates.into_iter().find(|one| thumbprint.is_of(one.own()));
        found.ok_or_else(|| CertificateError::ThumbprintNotFound { wanted: thumbprint.clone() })
    }

    /// The certificate that an operator means by a name or a thumbprint.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn named(&self, text: &str) -> Result<Certificate, CertificateError> {
        match Named::of(text) {
            Named::Name(name) => self.load(&name),
            Named::Thumbprint(thumbprint) => self.find(&thumbprint),
        }
    }

    /// Writes a folder with certificate and key; it appears whole or not at all. Tells where what
    /// it replaced is now.
    ///
    /// # Errors
    /// The name cannot be used or is taken, or a file cannot be written.
    pub fn save(
        &self,
        name: &str,
        new: &NewCertificate,
        existing: Existing,
    ) -> Result<Option<PathBuf>, CertificateError> {
        check_name(name)?;
        let form = load::find(&self.directory)?.forms.remove(name);
        if form.is_some() && existing == Existing::Refuse {
            return Err(CertificateError::Exists { name: name.to_owned() });
        }
        let formerly = self.formerly(name, new);
        let written = |unfinished: &Path| {
            let chain = new.chain.iter().map(|der| ("CERTIFICATE", der.as_ref()));
            files::write_private(&unfinished.join(CERTIFICATE_FILE), pem_text(chain).as_bytes())?;
            let key = pem_text(std::iter::once(("PRIVATE KEY", new.key.secret_pkcs8_der())));
            files::write_private(&unfinished.join(KEY_FILE), key.as_bytes())?;
            if formerly.is_empty() {
                return Ok(());
            }
            let lines: String = formerly.iter().map(|line| format!("{line}\n")).collect();
            files::write_private(&unfinished.join(FORMERLY_FILE), lines.as_bytes())
        };
        self.put(name, form.as_ref(), written)
    }

    /// Writes a folder that has a key and a request only.
    ///
    /// # Errors
    /// As [`CertificateStore::save`].
    pub(super) fn save_request(
        &self,
        name: &str,
        key: &PrivatePkcs8KeyDer<'_>,
        request_pem: &str,
    ) -> Result<PathBuf, CertificateError> {
        check_name(name)?;
        let found = load::find(&self.directory)?;
        if found.forms.contains_key(name) || found.requests.iter().any(|it| it == name) {
            return Err(CertificateError::Exists { name: name.to_owned() });
        }
        self.put(name, None, |unfinished| {
            let key = pem_text(std::iter::once(("PRIVATE KEY", key.secret_pkcs8_der())));
            files::write_private(&unfinished.join(KEY_FILE), key.as_bytes())?;
            files::write_private(&unfinished.join(REQUEST_FILE), request_pem.as_bytes())
        })?;
        Ok(self.directory.join(name).join(REQUEST_FILE))
    }

    fn put(
        &self,
        name: &str,
        former: Option<&Form>,
        write: impl FnOnce(&Path) -> Result<(), CertificateError>,
    ) -> Result<Option<PathBuf>, CertificateError> {
        let folder = self.directory.join(name);
        let unfinished =
            self.directory.join(format!("{name}{UNFINISHED}{}", files::random_suffix()?));
        files::private_directory(&unfinished)?;
        let placed = write(&unfinished).and_then(|()| give_name(&unfinished, &folder, former));
        if !matches!(placed, Ok(Placed::Exchanged)) {
            // What is left of a failed attempt is of no use; that it cannot be removed is not the
            // news.
            let _cleaned = fs::remove_dir_all(&unfinished);
            placed?;
        }
        put_aside(&unfinished, &folder, former)
    }

    /// Thumbprints of what is replaced, the latest first, so that who names it finds its successor.
    fn formerly(&self, name: &str, new: &NewCertificate) -> Vec<Thumbprint> {
        let Ok(old) = self.load(name) else { return Vec::new() };
        let own = new.chain.first().map(AsRef::as_ref).unwrap_or_default();
        let before = old.formerly.chunks(2).flatten().cloned();
        let all = [old.sha1.clone(), old.sha256.clone()].into_iter().chain(before);
        all.filter(|one| !one.is_of(own)).take(2 * FORMERLY_MAX).collect()
    }

    /// Removes a certificate, or a request, with its key.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), CertificateError> {
        let mut found = load::find(&self.directory)?;
        let paths = match found.forms.remove(name) {
            Some(form) => form.paths(),
            None if found.requests.iter().any(|it| it == name) => vec![self.directory.join(name)],
            None => return Err(CertificateError::NotFound { wanted: name.to_owned() }),
        };
        for path in paths {
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|source| files::file_error("remove", &path, source))?;
        }
        Ok(())
    }
}

/// How a folder came to its name.
enum Placed {
    New,
    /// What had the name before has that of the unfinished folder now.
    Exchanged,
}

fn give_name(
    unfinished: &Path,
    folder: &Path,
    former: Option<&Form>,
) -> Result<Placed, CertificateError> {
    let error = |source| files::file_error("put the certificate at", folder, source);
    let is_there = folder.is_dir() && (former.is_some() || folder.join(REQUEST_FILE).is_file());
    if is_there {
        files::exchange(unfinished, folder).map_err(error)?;
        return Ok(Placed::Exchanged);
    }
    match fs::rename(unfinished, folder) {
        Ok(()) => Ok(Placed::New),
        // Another process was faster.
        Err(_) if folder.join(CERTIFICATE_FILE).exists() => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            Err(CertificateError::Exists { name: name.into_owned() })
        }
        Err(source) => Err(error(source)),
    }
}

/// Keeps what was replaced under a name that is not scanned. A request is not kept: its key is
/// that of the new certificate.
fn put_aside(
    unfinished: &Path,
    folder: &Path,
    former: Option<&Form>,
) -> Result<Option<PathBuf>, CertificateError> {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let after = format!("{BEFORE}{now}-{}", files::random_suffix()?);
    let rename = |from: &Path, to: &Path| {
        fs::rename(from, to).map_err(|source| files::file_error("put aside", from, source))
    };
    match former {
        None => {
            let _cleaned = fs::remove_dir_all(unfinished);
            Ok(None)
        }
        Some(Form::Folder(_)) => {
            let aside = files::beside(folder, &after);
            rename(unfinished, &aside)?;
            Ok(Some(aside))
        }
        Some(form) => {
            for path in form.paths() {
                rename(&path, &files::beside(&path, &after))?;
            }
            Ok(Some(files::beside(form.path(), &after)))
        }
    }
}

/// PEM with the line ends of Unix.
pub(super) fn pem_text<'a>(blocks: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    blocks.map(|(tag, der)| pem::encode_config(&pem::Pem::new(tag, der), config)).collect()
}
