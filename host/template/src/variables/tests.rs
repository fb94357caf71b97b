use std::sync::Arc;

use proptest::prelude::*;
use tureen_message::Problem;

use super::{
    Globals, PortableGlobal, Purpose, Repeatable, VariableBounds, VariableLimits, VariableProblem,
    Variables,
};
use crate::fixtures::{clock, facts, variables};

fn text(variables: &Variables, name: &str) -> Option<String> {
    variables.get(name).map(|value| value.into_owned())
}

#[test]
fn built_in_names_have_a_value_in_any_case() {
    let variables = variables(&[]);
    for (name, expected) in [
        ("CurrentDateTime", "20240305140709"),
        ("currentdatetime", "20240305140709"),
        ("Today", "20240305140709"),
        ("DATE", "20240305140709"),
        ("Now", "20240305140709"),
        ("ReceivedDate", "20240305140708"),
        ("WorkflowInstanceId", "42"),
        ("WorkflowError", "False"),
        ("WorkflowErrorMessage", ""),
        ("MLLPStart", "\u{b}"),
        ("MLLPEnd", "\u{1c}\r"),
        ("CR", "\r"),
        ("LF", "\n"),
    ] {
        assert_eq!(text(&variables, name).as_deref(), Some(expected), "{name}");
        assert!(variables.is_known(name), "{name}");
    }
    assert_eq!(text(&variables, "ForEachIterator"), None);
    assert_eq!(variables.now(), clock());
}

#[test]
fn every_read_of_uuid_is_new() {
    let variables = variables(&[]);
    let (first, second) = (text(&variables, "UUID").unwrap(), text(&variables, "uuid").unwrap());
    assert_ne!(first, second);
    assert_eq!(first.len(), 36);
}

#[test]
fn a_repeatable_run_has_one_time_and_counts_its_ids() {
    let now: jiff::Zoned = "2026-03-01T10:15:00+02:00[+02:00]".parse().unwrap();
    for _ in 0..2 {
        let mut variables = variables(&[]);
        variables.repeat(Repeatable::at(now.clone()));
        assert_eq!(text(&variables, "Now").as_deref(), Some("20260301101500"));
        assert_eq!(text(&variables, "ReceivedDate").as_deref(), Some("20240305140708"));
        let copy = variables.clone();
        let ids = [text(&variables, "UUID"), text(&copy, "UUID")].map(Option::unwrap);
        assert_eq!(
            ids,
            ["00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002"]
        );
    }
}

#[test]
fn workflow_goes_before_global_goes_before_built_in() {
    let mut globals = Globals::new();
    globals.insert("Facility", "global");
    globals.insert("LF", "global");
    let mut variables = Variables::new(facts(), Arc::new(globals));
    assert_eq!(text(&variables, "FACILITY").as_deref(), Some("global"));
    assert_eq!(text(&variables, "LF").as_deref(), Some("global"));
    variables.set("facility", "workflow").unwrap();
    assert_eq!(text(&variables, "Facility").as_deref(), Some("workflow"));
    variables.unset("FACILITY");
    assert_eq!(text(&variables, "Facility").as_deref(), Some("global"));
    variables.set("Date", "mine").unwrap();
    assert_eq!(text(&variables, "date").as_deref(), Some("mine"));
}

#[test]
fn iteration_keeps_the_order_and_spelling_of_first_setting() {
    let mut variables = variables(&[("Beta", "1"), ("alpha", "2"), ("Gamma", "3")]);
    variables.set("BETA", "4").unwrap();
    variables.unset("Alpha");
    variables.unset("nothing");
    variables.set("ALPHA", "5").unwrap();
    let all: Vec<_> = variables.iter().collect();
    assert_eq!(all, [("Beta", "4"), ("Gamma", "3"), ("ALPHA", "5")]);
    assert_eq!(text(&variables, "gamma").as_deref(), Some("3"));
}

#[test]
fn names_that_differ_in_case_alone_are_one_name() {
    let mut variables = variables(&[("ÄRZTIN", "1"), ("Straße", "2")]);
    assert_eq!(text(&variables, "ärztin").as_deref(), Some("1"));
    variables.set("straße", "3").unwrap();
    assert_eq!(variables.iter().count(), 2);
}

#[test]
fn system_names_are_read_only_but_for_the_error_flag() {
    let mut variables = variables(&[]);
    for name in ["UUID", "cr", "CurrentDateTime", "WorkflowErrorMessage", "ClientIP", "httpmethod"]
    {
        let problem = variables.set(name, "x").unwrap_err();
        assert_eq!(problem, VariableProblem::ReadOnly { name: name.to_owned() });
    }
    variables.set_builtin("ServiceBusQueue", "inbox");
    assert_eq!(variables.set("servicebusqueue", "x").unwrap_err().code(), "variable.read-only");
    variables.set("ForEachIterator", "1").unwrap();
}

#[test]
fn the_error_flag_is_set_and_unset_like_a_variable() {
    let mut variables = variables(&[]);
    assert!(!variables.workflow_error());
    variables.set("workflowerror", " TRUE ").unwrap();
    assert!(variables.workflow_error());
    assert_eq!(variables.iter().count(), 0);
    variables.set_builtin("WorkflowError", "False");
    assert!(!variables.workflow_error());
    variables.set("WorkflowError", "true").unwrap();
    variables.unset("WorkflowError");
    assert_eq!(text(&variables, "WorkflowError").as_deref(), Some("False"));
}

#[test]
fn the_host_fills_built_in_names_within_the_value_limit() {
    let limits = VariableLimits { value_bytes: 5, ..VariableLimits::default() };
    let mut variables = Variables::with_limits(facts(), Arc::new(Globals::new()), limits);
    variables.set_builtin("HttpMethod", "POST");
    variables.set_builtin("WorkflowErrorMessage", "äöüß");
    assert_eq!(text(&variables, "httpmethod").as_deref(), Some("POST"));
    assert_eq!(text(&variables, "WorkflowErrorMessage").as_deref(), Some("äö"));
}

#[test]
fn secret_and_unreadable_globals_are_never_plain_text() {
    let mut globals = Globals::new();
    globals.insert_secret("ApiKey", "s3cret");
    globals.insert_unavailable(Purpose::ConnectionString, "Vault", "the vault did not answer");
    assert_eq!(globals.get("APIKEY"), None);
    assert_eq!(globals.len(), 2);
    globals.insert_guarded(Purpose::Text, "Ward", "W1");
    assert_eq!(globals.get("ward"), Some("W1"));
    for (name, purpose) in [
        ("APIKEY", Some(Purpose::Secret)),
        ("vault", Some(Purpose::ConnectionString)),
        ("Ward", Some(Purpose::Text)),
        ("Nothing", None),
    ] {
        assert_eq!(globals.purpose(name), purpose, "{name}");
    }
    let mut variables = Variables::new(facts(), Arc::new(globals));
    assert_eq!(text(&variables, "ApiKey"), None);
    assert_eq!(text(&variables, "Vault"), None);
    assert!(variables.is_known("apikey"));
    // A caller must not be able to put its own value in the place of a secret.
    assert_eq!(variables.set("apikey", "x").unwrap_err().code(), "variable.read-only");
    assert_eq!(variables.set("vault", "x").unwrap_err().code(), "variable.read-only");
    assert!(!format!("{variables:?}").contains("s3cret"));
}

#[test]
fn every_limit_is_refused_and_changes_nothing() {
    let limits = VariableLimits { count: 2, name_bytes: 8, value_bytes: 10, total_bytes: 20 };
    let mut variables = Variables::with_limits(facts(), Arc::new(Globals::new()), limits);
    variables.set("a", "1234567890").unwrap();
    for (name, value, code) in [
        ("", "x", "variable.name"),
        ("ninebytes", "x", "variable.name"),
        ("b", "12345678901", "limit.variable-bytes"),
        ("b", "123456789", "limit.variables-bytes"),
    ] {
        let before = variables.clone();
        assert_eq!(variables.set(name, value).unwrap_err().code(), code, "{name}");
        assert!(variables.iter().eq(before.iter()));
    }
    variables.set("b", "1").unwrap();
    assert_eq!(variables.set("c", "").unwrap_err(), VariableProblem::TooMany { limit: 2 });
    // What is given back can be used again.
    variables.set("a", "").unwrap();
    variables.set("b", "1234567890").unwrap();
    variables.unset("a");
    variables.set("c", "1234567").unwrap();
    assert_eq!(Problem::from(variables.set("d", "").unwrap_err()).code, "limit.variable-count");
}

#[test]
fn bounds_of_one_that_sets_are_below_those_of_the_run_and_never_above() {
    let limits = VariableLimits { count: 3, name_bytes: 8, value_bytes: 10, total_bytes: 20 };
    let mut variables = Variables::with_limits(facts(), Arc::new(Globals::new()), limits);
    let within = |count, bytes| VariableBounds { count, bytes };
    variables.set_within("a", "1", within(1, 2)).unwrap();
    let refused = variables.set_within("b", "", within(1, 20)).unwrap_err();
    assert_eq!(refused, VariableProblem::TooMany { limit: 1 });
    let refused = variables.set_within("a", "22", within(1, 2)).unwrap_err();
    assert_eq!(refused, VariableProblem::TotalTooLarge { limit: 2, found: 3 });
    // Others may fill the run; then nobody's bounds are wider than its own.
    variables.set("b", "2").unwrap();
    variables.set("c", "3").unwrap();
    let refused = variables.set_within("d", "", within(100, 100)).unwrap_err();
    assert_eq!(refused, VariableProblem::TooMany { limit: 3 });
}

#[test]
fn the_default_limits_hold_a_thousand_variables_of_a_mebibyte() {
    let mut variables = variables(&[]);
    for number in 0..1_000 {
        variables.set(&format!("v{number}"), "x").unwrap();
    }
    assert_eq!(variables.set("one more", "x").unwrap_err().code(), "limit.variable-count");
    variables.set("v0", "x".repeat(1 << 20)).unwrap();
    assert_eq!(
        variables.set("v1", "x".repeat((1 << 20) + 1)).unwrap_err().code(),
        "limit.variable-bytes"
    );
    let full =
        (1..20).find_map(|number| variables.set(&format!("v{number}"), "x".repeat(1 << 20)).err());
    assert_eq!(full.map(|problem| problem.code()), Some("limit.variables-bytes"));
}

proptest! {
    #[test]
    fn variables_agree_with_a_list(
        edits in proptest::collection::vec(("[a-cA-C]", proptest::option::of("[x-z]{0,4}")), 0..40)
    ) {
        let mut variables = variables(&[]);
        let mut list: Vec<(String, String)> = Vec::new();
        for (name, value) in edits {
            let place = list.iter().position(|(known, _)| known.eq_ignore_ascii_case(&name));
            match (place, value) {
                (Some(place), Some(value)) => {
                    variables.set(&name, value.clone()).unwrap();
                    list[place].1 = value;
                }
                (None, Some(value)) => {
                    variables.set(&name, value.clone()).unwrap();
                    list.push((name, value));
                }
                (Some(place), None) => {
                    variables.unset(&name);
                    list.remove(place);
                }
                (None, None) => variables.unset(&name),
            }
            let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert_eq!(variables.bytes, bytes);
        }
        let expected = list.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        prop_assert!(variables.iter().eq(expected));
    }
}

#[test]
fn variables_are_the_same_after_a_journey_but_for_what_is_withheld() {
    let mut globals = Globals::new();
    globals.insert("City", "Ghent");
    globals.insert_secret("Password", "hush");
    globals.insert_secret("Token", "granted");
    globals.insert_unavailable(Purpose::Secret, "Lost", "no such file");
    let mut before = Variables::new(facts(), Arc::new(globals));
    before.set("First", "1").unwrap();
    before.set("second", "2").unwrap();
    before.set("WorkflowError", "true").unwrap();
    before.set_builtin("ClientIP", "10.0.0.1");
    before.repeat(Repeatable::at(clock()));
    let id = text(&before, "UUID");

    let portable = before.globals().portable(|name| name == "token");
    assert!(portable.contains(&("password".into(), PortableGlobal::Withheld(Purpose::Secret))));
    let globals = Arc::new(Globals::from_portable(portable));
    let mut after = Variables::from_parts(before.parts(), clock, globals).unwrap();
    for name in ["First", "SECOND", "WorkflowError", "clientip", "city", "ReceivedDate", "Now"] {
        assert_eq!(text(&after, name), text(&before, name), "{name}");
    }
    assert_eq!(after.iter().collect::<Vec<_>>(), before.iter().collect::<Vec<_>>());
    assert_eq!(after.secret("Token"), Some(Ok("granted")));
    assert_eq!(after.secret("Password"), Some(Ok("")));
    assert_eq!(after.secret("Lost"), before.secret("Lost"));
    assert!(after.set("password", "x").is_err(), "it is still nobody's to set");
    assert!(after.set("ClientIP", "x").is_err());

    let next = text(&after, "UUID");
    assert_ne!(next, id);
    before.ids_given(after.parts().repeatable.unwrap().1);
    assert_ne!(text(&before, "UUID"), next, "an id is given once");
}

#[test]
fn workflow_variables_are_replaced_all_or_none() {
    let mut variables = variables(&[]);
    variables.set("Old", "1").unwrap();
    let wrong = [("New", "2"), ("Now-is-fine", "3"), ("HttpMethod", "x")];
    let owned = |it: &[(&str, &str)]| {
        it.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    assert!(variables.replace_workflow(owned(&wrong)).is_err());
    assert_eq!(variables.iter().collect::<Vec<_>>(), [("Old", "1")]);
    variables.replace_workflow(owned(&wrong[..2])).unwrap();
    assert_eq!(variables.iter().count(), 2);
    assert_eq!(text(&variables, "old"), None);
}
