//! Many edits of long messages, and any sequence of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::segments::SegmentTable;
use super::super::{Hl7, Hl7Path};
use super::{HEADER, message, parse, path, rest};
use crate::{Limits, Value};

/// The table and the length are what indexing the written bytes would give.
pub(super) fn assert_is_current(message: &Hl7) {
    let mut copy = message.clone();
    copy.store.arrange();
    let again = SegmentTable::index(&copy.store.bytes, &Limits::default()).unwrap();
    assert_eq!(copy.store.table, again);
    assert_eq!(message.store.len(), copy.store.bytes.len());
    assert!(message.store.bytes.len() <= 2 * message.store.len() + (8 << 10));
    if message.transcoded.is_none() {
        assert_eq!(message.bytes(), &*copy.store.bytes);
    }
}

/// Lines as they are, `OBX|1|ST|A||value`, from 1 to the count.
fn observations(count: usize) -> String {
    (1..=count).map(|number| format!("OBX|{number}|ST|A||value {number}|u\r")).collect()
}

/// One edit, and what an engine of plain strings makes of the same lines.
#[derive(Clone, Debug)]
enum Edit {
    Set(&'static str, &'static str),
    Structure(&'static str, &'static str),
    Append(&'static str),
    Insert(&'static str, &'static str),
    Remove(&'static str),
    Copy,
    Written,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let places = || {
        select(vec![
            "PID-3",
            "PID-5.2",
            "OBX-5",
            "OBX[2]-5",
            "OBX[3]-5.2",
            "NTE-3[2]",
            "ZZ1-1",
            "OBX[5]-1",
            "MSH-10",
            "MSH-18",
            "PID-3[3].1.2",
        ])
    };
    let values =
        || select(vec!["", "x", "a longer value than was there before", "é", "\"\"", "|^"]);
    let lines = || select(vec!["OBX|9", "NTE|1||note", "ZZ1", "OBX|7|ST|a^b~c||v"]);
    let lines_at = || select(vec!["OBX", "OBX[2]", "OBX[4]", "NTE", "NTE[2]", "ZZ1", "PID"]);
    let edit = prop_oneof![
        4 => (places(), values()).prop_map(|(place, value)| Edit::Set(place, value)),
        2 => (lines_at(), lines()).prop_map(|(place, line)| Edit::Insert(place, line)),
        1 => (places(), values()).prop_map(|(place, value)| Edit::Insert(place, value)),
        1 => (lines_at(), lines()).prop_map(|(place, line)| Edit::Structure(place, line)),
        2 => lines().prop_map(Edit::Append),
        1 => Just(Edit::Append("NTE|1\nOBX|2\rZZ1|3")),
        2 => lines_at().prop_map(Edit::Remove),
        1 => select(vec!["OBX[*]", "NTE[*]", "PID-3[2]", "OBX[*]-5", "PID-3[*].1", "OBX-3[2]"])
            .prop_map(Edit::Remove),
        1 => Just(Edit::Copy),
        1 => Just(Edit::Written),
    ];
    vec(edit, 1..30)
}

fn carry_out(message: &mut Hl7, edit: &Edit) {
    let before = message.clone();
    let done = match *edit {
        Edit::Set(place, value) => message.set(&path(place), value),
        Edit::Structure(place, text) => message.set_structure(&path(place), text),
        Edit::Append(text) => message.append(text),
        Edit::Insert(place, text) => message.insert(&path(place), text),
        Edit::Remove(pattern) => message.remove(&path(pattern)).map(|_| ()),
        Edit::Copy => {
            *message = message.clone();
            Ok(())
        }
        Edit::Written => {
            assert_eq!(message.bytes(), message.clone().into_bytes());
            Ok(())
        }
    };
    if done.is_err() {
        assert_eq!(message.bytes(), before.bytes(), "a refused edit changes nothing");
    }
}

/// The message parsed again from what it would be written as.
fn parsed_again(message: &Hl7) -> Hl7 {
    Hl7::parse(message.bytes().to_vec(), &Limits::default()).unwrap()
}

fn terminated(terminator: &str, gap: &str, end: &str) -> String {
    let text = format!(
        "{HEADER}|||||{gap}PID|1||a~b^c~d||Name^Given{gap}OBX|1|ST|A||1{terminator}NTE|1||n{gap}\
         OBX|2|ST|B||2{terminator}OBX|3|ST|C||\\X41\\{terminator}"
    );
    text.trim_end_matches(['\r', '\n']).to_owned() + end
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was edited reads like the bytes that it is written as, and so
    /// does each edit of the one and of the other.
    #[test]
    fn any_edits_leave_what_parsing_the_result_gives(
        terminator in select(vec!["\r", "\n", "\r\n"]),
        gap in select(vec!["\r", "\n", "\r\n", "\r\r", "\n\n", "\rx y\r", "\r\u{1C}\r", "\nq\r\n"]),
        end in select(vec!["", "\r", "\n", "\r\u{1C}\r", "\u{1C}", "\r\n\r\n"]),
        edits in edits(),
    ) {
        let mut message = parse(terminated(terminator, gap, end));
        for edit in &edits {
            // A message in UTF-8 that declares nothing says so by its bytes only.
            let mut again = parsed_again(&message);
            carry_out(&mut message, edit);
            carry_out(&mut again, edit);
            prop_assert_eq!(message.bytes(), again.bytes(), "{:?}", edit);
            assert_is_current(&message);
        }
        let again = parsed_again(&message);
        for place in ["OBX[*]", "OBX[*]-5", "NTE[*]-3[*]", "PID-3[*]", "ZZ1[*]"] {
            let place = path(place);
            prop_assert_eq!(message.find(&place), again.find(&place));
            prop_assert_eq!(message.count(&place), again.count(&place));
        }
        prop_assert_eq!(message.whole_text(), again.whole_text());
        prop_assert_eq!(message.check(), again.check());
    }
}

#[test]
fn a_line_that_grows_moves_alone() {
    let mut message = parse(format!("\u{FEFF}{HEADER}\r\r{}", observations(30)));
    let long = "long ".repeat(40);
    message.set(&path("OBX[2]-5"), &long).unwrap();
    message.set(&path("OBX[2]-5"), "short").unwrap();
    message.set(&path("OBX[1]-3"), &long).unwrap();
    assert!(message.store.in_order().is_none(), "the lines no longer stand in order");
    let expected = format!("\u{FEFF}{HEADER}\r\r{}", observations(30))
        .replace("|value 2|", "|short|")
        .replacen("|A|", &format!("|{long}|"), 1);
    assert_eq!(String::from_utf8_lossy(message.bytes()), expected);
    assert_eq!(message.whole_text(), expected.trim_start_matches('\u{FEFF}'));
    let problems = message.check();
    assert_eq!(problems, []);
    assert_eq!(message.into_bytes(), expected.into_bytes());
}

#[test]
fn memory_stays_within_a_few_times_the_message() {
    let mut message = message(&observations(50));
    for round in 0..5_000 {
        let number = round % 50 + 1;
        let value = "x".repeat(round % 97);
        message.set(&path(&format!("OBX[{number}]-5")), &value).unwrap();
        assert!(message.store.bytes.len() <= 2 * message.store.len() + (8 << 10));
    }
    assert_is_current(&message);
}

/// With an edit that costs what the message is long, this takes minutes.
#[test]
fn walks_and_edits_of_65_000_segments_are_linear() {
    const COUNT: usize = 65_000;
    let mut message = message(&observations(COUNT));
    let places: Vec<Hl7Path> =
        (1..=COUNT).map(|number| path(&format!("OBX[{number}]-5"))).collect();
    for place in &places {
        message.set(place, "a value that is longer than the one before it").unwrap();
    }
    let absent = path("NTE-3");
    for place in places.iter().rev() {
        assert_eq!(message.count(place), 1);
        assert_ne!(message.get(place), Value::Absent);
        assert_eq!(message.get(&absent), Value::Absent);
        assert_eq!(message.find(place).len(), 1);
    }
    assert_is_current(&message);
}

#[test]
fn segments_that_are_added_and_removed_one_by_one_are_found() {
    const COUNT: usize = 5_000;
    let mut message = message("PID|1\rZZ1|end\r");
    for number in 1..=COUNT {
        let place = path(&format!("OBX[{number}]-1"));
        message.set(&place, &number.to_string()).unwrap();
        assert_eq!(message.text(&place), number.to_string());
        message.append("NTE|1").unwrap();
    }
    assert_is_current(&message);
    assert_eq!(message.count(&path("OBX")), COUNT);
    assert_eq!(message.count(&path("NTE")), COUNT);
    for number in (1..=COUNT).rev() {
        assert_eq!(message.text(&path("OBX-1")), (COUNT - number + 1).to_string());
        assert_eq!(message.remove(&path("OBX")).unwrap(), 1);
        assert_eq!(message.count(&path("OBX")), number - 1);
    }
    assert_is_current(&message);
}

#[test]
fn a_message_in_a_set_of_its_own_is_written_once() {
    let start = format!("{HEADER}||||||SHIFT_JIS\r{}PID|1||表\r", observations(20_000));
    let bytes = encoding_rs::SHIFT_JIS.encode(&start).0.into_owned();
    let mut message = parse(&bytes);
    for number in 1..=20_000 {
        message.set(&path(&format!("OBX[{number}]-5")), "山").unwrap();
    }
    let edited: String = (1..=20_000).map(|number| format!("OBX|{number}|ST|A||山|u\r")).collect();
    let expected = format!("{HEADER}||||||SHIFT_JIS\r{edited}PID|1||表\r");
    assert_eq!(message.bytes(), encoding_rs::SHIFT_JIS.encode(&expected).0.as_ref());
    assert_eq!(message.text(&path("PID-3")), "表");
}

#[test]
fn a_segment_is_inserted_before_another() {
    let start = "PID|1\rOBX|1\rNTE|1\rOBX|2\r\rNTE|2";
    for (place, text, expected) in [
        ("OBX", "OBX|0", "PID|1\rOBX|0\rOBX|1\rNTE|1\rOBX|2\r\rNTE|2"),
        ("OBX[2]", "OBX|x\r\n", "PID|1\rOBX|1\rNTE|1\rOBX|x\rOBX|2\r\rNTE|2"),
        ("OBX[2]", "NTE|x", "PID|1\rOBX|1\rNTE|1\rNTE|x\rOBX|2\r\rNTE|2"),
        ("OBX[3]", "OBX|x", "PID|1\rOBX|1\rNTE|1\rOBX|2\rOBX|x\r\rNTE|2"),
        ("NTE[2]", "OBX|x", "PID|1\rOBX|1\rNTE|1\rOBX|2\r\rOBX|x\rNTE|2"),
        ("NTE[3]", "NTE|x", "PID|1\rOBX|1\rNTE|1\rOBX|2\r\rNTE|2\rNTE|x"),
        ("PID", "EVN", "EVN\rPID|1\rOBX|1\rNTE|1\rOBX|2\r\rNTE|2"),
        ("ZZ1", "ZZ1|1", "PID|1\rOBX|1\rNTE|1\rOBX|2\r\rNTE|2\rZZ1|1"),
    ] {
        let mut message = message(start);
        message.insert(&path(place), text).unwrap();
        assert_eq!(rest(&message), expected, "{place} {text}");
        assert_is_current(&message);
    }
}

#[test]
fn a_repetition_is_inserted_before_another() {
    let start = "PID|1||a~b^c|\rPID|2\r";
    for (place, text, expected) in [
        ("PID-3", "x", "PID|1||x~a~b^c|\rPID|2\r"),
        ("PID-3[2]", "x&y", "PID|1||a~x&y~b^c|\rPID|2\r"),
        ("PID-3[3]", "x", "PID|1||a~b^c~x|\rPID|2\r"),
        ("PID-4", "x", "PID|1||a~b^c|x\rPID|2\r"),
        ("PID-1", "x", "PID|x~1||a~b^c|\rPID|2\r"),
        ("PID[2]-3", "x~y", "PID|1||a~b^c|\rPID|2||x~y\r"),
        ("PID[3]-1", "x", "PID|1||a~b^c|\rPID|2\rPID|x\r"),
    ] {
        let mut message = message(start);
        message.insert(&path(place), text).unwrap();
        assert_eq!(rest(&message), expected, "{place}");
        assert_is_current(&message);
    }
}

#[test]
fn what_cannot_be_inserted_changes_nothing() {
    let start = "PID|1||a~b\rOBX|1\r";
    for (place, text, code) in [
        ("OBX[3]", "OBX|x", "edit.insert"),
        ("ZZ1[2]", "ZZ1", "edit.insert"),
        ("PID-3[4]", "x", "edit.insert"),
        ("PID-4[2]", "x", "edit.insert"),
        ("OBX[3]-1", "x", "edit.insert"),
        ("PID-3.1", "x", "edit.insert"),
        ("PID-3.1.2", "x", "edit.insert"),
        ("PID-3", "x\ry", "edit.structure"),
        ("PID-3", "x\u{1C}", "edit.structure"),
        ("OBX", "OBX|1\rOBX|2", "edit.structure"),
        ("OBX", "obx|1", "edit.structure"),
        ("OBX", "OBX^1", "edit.structure"),
        ("OBX", "", "edit.structure"),
        ("OBX", "MSH|^~\\&|", "edit.structure"),
        ("MSH", "OBX|1", "edit.read-only"),
        ("MSH-1", "x", "edit.read-only"),
        ("OBX[*]", "OBX|1", "path.pattern"),
        ("PID-3[*]", "x", "path.pattern"),
    ] {
        let mut message = message(start);
        assert_eq!(message.insert(&path(place), text).unwrap_err().code, code, "{place} {text:?}");
        assert_eq!(rest(&message), start, "{place}");
    }
    let mut message = parse("MSH|^|A\rPID|1\r");
    assert_eq!(message.insert(&path("PID-1"), "x").unwrap_err().code, "edit.delimiter");
    message.insert(&path("PID-2"), "x").unwrap();
    assert_eq!(message.bytes(), b"MSH|^|A\rPID|1|x\r");
    let limits = Limits { segments: 2, index: 2, ..Limits::default() };
    let mut message = Hl7::parse(b"MSH|^~\\&|A\rPID|1~2\r".to_vec(), &limits).unwrap();
    assert_eq!(message.insert(&path("PID"), "NTE").unwrap_err().code, "limit.segments");
    assert_eq!(message.insert(&path("PID-1[3]"), "x").unwrap_err().code, "limit.index");
}

#[test]
fn a_framing_byte_that_an_edit_lays_bare_frames_the_message() {
    let mut message = message("OBX|1\u{1C}\rNTE|1\r");
    message.remove(&path("NTE")).unwrap();
    assert_eq!(message.text(&path("OBX-1")), "1");
    assert_is_current(&message);
    let mut message = super::message("OBX|1\u{1C}~2\r");
    message.remove(&path("OBX-1[2]")).unwrap();
    assert_eq!(message.text(&path("OBX-1")), "1");
    assert_is_current(&message);
}

#[test]
fn an_addendum_goes_on_where_the_last_field_ended() {
    for (start, joined, expected) in [
        ("OBX|1|TX|A||one \rADD|two|u\r", 1, "OBX|1|TX|A||one two|u\r"),
        ("OBX|1\rADD|2\r\rADD|3|4\rNTE|5\r", 2, "OBX|123|4\rNTE|5\r"),
        ("OBX|\r\nADD|", 1, "OBX|"),
        ("ADD|1\rPID|1\r", 0, "ADD|1\rPID|1\r"),
        ("OBX|1\rADD\rDSC|p|F\r", 0, "OBX|1\rADD\rDSC|p|F\r"),
        ("OBX|1\rADD\rADD|2\r", 0, "OBX|1\rADD\rADD|2\r"),
        ("OBX\rADD|2\r", 0, "OBX\rADD|2\r"),
        ("x y\rADD|2\r", 0, "x y\rADD|2\r"),
        ("OBX|1\rDSC|p\rADD|2\r", 0, "OBX|1\rDSC|p\rADD|2\r"),
    ] {
        let mut message = message(start);
        assert_eq!(message.join_continuations().unwrap(), joined, "{start:?}");
        assert_eq!(rest(&message), expected, "{start:?}");
        assert_is_current(&message);
    }
}

#[test]
fn many_addenda_are_joined_in_one_pass() {
    let mut message = message(&format!("OBX|1|TX|A||{}", "x\rADD|".repeat(60_000)));
    assert_eq!(message.join_continuations().unwrap(), 60_000);
    assert_eq!(message.text(&path("OBX-5")).len(), 60_000);
}
