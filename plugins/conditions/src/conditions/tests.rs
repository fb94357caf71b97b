mod repetitions;

use super::*;
use crate::{Loops, Own};
use serde_json::{Value as Json, json};
use std::cell::Cell;
use tureen_plugin_sdk::prelude::*;
use tureen_plugin_sdk::testkit::{Failure, TestRun};

const RECEIVER: &str = "d0000000-0000-4000-8000-000000000001";
const OTHER: &str = "d0000000-0000-4000-8000-000000000003";
const ADT: &[u8] = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|7|P|2.5\r\
PID|1||77^^^X~88^^^Y~99||Ekholm^Sara^\"\"||19700304|F||||||||||\r";

struct Probe {
    own: Own,
    conditions: Conditions,
}

impl Configure for Probe {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let conditions = Conditions::read(settings, "Filters", placement)?;
        Ok(Self { own: Own::new(placement), conditions })
    }
}

impl Filter for Probe {
    fn decide(&self, context: &Context, target: &Message) -> Result<Verdict, StepError> {
        let (loops, warned) = (Loops::default(), Cell::new(false));
        let sight = Sight { context, target, own: self.own, loops: &loops, warned: &warned };
        Ok(match self.conditions.evaluate(&sight)? {
            Outcome::Holds => Verdict::Pass,
            Outcome::Fails(reason) => Verdict::Stop(reason),
        })
    }
}

fn condition(class: &str, properties: Json) -> Json {
    let mut condition = json!({ "$type": format!("{NAMESPACE}{class}, HL7SoupWorkflow") });
    for (name, value) in properties.as_object().unwrap() {
        condition[name] = value.clone();
    }
    condition
}

fn run(list: &[Json]) -> TestRun {
    TestRun::new()
        .owner(RECEIVER)
        .message(Format::Hl7, ADT)
        .variable("Min", "3")
        .setting_message(OTHER, Direction::Inbound, Format::Hl7, b"MSH|^~\\&|Z\r")
        .settings(json!({ "Filters": list }))
}

fn verdict(list: &[Json]) -> Result<Verdict, Failure> {
    run(list).filter::<Probe>().map(|decision| decision.verdict)
}

fn holds(class: &str, properties: Json) -> bool {
    let shown = properties.to_string();
    let verdict = verdict(&[condition(class, properties)]);
    verdict.unwrap_or_else(|failure| panic!("{shown}: {failure}")) == Verdict::Pass
}

fn text(path: &str, comparer: Json, value: &str) -> Json {
    json!({ "Path": path, "Comparer": comparer, "Value": value })
}

fn findings(list: &[Json]) -> Vec<String> {
    let show = |finding: &Finding| {
        let problem = &finding.problem;
        format!("{} {}", problem.code, problem.place.as_deref().unwrap_or_default())
    };
    run(list).configure::<Probe>("filter").findings.iter().map(show).collect()
}

#[test]
fn every_string_comparer_compares() {
    for (path, comparer, value, expected) in [
        ("PID-5.1", json!(0), "ekholm", true),
        ("PID-5.1", json!("Equals"), "Ekholm ", false),
        ("PID-5.1", json!(1), "KHO", true),
        ("PID-5.1", json!(1), "x", false),
        ("PID-5.1", json!(2), "ek", true),
        ("PID-5.1", json!(2), "kh", false),
        ("PID-5.1", json!(3), "LM", true),
        ("PID-5.1", json!(4), "5", true),
        ("PID-5.1", json!(4), "6", false),
        ("PID-5.1", json!(4), "${Min}", true),
        ("PID-5.1", json!(5), " 7 ", true),
        ("PID-5.1", json!(5), "6", false),
        ("PID-6", json!(6), "", true),
        ("ZZZ-1", json!(6), "", true),
        ("PID-5.1", json!(6), "", false),
        ("PID-9", json!(7), "", true),
        ("ZZZ-1", json!(7), "", false),
        ("PID-5.1", json!(9), "", true),
        ("PID-8", json!("isuppercase"), "", true),
        ("PID-5.1", json!(10), "", false),
        ("PID-5.1", json!(11), "", false),
        ("PID-5.1", json!(12), "Holm, EKHOLM ,x", true),
        ("PID-5.1", json!(12), "Ek,holm", false),
        ("PID-5.3", json!(0), "\"\"", true),
    ] {
        let properties = text(path, comparer, value);
        assert_eq!(holds("StringMessageFilter", properties.clone()), expected, "{properties}");
        let mut negated = properties.clone();
        negated["Not"] = json!(true);
        assert_eq!(holds("StringMessageFilter", negated), !expected, "Not {properties}");
    }
}

#[test]
fn case_counts_only_where_it_is_asked_for() {
    let mut properties = text("PID-5.1", json!(0), "EKHOLM");
    assert!(holds("StringMessageFilter", properties.clone()));
    properties["CaseSensitive"] = json!(true);
    assert!(!holds("StringMessageFilter", properties));
}

#[test]
fn any_repetition_may_match_where_they_are_included() {
    for (path, comparer, value, alone, all) in [
        ("PID-3.1", 0, "88", false, true),
        ("PID-3", 0, "99", false, true),
        ("PID-3[2].1", 0, "99", true, true),
        ("PID-3.1", 0, "66", false, false),
        ("PID-5.1", 0, "Ekholm", true, true),
        ("ZZZ-1", 6, "", true, true),
        ("ZZZ-1", 7, "", false, false),
    ] {
        let mut properties = text(path, json!(comparer), value);
        if path == "PID-3[2].1" {
            assert!(!holds("StringMessageFilter", properties.clone()));
        } else {
            assert_eq!(holds("StringMessageFilter", properties.clone()), alone, "{path} {value}");
        }
        properties["IncludesRepeatFields"] = json!(true);
        assert_eq!(holds("StringMessageFilter", properties), all, "all of {path} {value}");
    }
}

#[test]
fn the_second_value_is_a_reference_where_there_is_one() {
    for (second, expected) in [
        (json!({ "ToPath": "F", "ToDirection": 2, "Value": "M" }), true),
        (json!({ "ToPath": "F", "Value": "M" }), true),
        (json!({ "ToPath": "PID-8", "ToSetting": RECEIVER }), true),
        (json!({ "ToPath": "PID-8", "ToSetting": OTHER }), false),
        (json!({ "ToPath": "", "ToSetting": OTHER, "Value": "f" }), true),
        (json!({}), false),
    ] {
        let mut properties = json!({ "Path": "PID-8" });
        for (name, value) in second.as_object().unwrap() {
            properties[name] = value.clone();
        }
        assert_eq!(holds("StringMessageFilter", properties), expected, "{second}");
    }
}

#[test]
fn every_date_comparer_compares_to_the_coarser_precision() {
    for (comparer, value, expected) in [
        (0, "1970-03-04", true),
        (0, "1970", true),
        (1, "19700303", true),
        (2, "19700305", true),
        (2, "1970", false),
        (3, "197003", true),
        (4, "19700304", true),
        (4, "19690101", false),
        (6, "", true),
        (7, "", false),
    ] {
        let properties = text("PID-7", json!(comparer), value);
        assert_eq!(holds("DateMessageFilter", properties), expected, "{comparer} {value}");
    }
    assert!(holds("DateMessageFilter", text("PID-5.1", json!(7), "")));
    assert!(holds("DateMessageFilter", text("PID-6", json!(5), "")));
    assert!(!holds("DateMessageFilter", text("PID-5.1", json!(1), "1970")));
}

#[test]
fn a_message_is_valid_or_it_is_not() {
    for (properties, expected) in [
        (json!({}), true),
        (json!({ "Comparer": 1 }), false),
        (json!({ "Comparer": "Valid", "FromSetting": RECEIVER, "Path": "MSH" }), true),
    ] {
        assert_eq!(holds("ValidMessageFilter", properties.clone()), expected, "{properties}");
    }
}

/// A condition that is true or false, joined to the next by And or Or.
fn fixed(value: bool, joint: &str) -> Json {
    let value = if value { "F" } else { "M" };
    let properties = json!({ "Path": "PID-8", "Value": value, "Conjunction": joint });
    condition("StringMessageFilter", properties)
}

fn separator(joint: &str) -> Json {
    condition("FilterGroup", json!({ "Conjunction": joint }))
}

#[test]
fn conditions_fold_from_left_to_right_inside_their_groups() {
    // One letter a condition, T or F; & and | join; ( ) separate groups.
    for (formula, expected) in [
        ("T", true),
        ("F", false),
        ("T&F", false),
        ("F|T", true),
        ("F&F|T", true),
        ("T|F&F", false),
        ("T|(&)F|F", false),
        ("F|(|)T&T", true),
        ("T|(&)F|T", true),
        ("F&(|)T", true),
        ("T&(&)T&(|)F", true),
    ] {
        let list = parse(formula);
        let verdict = verdict(&list).unwrap();
        assert_eq!(verdict == Verdict::Pass, expected, "{formula}");
    }
    assert_eq!(verdict(&[]).unwrap(), Verdict::Pass);
}

fn parse(formula: &str) -> Vec<Json> {
    let joint = |letter: Option<&char>| if letter == Some(&'|') { "Or" } else { "And" };
    let letters: Vec<char> = formula.chars().collect();
    let mut list = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        match letter {
            'T' | 'F' => list.push(fixed(*letter == 'T', joint(letters.get(at + 1)))),
            '(' => list.push(separator(joint(letters.get(at + 1)))),
            _ => {}
        }
    }
    list
}

#[test]
fn the_reason_names_the_condition_that_decided_and_no_value() {
    let list =
        [fixed(true, "And"), condition("StringMessageFilter", text("PID-5.1", json!(2), "Q"))];
    let expected = "condition 2 (PID-5.1 StartsWith) does not hold".to_owned();
    assert_eq!(verdict(&list).unwrap(), Verdict::Stop(expected));
}

#[test]
fn a_length_that_is_no_number_is_told_at_load_or_by_the_message() {
    let literal = condition("StringMessageFilter", text("PID-8", json!(4), "many"));
    assert_eq!(findings(&[literal]), ["condition.length /Filters/0/Value"]);
    let expanded = condition("StringMessageFilter", text("PID-8", json!(4), "${Missing}"));
    assert_eq!(verdict(&[expanded]).unwrap_err().code(), "condition.length");
}

#[test]
fn what_cannot_be_evaluated_is_a_finding_at_its_property() {
    for (list, expected) in [
        (vec![condition("StringFilter", json!({}))], "condition.class /Filters/0/$type"),
        (vec![json!({})], "condition.class /Filters/0/$type"),
        (
            vec![condition("StringMessageFilter", json!({ "Comparer": 13 }))],
            "settings.choice /Filters/0/Comparer",
        ),
        (
            vec![condition("StringMessageFilter", json!({ "Comparer": 8 }))],
            "data-table.reference /Filters/0/Value",
        ),
        (
            vec![condition("StringMessageFilter", json!({ "Comparer": 8, "ToPath": "Staff." }))],
            "data-table.reference /Filters/0/ToPath",
        ),
        (
            vec![condition("StringMessageFilter", json!({ "Comparer": 7, "FromDirection": 2 }))],
            "condition.operand /Filters/0/Comparer",
        ),
        (
            vec![condition("StringMessageFilter", json!({ "Path": "PID-3[" }))],
            "path.syntax /Filters/0/Path",
        ),
        (
            vec![condition("DateMessageFilter", json!({ "Value": "tomorrow" }))],
            "condition.date /Filters/0/Value",
        ),
        (vec![separator("And"), fixed(true, "And")], "condition.group /Filters/0/$type"),
        (vec![fixed(true, "And"), separator("And")], "condition.group /Filters"),
        (
            vec![fixed(true, "And"), separator("And"), separator("And"), fixed(true, "And")],
            "condition.group /Filters/2/$type",
        ),
        (
            vec![fixed(true, "Or"), separator("And"), fixed(true, "And")],
            "condition.conjunction /Filters/1/Conjunction",
        ),
    ] {
        assert_eq!(findings(&list), [expected], "{list:?}");
    }
}

const STAFF: [&[&str]; 2] = [&["77", "Ekholm"], &["80", "de la Cruz"]];

fn at_home(list: &[Json]) -> TestRun {
    let run = run(list).variable("Table", "staff.Name").variable("Lost", "Wards.Name");
    run.data_table("Staff", &["Id", "Name"], &STAFF)
}

#[test]
fn a_value_is_in_a_data_table_or_it_is_not() {
    for (path, second, sensitive, expected) in [
        ("PID-5.1", json!({ "Value": "Staff.Name" }), false, true),
        ("PID-5.1", json!({ "Value": " STAFF . name " }), false, true),
        ("PID-5.1", json!({ "Value": "Staff.Id" }), false, false),
        ("PID-5.1", json!({ "Value": "Staff" }), false, true),
        ("PID-5.1", json!({ "Value": "${Table}" }), false, true),
        ("PID-5.1", json!({ "ToPath": "Staff.Id", "Value": "Staff.Name" }), false, false),
        ("PID-5.2", json!({ "Value": "Staff" }), false, false),
        ("PID-3.1", json!({ "Value": "Staff.Id" }), true, true),
        ("PID-6", json!({ "Value": "Staff" }), false, false),
    ] {
        let mut properties = json!({ "Path": path, "Comparer": 8, "CaseSensitive": sensitive });
        for (name, value) in second.as_object().unwrap() {
            properties[name] = value.clone();
        }
        for (not, expected) in [(false, expected), (true, !expected)] {
            properties["Not"] = json!(not);
            let list = [condition("StringMessageFilter", properties.clone())];
            let decision = at_home(&list).filter::<Probe>().unwrap();
            assert_eq!(decision.verdict == Verdict::Pass, expected, "{properties}");
        }
    }
    let mut upper = text("PID-5.1", json!("InDataTable"), "Staff.Name");
    upper["Path"] = json!("${Upper}");
    upper["FromDirection"] = json!(2);
    for (sensitive, expected) in [(false, true), (true, false)] {
        upper["CaseSensitive"] = json!(sensitive);
        let list = [condition("StringMessageFilter", upper.clone())];
        let decision = at_home(&list).variable("Upper", "EKHOLM").filter::<Probe>().unwrap();
        assert_eq!(decision.verdict == Verdict::Pass, expected, "{upper}");
    }
}

#[test]
fn a_data_table_is_asked_for_at_load_or_missed_by_the_message() {
    let literal = condition("StringMessageFilter", text("PID-5.1", json!(8), "Staff.Name"));
    let filled = condition("StringMessageFilter", text("PID-5.1", json!(8), "${Table}"));
    let asked = run(&[filled, literal]).configure::<Probe>("filter").requirements;
    let asked: Vec<_> = asked.iter().map(|it| (it.type_name.as_str(), it.place.as_str())).collect();
    assert_eq!(asked, [("data-table:Staff.Name", "/Filters/1/Value")]);
    for (value, code) in [
        ("${Lost}", "data-table.unknown"),
        ("Staff.${Min}", "data-table.field"),
        ("${Missing}", "data-table.reference"),
    ] {
        let list = [condition("StringMessageFilter", text("PID-5.1", json!(8), value))];
        assert_eq!(at_home(&list).filter::<Probe>().unwrap_err().code(), code, "{value}");
    }
}

/// What stands at a place of a message: absent, empty, null, text.
const KINDS: [(&str, &str); 4] =
    [("absent", "ZZZ-1"), ("empty", "PID-6"), ("null", "PID-5.3"), ("text", "PID-5.1")];

/// The contract line by line (6.2): what each comparer says of an absent, an
/// empty, a null and an ordinary value; T and F, in the order of `KINDS`.
#[test]
fn every_string_comparer_tells_absent_empty_null_and_text_apart_as_the_contract_says() {
    for (comparer, value, expected) in [
        ("Equals", "", "TTFF"),
        ("Equals", "\"\"", "FFTF"),
        ("Equals", "EKHOLM", "FFFT"),
        ("Contains", "", "TTTT"),
        ("Contains", "HOL", "FFFT"),
        ("StartsWith", "", "TTTT"),
        ("StartsWith", "\"", "FFTF"),
        ("EndsWith", "LM", "FFFT"),
        ("LengthGreaterThan", "1", "FFTT"),
        ("LengthGreaterThan", "-1", "TTTT"),
        ("LengthLessThan", "1", "TTFF"),
        ("LengthLessThan", "3", "TTTF"),
        ("Empty", "", "TTFF"),
        ("InMessage", "", "FTTT"),
        ("InDataTable", "Staff", "FFFT"),
        ("IsTitleCase", "", "TTTT"),
        ("IsUpperCase", "", "TTTF"),
        ("IsLowerCase", "", "TTTF"),
        ("InList", "", "TTFF"),
        ("InList", "a, ,\"\"", "TTTF"),
        ("InList", " x , ekholm ", "FFFT"),
    ] {
        for ((kind, path), letter) in KINDS.into_iter().zip(expected.chars()) {
            let mut properties = text(path, json!(comparer), value);
            for not in [false, true] {
                properties["Not"] = json!(not);
                let list = [condition("StringMessageFilter", properties.clone())];
                let decision = at_home(&list).filter::<Probe>().unwrap();
                let holds = decision.verdict == Verdict::Pass;
                assert_eq!(holds, (letter == 'T') != not, "{kind}: {properties}");
            }
        }
    }
}

#[test]
fn case_counts_for_comparisons_and_never_for_the_case_itself() {
    for (comparer, value, insensitive, sensitive) in [
        ("Equals", "eKHOLM", true, false),
        ("Equals", "Ekholm", true, true),
        ("Contains", "HOL", true, false),
        ("StartsWith", "eK", true, false),
        ("EndsWith", "LM", true, false),
        ("InList", "x,EKHOLM", true, false),
        ("LengthLessThan", "7", true, true),
        ("Empty", "", false, false),
        ("IsTitleCase", "", true, true),
        ("IsUpperCase", "", false, false),
    ] {
        for (flag, expected) in [(false, insensitive), (true, sensitive)] {
            let mut properties = text("PID-5.1", json!(comparer), value);
            properties["CaseSensitive"] = json!(flag);
            assert_eq!(holds("StringMessageFilter", properties.clone()), expected, "{properties}");
        }
    }
}

#[test]
fn every_date_comparer_says_of_absent_empty_and_what_is_no_date() {
    for (comparer, value, expected) in [
        ("Equals", "19700304", "FFFF"),
        ("GreaterThan", "1900", "FFFF"),
        ("LessThan", "2900", "FFFF"),
        ("GreaterThanOrEqualTo", "1900", "FFFF"),
        ("LessThanOrEqualTo", "2900", "FFFF"),
        ("Equals", "", "FFFF"),
        ("Empty", "", "TTFF"),
        ("InMessage", "", "FTTT"),
        ("InvalidDate", "", "FFTT"),
    ] {
        for ((kind, path), letter) in KINDS.into_iter().zip(expected.chars()) {
            let mut properties = text(path, json!(comparer), value);
            for not in [false, true] {
                properties["Not"] = json!(not);
                let expected = (letter == 'T') != not;
                assert_eq!(
                    holds("DateMessageFilter", properties.clone()),
                    expected,
                    "{kind}: {properties}"
                );
            }
        }
    }
}

#[test]
fn dates_compare_across_forms_precisions_and_zones() {
    for (first, comparer, second, expected) in [
        ("20260102030405", "Equals", "2026-01-02", true),
        ("2026", "GreaterThanOrEqualTo", "20261231", true),
        ("2026", "GreaterThan", "20251231", true),
        ("20260102T030405", "LessThan", "2026-01-02T03:04:06", true),
        ("202601020304+0100", "Equals", "202601020204Z", true),
        ("202601020304+0100", "LessThan", "202601020304Z", true),
        ("202601020304+0100", "Equals", "202601020304", true),
        ("20260102+0100", "Equals", "20260101233000Z", true),
        ("20260102+0100", "Equals", "20260102233000Z", false),
        ("20260102+0100", "LessThan", "2026-01-02T23:30:00Z", true),
        ("20260101233000Z", "Equals", "20260102+0100", true),
        ("2026-0500", "GreaterThan", "20260101040000Z", true),
        ("20260102030405.25", "GreaterThan", "20260102030405.2", false),
        ("20260102030405.25", "GreaterThan", "20260102030405.24", true),
        ("20260230", "InvalidDate", "", true),
        ("01/02/2026", "InvalidDate", "", true),
        ("20260102", "InvalidDate", "", false),
        (" 20260102 ", "Equals", "20260102", true),
    ] {
        let mut properties = text("${First}", json!(comparer), "${Second}");
        properties["FromDirection"] = json!(2);
        let list = [condition("DateMessageFilter", properties)];
        let run = run(&list).variable("First", first).variable("Second", second);
        let holds = run.filter::<Probe>().unwrap().verdict == Verdict::Pass;
        assert_eq!(holds, expected, "{first} {comparer} {second}");
    }
}

#[test]
fn a_length_is_counted_in_utf16_units_and_compared_with_whole_numbers() {
    for (first, comparer, second, expected) in [
        ("\u{1f600}", "LengthGreaterThan", "1", Some(true)),
        ("\u{e4}", "LengthGreaterThan", "1", Some(false)),
        ("abc", "LengthLessThan", "+4", Some(true)),
        ("abc", "LengthLessThan", "3.5", None),
        ("abc", "LengthLessThan", "4 characters", None),
        ("abc", "LengthLessThan", "99999999999999999999", None),
    ] {
        let mut properties = text("${First}", json!(comparer), "${Second}");
        properties["FromDirection"] = json!(2);
        let list = [condition("StringMessageFilter", properties)];
        let run = run(&list).variable("First", first).variable("Second", second);
        let found = run.filter::<Probe>().map(|decision| decision.verdict == Verdict::Pass);
        match (found, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{first} {second}"),
            (Err(failure), None) => assert_eq!(failure.code(), "condition.length"),
            (found, _) => panic!("{second}: {found:?}"),
        }
    }
}

const PEOPLE_JSON: &[u8] =
    br#"{"Ids":["1","2"],"People":[{"Name":"Aalto"},{"Name":"Berg","Tags":["x","y"]}],"One":"z"}"#;
const PEOPLE_XML: &[u8] =
    b"<People><P n='1'><Name>Aalto</Name></P><P n='2'><Name>Berg</Name></P></People>";

#[test]
fn repetitions_are_segments_items_and_elements_too() {
    let obx: &[u8] = b"MSH|^~\\&|A\rOBX|1|a\rOBX|2|b~c\r";
    for (format, message, path, value, alone, all) in [
        (Format::Hl7, obx, "OBX", "OBX|2|b~c", false, true),
        (Format::Hl7, obx, "OBX-2", "b", false, false),
        (Format::Hl7, obx, "OBX[2]-2", "c", false, true),
        (Format::Json, PEOPLE_JSON, "Ids", "2", false, true),
        (Format::Json, PEOPLE_JSON, "Ids[1]", "2", false, true),
        (Format::Json, PEOPLE_JSON, "People[1]/Name", "berg", false, false),
        (Format::Json, PEOPLE_JSON, "People[2]/Tags", "y", false, true),
        (Format::Json, PEOPLE_JSON, "One", "z", true, true),
        (Format::Json, PEOPLE_JSON, "newtonsoft:$.People[0].Name", "Berg", false, false),
        (Format::Xml, PEOPLE_XML, "People/P[1]/Name", "Berg", false, false),
        (Format::Xml, PEOPLE_XML, "People/P/@n", "2", false, true),
        (Format::Text, b"abc", "", "abc", true, true),
        (Format::Csv, b"a,b", "[1]", "b", true, true),
        (Format::Csv, b"a,b", "[0]", "b", false, false),
    ] {
        for (flag, expected) in [(false, alone), (true, all)] {
            let mut properties = text(path, json!(0), value);
            properties["IncludesRepeatFields"] = json!(flag);
            let list = [condition("StringMessageFilter", properties)];
            let decision = run(&list).message(format, message).filter::<Probe>().unwrap();
            assert_eq!(decision.verdict == Verdict::Pass, expected, "{path} {value} {flag}");
        }
    }
}

#[test]
fn not_turns_round_what_any_repetition_says() {
    for (value, expected) in [("88", false), ("66", true)] {
        let mut properties = text("PID-3.1", json!(0), value);
        properties["IncludesRepeatFields"] = json!(true);
        properties["Not"] = json!(true);
        assert_eq!(holds("StringMessageFilter", properties), expected, "{value}");
    }
}

#[test]
fn a_message_of_another_setting_is_valid_or_absent() {
    for (properties, expected) in [
        (json!({ "FromSetting": OTHER, "FromDirection": 0 }), true),
        (json!({ "FromSetting": OTHER, "FromDirection": 0, "Not": true }), false),
        (json!({ "FromSetting": NEVER, "FromDirection": 0 }), false),
        (json!({ "FromSetting": NEVER, "FromDirection": 0, "Comparer": 1 }), true),
    ] {
        let list = [condition("ValidMessageFilter", properties.clone())];
        let decision = run(&list).setting_without_message(NEVER).filter::<Probe>().unwrap();
        assert_eq!(decision.verdict == Verdict::Pass, expected, "{properties}");
    }
}

const NEVER: &str = "d0000000-0000-4000-8000-000000000009";

/// An item of a list: a condition that is true or false, or a separator; each
/// with the conjunction towards what follows.
#[derive(Clone, Copy, Debug)]
enum Listed {
    Condition(bool, bool),
    Separator(bool),
}

/// Contract 6.3, word for word: split at separators, fold each group from left
/// to right, then fold the groups with the conjunctions of the separators.
fn naive(list: &[Listed]) -> bool {
    let join = |and: bool, left: bool, right: bool| if and { left && right } else { left || right };
    let mut groups: Vec<(Vec<(bool, bool)>, bool)> = vec![(Vec::new(), true)];
    for item in list {
        match *item {
            Listed::Condition(value, and) => groups.last_mut().unwrap().0.push((value, and)),
            Listed::Separator(and) => {
                groups.last_mut().unwrap().1 = and;
                groups.push((Vec::new(), true));
            }
        }
    }
    let value = |items: &[(bool, bool)]| {
        let mut result = items[0].0;
        for pair in items.windows(2) {
            result = join(pair[0].1, result, pair[1].0);
        }
        result
    };
    let mut result = value(&groups[0].0);
    for pair in groups.windows(2) {
        result = join(pair[0].1, result, value(&pair[1].0));
    }
    result
}

/// Every list of up to three groups of up to three conditions, all values and
/// conjunctions drawn from a counter: the evaluation is that of the contract.
#[test]
fn groups_evaluate_as_the_contract_words_them() {
    let mut checked = 0;
    for shape in [
        &[1][..],
        &[2],
        &[3],
        &[4],
        &[1, 1],
        &[2, 1],
        &[1, 2],
        &[2, 2],
        &[1, 1, 1],
        &[2, 1, 1],
        &[1, 2, 1],
        &[1, 1, 2],
    ] {
        let conditions: usize = shape.iter().sum();
        let bits = 2 * conditions + shape.len() - 1;
        for number in 0..1_u32 << bits {
            let mut left = number;
            let mut bit = || {
                let bit = left & 1 == 1;
                left >>= 1;
                bit
            };
            let mut list = Vec::new();
            for (group, size) in shape.iter().enumerate() {
                if group > 0 {
                    list.push(Listed::Separator(bit()));
                }
                list.extend((0..*size).map(|_| Listed::Condition(bit(), bit())));
            }
            let joint = |and: bool| if and { "And" } else { "Or" };
            let json: Vec<Json> = list
                .iter()
                .map(|item| match *item {
                    Listed::Condition(value, and) => fixed(value, joint(and)),
                    Listed::Separator(and) => separator(joint(and)),
                })
                .collect();
            let holds = verdict(&json).unwrap() == Verdict::Pass;
            assert_eq!(holds, naive(&list), "{list:?}");
            checked += 1;
        }
    }
    assert!(checked > 4_000);
}
