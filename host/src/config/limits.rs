//! The keys that bound what senders can use up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::between;

/// Every limit of the network side. Units are in the names.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub connections: usize,
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub connections_per_peer: usize,
    /// TLS handshakes at the same time; 0 for four a processor.
    #[serde(deserialize_with = "between::<0, 100_000, _, _>")]
    pub handshakes_in_flight: usize,
    /// File descriptors that connections must leave free.
    #[serde(deserialize_with = "between::<0, 1_000_000, _, _>")]
    pub reserved_descriptors: usize,
    /// Age at which a connection is closed after the request in flight; 0 for never.
    #[serde(deserialize_with = "between::<0, 604_800, _, _>")]
    pub connection_age_seconds: u64,
    /// Requests after which a connection is closed; 0 for never.
    #[serde(deserialize_with = "between::<0, 1_000_000_000, _, _>")]
    pub requests_per_connection: u64,
    /// Requests per second from one client address; 0 for no limit.
    #[serde(deserialize_with = "between::<0, 1_000_000, _, _>")]
    pub requests_per_second_per_client: u32,
    /// Requests that a client may send at once before its rate counts.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub request_burst_per_client: u32,
    /// Wrong credentials per minute from one client address, and for one user name.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub failed_logins_per_minute: u32,
    /// Client certificate chain of one handshake.
    #[serde(deserialize_with = "between::<1_024, 1_048_576, _, _>")]
    pub client_chain_bytes: usize,
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub requests_in_flight: usize,
    #[serde(deserialize_with = "between::<1, 100_000, _, _>")]
    pub messages_in_flight: usize,
    /// Of these, messages of one workflow; 0 for three quarters.
    #[serde(deserialize_with = "between::<0, 100_000, _, _>")]
    pub messages_in_flight_per_workflow: usize,
    /// All steps of one message together, from its start.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub message_time_seconds: u64,
    /// Linear memory of all plugin instances together.
    #[serde(deserialize_with = "between::<1_048_576, 1_099_511_627_776, _, _>")]
    pub plugin_memory_bytes: usize,
    /// Calls of plugins that run long, at the same moment; 0 for half of the processors.
    #[serde(deserialize_with = "between::<0, 10_000, _, _>")]
    pub long_calls: usize,
    /// How much their threads give way to all others.
    #[serde(deserialize_with = "between::<0, 19, _, _>")]
    pub long_call_niceness: u8,
    /// The stack of a plugin's call.
    #[serde(deserialize_with = "between::<65_536, 8_388_608, _, _>")]
    pub plugin_stack_bytes: usize,
    /// How long a message waits for its turn; 0 for not at all.
    #[serde(deserialize_with = "between::<0, 3_600, _, _>")]
    pub message_wait_seconds: u64,
    /// Head of a request. Below 1 KiB ordinary clients fail.
    #[serde(deserialize_with = "between::<1_024, 1_048_576, _, _>")]
    pub header_bytes: usize,
    #[serde(deserialize_with = "between::<8, 1_000, _, _>")]
    pub header_count: usize,
    #[serde(deserialize_with = "between::<64, 65_534, _, _>")]
    pub url_bytes: usize,
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub handshake_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<1, 600, _, _>")]
    pub header_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub idle_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<1, 1_073_741_824, _, _>")]
    pub body_bytes: usize,
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub body_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub body_rate_grace_seconds: u64,
    /// 0 switches the check of the rate off; the deadline stays.
    #[serde(deserialize_with = "between::<0, 1_073_741_824, _, _>")]
    pub body_rate_bytes_per_second: u64,
    /// How many times longer than its compressed form a body may be.
    #[serde(deserialize_with = "between::<1, 10_000, _, _>")]
    pub decompression_ratio: u64,
    #[serde(deserialize_with = "between::<1, 1_099_511_627_776, _, _>")]
    pub body_bytes_in_flight: usize,
    #[serde(deserialize_with = "between::<1, 3_600, _, _>")]
    pub write_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<0, 86_400, _, _>")]
    pub drain_timeout_seconds: u64,
    #[serde(deserialize_with = "between::<1_024, 1_073_741_824, _, _>")]
    pub workflow_bytes: usize,
    /// The file of one lookup table or data table.
    #[serde(deserialize_with = "between::<1, 1_073_741_824, _, _>")]
    pub table_bytes: usize,
    /// Rows of one data table.
    #[serde(deserialize_with = "between::<1, 10_000_000, _, _>")]
    pub table_rows: usize,
    /// Fields of one data table.
    #[serde(deserialize_with = "between::<1, 10_000, _, _>")]
    pub table_fields: usize,
}

impl Limits {
    pub fn handshake_timeout(&self) -> Duration {
        Duration::from_secs(self.handshake_timeout_seconds)
    }
    pub fn message_wait(&self) -> Duration {
        Duration::from_secs(self.message_wait_seconds)
    }
    pub fn message_time(&self) -> Duration {
        Duration::from_secs(self.message_time_seconds)
    }
    /// Messages that one workflow may have in flight: never none, and never all of
    /// several, so that no workflow can take every place.
    pub fn messages_of_one_workflow(&self) -> usize {
        match self.messages_in_flight_per_workflow {
            0 => (self.messages_in_flight * 3 / 4).max(1),
            written => written,
        }
    }
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds)
    }
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_seconds)
    }
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }
    pub fn body_rate_grace(&self) -> Duration {
        Duration::from_secs(self.body_rate_grace_seconds)
    }
    pub fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_seconds)
    }
    /// Zero for no limit.
    pub fn connection_age(&self) -> Duration {
        Duration::from_secs(self.connection_age_seconds)
    }
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout_seconds)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_peer: 256,
            handshakes_in_flight: 0,
            reserved_descriptors: 32,
            connection_age_seconds: 3_600,
            requests_per_connection: 0,
            requests_per_second_per_client: 0,
            request_burst_per_client: 100,
            failed_logins_per_minute: 10,
            client_chain_bytes: 32 * 1024,
            requests_in_flight: 512,
            messages_in_flight: 64,
            messages_in_flight_per_workflow: 0,
            message_wait_seconds: 10,
            message_time_seconds: 120,
            plugin_memory_bytes: 2 * 1024 * 1024 * 1024,
            plugin_stack_bytes: 512 * 1024,
            long_calls: 0,
            long_call_niceness: 10,
            header_bytes: 16 * 1024,
            header_count: 100,
            url_bytes: 8 * 1024,
            handshake_timeout_seconds: 10,
            header_timeout_seconds: 10,
            idle_timeout_seconds: 75,
            body_bytes: 16 * 1024 * 1024,
            body_timeout_seconds: 30,
            body_rate_grace_seconds: 10,
            body_rate_bytes_per_second: 1_000,
            decompression_ratio: 100,
            body_bytes_in_flight: 256 * 1024 * 1024,
            write_timeout_seconds: 30,
            drain_timeout_seconds: 30,
            workflow_bytes: 16 * 1024 * 1024,
            table_bytes: 16 * 1024 * 1024,
            table_rows: 100_000,
            table_fields: 256,
        }
    }
}
