//! What stands behind the receiver: the pipeline, for the workflows that run.

use std::sync::Arc;

use bytes::Bytes;
use tureen_message::media_type::MediaType;

use crate::pipeline::{Inbound, Pipeline};
use crate::receiver::{Exchange, Received, Reply};
use crate::workflow::running::Workflow;

/// What a route leads to.
#[derive(Clone)]
pub(super) enum Target {
    Live(Arc<Workflow>),
    /// A workflow that does not run: disabled, or its file has errors.
    Stopped,
}

/// Connects the receiver with the pipeline.
pub(super) struct Receiving {
    pub(super) pipeline: Arc<Pipeline>,
}

impl Exchange<Target> for Receiving {
    async fn receive(&self, target: Target, received: Received) -> Reply {
        let Target::Live(workflow) = target else { return Reply::empty(503) };
        let media_type = received.content_type.as_deref();
        let media_type = media_type.and_then(|text| MediaType::parse(text.as_bytes()).ok());
        let builtin_variables = received.builtin_variables();
        let inbound = Inbound {
            body: Vec::from(received.body),
            method: received.method,
            client_ip: received.client_ip.to_string(),
            media_type,
            builtin_variables,
            variables: received.variables,
            received_at: received.received_at,
        };
        let response = self.pipeline.receive(workflow, inbound).await;
        Reply {
            status: response.status,
            content_type: response.content_type,
            body: Bytes::from(response.body),
            headers: Vec::new(),
        }
    }

    fn health(&self, target: &Target) -> u16 {
        match target {
            Target::Live(_) => 200,
            Target::Stopped => 503,
        }
    }
}
