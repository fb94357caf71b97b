//! How fast messages are parsed and read, beside other parsers in the same run.
//!
//! `TUREEN_CORPORA` names the folder of the corpora (`oracle/` and `hl7/`);
//! without it a generated set is measured. Every figure is the best of several
//! rounds, and the parsers take turns within a round, so that a busy machine
//! disturbs all of them alike. Peers get the same messages as `&str`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tureen_message::Limits;
use tureen_message::hl7::{Hl7, Hl7Path};

const ROUNDS: usize = 15;
const PATHS: [&str; 10] = [
    "MSH-9.1", "MSH-9.2", "MSH-10", "PID-3.1", "PID-5.1", "PID-5.2", "PID-7", "PV1-2", "OBX-3.1",
    "OBX-5",
];
/// The same places in the spelling of hl7-parser.
const DOTTED: [&str; 10] = [
    "MSH.9.1", "MSH.9.2", "MSH.10", "PID.3.1", "PID.5.1", "PID.5.2", "PID.7", "PV1.2", "OBX.3.1",
    "OBX.5",
];

fn main() {
    let messages = corpus().unwrap_or_else(generated);
    let bytes: usize = messages.iter().map(String::len).sum();
    println!(
        "{} messages, {:.2} MB, mean {} bytes, best of {ROUNDS} rounds",
        messages.len(),
        bytes as f64 / 1e6,
        bytes / messages.len()
    );
    let mut table = Table::new(bytes, messages.len());
    let limits = Limits::default();
    for _ in 0..ROUNDS {
        parse_round(&mut table, &messages, &limits);
        read_round(&mut table, &messages, &limits);
    }
    table.print();
    single_calls(&messages);
}

fn parse_round(table: &mut Table, messages: &[String], limits: &Limits) {
    let owned: Vec<Vec<u8>> = messages.iter().map(|text| text.clone().into_bytes()).collect();
    table.measure("parse", "tureen-message", || {
        for bytes in owned {
            black_box(Hl7::parse(bytes, limits).is_ok());
        }
    });
    table.measure("parse", "er7", || {
        for text in messages {
            black_box(er7::parse(text).is_ok());
        }
    });
    table.measure("parse", "hl7-parser", || {
        for text in messages {
            black_box(hl7_parser::parse_message(text).is_ok());
        }
    });
}

fn read_round(table: &mut Table, messages: &[String], limits: &Limits) {
    let owned: Vec<Vec<u8>> = messages.iter().map(|text| text.clone().into_bytes()).collect();
    let what = "parse + 10 reads by text path";
    table.measure(what, "tureen-message", || {
        for bytes in owned {
            let message = Hl7::parse(bytes, limits).unwrap();
            for path in PATHS {
                black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
            }
        }
    });
    table.measure(what, "er7", || {
        for message in messages.iter().filter_map(|text| er7::parse(text).ok()) {
            for path in PATHS {
                black_box(message.query(black_box(path)).unwrap());
            }
        }
    });
    table.measure(what, "hl7-parser", || {
        for message in messages.iter().filter_map(|text| hl7_parser::parse_message(text).ok()) {
            for path in DOTTED {
                black_box(message.query(black_box(path)).map(|found| found.raw_value().len()));
            }
        }
    });
}

/// Single calls on one message of middle length.
fn single_calls(messages: &[String]) {
    let mut by_length: Vec<&String> = messages.iter().collect();
    by_length.sort_by_key(|text| text.len());
    let text = by_length[by_length.len() / 2];
    let message = Hl7::parse(text.clone().into_bytes(), &Limits::default()).unwrap();
    println!("\none message of {} bytes, ns per call", text.len());
    for path in PATHS {
        let compiled = Hl7Path::parse(path).unwrap();
        let by_text = nanoseconds(|| {
            black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
        });
        let by_path = nanoseconds(|| {
            black_box(message.get(black_box(&compiled)));
        });
        println!("  get {path:<8} by text {by_text:>6.1}   by compiled path {by_path:>6.1}");
    }
    let compiled = Hl7Path::parse("PID-5.1").unwrap();
    let mut changed = message.clone();
    let mut turn = false;
    let set = nanoseconds(|| {
        turn = !turn;
        changed.set(black_box(&compiled), if turn { "Longer^Name" } else { "Short" }).unwrap();
    });
    println!("  set PID-5.1  {set:>6.1}");
    let copy = nanoseconds(|| {
        black_box(message.clone());
    });
    println!("  clone        {copy:>6.1}");
}

fn nanoseconds(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 20_000;
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        best = best.min(start.elapsed());
    }
    best.as_nanos() as f64 / f64::from(CALLS)
}

/// Best times by what was done and by whom, in the order of first measuring.
struct Table {
    rows: Vec<(&'static str, &'static str, Duration)>,
    bytes: usize,
    messages: usize,
}

impl Table {
    fn new(bytes: usize, messages: usize) -> Self {
        Self { rows: Vec::new(), bytes, messages }
    }

    fn measure(&mut self, what: &'static str, who: &'static str, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        let time = start.elapsed();
        match self.rows.iter_mut().find(|row| (row.0, row.1) == (what, who)) {
            Some(row) => row.2 = row.2.min(time),
            None => self.rows.push((what, who, time)),
        }
    }

    fn print(&self) {
        for (what, who, time) in &self.rows {
            let own = self.rows.iter().find(|row| row.0 == *what).map_or(*time, |row| row.2);
            println!(
                "{what:<30} {who:<15} {:>8.1} MB/s {:>9.0} ns/message {:>7.1}x our time",
                self.bytes as f64 / 1e6 / time.as_secs_f64(),
                time.as_nanos() as f64 / self.messages as f64,
                time.as_secs_f64() / own.as_secs_f64(),
            );
        }
    }
}

/// The messages of the oracle with CR as terminator, which all parsers take.
fn corpus() -> Option<Vec<String>> {
    let folder = PathBuf::from(std::env::var_os("TUREEN_CORPORA")?);
    let packed = std::fs::read(folder.join("oracle/all_by_message.jsonl.gz")).expect("the oracle");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let messages = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let file = std::fs::read(folder.join(line["file"].as_str().unwrap())).unwrap();
        let number = |key: &str| usize::try_from(line[key].as_u64().unwrap()).unwrap();
        let raw = &file[number("off")..number("off") + number("len")];
        let text = String::from_utf8_lossy(raw);
        let text = text.trim_matches(['\u{FEFF}', '\u{0B}', '\u{1C}', '\r', '\n']);
        text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\r")
            + "\r"
    });
    Some(messages.collect())
}

/// Laboratory results of different lengths.
fn generated() -> Vec<String> {
    println!("TUREEN_CORPORA is not set: measuring generated messages");
    (0..3000_usize)
        .map(|number| {
            let mut text = format!(
                "MSH|^~\\&|LAB|ACME^1.2.3^ISO|EHR|CLINIC|20260815120000+0000||ORU^R01^ORU_R01|M{number}\
                 |P|2.5.1|||AL|NE\rPID|1||{number}^^^ACME&1.2.3&ISO^MR~9{number}^^^XYZ^PI||Name\
                 {number}^Given^Q||19800101|F|||1 Main Street^^Town^ST^12345^USA||(555)555-0100\r\
                 PV1|1|O|WARD^101^1|||||123^Doctor^Ann|||MED||||1|||456^Doctor^Bob|OUT|V{number}\r\
                 OBR|1|P{number}|F{number}|24331-1^Lipid panel^LN|||20260815110000\r"
            );
            for row in 1..=number % 20 {
                text.push_str(&format!(
                    "OBX|{row}|NM|2093-{row}^Cholesterol^LN||{}|mg/dL^^UCUM|100-200|N|||F|||2026\r",
                    number + row
                ));
            }
            text
        })
        .collect()
}
