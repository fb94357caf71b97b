use super::*;
use crate::receiver::DeclaredSection;

fn route() -> Route<()> {
    let parameter = |key: &str, variable: &str, default: Option<&str>| DeclaredParameter {
        key: key.to_owned(),
        variable: variable.to_owned(),
        default: default.map(str::to_owned),
    };
    let section = |variable: &str, default: Option<&str>| DeclaredSection {
        variable: variable.to_owned(),
        default: default.map(str::to_owned),
    };
    Route {
        query: vec![parameter("id", "PatientId", None), parameter("Ward", "Ward", Some("A1"))],
        sections: vec![section("Kind", None), section("Number", Some("0"))],
        extract_parameters: true,
        extract_sections: true,
        ..Route::new(Vec::new(), ())
    }
}

fn check(query: Option<&str>, sections: &[&str], expected: &[(&str, &str)]) {
    let sections: Vec<String> = sections.iter().map(|text| (*text).to_owned()).collect();
    let found = variables(&route(), query, &sections).unwrap();
    let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected, "{query:?} {sections:?}");
}

#[test]
fn declared_parameters_and_sections_become_variables_with_their_defaults() {
    let (ward, number) = (("Ward", "A1"), ("Number", "0"));
    check(None, &[], &[ward, number]);
    check(Some(""), &[], &[ward, number]);
    check(Some("id=7"), &[], &[("PatientId", "7"), ward, number]);
    check(Some("ID=7&other=8"), &[], &[("PatientId", "7"), ward, number]);
    check(Some("id=&ward="), &[], &[ward, number]);
    check(Some("id&ward"), &[], &[ward, number]);
    check(Some("ward=B2"), &[], &[("Ward", "B2"), number]);
    check(Some("id=7&ID=8&id="), &[], &[("PatientId", "7,8"), ward, number]);
    check(Some("id=a+b%2Bc%26d%3De"), &[], &[("PatientId", "a b+c&d=e"), ward, number]);
    check(Some("i%64=7&%zz=1"), &[], &[("PatientId", "7"), ward, number]);
    check(Some("id=%C3%A9=x"), &[], &[("PatientId", "é=x"), ward, number]);
    check(None, &["lab"], &[ward, ("Kind", "lab"), number]);
    check(None, &["lab", "5", "surplus"], &[ward, ("Kind", "lab"), ("Number", "5")]);
    check(None, &["", "5"], &[ward, ("Number", "5")]);
    check(None, &["lab", ""], &[ward, ("Kind", "lab"), number]);
}

#[test]
fn nothing_is_extracted_unless_asked_for() {
    let mut route = route();
    route.extract_parameters = false;
    route.extract_sections = false;
    let found = variables(&route, Some("id=7"), &["lab".to_owned()]).unwrap();
    assert_eq!(found, []);
}

#[test]
fn a_declared_value_that_is_not_text_is_refused() {
    for query in ["id=%ff", "id=%", "id=%0d", "ward=1&id=%00"] {
        let found = variables(&route(), Some(query), &[]);
        assert!(matches!(found, Err(Refusal::Malformed(_))), "{query}");
    }
    check(Some("other=%ff"), &[], &[("Ward", "A1"), ("Number", "0")]);
}
