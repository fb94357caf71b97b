//! Golden acknowledgements.

use super::*;
use crate::Limits;
use crate::hl7::Hl7;

const ORIGINAL: &str = "MSH|^~\\&|APP^1.2^ISO|FAC|RAPP|RFAC^9^L|20240101||ADT^A01^ADT_A01|M&1|P|";

fn accept() -> Acknowledgement<'static> {
    Acknowledgement {
        code: Code::AA,
        text: None,
        error: None,
        control_id: "77",
        timestamp: "20260102030405+0000",
    }
}

fn check(message: impl AsRef<[u8]>, acknowledgement: &Acknowledgement<'_>, expected: &str) {
    let header = Header::read(message.as_ref());
    let built = acknowledgement.build(header.as_ref());
    assert_eq!(String::from_utf8_lossy(&built), expected);
    assert!(Hl7::parse(built, &Limits::default()).unwrap().check().is_empty());
}

#[test]
fn an_accept_swaps_the_addresses_and_echoes_the_control_id_raw() {
    check(
        format!("{ORIGINAL}2.5\rPID|1\r"),
        &accept(),
        "MSH|^~\\&|RAPP|RFAC^9^L|APP^1.2^ISO|FAC|20260102030405+0000||ACK^A01^ACK|77|P|2.5\r\
         MSA|AA|M&1\r",
    );
}

#[test]
fn delimiters_are_those_of_the_message() {
    check(
        "MSH#!@%*#S#F#R#RF#2026##ADT!A01#MSG007#P#2.5######UNICODE UTF-8\r",
        &Acknowledgement { text: Some("é # !"), ..accept() },
        "MSH#!@%*#R#RF#S#F#20260102030405+0000##ACK!A01!ACK#77#P#2.5######UNICODE UTF-8\r\
         MSA#AA#MSG007#é %F% %S%\r",
    );
}

/// Control id, MSH-18 of the message, text of the answer; MSA-2 and MSH-18 of
/// the answer.
#[test]
fn an_answer_is_utf8_and_names_the_set_of_the_message_only_while_that_is_true() {
    let latin = b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|\xC4|P|2.5";
    for (end, text, id, declared) in [
        (&b"||||||8859/1"[..], "ok", "\u{c4}", "||||||UNICODE UTF-8"),
        (b"", "ok", "\u{c4}", "||||||UNICODE UTF-8"),
        (b"||||||wrong~x", "ok", "\u{c4}", "||||||UNICODE UTF-8"),
    ] {
        let message = [latin, end, b"\r"].concat();
        check(
            message,
            &Acknowledgement { text: Some(text), ..accept() },
            &format!(
                "MSH|^~\\&|C|D|A|B|20260102030405+0000||ACK^A01^ACK|77|P|2.5{declared}\r\
                 MSA|AA|{id}|{text}\r"
            ),
        );
    }
    for (declared, text, answered) in [
        ("", "ok", ""),
        ("", "é €", "||||||UNICODE UTF-8"),
        ("||||||8859/1", "ok", "||||||8859/1"),
        ("||||||8859/1~8859/2", "ok", "||||||8859/1~8859/2"),
        ("||||||8859/1", "é €", "||||||UNICODE UTF-8"),
        ("||||||ASCII", "é", "||||||UNICODE UTF-8"),
        ("||||||UTF-8", "é", "||||||UTF-8"),
        ("||||||UNICODE UTF-8~ISO IR87", "é", "||||||UNICODE UTF-8~ISO IR87"),
        ("||||||GB 18030-2000", "ok", "||||||GB 18030-2000"),
        ("||||||GB 18030-2000", "é", "||||||UNICODE UTF-8"),
        ("||||||UNICODE UTF-16", "ok", "||||||UNICODE UTF-8"),
        ("||||||wrong", "ok", "||||||UNICODE UTF-8"),
    ] {
        check(
            format!("MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5{declared}\r"),
            &Acknowledgement { text: Some(text), ..accept() },
            &format!(
                "MSH|^~\\&|C|D|A|B|20260102030405+0000||ACK^A01^ACK|77|P|2.5{answered}\r\
                 MSA|AA|1|{text}\r"
            ),
        );
    }
}

#[test]
fn a_control_id_that_is_not_the_utf8_it_claims_to_be_is_echoed_as_it_is() {
    let message = b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|\xC4|P|2.5||||||UTF-8\r";
    let built = accept().build(Header::read(message).as_ref());
    assert!(built.ends_with(b"|UTF-8\rMSA|AA|\xC4\r"), "{}", String::from_utf8_lossy(&built));
}

#[test]
fn a_timestamp_that_holds_a_delimiter_is_escaped() {
    check(
        "MSH$%+?*$A$B$$$20240101$$ADT%A01$1$P$2.5\r",
        &accept(),
        "MSH$%+?*$$$A$B$20260102030405?R?0000$$ACK%A01%ACK$77$P$2.5\rMSA$AA$1\r",
    );
}

#[test]
fn an_error_is_written_as_its_version_writes_it() {
    let refused = Acknowledgement {
        code: Code::AE,
        text: Some("date | wanted"),
        error: Some(ErrorDetail {
            condition: Condition::DataType,
            location: Some(Hl7Path::parse("PID[2]-3[4].5.6").unwrap()),
        }),
        ..accept()
    };
    let start = |version: &str| {
        format!(
            "MSH|^~\\&|RAPP|RFAC^9^L|APP^1.2^ISO|FAC|20260102030405+0000||ACK^A01^ACK|77|P|{version}\r"
        )
    };
    for (version, rest) in [
        ("2.3", "MSA|AE|M&1|date \\F\\ wanted\rERR|PID^2^3^102&Data type error&HL70357\r"),
        (
            "2.5.1",
            "MSA|AE|M&1|date \\F\\ wanted\r\
             ERR||PID^2^3^4^5^6|102^Data type error^HL70357|E||||date \\F\\ wanted\r",
        ),
        (
            "2.7",
            "MSA|AE|M&1\rERR||PID^2^3^4^5^6|102^Data type error^HL70357|E||||date \\F\\ wanted\r",
        ),
        (
            "2.10",
            "MSA|AE|M&1\rERR||PID^2^3^4^5^6|102^Data type error^HL70357|E||||date \\F\\ wanted\r",
        ),
    ] {
        check(format!("{ORIGINAL}{version}\r"), &refused, &format!("{}{rest}", start(version)));
    }
}

#[test]
fn a_refusal_without_a_detail_is_an_internal_error() {
    check(
        format!("{ORIGINAL}2.5\r"),
        &Acknowledgement { code: Code::AR, ..accept() },
        "MSH|^~\\&|RAPP|RFAC^9^L|APP^1.2^ISO|FAC|20260102030405+0000||ACK^A01^ACK|77|P|2.5\r\
         MSA|AR|M&1\rERR|||207^Application internal error^HL70357|E\r",
    );
}

#[test]
fn a_message_of_which_only_the_header_can_be_read_is_answered_by_it() {
    for message in
        ["garbage\rMSH|||||APP|FAC||\r", "\u{0B}MSH|^~\\&|\u{1C}\r", "MSH|", "MSH|12|A|B"]
    {
        let header = Header::read(message.as_bytes());
        let built = Acknowledgement { code: Code::AR, ..accept() }.build(header.as_ref());
        let text = String::from_utf8(built).unwrap();
        assert!(header.is_some() && text.starts_with("MSH|^~\\&|"), "{message:?}: {text:?}");
        assert!(text.contains("\rMSA|AR|\rERR|"), "{message:?}: {text:?}");
    }
}

#[test]
fn what_has_no_header_is_answered_without_addresses() {
    for message in ["", "PID|1\r", "MSH", "MSHX|", "\0\0\0", "{\"a\":1}"] {
        check(
            message,
            &Acknowledgement { code: Code::AR, text: Some("no MSH"), ..accept() },
            "MSH|^~\\&|||||20260102030405+0000||ACK^^ACK|77|P|2.5\rMSA|AR||no MSH\r\
             ERR|||207^Application internal error^HL70357|E||||no MSH\r",
        );
    }
}

#[test]
fn a_message_that_is_not_read_in_place_is_answered_in_utf8() {
    let text =
        |declared: &str| format!("MSH|^~\\&|A|B|C|D|2026||ADT^A01|Ä1|P|2.5{declared}\rPID|1\r");
    let utf16 = text("").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let chinese = encoding_rs::GB18030.encode(&text("||||||GB 18030-2000")).0.into_owned();
    for message in [utf16, chinese] {
        check(
            message,
            &accept(),
            "MSH|^~\\&|C|D|A|B|20260102030405+0000||ACK^A01^ACK|77|P|2.5||||||UNICODE UTF-8\r\
             MSA|AA|Ä1\r",
        );
    }
}

#[test]
fn text_is_cut_at_the_length_of_its_field() {
    let text = "é".repeat(300);
    let answer = Acknowledgement { code: Code::AE, text: Some(&text), ..accept() };
    let header = Header::read(format!("{ORIGINAL}2.5\r").as_bytes());
    let built = Hl7::parse(answer.build(header.as_ref()), &Limits::default()).unwrap();
    let length = |path: &str| built.text(&Hl7Path::parse(path).unwrap()).chars().count();
    assert_eq!((length("MSA-3"), length("ERR-8")), (80, 250));
}

#[test]
fn the_sender_says_which_acknowledgements_it_wants() {
    use When::{Always, Never, OnError, OnSuccess};
    for (fields, expected) in [
        ("", Mode::Original),
        ("||AL|NE", Mode::Enhanced { accept: Always, application: Never }),
        ("||ER|SU", Mode::Enhanced { accept: OnError, application: OnSuccess }),
        ("||NE", Mode::Enhanced { accept: Never, application: Never }),
        ("|||XX", Mode::Enhanced { accept: Never, application: Always }),
    ] {
        let header = Header::read(format!("{ORIGINAL}2.5|{fields}\r").as_bytes()).unwrap();
        assert_eq!(Mode::of(&header), expected, "{fields}");
    }
    assert!(OnError.applies(false) && !OnError.applies(true));
    assert!(OnSuccess.applies(true) && !OnSuccess.applies(false));
    assert!(Always.applies(false) && !Never.applies(true));
}

#[test]
fn an_acknowledgement_is_recognised() {
    for (code, expected) in
        [("ACK^A01", true), ("ACK", true), ("MCF", true), ("ADT^A01", false), ("", false)]
    {
        let header = Header::read(format!("MSH|^~\\&|||||||{code}|1\r").as_bytes()).unwrap();
        assert_eq!(is_acknowledgement(&header), expected, "{code}");
    }
}
