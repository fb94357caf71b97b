//! What comes into the pipeline: a message, and what is to be done with it.

use jiff::Zoned;
use tureen_message::media_type::MediaType;

/// One received message, complete.
pub struct Inbound {
    pub body: Vec<u8>,
    pub method: String,
    pub client_ip: String,
    /// The Content-Type of the request, where it has one that can be read.
    pub media_type: Option<MediaType>,
    /// What the host says about the client and its request. A workflow reads these and cannot set
    /// them.
    pub builtin_variables: Vec<(String, String)>,
    /// Declared query parameters and path sections, defaults applied.
    pub variables: Vec<(String, String)>,
    pub received_at: Zoned,
}

impl Inbound {
    /// The same request with another body.
    pub(super) fn with_body(&self, body: Vec<u8>) -> Self {
        Self {
            body,
            method: self.method.clone(),
            client_ip: self.client_ip.clone(),
            media_type: self.media_type.clone(),
            builtin_variables: self.builtin_variables.clone(),
            variables: self.variables.clone(),
            received_at: self.received_at.clone(),
        }
    }
}

/// Are activities performed, or only shown?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Performance {
    Live,
    /// `tureen run`: messages are built, nothing leaves, and a record is kept.
    Shown,
    /// `tureen run --live`: performed, with a record.
    LiveRecorded,
}

impl Performance {
    pub(super) fn is_live(self) -> bool {
        self != Self::Shown
    }

    pub(super) fn is_recorded(self) -> bool {
        self != Self::Live
    }
}
