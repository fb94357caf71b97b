//! Requests to the authority as the rest of ACME makes them: repeated when a nonce was refused, and
//! with errors that say what was being done.
//!
//! Deliberately does not know files, orders or proofs.

use instant_acme::Error;

use super::error::{Refusal, shown};
use super::transport::{Transport, TransportError};
use super::{AcmeError, Settings};

/// instant-acme makes a request three times when the authority refuses the nonce (RFC 8555, 6.5);
/// all of that is done up to this often.
pub(super) const NONCE_ROUNDS: usize = 3;

/// `ask!(authority, doing, request)`: makes a request, again when its nonce was refused.
///
/// A macro, since the compiler cannot prove yet that a task may move to another thread with an
/// async closure in it that borrows.
macro_rules! ask {
    ($authority:expr, $doing:expr, $request:expr) => {{
        let mut round = 1;
        loop {
            match $request.await.map_err(|error| $authority.failed($doing, error)) {
                Err(error)
                    if error.is("badNonce") && round < $crate::acme::authority::NONCE_ROUNDS =>
                {
                    round += 1;
                }
                result => break result,
            }
        }
    }};
}
pub(super) use ask;

/// The authority that the settings name.
pub(super) struct Authority<'a> {
    pub(super) settings: &'a Settings,
    pub(super) transport: Transport,
}

impl<'a> Authority<'a> {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The file of extra roots cannot be used.
    pub(super) fn new(settings: &'a Settings) -> Result<Self, AcmeError> {
        Ok(Self { settings, transport: Transport::new(settings.extra_roots.as_deref())? })
    }

    pub(super) fn failed(&self, doing: &'static str, error: Error) -> AcmeError {
        match error {
            Error::Api(problem) => AcmeError::Refused { doing, refusal: self.refusal(&problem) },
            Error::Timeout(_) => AcmeError::TooSlow,
            Error::Other(error) => match error.downcast::<TransportError>() {
                Ok(source) => AcmeError::Unreachable { doing, source: *source },
                Err(error) => AcmeError::Protocol { doing, text: shown(&error.to_string()) },
            },
            error => AcmeError::Protocol { doing, text: shown(&error.to_string()) },
        }
    }

    pub(super) fn refusal(&self, problem: &instant_acme::Problem) -> Refusal {
        Refusal::new(problem, self.transport.retry_after())
    }
}
