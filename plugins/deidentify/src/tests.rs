use super::*;
use tureen_plugin_sdk::testkit::{Failure, TestRun};

const ADT: &[u8] = b"MSH|^~\\&|A|B\r\
PID|1||77^^^X||Ekholm^Sara~Berg^Sara|\"\"|19700304|F|||Main St 1^^Malmo||555-1~555-2\r\
NK1|1|Ekholm^Jan|SPO\rNK1|2|Ekholm^Liv|CHD\r";

fn run(parameters: &[(&str, &str)]) -> Result<String, Failure> {
    let run = TestRun::new().message(Format::Hl7, ADT);
    let run = parameters.iter().fold(run, |run, (name, value)| run.parameter(name, value));
    run.transform::<Deidentify>().map(|outcome| outcome.text())
}

#[test]
fn names_addresses_and_telephone_numbers_are_emptied_in_every_repetition() {
    let expected = "MSH|^~\\&|A|B\rPID|1||77^^^X||~|\"\"||F|||||~\rNK1|1||SPO\rNK1|2||CHD\r";
    assert_eq!(run(&[]).unwrap(), expected);
}

#[test]
fn a_replacement_stands_only_where_a_value_stood() {
    let text = run(&[("Replacement", "X"), ("Fields", "PID-5, PID-6 ,PID-9,NK1-2.1")]).unwrap();
    assert!(text.contains("||X~X|\"\"||F|"), "{text}");
    assert!(text.contains("NK1|1|X^Jan|") && text.contains("NK1|2|X^Liv|"), "{text}");
}

#[test]
fn a_replacement_is_a_value_and_brings_no_separators() {
    let text = run(&[("Replacement", "A|B^C"), ("Fields", "PID-8")]).unwrap();
    assert!(text.contains("|A\\F\\B\\S\\C|"), "{text}");
}

#[test]
fn of_the_date_of_birth_the_year_may_be_kept() {
    let with = |value: &str| run(&[("KeepYearOfBirth", value)]).unwrap();
    assert!(with("true").contains("|1970|F|"));
    assert!(with(" True ").contains("|1970|F|"));
    for value in ["false", ""] {
        assert!(with(value).contains("||F|"), "{value}");
    }
}

#[test]
fn a_field_with_an_index_means_that_one_alone() {
    let text = run(&[("Fields", "PID-5[2],NK1[1]-2")]).unwrap();
    assert!(text.contains("||Ekholm^Sara~|"), "{text}");
    assert!(text.contains("NK1|1||SPO") && text.contains("NK1|2|Ekholm^Liv|"), "{text}");
}

#[test]
fn parameters_that_are_wrong_fail_and_change_nothing() {
    for (name, value, code) in [
        ("Field", "PID-5", "deidentify.parameter"),
        ("KeepYearOfBirth", "yes", "deidentify.parameter"),
        ("Fields", "PID", "deidentify.fields"),
        ("Fields", "PID-5,,PID-6", "deidentify.fields"),
        ("Fields", "PID-x", "deidentify.fields"),
        ("Fields", "P-5", "deidentify.fields"),
        ("Fields", "PID-5 or so", "deidentify.fields"),
        ("Fields", "\u{e5}\u{e5}-5", "deidentify.fields"),
    ] {
        let failure = run(&[(name, value)]).unwrap_err();
        assert_eq!(failure.code(), code, "{name}={value}");
        assert!(!failure.to_string().contains("or so"));
    }
}

#[test]
fn other_formats_are_refused() {
    let run = TestRun::new().message(Format::Json, b"{}");
    assert_eq!(run.transform::<Deidentify>().unwrap_err().code(), "deidentify.format");
}
