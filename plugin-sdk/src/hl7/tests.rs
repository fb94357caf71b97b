use super::*;
use crate::Format;
use proptest::prelude::*;

fn message(text: &str) -> Message {
    Message::parse(Format::Hl7, text.as_bytes()).unwrap()
}

const ADT: &str = "MSH|^~\\&|ADT|WARD\rPID|1||77^^^ACME&1.2&ISO~88||Smith\\T\\Co^Ann||\"\"|\r\
                   NK1|1|Lee\rNK1|2|\\.br\\\rZ_1|x\r";

#[test]
fn parts_are_numbered_as_the_standard_numbers_them() {
    let adt = message(ADT);
    let msh = adt.segment("MSH").unwrap().unwrap();
    assert_eq!(msh.field(1).raw(), "|");
    assert_eq!(msh.field(2).text(), "^~\\&");
    assert_eq!(msh.field(2).component(1).text(), "^~\\&");
    assert_eq!(msh.field(2).component(2).value(), Value::Absent);
    assert_eq!(msh.field(3).text(), "ADT");
    let pid = adt.segment("PID").unwrap().unwrap();
    assert_eq!((pid.name(), pid.path()), ("PID", "PID"));
    assert_eq!(pid.whole_field(3), Some("77^^^ACME&1.2&ISO~88"));
    assert_eq!(pid.field(3).component(4).subcomponent(2).text(), "1.2");
    assert_eq!(pid.repetition(3, 2).component(1).text(), "88");
    assert_eq!(pid.field(3).components().count(), 4);
    assert_eq!(pid.field(3).component(4).subcomponents().count(), 3);
    assert_eq!(adt.segment("NK1[2]").unwrap().unwrap().field(1).text(), "2");
}

#[test]
fn absent_empty_null_and_text_are_told_apart() {
    let adt = message(ADT);
    let pid = adt.segment("PID").unwrap().unwrap();
    assert_eq!(pid.field(2).value(), Value::Empty);
    assert_eq!(pid.field(7).value(), Value::Null);
    assert_eq!((pid.field(7).text().as_ref(), pid.field(7).has_text()), ("\"\"", false));
    assert_eq!(pid.field(8).value(), Value::Empty);
    assert_eq!(pid.field(9).value(), Value::Absent);
    assert_eq!(pid.repetition(3, 3).value(), Value::Absent);
    assert_eq!(pid.field(0).value(), Value::Absent);
    assert_eq!(pid.field(70_000).value(), Value::Absent);
    assert_eq!(pid.field(5).component(1).value(), Value::Text("Smith&Co".to_owned()));
    assert_eq!(pid.field(5).component(1).raw(), "Smith\\T\\Co");
    // It holds lower separators: its wire text, as paths read it.
    assert_eq!(pid.field(5).text(), "Smith\\T\\Co^Ann");
}

#[test]
fn repeats_know_each_other() {
    let adt = message(ADT);
    let pid = adt.segment("PID").unwrap().unwrap();
    assert!(pid.field(3).is_repeated());
    assert!(!pid.field(5).is_repeated());
    let numbers: Vec<usize> = pid.repetitions(3).map(|field| field.repetition()).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(pid.field(3).other_repeats().map(|it| it.path()).collect::<Vec<_>>(), ["PID-3[2]"]);
    assert_eq!(pid.repetitions(2).count(), 0);
    assert_eq!(pid.repetitions(99).count(), 0);
}

#[test]
fn lines_that_are_no_segment_and_other_formats_are_left_out() {
    let adt = message(ADT);
    assert_eq!(adt.all_segments().unwrap().len(), 4);
    assert_eq!(adt.segments("PV1").unwrap().len(), 0);
    assert_eq!(adt.segment("PID-3").unwrap_err().code, "path.segment");
    assert_eq!(adt.segments("pid").unwrap_err().code, "path.syntax");
    let text = Message::parse(Format::Text, b"x").unwrap();
    assert_eq!(text.all_segments().unwrap_err().code, "segments.format");
}

#[test]
fn delimiters_are_those_of_the_header_above() {
    let two = message("MSH|^~\\&|A\rPID|1||a^b\rMSH$*~\\&$B\rPID$2$$a*b\r");
    let pids = two.segments("PID").unwrap();
    assert_eq!(pids[0].field(3).component(2).text(), "b");
    assert_eq!(pids[1].field(3).component(2).text(), "b");
    let bare = message("MSH|^|A\rPID|1||a^b~c&d\\F\\\r");
    let pid = bare.segment("PID").unwrap().unwrap();
    assert!(!pid.field(3).is_repeated());
    assert_eq!(pid.field(3).component(2).text(), "b~c&d\\F\\");
    assert_eq!(pid.delimiters().escape, None);
}

#[test]
fn no_debug_text_holds_content() {
    let mut adt = message(ADT);
    let pid = adt.segment("PID").unwrap().unwrap();
    let shown = format!("{pid:?} {:?} {:?}", pid.field(5), pid.field(5).component(1));
    assert_eq!(shown, "Segment(PID) Field(PID-5) Component(PID-5.1)");
    assert_eq!(format!("{:?}", adt.segment_mut("PID").field(5)), "PlaceMut(PID-5)");
}

#[test]
fn places_are_written_escaped_or_raw() {
    let mut adt = message("MSH|^~\\&|A\rPID|1\r");
    let mut pid = adt.segment_mut("PID");
    pid.field(5).component(2).set("Ann^Marie").unwrap();
    pid.field(3).set_raw("77^^^ACME&1&ISO").unwrap();
    pid.field(3).component(4).component(2).set("2").unwrap();
    pid.field(8).set_null().unwrap();
    pid.repetition(13, 2).set("555").unwrap();
    assert_eq!(pid.field(8).value().unwrap(), Value::Null);
    assert_eq!(pid.field(5).component(2).text().unwrap(), "Ann^Marie");
    assert_eq!(pid.read().unwrap().unwrap().fields().count(), 13);
    assert_eq!(
        adt.bytes(),
        b"MSH|^~\\&|A\rPID|1||77^^^ACME&2&ISO||^Ann\\S\\Marie|||\"\"|||||~555\r"
    );
}

#[test]
fn repetitions_are_added_and_removed() {
    let mut adt = message("MSH|^~\\&|A\rPID|1||\r");
    let mut pid = adt.segment_mut("PID");
    for id in ["77", "88^^^X", "99"] {
        pid.add_repetition(3, id).unwrap();
    }
    pid.repetition(3, 2).remove().unwrap();
    assert_eq!(adt.bytes(), b"MSH|^~\\&|A\rPID|1||77~99\r");
    adt.segment_mut("ZPI").add_repetition(2, "x").unwrap();
    assert_eq!(adt.bytes(), b"MSH|^~\\&|A\rPID|1||77~99\rZPI||x\r");
}

#[test]
fn a_segment_is_inserted_before_one_of_its_name() {
    for (path, raw, expected) in [
        ("OBX", "OBX|0", "OBX|0\rOBX|1\rNTE|x\rOBX|2\r"),
        ("OBX[2]", "OBX|0", "OBX|1\rNTE|x\rOBX|0\rOBX|2\r"),
        ("OBX[3]", "OBX|0", "OBX|1\rNTE|x\rOBX|2\rOBX|0\r"),
        ("OBX[2]", "NTE|y\r", "OBX|1\rNTE|x\rNTE|y\rOBX|2\r"),
        ("PV1", "PV1|1", "OBX|1\rNTE|x\rOBX|2\rPV1|1\r"),
    ] {
        let mut oru = message("MSH|^~\\&|A\rOBX|1\rNTE|x\rOBX|2\r");
        let mut segment = oru.segment_mut(path);
        segment.insert_before(raw).unwrap();
        let is_same_name = path.starts_with(raw.split('|').next().unwrap());
        let there = if is_same_name { raw.trim_end() } else { "OBX|2" };
        assert_eq!(segment.read().unwrap().unwrap().raw(), there, "{path} {raw}");
        let found = String::from_utf8(oru.bytes()).unwrap();
        assert_eq!(found, format!("MSH|^~\\&|A\r{expected}"), "{path} {raw}");
    }
    for (path, raw, code) in [
        ("OBX[4]", "OBX|0", "edit.insert"),
        ("PV1[2]", "PV1|0", "edit.insert"),
        ("OBX", "no segment", "edit.structure"),
        ("OBX", "OBX|0\rOBX|1", "edit.structure"),
        ("MSH", "OBX|0", "edit.read-only"),
    ] {
        let mut oru = message("MSH|^~\\&|A\rOBX|1\rNTE|x\rOBX|2\r");
        let problem = oru.segment_mut(path).insert_before(raw).unwrap_err();
        assert_eq!(problem.code, code, "{path} {raw}");
        assert_eq!(oru.bytes(), b"MSH|^~\\&|A\rOBX|1\rNTE|x\rOBX|2\r", "{path} {raw}");
    }
}

#[test]
fn a_repetition_is_inserted_before_another() {
    for (field, repetition, expected) in [
        (3, 1, "PID|1||0^^^X~77~88"),
        (3, 2, "PID|1||77~0^^^X~88"),
        (3, 3, "PID|1||77~88~0^^^X"),
        (2, 1, "PID|1|0^^^X|77~88"),
        (5, 1, "PID|1||77~88||0^^^X"),
    ] {
        let mut adt = message("MSH|^~\\&|A\rPID|1||77~88\r");
        let mut pid = adt.segment_mut("PID");
        let mut place = pid.repetition(field, repetition);
        place.insert_before("0^^^X").unwrap();
        assert_eq!(place.text().unwrap(), "0^^^X", "{field} {repetition}");
        assert_eq!(pid.read().unwrap().unwrap().raw(), expected, "{field} {repetition}");
    }
    let mut adt = message("MSH|^~\\&|A\rPID|1||77~88\r");
    let mut pid = adt.segment_mut("PID");
    let gap = pid.repetition(3, 4).insert_before("0").unwrap_err();
    let component = pid.field(3).component(2).insert_before("0").unwrap_err();
    assert_eq!([gap.code, component.code], ["edit.insert", "edit.insert"]);
    assert_eq!(adt.bytes(), b"MSH|^~\\&|A\rPID|1||77~88\r");
}

#[test]
fn every_segment_is_visited_once_whatever_a_visit_does() {
    let mut oru = message("MSH|^~\\&|A\rOBX|1\rNTE|x\rOBX|2\rOBX|3\r");
    let mut seen = Vec::new();
    oru.for_each_segment("OBX", |obx| -> Result<(), Problem> {
        let number = obx.field(1).text()?;
        if number == "2" {
            obx.remove()?;
        } else {
            obx.set_raw(&format!("OBX|{number}|seen"))?;
        }
        seen.push(number);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, ["1", "2", "3"]);
    assert_eq!(oru.bytes(), b"MSH|^~\\&|A\rOBX|1|seen\rNTE|x\rOBX|3|seen\r");
    let stopped: Result<(), Problem> =
        oru.for_each_segment("OBX", |_| Err(Problem::new("enough", "enough")));
    assert_eq!(stopped.unwrap_err().code, "enough");
    oru.for_each_segment("PV1", |_| Err(Problem::new("none", "none"))).unwrap();
}

#[test]
fn continuations_are_joined_and_told() {
    let mut oru = message("MSH|^~\\&|A\rOBX|1|TX|N||one \rADD|two|u\rOBX|2\rADD|3\rADD\r");
    assert_eq!(oru.continuation().unwrap(), None);
    assert_eq!(oru.join_continuations().unwrap(), 2);
    assert_eq!(oru.bytes(), b"MSH|^~\\&|A\rOBX|1|TX|N||one two|u\rOBX|23\rADD\r");
    assert_eq!(oru.join_continuations().unwrap(), 0);
    for (dsc, expected) in [
        ("DSC|p1|F", Some(("p1", Some(ContinuationKind::Fragment)))),
        ("DSC|p1|F\rDSC|p2|I", Some(("p2", Some(ContinuationKind::Interactive)))),
        ("DSC|p\\T\\3", Some(("p&3", None))),
        ("DSC|p|X", Some(("p", None))),
        ("DSC||F", None),
        ("DSC", None),
    ] {
        let found = message(&format!("MSH|^~\\&|A\rPID|1\r{dsc}\r")).continuation().unwrap();
        let expected = expected.map(|(pointer, kind)| (pointer.to_owned(), kind));
        assert_eq!(found.map(|found| (found.pointer, found.kind)), expected, "{dsc}");
    }
    let mut json = Message::parse(Format::Json, b"{}").unwrap();
    assert_eq!(json.continuation().unwrap_err().code, "continuation.format");
    assert_eq!(json.join_continuations().unwrap_err().code, "continuation.format");
}

proptest! {
    /// The parts say what the host says at their paths.
    #[test]
    fn parts_are_what_the_message_says_at_their_paths(
        header in "[|$][\\^~\\\\&*]{1,4}",
        lines in proptest::collection::vec("(PID|OBX|NTE)[|$]?[a\"|$^~&\\\\F*]{0,14}", 1..5),
    ) {
        let field = header.chars().next().unwrap();
        let text = format!("MSH{header}{field}A\r{}\r", lines.join("\r"));
        let Ok(message) = Message::parse(Format::Hl7, text.as_bytes()) else { return Ok(()) };
        for segment in message.all_segments().unwrap() {
            for number in 1..=segment.fields().count() + 1 {
                let field = segment.field(number);
                check(&message, &field.path(), field.value(), &field.text())?;
                for repeat in segment.repetitions(number).chain([field]) {
                    check(&message, &repeat.path(), repeat.value(), &repeat.text())?;
                    for number in 1..=repeat.components().count() + 1 {
                        let component = repeat.component(number);
                        check(&message, &component.path(), component.value(), &component.text())?;
                        for number in 1..=component.subcomponents().count() + 1 {
                            let sub = component.subcomponent(number);
                            check(&message, &sub.path(), sub.value(), &sub.text())?;
                        }
                    }
                }
                let count = segment.repetitions(number).count();
                let path = format!("{}-{number}", segment.path());
                prop_assert_eq!(u32::try_from(count).unwrap(), message.count(&path).unwrap());
            }
        }
    }
}

fn check(message: &Message, path: &str, value: Value, text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(message.get(path).unwrap(), value, "{}", path);
    prop_assert_eq!(message.text(path).unwrap(), text, "{}", path);
    Ok(())
}
