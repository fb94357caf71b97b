//! The limits of a plugin: those of its kind, and what `tureen.toml` says of it.

use std::time::Duration;

use tureen_sandbox::{Kind, Limits, Plugin};

use crate::config;

/// Wall time of an activity's call: it waits for disks and peers.
const ACTIVITY_CALL_TIME: Duration = Duration::from_secs(30);

/// Calls of one plugin at the same time that is not a standard one: half of the
/// default number of messages in flight.
const CALLS_AT_ONCE: usize = 32;

/// Requests that one HTTP sender of one workflow makes in parallel: each waits for its
/// answer, and they are no conversation whose order would matter (contract 3.2).
const HTTP_SENDER_INSTANCES: usize = 8;
const HTTP_SENDER: &str = "http-sender";

/// Takes over what the operator wrote.
fn set<T>(limit: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *limit = written;
    }
}

pub(super) fn limits_of(
    plugin: &Plugin,
    is_standard: bool,
    body_bytes: usize,
    written: Option<&config::Plugin>,
) -> Limits {
    let mut limits = Limits::default();
    // A plugin can hand over any message that the server takes.
    limits.host_call_bytes = limits.host_call_bytes.max(body_bytes.saturating_add(64 << 10));
    // The standard ones serve every workflow; what they do is bounded by messages.
    limits.calls_at_once = (!is_standard).then_some(CALLS_AT_ONCE);
    if plugin.kind == Kind::Activity {
        limits.call_time = ACTIVITY_CALL_TIME;
    }
    if is_standard && plugin.name == HTTP_SENDER {
        limits.activity_instances = HTTP_SENDER_INSTANCES;
    }
    let Some(written) = written else { return limits };
    limits.network = written.network_limits();
    let count = |calls: u64| u32::try_from(calls).unwrap_or(u32::MAX);
    let milliseconds = Duration::from_millis;
    set(&mut limits.memory_bytes, written.memory_bytes);
    set(&mut limits.call_time, written.call_time_milliseconds.map(milliseconds));
    set(&mut limits.running_time, written.running_time_milliseconds.map(milliseconds));
    set(&mut limits.host_calls, written.host_calls.map(count));
    set(&mut limits.host_call_bytes, written.host_call_bytes);
    set(&mut limits.handles, written.handles);
    set(&mut limits.table_elements, written.table_elements);
    set(&mut limits.table_count, written.table_count);
    set(&mut limits.memory_count, written.memory_count);
    set(&mut limits.instance_count, written.instance_count);
    set(&mut limits.log_lines, written.log_lines.map(|lines| count(lines as u64)));
    set(&mut limits.log_bytes, written.log_bytes);
    set(&mut limits.notifications, written.notifications.map(|it| count(it as u64)));
    set(&mut limits.output_bytes, written.output_bytes);
    set(&mut limits.variables, written.variables);
    set(&mut limits.variable_bytes, written.variable_bytes);
    set(&mut limits.activity_instances, written.activity_instances);
    if written.calls_at_once.is_some() {
        limits.calls_at_once = written.calls_at_once;
    }
    limits
}
