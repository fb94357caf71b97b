//! Splitting of batches, files and bare messages.

#![allow(clippy::string_slice, reason = "ranges that splitting gave")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::hl7::{Hl7, Hl7Path};

fn split(text: impl AsRef<[u8]>) -> Batch {
    Batch::split(text.as_ref(), &Limits::default()).unwrap()
}

fn messages(text: &str) -> Vec<&str> {
    split(text).messages().iter().map(|range| &text[range.clone()]).collect()
}

fn codes(text: &str) -> Vec<&'static str> {
    split(text).warnings().iter().map(|problem| problem.code).collect()
}

const A: &str = "MSH|^~\\&|A\rPID|1\r";
const B: &str = "MSH$%+?*$B\rPID$1$$222%x\r";

#[test]
fn a_single_message_is_all_of_the_bytes() {
    for text in [
        A.to_owned(),
        format!("\u{FEFF}\r\n{A}\r\r"),
        format!("\u{0B}{A}\u{1C}\r"),
        "MSH|^~\\&|A\nOBX|1|TX|MSH\nnot MSH|x\nMSHX|\nBTSX\nFTS^1\n".to_owned(),
        "MSH|^~\\&".to_owned(),
    ] {
        let batch = split(&text);
        assert!(batch.is_single(), "{text:?}");
        assert_eq!(batch.messages(), std::slice::from_ref(&(0..text.len())), "{text:?}");
        assert_eq!((batch.envelope(), batch.warnings()), (None, &[][..]));
        let parsed = Hl7::parse(text.clone().into_bytes(), &Limits::default()).unwrap();
        assert_eq!(parsed.may_be_batch(), text.contains("FTS^"), "{text:?}");
    }
}

/// A line feed that ends no segment may still be followed by another message.
#[test]
fn a_header_behind_any_line_end_may_be_another_message() {
    let text = "MSH|^~\\&|A\n\u{0B}MSH|^~\\&|B\rPID|1";
    assert_eq!(split(text).messages().len(), 2);
    assert!(Hl7::parse(text.into(), &Limits::default()).unwrap().may_be_batch());
}

/// Files and frames that were put one behind the other.
#[test]
fn marks_and_frames_between_messages_end_one_and_begin_the_next() {
    let lone = A.trim_end();
    for (text, expected) in [
        (format!("\u{FEFF}{A}\u{FEFF}{A}"), vec![A.to_owned(), format!("\u{FEFF}{A}")]),
        (format!("{A}\u{1C}\u{0B}{A}"), vec![format!("{A}\u{1C}"), format!("\u{0B}{A}")]),
        (format!("{lone}\u{1C}{A}"), vec![format!("{lone}\u{1C}"), A.to_owned()]),
        (
            format!("\u{0B}{lone}\u{1C}\u{0B}\u{FEFF}{A}\u{1C}\r"),
            vec![format!("\u{0B}{lone}\u{1C}"), format!("\u{0B}\u{FEFF}{A}\u{1C}\r")],
        ),
        (format!("{A}\u{1C}\r\u{0B}{A}"), vec![format!("{A}\u{1C}\r"), format!("\u{0B}{A}")]),
        (format!("{lone}\u{1C}no header"), vec![format!("{lone}\u{1C}no header")]),
    ] {
        assert_eq!(messages(&text), expected, "{text:?}");
        let whole = Hl7::parse(text.clone().into_bytes(), &Limits::default()).unwrap();
        assert!(whole.may_be_batch(), "{text:?}");
        for message in messages(&text) {
            let parsed = Hl7::parse(message.to_owned().into_bytes(), &Limits::default()).unwrap();
            assert_eq!(parsed.text(&Hl7Path::parse("MSH-3").unwrap()), "A", "{message:?}");
        }
    }
}

#[test]
fn each_message_ends_where_the_next_header_or_trailer_starts() {
    for terminator in ["\r", "\n", "\r\n", "\r\r"] {
        let text = |text: &str| text.replace('\r', terminator);
        let (a, b) = (text(A), text(B));
        for (batch, expected) in [
            (format!("{A}{B}"), vec![&a, &b]),
            (format!("BHS|^~\\&|X\r{A}{B}BTS|2\r"), vec![&a, &b]),
            (format!("FHS|^~\\&\rBHS$^\r{A}BTS$1\rBHS|^\r{B}{A}BTS|2\rFTS|2\r"), vec![&a, &b, &a]),
            (format!("\rFHS|^~\\&\r{A}{B}FTS|1\r"), vec![&a, &b]),
            (format!("BHS|^~\\&\r{A}BTS\r"), vec![&a]),
            (format!("{A}BTS|1\r"), vec![&a]),
            ("BHS|^~\\&\rBTS|0\r".to_owned(), vec![]),
        ] {
            assert_eq!(messages(&text(&batch)), expected, "{batch:?} {terminator:?}");
        }
    }
}

#[test]
fn envelopes_are_given_as_they_stand() {
    let text = format!("FHS|^~\\&|F\rBHS|^~\\&|1\r{A}{B}BTS|2|x\r{A}BHS|^~\\&|2\rBTS|0\rFTS|3\r");
    let batch = split(&text);
    let envelope = batch.envelope().unwrap();
    let line = |range: &Option<Range<usize>>| range.clone().map(|range| &text[range]);
    assert_eq!(line(&envelope.file_header), Some("FHS|^~\\&|F"));
    assert_eq!(line(&envelope.file_trailer), Some("FTS|3"));
    let sections: Vec<_> = envelope
        .sections
        .iter()
        .map(|it| (line(&it.header), it.messages.clone(), line(&it.trailer)))
        .collect();
    assert_eq!(
        sections,
        [
            (Some("BHS|^~\\&|1"), 0..2, Some("BTS|2|x")),
            (None, 2..3, None),
            (Some("BHS|^~\\&|2"), 3..3, Some("BTS|0")),
        ]
    );
    assert_eq!(batch.warnings(), []);
}

#[test]
fn every_message_keeps_its_own_delimiters() {
    let text = format!("BHS|^~\\&|X\r{A}{B}BTS|2\r");
    let second = split(&text).messages()[1].clone();
    let message = Hl7::parse(text[second].as_bytes().to_vec(), &Limits::default()).unwrap();
    assert_eq!(message.text(&Hl7Path::parse("PID-3.2").unwrap()), "x");
}

#[test]
fn messages_in_frames_of_their_own_are_split_at_the_frames() {
    let framed = |text: &str| format!("\u{0B}{text}\u{1C}\r");
    let text = format!("{}{}", framed(A), framed(B));
    assert_eq!(messages(&text), [framed(A), framed(B)]);
    let last = split(&text).messages()[1].clone();
    let message = Hl7::parse(text[last].as_bytes().to_vec(), &Limits::default()).unwrap();
    assert_eq!(message.check(), []);
}

#[test]
fn a_header_that_cannot_be_used_is_a_message_of_its_own() {
    let text = format!("{A}MSH|||||\rPID|2\r{B}");
    assert_eq!(messages(&text), [A, "MSH|||||\rPID|2\r", B]);
}

#[test]
fn what_the_envelope_says_wrongly_is_told() {
    for (text, expected) in [
        (format!("BHS|^~\\&\r{A}BTS|1\r"), vec![]),
        (format!("BHS|^~\\&\r{A}BTS| 1 \r"), vec![]),
        (format!("BHS|^~\\&\r{A}BTS|2\r"), vec!["hl7.batch-count"]),
        (format!("BHS|^~\\&\r{A}BTS|x\r"), vec!["hl7.batch-count"]),
        (format!("FHS|^~\\&\r{A}FTS|2\r"), vec!["hl7.batch-count"]),
        (format!("BHS|^~\\&\r{A}"), vec!["hl7.batch-envelope"]),
        (format!("BHS|^~\\&\r{A}BHS|^~\\&\r{A}BTS|1\r"), vec!["hl7.batch-envelope"]),
        (format!("FHS|^~\\&\r{A}"), vec!["hl7.batch-envelope"]),
        (format!("{A}BTS|1\r"), vec!["hl7.batch-envelope"]),
        (format!("{A}FTS|1\r"), vec!["hl7.batch-envelope"]),
        (format!("BHS|^~\\&\r{A}BTS|1\rBTS|1\r"), vec!["hl7.batch-envelope"]),
        (format!("FHS|^~\\&\rFHS|^~\\&\r{A}FTS|1\r"), vec!["hl7.batch-envelope"]),
        (format!("BHS|^~\\&\rNTE|1\r{A}BTS|1\r"), vec!["hl7.batch-line"]),
        (format!("BHS|^~\\&\r{A}BTS|1\rNTE|1\r"), vec!["hl7.batch-line"]),
        (format!("BHS|^~\\&\r{A}BTS|1\r\r\u{1C}\r"), vec![]),
    ] {
        assert_eq!(codes(&text), expected, "{text:?}");
    }
    let many = format!("BHS|^~\\&\r{A}{}", "BTS|7\r".repeat(PROBLEMS_MAX * 2));
    assert_eq!(codes(&many).len(), PROBLEMS_MAX);
}

#[test]
fn no_warning_quotes_the_batch() {
    let batch = split("BHS|^~\\&\rSekret\rMSH|^~\\&|Sekret\rBTS|Sekret\r");
    assert_eq!(batch.warnings().len(), 2);
    assert!(!format!("{:?}", batch.warnings()).contains("Sekret"));
}

#[test]
fn what_starts_with_no_header_is_no_batch() {
    for text in ["", "PID|1\rMSH|^~\\&|", "BTS|1\r", "FTS|0", "MSH", "MSHX|", "\r\r", "msh|^~\\&"] {
        let problem = Batch::split(text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(problem.code, "hl7.header", "{text:?}");
    }
}

#[test]
fn the_limit_is_hit_exactly() {
    let limits = Limits { messages: 3, ..Limits::default() };
    let code = |text: &str| Batch::split(text.as_bytes(), &limits).map_err(|problem| problem.code);
    assert!(code(&A.repeat(3)).is_ok());
    assert_eq!(code(&A.repeat(4)).unwrap_err(), "limit.messages");
    assert!(code(&"BHS|^~\\&\rBTS\r".repeat(3)).is_ok());
    assert_eq!(code(&"BHS|^~\\&\rBTS\r".repeat(4)).unwrap_err(), "limit.messages");
}

#[test]
fn a_wide_message_is_single_and_a_wide_batch_refused() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let one = utf16(A);
    assert_eq!(split(&one).messages(), std::slice::from_ref(&(0..one.len())));
    let problem = Batch::split(&utf16(&A.repeat(2)), &Limits::default()).unwrap_err();
    assert_eq!(problem.code, "hl7.batch-charset");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_in_order_and_hold_one_header_each(
        pieces in vec(
            select(vec![
                "MSH|^~\\&|A", "MSH$%+?*$", "MSH|", "BHS|^~\\&", "BTS|1", "FHS|^~\\&", "FTS|1",
                "FTS$", "PID|1", "MSH", "\r", "\r", "\n", "\r\n", "\u{0B}", "\u{1C}", "é", "x",
            ]),
            0..40,
        ),
    ) {
        let text = pieces.concat();
        let Ok(batch) = Batch::split(text.as_bytes(), &Limits::default()) else { return Ok(()) };
        if let Ok(message) = Hl7::parse(text.clone().into_bytes(), &Limits::default()) {
            prop_assert!(message.may_be_batch() || batch.is_single());
        }
        let mut end = 0;
        for range in batch.messages() {
            prop_assert!(range.start >= end && range.end <= text.len() && !range.is_empty());
            end = range.end;
            let message = &text.as_bytes()[range.clone()];
            prop_assert_eq!(split(message).messages().len(), 1);
            if let Ok(message) = Hl7::parse(message.to_vec(), &Limits::default()) {
                let several = Hl7Path::parse("MSH[2]").unwrap();
                prop_assert!(message.structure(&several).is_none());
            }
        }
        let counted: usize = match batch.envelope() {
            Some(envelope) => envelope.sections.iter().map(|section| section.messages.len()).sum(),
            None => batch.messages().len(),
        };
        prop_assert_eq!(counted, batch.messages().len());
    }
}

#[test]
fn of_several_framing_bytes_the_last_one_belongs_to_the_message() {
    let bytes = b"\x0b\x0bMSH|^~\\&|A\r\x0bMSH|^~\\&|B\r";
    let batch = Batch::split(bytes, &Limits::default()).unwrap();
    assert_eq!(batch.messages(), [1..13, 13..25]);
}
