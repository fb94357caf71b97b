mod loops;
mod programs;

use super::*;
use serde_json::{Value as Json, json};
use tureen_plugin_sdk::testkit::{Failure, Outcome, TestRun};

const RECEIVER: &str = "d0000000-0000-4000-8000-000000000001";
const SENDER: &str = "d0000000-0000-4000-8000-000000000002";
const OTHER: &str = "d0000000-0000-4000-8000-000000000003";

const ORU: &[u8] = b"MSH|^~\\&|LAB|N|HIS|N|20260102||ORU^R01|7|P|2.5\r\
PID|1||77^^^X~88^^^Y||Ekholm^Sara||19700304|F\r\
OBX|1|NM|K^Potassium||4.1\rOBX|2|NM|NA^Sodium||140\rOBX|3|NM|CL^Chloride||100\r";

const DRUGS: &[u8] = br#"{"Patient":{"Name":"Ekholm","Visits":[
{"Day":"1","Drugs":[{"Code":"a"},{"Code":"b"}]},
{"Day":"2","Drugs":[{"Code":"c"}]}]}}"#;

/// An action of a class, with the given properties.
fn action(class: &str, properties: Json) -> Json {
    let mut action = json!({
        "$type": format!("HL7Soup.Functions.Settings.{class}TransformerAction, HL7SoupWorkflow"),
    });
    for (name, value) in properties.as_object().unwrap() {
        action[name] = value.clone();
    }
    action
}

fn set(name: &str, path: &str) -> Json {
    action("CreateVariable", json!({ "VariableName": name, "FromPath": path }))
}

fn set_text(name: &str, text: &str) -> Json {
    let properties = json!({ "VariableName": name, "FromPath": text, "FromDirection": 2 });
    action("CreateVariable", properties)
}

fn map(from: &str, to: &str) -> Json {
    action("CreateMapping", json!({ "FromPath": from, "ToPath": to }))
}

fn for_each(path: &str) -> Json {
    action("ForEach", json!({ "FromPath": path }))
}

fn next() -> Json {
    action("Next", json!({}))
}

fn on(message: &[u8]) -> TestRun {
    let format = if message.starts_with(b"MSH") { Format::Hl7 } else { Format::Json };
    TestRun::new().owner(RECEIVER).message(format, message)
}

fn actions(run: TestRun, actions: &[Json]) -> Result<Outcome, Failure> {
    run.settings(json!({ "Transformers": actions })).transform::<HostTransformer>()
}

fn variable(run: TestRun, list: &[Json], name: &str) -> String {
    actions(run, list).unwrap().variable(name).unwrap_or("(unset)").to_owned()
}

/// The code and the pointer of each finding.
fn findings(list: &[Json], role: &'static str) -> Vec<String> {
    let run = TestRun::new().owner(SENDER).settings(json!({ "Transformers": list }));
    let configuration = run.configure::<HostTransformer>(role);
    let show = |finding: &Finding| {
        let problem = &finding.problem;
        format!("{} {}", problem.code, problem.place.as_deref().unwrap_or_default())
    };
    configuration.findings.iter().map(show).collect()
}

#[test]
fn a_variable_is_set_from_a_path_or_from_a_text() {
    let list = [set("Mrn", "PID-3.1"), set_text("Both", "${mrn}-${Missing}-x")];
    let outcome = actions(on(ORU), &list).unwrap();
    assert_eq!(outcome.variables, [("Mrn".into(), "77".into()), ("Both".into(), "77--x".into())]);
}

#[test]
fn text_is_told_by_the_direction_or_by_the_type_where_nothing_else_decides() {
    for (properties, expected) in [
        (json!({ "FromDirection": 2 }), "PID-3.1"),
        (json!({ "FromType": 7 }), "PID-3.1"),
        (json!({ "FromType": "TextWithVariables" }), "PID-3.1"),
        (json!({ "FromType": 7, "FromSetting": RECEIVER }), "77"),
        (json!({ "FromType": 11 }), "77"),
        (json!({ "FromDirection": "Inbound", "FromSetting": RECEIVER }), "77"),
    ] {
        let mut set = set("V", "PID-3.1");
        for (name, value) in properties.as_object().unwrap() {
            set[name] = value.clone();
        }
        assert_eq!(variable(on(ORU), &[set], "V"), expected, "{properties}");
    }
}

#[test]
fn a_path_may_hold_variables() {
    let list = [set_text("n", "2"), set("V", "OBX[${n}]-3.2")];
    assert_eq!(variable(on(ORU), &list, "V"), "Sodium");
}

#[test]
fn a_mapping_escapes_unless_the_structure_may_change() {
    let text = json!({ "FromPath": "a^b", "FromDirection": 2, "ToPath": "PID-5" });
    let mut raw = text.clone();
    raw["AllowMessageStructureToChange"] = json!(true);
    let outcome = actions(on(ORU), &[action("CreateMapping", text)]).unwrap();
    assert!(outcome.text().contains("||a\\S\\b||"), "{}", outcome.text());
    let outcome = actions(on(ORU), &[action("CreateMapping", raw)]).unwrap();
    assert!(outcome.text().contains("||a^b||"), "{}", outcome.text());
}

#[test]
fn a_mapping_reads_another_setting_and_writes_the_owner_whatever_its_direction() {
    for direction in [json!(0), json!(1), json!(null)] {
        let mapping = action(
            "CreateMapping",
            json!({ "FromPath": "Patient/Name", "FromSetting": RECEIVER, "FromDirection": 0,
                    "ToPath": "PID-5.1", "ToSetting": SENDER, "ToDirection": direction }),
        );
        let run = TestRun::new()
            .message(Format::Hl7, ORU)
            .owner(SENDER)
            .role("activity-transformers")
            .setting_message(RECEIVER, Direction::Inbound, Format::Json, DRUGS);
        let outcome = actions(run, &[mapping]).unwrap();
        assert!(outcome.text().contains("||Ekholm^Sara||"), "{}", outcome.text());
    }
}

#[test]
fn a_write_is_seen_by_the_next_read_of_the_same_message() {
    let own = |properties: Json| {
        let mut properties = properties;
        properties["FromSetting"] = json!(SENDER);
        properties["FromDirection"] = json!(1);
        properties
    };
    let list = [
        action("CreateMapping", own(json!({ "FromPath": "PID-8", "ToPath": "PID-5.1" }))),
        action("CreateVariable", own(json!({ "FromPath": "PID-5.1", "VariableName": "V" }))),
    ];
    let run = on(ORU).owner(SENDER).role("activity-transformers");
    assert_eq!(variable(run, &list, "V"), "F");
}

#[test]
fn a_setting_without_a_message_reads_as_empty_with_one_warning() {
    let source = json!({ "VariableName": "V", "FromPath": "PID-3", "FromSetting": OTHER });
    let list = [action("CreateVariable", source.clone()), action("CreateVariable", source)];
    let outcome = actions(on(ORU).setting_without_message(OTHER), &list).unwrap();
    assert_eq!(outcome.variable("V"), Some(""));
    assert_eq!(outcome.log.len(), 1);
    assert_eq!(outcome.log[0].level, Level::Warn);
    assert_eq!(actions(on(ORU), &list).unwrap_err().code(), "setting.unknown");
}

#[test]
fn formatting_is_applied_in_the_order_of_the_pipeline() {
    for (properties, expected) in [
        (json!({ "TextFormat": "UpperCase" }), "SODIUM"),
        (
            json!({ "TextFormat": "uppercase", "Truncation": "Truncate", "TruncationLength": 3 }),
            "SOD",
        ),
        (json!({ "Replace": "ium", "ReplaceWith": "a", "PaddingLength": "7" }), "Soda   "),
        (json!({ "Remove": "o", "Encoding": 0, "TextFormat": "None", "Format": "" }), "Sdium"),
        (json!({ "Lookup": "names" }), "Natrium"),
        (json!({ "TruncationLength": 1, "ReplaceWith": "x" }), "Sodium"),
    ] {
        let mut set = set("V", "OBX[2]-3.2");
        for (name, value) in properties.as_object().unwrap() {
            set[name] = value.clone();
        }
        let run = on(ORU).table("names", &[("Sodium", "Natrium")]);
        assert_eq!(variable(run, &[set], "V"), expected, "{properties}");
    }
}

#[test]
fn a_value_in_a_case_is_in_that_case() {
    for (text, format, expected, comparer) in [
        ("stra\u{df}e", "UpperCase", "STRA\u{df}E", "IsUpperCase"),
        (
            "\u{39f}\u{394}\u{39f}\u{3a3}",
            "LowerCase",
            "\u{3bf}\u{3b4}\u{3bf}\u{3c3}",
            "IsLowerCase",
        ),
        ("\u{130}x", "LowerCase", "\u{130}x", "IsLowerCase"),
        ("abc", "UpperCase", "ABC", "IsUpperCase"),
    ] {
        let mut set = set_text("A", text);
        set["TextFormat"] = json!(format);
        let mut block = conditional("");
        block["Filters"][0] = json!({
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": "${A}", "FromDirection": 2, "Comparer": comparer,
        });
        let list = [set, block, set_text("Is", "yes"), action("EndConditional", json!({}))];
        let outcome = actions(on(ORU), &list).unwrap();
        assert_eq!(outcome.variable("A"), Some(expected), "{text}");
        assert_eq!(outcome.variable("Is"), Some("yes"), "{text}");
    }
}

#[test]
fn a_date_is_formatted_by_a_pattern() {
    let mut set = set("V", "PID-7");
    set["Format"] = json!("dd/MM/yyyy");
    assert_eq!(variable(on(ORU), &[set], "V"), "04/03/1970");
}

fn conditional(value: &str) -> Json {
    let condition = json!({
        "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
        "Path": "PID-8", "Comparer": 0, "Value": value,
    });
    action("BeginConditional", json!({ "Filters": [condition] }))
}

#[test]
fn a_conditional_block_runs_only_when_its_conditions_hold() {
    let end = || action("EndConditional", json!({}));
    let list = |outer: &str, inner: &str| {
        [
            conditional(outer),
            set_text("A", "a"),
            conditional(inner),
            set_text("B", "b"),
            end(),
            set_text("C", "c"),
            end(),
            set_text("D", "d"),
        ]
    };
    for (outer, inner, expected) in
        [("F", "F", "A B C D"), ("F", "M", "A C D"), ("M", "F", "D"), ("f", "f", "A B C D")]
    {
        let outcome = actions(on(ORU), &list(outer, inner)).unwrap();
        let names: Vec<&str> = outcome.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(" "), expected);
    }
}

/// Collects something of every round in the variable `All`.
fn collect(path: &str) -> [Json; 2] {
    [set("One", path), set_text("All", "${All}${ForEachIterator}=${One} ")]
}

#[test]
fn a_loop_runs_over_segments_repetitions_and_array_items() {
    for (message, loop_path, path, expected) in [
        (ORU, "OBX", "OBX-3.1", "1=K 2=NA 3=CL "),
        (ORU, "OBX", "OBX[1]-5", "1=4.1 2=140 3=100 "),
        (ORU, "OBX[1]", "OBX-5", "1=4.1 2=140 3=100 "),
        (ORU, "PID-3", "PID-3.1", "1=77 2=88 "),
        (ORU, "PID-3", "PID-3[1].1", "1=77 2=88 "),
        (ORU, "OBX", "PID-8", "1=F 2=F 3=F "),
        (ORU, "NTE", "NTE-3", "(unset)"),
        (DRUGS, "Patient/Visits", "Patient/Visits[1]/Day", "1=1 2=2 "),
    ] {
        let [one, all] = collect(path);
        let list = [for_each(loop_path), one, all, next()];
        assert_eq!(variable(on(message), &list, "All"), expected, "{loop_path} {path}");
    }
}

#[test]
fn loops_in_loops_count_each_for_itself_and_the_counter_is_put_back() {
    let [one, all] = collect("Patient/Visits[1]/Drugs[1]/Code");
    let list = [
        set_text("ForEachIterator", "mine"),
        for_each("Patient/Visits"),
        for_each("Patient/Visits[1]/Drugs"),
        one,
        all,
        next(),
        set_text("Outer", "${Outer}${ForEachIterator} "),
        next(),
    ];
    let outcome = actions(on(DRUGS), &list).unwrap();
    assert_eq!(outcome.variable("All"), Some("1=a 2=b 1=c "));
    assert_eq!(outcome.variable("Outer"), Some("1 2 "));
    assert_eq!(outcome.variable("ForEachIterator"), Some("mine"));
    let outcome = actions(on(DRUGS), &list[1..]).unwrap();
    assert_eq!(outcome.variable("ForEachIterator"), None);
}

const CARE: &[u8] = b"<x:Care xmlns:x='urn:care' xmlns='urn:other'>\
<x:Drug no='1'><Code>a</Code><Code>b</Code></x:Drug><Drug/>\
<x:Drug no='2'><Code>c</Code></x:Drug></x:Care>";

fn on_xml(message: &[u8]) -> TestRun {
    TestRun::new().owner(RECEIVER).message(Format::Xml, message)
}

fn with_namespaces(mut action: Json, name: &str) -> Json {
    action[name] = json!({ "c": "urn:care", "o": "urn:other" });
    action
}

#[test]
fn a_loop_runs_over_elements_and_expressions() {
    let plain = |json: Json| json;
    let declared = |json: Json| with_namespaces(json, "FromNamespaces");
    for (loop_path, path, is_declared, expected) in [
        ("Care/Drug", "Care/Drug[1]/@no", false, "1=1 2= 3=2 "),
        ("Care/x:Drug", "Care/x:Drug/@no", false, "1=1 2=2 "),
        ("c:Care/c:Drug", "c:Care/c:Drug[1]/@no", true, "1=1 2=2 "),
        ("xpath://c:Drug", "xpath://c:Drug/@no", true, "1=1 2=2 "),
        ("xpath://c:Drug[@no > 1]", "xpath://c:Drug[@no > 1]/o:Code", true, "1=c "),
        ("xpath://o:Code", "xpath://o:Code[1]", true, "1=a 2=b 3=c "),
        ("xpath://x:Drug/o:Code", "xpath:name(/*)", true, "1=x:Care 2=x:Care 3=x:Care "),
        ("xpath://Code", "xpath://Code", true, "(unset)"),
    ] {
        let [one, all] = collect(path);
        let [one, each] = [one, for_each(loop_path)]
            .map(|action| if is_declared { declared(action) } else { plain(action) });
        let list = [each, one, all, next()];
        assert_eq!(variable(on_xml(CARE), &list, "All"), expected, "{loop_path} {path}");
    }
    let [one, all] = collect("xpath://c:Drug/o:Code");
    let list = [
        declared(for_each("xpath://c:Drug")),
        declared(for_each("xpath://c:Drug/o:Code")),
        declared(one),
        all,
        next(),
        next(),
    ];
    assert_eq!(variable(on_xml(CARE), &list, "All"), "1=a 2=b 1=c ");
}

#[test]
fn declared_prefixes_mean_the_same_in_every_document() {
    let mut map = map("c:Care/c:Drug[2]/o:Code", "c:Care/c:Drug[3]/@c:copy");
    map["FromNamespaces"] = json!({ "c": "urn:care", "o": "urn:other" });
    map["ToNamespaces"] = json!({ "c": "urn:care" });
    let run = on_xml(CARE);
    let outcome = actions(run, &[map.clone()]).unwrap();
    assert!(outcome.text().contains("<x:Drug x:copy=\"c\"/>"), "{}", outcome.text());
    // In another format the prefix is part of the name.
    let drugs = br#"{"c:Care":{"c:Drug":"x"}}"#;
    let from_json = with_namespaces(set("One", "c:Care/c:Drug"), "FromNamespaces");
    assert_eq!(variable(on(drugs), &[from_json], "One"), "x");
    map["ToNamespaces"] = json!({ "c": "" });
    assert_eq!(actions(on_xml(CARE), &[map]).unwrap_err().code(), "path.namespace");
}

#[test]
fn an_expression_without_end_fails_its_action() {
    let items = "<a><b/></a>".repeat(3_000);
    let message = format!("<r>{items}</r>");
    let list = [set("One", "xpath:count(//*[count(//*) > 0])")];
    let failure = actions(on_xml(message.as_bytes()), &list).unwrap_err();
    assert_eq!(failure.code(), "limit.expression-steps");
}

#[test]
fn the_bounds_of_a_loop_are_fixed_when_it_begins() {
    let append = json!({ "FromPath": "OBX|9|NM|X", "FromDirection": 2 });
    let list = [for_each("OBX"), action("AppendLine", append), next()];
    let outcome = actions(on(ORU), &list).unwrap();
    assert_eq!(outcome.text().matches("\rOBX|9|NM|X").count(), 3);
}

#[test]
fn a_loop_over_what_has_no_items_fails() {
    let list = [for_each("[0]"), next()];
    for (format, bytes) in [(Format::Csv, b"a,b"), (Format::Text, b"abc")] {
        let run = TestRun::new().owner(RECEIVER).message(format, bytes);
        assert_eq!(actions(run, &list).unwrap_err().code(), "loop.source");
    }
}

#[test]
fn loops_in_loops_end_at_the_limit_of_steps() {
    let mut message = ORU.to_vec();
    for _ in 0..60 {
        message.extend_from_slice(b"NTE|1\r");
    }
    let loops = vec![for_each("NTE"); 3];
    let list: Vec<Json> = loops.into_iter().chain([next(), next(), next()]).collect();
    assert_eq!(actions(on(&message), &list).unwrap_err().code(), "limit.steps");
    assert!(actions(on(&message), &[list[0].clone(), next()]).is_ok());
}

#[test]
fn a_line_is_appended_raw() {
    let append = json!({ "FromPath": "ZPD|${Mrn}|a^b", "FromDirection": 2, "ToSetting": RECEIVER });
    let outcome = actions(on(ORU), &[set("Mrn", "PID-3.1"), action("AppendLine", append)]).unwrap();
    assert!(outcome.text().ends_with("ZPD|77|a^b\r"), "{}", outcome.text());
}

#[test]
fn a_notification_tells_a_person_its_text_and_the_log_what_was_authored() {
    let notify = |critical: bool| {
        let text = json!({ "FromPath": "call ${Name}", "FromDirection": 2, "Critical": critical });
        action("Notification", text)
    };
    let list = [set("Name", "PID-5.1"), notify(false), notify(true)];
    let outcome = actions(on(ORU), &list).unwrap();
    let lines: Vec<(Level, &str)> =
        outcome.log.iter().map(|line| (line.level, line.text.as_str())).collect();
    let text = "notification: call ${Name}";
    assert_eq!(lines, [(Level::Warn, text), (Level::Error, text)]);
    let told: Vec<(bool, &str)> =
        outcome.notifications.iter().map(|it| (it.critical, it.text.as_str())).collect();
    assert_eq!(told, [(false, "call Ekholm"), (true, "call Ekholm")]);
}

#[test]
fn a_notification_that_is_refused_is_logged_and_fails_no_message() {
    let text = json!({ "FromPath": "${Long}", "FromDirection": 2 });
    let run = on(ORU).variable("Long", &"x".repeat(5_000));
    let outcome = actions(run, &[action("Notification", text)]).unwrap();
    assert!(outcome.notifications.is_empty());
    let lines: Vec<&str> = outcome.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines[0], "notification: ${Long}");
    assert!(lines[1].starts_with("the notification is in the log only: "), "{}", lines[1]);
}

#[test]
fn a_custom_transformer_is_required_and_called_with_evaluated_parameters() {
    let call = action(
        "Custom",
        json!({
            "CustomTransformerTypeName": "Acme.Tell, Acme",
            "Parameters": {
                "$type": "Dictionary",
                "Id": { "FromPath": "PID-3.1", "TextFormat": 0, "PaddingLength": 4 },
                "Mode": { "FromPath": "${Mode}!", "FromDirection": 2, "IsRequired": true },
            },
        }),
    );
    let settings = json!({ "Transformers": [call] });
    let run = on(ORU).variable("Mode", "quick").settings(settings);
    let requirements = run.configure::<HostTransformer>("receiver-variables").requirements;
    assert_eq!(requirements.len(), 1);
    assert_eq!(requirements[0].type_name, "Acme.Tell, Acme");
    assert_eq!(requirements[0].place, "/Transformers/0/CustomTransformerTypeName");
    let run = run.custom_transformer("Acme.Tell", |parameters, message| {
        message.set("PID-5.1", &format!("{parameters:?}"))?;
        Ok(())
    });
    let text = run.transform::<HostTransformer>().unwrap().text();
    assert!(text.contains(r#"[("Id", "77  "), ("Mode", "quick!")]"#), "{text}");
}

#[test]
fn comments_and_nothing_at_all_change_nothing() {
    let outcome = actions(on(ORU), &[action("Comment", json!({ "Comment": "note" }))]).unwrap();
    assert_eq!(outcome.message, ORU);
    assert_eq!(on(ORU).transform::<HostTransformer>().unwrap().message, ORU);
}

#[test]
fn blocks_that_do_not_nest_are_findings_at_the_action() {
    let end = || action("EndConditional", json!({}));
    for (list, expected) in [
        (vec![for_each("OBX")], vec!["block.unclosed /Transformers/0/$type"]),
        (vec![conditional("F")], vec!["block.unclosed /Transformers/0/$type"]),
        (vec![next()], vec!["block.unopened /Transformers/0/$type"]),
        (vec![set("A", "B"), end()], vec!["block.unopened /Transformers/1/$type"]),
        (
            vec![for_each("OBX"), conditional("F"), next(), end()],
            vec!["block.unopened /Transformers/2/$type", "block.unclosed /Transformers/0/$type"],
        ),
    ] {
        assert_eq!(findings(&list, "receiver-variables"), expected);
    }
}

#[test]
fn a_pair_id_that_disagrees_with_the_nesting_is_a_warning() {
    let mut list = [for_each("OBX"), next()];
    list[0]["PairId"] = json!(1);
    list[1]["PairId"] = json!("1");
    assert_eq!(findings(&list, "receiver-variables"), [""; 0]);
    list[1]["PairId"] = json!(2);
    assert_eq!(findings(&list, "receiver-variables"), ["block.pair /Transformers/1/PairId"]);
    assert!(actions(on(ORU), &list).is_ok());
}

#[test]
fn what_cannot_run_is_a_finding_at_its_property() {
    for (action, expected) in [
        (action("CreateMaping", json!({})), "action.class /Transformers/0/$type"),
        (json!({ "FromPath": "A" }), "action.class /Transformers/0/$type"),
        (set("", "PID-3"), "action.variable /Transformers/0/VariableName"),
        (set("A", "PID-3[1"), "path.syntax /Transformers/0/FromPath"),
        (map("PID-3", "PID-3[]"), "path.syntax /Transformers/0/ToPath"),
        (
            action("CreateMapping", json!({ "ToSetting": OTHER, "ToPath": "PID-3" })),
            "action.target /Transformers/0/ToSetting",
        ),
        (
            action("AppendLine", json!({ "ToSetting": OTHER })),
            "action.target /Transformers/0/ToSetting",
        ),
        (
            action("CreateVariable", json!({ "VariableName": "A", "FromDirection": 3 })),
            "settings.choice /Transformers/0/FromDirection",
        ),
        (
            action("CreateVariable", json!({ "VariableName": "A", "FromSetting": "x" })),
            "setting.id /Transformers/0/FromSetting",
        ),
        (
            action("CreateVariable", json!({ "VariableName": "A", "TextFormat": 2 })),
            "formatting.property /Transformers/0/TextFormat",
        ),
        (
            action("CreateVariable", json!({ "VariableName": "A", "PaddingLength": -1 })),
            "formatting.property /Transformers/0/PaddingLength",
        ),
        (
            action("ForEach", json!({ "FromPath": "OBX", "FromDirection": 2 })),
            "loop.source /Transformers/0/FromPath",
        ),
        (action("Custom", json!({})), "action.custom /Transformers/0/CustomTransformerTypeName"),
        (
            action("CreateParameter", json!({ "ParameterName": "A" })),
            "action.parameter /Transformers/0/$type",
        ),
        (
            action(
                "Custom",
                json!({ "CustomTransformerTypeName": "A",
                "Parameters": { "P": { "IsRequired": true, "FromDirection": 2 } } }),
            ),
            "action.parameter /Transformers/0/Parameters/P/FromPath",
        ),
    ] {
        let found = findings(std::slice::from_ref(&action), "activity-transformers");
        assert_eq!(found.first().map(String::as_str), Some(expected), "{action}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let list = [set("", "PID-3[1"), set("A", "B]")];
    assert_eq!(
        findings(&list, "receiver-variables"),
        [
            "action.variable /Transformers/0/VariableName",
            "path.syntax /Transformers/0/FromPath",
            "path.syntax /Transformers/1/FromPath",
        ]
    );
}

#[test]
fn an_error_names_the_action_but_no_value() {
    let failure = actions(on(ORU), &[set("A", "PID-3"), map("PID-5.1", "NOT A PATH")]).unwrap_err();
    let Failure::Step(StepError::Failed(problem)) = &failure else { panic!("{failure}") };
    assert!(problem.detail.contains(&("action".to_owned(), "/Transformers/1".to_owned())));
    assert!(!failure.to_string().contains("Ekholm"));
}

#[test]
fn an_error_tells_the_action_and_the_path_as_its_author_wrote_it() {
    let name = || set("Name", "PID-5.1");
    let mut block = conditional("F");
    block["Filters"][0]["Path"] = json!("PID-8.x");
    let end = || action("EndConditional", json!({}));
    for (list, expected) in [
        (vec![set("A", "PID-5.x")], "action /Transformers/0, path \"PID-5.x\""),
        (vec![name(), set("A", "PID-${Name}")], "action /Transformers/1, path \"PID-${Name}\""),
        (vec![name(), map("PID-5", "OBX[x]-1")], "action /Transformers/1, path \"OBX[x]-1\""),
        (vec![block, end()], "action /Transformers/0, condition 1, path \"PID-8.x\""),
        (vec![for_each("PID-x"), next()], "action /Transformers/0, path \"PID-x\""),
    ] {
        let failure = actions(on(ORU), &list).unwrap_err();
        let Failure::Step(StepError::Failed(problem)) = &failure else { panic!("{failure}") };
        let place = problem.place.as_deref().unwrap_or_default();
        assert!(place.starts_with(expected), "{place}");
        assert!(!place.contains("Ekholm"), "{place}");
    }
}

#[test]
fn more_actions_than_allowed_are_refused() {
    let list = vec![json!({}); 10_001];
    assert_eq!(findings(&list, "receiver-variables"), ["limit.actions /Transformers"]);
}

#[test]
fn a_script_is_required_by_its_digest_and_its_stand_in_is_called() {
    let name = code::type_name("x();\r\n");
    let list = [action("Code", json!({ "Code": "x();\n", "Comment": "c" })), set("V", "PID-5.1")];
    let run = on(ORU).settings(json!({ "Transformers": list }));
    let requirements = run.configure::<HostTransformer>("receiver-variables").requirements;
    let required: Vec<_> =
        requirements.iter().map(|it| (it.type_name.as_str(), it.place.as_str())).collect();
    assert_eq!(required, [(name.as_str(), "/Transformers/0/Code")]);
    let run = run.custom_transformer(&name, |parameters, message| {
        assert!(parameters.is_empty());
        message.set("PID-5.1", "stand-in")?;
        Ok(())
    });
    assert_eq!(run.transform::<HostTransformer>().unwrap().variable("V"), Some("stand-in"));
}

#[test]
fn a_script_without_a_statement_needs_no_stand_in() {
    for text in [json!(null), json!(""), json!("// nothing\r\n/* at all */")] {
        let list = [action("Code", json!({ "Code": text }))];
        let run = on(ORU).settings(json!({ "Transformers": list }));
        assert!(run.configure::<HostTransformer>("receiver-variables").requirements.is_empty());
        assert_eq!(run.transform::<HostTransformer>().unwrap().message, ORU);
    }
}

#[test]
fn a_required_parameter_without_value_fails_the_message() {
    let call = |required: bool| {
        action(
            "Custom",
            json!({ "CustomTransformerTypeName": "T",
                    "Parameters": { "P": { "FromPath": "PID-2", "IsRequired": required } } }),
        )
    };
    let run = || on(ORU).custom_transformer("T", |_, _| Ok(()));
    assert!(actions(run(), &[call(false)]).is_ok());
    let failure = actions(run(), &[call(true)]).unwrap_err();
    assert_eq!(failure.code(), "action.parameter");
    assert!(failure.to_string().contains("\"P\""), "{failure}");
}

#[test]
fn sample_values_are_data_of_the_designer() {
    for is_default in [true, false] {
        let mut set = set("V", "PID-2");
        set["SampleVariableValue"] = json!("sample");
        set["SampleValueIsDefaultValue"] = json!(is_default);
        assert_eq!(variable(on(ORU), &[set], "V"), "");
    }
}

#[test]
fn what_has_no_lines_refuses_one_more() {
    let append = action("AppendLine", json!({ "FromPath": "x", "FromDirection": 2 }));
    let append = std::slice::from_ref(&append);
    let message = |format, bytes: &[u8]| TestRun::new().owner(RECEIVER).message(format, bytes);
    let text = actions(message(Format::Text, b"a\r\n"), append).unwrap();
    assert_eq!(text.message, b"a\r\nx\r\n");
    for (format, bytes) in
        [(Format::Json, b"[]".as_slice()), (Format::Xml, b"<a/>"), (Format::Binary, b"\x00\xff")]
    {
        let failure = actions(message(format, bytes), append).unwrap_err();
        assert_eq!(failure.code(), "edit.append", "{format:?}");
    }
    // No segment: the message would break.
    assert!(actions(on(ORU), append).is_err());
}
