//! The MLLP sender.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::peers::{self, acknowledgement, mllp};
use super::{MLLP_SENDER, home};
use crate::harness::certificates::{Authority, params};
use crate::harness::messages::adt;
use crate::harness::wait::{PATIENCE, wait_until_equal};
use crate::harness::workflow::received;
use crate::harness::{Activity, Findings, Home, Workflow};

fn sender(port: u16) -> Activity {
    Activity::of_class(MLLP_SENDER, "Lab")
        .with("Port", port)
        .with("TimeoutSeconds", 20)
        .template(&received())
}

fn granted(port: u16) -> String {
    format!("[plugins.mllp-sender]\ntcp = [\"127.0.0.1:{port}\"]\n")
}

/// Messages by connection.
type SeenFrames = Arc<Mutex<Vec<Vec<String>>>>;

fn counts(seen: &SeenFrames) -> Vec<usize> {
    seen.lock().unwrap().iter().map(Vec::len).collect()
}

#[test]
fn the_answer_of_the_peer_is_the_response_whatever_its_code() {
    for code in ["AA", "AE", "AR", "CA"] {
        let (port, seen) = mllp(None, move |_, message| Some(acknowledgement(code, message)));
        let home = home(&granted(port), sender(port));
        let server = home.serve();
        let answer = server.http1().post("/in", adt("M1", "77"));
        assert_eq!((answer.msa(1).as_str(), answer.msa(2).as_str()), (code, "M1"), "{answer:?}");
        assert_eq!(seen.lock().unwrap()[0], [adt("M1", "77")], "byte for byte");
        server.stop();
    }
}

#[test]
fn one_connection_carries_all_messages_where_it_is_kept_and_one_each_otherwise() {
    for (keep, expected) in [(true, vec![3]), (false, vec![1, 1, 1])] {
        let (port, seen) = mllp(None, |_, message| Some(acknowledgement("AA", message)));
        let home = home(&granted(port), sender(port).with("KeepConnectionOpen", keep));
        let server = home.serve();
        let mut http = server.http1();
        for id in ["M1", "M2", "M3"] {
            assert_eq!(http.post("/in", adt(id, "1")).msa(2), id, "kept: {keep}");
        }
        drop(http);
        server.stop();
        assert_eq!(counts(&seen), expected, "kept: {keep}");
    }
}

#[test]
fn a_kept_connection_that_the_peer_closed_is_made_anew_and_nothing_is_sent_twice() {
    // Answers, and closes after every message.
    let (port, seen) =
        mllp(None, |count, message| (count != 2).then(|| acknowledgement("AA", message)));
    let home = home(
        &granted(port),
        sender(port).with("KeepConnectionOpen", true).with("UseResponse", true),
    );
    let server = home.serve();
    let mut http = server.http1();
    assert_eq!(http.post("/in", adt("M1", "1")).msa(1), "AA");
    // Taken and not answered: it may have been received, so it is not sent again.
    let answer = http.post("/in", adt("M2", "1"));
    assert_eq!(answer.msa(1), "AE", "{answer:?}");
    assert!(answer.text().contains("network.closed"), "{answer:?}");
    assert_eq!(http.post("/in", adt("M3", "1")).msa(1), "AA");
    assert_eq!(counts(&seen), [2, 1]);
    drop(http);
    server.stop();
}

#[test]
fn silence_and_nonsense_fail_the_message_with_a_diagnosis_of_their_own() {
    for (what, answer, expected) in [
        ("silence", Some(&b""[..]), "network.timeout"),
        ("closing", None, "network.closed"),
        ("an empty frame", Some(b"\x0b\x1c\r"), "mllp.answer"),
        ("no HL7", Some(b"\x0bwhat?\x1c\r"), "sender.response"),
        ("no frame", Some(b"MSA|AA\r"), "network.timeout"),
    ] {
        let (port, _) = mllp(None, move |_, _| answer.map(<[u8]>::to_vec));
        let sender = sender(port).with("TimeoutSeconds", 1).with("UseResponse", true);
        let home = home(&granted(port), sender);
        let server = home.serve();
        let answer = server.http1().post("/in", adt("M1", "Ekholm"));
        assert_eq!(answer.msa(1), "AE", "{what}: {answer:?}");
        assert!(answer.text().contains(expected), "{what}: {answer:?}");
        assert!(!server.stop().contains("Ekholm"), "{what}");
    }
}

#[test]
fn without_waiting_nothing_is_read() {
    let (port, seen) = mllp(None, |_, _| Some(Vec::new()));
    let activity = sender(port).with("WaitForResponse", false);
    let home = Home::with(&granted(port));
    let workflow = Workflow::new("Relay", "in").activity(activity);
    home.workflow("relay", &workflow.build());
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("M1", "1")).msa(1), "AA");
    // The answer does not wait for the peer.
    wait_until_equal("the message to arrive", &vec![1], || counts(&seen));
    server.stop();
}

#[test]
fn a_kept_connection_loses_nothing_when_the_peer_answers_late_and_nobody_waits() {
    let (port, seen) = mllp(None, |_, message| {
        // The peer's work: its answers come while later messages are sent.
        std::thread::sleep(Duration::from_millis(30));
        Some(acknowledgement("AA", message))
    });
    let activity = sender(port).with("KeepConnectionOpen", true).with("WaitForResponse", false);
    let home = Home::with(&granted(port));
    home.workflow("relay", &Workflow::new("Relay", "in").activity(activity).build());
    let server = home.serve();
    let mut http = server.http1();
    let sent: Vec<String> = (1..=50).map(|number| adt(&format!("M{number}"), "1")).collect();
    for message in &sent {
        assert_eq!(http.post("/in", message).msa(1), "AA");
    }
    wait_until_equal("all messages to arrive over one connection", &vec![50], || counts(&seen));
    assert_eq!(seen.lock().unwrap()[0], sent, "in their order");
    drop(http);
    let log = server.stop();
    let warned = |line: &&str| line.contains("WARN") && line.contains("Relay");
    assert_eq!(log.lines().find(warned), None, "an answer is nothing to warn about");
}

#[test]
fn frames_and_character_sets_are_those_of_the_settings() {
    let (send, received_bytes) = mpsc::channel();
    let port = peers::listen(None, move |mut stream| {
        let mut bytes = [0; 6];
        stream.read_exact(&mut bytes).unwrap();
        send.send(bytes).unwrap();
        stream.write_all(b"<ok>").unwrap();
    });
    let activity = sender(port)
        .with("MessageType", 13)
        .with("FrameStart", serde_json::json!(["<"]))
        .with("FrameEnd", serde_json::json!([62]))
        .with("Encoding", "iso-8859-1")
        .template("Grün");
    let home = home(&granted(port), activity);
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("M1", "1")).text(), "ok");
    assert_eq!(&received_bytes.recv().unwrap(), b"<Gr\xfcn>");
    server.stop();
}

#[test]
fn tls_is_verified_and_a_client_certificate_is_shown() {
    let authority = Authority::root("Trusted");
    let server_identity = authority.issue(&params("lis"));
    let client = authority.issue(&params("client"));
    let config = server_identity.server_config(Some(authority.der()));
    let (port, seen) = mllp(Some(config), |_, message| Some(acknowledgement("AA", message)));
    let activity = || {
        sender(port)
            .with("Server", "localhost")
            .with("UseSsl", true)
            .with("AuthenticationType", 2)
            .with("AuthenticationCertificateThumbprint", client.sha256())
    };
    let tables = |trust: &str| {
        format!(
            "[outbound]\ncertificate_authorities = [{trust}]\n\
             [plugins.mllp-sender]\ntls = [\"localhost:{port}\"]\n\
             private_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n\
             client_certificates = [\"{}\"]\n",
            client.sha256()
        )
    };
    for (trust, expected) in [("\"ca.pem\"", "AA"), ("", "AE")] {
        let home = Home::with(&tables(trust));
        home.write("ca.pem", authority.pem());
        super::import(&home, &client);
        home.workflow("relay", &super::relay(activity()));
        let server = home.serve();
        let answer = server.http1().post("/in", adt("M1", "1"));
        assert_eq!(answer.msa(1), expected, "trusting {trust}: {answer:?}");
        if expected == "AE" {
            assert!(answer.text().contains("network.tls"), "{answer:?}");
        }
        server.stop();
    }
    assert_eq!(counts(&seen), [1], "a server that is not trusted gets nothing");
}

#[test]
fn a_tls_connection_ends_with_a_goodbye_so_that_its_peer_knows_that_nothing_is_missing() {
    let authority = Authority::root("Trusted");
    let config = authority.issue(&params("lis")).server_config(None);
    let (ended, how) = mpsc::channel();
    let port = peers::listen(Some(config), move |mut stream| {
        let message = peers::frame(&mut *stream).unwrap();
        stream.write_all(&acknowledgement("AA", &message)).unwrap();
        // An end without a goodbye is an error of the reader.
        let read = stream.read(&mut [0]).map_err(|error| error.kind());
        ended.send(read).unwrap();
    });
    let home = Home::with(&format!(
        "[outbound]\ncertificate_authorities = [\"ca.pem\"]\n\
         [plugins.mllp-sender]\ntls = [\"localhost:{port}\"]\n\
         private_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n"
    ));
    home.write("ca.pem", authority.pem());
    let activity = sender(port).with("Server", "localhost").with("UseSsl", true);
    home.workflow("relay", &super::relay(activity));
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("M1", "1")).msa(1), "AA");
    // The end of the workflow's version ends the connection that was kept for it.
    server.stop();
    assert_eq!(how.recv_timeout(PATIENCE).unwrap(), Ok(0));
}

#[test]
fn a_server_that_is_not_granted_is_found_at_load_with_the_line_to_add() {
    for (granted, line) in [
        ("tcp = [\"127.0.0.1:6661\"]", "tcp = [\"127.0.0.1:6662\"]"),
        ("tls = [\"127.0.0.1:6662\"]", "tcp = [\"127.0.0.1:6662\"]"),
    ] {
        let home = home(&format!("[plugins.mllp-sender]\n{granted}\n"), sender(6662));
        assert_eq!(Findings::of(&home).errors(), ["WF083"], "{granted}");
        let said = home.run(&["check"]).said();
        assert!(said.contains(line) && said.contains("/Server"), "{granted}: {said}");
    }
}
