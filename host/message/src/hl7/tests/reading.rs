//! Terminators, counting, finding, character sets, checks, limits.

use super::super::{Continuation, ContinuationKind, Delimiters, Header, Hl7, PROBLEMS_MAX, Parser};
use super::{HEADER, message, parse, path};
use crate::{Limits, Value};

fn lines(message: &Hl7) -> Vec<String> {
    let line = |segment| String::from_utf8_lossy(message.line(segment)).into_owned();
    message.store.table.segments().iter().skip(1).map(line).collect()
}

#[test]
fn a_bare_line_feed_ends_a_segment_where_a_segment_follows() {
    for (rest, expected) in [
        ("\rPID|1\nPV1|2\r", vec!["PID|1", "PV1|2"]),
        ("\rOBX|a\nb|c\r", vec!["OBX|a\nb|c"]),
        ("\rOBX|a\n\nb\r", vec!["OBX|a\n\nb"]),
        ("\rOBX|a\n\nPV1|1\r", vec!["OBX|a", "PV1|1"]),
        ("\rOBX|a\nPV1\r", vec!["OBX|a", "PV1"]),
        ("\rOBX|a\nPV1^x\r", vec!["OBX|a\nPV1^x"]),
        ("\rOBX|a\n", vec!["OBX|a"]),
        ("\rOBX|a\n\r", vec!["OBX|a\n"]),
        ("\r\nOBX|a\r\n\r\nPV1|b\r\n", vec!["OBX|a", "PV1|b"]),
        ("\nOBX|a\nb\n", vec!["OBX|a", "b"]),
        ("\r\r\n\nOBX|a\r\r", vec!["OBX|a"]),
        ("\rOBX|a\nMSH$%+?*$B\r", vec!["OBX|a", "MSH$%+?*$B"]),
    ] {
        assert_eq!(lines(&parse(format!("{HEADER}{rest}"))), expected, "{rest:?}");
    }
}

#[test]
fn siblings_are_segments_or_repetitions() {
    let message = message("OBX|1||a~b^c&d~\rNTE|1\rOBX|2||\rOBX|3\rpid|x\r");
    for (place, expected) in [
        ("OBX", 3),
        ("OBX[2]", 3),
        ("PV1", 0),
        ("OBX-3", 3),
        ("OBX-3[2]", 3),
        ("OBX[2]-3", 0),
        ("OBX[3]-3", 0),
        ("OBX-3[2].1", 1),
        ("OBX-3[2].3", 0),
        ("OBX-1", 1),
        ("OBX[*]", 3),
        ("OBX[*]-3[*]", 3),
        ("OBX[*]-1", 3),
        ("MSH-2", 1),
        ("MSH-2[2]", 1),
        ("MSH-1.2", 0),
    ] {
        assert_eq!(message.count(&path(place)), expected, "{place}");
    }
}

#[test]
fn a_pattern_finds_what_exists_in_document_order() {
    let message = message("OBX|1||a~b^c&d\rNTE|1\rOBX|2||\rOBX|3||e\r");
    for (pattern, expected) in [
        ("OBX[*]", vec!["OBX[1]", "OBX[2]", "OBX[3]"]),
        ("OBX[*]-3", vec!["OBX[1]-3", "OBX[2]-3", "OBX[3]-3"]),
        ("OBX[*]-3[*]", vec!["OBX[1]-3[1]", "OBX[1]-3[2]", "OBX[3]-3[1]"]),
        ("OBX[*]-3[*].2", vec!["OBX[1]-3[2].2"]),
        ("OBX-3[*].2.2", vec!["OBX-3[2].2.2"]),
        ("OBX[3]-3[*]", vec!["OBX[3]-3[1]"]),
        ("OBX-3[2]", vec!["OBX-3[2]"]),
        ("OBX-9", vec![]),
        ("ZZ1[*]-1[*]", vec![]),
        ("OBX-3.1[2]", vec![]),
    ] {
        assert_eq!(message.find(&path(pattern)), expected, "{pattern}");
    }
}

#[test]
fn what_find_answers_can_be_read() {
    let message = message("OBX|1||a~b^c&d\rOBX|2||\rOBX|3||e\r");
    for pattern in ["OBX[*]", "OBX[*]-3[*]", "OBX[*]-3[*].1", "MSH-9.2", "MSH-1"] {
        let found = message.find(&path(pattern));
        assert!(!found.is_empty(), "{pattern}");
        for exact in found {
            assert_ne!(message.get(&path(&exact)), Value::Absent, "{pattern}: {exact}");
        }
    }
}

#[test]
fn the_whole_field_is_read_with_all_its_repetitions() {
    let message = message("PID|1||a~b\\F\\c\r");
    assert_eq!(message.get(&path("PID-3[*]")), Value::Text("a~b\\F\\c".into()));
    assert_eq!(message.structure(&path("PID-3[*]")).as_deref(), Some("a~b\\F\\c"));
    assert_eq!(message.structure(&path("PID-3[2]")).as_deref(), Some("b\\F\\c"));
    assert_eq!(message.text(&path("PID-3[2]")), "b|c");
    assert_eq!(message.text(&path("PID")), "PID|1||a~b\\F\\c");
    assert_eq!(message.text(&path("PID-3.1[2]")), "");
}

#[test]
fn each_character_set_is_read_and_written() {
    for (name, text, bytes) in [
        ("8859/1", "é", b"\xE9".as_slice()),
        ("   8859/1", "\u{85}", b"\x85"),
        ("8859/2", "ł", b"\xB3"),
        ("8859/5", "Ж", b"\xB6"),
        ("8859/9", "ğ", b"\xF0"),
        ("8859/15", "€", b"\xA4"),
        ("KS X 1001", "가", b"\xB0\xA1"),
        ("UNICODE UTF-8", "가", "가".as_bytes()),
        ("UNICODE UTF-8~8859/1", "é", "é".as_bytes()),
        ("BIG-5", "功", b"\xA5\x5C"),
        ("SHIFT_JIS", "表", b"\x95\x5C"),
        ("GB 18030-2000", "乗", b"\x81\x5C"),
        ("~ISO IR87", "山", b"\x1B$B;3\x1B(B"),
        ("ISO IR6~ISO IR87", "代", b"\x1B$BBe\x1B(B"),
        ("ISO IR87", "～", b"\x1B$B!A\x1B(B"),
        ("", "é", "é".as_bytes()),
        ("ISO IR 999", "€", b"\x80"),
        ("ASCII", "€", b"\x80"),
    ] {
        let start = format!("MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5||||||{name}\rPID|1||");
        let mut whole = [start.as_bytes(), bytes, b"|x\r"].concat();
        let mut message = parse(&whole);
        assert_eq!(message.text(&path("PID-3")), text, "{name}");
        assert_eq!(message.text(&path("PID-4")), "x", "{name}");
        assert_eq!(message.bytes(), whole, "{name}");
        message.set(&path("PID-4"), text).unwrap();
        whole.truncate(whole.len() - 2);
        assert_eq!(message.bytes(), [&whole, bytes, b"\r"].concat(), "{name}");
        message.set(&path("PID-3"), "x").unwrap();
        message.set(&path("PID-3"), text).unwrap();
        assert_eq!(message.bytes(), [&whole, bytes, b"\r"].concat(), "{name}");
    }
}

#[test]
fn wide_messages_are_read_as_they_are_and_written_in_their_own_set() {
    let text = format!("\u{FEFF}{HEADER}\rPID|1||Ä€𝄞|x\r");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let utf32 =
        |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>();
    for encode in [utf16 as fn(&str) -> Vec<u8>, utf32] {
        for text in [text.as_str(), text.trim_start_matches('\u{FEFF}')] {
            let mut message = parse(encode(text));
            assert_eq!(message.text(&path("PID-3")), "Ä€𝄞");
            assert_eq!(message.bytes(), encode(text));
            message.set(&path("PID-4"), "Ω").unwrap();
            assert_eq!(message.bytes(), encode(&text.replace("|x", "|Ω")));
        }
    }
}

#[test]
fn wide_messages_are_as_long_as_their_text() {
    let text = format!("{HEADER}\rPID|1||x|x\r");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let parse_within = |bytes: &[u8], message_bytes| {
        Hl7::parse(bytes.to_vec(), &Limits { message_bytes, ..Limits::default() })
    };
    let refused = parse_within(&utf16, text.len() - 1).unwrap_err();
    assert_eq!(refused.code, "limit.message-bytes");
    let mut message = parse_within(&utf16, text.len() + 10).unwrap();
    let too_long = message.set(&path("PID-3"), &"y".repeat(12)).unwrap_err();
    assert_eq!(too_long.code, "limit.message-bytes");
    message.set(&path("PID-3"), &"y".repeat(11)).unwrap();
    let again = parse_within(message.bytes(), text.len() + 10).unwrap();
    assert_eq!(again.text(&path("PID-3")), "y".repeat(11));
    // Others have no such room, and nothing is looked at that is far too long.
    assert!(parse_within(text.as_bytes(), text.len() - 1).is_err());
    assert!(parse_within(&utf16.repeat(4), text.len()).is_err());
}

#[test]
fn ascii_that_declares_a_set_is_written_in_it() {
    for (declared, text, bytes) in [
        ("~ISO IR87", "山", b"\x1B$B;3\x1B(B".as_slice()),
        ("SHIFT_JIS", "表", b"\x95\x5C"),
        ("8859/1", "é", b"\xE9"),
        ("", "é", "é".as_bytes()),
    ] {
        let start = format!("MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5||||||{declared}\rPID|");
        let mut message = parse(&start);
        message.set(&path("PID-1"), text).unwrap();
        assert_eq!(message.bytes(), [start.as_bytes(), bytes].concat(), "{declared}");
        let again = parse(message.bytes());
        assert_eq!(again.text(&path("PID-1")), text, "{declared}");
        let first = declared.split('~').next().unwrap();
        assert_eq!(again.header().unwrap().component(18, 1), first);
    }
}

#[test]
fn a_message_is_parsed_in_the_memory_of_another() {
    let mut parser = Parser::new(&Limits::default());
    let mut buffer = Vec::with_capacity(1 << 10);
    for (text, value) in [
        (format!("{HEADER}\rPID|1\rPID|2\r"), "2"),
        ("PID|1".to_owned(), ""),
        (format!("{HEADER}\rMSH$%+?*$x\rPID$1\rPID$3\r"), "3"),
        (format!("{HEADER}\r"), ""),
    ] {
        buffer.extend_from_slice(text.as_bytes());
        match parser.parse(buffer) {
            Ok(mut message) => {
                assert_eq!(message.text(&path("PID[2]-1")), value);
                message.set(&path("ZZ1-1"), "v").unwrap();
                buffer = parser.recycle(message);
            }
            Err(_) => buffer = Vec::new(),
        }
        assert!(buffer.is_empty());
    }
    assert_ne!(buffer.capacity(), 0);
}

#[test]
fn a_table_that_is_filled_anew_remembers_nothing() {
    let mut parser = Parser::new(&Limits::default());
    let lines = "OBX|1||é\r".repeat(100);
    let text = format!("\u{FEFF}\x0B{HEADER}\r{lines}MSH$%+?*$x\rPID$1\r\x1C\r");
    let message = parser.parse(text.into_bytes()).unwrap();
    for _ in 0..100 {
        assert_eq!(message.count(&path("OBX")), 100);
        assert_eq!(message.text(&path("PID-1")), "1");
    }
    let told = format!("{:?}", message.store.table);
    parser.recycle(message);
    let next = format!("{HEADER}\rPID|2\r").into_bytes();
    let fresh = format!("{:?}", Hl7::parse(next.clone(), &Limits::default()).unwrap().store.table);
    assert!(told.contains("groups") && !fresh.contains("groups"));
    assert_eq!(format!("{:?}", parser.parse(next).unwrap().store.table), fresh);
}

#[test]
fn what_continues_elsewhere_is_told() {
    use ContinuationKind::{Fragment, Interactive};
    for (rest, expected) in [
        ("OBX|1\rDSC|p\\T\\1|F\r", Some(("p&1", Some(Fragment)))),
        ("DSC|9|I", Some(("9", Some(Interactive)))),
        ("DSC|9", Some(("9", None))),
        ("DSC|8|I\rDSC|9|x", Some(("9", None))),
        ("DSC||F", None),
        ("DSC", None),
        ("OBX|1", None),
    ] {
        let found = message(rest).continuation();
        let expected =
            expected.map(|(pointer, kind)| Continuation { pointer: pointer.to_owned(), kind });
        assert_eq!(found, expected, "{rest:?}");
    }
}

#[test]
fn a_header_is_read_wherever_it_stands() {
    let header =
        Header::read(b"\r\nnoise\r\nMSH|^~\\&|A|B|||||ORU^R01|ID\\T\\7|P|2.3.1^X\r").unwrap();
    assert_eq!(header.control_id(), "ID\\T\\7");
    assert_eq!((header.message_code(), header.trigger_event()), ("ORU".into(), "R01".into()));
    assert_eq!(header.version(), "2.3.1");
    assert_eq!(header.field(1), Some(b"|".as_slice()));
    assert_eq!(header.field(2), Some(b"^~\\&".as_slice()));
    assert_eq!(header.field(13), None);
    assert_eq!(header.delimiters(), &Delimiters::STANDARD);
    assert!(Header::read(b"XMSH|^~\\&|").is_none());
}

#[test]
fn check_names_what_reading_tolerates() {
    let clean = "PID|1||a\\F\\b\\.br\\c\\H\\d\\N\\\\X41\\\\C2842\\\\M123456\\\\Z9\\\\.sp+2\\\r";
    assert_eq!(message(clean).check(), []);
    for (rest, code) in [
        ("pid|1\r", "hl7.segment-name"),
        ("PIDX|1\r", "hl7.segment-name"),
        ("PID|a\\b\r", "hl7.escape"),
        ("PID|\\XC3\\\r", "hl7.escape"),
        ("PID|\u{1C}x\r", "hl7.framing"),
        ("MSH|^~\\&|B\r", "hl7.second-header"),
    ] {
        let codes: Vec<&str> = message(rest).check().iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{rest:?}");
    }
    for (header, code) in [
        ("MSH|^~\\\\&|A", "hl7.encoding-characters"),
        ("MSH|^~\\&#!|A", "hl7.encoding-characters"),
        ("MSH|^~\\&|A|||||||||||||||wrong", "hl7.charset"),
        ("MSH|^~\\&|é|||||||||||||||8859/1", "hl7.charset"),
        ("MSH|^~\\&|é|||||||||||||||UNICODE UTF-16", "hl7.charset"),
        ("MSH|^~\\&|é|||||||||||||||~ISO IR87", "hl7.charset"),
        ("MSH|^~\\&|é|||||||||||||||KS X 1001", "hl7.charset"),
        ("FHS|^~\\&|A\rMSH|^~\\&|B\rFTS|7", "hl7.batch-count"),
        ("BHS|^~\\&|A\rMSH|^~\\&|B\rBTS|1\rNTE|1", "hl7.batch-line"),
    ] {
        let problems = parse(header).check();
        assert!(problems.iter().any(|problem| problem.code == code), "{header}: {problems:?}");
    }
    let mislabelled = parse(b"MSH|^~\\&|\xE9".as_slice()).check();
    assert_eq!(mislabelled[0].code, "hl7.charset");
    let many = message(&"bad line\r".repeat(PROBLEMS_MAX * 2)).check();
    assert_eq!(many.len(), PROBLEMS_MAX);
}

#[test]
fn no_problem_quotes_the_message() {
    let secret = "Sekret";
    for text in [format!("{secret}|x"), format!("MSH|{secret}|"), format!("MSH{secret}")] {
        let problem = Hl7::parse(text.into_bytes(), &Limits::default()).unwrap_err();
        assert!(!format!("{problem:?} {problem}").contains(secret));
    }
    let mut message = message(&format!("{secret}|x\rPID|{secret}\\q\r"));
    for problem in message.check() {
        assert!(!format!("{problem:?} {problem}").contains(secret));
    }
    let problem = message.set_structure(&path("PID"), secret).unwrap_err();
    assert!(!format!("{problem:?} {problem}").contains(secret));
    assert!(!format!("{message:?} {:?}", message.header()).contains("APP"));
}

#[test]
fn headers_that_declare_no_usable_delimiters_are_refused() {
    for text in [
        "MSH^",
        "MSH|",
        "MSHa^~\\&|",
        "MSH ^~\\&|",
        "MSH0^~\\&|",
        "MSH||^~\\&|",
        "MSH|^a\\&|",
        "MSH|^~\\9|",
        "MSH|é~\\&|",
        "MSH|^~\u{7}&|",
        "MSH\r^~\\&|",
        "msh|^~\\&|",
        " MSH|^~\\&|",
        "PID|1\rMSH|^~\\&|",
    ] {
        let problem = Hl7::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap_err();
        assert_eq!(problem.code, "hl7.header", "{text:?}");
    }
    for text in ["MSH|^", "MSH|^~\\&", "FHS|^~\\&|A", "\r\nMSH|^~\\&|", "MSH\t^~\\&\tA"] {
        assert!(Hl7::parse(text.as_bytes().to_vec(), &Limits::default()).is_ok(), "{text:?}");
    }
}

#[test]
fn limits_are_hit_exactly() {
    let text = format!("{HEADER}\rPID|1\rPID|2\r").into_bytes();
    let code = |limits: &Limits| Hl7::parse(text.clone(), limits).map_err(|problem| problem.code);
    let bytes = |message_bytes| Limits { message_bytes, ..Limits::default() };
    assert!(code(&bytes(text.len())).is_ok());
    assert_eq!(code(&bytes(text.len() - 1)).unwrap_err(), "limit.message-bytes");
    let segments = |segments| Limits { segments, ..Limits::default() };
    assert!(code(&segments(3)).is_ok());
    assert_eq!(code(&segments(2)).unwrap_err(), "limit.segments");
}

#[test]
fn a_batch_of_many_headers_is_read_in_one_pass() {
    let pair = "MSH$%+?*$A\rPID$1%2\rMSH|^~\\&|B\rPID|3^4\r";
    let batch = parse(pair.repeat(16_000));
    assert_eq!(batch.find(&path("PID[*]-1.2")).len(), 32_000);
    assert_eq!(batch.text(&path("PID[31999]-1.2")), "2");
    assert_eq!(batch.text(&path("PID[32000]-1.2")), "4");
}
