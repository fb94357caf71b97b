use super::*;
use serde_json::json;

fn settings(value: Value) -> Settings {
    Settings::new(value)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Colour {
    Red,
    Green,
}

const COLOURS: [Choice<Colour>; 2] = [(0, "Red", Colour::Red), (1, "Green", Colour::Green)];

#[test]
fn an_enum_is_read_from_its_number_its_numeric_text_or_its_name() {
    for written in [json!(1), json!(1.0), json!("1"), json!("Green"), json!("green"), json!(" 1 ")]
    {
        let found = settings(json!({ "Colour": written.clone() })).choice("Colour", &COLOURS);
        assert_eq!(found, Ok(Some(Colour::Green)), "{written}");
    }
    assert_eq!(settings(json!({ "Colour": 0 })).choice("Colour", &COLOURS), Ok(Some(Colour::Red)));
}

#[test]
fn an_unknown_enum_value_is_a_finding_that_lists_the_known_ones() {
    let finding = settings(json!({ "Colour": 7 })).choice("Colour", &COLOURS).unwrap_err();
    assert_eq!(finding.problem.code, "settings.choice");
    assert_eq!(finding.problem.place.as_deref(), Some("/Colour"));
    assert_eq!(finding.problem.text, "expected one of 0 (Red), 1 (Green), found 7");
    for written in [json!("Blue"), json!(true), json!([]), json!(1.5)] {
        let finding = settings(json!({ "Colour": written })).choice("Colour", &COLOURS);
        assert_eq!(finding.unwrap_err().problem.code, "settings.choice");
    }
}

#[test]
fn null_and_omitted_are_the_same() {
    let settings = settings(json!({ "A": null }));
    for name in ["A", "B"] {
        assert_eq!(settings.text(name), Ok(None));
        assert_eq!(settings.flag(name), Ok(None));
        assert_eq!(settings.number(name), Ok(None));
        assert_eq!(settings.choice(name, &COLOURS), Ok(None));
        assert_eq!(settings.id(name), Ok(SettingId::NONE));
        assert_eq!(settings.objects(name).unwrap().len(), 0);
        assert!(settings.object(name).unwrap().is_none());
        assert!(!settings.has(name));
    }
}

#[test]
fn a_property_is_found_in_another_case_and_named_as_it_is_written() {
    let settings = settings(json!({ "FROMpath": [1], "frompath": "x", "Port": "x" }));
    assert_eq!(settings.text("frompath"), Ok(Some("x".to_owned())));
    let finding = settings.text("FromPath").unwrap_err();
    assert_eq!(finding.problem.place.as_deref(), Some("/FROMpath"));
    assert_eq!(settings.pointer_to("port"), "/Port");
    assert_eq!(settings.pointer_to("Missing"), "/Missing");
}

#[test]
fn flags_and_numbers_are_read_from_text() {
    for (written, expected) in
        [(json!(true), true), (json!("True"), true), (json!("FALSE"), false), (json!(1), true)]
    {
        assert_eq!(settings(json!({ "A": written })).flag("A"), Ok(Some(expected)));
    }
    for (written, expected) in [(json!(5), 5), (json!("5"), 5), (json!(5.0), 5), (json!("-3"), -3)]
    {
        assert_eq!(settings(json!({ "A": written })).number("A"), Ok(Some(expected)));
    }
    for written in [json!("yes"), json!({}), json!("")] {
        let settings = settings(json!({ "A": written }));
        assert_eq!(settings.flag("A").unwrap_err().problem.code, "settings.type");
        assert_eq!(settings.number("A").unwrap_err().problem.code, "settings.type");
    }
}

#[test]
fn the_objects_of_an_array_know_their_pointers() {
    let settings = settings(json!({ "a/b~c": [{ "X": 1 }, { "X": "one" }] }));
    let objects = settings.objects("a/b~c").unwrap();
    assert_eq!(objects[1].pointer(), "/a~1b~0c/1");
    assert_eq!(objects[0].number("X"), Ok(Some(1)));
    let finding = objects[1].number("X").unwrap_err();
    assert_eq!(finding.problem.place.as_deref(), Some("/a~1b~0c/1/X"));
    assert_eq!(finding.problem.text, "expected a whole number, found a text");
}

#[test]
fn an_array_that_holds_something_else_is_a_finding_at_the_item() {
    let settings = settings(json!({ "A": [{}, 5], "B": {} }));
    let finding = settings.objects("A").unwrap_err();
    assert_eq!(finding.problem.place.as_deref(), Some("/A/1"));
    assert_eq!(settings.objects("B").unwrap_err().problem.code, "settings.type");
}

#[test]
fn the_members_of_a_dictionary_leave_out_what_describes_it() {
    let settings = settings(json!({ "$type": "Dictionary", "One": { "X": 1 }, "Two": {} }));
    let members = settings.members().unwrap();
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["One", "Two"]);
    assert_eq!(members[0].1.pointer(), "/One");
}

#[test]
fn the_class_is_what_stands_before_the_comma() {
    for (written, expected) in [
        (json!({ "$type": "A.B , Assembly, Version=1" }), Some("A.B")),
        (json!({ "$type": "A.B" }), Some("A.B")),
        (json!({ "SettingType": "A.B, C" }), Some("A.B")),
        (json!({ "$type": 5 }), None),
        (json!({}), None),
    ] {
        assert_eq!(settings(written).class(), expected);
    }
}

#[test]
fn settings_that_are_not_an_object_are_a_finding_without_their_content() {
    for text in ["[1]", "\"secret\"", "{\"a\": secret}", "{"] {
        let finding = Settings::parse(text).unwrap_err();
        assert_eq!(finding.problem.code, "settings.json");
        assert!(!finding.problem.text.contains("secret"));
    }
    assert!(Settings::parse("").is_ok());
    assert!(Settings::parse("{}").is_ok());
}
