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
            "condition.data-table /Filters/0/Comparer",
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
