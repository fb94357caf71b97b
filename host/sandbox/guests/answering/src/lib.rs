//! What the benchmark's workflow of one step does, as a component of `wasi:http`: takes a
//! message, lets admissions through, acknowledges.
//!
//! Knows no HL7 beyond the header: what a parser, a log and an answer for everything that can
//! go wrong cost is not in it.

use std::io::{Read as _, Write as _};

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Answering;

wasip2::http::proxy::export!(Answering);

impl Guest for Answering {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let message = received(&request);
        let content_type = b"x-application/hl7-v2+er7".to_vec();
        let headers = Fields::from_list(&[("content-type".to_owned(), content_type)]);
        let response = OutgoingResponse::new(headers.expect("a usable header field"));
        let body = response.body().expect("the first body");
        ResponseOutparam::set(answer, Ok(response));
        let mut stream = body.write().expect("the first stream");
        stream.write_all(&acknowledged(&message)).expect("somebody reads");
        stream.flush().expect("somebody reads");
        drop(stream);
        OutgoingBody::finish(body, None).expect("all is written");
    }
}

fn received(request: &IncomingRequest) -> Vec<u8> {
    let body = request.consume().expect("the first body");
    let mut stream = body.stream().expect("the first stream");
    let mut message = Vec::with_capacity(4 << 10);
    stream.read_to_end(&mut message).expect("a whole message");
    message
}

/// `AA` for admissions, `AR` for everything else. The time is the message's own: the guest
/// has no calendar.
fn acknowledged(message: &[u8]) -> Vec<u8> {
    let line = message.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'|').collect();
    let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
    let kind = field(9).split(|byte| *byte == b'^').collect::<Vec<_>>();
    let code: &[u8] = if kind.first() == Some(&b"ADT".as_slice()) { b"AA" } else { b"AR" };
    let event = kind.get(1).copied().unwrap_or_default();
    let answered = [b"ACK^", event, b"^ACK"].concat();
    let header = [
        b"MSH",
        field(2),
        field(5),
        field(6),
        field(3),
        field(4),
        field(7),
        b"",
        &answered,
        field(10),
        field(11),
        field(12),
    ];
    let acknowledgement = [b"MSA".as_slice(), code, field(10)];
    let mut answer = header.join(&b'|');
    answer.push(b'\r');
    answer.extend_from_slice(&acknowledgement.join(&b'|'));
    answer.push(b'\r');
    answer
}
