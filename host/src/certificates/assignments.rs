//! Which certificate is the default, and which belong to certain ports: `assignments.toml`.
//!
//! # Invariants
//! - It is changed under a lock, so that two commands at once lose nothing, and replaced as a whole.
//! - What is bound to a port is never taken over silently.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CertificateError, DEFAULT_NAME, Named, files};

#[cfg(test)]
mod tests;

/// Its name is no certificate's: a folder in its place would take the store out of use.
pub(super) const FILE: &str = "assignments.toml";
const LOCK_FILE: &str = ".assignments.lock";

const HEADER: &str = "\
# Which certificate is shown where. Written by `tureen cert bind`, `unbind` and
# `default`; may be edited by hand. Takes effect at the next handshake.
#
# default = \"NAME\"      for every HTTPS port that asks for no other (absent: \"default\")
# [ports]
# 8443 = \"NAME\"         for this port, whatever its receivers ask for
#
# NAME is a name of `tureen cert list`, or a thumbprint.

";

/// The assignments of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    default: Option<String>,
    ports: BTreeMap<u16, String>,
}

/// The outcome of [`Assignments::bind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    Bound,
    Replaced {
        was: String,
    },
    /// The port has this very certificate; nothing was changed.
    AlreadyThis,
    /// The port has another certificate; nothing was changed.
    AlreadyBound {
        by: String,
    },
}

/// The outcome of [`Assignments::unbind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbound {
    Removed { name: String },
    NothingBound,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ports: BTreeMap<String, String>,
}

impl Assignments {
    /// Those of a store; none where the file is missing.
    ///
    /// # Errors
    /// It cannot be read or understood; says where.
    pub fn load(directory: &Path) -> Result<Self, CertificateError> {
        let path = directory.join(FILE);
        let bytes = match files::read(&path) {
            Ok(bytes) => bytes,
            Err(CertificateError::File { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        let wrong = |text: String| CertificateError::Assignments { path: path.clone(), text };
        let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
        let document: Document = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut ports = BTreeMap::new();
        for (port, name) in document.ports {
            let number =
                port.parse().ok().filter(|number: &u16| *number != 0 && port == number.to_string());
            let number = number
                .ok_or_else(|| wrong(format!("[ports] has {port:?}; a port is from 1 to 65535")))?;
            ports.insert(number, name);
        }
        Ok(Self { default: document.default, ports })
    }

    /// Loads, changes and saves under a lock. Nothing is written when nothing changed.
    ///
    /// # Errors
    /// It cannot be locked, read or written.
    pub fn change<T>(
        directory: &Path,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, CertificateError> {
        let _lock = lock(&directory.join(LOCK_FILE))?;
        let before = Self::load(directory)?;
        let mut assignments = before.clone();
        let outcome = change(&mut assignments);
        if assignments != before {
            assignments.save(&directory.join(FILE))?;
        }
        Ok(outcome)
    }

    fn save(&self, path: &Path) -> Result<(), CertificateError> {
        let ports = self.ports.iter().map(|(port, name)| (port.to_string(), name.clone()));
        let document = Document { default: self.default.clone(), ports: ports.collect() };
        let text = toml::to_string(&document).map_err(|error| CertificateError::Assignments {
            path: path.to_owned(),
            text: error.to_string(),
        })?;
        files::replace_private(path, format!("{HEADER}{text}").as_bytes())
    }

    /// What the default is called: a name, or a thumbprint where one was written by hand.
    pub fn default_name(&self) -> &str {
        self.default.as_deref().unwrap_or(DEFAULT_NAME)
    }

    /// What is bound to the port, as [`Assignments::default_name`].
    pub fn port(&self, port: u16) -> Option<&str> {
        self.ports.get(&port).map(String::as_str)
    }

    pub fn ports(&self) -> impl Iterator<Item = (u16, &str)> {
        self.ports.iter().map(|(port, name)| (*port, name.as_str()))
    }

    /// Gives the port a certificate. Another one that it has stays unless `replace`.
    pub fn bind(&mut self, port: u16, name: &str, replace: bool) -> Bound {
        match self.ports.get(&port) {
            Some(by) if Named::of(by) == Named::of(name) => return Bound::AlreadyThis,
            Some(by) if !replace => return Bound::AlreadyBound { by: by.clone() },
            _ => {}
        }
        match self.ports.insert(port, name.to_owned()) {
            None => Bound::Bound,
            Some(was) => Bound::Replaced { was },
        }
    }

    /// The port shows what its receivers ask for again.
    pub fn unbind(&mut self, port: u16) -> Unbound {
        match self.ports.remove(&port) {
            Some(name) => Unbound::Removed { name },
            None => Unbound::NothingBound,
        }
    }

    /// False when it was the default before.
    pub fn set_default(&mut self, name: &str) -> bool {
        let is_new = Named::of(self.default_name()) != Named::of(name);
        if is_new {
            self.default = Some(name.to_owned()).filter(|name| name != DEFAULT_NAME);
        }
        is_new
    }
}

/// Held until the file is dropped; the system lets go of it when the program ends.
fn lock(path: &Path) -> Result<File, CertificateError> {
    let error = |source| files::file_error("lock", path, source);
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(error)?;
    file.lock().map_err(error)?;
    Ok(file)
}
