//! How fast JSON and CSV are parsed, read and written, beside other parsers in
//! the same run, and how loops grow with the number of items.
//!
//! `TUREEN_CORPORA` names the folder of the corpora (`json/`, `csv/`); without it
//! generated documents are measured. Every figure is the best of several rounds,
//! and the parsers take turns within a round, so that a busy machine disturbs all
//! of them alike. Time is that of the processor.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value as Tree;
use tureen_message::Limits;
use tureen_message::csv::{Csv, CsvOptions, CsvPath};
use tureen_message::json::{Json, JsonPath};

const ROUNDS: usize = 9;

fn main() {
    println!("best of {ROUNDS} rounds");
    for set in json_sets() {
        json(&set);
    }
    for set in csv_sets() {
        csv(&set);
    }
    growth();
}

/// Documents that are measured together.
struct Set {
    name: String,
    texts: Vec<String>,
}

fn json(set: &Set) {
    let limits = Limits { depth: 512, ..Limits::default() };
    let places: Vec<Place> = set.texts.iter().map(|text| late_place(text)).collect();
    let messages: Vec<Json> = set
        .texts
        .iter()
        .map(|text| Json::parse(text.clone().into_bytes(), &limits).unwrap())
        .collect();
    let mut table = Table::new(set);
    for _ in 0..ROUNDS {
        let owned: Vec<Vec<u8>> = set.texts.iter().map(|text| text.clone().into_bytes()).collect();
        table.measure("parse", "tureen-message", || {
            for bytes in owned {
                black_box(Json::parse(bytes, &limits).is_ok());
            }
        });
        table.measure("parse", "serde_json IgnoredAny", || {
            for text in &set.texts {
                black_box(serde_json::from_slice::<IgnoredAny>(text.as_bytes()).is_ok());
            }
        });
        table.measure("parse", "serde_json Value", || {
            for text in &set.texts {
                black_box(serde_json::from_slice::<Tree>(text.as_bytes()).is_ok());
            }
        });
        let owned: Vec<Vec<u8>> = set.texts.iter().map(|text| text.clone().into_bytes()).collect();
        table.measure("parse + read a late place", "tureen-message", || {
            for (bytes, place) in owned.into_iter().zip(&places) {
                let message = Json::parse(bytes, &limits).unwrap();
                black_box(message.structure(&JsonPath::parse(&place.path).unwrap()).unwrap().len());
            }
        });
        table.measure("parse + read a late place", "serde_json Value", || {
            for (text, place) in set.texts.iter().zip(&places) {
                let tree: Tree = serde_json::from_str(text).unwrap();
                black_box(tree.pointer(&place.pointer).unwrap().is_string());
            }
        });
        let owned: Vec<Vec<u8>> = set.texts.iter().map(|text| text.clone().into_bytes()).collect();
        table.measure("parse + set it + write", "tureen-message", || {
            for (bytes, place) in owned.into_iter().zip(&places) {
                let mut message = Json::parse(bytes, &limits).unwrap();
                message.set(&JsonPath::parse(&place.path).unwrap(), "another value").unwrap();
                black_box(message.into_bytes().len());
            }
        });
        table.measure("parse + set it + write", "serde_json Value", || {
            for (text, place) in set.texts.iter().zip(&places) {
                let mut tree: Tree = serde_json::from_str(text).unwrap();
                *tree.pointer_mut(&place.pointer).unwrap() = Tree::from("another value");
                black_box(serde_json::to_vec(&tree).unwrap().len());
            }
        });
        let search = JsonPath::parse("newtonsoft:$..[?(@.code == 'none')]").unwrap();
        table.measure("search everything by a filter", "tureen-message", || {
            for message in &messages {
                black_box(message.count(&search));
            }
        });
    }
    table.print();
}

/// The last place of a document, in the spelling of both.
struct Place {
    path: String,
    pointer: String,
}

fn late_place(text: &str) -> Place {
    let tree: Tree = serde_json::from_str(text).unwrap();
    let mut place = Place { path: "newtonsoft:$".to_owned(), pointer: String::new() };
    let mut at = &tree;
    loop {
        at = match at {
            Tree::Array(items) if !items.is_empty() => {
                let last = items.len() - 1;
                place.path += &format!("[{last}]");
                place.pointer += &format!("/{last}");
                &items[last]
            }
            Tree::Object(members) if !members.is_empty() => {
                let (name, value) = members.iter().next_back().unwrap();
                place.path += &format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"));
                place.pointer += &format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                value
            }
            _ => return place,
        };
    }
}

fn csv(set: &Set) {
    let limits = Limits { message_bytes: 1 << 30, ..Limits::default() };
    let options = CsvOptions::default();
    let messages: Vec<Csv> = set
        .texts
        .iter()
        .map(|text| Csv::parse(text.clone().into_bytes(), &options, &limits).unwrap())
        .collect();
    let mut table = Table::new(set);
    for _ in 0..ROUNDS {
        let owned: Vec<Vec<u8>> = set.texts.iter().map(|text| text.clone().into_bytes()).collect();
        table.measure("parse", "tureen-message", || {
            for bytes in owned {
                black_box(Csv::parse(bytes, &options, &limits).unwrap().rows().next().is_some());
            }
        });
        table.measure("parse", "csv ByteRecord", || {
            for text in &set.texts {
                black_box(records(text, |_| 0));
            }
        });
        let owned: Vec<Vec<u8>> = set.texts.iter().map(|text| text.clone().into_bytes()).collect();
        table.measure("parse + read every field", "tureen-message", || {
            for bytes in owned {
                let message = Csv::parse(bytes, &options, &limits).unwrap();
                let lengths = message.rows().flat_map(|row| row.values().map(|value| value.len()));
                black_box(lengths.sum::<usize>());
            }
        });
        table.measure("parse + read every field", "csv ByteRecord", || {
            for text in &set.texts {
                black_box(records(text, |record| record.iter().map(<[u8]>::len).sum()));
            }
        });
        table.measure("loop: second column of each row by path", "tureen-message", || {
            for message in &messages {
                for row in 1..=message.count(&CsvPath::parse("Row").unwrap()) {
                    let place = CsvPath::parse(&format!("Row[{row}]/[1]")).unwrap();
                    black_box(message.get(&place));
                }
            }
        });
    }
    table.print();
}

fn records(text: &str, of: impl Fn(&csv::ByteRecord) -> usize) -> usize {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::ByteRecord::new();
    let mut sum = 0;
    while reader.read_byte_record(&mut record).unwrap() {
        sum += of(&record);
    }
    sum
}

/// Loops of 1,000 and 10,000 rounds: ten times the items, ten times the time.
fn growth() {
    println!("\nloops, whole loop in ms (growth: 10 is linear, 100 quadratic)");
    type Loop = fn(usize) -> Duration;
    let loops: [(&str, Loop); 6] = [
        ("JSON read items[i]/code", json_reads),
        ("JSON set items[i]/code", json_sets_in_place),
        ("JSON build out[i]/code", json_builds),
        ("CSV read Row[i]/[2]", csv_reads),
        ("CSV set Row[i]/[2]", csv_sets_in_place),
        ("CSV append rows", csv_appends),
    ];
    for (name, run) in loops {
        let best = |items| (0..ROUNDS).map(|_| run(items)).min().unwrap().as_secs_f64() * 1e3;
        let (small, large) = (best(1_000), best(10_000));
        println!("  {name:<26} 1,000: {small:>8.2}   10,000: {large:>8.2}   x{:.1}", large / small);
    }
}

/// The time that this thread had a processor: a busy machine takes it away for
/// longer than a short loop runs, and so would show growth that is none.
#[cfg(unix)]
fn timed(work: impl FnOnce()) -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let start = now();
    work();
    now() - start
}

#[cfg(not(unix))]
fn timed(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

fn json_items(items: usize) -> Json {
    let items: Vec<String> = (0..items)
        .map(|n| format!(r#"{{"code":"c{n}","display":"item number {n}","given":[1,2,{n}]}}"#))
        .collect();
    let text = format!(r#"{{"patient":{{"items":[{}],"out":[]}}}}"#, items.join(","));
    Json::parse(text.into_bytes(), &Limits::default()).unwrap()
}

fn json_reads(items: usize) -> Duration {
    let message = json_items(items);
    timed(|| {
        for n in 1..=items {
            let place = JsonPath::parse(&format!("patient/items[{n}]/code")).unwrap();
            black_box(message.get(&place));
        }
    })
}

fn json_sets_in_place(items: usize) -> Duration {
    let mut message = json_items(items);
    timed(|| {
        for n in 1..=items {
            let place = JsonPath::parse(&format!("patient/items[{n}]/code")).unwrap();
            message.set(&place, "another code").unwrap();
        }
    })
}

fn json_builds(items: usize) -> Duration {
    let mut message = json_items(items);
    timed(|| {
        for n in 1..=items {
            let place = JsonPath::parse(&format!("patient/out[{n}]/code")).unwrap();
            message.set(&place, "a code").unwrap();
        }
    })
}

fn csv_rows(rows: usize) -> Csv {
    let text: String = (0..rows).map(|n| format!("{n},\"row {n}\",x,y\r\n")).collect();
    Csv::parse(text.into_bytes(), &CsvOptions::default(), &Limits::default()).unwrap()
}

fn csv_reads(rows: usize) -> Duration {
    let message = csv_rows(rows);
    timed(|| {
        for n in 1..=rows {
            black_box(message.get(&CsvPath::parse(&format!("Row[{n}]/[2]")).unwrap()));
        }
    })
}

fn csv_sets_in_place(rows: usize) -> Duration {
    let mut message = csv_rows(rows);
    timed(|| {
        for n in 1..=rows {
            message.set(&CsvPath::parse(&format!("Row[{n}]/[2]")).unwrap(), "longer").unwrap();
        }
    })
}

fn csv_appends(rows: usize) -> Duration {
    let mut message = csv_rows(1);
    timed(|| {
        for _ in 0..rows {
            message.append("1,\"a row\",x,y").unwrap();
        }
    })
}

/// Best times by what was done and by whom, in the order of first measuring.
struct Table<'a> {
    set: &'a Set,
    rows: Vec<(&'static str, &'static str, Duration)>,
}

impl<'a> Table<'a> {
    fn new(set: &'a Set) -> Self {
        Self { set, rows: Vec::new() }
    }

    fn measure(&mut self, what: &'static str, who: &'static str, work: impl FnOnce()) {
        let time = timed(work);
        match self.rows.iter_mut().find(|row| (row.0, row.1) == (what, who)) {
            Some(row) => row.2 = row.2.min(time),
            None => self.rows.push((what, who, time)),
        }
    }

    fn print(&self) {
        let bytes: usize = self.set.texts.iter().map(String::len).sum();
        println!(
            "\n{}: {} documents, {:.2} MB",
            self.set.name,
            self.set.texts.len(),
            bytes as f64 / 1e6
        );
        for (what, who, time) in &self.rows {
            let own = self.rows.iter().find(|row| row.0 == *what).map_or(*time, |row| row.2);
            println!(
                "  {what:<40} {who:<22} {:>8.1} MB/s {:>6.2}x our time",
                bytes as f64 / 1e6 / time.as_secs_f64(),
                time.as_secs_f64() / own.as_secs_f64(),
            );
        }
    }
}

fn corpora() -> Option<PathBuf> {
    let corpora = std::env::var_os("TUREEN_CORPORA").map(PathBuf::from);
    if corpora.is_none() {
        println!("TUREEN_CORPORA is not set: measuring generated documents");
    }
    corpora
}

fn json_sets() -> Vec<Set> {
    let Some(folder) = corpora() else {
        let text = String::from_utf8(json_items(20_000).into_bytes()).unwrap();
        return vec![Set { name: "generated JSON".to_owned(), texts: vec![text] }];
    };
    let mut sets = vec![Set {
        name: "FHIR bundles".to_owned(),
        texts: texts(&folder.join("json/fhir"), "json"),
    }];
    sets.extend(one_by_one(&folder.join("json/bench"), "json"));
    sets
}

fn csv_sets() -> Vec<Set> {
    let Some(folder) = corpora() else {
        let text = String::from_utf8(csv_rows(50_000).into_bytes()).unwrap();
        return vec![Set { name: "generated CSV".to_owned(), texts: vec![text] }];
    };
    one_by_one(&folder.join("csv/rust-csv/bench"), "csv")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

fn texts(folder: &Path, ending: &str) -> Vec<String> {
    files(folder, ending).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn one_by_one(folder: &Path, ending: &str) -> Vec<Set> {
    let set = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        Set {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            texts: vec![String::from_utf8_lossy(&bytes).into_owned()],
        }
    };
    files(folder, ending).iter().map(set).collect()
}
