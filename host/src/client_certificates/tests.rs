//! Authorities, clients and what becomes of them. `pki` also serves the tests of the receiver.

pub(crate) mod pki;

mod handshake;
mod judgement;
mod loading;
