//! How fast XML is checked, read and changed, beside roxmltree and quick-xml in
//! the same run.
//!
//! `TUREEN_CORPORA` names the folder of the corpora (`xml/ccda`); without it a
//! generated document is measured. Every figure is the best of several rounds,
//! in which all take turns. roxmltree makes a tree; quick-xml only passes over
//! events. Neither writes.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints what it found"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use tureen_message::Limits;
use tureen_message::charset::{Undecodable, decode};
use tureen_message::xml::{Xml, XmlPath};

const ROUNDS: usize = 7;

/// A name and what is measured under it.
type Measured<'m> = (&'m str, Box<dyn Fn() + 'm>);

fn main() {
    let documents = documents();
    let bytes: usize = documents.iter().map(String::len).sum();
    println!("{} documents, {bytes} bytes; best of {ROUNDS} rounds", documents.len());
    let limits = Limits::default();
    let parse = |text: &String| Xml::parse(text.clone().into_bytes(), &limits).unwrap();
    let messages: Vec<Xml> = documents.iter().map(parse).collect();
    let first = XmlPath::parse("ClinicalDocument/recordTarget/patientRole/patient/name/family");
    let late = "ClinicalDocument/component/structuredBody/component[4]/section/title";
    let (first, late) = (first.unwrap(), XmlPath::parse(late).unwrap());
    let expression =
        "declare namespace h = 'urn:hl7-org:v3'; xpath:count(//h:observation[h:value])";
    let expression = XmlPath::parse(expression).unwrap();
    let sibling = XmlPath::parse("ClinicalDocument/id/@extension").unwrap();

    let mut table: Vec<Measured<'_>> = vec![
        (
            "parse (check, no tree)",
            Box::new(|| {
                for text in &documents {
                    black_box(parse(text));
                }
            }),
        ),
        (
            "roxmltree parse (tree)",
            Box::new(|| {
                for text in &documents {
                    black_box(roxmltree::Document::parse(text).unwrap());
                }
            }),
        ),
        ("quick-xml events", Box::new(|| documents.iter().for_each(|text| pass_over(text)))),
        (
            "get, near the start",
            Box::new(|| {
                for message in &messages {
                    // A copy remembers no place.
                    black_box(message.clone().text(&first));
                }
            }),
        ),
        (
            "get, far behind",
            Box::new(|| {
                for message in &messages {
                    black_box(message.clone().text(&late));
                }
            }),
        ),
        (
            "get, roxmltree with parse",
            Box::new(|| {
                for text in &documents {
                    let tree = roxmltree::Document::parse(text).unwrap();
                    let named = |node: &roxmltree::Node<'_, '_>| node.has_tag_name("family");
                    black_box(tree.descendants().find(named).map(|node| node.range()));
                }
            }),
        ),
        (
            "parse, set, write",
            Box::new(|| {
                for text in &documents {
                    let mut message = parse(text);
                    message.set(&sibling, "new").unwrap();
                    black_box(message.into_bytes());
                }
            }),
        ),
        (
            "xpath, first on a message",
            Box::new(|| {
                for text in &documents {
                    black_box(parse(text).text(&expression).into_owned());
                }
            }),
        ),
    ];
    let mut best = vec![Duration::MAX; table.len()];
    for _ in 0..ROUNDS {
        for (slot, (_, run)) in best.iter_mut().zip(&mut table) {
            let start = Instant::now();
            run();
            *slot = start.elapsed().min(*slot);
        }
    }
    for ((name, _), best) in table.iter().zip(best) {
        let rate = bytes as f64 / best.as_secs_f64() / 1e6;
        println!("{name:28} {best:>12.2?} {rate:>8.0} MB/s");
    }
    drop(table);
    loops();
}

fn pass_over(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => return,
            event => {
                black_box(event);
            }
        }
    }
}

/// A walk over n siblings must take n steps: the time of one stays the same.
fn loops() {
    println!("\nloops over n siblings: time of one round");
    println!(
        "{:>8} {:>14} {:>14} {:>14} {:>14}",
        "n", "read 2 fields", "with a footer", "xpath", "write"
    );
    for count in [1_000, 10_000, 20_000] {
        let item = |number: usize| format!("<Item><Code>c{number}</Code><Name>n</Name></Item>");
        let items: String = (0..count).map(item).collect();
        let text = format!("<Root><Head>h</Head>{items}<Foot>f</Foot></Root>");
        let limits = Limits { expression_nodes: 2_000_000, ..Limits::default() };
        let mut message = Xml::parse(text.into_bytes(), &limits).unwrap();
        let read = |message: &Xml, place: String| {
            black_box(message.text(&XmlPath::parse(&place).unwrap()).len());
        };
        let reads = timed(count, |number| {
            read(&message, format!("Root/Item[{number}]/Code"));
            read(&message, format!("Root/Item[{number}]/Name"));
        });
        let with_footer = timed(count, |number| {
            read(&message, format!("Root/Item[{number}]/Code"));
            read(&message, "Root/Foot".to_owned());
        });
        let expressions =
            timed(count, |number| read(&message, format!("xpath:(//Item)[{number}]/Code")));
        let writes = timed(count, |number| {
            let place = XmlPath::parse(&format!("Root/Item[{number}]/Code")).unwrap();
            message.set(&place, "changed").unwrap();
        });
        println!(
            "{count:>8} {reads:>14.2?} {with_footer:>14.2?} {expressions:>14.2?} {writes:>14.2?}"
        );
    }
}

fn timed(count: usize, mut round: impl FnMut(usize)) -> Duration {
    let start = Instant::now();
    (1..=count).for_each(&mut round);
    start.elapsed() / u32::try_from(count).unwrap()
}

fn documents() -> Vec<String> {
    let Some(corpora) = std::env::var_os("TUREEN_CORPORA") else {
        println!("TUREEN_CORPORA names no corpora: a generated document is measured");
        return vec![generated()];
    };
    let folder = Path::new(&corpora).join("xml/ccda");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "xml")).collect();
    files.sort();
    let text = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        let decoded = decode(tureen_message::Format::Xml, bytes, None, Undecodable::Refuse);
        String::from_utf8(decoded.unwrap().bytes).unwrap()
    };
    files.iter().map(text).collect()
}

fn generated() -> String {
    let observation =
        "<observation classCode='OBS'><value value=\"1\"/><text>normal</text></observation>\n";
    let section = format!(
        "<component><section><title>t</title>{}</section></component>",
        observation.repeat(500)
    );
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><id extension='1'/><recordTarget><patientRole>\
         <patient><name><family>F</family></name></patient></patientRole></recordTarget>\
         <component><structuredBody>{}</structuredBody></component></ClinicalDocument>",
        section.repeat(8)
    )
}
