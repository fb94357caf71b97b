//! Golden response batches.

use super::super::{Acknowledgement, Code};
use super::*;
use crate::Limits;
use crate::hl7::{Hl7, Hl7Path};

/// The answer to a batch whose messages are accepted, those in `silent` without
/// an acknowledgement.
fn answer(bytes: &[u8], silent: &[usize]) -> Vec<u8> {
    let batch = Batch::split(bytes, &Limits::default()).unwrap();
    let answers: Vec<Option<Vec<u8>>> = (0..)
        .zip(batch.messages())
        .map(|(number, range)| {
            let accept = Acknowledgement {
                code: Code::AA,
                text: None,
                error: None,
                control_id: &format!("A{number}"),
                timestamp: "2026",
            };
            let header = Header::read(bytes.get(range.clone()).unwrap());
            (!silent.contains(&number)).then(|| accept.build(header.as_ref()))
        })
        .collect();
    BatchAcknowledgement { control_id: "R1", timestamp: "20260102030405+0000" }
        .build(bytes, &batch, &answers)
}

fn check(bytes: impl AsRef<[u8]>, silent: &[usize], expected: &[&str]) {
    let built = answer(bytes.as_ref(), silent);
    let lines: Vec<_> = built.split(|byte| *byte == b'\r').map(String::from_utf8_lossy).collect();
    assert_eq!(lines, [expected, &[""]].concat());
    let again = Batch::split(&built, &Limits::default()).unwrap();
    assert_eq!(again.warnings(), []);
}

const FIRST: &str = "MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5\rPID|1\r";
const SECOND: &str = "MSH$%+?*$A2$B2$C2$D2$2026$$ADT%A02$M2$P$2.5\rPID$1\r";
const FIRST_ANSWER: [&str; 2] = ["MSH|^~\\&|C|D|A|B|2026||ACK^A01^ACK|A0|P|2.5", "MSA|AA|M1"];

#[test]
fn a_file_of_batches_is_answered_by_a_file_of_batches() {
    let file = format!(
        "FHS|^~\\&|FA^1|FB|FC|FD|2025||name||F7\rBHS#!@%*#BA#BB#BC#BD#2025####B8!x\r{FIRST}{SECOND}\
         BTS#2\rBHS|^~\\&|É\r{FIRST}BTS|1\rFTS|2\r"
    );
    check(
        &file,
        &[1],
        &[
            "FHS|^~\\&|FC|FD|FA^1|FB|20260102030405+0000||||R1|F7",
            "BHS#!@%*#BC#BD#BA#BB#20260102030405+0000####R1.1#B8!x",
            FIRST_ANSWER[0],
            FIRST_ANSWER[1],
            "BTS#1",
            "BHS|^~\\&|||É||20260102030405+0000||||R1.2|",
            "MSH|^~\\&|C|D|A|B|2026||ACK^A01^ACK|A2|P|2.5",
            "MSA|AA|M1",
            "BTS|1",
            "FTS|2",
        ],
    );
}

#[test]
fn a_batch_in_no_file_has_the_control_id_itself() {
    check(
        format!("BHS|^~\\&|S|||||||c|7\r{FIRST}BTS|1\r"),
        &[],
        &["BHS|^~\\&|||S||20260102030405+0000||||R1|7", FIRST_ANSWER[0], FIRST_ANSWER[1], "BTS|1"],
    );
}

#[test]
fn messages_in_no_envelope_are_answered_in_none() {
    check(
        format!("{FIRST}{SECOND}"),
        &[],
        &[
            FIRST_ANSWER[0],
            FIRST_ANSWER[1],
            "MSH$%+?*$C2$D2$A2$B2$2026$$ACK%A02%ACK$A1$P$2.5",
            "MSA$AA$M2",
        ],
    );
}

#[test]
fn messages_in_no_batch_of_a_file_count_as_one_section() {
    check(
        format!("FHS|^~\\&|F\r{FIRST}BTS|1\r{FIRST}FTS|2\r"),
        &[],
        &[
            "FHS|^~\\&|||F||20260102030405+0000||||R1|",
            "MSH|^~\\&|C|D|A|B|2026||ACK^A01^ACK|A0|P|2.5",
            "MSA|AA|M1",
            "MSH|^~\\&|C|D|A|B|2026||ACK^A01^ACK|A1|P|2.5",
            "MSA|AA|M1",
            "FTS|1",
        ],
    );
    check(
        format!("FHS|^~\\&|F\r{FIRST}FTS|1\r"),
        &[0],
        &["FHS|^~\\&|||F||20260102030405+0000||||R1|", "FTS|0"],
    );
}

#[test]
fn a_batch_whose_messages_want_no_answer_is_answered_by_an_empty_one() {
    check(
        format!("BHS|^~\\&|S\r{FIRST}BTS|1\r"),
        &[0],
        &["BHS|^~\\&|||S||20260102030405+0000||||R1|", "BTS|0"],
    );
}

#[test]
fn a_header_that_is_not_utf8_is_answered_in_utf8() {
    let bytes = [b"BHS|^~\\&|\xC9|||||||c|\xE9\r", FIRST.as_bytes(), b"BTS|1\r"].concat();
    let built = Hl7::parse(answer(&bytes, &[]), &Limits::default()).unwrap();
    assert_eq!(built.text(&Hl7Path::parse("BHS-5").unwrap()), "É");
    assert_eq!(built.text(&Hl7Path::parse("BHS-12").unwrap()), "é");
}
