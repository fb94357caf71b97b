//! What the senders of the workflow format share: character sets, the response
//! as a message, credentials that may be secrets, client certificates, and what
//! a problem of the network means for a step.
//!
//! Deliberately does not know: HTTP, MLLP, a socket.

mod charset;
mod credential;
mod hl7;
mod outgoing;
mod pieces;
mod response;
mod trouble;
mod xml;

pub use charset::{Charset, Untranslatable};
pub use credential::{ClientCertificate, Credential};
pub use outgoing::body;
pub use response::ResponseType;
pub use trouble::{network_error, timeout_within};
