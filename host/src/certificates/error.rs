//! Why a certificate cannot be used, and what an operator should know about one that can.

use std::path::PathBuf;

use super::Thumbprint;

/// Why a certificate cannot be used, and what to do. The fault is the operator's unless it is
/// `Create` or `Random`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is longer than {bytes_max} bytes, which no certificate or key is")]
    TooLong { path: PathBuf, bytes_max: u64 },
    #[error("{path} holds {found} certificates and keys; {found_max} are read from one file")]
    TooMany { path: PathBuf, found: usize, found_max: usize },
    #[error("{directory} holds more than {entries_max} entries; move away what is no certificate")]
    StoreTooLarge { directory: PathBuf, entries_max: usize },
    #[error("{path} is not a file")]
    NotAFile { path: PathBuf },
    #[error("{path} is missing. Put it back, or move {directory} away to start anew")]
    Incomplete { path: PathBuf, directory: PathBuf },
    #[error(
        "others than its owner may read the secret in {path} (mode {mode:03o}). Take it from them: \
         chmod 600 {path}"
    )]
    KeyMode { path: PathBuf, mode: u32 },
    #[error("{path} holds no {expected} in PEM")]
    NoPem { path: PathBuf, expected: &'static str },
    #[error("{path} holds no {expected}")]
    Holds { path: PathBuf, expected: &'static str },
    #[error("{path} is not a certificate in X.509: {text}")]
    NotX509 { path: PathBuf, text: String },
    #[error("{path} is damaged: {text}. Copy it again from where it came")]
    Damaged { path: PathBuf, text: String },
    #[error("{path} holds {what}, which is not read here. Convert it: {command}")]
    Convert { path: PathBuf, what: &'static str, command: String },
    #[error(
        "{path} asks for {iterations} rounds of key derivation, more than {iterations_max}. Export \
         it again with fewer"
    )]
    TooMuchWork { path: PathBuf, iterations: u64, iterations_max: u64 },
    #[error(
        "{path} is protected by a password. `tureen cert import` takes it from --password-file, \
         from TUREEN_CERTIFICATE_PASSWORD or from the terminal; for a .pfx in the store, put it \
         into {path}.password"
    )]
    PasswordNeeded { path: PathBuf },
    #[error("the password does not open {path}; the file's structure is whole")]
    WrongPassword { path: PathBuf },
    #[error("the private key {path} cannot be used")]
    Key {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error(
        "the RSA key of {path} has {bits} bits. Clients want 2048 or more; ask for a certificate \
         with a new key"
    )]
    KeyTooShort { path: PathBuf, bits: usize },
    #[error(
        "the private key {key} belongs to another certificate than {certificate}. Put the key that \
         belongs to it in its place, or import both again"
    )]
    KeyMismatch { key: PathBuf, certificate: PathBuf },
    #[error(
        "no private key of the store belongs to {path}. Import the key with it, or make the request \
         for it with `tureen cert create --request`"
    )]
    KeyUnknown { path: PathBuf },
    #[error("{name:?} cannot be the name of a certificate: {reason}")]
    Name { name: String, reason: &'static str },
    #[error("{first} and {second} are both called {name:?}; rename one of them")]
    NameTwice { name: String, first: PathBuf, second: PathBuf },
    #[error("there is a certificate {name:?} already; --replace puts the new one in its place")]
    Exists { name: String },
    #[error(
        "a request called {name:?} waits for its certificate, and this one is for another key. \
         Import it under another name, or remove the request"
    )]
    RequestWaits { name: String },
    #[error(
        "{host:?} cannot be in a certificate; give an address, or a DNS name: at most 253 \
         characters, labels of 1 to 63 letters, digits, - and _ with dots between them"
    )]
    Host { host: String },
    #[error("no certificate is called {wanted:?}; `tureen cert list` shows those that are there")]
    NotFound { wanted: String },
    #[error(
        "no certificate has the thumbprint {wanted}; `tureen cert list` shows those that are there \
         and what is wrong with others"
    )]
    ThumbprintNotFound { wanted: Thumbprint },
    #[error(
        "the certificate {name:?} is assigned to {to} but cannot be used; `tureen cert list` says why"
    )]
    Unusable { name: String, to: String },
    #[error(
        "the certificate {name:?} has gone from the store; it is shown until the server ends or it \
         comes back"
    )]
    Gone { name: String },
    #[error("{path} cannot be read: {text}")]
    Assignments { path: PathBuf, text: String },
    #[error("the password for a file with a private key must not be empty")]
    EmptyPassword,
    #[error("the file cannot be made: {text}")]
    Pfx { text: String },
    #[error("cannot make a certificate")]
    Create {
        #[source]
        source: rcgen::Error,
    },
    #[error("the system gives no random numbers")]
    Random,
}

/// Something about a certificate that an operator should act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateWarning {
    #[error("the certificate \"{name}\" expires in {days} days, at {at}")]
    ExpiresSoon { name: String, days: i64, at: jiff::Timestamp },
    #[error("the certificate \"{name}\" has expired at {at}; clients refuse it")]
    Expired { name: String, at: jiff::Timestamp },
    #[error(
        "an issuer in the chain of the certificate \"{name}\" has expired at {at}; clients refuse \
         it. Import it again with the chain that its authority has now"
    )]
    IssuerExpired { name: String, at: jiff::Timestamp },
    #[error("the certificate \"{name}\" is not valid before {at}; clients refuse it until then")]
    NotYetValid { name: String, at: jiff::Timestamp },
    #[error(
        "the certificate \"{name}\" comes without that of its issuer ({issuer}); clients may not be \
         able to verify it. Import it again with the full chain"
    )]
    ChainIncomplete { name: String, issuer: String },
    #[error(
        "beside the certificate \"{name}\" lie others that are not used: {duplicates} twice, \
         {unrelated} unrelated"
    )]
    NotUsed { name: String, duplicates: usize, unrelated: usize },
    #[error(
        "the certificate \"{name}\" is not meant for servers (no serverAuth in its extended key \
         usage); clients refuse it"
    )]
    NotForServers { name: String },
    #[error("the certificate \"{name}\" or its issuer is signed with SHA-1; clients refuse it")]
    SignedWithSha1 { name: String },
    #[error(
        "the certificate \"{name}\" names no host (subject alternative name); clients that check \
         names refuse it"
    )]
    NamesNothing { name: String },
    #[error(
        "{path} is protected by a method that is easily broken (RC2 or 3DES with a weak key \
         derivation); delete it once its certificate is imported"
    )]
    WeakFile { path: PathBuf },
    #[error(
        "the thumbprint {wanted} is that of a former certificate \"{name}\"; its successor {now} is \
         served. Put the new thumbprint where the old one stands"
    )]
    Renewed { name: String, wanted: Thumbprint, now: Thumbprint },
}
