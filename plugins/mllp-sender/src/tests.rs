use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;
use serde_json::{Value as Json, json};
use tureen_plugin_sdk::testkit::{ActivityOutcome, Failure, OpenActivity, TestRun};

const OWNER: &str = "d0000000-0000-4000-8000-00000000000a";

fn adt(id: &str) -> TestRun {
    let text = format!("MSH|^~\\&|A|B|||||ADT|{id}\rPID|||77\r");
    TestRun::new().owner(OWNER).message(Format::Hl7, text.as_bytes())
}

fn acknowledgement(id: &str) -> Vec<u8> {
    format!("\x0bMSH|^~\\&|B|A|||||ACK|9\rMSA|AA|{id}\r\x1c\r").into_bytes()
}

/// What a peer does with one connection.
type Play = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// A peer that plays one connection after the other.
fn peer(play: Vec<Play>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = std::thread::spawn(move || {
        for play in play {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            play(&mut stream);
        }
    });
    (port, peer)
}

/// One frame, without its frame.
fn receive(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\x1c\r") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    assert_eq!(bytes[0], 0x0b);
    String::from_utf8(bytes[1..bytes.len() - 2].to_vec()).unwrap()
}

fn closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

fn sender(port: u16, more: Json) -> OpenActivity<MllpSender> {
    let mut settings = json!({ "Port": port, "TimeoutSeconds": 30 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    TestRun::new().owner(OWNER).settings(settings).open().unwrap()
}

fn text(done: Result<ActivityOutcome, Failure>) -> String {
    String::from_utf8(done.unwrap().response.unwrap().1).unwrap()
}

#[test]
fn a_message_is_framed_and_its_answer_read() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        assert!(receive(stream).ends_with("PID|||77\r"));
        for piece in acknowledgement("E1").chunks(3) {
            stream.write_all(piece).unwrap();
        }
        assert!(closed(stream), "the connection is not kept");
    })]);
    let mut sender = sender(port, json!({}));
    assert!(text(sender.process(&adt("E1"))).contains("MSA|AA|E1"));
    peer.join().unwrap();
}

#[test]
fn a_kept_connection_carries_many_messages_and_is_made_anew_once_it_is_closed() {
    let (port, peer) = peer(vec![
        Box::new(|stream| {
            for id in ["E1", "E2"] {
                assert!(receive(stream).contains(id));
                stream.write_all(&acknowledgement(id)).unwrap();
            }
        }),
        Box::new(|stream| {
            assert!(receive(stream).contains("E3"));
            stream.write_all(&acknowledgement("E3")).unwrap();
            assert!(closed(stream), "closed with the workflow");
        }),
    ]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true }));
    for id in ["E1", "E2", "E3"] {
        assert!(text(sender.process(&adt(id))).contains(id), "{id}");
    }
    sender.close();
    peer.join().unwrap();
}

#[test]
fn a_message_that_may_have_been_received_is_not_sent_again() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        receive(stream);
        stream.write_all(&acknowledgement("E1")).unwrap();
        // Takes the second one, and goes.
        receive(stream);
    })]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true, "UseResponse": true }));
    sender.process(&adt("E1")).unwrap();
    let failure = sender.process(&adt("E2")).unwrap_err();
    assert_eq!(failure.code(), "network.closed");
    let Failure::Step(StepError::Retryable { problem, .. }) = failure else { panic!("{failure}") };
    assert!(problem.detail.contains(&("sent".to_owned(), "maybe".to_owned())), "{problem:?}");
    peer.join().unwrap();
}

#[test]
fn what_is_done_about_an_answer() {
    for (wait, needed, answer, expected) in [
        (false, false, Some(""), Ok(None)),
        (true, false, Some("\x0bMSH|^~\\&|\rMSA|AE|E1\r\x1c\r"), Ok(Some("MSA|AE|E1"))),
        (true, false, Some("\x0b\x1c\r"), Ok(Some(""))),
        (true, false, None, Ok(None)),
        (true, false, Some("half\x0bMSH"), Err("network.closed")),
        (true, true, None, Err("network.closed")),
        (true, true, Some("\x0b\x1c\r"), Err("mllp.answer")),
        (true, true, Some("junk\x0bMSH|^~\\&|\rMSA|AA|E1\r\x1c\r"), Ok(Some("MSA|AA|E1"))),
        (true, true, Some("\x0bno message\x1c\r"), Err("sender.response")),
        (true, false, Some("\x0b\x15\x1c\r"), Err("mllp.refused")),
        (true, true, Some("\x0b\x15\x1c\r"), Err("mllp.refused")),
        (true, false, Some("\x0b\x06\x1c\r"), Ok(None)),
        (true, true, Some("\x0b\x06\x1c\r"), Err("mllp.answer")),
    ] {
        let answered = answer.map(str::to_owned);
        let (port, peer) = peer(vec![Box::new(move |stream| {
            receive(stream);
            stream.write_all(answered.unwrap_or_default().as_bytes()).unwrap();
        })]);
        let mut sender = sender(port, json!({ "WaitForResponse": wait, "UseResponse": needed }));
        let done = sender.process(&adt("E1"));
        let what = format!("wait {wait}, needed {needed}, answer {answer:?}: {done:?}");
        match (expected, done) {
            (Ok(None), Ok(done)) => assert_eq!(done.response, None, "{what}"),
            (Ok(Some(part)), Ok(done)) => {
                let text = String::from_utf8(done.response.expect(&what).1).unwrap();
                assert!(text.contains(part) && part.is_empty() == text.is_empty(), "{what}");
            }
            (Err(code), Err(failure)) => assert_eq!(failure.code(), code, "{what}"),
            _ => panic!("{what}"),
        }
        peer.join().unwrap();
    }
}

#[test]
fn a_peer_that_stays_silent_is_told_after_the_time_out() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        receive(stream);
        assert!(closed(stream));
    })]);
    let mut sender = sender(port, json!({ "TimeoutSeconds": 1, "KeepConnectionOpen": true }));
    let failure = sender.process(&adt("E1")).unwrap_err();
    assert_eq!(failure.code(), "network.timeout");
    peer.join().unwrap();
}

#[test]
fn a_negative_acknowledgement_refuses_the_message_and_a_commit_alone_is_told() {
    let answers = |byte: u8| -> (u16, JoinHandle<()>) {
        peer(vec![Box::new(move |stream| {
            receive(stream);
            stream.write_all(&[0x0b, byte, 0x1c, 0x0d]).unwrap();
        })])
    };
    // Whatever the response is: the peer has not taken the message.
    for kind in [1, 13] {
        let (port, peer) = answers(0x15);
        let settings = json!({ "DifferentResponseMessageType": true, "ResponseMessageType": kind });
        let failure = sender(port, settings).process(&adt("E1")).unwrap_err();
        let Failure::Step(StepError::Rejected(problem)) = failure else { panic!("{failure}") };
        assert!(problem.text.starts_with("the peer refused the message"), "{problem}");
        peer.join().unwrap();
    }
    let (port, peer) = answers(0x06);
    let log = sender(port, json!({})).process(&adt("E1")).unwrap().outcome.log;
    assert!(log[0].level == Level::Warn && log[0].text.contains("commit"), "{log:?}");
    peer.join().unwrap();
    let (port, peer) = answers(0x06);
    let settings = json!({ "DifferentResponseMessageType": true, "ResponseMessageType": 13 });
    assert_eq!(text(sender(port, settings).process(&adt("E1"))), "\u{6}");
    peer.join().unwrap();
}

#[test]
fn an_answer_without_the_end_or_start_of_a_frame_is_told_with_its_length() {
    for (answer, closes, expected) in [
        (&b"\x0bMSH|^~\\&|\r\x1c"[..], false, "sent 12 bytes, and no end of a frame"),
        (b"\x15", false, "sent 1 bytes, and no start of a frame"),
        (b"\x0bMSH", true, "sent 4 bytes, and no end of a frame"),
    ] {
        let (port, peer) = peer(vec![Box::new(move |stream| {
            receive(stream);
            stream.write_all(answer).unwrap();
            assert!(closes || closed(stream));
        })]);
        let failure = sender(port, json!({ "TimeoutSeconds": 1 })).process(&adt("E1")).unwrap_err();
        assert_eq!(failure.code(), if closes { "network.closed" } else { "network.timeout" });
        let Failure::Step(StepError::Retryable { problem, .. }) = failure else {
            panic!("{failure}")
        };
        for part in [expected, "FrameStart", "FrameEnd"] {
            assert!(problem.text.contains(part), "{problem}");
        }
        assert!(!problem.text.contains("MSH"), "{problem}");
        peer.join().unwrap();
    }
}

#[test]
fn an_acknowledgement_of_another_message_is_not_credited_on_a_kept_connection() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        for _ in 0..2 {
            receive(stream);
            stream.write_all(&acknowledgement("E1")).unwrap();
        }
        assert!(closed(stream));
    })]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true }));
    sender.process(&adt("E1")).unwrap();
    let failure = sender.process(&adt("E2")).unwrap_err();
    assert_eq!(failure.code(), "mllp.other-acknowledgement");
    peer.join().unwrap();
}

#[test]
fn a_late_answer_is_never_read_for_the_next_message() {
    let (port, peer) = peer(vec![
        Box::new(|stream| {
            receive(stream);
            let twice = [acknowledgement("E1"), acknowledgement("E1")].concat();
            stream.write_all(&twice).unwrap();
            assert!(closed(stream));
        }),
        Box::new(|stream| {
            receive(stream);
            stream.write_all(&acknowledgement("E2")).unwrap();
        }),
    ]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true }));
    for id in ["E1", "E2"] {
        assert!(text(sender.process(&adt(id))).contains(id));
    }
    peer.join().unwrap();
}

#[test]
fn answers_that_nobody_waits_for_are_thrown_away_and_the_connection_is_kept() {
    let (answered, is_answered) = mpsc::channel();
    let (port, peer) = peer(vec![Box::new(move |stream| {
        for id in ["E1", "E2", "E3"] {
            assert!(receive(stream).contains(id));
            stream.write_all(&acknowledgement(id)).unwrap();
            answered.send(()).unwrap();
        }
        // An end, and no reset: nothing unread was left when it was closed.
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    })]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true, "WaitForResponse": false }));
    for id in ["E1", "E2", "E3"] {
        let done = sender.process(&adt(id)).unwrap();
        assert_eq!((done.response, done.outcome.log), (None, vec![]), "{id}");
        is_answered.recv().unwrap();
    }
    assert!(sender.close().is_empty());
    peer.join().unwrap();
}

#[test]
fn a_peer_that_answered_and_closed_gets_the_next_message_over_a_new_connection() {
    let (closed, is_closed) = mpsc::channel();
    let (port, peer) = peer(vec![
        Box::new(move |stream| {
            receive(stream);
            stream.write_all(&acknowledgement("E1")).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            closed.send(()).unwrap();
        }),
        Box::new(|stream| assert!(receive(stream).contains("E2"))),
    ]);
    let mut sender = sender(port, json!({ "KeepConnectionOpen": true, "WaitForResponse": false }));
    sender.process(&adt("E1")).unwrap();
    is_closed.recv().unwrap();
    let log = sender.process(&adt("E2")).unwrap().outcome.log;
    assert!(log.iter().all(|line| line.level < Level::Warn), "{log:?}");
    peer.join().unwrap();
}

#[test]
fn an_answer_without_end_is_bounded() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        receive(stream);
        let piece = [b'x'; 4096];
        while stream.write_all(&piece).is_ok() {}
    })]);
    let failure = sender(port, json!({})).process(&adt("E1")).unwrap_err();
    assert_eq!(failure.code(), "mllp.answer");
    peer.join().unwrap();
}

#[test]
fn what_would_break_the_frame_is_rejected_before_anything_is_sent() {
    let broken = TestRun::new().owner(OWNER).message(Format::Text, b"a\x1c\rb");
    let failure = sender(1, json!({})).process(&broken).unwrap_err();
    assert!(matches!(&failure, Failure::Step(StepError::Rejected(_))), "{failure}");
    assert_eq!(failure.code(), "mllp.frame");
    let failure = sender(1, json!({})).process(&adt("E1")).unwrap_err();
    assert_eq!(failure.code(), "network.refused");
}

#[test]
fn other_frames_and_character_sets_are_used() {
    let (port, peer) = peer(vec![Box::new(|stream| {
        let mut bytes = [0; 6];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"<Gr\xfcn>");
        stream.write_all(b"<ok>").unwrap();
    })]);
    let settings = json!({ "FrameStart": ["<"], "FrameEnd": [62], "Encoding": "iso-8859-1",
                           "MessageType": 13 });
    let mut sender = sender(port, settings);
    let message = TestRun::new().owner(OWNER).message(Format::Text, "Grün".as_bytes());
    assert_eq!(text(sender.process(&message)), "ok");
    peer.join().unwrap();
}
