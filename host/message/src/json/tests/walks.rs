//! Loops over arrays: what is remembered between calls never changes an answer.

use proptest::prelude::*;

use super::*;

/// Long enough that trails are kept.
fn long(items: usize) -> String {
    let items: Vec<_> = (1..=items)
        .map(|n| format!(r#"{{"Code":"c{n}","Doses":[{n},{{"Unit":"u{n}"}}],"Text":"t{n}"}}"#))
        .collect();
    format!(r#"{{"Patient":{{"Drugs":[{}],"Out":[],"Name":"Ann"}}}}"#, items.join(", "))
}

#[test]
fn a_loop_in_any_order_reads_each_item() {
    let message = parse(&long(300));
    let read = |n: usize| {
        assert_eq!(message.text(&path(&format!("Patient/Drugs[{n}]/Code"))), format!("c{n}"));
        assert_eq!(message.text(&path(&format!("Patient/Drugs[{n}]/Text"))), format!("t{n}"));
        let unit = message.text(&path(&format!("Patient/Drugs[{n}]/Doses[2]/Unit"))).into_owned();
        assert_eq!(unit, format!("u{n}"));
        assert_eq!(message.text(&path("Patient/Name")), "Ann");
        let selected = path(&format!("newtonsoft:$.Patient.Drugs[{}].Code", n - 1));
        assert_eq!(message.text(&selected), format!("c{n}"));
    };
    (1..=300).for_each(read);
    (1..=300).rev().for_each(read);
    [7, 300, 1, 150, 151, 2].into_iter().for_each(read);
    assert_eq!(message.get(&path("Patient/Drugs[301]/Code")), Value::Absent);
    assert_eq!(message.get(&path("Patient/Drugs[300]/Code")), Value::Text("c300".into()));
}

#[test]
fn an_array_is_built_and_changed_item_by_item() {
    let mut message = parse(&long(200));
    for n in 1..=200 {
        let code = message.text(&path(&format!("Patient/Drugs[{n}]/Code"))).into_owned();
        message.set(&path(&format!("Patient/Out[{n}]/Is")), &code).unwrap();
        message.set(&path(&format!("Patient/Drugs[{n}]/Code")), &format!("new {n}")).unwrap();
    }
    let fresh = parse(&message.whole_text());
    for n in [1, 2, 100, 200] {
        assert_eq!(fresh.text(&path(&format!("Patient/Out[{n}]/Is"))), format!("c{n}"));
        assert_eq!(fresh.text(&path(&format!("Patient/Drugs[{n}]/Code"))), format!("new {n}"));
    }
    assert_eq!(fresh.count(&path("Patient/Out")), 200);
    let gap = message.set(&path("Patient/Out[202]/Is"), "").unwrap_err();
    assert_eq!(gap.text, "the array has 200 items: a write may only add the next one");
}

#[test]
fn a_value_that_becomes_another_kind_is_read_anew() {
    let mut message = parse(&long(50));
    let place = path("Patient/Name[1]");
    assert_eq!(message.text(&place), "Ann");
    message.set_structure(&path("Patient/Name"), "[5,6]").unwrap();
    assert_eq!(message.text(&place), "5");
    message.set_structure(&path("Patient/Name"), "{\"x\":7}").unwrap();
    assert_eq!(message.text(&path("Patient/Name[1]/x")), "7");
    message.set_null(&path("Patient/Name")).unwrap();
    assert_eq!(message.get(&path("Patient/Name[1]/x")), Value::Absent);
    message.remove(&path("Patient/Drugs[1]")).unwrap();
    assert_eq!(message.text(&path("Patient/Drugs[1]/Code")), "c2");
    message.insert(&path("Patient/Drugs[1]"), "{\"Code\":0}").unwrap();
    assert_eq!(message.text(&path("Patient/Drugs[1]/Code")), "0");
    assert_eq!(message.text(&path("Patient/Drugs[2]/Code")), "c2");
}

fn call() -> impl Strategy<Value = (u8, String, String)> {
    let place = prop_oneof![
        "(Patient|Patient/Drugs|Patient/Out|Patient/Drugs\\[[1-4]\\])(/Doses|/Code|/x)?",
        "(Patient/Drugs|Patient/Out)\\[[1-5]\\](/Doses\\[[1-3]\\])?(/Unit|\\[1\\])?",
        "newtonsoft:\\$\\.Patient\\.(Drugs|Out)\\[[0-4]\\](\\.Code|\\.Doses\\[[0-2]\\]|\\.x)?",
    ];
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("null".to_owned()),
        Just("[[],{\"x\":[2]}]".to_owned()),
        Just("{\"Code\":\"longer than before\",\"Doses\":[]}".to_owned()),
    ];
    (0..6_u8, place, value)
}

proptest! {
    #[test]
    fn a_message_that_was_used_answers_as_one_that_was_not(
        calls in prop::collection::vec(call(), 1..30),
    ) {
        let mut used = parse(&long(24));
        for (what, place, value) in calls {
            let place = path(&place);
            let mut fresh = parse(&used.whole_text());
            let done = match what {
                0 => (used.set(&place, &value), fresh.set(&place, &value)),
                1 => (used.set_structure(&place, &value), fresh.set_structure(&place, &value)),
                2 => (used.remove(&place).map(drop), fresh.remove(&place).map(drop)),
                3 => (used.insert(&place, &value), fresh.insert(&place, &value)),
                _ => (Ok(()), Ok(())),
            };
            prop_assert_eq!(done.0, done.1);
            prop_assert_eq!(used.bytes(), fresh.bytes());
            prop_assert_eq!(used.structure(&place), fresh.structure(&place));
            prop_assert_eq!(used.count(&place), fresh.count(&place));
        }
    }
}
