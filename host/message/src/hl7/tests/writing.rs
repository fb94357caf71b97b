//! Writing, removing, appending, re-encoding.

use super::super::Hl7;
use super::{HEADER, message, parse, path, rest};
use crate::{Limits, Value};

fn after(start: &str, write: impl FnOnce(&mut Hl7)) -> String {
    let mut message = message(start);
    write(&mut message);
    rest(&message)
}

#[test]
fn missing_occurrences_are_created_up_to_the_wanted_one() {
    for (start, place, expected) in [
        ("OBX|1\rNTE|1\r", "OBX[4]-2", "OBX|1\rOBX\rOBX\rOBX||v\rNTE|1\r"),
        ("PID|1", "OBX[2]-1", "PID|1\rOBX\rOBX|v"),
        ("PID|1\r\r", "OBX-1.2.2", "PID|1\rOBX|^&v\r\r"),
    ] {
        assert_eq!(after(start, |m| m.set(&path(place), "v").unwrap()), expected, "{place}");
    }
}

#[test]
fn framing_around_the_message_stays_around_it() {
    let mut message = parse(format!("\u{FEFF}\u{0B}{HEADER}\rPID|1\r\u{1C}\r"));
    message.set(&path("PID-2"), "v").unwrap();
    message.append("NTE|1").unwrap();
    assert_eq!(
        message.bytes(),
        format!("\u{FEFF}\u{0B}{HEADER}\rPID|1|v\rNTE|1\r\u{1C}\r").as_bytes()
    );
    assert_eq!(message.whole_text(), format!("{HEADER}\rPID|1|v\rNTE|1\r"));
}

#[test]
fn null_is_written_and_told_apart() {
    let mut message = message("PID|1\r");
    message.set_null(&path("PID-3.2")).unwrap();
    assert_eq!(rest(&message), "PID|1||^\"\"\r");
    assert_eq!(message.get(&path("PID-3.2")), Value::Null);
    assert_eq!(message.text(&path("PID-3.2")), "\"\"");
    message.set(&path("PID-4"), "\"\"").unwrap();
    assert_eq!(message.get(&path("PID-4")), Value::Null, "a copied null stays one");
}

#[test]
fn structure_is_written_as_it_is() {
    for (place, text, expected) in [
        ("PID-3", "x^y~z", "PID|1||x^y~z~b|c\rNTE|1\r"),
        ("PID-3[*]", "x^y", "PID|1||x^y|c\rNTE|1\r"),
        ("PID-3[2].3", "a&\\T\\", "PID|1||a~b^^a&\\T\\|c\rNTE|1\r"),
        ("PID", "PID|9", "PID|9\rNTE|1\r"),
        ("PID", "PID|9\r\n", "PID|9\rNTE|1\r"),
        ("PID[2]", "PID|9", "PID|1||a~b|c\rPID|9\rNTE|1\r"),
        ("ZZ1", "ZZ1", "PID|1||a~b|c\rNTE|1\rZZ1\r"),
        ("ZZ1-1[*]", "a~b", "PID|1||a~b|c\rNTE|1\rZZ1|a~b\r"),
    ] {
        let found =
            after("PID|1||a~b|c\rNTE|1\r", |m| m.set_structure(&path(place), text).unwrap());
        assert_eq!(found, expected, "{place} {text}");
    }
    let mut message = message("");
    message.set_structure(&path("MSH"), "MSH|^~\\&|NEW").unwrap();
    assert_eq!(message.bytes(), b"MSH|^~\\&|NEW\r");
}

#[test]
fn a_segment_is_written_back_with_the_line_feed_that_is_data_of_it() {
    let bytes = "MSH|^~\\&|A\rOBX|1\n\rNTE|1\r";
    let mut message = Hl7::parse(bytes.into(), &Limits::default()).unwrap();
    let line = message.structure(&path("OBX")).unwrap().into_owned();
    assert_eq!(line, "OBX|1\n");
    message.set_structure(&path("OBX"), &line).unwrap();
    assert_eq!(message.bytes(), bytes.as_bytes());
    message.set_structure(&path("OBX"), "OBX|2\n").unwrap();
    assert_eq!(message.bytes(), b"MSH|^~\\&|A\rOBX|2\rNTE|1\r");
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    let start = "PID|1||a\r";
    type Write = fn(&mut Hl7, &str) -> Result<(), crate::Problem>;
    let value: Write = |message, place| message.set(&path(place), "v");
    let null: Write = |message, place| message.set_null(&path(place));
    let euro: Write = |message, place| message.set_structure(&path(place), "a\rb");
    let other: Write = |message, place| message.set_structure(&path(place), "NTE|1");
    for (place, write, code) in [
        ("PID", value, "edit.read-only"),
        ("MSH-1", value, "edit.read-only"),
        ("MSH-2", null, "edit.read-only"),
        ("FHS-3", value, "edit.read-only"),
        ("MSH[2]-3", value, "edit.read-only"),
        ("PID-3.1[2]", value, "edit.read-only"),
        ("PID[*]-3", value, "path.pattern"),
        ("PID-3[*]", value, "path.pattern"),
        ("PID-3", euro, "edit.structure"),
        ("PID", other, "edit.structure"),
        ("ZZ1", other, "edit.structure"),
        ("MSH-2", other, "edit.read-only"),
    ] {
        let mut message = message(start);
        assert_eq!(write(&mut message, place).unwrap_err().code, code, "{place}");
        assert_eq!(rest(&message), start, "{place}");
    }
}

#[test]
fn a_level_without_a_delimiter_cannot_be_written() {
    let mut message = parse("MSH|^~|A\rPID|1\r");
    assert_eq!(message.set(&path("PID-1.1.2"), "v").unwrap_err().code, "edit.delimiter");
    assert_eq!(message.set(&path("PID-2"), "a|b").unwrap_err().code, "edit.escape");
    message.set(&path("PID-1.1.1"), "a&b\\c").unwrap();
    assert_eq!(message.bytes(), b"MSH|^~|A\rPID|a&b\\c\r");
}

#[test]
fn a_character_that_the_set_does_not_have_is_refused() {
    let start = "MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5||||||8859/1\rPID|1\r";
    let mut message = parse(start);
    let problem = message.set(&path("PID-2"), "é€").unwrap_err();
    assert_eq!((problem.code, problem.offset), ("edit.charset", Some(2)));
    assert_eq!(message.append("NTE|€").unwrap_err().code, "edit.charset");
    assert_eq!(message.bytes(), start.as_bytes());
    let broken = [b"MSH|^~\\&|A|B||||||||||||||BIG-5|\xA5\x5C\xFF".as_slice()].concat();
    let mut message = parse(&broken);
    assert_eq!(message.set(&path("MSH-3"), "x").unwrap_err().code, "edit.charset");
    assert_eq!(message.bytes(), broken);
}

#[test]
fn a_value_that_would_read_as_cut_off_is_escaped() {
    let mut message = parse("MSH|^~\\&#|A\rPID|1\r");
    message.set(&path("PID-2"), "a#b#").unwrap();
    assert_eq!(message.bytes(), b"MSH|^~\\&#|A\rPID|1|a#b\\P\\\r");
    assert_eq!(message.text(&path("PID-2")), "a#b#");
}

#[test]
fn segments_are_appended_with_the_terminator_of_the_message() {
    for (terminator, start) in [("\r", "\r"), ("\n", "\n"), ("\r\n", "\r\n"), ("\r", "")] {
        let mut message = parse(format!("{HEADER}{start}"));
        message.append("NTE|1\nNTE|2\r\n\rZZ1\r").unwrap();
        let expected = format!("{HEADER}{terminator}NTE|1{terminator}NTE|2{terminator}ZZ1{start}");
        assert_eq!(message.bytes(), expected.as_bytes(), "{start:?}");
    }
    let mut message = message("PID|1\r");
    message.append("\r\n").unwrap();
    for text in ["nte|1", "NTE|1\rtext", "MSH|^~\\&|B", "NTE^1", "NTE|\u{1C}"] {
        assert_eq!(message.append(text).unwrap_err().code, "edit.structure", "{text:?}");
    }
    assert_eq!(rest(&message), "PID|1\r");
}

#[test]
fn the_carriage_return_of_a_frame_ends_no_line() {
    for declared in ["", "BTS|1\n"] {
        let start = format!("\x0B{HEADER}\nPID|1\n{declared}");
        let mut message = parse(format!("{start}\x1C\r"));
        message.append("NTE|1").unwrap();
        message.set(&path("ZZ1-1"), "v").unwrap();
        let expected = format!("{start}NTE|1\nZZ1|v\n\x1C\r");
        assert_eq!(message.bytes(), expected.as_bytes(), "{declared:?}");
    }
    // Where the last line has no end of its own, the one before shows it.
    let mut message = parse(format!("{HEADER}\nPID|1\x1C\r"));
    message.set(&path("ZZ1-1"), "v").unwrap();
    assert_eq!(message.bytes(), format!("{HEADER}\nPID|1\nZZ1|v\x1C\r").as_bytes());
}

#[test]
fn removing_moves_repetitions_up_and_empties_fixed_places() {
    let start = "PID|1||a~b^x&y~c|d\rOBX|1\rNTE|1\rOBX|2\r";
    for (pattern, count, expected) in [
        ("OBX", 1, "PID|1||a~b^x&y~c|d\rNTE|1\rOBX|2\r"),
        ("OBX[2]", 1, "PID|1||a~b^x&y~c|d\rOBX|1\rNTE|1\r"),
        ("OBX[*]", 2, "PID|1||a~b^x&y~c|d\rNTE|1\r"),
        ("OBX[3]", 0, start),
        ("PID-3", 1, "PID|1||b^x&y~c|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[2]", 1, "PID|1||a~c|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[3]", 1, "PID|1||a~b^x&y|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[*]", 3, "PID|1|||d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[*].1", 3, "PID|1||~^x&y~|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[2].2.1", 1, "PID|1||a~b^&y~c|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-3[2].2", 1, "PID|1||a~b^~c|d\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-4", 1, "PID|1||a~b^x&y~c|\rOBX|1\rNTE|1\rOBX|2\r"),
        ("PID-2", 0, start),
        ("PID-9", 0, start),
        ("OBX[*]-1", 2, "PID|1||a~b^x&y~c|d\rOBX|\rNTE|1\rOBX|\r"),
    ] {
        let mut removed = 0;
        let found = after(start, |m| removed = m.remove(&path(pattern)).unwrap());
        assert_eq!((removed, found.as_str()), (count, expected), "{pattern}");
    }
    for pattern in ["MSH", "MSH-1", "MSH-2[*]", "BHS[*]"] {
        assert_eq!(message(start).remove(&path(pattern)).unwrap_err().code, "edit.read-only");
    }
}

#[test]
fn removing_the_last_segment_keeps_the_terminator_before_it() {
    assert_eq!(after("PID|1\rOBX|1", |m| assert_eq!(m.remove(&path("OBX")), Ok(1))), "PID|1\r");
}

#[test]
fn removing_all_repetitions_of_a_long_field_is_linear() {
    let field = "a^b~".repeat(200_000);
    let mut message = message(&format!("PID|1||{field}\r"));
    assert_eq!(message.remove(&path("PID-3[*].2")).unwrap(), 200_000);
    assert_eq!(message.count(&path("PID-3")), 200_001);
}

#[test]
fn reencoding_changes_delimiters_and_keeps_meaning() {
    let mut message = parse("MSH|^~\\&|A$B\rPID|1||a\\F\\$^b%~c&\\.br\\\\X41\\ d\\e\rjunk|^\r");
    message.reencode(b'$', b"%+?*").unwrap();
    assert_eq!(
        String::from_utf8_lossy(message.bytes()),
        "MSH$%+?*$A?F?B\rPID$1$$a|?F?%b?S?+c*?.br??X41? d\\e\rjunk|^\r"
    );
    let before = message.bytes().to_vec();
    assert_eq!(message.reencode(b'|', b"^~\\").unwrap_err().code, "edit.delimiter");
    assert_eq!(message.reencode(b'|', b"^~|&").unwrap_err().code, "hl7.header");
    assert_eq!(message.bytes(), before);
}

#[test]
fn formatting_commands_become_layout() {
    for (raw, expected) in [
        ("a\\.br\\b", "a\nb"),
        ("a\\.sp2\\b\\.sp\\c", "a\n\nb\nc"),
        ("a\\.sk3\\b", "a   b"),
        ("\\.in+2\\a\\.br\\b\\.in-2\\\\.br\\c", "  a\n  b\nc"),
        ("a\\.ti+4\\\\.br\\b\\.br\\c", "a\n    b\nc"),
        ("\\H\\bold\\N\\ \\F\\ \\X41\\ \\Z9\\ \\q", "bold | A \\Z9\\ \\q"),
        ("a^b\\.br\\", "a^b\\.br\\"),
        ("", ""),
    ] {
        let message = message(&format!("OBX|1|FT|||{raw}\r"));
        assert_eq!(message.formatted_text(&path("OBX-5")), expected, "{raw}");
    }
}

#[test]
fn writes_stay_within_the_limits() {
    let text = format!("{HEADER}\rPID|1\r");
    let limits =
        Limits { message_bytes: text.len() + 20, segments: 3, index: 9, ..Limits::default() };
    let mut message = Hl7::parse(text.clone().into_bytes(), &limits).unwrap();
    let long = "x".repeat(22);
    for (place, value, code) in [
        ("PID-1", long.as_str(), "limit.message-bytes"),
        ("PID-10", "v", "limit.index"),
        ("PID-1[10]", "v", "limit.index"),
        ("PID-1.1.10", "v", "limit.index"),
        ("OBX[2]-1", "v", "limit.segments"),
        ("OBX[65535]-1", "v", "limit.segments"),
        ("OBX-1", long.as_str(), "limit.message-bytes"),
    ] {
        assert_eq!(message.set(&path(place), value).unwrap_err().code, code, "{place}");
    }
    assert_eq!(message.append("A01\rA02").unwrap_err().code, "limit.segments");
    assert_eq!(message.bytes(), text.as_bytes());
    message.set(&path("OBX-9"), "v").unwrap();
}
