//! Messages in sets whose characters hold bytes of separators, and messages that are
//! given another set.

use encoding_rs::{BIG5, Encoding, GB18030, ISO_2022_JP, SHIFT_JIS};

use super::super::Hl7;
use super::{parse, path};
use crate::Limits;

fn header(set: &str, application: &str) -> String {
    format!("MSH|^~\\&|{application}|F|R|RF|20260301||ADT^A01|ID77|P|2.5||||||{set}\r")
}

fn written(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, unwritable) = encoding.encode(text);
    assert!(!unwritable, "{text}");
    bytes.into_owned()
}

/// The second bytes of some of these characters are those of separators.
#[test]
fn a_header_is_read_in_the_set_that_it_names_itself() {
    for (set, encoding, application, name) in [
        ("SHIFT_JIS", SHIFT_JIS, "レポート", "ポール"),
        ("~ISO IR87", ISO_2022_JP, "万代病院", "山田"),
        ("BIG-5", BIG5, "第四醫院", "四郎"),
        ("GB 18030-2000", GB18030, "亅院", "亅一"),
    ] {
        let text = format!("{}PID|1||{name}^x\r", header(set, application));
        let bytes = written(encoding, &text);
        assert!(bytes.iter().filter(|byte| **byte == b'|').count() > text.matches('|').count());
        let message = parse(&bytes);
        for (place, expected) in
            [("MSH-3", application), ("MSH-10", "ID77"), ("PID-3.1", name), ("PID-3.2", "x")]
        {
            assert_eq!(message.text(&path(place)), expected, "{set} {place}");
        }
        assert_eq!(message.header().unwrap().control_id(), "ID77", "{set}");
        assert_eq!(message.bytes(), bytes, "{set}");
    }
}

#[test]
fn bytes_in_escape_sequences_are_of_the_messages_own_set() {
    for (set, encoding, raw, expected) in [
        ("GB 18030-2000", GB18030, "\\XC9BD\\", "山"),
        ("SHIFT_JIS", SHIFT_JIS, "\\X8E52\\", "山"),
        ("BIG-5", BIG5, "\\XA473\\", "山"),
        ("8859/1", encoding_rs::WINDOWS_1252, "\\XE9\\", "é"),
        ("KS X 1001", encoding_rs::EUC_KR, "\\XC8AB\\", "홍"),
    ] {
        // The literal character has the message read in its set.
        let literal = if encoding == encoding_rs::WINDOWS_1252 { "é" } else { expected };
        let text = format!("{}PID|1||{literal}|{raw}\r", header(set, "A"));
        let message = parse(written(encoding, &text));
        assert_eq!(message.text(&path("PID-3")), expected, "{set}");
        assert_eq!(message.text(&path("PID-4")), expected, "{set}");
    }
}

#[test]
fn text_becomes_bytes_of_the_set_that_its_header_names() {
    let parsed = |set: &str, name: &str| {
        let text = format!("{}PID|1||{name}\r", header(set, "A"));
        (Hl7::parse_text(text.clone(), &Limits::default()), text)
    };
    for (set, name, expected) in [
        ("8859/1", "Müller", b"M\xFCller".to_vec()),
        ("", "Müller", "Müller".as_bytes().to_vec()),
        ("UNICODE UTF-8", "Müller", "Müller".as_bytes().to_vec()),
        ("no set", "Müller", "Müller".as_bytes().to_vec()),
        ("SHIFT_JIS", "ポール", written(SHIFT_JIS, "ポール")),
        ("~ISO IR87", "山田", written(ISO_2022_JP, "山田")),
    ] {
        let (message, _) = parsed(set, name);
        let message = message.unwrap();
        let found = message.bytes().windows(expected.len()).any(|part| part == expected);
        assert!(found, "{set}: {:?}", String::from_utf8_lossy(message.bytes()));
        assert_eq!(message.text(&path("PID-3")), name, "{set}");
    }
    let (refused, text) = parsed("8859/1", "山");
    let problem = refused.unwrap_err();
    assert_eq!((problem.code, problem.place.as_deref()), ("charset.unwritable", Some("MSH-18")));
    let number = text.chars().position(|it| it == '山').unwrap() + 1;
    assert!(problem.text.contains(&format!("character {number} ")), "{problem:?}");
}

#[test]
fn a_new_set_in_the_header_is_made_true_or_refused() {
    let latin =
        |name: &[u8]| parse([header("8859/1", "A").as_bytes(), b"PID|1||", name, b"\r"].concat());
    let mut message = latin(b"M\xFCller");
    message.set(&path("MSH-18"), "UNICODE UTF-8").unwrap();
    assert_eq!(message.text(&path("PID-3")), "Müller");
    assert_eq!(
        message.bytes(),
        format!("{}PID|1||Müller\r", header("UNICODE UTF-8", "A")).as_bytes()
    );
    // Another field, the same set in other words, and back again.
    message.set(&path("PID-3"), "Möller").unwrap();
    message.set(&path("MSH-18"), "UTF-8").unwrap();
    message.set(&path("MSH-18"), "8859/1").unwrap();
    assert!(message.bytes().ends_with(b"PID|1||M\xF6ller\r"));
    assert_eq!(message.written_in().name(), "ISO-8859-1");

    for (name, set, why) in [
        (&b"M\xFCller"[..], "ISO IR87", "does not exist"),
        (b"M\xFCller|\\XE9\\", "UNICODE UTF-8", "as \\X..\\"),
    ] {
        let mut message = latin(name);
        let before = message.bytes().to_vec();
        let problem = message.set(&path("MSH-18"), set).unwrap_err();
        assert_eq!(problem.code, "edit.charset", "{set}");
        assert!(problem.text.contains(why), "{problem:?}");
        assert_eq!(message.bytes(), before, "{set}");
    }
    // All ASCII: any set reads it alike.
    let mut plain = latin(b"Muller");
    plain.set(&path("MSH-18"), "SHIFT_JIS").unwrap();
    assert_eq!(plain.text(&path("MSH-18")), "SHIFT_JIS");
}
