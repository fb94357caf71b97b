//! HL7 batches: taken apart, and answered.

use tureen_message::Limits;
use tureen_message::hl7::acknowledgement::{Acknowledgement, BatchAcknowledgement, Code};
use tureen_message::hl7::batch::Batch;
use tureen_message::hl7::{Header, Hl7};

const VERTICAL_TAB: u8 = 0x0B;

pub(crate) fn batch(data: &[u8]) {
    // Few, so that a fuzzer can meet them.
    let limits = Limits { messages: 40, ..Limits::default() };
    let Ok(batch) = Batch::split(data, &limits) else { return };
    assert!(batch.messages().len() <= limits.messages, "the limit holds");
    if batch.is_single() {
        assert_eq!(batch.messages().len(), 1);
        return;
    }
    messages(data, &batch);
    envelope(data, &batch);
    answer(data, &batch);
}

/// Messages stand one behind the other, and each has one header.
fn messages(data: &[u8], batch: &Batch) {
    let mut end = 0;
    for range in batch.messages() {
        assert!(end <= range.start && range.start < range.end, "messages do not overlap");
        end = range.end;
        let Some(message) = data.get(range.clone()) else { panic!("a message is in the text") };
        let line = message.strip_prefix(&[VERTICAL_TAB]).unwrap_or(message);
        // Blank lines before the first header are no lines of the message, as in reading.
        let line = line.trim_ascii_start();
        assert!(line.starts_with(b"MSH"), "a message starts with its header");
        match Batch::split(message, &Limits::default()) {
            Ok(again) => assert_eq!(again.messages().len(), 1, "a message has one header"),
            Err(problem) => panic!("a message cannot be split: {}", problem.text),
        }
        // It may be unusable; then it is refused alone.
        let _ = Hl7::parse(message.to_vec(), &Limits::default());
    }
}

/// Every message is in one section, and the lines around them are what they say.
fn envelope(data: &[u8], batch: &Batch) {
    let Some(envelope) = batch.envelope() else { return };
    let mut next = 0;
    for section in &envelope.sections {
        assert_eq!(section.messages.start, next, "sections follow each other");
        next = section.messages.end;
        is_line(data, section.header.as_ref(), b"BHS");
        is_line(data, section.trailer.as_ref(), b"BTS");
    }
    assert_eq!(next, batch.messages().len(), "every message is in a section");
    is_line(data, envelope.file_header.as_ref(), b"FHS");
    is_line(data, envelope.file_trailer.as_ref(), b"FTS");
}

fn is_line(data: &[u8], line: Option<&std::ops::Range<usize>>, name: &[u8]) {
    let Some(line) = line else { return };
    let Some(text) = data.get(line.clone()) else { panic!("a line is in the text") };
    assert!(text.starts_with(name) && !text.contains(&b'\r') && !text.contains(&b'\n'));
}

/// The answer to a batch is a batch with an acknowledgement for each message.
fn answer(data: &[u8], batch: &Batch) {
    let accept = Acknowledgement {
        code: Code::AA,
        text: None,
        error: None,
        control_id: "1",
        timestamp: "20260102030405+0000",
    };
    let headers =
        batch.messages().iter().map(|range| data.get(range.clone()).and_then(Header::read));
    let answers: Vec<_> = headers.map(|header| Some(accept.build(header.as_ref()))).collect();
    let built = BatchAcknowledgement { control_id: "R1", timestamp: "20260102030405+0000" }
        .build(data, batch, &answers);
    if answers.is_empty() {
        return;
    }
    match Batch::split(&built, &Limits::default()) {
        Ok(again) => {
            assert_eq!(again.messages().len(), answers.len(), "each message has an answer");
            assert_eq!(again.warnings(), [], "the counts are right");
        }
        Err(problem) => panic!("the answer to a batch is a batch: {}", problem.text),
    }
}
