//! What the standard says, and what was decided where it is silent: 121 cases
//! with their numbers. `{M}` stands for one common header.

use super::super::{Hl7, Hl7Path};
use crate::{Limits, Value};
use Expected::{Count, Get, NoMessage, Raw, Refused, Set, SetRaw, State};

const HEADER: &str = r"MSH|^~\&|APP|FAC|RAPP|RFAC|20240101120000||ADT^A01^ADT_A01|MSG1|P|2.5";

enum Expected {
    /// Path and its text.
    Get(&'static str, &'static str),
    /// Path and what stands there instead of text.
    State(&'static str, Value<'static>),
    /// Path and its wire text.
    Raw(&'static str, &'static str),
    Count(&'static str, usize),
    NoMessage,
    /// Path, value, and the message afterwards.
    Set(&'static str, &'static str, &'static str),
    SetRaw(&'static str, &'static str, &'static str),
    Refused(&'static str, &'static str),
}

type Case = (&'static str, &'static str, Expected);

fn expand(text: &str) -> String {
    text.replace("{M}", &format!("{HEADER}\r")).replace("{M/LF}", &format!("{HEADER}\n"))
}

fn path(text: &str) -> Hl7Path {
    Hl7Path::parse(text).unwrap()
}

fn check(cases: &[Case], encode: fn(&str) -> Vec<u8>) {
    for (name, input, expected) in cases {
        let bytes = encode(&expand(input));
        let parsed = Hl7::parse(bytes.clone(), &Limits::default());
        if matches!(expected, NoMessage) {
            assert!(parsed.is_err(), "{name}");
            continue;
        }
        let mut message = parsed.unwrap();
        assert_eq!(message.bytes(), bytes, "{name}: kept byte for byte");
        check_one(name, &mut message, expected);
    }
}

fn check_one(name: &str, message: &mut Hl7, expected: &Expected) {
    let written = |message: &Hl7| String::from_utf8(message.bytes().to_vec()).unwrap();
    match expected {
        Get(place, text) => {
            assert_eq!(message.get(&path(place)), Value::Text((*text).into()), "{name}");
        }
        State(place, state) => assert_eq!(message.get(&path(place)), *state, "{name}"),
        Raw(place, text) => {
            assert_eq!(message.structure(&path(place)).as_deref(), Some(*text), "{name}");
        }
        Count(place, count) => assert_eq!(message.count(&path(place)), *count, "{name}"),
        NoMessage => unreachable!("checked before parsing"),
        Set(place, value, after) => {
            message.set(&path(place), value).unwrap();
            assert_eq!(written(message), expand(after), "{name}");
        }
        SetRaw(place, value, after) => {
            message.set_structure(&path(place), value).unwrap();
            assert_eq!(written(message), expand(after), "{name}");
        }
        Refused(place, value) => {
            let before = written(message);
            assert!(message.set(&path(place), value).is_err(), "{name}");
            assert_eq!(written(message), before, "{name}");
        }
    }
}

fn utf8(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).unwrap()).collect()
}

#[test]
fn the_header_declares_the_delimiters() {
    check(&HEADER_AND_DELIMITERS, utf8);
}

#[test]
fn places_are_counted_as_the_standard_counts() {
    check(&STRUCTURE, utf8);
}

#[test]
fn null_is_exactly_two_quotes() {
    check(&NULL, utf8);
}

#[test]
fn terminators_and_framing_bytes_are_no_data() {
    check(&TERMINATORS_AND_FRAMING, utf8);
}

#[test]
fn escapes_are_decoded_once_and_unknown_ones_kept() {
    check(&ESCAPES, utf8);
}

#[test]
fn values_are_read_in_the_declared_character_set() {
    check(&CHARACTER_SETS, latin1);
}

#[test]
fn envelopes_and_continuations_are_ordinary_segments() {
    check(&BATCH_AND_CONTINUATION, utf8);
}

#[test]
fn a_write_changes_its_place_alone() {
    check(&WRITES, utf8);
}

const HEADER_AND_DELIMITERS: [Case; 19] = [
    ("H01", "{M}", Get("MSH-1", "|")),
    ("H02", "{M}", Get("MSH-2", r"^~\&")),
    ("H03", "{M}", Get("MSH-3", "APP")),
    ("H04", "{M}", Get("MSH-9.2", "A01")),
    ("H05", "{M}", Get("MSH-9.3", "ADT_A01")),
    ("H06", "{M}", Get("MSH-12", "2.5")),
    ("H07", "MSH|^~\\&\r", State("MSH-3", Value::Absent)),
    (
        "H08",
        "MSH|^~\\&#|APP|FAC|||20240101||ADT^A01|1|P|2.7\rPID|1||a^b#c\r",
        Get("MSH-2", r"^~\&#"),
    ),
    (
        "H09",
        "MSH|^~\\&#|APP|FAC|||20240101||ADT^A01|1|P|2.7\rPID|1||a^b#c\r",
        Get("PID-3.2", "b#c"),
    ),
    ("H10", "MSH|^~\\|APP|FAC|||20240101||ADT^A01|1|P|2.3\rPID|1||a&b^c\r", Get("PID-3.1", "a&b")),
    (
        "H11",
        "MSH$%+?*$APP$FAC$$$20240101$$ADT%A01$1$P$2.5\rPID$1$$a*b%c+d%e$$O?F?N|^~\\&\r",
        Get("PID-3.1.2", "b"),
    ),
    (
        "H12",
        "MSH$%+?*$APP$FAC$$$20240101$$ADT%A01$1$P$2.5\rPID$1$$a*b%c+d%e$$O?F?N|^~\\&\r",
        Get("PID-3[2].2", "e"),
    ),
    (
        "H13",
        "MSH$%+?*$APP$FAC$$$20240101$$ADT%A01$1$P$2.5\rPID$1$$a*b%c+d%e$$O?F?N|^~\\&\r",
        Get("PID-5", r"O$N|^~\&"),
    ),
    ("H14", "MSH|||||APP|\rPID|1\r", NoMessage),
    (
        "H18",
        "MSH|^~\\\\&|APP|FAC|||20240101||ADT^A01|1|P|2.3\rPID|1||a&b^c\r",
        Get("PID-3.1", "a&b"),
    ),
    (
        "H19",
        "MSH|^~\\\\&|APP|FAC|||20240101||ADT^A01|1|P|2.3\rPID|1||a&b^c\r",
        Get("MSH-2", r"^~\\&"),
    ),
    ("H15", "PID|1||123\r", NoMessage),
    ("H16", "MS", NoMessage),
    ("H17", "", NoMessage),
];

const STRUCTURE: [Case; 24] = [
    ("S01", "{M}PID|1||123^^^ACME&1.2.3&ISO^MR~456^^^XYZ^PI\r", Get("PID-3.1", "123")),
    ("S02", "{M}PID|1||123^^^ACME&1.2.3&ISO^MR~456^^^XYZ^PI\r", Get("PID-3[2].5", "PI")),
    ("S03", "{M}PID|1||123^^^ACME&1.2.3&ISO^MR~456^^^XYZ^PI\r", Get("PID-3.4.2", "1.2.3")),
    ("S04", "{M}PID|1||123^^^ACME&1.2.3&ISO^MR~456^^^XYZ^PI\r", Get("PID-3[2].4.1", "XYZ")),
    ("S05", "{M}PID|1||123^^^ACME&1.2.3&ISO^MR~456^^^XYZ^PI\r", State("PID-3[3].1", Value::Absent)),
    ("S06", "{M}PID|1||a~~c\r", State("PID-3[2]", Value::Empty)),
    ("S07", "{M}PID|1||a~~c\r", Get("PID-3[3]", "c")),
    ("S08", "{M}PID|1||a~~c\r", Count("PID-3", 3)),
    ("S09", "{M}PID|1|||||||M\r", Get("PID-8.1", "M")),
    ("S10", "{M}PID|1|||||||M\r", State("PID-8.2", Value::Absent)),
    ("S11", "{M}PID|1|||||||M\r", State("PID-40", Value::Absent)),
    ("S12", "{M}PID|1|||||||M\r", State("PID-3", Value::Empty)),
    ("S13", "{M}EVN\rPID|1\r", State("EVN-1", Value::Absent)),
    ("S14", "{M}PID|\r", State("PID-1", Value::Empty)),
    ("S15", "{M}PID|1||x^^^||\r", State("PID-3.4", Value::Empty)),
    ("S16", "{M}PID|1||x^^^||\r", State("PID-3.5", Value::Absent)),
    ("S17", "{M}OBX|1|ST|A||one\rNTE|1||n1\rOBX|2|ST|B||two\rNTE|1||n2\r", Get("OBX[2]-5", "two")),
    ("S18", "{M}OBX|1|ST|A||one\rNTE|1||n1\rOBX|2|ST|B||two\rNTE|1||n2\r", Get("NTE[2]-3", "n2")),
    ("S19", "{M}OBX|1|ST|A||one\r", State("OBX[2]-5", Value::Absent)),
    ("S20", "{M}ZPI|1|x^y\r", Get("ZPI-2.2", "y")),
    ("S21", "{M}PID|1 | 2 \r", Get("PID-2", " 2 ")),
    ("S22", "{M}PID|1|001\r", Get("PID-2", "001")),
    ("S23", "{M}pid|1||lower\r", State("PID-3", Value::Absent)),
    ("S24", "{M}OBX|1|TX|A||a~b~c\r", Get("OBX-5[3]", "c")),
];

const NULL: [Case; 5] = [
    ("N01", "{M}PID|1||1|||||\"\"\r", State("PID-8", Value::Null)),
    ("N02", "{M}PID|1||1||Doe^\"\"^Q\r", State("PID-5.2", Value::Null)),
    ("N03", "{M}PID|1||1||\"Doe\"\r", Get("PID-5", "\"Doe\"")),
    ("N04", "{M}PID|1||1||\"\"\"\"\r", Get("PID-5", "\"\"\"\"")),
    ("N05", "{M}PID|1||1|||||\"\"\r", Raw("PID-8", "\"\"")),
];

const TERMINATORS_AND_FRAMING: [Case; 9] = [
    ("T01", "{M}PID|1||9", Get("PID-3", "9")),
    ("T02", "{M/LF}PID|1||9\nPV1|1|I\n", Get("PV1-2", "I")),
    ("T03", "{M}\nPID|1||9\r\nPV1|1|I\r\n", Get("PV1-2", "I")),
    ("T04", "{M}\nPID|1||9\r\nPV1|1|I\r\n", Get("PV1-1", "1")),
    ("T05", "{M}\r\rPID|1||9\r\r", Get("PID-3", "9")),
    ("T06", "\u{FEFF}{M}PID|1||9\r", Get("PID-3", "9")),
    ("T07", "\x0B{M}PID|1||9\r\x1C\r", Get("PID-3", "9")),
    ("T08", "{M}OBX|1|TX|A||line one\nline two|u\r", Get("OBX-5", "line one\nline two")),
    ("T09", "{M}OBX|1|TX|A||line one\nPV1|1|I\r", Get("PV1-2", "I")),
];

const ESCAPES: [Case; 27] = [
    ("E01", "{M}OBX|1|TX|A||a\\F\\b|end\r", Get("OBX-5", "a|b")),
    ("E02", "{M}OBX|1|TX|A||a\\S\\b|end\r", Get("OBX-5", "a^b")),
    ("E03", "{M}OBX|1|TX|A||a\\T\\b|end\r", Get("OBX-5", "a&b")),
    ("E04", "{M}OBX|1|TX|A||a\\R\\b|end\r", Get("OBX-5", "a~b")),
    ("E05", "{M}OBX|1|TX|A||a\\E\\b|end\r", Get("OBX-5", r"a\b")),
    ("E06", "{M}OBX|1|TX|A||\\F\\\\F\\|end\r", Get("OBX-5", "||")),
    ("E07", "{M}OBX|1|TX|A||\\E\\F\\E\\|end\r", Get("OBX-5", r"\F\")),
    ("E08", "{M}OBX|1|TX|A||\\X41\\|end\r", Get("OBX-5", "A")),
    ("E09", "{M}OBX|1|TX|A||\\X0D0A\\|end\r", Get("OBX-5", "\r\n")),
    ("E10", "{M}OBX|1|TX|A||\\X0d\\|end\r", Get("OBX-5", "\r")),
    ("E11", "{M}OBX|1|TX|A||\\X414\\|end\r", Get("OBX-5", r"\X414\")),
    ("E12", "{M}OBX|1|TX|A||\\x41\\|end\r", Get("OBX-5", r"\x41\")),
    ("E13", "{M}OBX|1|TX|A||\\XC3A9\\|end\r", Get("OBX-5", "é")),
    ("E26", "{M}OBX|1|TX|A||caf\\X00E9\\|end\r", Get("OBX-5", "café")),
    ("E27", "{M}OBX|1|TX|A||a\\X000d\\b|end\r", Get("OBX-5", "a\rb")),
    ("E14", "{M}OBX|1|TX|A||a\\.br\\b|end\r", Get("OBX-5", r"a\.br\b")),
    ("E15", "{M}OBX|1|TX|A||\\H\\x\\N\\|end\r", Get("OBX-5", r"\H\x\N\")),
    ("E16", "{M}OBX|1|TX|A||\\C2842\\x|end\r", Get("OBX-5", r"\C2842\x")),
    ("E17", "{M}OBX|1|TX|A||\\Z99\\|end\r", Get("OBX-5", r"\Z99\")),
    ("E18", "{M}OBX|1|TX|A||a\\b|end\r", Get("OBX-5", r"a\b")),
    ("E19", "{M}OBX|1|TX|A||a\\Q\\b|end\r", Get("OBX-5", r"a\Q\b")),
    ("E20", "{M}OBX|1|TX|abc\\|x\r", Get("OBX-3", r"abc\")),
    ("E21", "{M}OBX|1|TX|a\\F|b\\\r", Get("OBX-4", r"b\")),
    (
        "E22",
        "MSH|^~\\&#|APP|FAC|||20240101||ORU^R01|1|P|2.7\rOBX|1|TX|A||x\\P\\y\r",
        Get("OBX-5", "x#y"),
    ),
    ("E23", "{M}OBX|1|TX|A||\\T|end\r", Get("OBX-5", r"\T")),
    ("E24", "{M}OBX|1|TX|A||\\\\|end\r", Get("OBX-5", r"\\")),
    ("E25", "{M}OBX|1|TX|A||a\\E|end\r", Get("OBX-5", r"a\E")),
];

const CHARACTER_SETS: [Case; 4] = [
    (
        "C01",
        "MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5||||||8859/1\rPID|1||1||Müller\r",
        Get("PID-5", "Müller"),
    ),
    (
        "C02",
        "MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5||||||UNICODE UTF-8\rPID|1||1||MÃ¼ller\r",
        Get("PID-5", "Müller"),
    ),
    (
        "C03",
        "MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5\rPID|1||1||MÃ¼ller\r",
        Get("PID-5", "Müller"),
    ),
    (
        "C04",
        "MSH|^~\\&|A|B|||20240101||ADT^A01|1|P|2.5\rPID|1||1||Müller\r",
        Get("PID-5", "Müller"),
    ),
];

const BATCH_AND_CONTINUATION: [Case; 7] = [
    (
        "B01",
        "FHS|^~\\&|FA\rBHS|^~\\&|BA\rMSH|^~\\&|A1|B|||20240101||ADT^A01|1|P|2.5\rPID|1||111\rMSH$%+?*$A2$B$$$20240101$$ADT%A01$2$P$2.5\rPID$1$$222%x\rBTS|2\rFTS|1\r",
        Count("MSH", 2),
    ),
    (
        "B02",
        "FHS|^~\\&|FA\rBHS|^~\\&|BA\rMSH|^~\\&|A1|B|||20240101||ADT^A01|1|P|2.5\rPID|1||111\rMSH$%+?*$A2$B$$$20240101$$ADT%A01$2$P$2.5\rPID$1$$222%x\rBTS|2\rFTS|1\r",
        Get("PID[2]-3.2", "x"),
    ),
    (
        "B03",
        "FHS|^~\\&|FA\rBHS|^~\\&|BA\rMSH|^~\\&|A1|B|||20240101||ADT^A01|1|P|2.5\rPID|1||111\rMSH$%+?*$A2$B$$$20240101$$ADT%A01$2$P$2.5\rPID$1$$222%x\rBTS|2\rFTS|1\r",
        Get("BHS-3", "BA"),
    ),
    (
        "B04",
        "FHS|^~\\&|FA\rBHS|^~\\&|BA\rMSH|^~\\&|A1|B|||20240101||ADT^A01|1|P|2.5\rPID|1||111\rMSH$%+?*$A2$B$$$20240101$$ADT%A01$2$P$2.5\rPID$1$$222%x\rBTS|2\rFTS|1\r",
        Get("FHS-2", r"^~\&"),
    ),
    (
        "B05",
        "FHS|^~\\&|FA\rBHS|^~\\&|BA\rMSH|^~\\&|A1|B|||20240101||ADT^A01|1|P|2.5\rPID|1||111\rMSH$%+?*$A2$B$$$20240101$$ADT%A01$2$P$2.5\rPID$1$$222%x\rBTS|2\rFTS|1\r",
        Get("BTS-1", "2"),
    ),
    ("B06", "{M}OBX|1|TX|A||part one\rADD|part two|u\r", Get("ADD-1", "part two")),
    ("B07", "{M}OBX|1|TX|A||x\rDSC|ptr9|F\r", Get("DSC-1", "ptr9")),
];

const WRITES: [Case; 26] = [
    ("W01", "{M}PID|1||123||Smith^John\r", Set("PID-5.1", "Jones", "{M}PID|1||123||Jones^John\r")),
    ("W02", "{M}PID|1||123||Smith^John\r", Set("PID-8", "M", "{M}PID|1||123||Smith^John|||M\r")),
    (
        "W03",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-5.5", "Dr", "{M}PID|1||123||Smith^John^^^Dr\r"),
    ),
    (
        "W04",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-3.4.2", "1.2.3", "{M}PID|1||123^^^&1.2.3||Smith^John\r"),
    ),
    (
        "W05",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-3[2].1", "456", "{M}PID|1||123~456||Smith^John\r"),
    ),
    (
        "W06",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-3[3].1", "789", "{M}PID|1||123~~789||Smith^John\r"),
    ),
    (
        "W07",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-5.1", r"A|B^C&D~E\F", "{M}PID|1||123||A\\F\\B\\S\\C\\T\\D\\R\\E\\E\\F^John\r"),
    ),
    (
        "W08",
        "{M}PID|1||123||Smith^John\r",
        Set("PID-5.1", "l1\rl2", "{M}PID|1||123||l1\\X0D\\l2^John\r"),
    ),
    ("W09", "{M}PID|1||123||Smith^John\r", Set("PID-5.1", "", "{M}PID|1||123||^John\r")),
    ("W10", "{M}PID|1||123||Smith^John\r", Set("PID-5", "X", "{M}PID|1||123||X\r")),
    ("W11", "{M}PID|1||123||Smith^John\r", Set("PID-5", "A^B", "{M}PID|1||123||A\\S\\B\r")),
    ("W12", "{M}PID|1||123||Smith^John\r", SetRaw("PID-5", "A^B", "{M}PID|1||123||A^B\r")),
    ("W13", "{M}PID|1||123||van&der^John\r", Set("PID-5.1.1", "Z", "{M}PID|1||123||Z&der^John\r")),
    ("W14", "{M}PID|1||123||van&der^John\r", Set("PID-5.1", "Z", "{M}PID|1||123||Z^John\r")),
    (
        "W15",
        "{M}PID|1||123||Smith^John\r",
        Set("ZZ1-2", "q", "{M}PID|1||123||Smith^John\rZZ1||q\r"),
    ),
    ("W16", "{M}PID|1||123||Smith^John", Set("ZZ1-2", "q", "{M}PID|1||123||Smith^John\rZZ1||q")),
    (
        "W17",
        "{M}OBX|1|ST|A||1\rNTE|1||n\r",
        Set("OBX[2]-5", "2", "{M}OBX|1|ST|A||1\rOBX|||||2\rNTE|1||n\r"),
    ),
    ("W18", "{M/LF}PID|1\n", Set("ZZ1-1", "q", "{M/LF}PID|1\nZZ1|q\n")),
    (
        "W19",
        "MSH$%+?*$A$B$$$20240101$$ADT%A01$1$P$2.5\rPID$1\r",
        Set("PID-5.2", "a%b|c", "MSH$%+?*$A$B$$$20240101$$ADT%A01$1$P$2.5\rPID$1$$$$%a?S?b|c\r"),
    ),
    ("W20", "MSH|^~\\&\r", Set("MSH-10", "X", "MSH|^~\\&||||||||X\r")),
    ("W21", "{M}PID|1||123||Smith^John\r", Refused("MSH-1", "$")),
    ("W22", "{M}PID|1||x^^^||y|||\r", Set("PID-5", "z", "{M}PID|1||x^^^||z|||\r")),
    ("W23", "{M}PID|1||\\X41\\||q\r", Set("PID-3", "A", "{M}PID|1||\\X41\\||q\r")),
    ("W24", "{M}PID|1||a~b~c\r", Set("PID-3[2]", "", "{M}PID|1||a~~c\r")),
    ("W25", "{M}EVN\rPID|1\r", Set("EVN-2", "x", "{M}EVN||x\rPID|1\r")),
    ("W26", "{M}PID|1||123||Smith^John\r", Set("PID-5.2.1", "Jo", "{M}PID|1||123||Smith^Jo\r")),
];
