//! The report as one JSON object. What is not UTF-8 is there as base64.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use tureen_sandbox::{Failure, LogLine, Verdict};

use super::Report;
use super::text::level;
use crate::cli::plugin::test::advice;
use crate::cli::plugin::test::calls::{Answered, Lived};
use crate::cli::test::Inside;

impl Report<'_> {
    pub(in crate::cli::plugin::test) fn to_json(&self) -> Value {
        let plugin = &self.candidate.installed.plugin;
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        put(
            "plugin",
            json!({
                "name": plugin.name, "version": plugin.version, "kind": plugin.kind.name(),
                "sha256": plugin.digest_text(), "bytes": plugin.size,
            }),
        );
        put("outcome", json!(self.outcome()));
        put("good", json!(self.is_good()));
        put("refused", json!(self.refused));
        put("warnings", json!(self.warnings));
        put("error", self.error());
        put("changes", places(&self.changes(), "before", "after"));
        let set = self.variables();
        let set: Map<String, Value> =
            set.into_iter().map(|(name, _, after)| (name.to_owned(), json!(after))).collect();
        put("variables", Value::Object(set));
        put("unset", json!(self.unset()));
        put("time", self.time());
        put("limits", self.limits());
        put("granted", self.granted());
        if let Some(differences) = self.unexpected() {
            put("unexpected", places(&differences, "expected", "found"));
        }
        self.put_ran(&mut object);
        Value::Object(object)
    }

    fn put_ran(&self, object: &mut Map<String, Value>) {
        let Some(ran) = &self.ran else { return };
        match &ran.first.answer {
            Ok(Answered::Verdict(Verdict::Stop(reason))) => {
                object.insert("reason".to_owned(), json!(reason));
            }
            Ok(Answered::Transformed) => put_bytes(object, "message", &ran.first.message),
            Ok(Answered::Performed { response: Some(response) }) => {
                put_bytes(object, "response", response);
            }
            Ok(Answered::Performed { response: None }) => {
                object.insert("response".to_owned(), Value::Null);
            }
            Ok(Answered::Verdict(Verdict::Pass)) | Err(_) => {}
        }
        let used = &ran.used;
        let used = json!({
            "runningMilliseconds": milliseconds(used.running), "hostCalls": used.host_calls,
            "memoryBytes": used.memory_bytes, "logLinesCut": used.log_lines_cut,
        });
        object.insert("used".to_owned(), used);
        object.insert("log".to_owned(), log(&ran.first.log));
        let told = ran.first.notifications.iter();
        let told =
            told.map(|it| json!({ "text": it.text, "critical": it.critical, "key": it.key }));
        object.insert("notifications".to_owned(), told.collect());
        object.insert("differingRuns".to_owned(), json!(ran.differing));
        if !ran.life.is_empty() {
            object.insert("life".to_owned(), ran.life.iter().map(lived).collect());
        }
    }

    fn error(&self) -> Value {
        let failure = self.ran.as_ref().and_then(|ran| ran.first.answer.as_ref().err());
        failure.map_or(Value::Null, error)
    }

    fn time(&self) -> Value {
        let Some([shortest, middle, longest]) = self.times() else { return Value::Null };
        json!({
            "runs": self.ran.as_ref().map_or(0, |ran| ran.times.len()),
            "shortestMilliseconds": milliseconds(shortest),
            "middleMilliseconds": milliseconds(middle),
            "longestMilliseconds": milliseconds(longest),
            "settingsMilliseconds": self.settings_read.map(milliseconds),
        })
    }

    fn limits(&self) -> Value {
        let limits = &self.candidate.installed.limits;
        json!({
            "callMilliseconds": milliseconds(limits.call_time),
            "runningMilliseconds": milliseconds(limits.running_time),
            "memoryBytes": limits.memory_bytes, "hostCalls": limits.host_calls,
            "logLines": limits.log_lines, "logBytes": limits.log_bytes,
            "outputBytes": limits.output_bytes, "notifications": limits.notifications,
            "handles": limits.handles,
        })
    }

    fn granted(&self) -> Value {
        let directories = self.candidate.installed.grants.directories.iter();
        let directories = directories
            .map(|grant| json!({ "path": grant.path.to_string_lossy(), "write": grant.write }));
        json!({ "directories": directories.collect::<Vec<_>>(), "uses": self.notes })
    }
}

fn error(failure: &Failure) -> Value {
    json!({
        "code": failure.code, "fault": failure.fault.name(), "text": failure.text,
        "where": failure.place,
        "stack": failure.breakdown.as_ref().map(|breakdown| &breakdown.stack),
        "retryAfterMilliseconds": failure.retry_after_ms,
        "help": advice::on(&failure.code, failure.fault),
    })
}

fn lived(lived: &Lived) -> Value {
    json!({
        "call": lived.call, "milliseconds": milliseconds(lived.took),
        "error": lived.failure.as_ref().map(error), "log": log(&lived.log),
    })
}

fn log(lines: &[LogLine]) -> Value {
    lines.iter().map(|line| json!({ "level": level(line.level), "text": line.text })).collect()
}

fn places(places: &[Inside], one: &str, other: &str) -> Value {
    let place =
        |(place, first, second): &Inside| json!({ "place": place, one: first, other: second });
    places.iter().map(place).collect()
}

fn put_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    let (name, value) = match std::str::from_utf8(bytes) {
        Ok(text) => (name.to_owned(), text.to_owned()),
        Err(_) => (format!("{name}Base64"), BASE64.encode(bytes)),
    };
    object.insert(name, Value::String(value));
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
