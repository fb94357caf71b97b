//! `IncludesRepeatFields`, mostly on JSON and XML: what the path ends in repeats, whatever
//! the number of its items, and no index before it changes.

use super::*;

const JSON: &[u8] = br#"{"O":[{"Tags":["a"],"N":"x"},{"Tags":["b","c"],"N":"y"},{"Tags":[]}],
"Ids":["1","2"],"None":null,"Nested":[["p"],["q","r"]]}"#;
const XML: &[u8] = b"<R><O n='1'><T>a</T></O><O n='2'><T>b</T><T>c</T></O><O n='3'/></R>";

fn passes(format: Format, message: &[u8], mut properties: Json, flag: bool) -> bool {
    properties["IncludesRepeatFields"] = json!(flag);
    let list = [condition("StringMessageFilter", properties)];
    run(&list).message(format, message).filter::<Probe>().unwrap().verdict == Verdict::Pass
}

#[test]
fn only_the_last_step_repeats() {
    for (format, path, value, expected) in [
        (Format::Json, "O[1]/Tags", "a", true),
        (Format::Json, "O[1]/Tags", "b", false),
        (Format::Json, "O/Tags", "a", true),
        (Format::Json, "O/Tags", "b", false),
        (Format::Json, "O[2]/Tags", "b", true),
        (Format::Json, "O[2]/Tags", "c", true),
        (Format::Json, "O[2]/Tags", "a", false),
        (Format::Json, "O[2]/Tags[1]", "c", true),
        (Format::Json, "O[3]/Tags", "a", false),
        (Format::Json, "O[1]/N", "x", true),
        (Format::Json, "O[1]/N", "y", false),
        (Format::Json, "Ids[2]", "1", true),
        (Format::Json, "Nested[2]", "[\"p\"]", true),
        (Format::Json, "newtonsoft:$.O[0].Tags", "a", true),
        (Format::Json, "newtonsoft:$.O[0].Tags", "b", false),
        (Format::Json, "newtonsoft:$.O[1].Tags[0]", "c", true),
        (Format::Json, "newtonsoft:$.O[0].N", "x", true),
        (Format::Json, "newtonsoft:$.O[0].N", "y", false),
        (Format::Json, "newtonsoft:$.O[*].N", "y", true),
        (Format::Json, "newtonsoft:$.O[*].Tags", "c", true),
        (Format::Xml, "R/O[1]/T", "a", true),
        (Format::Xml, "R/O[1]/T", "b", false),
        (Format::Xml, "R/O/T", "b", false),
        (Format::Xml, "R/O[2]/T", "c", true),
        (Format::Xml, "R/O[2]/T", "a", false),
        (Format::Xml, "R/O[2]/T[1]", "c", true),
        (Format::Xml, "R/O[3]/T", "a", false),
        (Format::Xml, "R/O/@n", "3", true),
        (Format::Xml, "xpath:/R/O[1]/T", "a", true),
        (Format::Xml, "xpath:/R/O[1]/T", "b", false),
        (Format::Xml, "xpath:/R/O/T", "c", true),
        (Format::Xml, "xpath:string(/R/O[2]/T)", "b", true),
    ] {
        let message = if format == Format::Json { JSON } else { XML };
        let found = passes(format, message, text(path, json!("Equals"), value), true);
        assert_eq!(found, expected, "{path} {value}");
    }
}

#[test]
fn a_repetition_that_lacks_the_part_has_an_empty_one() {
    let hl7 = b"MSH|^~\\&|A\rPID|1||123^^^H~456|7^^^H~\r";
    let xml = b"<R><C k='1'/><C/></R>";
    for (format, message, path, empty, in_message) in [
        (Format::Hl7, &hl7[..], "PID-3.4", true, true),
        (Format::Hl7, hl7, "PID-3.1", false, true),
        (Format::Hl7, hl7, "PID-3.9", true, false),
        (Format::Hl7, hl7, "PID-4.4", true, true),
        (Format::Hl7, hl7, "PID-5.1", true, false),
        (Format::Xml, xml, "R/C/@k", true, true),
        (Format::Xml, xml, "R/C/@x", true, false),
    ] {
        for (comparer, value, expected) in [
            ("Empty", "", empty),
            ("Equals", "", empty),
            ("LengthLessThan", "1", empty),
            ("InMessage", "", in_message),
        ] {
            let found = passes(format, message, text(path, json!(comparer), value), true);
            assert_eq!(found, expected, "{path} {comparer}");
        }
    }
}

#[test]
fn an_absent_place_is_what_it_is_without_the_flag() {
    for (format, path, empty, in_message) in [
        (Format::Json, "O[1]/Lost", true, false),
        (Format::Json, "O[9]/Tags", true, false),
        (Format::Json, "newtonsoft:$.O[0].Lost", true, false),
        (Format::Json, "None", true, true),
        (Format::Xml, "R/O[3]/T", true, false),
        (Format::Xml, "R/O[9]/T", true, false),
        (Format::Xml, "R/O[1]/@lost", true, false),
        (Format::Xml, "xpath:/R/O[3]/T", true, false),
        (Format::Json, "O[1]/N", false, true),
        (Format::Xml, "R/O[2]/T", false, true),
    ] {
        let message = if format == Format::Json { JSON } else { XML };
        for flag in [false, true] {
            for (comparer, expected) in [("Empty", empty), ("InMessage", in_message)] {
                let found = passes(format, message, text(path, json!(comparer), ""), flag);
                assert_eq!(found, expected, "{path} {comparer} {flag}");
            }
        }
    }
    for (comparer, expected) in [("Empty", true), ("InMessage", true)] {
        let found = passes(Format::Json, JSON, text("O[3]/Tags", json!(comparer), ""), true);
        assert_eq!(found, expected, "an empty array, {comparer}");
    }
}
