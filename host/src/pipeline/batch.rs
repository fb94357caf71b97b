//! Several HL7 messages in one body: each has a run of its own, the sender one answer.
//!
//! Knows: what a body is divided into, and how the answers become one. Deliberately does
//! not know: what a run does. The messages run one after another, in their order; one that
//! fails does not keep the next ones from running, since each was sent for itself.

use tureen_message::hl7::acknowledgement::BatchAcknowledgement;
use tureen_message::hl7::batch::Batch;
use tureen_message::{Format, Limits};

use super::Inbound;
use crate::response::Response;
use crate::workflow::running::Workflow;

/// The messages of a body that holds a batch or several of them.
pub(super) struct Several {
    batch: Batch,
    body: Vec<u8>,
}

/// How an answer to several messages begins and ends.
pub(super) struct Signature<'a> {
    /// BHS-11 and FHS-11 of a response batch, and the boundary of one with parts.
    pub(super) control_id: &'a str,
    /// `YYYYMMDDHHMMSS±ZZZZ`.
    pub(super) timestamp: &'a str,
}

impl Several {
    /// Divides a body, and leaves none in `inbound` then. `None` where it holds one message, or
    /// none that could be told apart: that is for the run to refuse.
    pub(super) fn take(
        workflow: &Workflow,
        inbound: &mut Inbound,
        limits: &Limits,
    ) -> Option<Self> {
        if workflow.definition().receiver.message_type != Format::Hl7 {
            return None;
        }
        let batch = Batch::split(&inbound.body, limits).ok()?;
        if batch.is_single() || batch.messages().is_empty() {
            return None;
        }
        for problem in batch.warnings() {
            tracing::warn!(workflow = %workflow.name(), code = problem.code, "a batch: {problem}");
        }
        Some(Self { batch, body: std::mem::take(&mut inbound.body) })
    }

    pub(super) fn count(&self) -> usize {
        self.batch.messages().len()
    }

    /// The messages as if each had been sent alone.
    pub(super) fn messages<'a>(
        &'a self,
        inbound: &'a Inbound,
    ) -> impl Iterator<Item = Inbound> + 'a {
        let bodies = self.batch.messages().iter().filter_map(|range| self.body.get(range.clone()));
        bodies.map(|body| inbound.with_body(body.to_vec()))
    }

    /// One answer of all. HL7 answers follow each other, in a response batch when a batch was
    /// received; JSON ones become an array, other texts follow each other, and what is mixed
    /// or has no such form is `multipart/mixed` (RFC 2046). The status is the worst one.
    pub(super) fn answer(&self, answers: Vec<Response>, signature: &Signature<'_>) -> Response {
        let status = status(&answers);
        let bodies: Vec<&Response> = answers.iter().filter(|it| !it.body.is_empty()).collect();
        let Some(first) = bodies.first() else {
            return Response { status, content_type: None, body: Vec::new() };
        };
        let essence = essence(first);
        let alike = bodies.iter().all(|it| self::essence(it) == essence);
        let own_type = first.content_type.clone();
        let (content_type, body) = match essence {
            _ if !alike => multipart(&bodies, signature),
            _ if is_hl7(first) => (own_type, self.acknowledge(&answers, signature)),
            "application/json" => (own_type, json_array(&bodies)),
            text if text.starts_with("text/") => (own_type, lines(&bodies)),
            _ => multipart(&bodies, signature),
        };
        Response { status, content_type, body }
    }

    fn acknowledge(&self, answers: &[Response], signature: &Signature<'_>) -> Vec<u8> {
        let answers: Vec<Option<Vec<u8>>> =
            answers.iter().map(|it| (!it.body.is_empty()).then(|| ended(&it.body))).collect();
        BatchAcknowledgement { control_id: signature.control_id, timestamp: signature.timestamp }
            .build(&self.body, &self.batch, &answers)
    }
}

/// An HL7 answer whose last segment is ended: another one follows it.
fn ended(answer: &[u8]) -> Vec<u8> {
    let end: &[u8] = if answer.ends_with(b"\r") || answer.ends_with(b"\n") { b"" } else { b"\r" };
    [answer, end].concat()
}

/// The worst of all; silence only where all are silent.
fn status(answers: &[Response]) -> u16 {
    let failed = answers.iter().map(|it| it.status).filter(|status| *status >= 400).max();
    let silent = answers.iter().all(|it| it.status == 204);
    failed.unwrap_or(if silent { 204 } else { 200 })
}

/// Type and subtype of an answer, without parameters.
fn essence(answer: &Response) -> &str {
    let type_ = answer.content_type.as_deref().unwrap_or("application/octet-stream");
    type_.split(';').next().unwrap_or_default().trim()
}

fn is_hl7(answer: &Response) -> bool {
    answer.body.starts_with(b"MSH")
}

fn json_array(bodies: &[&Response]) -> Vec<u8> {
    let items: Vec<&[u8]> = bodies.iter().map(|it| it.body.as_slice()).collect();
    [b"[", items.join(&b","[..]).as_slice(), b"]"].concat()
}

fn lines(bodies: &[&Response]) -> Vec<u8> {
    let mut text = Vec::new();
    for answer in bodies {
        text.extend_from_slice(&answer.body);
        if !answer.body.ends_with(b"\n") {
            text.extend_from_slice(b"\r\n");
        }
    }
    text
}

fn multipart(bodies: &[&Response], signature: &Signature<'_>) -> (Option<String>, Vec<u8>) {
    let boundary = boundary().unwrap_or_else(|| format!("tureen-{}", signature.control_id));
    let mut whole = Vec::new();
    for answer in bodies {
        let type_ = answer.content_type.as_deref().unwrap_or("application/octet-stream");
        let head = format!("--{boundary}\r\nContent-Type: {type_}\r\n\r\n");
        whole.extend_from_slice(head.as_bytes());
        whole.extend_from_slice(&answer.body);
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (Some(format!("multipart/mixed; boundary={boundary}")), whole)
}

/// A line that stands in no part: nobody can know it before.
fn boundary() -> Option<String> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(random.iter().fold("tureen-".to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rMSH|^~\\&|A|B|C|D|2026||ADT^A01|2|P|2.5\r";

    fn several(body: &str) -> Several {
        let batch = Batch::split(body.as_bytes(), &Limits::default()).unwrap();
        Several { batch, body: body.as_bytes().to_vec() }
    }

    fn answer(status: u16, content_type: &str, body: &str) -> Response {
        let content_type = (!body.is_empty()).then(|| content_type.to_owned());
        Response { status, content_type, body: body.as_bytes().to_vec() }
    }

    fn joined(body: &str, answers: Vec<Response>) -> (u16, String, String) {
        let signature = Signature { control_id: "R1", timestamp: "20260102030405+0000" };
        let joined = several(body).answer(answers, &signature);
        let text = String::from_utf8(joined.body).unwrap();
        (joined.status, joined.content_type.unwrap_or_default(), text)
    }

    #[test]
    fn answers_of_one_type_become_one_body() {
        for (type_, first, second, whole) in [
            ("application/json", "{\"a\":1}", "2", "[{\"a\":1},2]"),
            ("text/plain; charset=utf-8", "one", "two\r\n", "one\r\ntwo\r\n"),
            ("text/hl7", "MSH|^~\\&|X", "MSH|^~\\&|Y\r", "MSH|^~\\&|X\rMSH|^~\\&|Y\r"),
        ] {
            let answers = vec![answer(200, type_, first), answer(200, type_, second)];
            assert_eq!(joined(TWO, answers), (200, type_.to_owned(), whole.to_owned()));
        }
    }

    #[test]
    fn a_batch_is_answered_in_its_envelope_and_silence_stays_silent() {
        let batch = format!("BHS|^~\\&|A|B|C|D|2026||||B7\r{TWO}BTS|2\r");
        let answers = vec![answer(204, "", ""), answer(200, "text/hl7", "MSH|^~\\&|Y\rMSA|AA|2\r")];
        let (status, _, text) = joined(&batch, answers);
        let lines: Vec<&str> = text.split_terminator('\r').collect();
        assert_eq!(status, 200);
        assert_eq!(lines[1..], ["MSH|^~\\&|Y", "MSA|AA|2", "BTS|1"], "{text:?}");
        assert!(lines[0].starts_with("BHS|^~\\&|C|D|A|B|20260102030405+0000||||R1|B7"), "{text:?}");
        let silent = vec![answer(204, "", ""), answer(204, "", "")];
        assert_eq!(joined(&batch, silent), (204, String::new(), String::new()));
    }

    #[test]
    fn answers_of_several_types_are_parts_and_the_worst_status_counts() {
        let answers =
            vec![answer(200, "application/json", "{}"), answer(422, "text/plain", "no\n")];
        let (status, type_, text) = joined(TWO, answers);
        let boundary = type_.strip_prefix("multipart/mixed; boundary=").unwrap();
        assert_eq!(status, 422);
        assert_eq!(
            text,
            format!(
                "--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n\
                 --{boundary}\r\nContent-Type: text/plain\r\n\r\nno\n\r\n--{boundary}--\r\n"
            )
        );
    }
}
