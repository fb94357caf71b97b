//! Building the batch that answers a batch (HL7 v2 chapter 2.10.3.3): the
//! envelopes of the one around the acknowledgements of its messages.
//!
//! Stage: acknowledgements of the messages → **response batch**. Deliberately
//! does not know: what became of the messages.
//!
//! # Invariants
//! - Each header answers the one in its place, with its delimiters: applications
//!   and facilities swapped, BHS-12 and FHS-12 naming its control id.
//! - BTS-1 and FTS-1 are what the answer holds.

use std::ops::Range;

use super::super::batch::{Batch, Section};
use super::super::charset::CharacterSet;
use super::super::header::Header;
use super::{Writer, raw_field};

/// A response batch to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAcknowledgement<'a> {
    /// New and unique: FHS-11, or BHS-11 of a batch in no file. Batches in a file
    /// have it with `.1`, `.2` and so on.
    pub control_id: &'a str,
    /// FHS-7 and BHS-7: `YYYYMMDDHHMMSS[.sss]±ZZZZ`.
    pub timestamp: &'a str,
}

impl BatchAcknowledgement<'_> {
    /// The bytes of the answer to a batch, which was split from `bytes`.
    ///
    /// `answers` has the acknowledgement of each message in the order of
    /// [`Batch::messages`]; `None` (or none at the end) where there is none, as
    /// enhanced mode allows. Messages that stood in no envelope are answered in
    /// none.
    pub fn build(&self, bytes: &[u8], batch: &Batch, answers: &[Option<Vec<u8>>]) -> Vec<u8> {
        let answer_bytes: usize = answers.iter().flatten().map(Vec::len).sum();
        let mut answer = Vec::with_capacity(answer_bytes + 512);
        let Some(envelope) = batch.envelope() else {
            push_answers(&mut answer, answers);
            return answer;
        };
        let file = envelope.file_header.clone().and_then(|line| header_of(bytes, line));
        if let Some(header) = &file {
            self.push_header(&mut answer, header, b"FHS", self.control_id);
        }
        let mut batches = 0;
        let mut is_bare = false;
        for section in &envelope.sections {
            let number = format!("{}.{}", self.control_id, batches + 1);
            let is_alone = file.is_none() && envelope.sections.len() == 1;
            let control_id = if is_alone { self.control_id } else { &number };
            let was_bare = is_bare;
            match self.push_section(&mut answer, bytes, section, control_id, answers) {
                Pushed::Nothing => continue,
                Pushed::Batch => is_bare = false,
                Pushed::Bare => is_bare = true,
            }
            // Nothing divides answers that stand in no batch.
            batches += usize::from(!(was_bare && is_bare));
        }
        if let Some(header) = &file {
            push_trailer(&mut answer, header, b"FTS", batches);
        }
        answer
    }

    fn push_section(
        &self,
        answer: &mut Vec<u8>,
        bytes: &[u8],
        section: &Section,
        control_id: &str,
        answers: &[Option<Vec<u8>>],
    ) -> Pushed {
        let last = section.messages.end.min(answers.len());
        let answers = answers.get(section.messages.start.min(last)..last).unwrap_or_default();
        let header = section.header.clone().and_then(|line| header_of(bytes, line));
        if let Some(header) = &header {
            self.push_header(answer, header, b"BHS", control_id);
        }
        let count = push_answers(answer, answers);
        match &header {
            Some(header) => {
                push_trailer(answer, header, b"BTS", count);
                Pushed::Batch
            }
            None if count > 0 => Pushed::Bare,
            None => Pushed::Nothing,
        }
    }

    /// FHS or BHS: fields 1 to 7, the control id, and that of the answered one.
    fn push_header(&self, answer: &mut Vec<u8>, header: &Header, name: &[u8], control_id: &str) {
        let mut writer = Writer::new(Some(header));
        writer.bytes.extend_from_slice(name);
        writer.field(header.encoding_characters());
        for number in [5, 6, 3, 4] {
            writer.field(&raw_field(Some(header), number));
        }
        writer.text_field(self.timestamp);
        for _ in 8..11 {
            writer.field(b"");
        }
        writer.text_field(control_id);
        writer.field(&raw_field(Some(header), 11));
        writer.end_segment();
        answer.append(&mut writer.bytes);
    }
}

/// What a section of the answered batch became.
enum Pushed {
    Batch,
    /// Answers in no batch.
    Bare,
    Nothing,
}

fn push_answers(answer: &mut Vec<u8>, answers: &[Option<Vec<u8>>]) -> usize {
    answers.iter().flatten().for_each(|message| answer.extend_from_slice(message));
    answers.iter().flatten().count()
}

fn push_trailer(answer: &mut Vec<u8>, header: &Header, name: &[u8], count: usize) {
    let mut writer = Writer::new(Some(header));
    writer.bytes.extend_from_slice(name);
    writer.text_field(&count.to_string());
    writer.end_segment();
    answer.append(&mut writer.bytes);
}

/// The fields of FHS and BHS are numbered like those of MSH. They name no
/// character set: UTF-8, else windows-1252.
fn header_of(bytes: &[u8], line: Range<usize>) -> Option<Header> {
    let line = bytes.get(line)?;
    let charset = match std::str::from_utf8(line) {
        Ok(_) => CharacterSet::Utf8,
        Err(_) => CharacterSet::Table(encoding_rs::WINDOWS_1252),
    };
    Header::of_line(line, charset)
}

#[cfg(test)]
mod tests;
