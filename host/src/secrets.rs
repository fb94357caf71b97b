//! The secrets and connection strings of a home: read at start and on reload, for settings that are meant for them.
//!
//! Knows files and environment variables. Deliberately does not know who uses a secret.
//!
//! # Invariants
//! - No value reaches a log, a diagnostic or `Debug`.
//! - A secret that cannot be read is never replaced by anything else: what needs it does not start
//!   (trap T-61).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use tureen_template::{Globals, Purpose};

use crate::config::{Secret, ServerConfig};
use crate::diagnostics::{Diagnostic, codes};
use crate::tables::{Stamp, stamp_of};

/// Bytes of one secret; private keys and tokens are below this.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// All global variables of a home, its secrets among them.
pub fn globals(home: &Path, config: &ServerConfig) -> (Globals, Vec<Diagnostic>) {
    let texts = config.globals.iter();
    let mut globals = Globals::from_iter(texts.map(|(name, text)| (name.as_str(), text.as_str())));
    let mut diagnostics = Vec::new();
    for (purpose, name, secret) in guarded(config) {
        match read(home, secret) {
            Ok(value) => globals.insert_guarded(purpose, name, value),
            Err(reason) => {
                let text = format!("the {} {name:?} cannot be used: {reason}", purpose.name());
                let file = home.join(crate::config::FILE_NAME);
                let found = Diagnostic::new(codes::SECRET, text).in_file(&file);
                let help = "a file is the server's user's alone (mode 0600); an environment variable is set before the server starts";
                diagnostics.push(found.help(help).state("workflows that need it fail there"));
                globals.insert_unavailable(purpose, name, reason);
            }
        }
    }
    (globals, diagnostics)
}

/// Every global that is no text, with what it is for.
fn guarded(config: &ServerConfig) -> impl Iterator<Item = (Purpose, &str, &Secret)> {
    let of = |purpose| move |(name, secret): (_, _)| (purpose, String::as_str(name), secret);
    let secrets = config.secrets.iter().map(of(Purpose::Secret));
    secrets.chain(config.connection_strings.iter().map(of(Purpose::ConnectionString)))
}

/// The files that secrets and connection strings are kept in, as they are written.
pub fn files(config: &ServerConfig) -> impl Iterator<Item = &Path> {
    guarded(config).filter_map(|(_, _, secret)| secret.file.as_deref())
}

/// Length and time of change of every such file: differs when one was saved.
pub fn stamp(home: &Path, config: &ServerConfig) -> Stamp {
    files(config).map(|file| stamp_of(&home.join(file))).collect()
}

fn read(home: &Path, secret: &Secret) -> Result<String, String> {
    if let Some(name) = &secret.environment {
        return match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) => Err(format!("the environment variable {name} is empty")),
            Err(std::env::VarError::NotPresent) => {
                Err(format!("the environment variable {name} is not set"))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(format!("the environment variable {name} is not UTF-8"))
            }
        };
    }
    let path = home.join(secret.file.as_deref().unwrap_or(Path::new("")));
    read_file(&path).map_err(|reason| format!("{}: {reason}", path.display()))
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    refuse_shared(&metadata)?;
    let mut text = String::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("it is longer than {SECRET_BYTES_MAX} bytes"));
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value.to_owned()) }
}

#[cfg(unix)]
fn refuse_shared(metadata: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("others may read it (mode {mode:03o}); take that from them with chmod 600"))
}

#[cfg(not(unix))]
fn refuse_shared(_metadata: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(home: &Path, secret: &str) -> Vec<String> {
        told_of("secrets", home, secret)
    }

    fn told_of(section: &str, home: &Path, secret: &str) -> Vec<String> {
        let text = format!("[{section}]\nWord = {secret}\n");
        let (config, _) = ServerConfig::parse(Path::new("tureen.toml"), &text).unwrap();
        globals(home, &config).1.into_iter().map(|told| told.message).collect()
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_read_from_a_file_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("word");
        let cases = [
            (b"open sesame\n".as_slice(), 0o600, None),
            (b"open sesame\r\n", 0o400, None),
            (b"open sesame\n", 0o640, Some("mode 640")),
            (b"open sesame\n", 0o604, Some("mode 604")),
            (b"\n", 0o600, Some("it is empty")),
            (b"\xff\xfe", 0o600, Some("UTF-8")),
            (&[b'a'; 70_000], 0o600, Some("longer than 65536")),
        ];
        for (content, mode, expected) in cases {
            let _before = std::fs::remove_file(&file);
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = told(home.path(), "{ file = \"word\" }");
            match expected {
                None => assert_eq!(found, [] as [&str; 0]),
                Some(part) => assert!(found[0].contains(part), "{found:?}"),
            }
            assert!(!found.concat().contains("sesame"));
        }
        std::fs::remove_file(&file).unwrap();
        assert!(told(home.path(), "{ file = \"word\" }")[0].contains("word"));
    }

    #[test]
    fn a_secret_is_read_from_the_environment() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(told(home.path(), "{ environment = \"PATH\" }"), [] as [&str; 0]);
        let found = told(home.path(), "{ environment = \"TUREEN_TEST_NOT_SET\" }");
        assert!(found[0].contains("TUREEN_TEST_NOT_SET is not set"), "{found:?}");
        assert!(found[0].contains("the secret \"Word\""), "{found:?}");
        let secret = "{ environment = \"TUREEN_TEST_NOT_SET\" }";
        let found = told_of("connection_strings", home.path(), secret);
        assert!(found[0].contains("the connection string \"Word\""), "{found:?}");
    }
}
