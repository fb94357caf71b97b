//! Certificates that clients show: asked for during the handshake, judged at every request.
//!
//! Knows X.509, rustls and the policy of a receiver. Deliberately does not know HTTP, listeners or
//! workflows.
//!
//! # Invariants
//! - The handshake proves that a client has the key of its certificate, and nothing more. Trust is
//!   decided by [`ClientPolicy::judge`], so a resumed session, a forwarded certificate and a policy
//!   that changed under an open connection are all judged in the same way.
//! - A policy expects something: one without thumbprints and without authorities cannot be made
//!   (trap T-03).
//! - A thumbprint matches the whole certificate or nothing, and all of a list are compared.
//! - Where revocation lists are configured, a certificate that none of them covers is refused, and
//!   so is one whose list is out of date.

pub use ask::{AUTHORITY_HINT_BYTES_MAX, AskForCertificate};
pub use authorities::{Authorities, FILE_BYTES_MAX};
pub use certificate::{CHAIN_CERTIFICATES_MAX, ClientCertificate};
pub use judged::JudgedClient;
pub use policy::{ClientPolicy, EmptyPolicy};
pub use problems::{AuthorityError, AuthorityWarning};
pub use refusal::{ClientRefusal, Presented};
pub use thumbprints::{THUMBPRINTS_MAX, ThumbprintList, ThumbprintListError};

mod ask;
mod authorities;
mod certificate;
mod distinguished_name;
mod judged;
mod policy;
mod problems;
mod refusal;
mod revocation;
#[cfg(test)]
pub(crate) mod tests;
mod thumbprints;
