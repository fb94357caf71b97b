//! How fast HL7 messages are parsed, read, changed and written, beside other
//! parsers in the same run, and how that grows with the message.
//!
//! `TUREEN_CORPORA` names the folder of the corpora (`oracle/` and `hl7/`);
//! without it a generated set is measured. Every figure is the best of several
//! rounds, and the parsers take turns within a round, so that a busy machine
//! disturbs all of them alike: ratios are more to be trusted than times. Peers
//! get the same messages as `&str`. `--quick` takes fewer rounds, `--calls` leaves
//! the comparisons out, `--own` the peers. `--steps` runs each step once on every message, each in a
//! function of its own, for `valgrind --tool=callgrind`, whose counts no busy
//! machine disturbs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tureen_message::Limits;
use tureen_message::hl7::batch::Batch;
use tureen_message::hl7::{Hl7, Hl7Path, Parser};

const PATHS: [&str; 10] = [
    "MSH-9.1", "MSH-9.2", "MSH-10", "PID-3.1", "PID-5.1", "PID-5.2", "PID-7", "PV1-2", "OBX-3.1",
    "OBX-5",
];
/// The same places in the spelling of hl7-parser.
const DOTTED: [&str; 10] = [
    "MSH.9.1", "MSH.9.2", "MSH.10", "PID.3.1", "PID.5.1", "PID.5.2", "PID.7", "PV1.2", "OBX.3.1",
    "OBX.5",
];
/// The same places as rust-hl7 has them: its paths panic on many messages. Of MSH
/// it counts the name as 0 and the encoding characters as 1.
const NUMBERED: [(&str, usize, usize); 10] = [
    ("MSH", 8, 0),
    ("MSH", 8, 1),
    ("MSH", 9, 0),
    ("PID", 3, 0),
    ("PID", 5, 0),
    ("PID", 5, 1),
    ("PID", 7, 0),
    ("PV1", 2, 0),
    ("OBX", 3, 0),
    ("OBX", 5, 0),
];
/// How often a short message is taken between two looks at the clock, which take as
/// long as a parse does.
const REPEATED: usize = 200;
/// Large enough for what is measured here.
static LIMITS: LazyLock<Limits> =
    LazyLock::new(|| Limits { message_bytes: 100 << 20, segments: 2_000_000, ..Limits::default() });

fn main() {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    if has("--steps") {
        return steps();
    }
    let rounds = if has("--quick") { 3 } else { 15 };
    let corpus = corpus().unwrap_or_else(generated);
    if !has("--calls") {
        compare("corpus", &corpus, rounds);
        compare("an ADT", &vec![adt(); REPEATED], rounds * 4);
        compare("an ORU of 20 results", &vec![oru(20); REPEATED], rounds * 2);
        compare("one ORU of 5 MB", &[oru(60_000)], rounds.min(4));
    }
    single_calls(&corpus, rounds);
    growth(rounds.min(5));
}

/// All parsers over the same messages.
fn compare(name: &str, messages: &[String], rounds: usize) {
    let bytes: usize = messages.iter().map(String::len).sum();
    println!(
        "\n{name}: {} messages, {:.3} MB, mean {} bytes, best of {rounds} rounds",
        messages.len(),
        bytes as f64 / 1e6,
        bytes / messages.len()
    );
    let mut table = Table::new(bytes, messages.len());
    for _ in 0..rounds {
        parse_round(&mut table, messages);
        read_round(&mut table, messages);
        write_round(&mut table, messages);
    }
    table.print();
}

fn copies(messages: &[String]) -> Vec<Vec<u8>> {
    messages.iter().map(|text| text.clone().into_bytes()).collect()
}

fn parse_round(table: &mut Table, messages: &[String]) {
    let what = "parse";
    let owned = copies(messages);
    table.measure(what, "tureen-message", || {
        for bytes in owned {
            black_box(Hl7::parse(bytes, &LIMITS).is_ok());
        }
    });
    table.measure(what, "er7", || {
        for text in messages {
            black_box(er7::parse(text).is_ok());
        }
    });
    table.measure(what, "hl7-parser", || {
        for text in messages {
            black_box(hl7_parser::parse_message(text).is_ok());
        }
    });
    table.measure(what, "hl7-2", || {
        for text in messages {
            black_box(hl7_2::parse(text).is_ok());
        }
    });
    table.measure(what, "rust-hl7", || {
        for text in messages {
            black_box(rusthl7::message::Message::try_from(text.as_str()).is_ok());
        }
    });
}

fn read_round(table: &mut Table, messages: &[String]) {
    let what = "parse + 10 reads by text path";
    let owned = copies(messages);
    table.measure(what, "tureen-message", || {
        for bytes in owned {
            let message = Hl7::parse(bytes, &LIMITS).unwrap();
            for path in PATHS {
                black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
            }
        }
    });
    let mut parser = Parser::new(&LIMITS);
    let mut owned = copies(messages);
    table.measure(what, "the same, Parser", || {
        for bytes in &mut owned {
            let message = parser.parse(std::mem::take(bytes)).unwrap();
            for path in PATHS {
                black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
            }
            *bytes = parser.recycle(message);
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
    table.measure(what, "hl7-2", || {
        for message in messages.iter().filter_map(|text| hl7_2::parse(text).ok()) {
            for path in PATHS {
                let _ = black_box(message.get(black_box(path)));
            }
        }
    });
    table.measure(what, "rust-hl7", || {
        for text in messages {
            let Ok(message) = rusthl7::message::Message::try_from(text.as_str()) else { continue };
            for (name, field, component) in NUMBERED {
                let segment = message.segments.iter().find(|it| it.fields[0].source == name);
                let field = segment.and_then(|it| it.fields.get(black_box(field)));
                let repetition = field.and_then(|it| it.components.first());
                black_box(repetition.and_then(|it| it.get(component)).copied());
            }
        }
    });
}

fn write_round(table: &mut Table, messages: &[String]) {
    let what = "parse, set PID-5.1, write";
    let path = Hl7Path::parse("PID-5.1").unwrap();
    let owned = copies(messages);
    table.measure(what, "tureen-message", || {
        for bytes in owned {
            let mut message = Hl7::parse(bytes, &LIMITS).unwrap();
            let _ = message.set(&path, black_box("A longer name"));
            black_box(message.into_bytes());
        }
    });
    table.measure(what, "er7, without the set", || {
        for message in messages.iter().filter_map(|text| er7::parse(text).ok()) {
            black_box(message.to_string());
        }
    });
    table.measure(what, "hl7-2", || {
        for mut message in messages.iter().filter_map(|text| hl7_2::parse(text).ok()) {
            let _ = message.set("PID-5.1", black_box("A longer name"));
            black_box(message.to_er7());
        }
    });
}

/// Single calls on one message of about 2 KB.
fn single_calls(messages: &[String], rounds: usize) {
    let text = messages.iter().min_by_key(|text| text.len().abs_diff(2_000)).unwrap();
    let bytes = text.as_bytes();
    let message = Hl7::parse(bytes.to_vec(), &LIMITS).unwrap();
    println!("\none message of {} bytes, ns per call", text.len());
    for path in PATHS {
        let compiled = Hl7Path::parse(path).unwrap();
        let by_text = nanoseconds(rounds, || {
            black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
        });
        let by_path = nanoseconds(rounds, || {
            black_box(message.get(black_box(&compiled)));
        });
        println!("  get {path:<8} by text {by_text:>6.1}   by compiled path {by_path:>6.1}");
    }
    let compiled = Hl7Path::parse("PID-5.1").unwrap();
    let mut changed = message.clone();
    let mut turn = false;
    let mut next = || {
        turn = !turn;
        if turn { "Longer^Name" } else { "Short" }
    };
    let set = nanoseconds(rounds, || changed.set(black_box(&compiled), next()).unwrap());
    println!("  set PID-5.1              {set:>8.1}");
    let written = nanoseconds(rounds, || {
        changed.set(black_box(&compiled), next()).unwrap();
        black_box(changed.bytes().len());
    });
    println!("  set PID-5.1 and write    {written:>8.1}");
    let copy = nanoseconds(rounds, || {
        black_box(message.clone());
    });
    println!("  clone                    {copy:>8.1}");
    let split = nanoseconds(rounds, || {
        black_box(Batch::split(black_box(bytes), &LIMITS).unwrap().is_single());
    });
    println!("  Batch::split, a message  {split:>8.1}");
    let parse = nanoseconds(rounds, || {
        black_box(Hl7::parse(black_box(bytes).to_vec(), &LIMITS).is_ok());
    });
    println!("  copy and parse           {parse:>8.1}");
}

fn steps() {
    #[inline(never)]
    fn step_parse(bytes: &[u8]) -> Hl7 {
        Hl7::parse(bytes.to_vec(), &LIMITS).unwrap()
    }
    #[inline(never)]
    fn step_read(message: &Hl7) {
        for path in PATHS {
            black_box(message.get(&Hl7Path::parse(black_box(path)).unwrap()));
        }
    }
    #[inline(never)]
    fn step_set(message: &mut Hl7, path: &Hl7Path, value: &str) {
        let _ = message.set(path, value);
    }
    #[inline(never)]
    fn step_write(message: &Hl7) -> usize {
        message.bytes().len()
    }
    #[inline(never)]
    fn step_split(bytes: &[u8]) -> bool {
        Batch::split(bytes, &LIMITS).is_ok_and(|batch| batch.is_single())
    }
    let path = Hl7Path::parse("PID-5.1").unwrap();
    let messages = corpus().unwrap_or_else(|| vec![oru(20); 1_000]);
    for (turn, text) in messages.iter().enumerate() {
        let mut message = step_parse(black_box(text.as_bytes()));
        step_read(&message);
        step_set(&mut message, &path, if turn % 2 == 0 { "Longer^Name" } else { "Short" });
        black_box(step_write(&message));
        black_box(step_split(text.as_bytes()));
    }
}

/// What a byte or a segment costs while the message grows: a line that stays
/// level is linear.
fn growth(rounds: usize) {
    println!("\ngrowth: ns per byte or per segment, best of {rounds} rounds");
    println!(
        "{:>10} {:>9} {:>11} {:>13} {:>11} {:>11} {:>12}",
        "bytes", "segments", "parse/byte", "last get/seg", "set/seg", "read/seg", "append/seg"
    );
    for rows in [10, 100, 1_000, 10_000, 100_000, 600_000] {
        let text = oru(rows);
        let segments = (rows + 4) as f64;
        let last = Hl7Path::parse(&format!("OBX[{}]-5", rows.min(65_535))).unwrap();
        let parse = once(
            rounds,
            || text.clone().into_bytes(),
            |bytes| {
                black_box(Hl7::parse(bytes, &LIMITS).unwrap());
            },
        );
        let message = Hl7::parse(text.clone().into_bytes(), &LIMITS).unwrap();
        let get = once(
            rounds,
            || message.clone(),
            |message| {
                black_box(message.get(&last));
            },
        );
        let walked = rows.min(65_535);
        let paths: Vec<Hl7Path> =
            (1..=walked).map(|row| Hl7Path::parse(&format!("OBX[{row}]-5")).unwrap()).collect();
        let set = once(
            rounds,
            || message.clone(),
            |mut message| {
                for path in &paths {
                    message.set(path, "a value that is longer than the one before").unwrap();
                }
                black_box(message.into_bytes());
            },
        );
        let read = once(
            rounds,
            || message.clone(),
            |message| {
                for path in &paths {
                    black_box(message.count(path));
                    black_box(message.get(path));
                }
            },
        );
        let append = once(
            rounds,
            || message.clone(),
            |mut message| {
                for _ in 0..walked {
                    message.append("NTE|1||a note").unwrap();
                }
                black_box(message.into_bytes());
            },
        );
        println!(
            "{:>10} {:>9} {:>11.3} {:>13.3} {:>11.1} {:>11.1} {:>12.1}",
            text.len(),
            rows + 4,
            parse / text.len() as f64,
            get / segments,
            set / walked as f64,
            read / walked as f64,
            append / walked as f64,
        );
    }
}

/// The best time of something that is made ready outside of the measuring, in
/// nanoseconds.
fn once<T>(rounds: usize, mut ready: impl FnMut() -> T, mut work: impl FnMut(T)) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let input = ready();
        let start = Instant::now();
        work(input);
        best = best.min(start.elapsed());
    }
    best.as_nanos() as f64
}

fn nanoseconds(rounds: usize, mut call: impl FnMut()) -> f64 {
    // Few, so that some rounds fit between two interruptions.
    const CALLS: u32 = 500;
    let all = once(
        rounds * 40,
        || (),
        |()| {
            for _ in 0..CALLS {
                call();
            }
        },
    );
    all / f64::from(CALLS)
}

/// Best times by what was done and by whom, in the order of first measuring.
struct Table {
    rows: Vec<(&'static str, &'static str, Duration)>,
    bytes: usize,
    messages: usize,
    /// Whether the peers are left out.
    own: bool,
}

impl Table {
    fn new(bytes: usize, messages: usize) -> Self {
        let own = std::env::args().any(|argument| argument == "--own");
        Self { rows: Vec::new(), bytes, messages, own }
    }

    fn measure(&mut self, what: &'static str, who: &'static str, work: impl FnOnce()) {
        if self.own && !["tureen-message", "the same, Parser"].contains(&who) {
            return;
        }
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
                "{what:<30} {who:<21} {:>8.1} MB/s {:>9.0} ns/message {:>7.1}x our time",
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
    (0..3000).map(|number| oru(number % 20)).collect()
}

/// A laboratory report with so many results.
fn oru(rows: usize) -> String {
    let mut text =
        "MSH|^~\\&|LAB|ACME^1.2.3^ISO|EHR|CLINIC|20260815120000+0000||ORU^R01^ORU_R01|M1\
         |P|2.5.1|||AL|NE\rPID|1||77^^^ACME&1.2.3&ISO^MR~99^^^XYZ^PI||Name^Given^Q||19800101|F|||\
         1 Main Street^^Town^ST^12345^USA||(555)555-0100\rPV1|1|O|WARD^101^1|||||123^Doctor^Ann|||\
         MED||||1|||456^Doctor^Bob|OUT|V1\rOBR|1|P1|F1|24331-1^Lipid panel^LN|||20260815110000\r"
            .to_owned();
    for row in 1..=rows {
        text.push_str(&format!(
            "OBX|{row}|NM|2093-3^Cholesterol^LN||{row}|mg/dL^^UCUM|100-200|N|||F|||20260815110000\r"
        ));
    }
    text
}

/// An admission.
fn adt() -> String {
    "MSH|^~\\&|ADM|ACME|EHR|CLINIC|20260815120000||ADT^A01^ADT_A01|M1|P|2.5\r\
     EVN|A01|20260815120000\rPID|1||77^^^ACME^MR||Name^Given||19800101|F|||1 Main Street^^Town\r\
     NK1|1|Name^Other|SPO\rPV1|1|I|WARD^101^1||||123^Doctor^Ann|||MED||||1|||456^Doctor^Bob|IN|V1\r\
     AL1|1||^Penicillin\rDG1|1||I10^Hypertension^ICD10\r"
        .to_owned()
}
