//! What a sender is told: accepted, filtered, unreadable, over HTTP/1.1 and
//! HTTP/2.

use crate::harness::actions::only_adt;
use crate::harness::messages::{adt, oru};
use crate::harness::{Connection, Home, Server, Workflow};

/// Takes admissions and keeps them.
pub(crate) fn admissions() -> (Home, Server) {
    let home = Home::new();
    let workflow = Workflow::new("Admissions", "adt/in").filter(only_adt()).archive("kept.hl7");
    home.workflow("admissions", &workflow.build());
    let server = home.serve();
    (home, server)
}

/// A normal message is accepted on the connection.
pub(crate) fn accepts(connection: &mut Connection, control_id: &str) {
    let answer = connection.post("/adt/in", adt(control_id, "1001"));
    assert_eq!((answer.status, answer.msa(1)), (200, "AA".to_owned()), "{answer:?}");
    assert_eq!(answer.msa(2), control_id, "MSA-2 is the sender's MSH-10");
}

#[test]
fn an_admission_is_acknowledged_and_written_byte_for_byte() {
    let (home, server) = admissions();
    let mut expected = String::new();
    for (version, mut connection) in Connection::both(&server) {
        for number in 1..=2 {
            let message = adt(&format!("{version}-{number}"), "1001");
            let answer = connection.post("/adt/in", &message);
            assert_eq!(answer.status, 200, "{version}: {answer:?}");
            assert_eq!(answer.content_type.as_deref(), Some("x-application/hl7-v2+er7"));
            assert_eq!(answer.msa(1), "AA");
            assert_eq!(answer.msa(2), format!("{version}-{number}"));
            expected.push_str(&message);
            expected.push('\n');
        }
    }
    assert_eq!(home.read("out/kept.hl7").as_deref(), Some(expected.as_str()));
    server.stop();
}

#[test]
fn an_acknowledgement_goes_back_to_where_the_message_came_from() {
    let (_home, server) = admissions();
    let answer = server.http1().post("/adt/in", adt("A1", "1"));
    let text = answer.text();
    let header: Vec<&str> = text.split('\r').next().unwrap().split('|').collect();
    assert_eq!(header[1..6], ["^~\\&", "TUREEN", "LAB", "WARD", "NORTH"]);
    assert_eq!(header[8].split('^').next(), Some("ACK"));
    assert_eq!(header[10..12], ["P", "2.5.1"]);
    assert!(!header[9].is_empty(), "the acknowledgement has a control id of its own: {text:?}");
}

#[test]
fn a_filtered_message_is_rejected_and_not_written() {
    let (home, server) = admissions();
    for (version, mut connection) in Connection::both(&server) {
        let answer = connection.post("/adt/in", oru("R1", "1001"));
        assert_eq!((answer.status, answer.msa(1)), (200, "AR".to_owned()), "{version}");
        assert_eq!(answer.msa(2), "R1");
        assert!(answer.text().contains("filtered"), "{answer:?}");
        assert_eq!(home.read("out/kept.hl7"), None);
        accepts(&mut connection, "A1");
        std::fs::remove_file(home.path("out/kept.hl7")).unwrap();
    }
    server.stop();
}

/// Bodies that are no message.
fn unreadable() -> Vec<(&'static str, Vec<u8>)> {
    // The same bytes in every run: a linear congruential sequence.
    let mut state = 7_u32;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    vec![
        ("an empty body", Vec::new()),
        ("plain text", b"hello, is this the laboratory?".to_vec()),
        ("random bytes", random.take(4096).collect()),
        ("truncated UTF-8", b"M\xc3".to_vec()),
        ("JSON", br#"{"resourceType":"Patient"}"#.to_vec()),
        ("zero bytes", vec![0; 512]),
        ("a form", b"a=1&b=2".to_vec()),
    ]
}

#[test]
fn what_is_not_hl7_is_a_bad_request_with_a_reason() {
    let (home, server) = admissions();
    for (version, mut connection) in Connection::both(&server) {
        for (what, body) in unreadable() {
            let answer = connection.post("/adt/in", &body);
            assert_eq!(answer.status, 400, "{version}, {what}: {answer:?}");
            assert_eq!(answer.content_type.as_deref(), Some("text/plain; charset=utf-8"));
            assert!(answer.text().contains("MSH"), "{version}, {what}: {}", answer.text());
            accepts(&mut connection, "after");
            accepts(&mut connection.another(&server), "new");
        }
    }
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSH|").count(), 2 * 2 * 7);
    server.stop();
}

#[test]
fn malformed_hl7_with_a_readable_header_is_an_error_with_a_reason() {
    let (home, server) = admissions();
    let good = adt("M1", "1001");
    let cases = [
        ("text before the header", format!("this is no segment\r{good}")),
        ("a delimiter that is a letter", good.replace("|^~\\&|", "|a~\\&|")),
        ("no delimiters", good.replace("|^~\\&|", "||")),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (what, message) in &cases {
            let answer = connection.post("/adt/in", message);
            assert_eq!(
                (answer.status, answer.msa(1)),
                (200, "AE".to_owned()),
                "{version}, {what}: {answer:?}"
            );
            assert_eq!(answer.msa(2), "M1");
            assert!(answer.text().contains("ERR|"), "{version}, {what}: {}", answer.text());
            accepts(&mut connection, "after");
        }
    }
    assert_eq!(home.read("out/kept.hl7").unwrap().matches("MSH|").count(), 2 * 3);
    server.stop();
}

#[test]
fn a_message_cut_after_any_byte_gets_exactly_one_answer() {
    let (_home, server) = admissions();
    let message = adt("CUT", "1001");
    for (version, mut connection) in Connection::both(&server) {
        for length in 0..message.len() {
            let answer = connection.post("/adt/in", &message[..length]);
            let told = match answer.status {
                200 => answer.msa(1),
                other => other.to_string(),
            };
            assert!(
                matches!(told.as_str(), "AA" | "AE" | "AR" | "400"),
                "{version}, {length} bytes: {answer:?}"
            );
            assert!(!answer.body.is_empty(), "{version}, {length} bytes: a reason is given");
        }
        accepts(&mut connection, "after");
    }
    let mut connection = server.http1();
    connection.post("/adt/in", &message[..20]);
    connection.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(connection.answer("GET").status, 404);
    assert!(connection.is_closed_by_server(), "no second answer was waiting");
    server.stop();
}

#[test]
fn bytes_of_other_character_sets_are_kept_as_they_came() {
    let (home, server) = admissions();
    let header = |declared: &str| {
        format!("MSH|^~\\&|WARD||||20260102||ADT^A01|B1|P|2.5.1||||||{declared}\rPID|1||7||")
    };
    let with = |declared: &str, name: &[u8]| [header(declared).as_bytes(), name, b"\r"].concat();
    let cases = [
        ("UTF-8", with("UNICODE UTF-8", "M\u{fc}ller\u{1f600}".as_bytes())),
        ("Latin 1", with("8859/1", b"M\xfcller")),
        ("truncated UTF-8", with("UNICODE UTF-8", b"M\xc3")),
        ("undeclared bytes", with("", b"M\xfcller\xff\x80")),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (what, message) in &cases {
            let answer = connection.post("/adt/in", message);
            assert_eq!((answer.status, answer.msa(2)), (200, "B1".to_owned()), "{version}, {what}");
            assert_eq!(answer.msa(1), "AA", "{version}, {what}: {answer:?}");
            let kept = std::fs::read(home.path("out/kept.hl7")).unwrap();
            assert_eq!(kept, [message.as_slice(), b"\n"].concat(), "{version}, {what}");
            std::fs::remove_file(home.path("out/kept.hl7")).unwrap();
        }
        accepts(&mut connection, "after");
        std::fs::remove_file(home.path("out/kept.hl7")).unwrap();
    }
    server.stop();
}
