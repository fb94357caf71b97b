//! The limits in force, under the names that `tureen.toml` has for them.

use serde_json::{Value, json};
use tureen_sandbox::Limits;
use tureen_sandbox::outbound::NetworkLimits;

/// Those that a person is always told, in words.
const IN_WORDS: [&str; 6] = [
    "memory_bytes",
    "call_time_milliseconds",
    "running_time_milliseconds",
    "host_calls",
    "output_bytes",
    "log_lines",
];

/// For a person: the usual ones in words, and which others are not as they are without a word
/// in `tureen.toml`.
pub(super) fn lines(limits: &Limits) -> Vec<String> {
    let usual = format!(
        "limits: {} bytes of memory, {:?} for a call, {:?} running, {} host calls, {} bytes of output, {} log lines",
        limits.memory_bytes,
        limits.call_time,
        limits.running_time,
        limits.host_calls,
        limits.output_bytes,
        limits.log_lines
    );
    let others = named(limits).into_iter().zip(named(&Limits::default()));
    let others = others.filter(|((name, value), (_, by_default))| {
        value != by_default && !value.is_null() && !IN_WORDS.contains(name)
    });
    let others: Vec<String> = others.map(|((name, value), _)| format!("{name} {value}")).collect();
    match others.is_empty() {
        true => vec![usual],
        false => vec![usual, format!("further limits: {}", others.join(", "))],
    }
}

/// For programs: all of them.
pub(super) fn to_json(limits: &Limits) -> Value {
    let named = named(limits).into_iter();
    Value::Object(named.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Taken apart whole, so that a new one is not forgotten here.
fn named(limits: &Limits) -> Vec<(&'static str, Value)> {
    let Limits {
        memory_bytes,
        call_time,
        running_time,
        host_calls,
        table_elements,
        table_count,
        memory_count,
        instance_count,
        handles,
        host_call_bytes,
        log_lines,
        log_bytes,
        notifications,
        output_bytes,
        network,
        variables,
        variable_bytes,
        calls_at_once,
        activity_instances,
    } = limits;
    let NetworkLimits { requests, connections, bytes, response_bytes, header_bytes, concurrent } =
        network;
    vec![
        ("memory_bytes", json!(memory_bytes)),
        ("call_time_milliseconds", json!(call_time.as_millis())),
        ("running_time_milliseconds", json!(running_time.as_millis())),
        ("host_calls", json!(host_calls)),
        ("host_call_bytes", json!(host_call_bytes)),
        ("handles", json!(handles)),
        ("table_elements", json!(table_elements)),
        ("table_count", json!(table_count)),
        ("memory_count", json!(memory_count)),
        ("instance_count", json!(instance_count)),
        ("output_bytes", json!(output_bytes)),
        ("variables", json!(variables)),
        ("variable_bytes", json!(variable_bytes)),
        ("calls_at_once", json!(calls_at_once)),
        ("activity_instances", json!(activity_instances)),
        ("log_lines", json!(log_lines)),
        ("log_bytes", json!(log_bytes)),
        ("notifications", json!(notifications)),
        ("outbound_requests", json!(requests)),
        ("outbound_connections", json!(connections)),
        ("outbound_bytes", json!(bytes)),
        ("response_bytes", json!(response_bytes)),
        ("outbound_header_bytes", json!(header_bytes)),
        ("outbound_concurrency", json!(concurrent)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    #[test]
    fn every_limit_has_the_name_that_a_home_writes() {
        for (name, value) in named(&Limits::default()) {
            let value = if value.is_null() { json!(1) } else { value };
            let text = format!("[plugins.p]\n{name} = {value}\n");
            let read = ServerConfig::parse(std::path::Path::new("tureen.toml"), &text);
            assert!(read.is_ok(), "{text}: {:?}", read.err());
        }
    }

    #[test]
    fn a_person_is_told_what_is_not_as_usual() {
        let network = NetworkLimits { requests: 5, ..NetworkLimits::default() };
        let of_one = Limits { network, calls_at_once: Some(32), ..Limits::default() };
        for (limits, further) in [
            (Limits::default(), None),
            (Limits { log_lines: 5, ..Limits::default() }, None),
            (
                Limits { activity_instances: 8, ..Limits::default() },
                Some("further limits: activity_instances 8"),
            ),
            (of_one, Some("further limits: calls_at_once 32, outbound_requests 5")),
        ] {
            let lines = lines(&limits);
            assert!(lines[0].starts_with("limits: 67108864 bytes of memory"), "{lines:?}");
            assert_eq!(lines.get(1).map(String::as_str), further);
        }
    }

    #[test]
    fn a_program_is_told_all() {
        let told = to_json(&Limits::default());
        for (name, expected) in [
            ("host_calls", json!(1_000_000)),
            ("call_time_milliseconds", json!(2_000)),
            ("calls_at_once", Value::Null),
            ("activity_instances", json!(1)),
            ("outbound_concurrency", json!(256)),
        ] {
            assert_eq!(told[name], expected, "{name}");
        }
    }
}
