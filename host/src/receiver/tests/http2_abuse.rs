//! HTTP/2 as no library would speak it: frames by hand (RFC 9113, 4).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::harness::*;
use super::http2::{connect_tls, serve_tls};
use crate::certificates::Certificate;
use crate::refusals::RefusalKind;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const SHORT: Duration = Duration::from_millis(200);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The fields of a request, without any compression that needs a state (RFC 7541).
fn fields(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![method, 0x87, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend(path.as_bytes());
    block.extend(b"\x01\x09localhost");
    block
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;

fn headers(stream: u32, flags: u8, method: u8, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &fields(method, path))
}

fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct RawHttp2 {
    read: ReadHalf<TlsStream<TcpStream>>,
    write: WriteHalf<TlsStream<TcpStream>>,
}

impl RawHttp2 {
    /// With settings as pairs of number and value.
    async fn connect(server: &Server, certificate: &Certificate, settings: &[(u16, u32)]) -> Self {
        let stream = connect_tls(server, certificate, &["h2"]).await;
        stream.get_ref().0.set_nodelay(true).unwrap();
        let (read, write) = tokio::io::split(stream);
        let mut client = Self { read, write };
        let mut payload = Vec::new();
        for (number, value) in settings {
            payload.extend(number.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        client.send(&[preface, frame(SETTINGS, 0, 0, &payload)].concat()).await;
        client.send(&frame(SETTINGS, ACK, 0, &[])).await;
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        within(self.write.write_all(bytes)).await.unwrap();
        within(self.write.flush()).await.unwrap();
    }

    /// As much as the server takes, while somebody reads what it says.
    async fn flood(self, times: usize, piece: impl Fn(u32) -> Vec<u8>) -> Vec<Frame> {
        let Self { read, mut write } = self;
        let frames = tokio::spawn(frames_until_end(read));
        for number in 0..u32::try_from(times).unwrap() {
            if write.write_all(&piece(number)).await.is_err() {
                break;
            }
        }
        // The server may have gone before.
        let _flushed = write.flush().await;
        within(frames).await.unwrap()
    }

    async fn next(&mut self) -> Option<Frame> {
        within(next_frame(&mut self.read)).await
    }

    /// Waits until the server has dealt with all that was sent.
    async fn settle(&mut self) {
        self.send(&frame(PING, 0, 0, b"ping pon")).await;
        while let Some(found) = self.next().await {
            if found.kind == PING && found.flags == ACK {
                return;
            }
        }
        panic!("the connection ended");
    }

    /// Frames of one stream until it ends.
    async fn answer(&mut self, stream: u32) -> Vec<Frame> {
        let mut answer = Vec::new();
        while let Some(found) = self.next().await {
            if found.stream != stream || found.kind == WINDOW_UPDATE {
                continue;
            }
            let ends =
                found.kind == RST_STREAM || found.kind <= HEADERS && found.flags & END_STREAM != 0;
            answer.push(found);
            if ends {
                break;
            }
        }
        answer
    }
}

async fn next_frame(read: &mut ReadHalf<TlsStream<TcpStream>>) -> Option<Frame> {
    let mut head = [0; 9];
    read.read_exact(&mut head).await.ok()?;
    let [a, b, c, kind, flags, stream @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    read.read_exact(&mut payload).await.ok()?;
    Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
}

async fn frames_until_end(mut read: ReadHalf<TlsStream<TcpStream>>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(&mut read).await {
        // Answers to a flood are many and alike.
        if frame.kind == GOAWAY || frames.len() < 1_000 {
            frames.push(frame);
        }
    }
    frames
}

fn goes_away(frames: &[Frame]) -> bool {
    frames.iter().any(|frame| frame.kind == GOAWAY)
}

/// `:status` as the static table has it, or in Huffman's code (RFC 7541, appendices A and B).
fn status(answer: &[Frame]) -> u16 {
    let head = answer.iter().find(|frame| frame.kind == HEADERS).unwrap();
    match head.payload[0] {
        0x88 => 200,
        0x8c => 400,
        0x8d => 404,
        _ if head.payload.windows(3).any(|window| window == [0x69, 0x90, 0xff]) => 431,
        _ => panic!("{:x?}", head.payload),
    }
}

/// Another client is served.
async fn serves_others(server: &Server, certificate: &Certificate) {
    let mut client = RawHttp2::connect(server, certificate, &[]).await;
    client.send(&headers(1, END_STREAM, GET, "/echo")).await;
    assert_eq!(status(&client.answer(1).await), 200);
}

#[tokio::test]
async fn requests_that_are_reset_at_once_end_the_connection() {
    let (server, certificate) = serve_tls(limits()).await;
    let client = RawHttp2::connect(&server, &certificate, &[]).await;
    let frames = client
        .flood(100_000, |number| {
            let stream = number * 2 + 1;
            [headers(stream, END_STREAM, POST, "/echo"), reset(stream)].concat()
        })
        .await;
    assert!(goes_away(&frames));
    let counted = server.refusals.of(RefusalKind::Http2Violation)
        + server.refusals.of(RefusalKind::ResetFlood);
    assert_eq!(counted, 1);
    assert!(server.script.calls() < 1_000, "{}", server.script.calls());
    serves_others(&server, &certificate).await;
}

#[tokio::test]
async fn requests_that_are_taken_back_later_end_the_connection_too() {
    let (server, certificate) = serve_tls(limits()).await;
    let mut client = RawHttp2::connect(&server, &certificate, &[]).await;
    let mut streams = 0;
    let flooded = async {
        for stream in (1..2_000).step_by(2) {
            // Seen and being received: a body that never comes.
            let open = headers(stream, 0, POST, "/echo");
            let ping = frame(PING, 0, 0, b"seen it?");
            if client.write.write_all(&[open, ping].concat()).await.is_err() {
                return;
            }
            client.write.flush().await.unwrap_or_default();
            loop {
                match client.next().await {
                    None => return,
                    Some(found) if found.kind == GOAWAY => return,
                    Some(found) if found.kind == PING => break,
                    Some(_) => {}
                }
            }
            streams += 1;
            client.write.write_all(&reset(stream)).await.unwrap_or_default();
        }
        panic!("nobody minds");
    };
    within(flooded).await;
    assert!(streams >= 200, "a client may change its mind: {streams}");
    assert_eq!(server.refusals.of(RefusalKind::ResetFlood), 1);
    assert_eq!(server.script.calls(), 0);
    within(async {
        while server.receiver.requests_in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    serves_others(&server, &certificate).await;
}

#[tokio::test]
async fn floods_of_frames_end_the_connection() {
    type Piece = fn(u32) -> Vec<u8>;
    // What comes first, what follows again and again, and how often.
    let cases: [(&str, Vec<u8>, Piece, usize); 4] = [
        (
            "continuations",
            frame(HEADERS, 0, 1, &fields(POST, "/echo")),
            |_| frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y"),
            100_000,
        ),
        (
            "empty continuations",
            frame(HEADERS, 0, 1, &fields(POST, "/echo")),
            |_| frame(CONTINUATION, 0, 1, b""),
            100_000,
        ),
        ("empty data", headers(1, 0, POST, "/echo"), |_| frame(DATA, 0, 1, b""), 1_000_000),
        (
            "frames that make us reset (MadeYouReset)",
            Vec::new(),
            |number| {
                let stream = number * 2 + 1;
                let illegal = frame(WINDOW_UPDATE, 0, stream, &0u32.to_be_bytes());
                [headers(stream, 0, POST, "/echo"), illegal].concat()
            },
            100_000,
        ),
    ];
    for (name, first, piece, times) in cases {
        let (server, certificate) = serve_tls(limits()).await;
        let mut client = RawHttp2::connect(&server, &certificate, &[]).await;
        client.send(&first).await;
        let frames = client.flood(times, piece).await;
        assert!(goes_away(&frames), "{name}");
        assert_eq!(server.refusals.of(RefusalKind::Http2Violation), 1, "{name}");
        assert_eq!(server.script.calls(), 0, "{name}");
        serves_others(&server, &certificate).await;
    }
}

#[tokio::test]
async fn a_client_that_wants_acknowledgements_and_reads_none_is_cut_off() {
    let mut limits = limits();
    limits.write_timeout = SHORT;
    let (server, certificate) = serve_tls(limits).await;
    for flood in [frame(PING, 0, 0, b"ping pon"), frame(SETTINGS, 0, 0, &[])] {
        let before = server.refusals.of(RefusalKind::SlowReader);
        let mut client = RawHttp2::connect(&server, &certificate, &[]).await;
        let many = flood.repeat(10_000);
        // The server stops reading while it cannot write, so this ends with its patience.
        within(async { while client.write.write_all(&many).await.is_ok() {} }).await;
        assert_eq!(server.refusals.of(RefusalKind::SlowReader), before + 1);
        serves_others(&server, &certificate).await;
    }
}

#[tokio::test]
async fn an_answer_whose_window_stays_closed_is_given_up_and_others_are_not() {
    let mut limits = limits();
    limits.write_timeout = SHORT;
    let (server, certificate) = serve_tls(limits).await;
    // SETTINGS_INITIAL_WINDOW_SIZE
    for window in [0, 1, 20_000] {
        let before = server.refusals.of(RefusalKind::SlowReader);
        let mut client = RawHttp2::connect(&server, &certificate, &[(4, window)]).await;
        let body = vec![b'x'; 40_000];
        for (index, piece) in body.chunks(10_000).enumerate() {
            let head = if index == 0 { headers(1, 0, POST, "/echo") } else { Vec::new() };
            let flags = if index == 3 { END_STREAM } else { 0 };
            client.send(&[head, frame(DATA, flags, 1, piece)].concat()).await;
        }
        let answer = client.answer(1).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(answer.last().unwrap().kind, RST_STREAM, "{window}");
        let received: usize =
            answer.iter().filter(|it| it.kind == DATA).map(|it| it.payload.len()).sum();
        assert_eq!(received, window as usize);
        assert_eq!(server.refusals.of(RefusalKind::SlowReader), before + 1);
        client.send(&headers(3, END_STREAM, GET, "/echo")).await;
        assert_eq!(status(&client.answer(3).await), 200, "the connection goes on");
    }
}

#[tokio::test]
async fn an_answer_goes_on_as_long_as_its_window_is_opened() {
    let mut limits = limits();
    limits.write_timeout = SHORT * 2;
    limits.idle_timeout = SHORT;
    limits.header_timeout = SHORT;
    let (server, certificate) = serve_tls(limits).await;
    let mut client = RawHttp2::connect(&server, &certificate, &[(4, 0)]).await;
    let body = vec![b'x'; 60_000];
    let mut request = headers(1, 0, POST, "/echo");
    for piece in body.chunks(15_000) {
        request.extend(frame(DATA, 0, 1, piece));
    }
    request.extend(frame(DATA, END_STREAM, 1, b""));
    client.send(&request).await;
    let mut received = 0;
    while received < body.len() {
        tokio::time::sleep(SHORT / 2).await;
        client.send(&frame(WINDOW_UPDATE, 0, 1, &10_000u32.to_be_bytes())).await;
        while received % 10_000 == 0 || received == 0 {
            let found = client.next().await.expect("neither idle nor given up");
            assert_ne!(found.kind, RST_STREAM);
            if found.kind == DATA {
                received += found.payload.len();
                if received % 10_000 == 0 {
                    break;
                }
            }
        }
        while received % 10_000 != 0 {
            let found = client.next().await.expect("neither idle nor given up");
            received += if found.kind == DATA { found.payload.len() } else { 0 };
        }
    }
    let end = client.answer(1).await;
    assert!(end.iter().all(|it| it.kind == DATA), "the end needs no window");
}

#[tokio::test]
async fn streams_and_fields_over_the_limits_are_refused_alone() {
    let (server, certificate) = serve_tls(limits()).await;
    let mut client = RawHttp2::connect(&server, &certificate, &[]).await;
    client.settle().await;
    for stream in (1..=199).step_by(2) {
        client.send(&headers(stream, 0, POST, "/echo")).await;
    }
    client.send(&headers(201, END_STREAM, GET, "/echo")).await;
    let refused = client.answer(201).await;
    assert_eq!(refused[0].kind, RST_STREAM);
    assert_eq!(refused[0].payload, 7u32.to_be_bytes(), "REFUSED_STREAM");
    client.send(&frame(DATA, END_STREAM, 1, b"")).await;
    assert_eq!(status(&client.answer(1).await), 200);
    // Each field is short, all together are over 16 KiB.
    let mut block = fields(GET, "/echo");
    for _ in 0..100 {
        block.extend(b"\x00\x01x\x7f\x48");
        block.extend([b'y'; 199]);
    }
    let (start, rest) = block.split_at(16_000);
    client.send(&frame(HEADERS, END_STREAM, 203, start)).await;
    client.send(&frame(CONTINUATION, END_HEADERS, 203, rest)).await;
    assert_eq!(status(&client.answer(203).await), 431);
}
