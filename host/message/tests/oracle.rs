//! Compares with what independent parsers agreed on, over gathered messages.
//!
//! The corpora are not part of the repository. `TUREEN_CORPORA` names the
//! folder that holds `oracle/` and `hl7/`; without it the comparison says that
//! it was skipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "helpers of a test, outside a #[test] function"
)]

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path as FilePath, PathBuf};

use serde_json::Value as Json;
use tureen_message::hl7::acknowledgement::{Acknowledgement, Code};
use tureen_message::hl7::batch::Batch;
use tureen_message::hl7::{Header, Hl7, Hl7Path};
use tureen_message::{Limits, Value};

fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("TUREEN_CORPORA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: TUREEN_CORPORA does not name the folder of the corpora");
    }
    folder
}

fn json_lines(text: &str) -> impl Iterator<Item = Json> + '_ {
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap())
}

fn parse(bytes: Vec<u8>) -> Option<Hl7> {
    Hl7::parse(bytes, &Limits::default()).ok()
}

fn files_below(folder: &FilePath) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// The oracle's own preparation: no byte order mark, no MLLP bytes, CR only, no
/// blank lines.
fn prepared(raw: &[u8]) -> Vec<u8> {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let lines = raw.split(|byte| matches!(byte, b'\r' | b'\n'));
    let mut bytes = Vec::with_capacity(raw.len());
    for line in lines {
        let kept = line.iter().copied().filter(|byte| !matches!(byte, 0x0B | 0x1C));
        let before = bytes.len();
        bytes.extend(kept);
        if bytes.len() > before {
            bytes.push(b'\r');
        }
    }
    bytes
}

/// The peers read every message as UTF-8, whatever it declares. Where MSH-18
/// says ISO 8859-1 our reading of the same bytes is this.
fn as_declared(message: &Hl7, text: &str) -> String {
    let declared = message.text(&Hl7Path::parse("MSH-18").unwrap()).into_owned();
    match declared.as_str() {
        "8859/1" if !message.bytes().is_ascii() => text.bytes().map(char::from).collect(),
        _ => text.to_owned(),
    }
}

/// Differences of one message from the oracle, as path and kind.
fn differences(message: &Hl7, leaves: &[Json]) -> Vec<String> {
    let mut differences = Vec::new();
    for leaf in leaves {
        let path = leaf[0].as_str().unwrap();
        let value = leaf[1].as_str().unwrap();
        let raw = leaf.get(2).and_then(Json::as_str).unwrap_or(value);
        let place = Hl7Path::parse(path).unwrap();
        let (value, raw) = (&as_declared(message, value), &as_declared(message, raw));
        if message.structure(&place).as_deref() != Some(raw) {
            differences.push(format!("{path} raw"));
        }
        if message.text(&place) != *value {
            differences.push(format!("{path} decoded"));
        }
    }
    differences
}

#[test]
fn every_leaf_is_what_independent_parsers_agree_on() {
    let Some(corpora) = corpora() else { return };
    let packed = fs::read(corpora.join("oracle/all_by_message.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let (mut messages, mut leaves, mut as_sent) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in json_lines(&text) {
        let name = line["file"].as_str().unwrap().to_owned();
        let file = files
            .entry(name.clone())
            .or_insert_with_key(|name| fs::read(corpora.join(name)).unwrap());
        let start = usize::try_from(line["off"].as_u64().unwrap()).unwrap();
        let length = usize::try_from(line["len"].as_u64().unwrap()).unwrap();
        let raw = &file[start..start + length];
        let expected = line["leaves"].as_array().unwrap();
        let message =
            parse(prepared(raw)).unwrap_or_else(|| panic!("{name} {} parses", line["msg"]));
        assert_eq!(message.bytes(), prepared(raw), "{name} {}", line["msg"]);
        for difference in differences(&message, expected) {
            wrong.push(format!("{name} {}: {difference}", line["msg"]));
        }
        messages += 1;
        leaves += expected.len();
        let sent = parse(raw.to_vec()).expect("a message of the oracle parses as it was sent");
        assert_eq!(sent.bytes(), raw, "{name} {}", line["msg"]);
        if differences(&sent, expected).is_empty() {
            as_sent += 1;
        } else {
            println!("differs only as sent: {name} {}", line["msg"]);
        }
    }
    println!(
        "{messages} messages, {leaves} leaves raw and decoded: {} differences; \
         {as_sent} messages agree with their own line ends and framing too",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every gathered file is split where the oracle found its messages.
#[test]
fn files_are_split_where_their_messages_start() {
    let Some(corpora) = corpora() else { return };
    let packed = fs::read(corpora.join("oracle/all_by_message.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let mut starts: HashMap<String, Vec<usize>> = HashMap::new();
    for line in json_lines(&text) {
        let start = usize::try_from(line["off"].as_u64().unwrap()).unwrap();
        starts.entry(line["file"].as_str().unwrap().to_owned()).or_default().push(start);
    }
    let (mut alike, mut single, mut more) = (0, 0, 0);
    for (name, expected) in starts {
        let bytes = fs::read(corpora.join(&name)).unwrap();
        let batch = match Batch::split(&bytes, &Limits::default()) {
            Ok(batch) => batch,
            Err(problem) => {
                println!("{name} starts with something else");
                assert_eq!(problem.code, "hl7.header", "{name}");
                continue;
            }
        };
        if batch.is_single() {
            assert_eq!(expected.len(), 1, "{name}");
            single += 1;
            continue;
        }
        let found: Vec<usize> = batch.messages().iter().map(|range| range.start).collect();
        assert!(
            expected.iter().all(|start| found.contains(start)),
            "{name}: {found:?} {expected:?}"
        );
        // The oracle left out what its parsers refused.
        match found.len() == expected.len() {
            true => alike += 1,
            false => more += 1,
        }
    }
    println!("{single} files of one message, {alike} of several, {more} hold a refused one too");
    assert!(alike > 50 && more < 10);
}

#[test]
fn every_file_that_parses_is_written_back_byte_for_byte() {
    let Some(corpora) = corpora() else { return };
    let (mut parsed, mut refused) = (0, 0);
    for file in files_below(&corpora.join("hl7")) {
        let bytes = fs::read(&file).unwrap();
        let _ = Header::read(&bytes);
        match Hl7::parse(bytes.clone(), &Limits::default()) {
            Ok(message) => {
                assert_eq!(message.bytes(), bytes, "{}", file.display());
                let _ = message.check();
                parsed += 1;
            }
            Err(problem) => {
                println!("refused: {problem}");
                refused += 1;
            }
        }
    }
    println!("{parsed} files written back byte for byte, {refused} are no messages");
    assert!(parsed > 0);
}

fn case_bytes(input: &Json) -> Vec<u8> {
    match input.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => {
            let hex = input["bytes_hex"].as_str().unwrap();
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect()
        }
    }
}

/// Batch cases name messages: those that splitting gives.
fn batch_case_holds(case: &Json, path: &str) -> Option<bool> {
    let bytes = case_bytes(&case["input"]);
    let split = || Batch::split(&bytes, &Limits::default()).unwrap();
    if path == "messages" {
        return Some(split().messages().len() as u64 == case["expect"].as_u64().unwrap());
    }
    let path = Hl7Path::parse(path.strip_prefix("message[2]/")?).unwrap();
    let message = parse(bytes[split().messages()[1].clone()].to_vec()).unwrap();
    Some(message.text(&path) == case["expect"].as_str().unwrap())
}

fn case_holds(case: &Json) -> bool {
    let place = case["path"].as_str().unwrap();
    if let Some(holds) = batch_case_holds(case, place) {
        return holds;
    }
    let bytes = case_bytes(&case["input"]);
    let Some(mut message) = parse(bytes) else { return case["kind"] == "err" };
    let Ok(path) = Hl7Path::parse(place) else { return false };
    let expected = &case["expect"];
    let value = case["value"].as_str().unwrap_or_default();
    match case["kind"].as_str().unwrap() {
        "get" => message.get(&path) == Value::Text(expected.as_str().unwrap().into()),
        "raw" => message.structure(&path).as_deref() == expected.as_str(),
        "count" => message.count(&path) as u64 == expected.as_u64().unwrap(),
        "state" => {
            let state = match expected["state"].as_str().unwrap() {
                "absent" => Value::Absent,
                "empty" => Value::Empty,
                _ => Value::Null,
            };
            message.get(&path) == state
        }
        "set" if expected == "error" => message.set(&path, value).is_err(),
        "set" => message.set(&path, value).is_ok() && message.bytes() == case_bytes(expected),
        "set_raw" => {
            message.set_structure(&path, value).is_ok() && message.bytes() == case_bytes(expected)
        }
        _ => false,
    }
}

#[test]
fn all_hand_checked_cases_hold() {
    let Some(corpora) = corpora() else { return };
    let text = fs::read_to_string(corpora.join("oracle/edge_cases.jsonl")).unwrap();
    let cases: Vec<Json> = json_lines(&text).collect();
    let failed: Vec<&Json> =
        cases.iter().filter(|case| !case_holds(case)).map(|case| &case["id"]).collect();
    println!("{} of {} hand-checked cases hold", cases.len() - failed.len(), cases.len());
    assert_eq!(cases.len(), 121);
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn malformed_messages_neither_panic_nor_lose_bytes() {
    let Some(corpora) = corpora() else { return };
    let text = fs::read_to_string(corpora.join("oracle/robustness.jsonl")).unwrap();
    let (mut total, mut parsed) = (0, 0);
    for line in json_lines(&text) {
        let file = fs::read(corpora.join(line["file"].as_str().unwrap())).unwrap();
        let start = usize::try_from(line["off"].as_u64().unwrap()).unwrap();
        let length = usize::try_from(line["len"].as_u64().unwrap()).unwrap();
        let raw = &file[start..start + length];
        total += 1;
        let _ = Header::read(raw);
        let mut message = match Hl7::parse(raw.to_vec(), &Limits::default()) {
            Ok(message) => message,
            Err(problem) => {
                println!("refused: {problem}");
                continue;
            }
        };
        parsed += 1;
        assert_eq!(message.bytes(), raw);
        let _ = message.check();
        for path in ["PID-3[*]", "OBX[*]-5[*].1", "MSH-9.2", "OBX[2]", "PID-5.1.1"] {
            let path = Hl7Path::parse(path).unwrap();
            let _ = (message.get(&path), message.find(&path), message.count(&path));
        }
        let _ = message.set(&Hl7Path::parse("PID-5.1").unwrap(), "a|b");
        let _ = message.remove(&Hl7Path::parse("OBX[*]").unwrap());
    }
    println!("{total} malformed messages: {parsed} are read as far as they go, no panic");
    assert!(total > 0);
}

/// HAPI echoes only the first component of the addresses and normalises MSH-2;
/// time and control id are its own.
#[test]
fn acknowledgements_say_what_those_of_hapi_say() {
    let Some(corpora) = corpora() else { return };
    let text = fs::read_to_string(corpora.join("oracle/acks.jsonl")).unwrap();
    let accept = Acknowledgement {
        code: Code::AA,
        text: None,
        error: None,
        control_id: "1",
        timestamp: "20260101000000+0000",
    };
    let (mut compared, mut unanswered) = (0, 0);
    for line in json_lines(&text) {
        let header = Header::read(line["msh"].as_str().unwrap().as_bytes()).expect("an MSH line");
        let ours = parse(accept.build(Some(&header))).expect("an acknowledgement parses");
        // An answer in delimiters outside ASCII, which we refuse, is none either.
        let theirs = line["hapi"]["AA"].as_str().unwrap_or_default();
        let Some(theirs) = parse(theirs.as_bytes().to_vec()) else {
            unanswered += 1;
            continue;
        };
        for path in [
            "MSH-3.1", "MSH-4.1", "MSH-5.1", "MSH-6.1", "MSH-9", "MSH-11.1", "MSH-12.1", "MSA-1",
            "MSA-2",
        ] {
            let place = Hl7Path::parse(path).unwrap();
            let version = header.version();
            if path == "MSH-12.1" && (version.is_empty() || version.contains('\\')) {
                continue; // HAPI puts a version of its own, and drops a lone escape
            }
            assert_eq!(ours.text(&place), theirs.text(&place), "{path} of {}", line["msh"]);
        }
        compared += 1;
    }
    println!(
        "{compared} acknowledgements agree with HAPI's, {unanswered} have no usable answer of HAPI"
    );
    assert!(compared > 0);
}
