//! What must hold for any bytes, any value and any order of writes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Header, Hl7, Hl7Path};
use super::editing::assert_is_current;
use super::{HEADER, parse, path};
use crate::{Limits, Value};

/// Bytes that look like messages: headers, names, delimiters, terminators.
fn message_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        select(vec![
            "MSH|^~\\&|",
            "MSH$%+?*$",
            "PID|",
            "OBX|",
            "PID",
            "NTE|1|",
            "\r",
            "\n",
            "\r\n",
            "|",
            "^",
            "~",
            "\\",
            "&",
            "\\F\\",
            "\\X41\\",
            "\\X0",
            "\\.br\\",
            "\"\"",
            "\u{FEFF}",
            "\u{0B}",
            "\u{1C}",
            "é",
            "8859/1",
            "BHS|^~\\&|",
            "MSH",
            "x y",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..4),
    ];
    let headed = (any::<bool>(), vec(piece, 0..40)).prop_map(|(header, pieces)| {
        let start = if header { HEADER.as_bytes() } else { b"" };
        [start, &pieces.concat()].concat()
    });
    prop_oneof![8 => headed, 1 => vec(any::<u8>(), 0..200)]
}

fn any_path() -> impl Strategy<Value = Hl7Path> {
    let segment = select(vec!["MSH", "PID", "OBX", "NTE", "ZZ1"]);
    let index = || prop_oneof![3 => Just(1_usize), 1 => 1_usize..4];
    let place = (1_usize..12, index(), 0_usize..4, 0_usize..4);
    (segment, index(), proptest::option::of(place)).prop_map(|(segment, occurrence, place)| {
        let mut text = format!("{segment}[{occurrence}]");
        if let Some((field, repetition, component, sub)) = place {
            text.push_str(&format!("-{field}[{repetition}]"));
            for number in [component, sub].into_iter().take_while(|number| *number > 0) {
                text.push_str(&format!(".{number}"));
            }
        }
        path(&text)
    })
}

fn use_everything(message: &mut Hl7, path: &Hl7Path) {
    let _ = message.get(path);
    let _ = message.structure(path);
    let _ = message.formatted_text(path);
    let _ = message.count(path);
    let _ = message.find(path);
    let _ = message.check();
    let _ = message.whole_text();
    let _ = message.header();
    let _ = message.set_structure(path, "a^b~c&d\\F");
    let _ = message.set_null(path);
    let _ = message.append("NTE|1||text\rZZ1|x");
    let _ = message.insert(path, "NTE|1");
    let _ = message.remove(path);
    let _ = message.reencode(b'$', b"%+?*");
    if message.transcoded.is_none() {
        assert_is_current(message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_parses_is_written_back_byte_for_byte(bytes in message_like()) {
        if let Ok(message) = Hl7::parse(bytes.clone(), &Limits::default()) {
            prop_assert_eq!(message.bytes(), &bytes);
            prop_assert_eq!(message.into_bytes(), bytes);
        }
    }

    #[test]
    fn no_bytes_and_no_path_make_anything_panic(bytes in message_like(), path in any_path()) {
        let _ = Header::read(&bytes);
        if let Ok(mut message) = Hl7::parse(bytes, &Limits::default()) {
            let _ = message.set(&path, "a|b^c\r\n\u{1C}é");
            use_everything(&mut message, &path);
        }
    }

    #[test]
    fn what_was_set_is_what_is_read(
        bytes in message_like(),
        path in any_path(),
        value in "\\PC{0,8}|[|^~\\\\&\r\n\tF.a\u{1C}]{0,12}",
    ) {
        let Ok(mut message) = Hl7::parse(bytes, &Limits::default()) else { return Ok(()) };
        let before = message.bytes().to_vec();
        match message.set(&path, &value) {
            Ok(()) => {
                prop_assert_eq!(message.text(&path), value.as_str());
                let state = match value.as_str() {
                    "" => Value::Empty,
                    "\"\"" => Value::Null,
                    text => Value::Text(text.into()),
                };
                prop_assert_eq!(message.get(&path), state);
                assert_is_current(&message);
            }
            Err(_) => prop_assert_eq!(message.bytes(), before),
        }
    }

    #[test]
    fn setting_the_value_that_is_read_changes_no_byte(bytes in message_like(), path in any_path()) {
        let Ok(mut message) = Hl7::parse(bytes.clone(), &Limits::default()) else { return Ok(()) };
        if message.get(&path) == Value::Absent {
            return Ok(());
        }
        let value = message.text(&path).into_owned();
        if message.set(&path, &value).is_ok() {
            prop_assert_eq!(message.bytes(), bytes);
        }
    }

    #[test]
    fn writes_to_different_places_can_change_order(
        fields in vec((2_usize..9, 1_usize..4, 1_usize..4, "[a-z|^&]{1,5}"), 2..6),
        turn in 1_usize..6,
    ) {
        let mut places: Vec<(Hl7Path, &str)> = fields
            .iter()
            .map(|(field, repetition, component, value)| {
                (path(&format!("PID-{field}[{repetition}].{component}")), value.as_str())
            })
            .collect();
        places.sort_by_key(|(path, _)| path.to_string());
        places.dedup_by_key(|(path, _)| path.to_string());
        let write = |places: &[(Hl7Path, &str)]| {
            let mut message = parse(format!("{HEADER}\rPID|1||a^b~c\r"));
            for (path, value) in places {
                message.set(path, value).unwrap();
            }
            message.into_bytes()
        };
        let first = write(&places);
        let turns = turn % places.len();
        places.rotate_left(turns);
        prop_assert_eq!(first, write(&places));
    }

    #[test]
    fn reencoding_there_and_back_keeps_every_value(
        values in vec("[a-zA-Z|^~&$%+?*]{1,6}", 1..5),
    ) {
        let mut message = parse(format!("{HEADER}\rPID|1\r"));
        let places: Vec<Hl7Path> =
            (0..values.len()).map(|at| path(&format!("PID-{}.2", at + 2))).collect();
        for (place, value) in places.iter().zip(&values) {
            message.set(place, value).unwrap();
        }
        let before = message.bytes().to_vec();
        message.reencode(b'$', b"%+?*").unwrap();
        for (place, value) in places.iter().zip(&values) {
            prop_assert_eq!(message.text(place), value.as_str());
        }
        message.reencode(b'|', b"^~\\&").unwrap();
        prop_assert_eq!(message.bytes(), before);
    }

    #[test]
    fn a_removed_place_is_gone_and_the_rest_stays(
        counts in vec(1_usize..4, 1..5),
        segment in 1_usize..5,
        repetition in 1_usize..4,
    ) {
        let lines: Vec<String> = counts
            .iter()
            .enumerate()
            .map(|(at, count)| {
                let repetitions: Vec<String> = (1..=*count).map(|n| format!("v{at}{n}")).collect();
                format!("OBX|1|ST|{}|end", repetitions.join("~"))
            })
            .collect();
        let mut message = parse(format!("{HEADER}\r{}\r", lines.join("\r")));
        let place = path(&format!("OBX[{segment}]-3[{repetition}]"));
        let existed = message.get(&place) != Value::Absent;
        let before = message.find(&path("OBX[*]-3[*]")).len();
        prop_assert_eq!(message.remove(&place).unwrap(), usize::from(existed));
        prop_assert_eq!(message.find(&path("OBX[*]-3[*]")).len(), before - usize::from(existed));
        prop_assert_eq!(message.count(&path("OBX")), counts.len());
        prop_assert_eq!(message.find(&path("OBX[*]-4")).len(), counts.len());
        assert_is_current(&message);
    }
}

#[test]
fn a_header_cut_anywhere_panics_nowhere_and_can_be_answered() {
    use super::super::acknowledgement::{Acknowledgement, Code};
    let header = format!("{HEADER}||||||8859/1");
    let answer = Acknowledgement {
        code: Code::AR,
        text: Some("not readable"),
        error: None,
        control_id: "1",
        timestamp: "20240101120000+0000",
    };
    for end in 0..=header.len() {
        let cut = header.as_bytes().get(..end).unwrap();
        let parsed = Hl7::parse(cut.to_vec(), &Limits::default());
        assert_eq!(parsed.is_ok(), end >= 5, "cut after {end} bytes");
        let header = Header::read(cut);
        assert_eq!(header.is_some(), end >= 4, "cut after {end} bytes");
        let answer = parse(answer.build(header.as_ref()));
        assert_eq!(answer.text(&path("MSA-1")), "AR", "cut after {end} bytes");
    }
}
