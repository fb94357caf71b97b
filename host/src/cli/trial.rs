//! One message as a receiver would hand it over: what `tureen run` and
//! `tureen test` have in common.
//!
//! Knows: which variables a receiver fills. Deliberately does not know: where
//! the message comes from, what is done with the outcome.

use std::sync::Arc;

use jiff::Zoned;
use tureen_message::media_type::MediaType;
use tureen_template::{Globals, RunFacts, Variables};

use crate::pipeline::Inbound;
use crate::workflow::definition::ReceiverKind;
use crate::workflow::running::Workflow;

/// The variables that only a receiver fills, in lower case.
const FILLED_BY_RECEIVERS: [&str; 4] =
    ["httpmethod", "clientip", "directoryscannerfilename", "postexecutionfilter"];

/// How names begin that receivers fill, in lower case.
const FILLED_FAMILIES: [&str; 3] = ["httpheader:", "clientcertificate", "servicebus"];

/// A message and what its receiver would say about it.
pub(super) struct Given {
    pub(super) body: Vec<u8>,
    /// What a directory scan would call the file.
    pub(super) file_name: Option<String>,
    pub(super) method: String,
    pub(super) client_ip: String,
    pub(super) media_type: Option<MediaType>,
    /// Also those that a receiver fills.
    pub(super) variables: Vec<(String, String)>,
    pub(super) received_at: Zoned,
}

impl Given {
    /// The message as the workflow's receiver would give it.
    pub(super) fn inbound(self, workflow: &Workflow) -> Inbound {
        let (builtin, variables): (Vec<_>, Vec<_>) =
            self.variables.into_iter().partition(|(name, _)| is_receivers(name));
        let scanned = match &workflow.definition().receiver.kind {
            ReceiverKind::Unsupported { class } => class.ends_with(".DirectoryScanReceiverSetting"),
            ReceiverKind::Http(_) => false,
        };
        let file_name = self.file_name.filter(|_| scanned);
        let file_name = file_name.map(|name| ("DirectoryScannerFileName".to_owned(), name));
        Inbound {
            body: self.body,
            method: self.method,
            client_ip: self.client_ip,
            media_type: self.media_type,
            // What is given counts more than what is known.
            builtin_variables: file_name.into_iter().chain(builtin).collect(),
            variables,
            received_at: self.received_at,
        }
    }
}

/// Does a receiver fill the variable of this name?
pub(super) fn is_receivers(name: &str) -> bool {
    let name = name.to_lowercase();
    FILLED_BY_RECEIVERS.contains(&name.as_str())
        || FILLED_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Why no receiver could give a variable of this name and value; `None` when one
/// could.
pub(super) fn refused_variable(name: &str, value: &str) -> Option<String> {
    if is_receivers(name) {
        return None;
    }
    let facts = RunFacts { received: Zoned::default(), instance: 0, clock: Zoned::now };
    let mut variables = Variables::new(facts, Arc::new(Globals::default()));
    variables.set(name, value).err().map(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_fills_may_be_given_and_what_is_the_servers_may_not() {
        for (name, receivers, refused) in [
            ("Mrn", false, false),
            ("DirectoryScannerFileName", true, false),
            ("directoryscannerfilename", true, false),
            ("HttpHeader:X-Request-ID", true, false),
            ("ClientCertificateSubject", true, false),
            ("ServiceBusMessageId", true, false),
            ("CurrentDateTime", false, true),
            ("UUID", false, true),
            ("", false, true),
        ] {
            assert_eq!(is_receivers(name), receivers, "{name}");
            assert_eq!(refused_variable(name, "x").is_some(), refused, "{name}");
        }
    }
}
