//! Loops over every kind of siblings, and loops in loops.

use super::*;

const ORDER: &[u8] = b"<o:Order xmlns:o='urn:o'>\
<Line no='1'><Code>a</Code><Note>x</Note><Note>y</Note></Line>\
<Line no='2'><Code>b</Code></Line>\
<Line no='3'><Code/><Note>z</Note></Line></o:Order>";

const ORDERS: &[u8] = br#"{"Orders":[
{"Tests":[{"Tubes":["a","b"]},{"Tubes":["c"]}]},
{"Tests":[]},
{"Tests":[{"Tubes":[]},{"Tubes":["d"]}]}]}"#;

const REPEATED: &[u8] = b"MSH|^~\\&|LAB|N|HIS|N|20260102||ORU^R01|7|P|2.5\r\
OBX|1|ST|A||p~q\rNTE|1||n1\rOBX|2|ST|B||r\rNTE|1||n2\r";

fn on_format(format: Format, message: &[u8]) -> TestRun {
    TestRun::new().owner(RECEIVER).message(format, message)
}

fn collected(run: TestRun, loops: &[&str], path: &str) -> String {
    let [one, all] = collect(path);
    let mut list: Vec<Json> = loops.iter().map(|path| for_each(path)).collect();
    list.extend([one, all]);
    list.extend(loops.iter().map(|_| next()));
    variable(run, &list, "All")
}

#[test]
fn a_loop_runs_over_elements() {
    for (loops, path, expected) in [
        (vec!["Order/Line"], "Order/Line/Code", "1=a 2=b 3= "),
        (vec!["Order/Line"], "Order/Line[1]/@no", "1=1 2=2 3=3 "),
        (vec!["Order/Line[1]"], "Order/Line[1]/Code", "1=a 2=b 3= "),
        (vec!["Order/Line"], "Order/Line[2]/Code", "1=b 2=b 3=b "),
        (vec!["Order/Line", "Order/Line/Note"], "Order/Line[1]/Note[1]", "1=x 2=y 1=z "),
        (vec!["Order/Line", "Order/Line[1]/Note"], "Order/Line/Note", "1=x 2=y 1=z "),
        (vec!["Order/Nothing"], "Order/Line/Code", "(unset)"),
    ] {
        let found = collected(on_format(Format::Xml, ORDER), &loops, path);
        assert_eq!(found, expected, "{loops:?} {path}");
    }
}

#[test]
fn an_inner_loop_runs_within_the_item_of_the_outer_one() {
    for (loops, path, expected) in [
        (["OBX", "OBX-5"], "OBX-5", "1=p 2=q 1=r "),
        (["OBX[1]", "OBX[1]-5"], "OBX[1]-5[1]", "1=p 2=q 1=r "),
        (["OBX", "NTE"], "NTE-3", "1=n1 2=n2 1=n1 2=n2 "),
        (["OBX", "NTE"], "OBX-3.1", "1=A 2=A 1=B 2=B "),
        // The same siblings once more: the innermost counts.
        (["OBX", "OBX"], "OBX-3.1", "1=A 2=B 1=A 2=B "),
    ] {
        assert_eq!(collected(on(REPEATED), &loops, path), expected, "{loops:?} {path}");
    }
}

#[test]
fn a_loop_runs_over_rows_of_csv() {
    for (message, loops, path, expected) in [
        ("a,b\r\nc,d\r\n", vec!["Row"], "Row/[1]", "1=b 2=d "),
        ("a,b\r\nc,d\r\n", vec!["Row[1]"], "Row[1]/[0]", "1=a 2=c "),
        ("a,b\r\nc,d\r\n", vec!["Row"], "Row", "1=a,b 2=c,d "),
        ("a,b\r\nc,d\r\n", vec!["Row"], "Row[2]/[1]", "1=d 2=d "),
        ("a,\"b;\r\nb\"\nc\n", vec!["Row"], "Row/[1]", "1=b;\r\nb 2= "),
        ("a\n\nb", vec!["Row"], "Row/[0]", "1=a 2= 3=b "),
        ("a,b\r\nc,d\r\n", vec!["Row", "Row"], "Row/[0]", "1=a 2=c 1=a 2=c "),
    ] {
        let found = collected(on_format(Format::Csv, message.as_bytes()), &loops, path);
        assert_eq!(found, expected, "{message:?} {loops:?} {path}");
    }
}

#[test]
fn a_loop_runs_over_what_an_expression_finds() {
    for (loops, path, expected) in [
        (vec!["xpath://Line"], "xpath://Line/Code", "1=a 2=b 3= "),
        (vec!["xpath://Line"], "xpath://Line/@no", "1=1 2=2 3=3 "),
        (vec!["xpath://Line[Note]"], "xpath://Line[Note]/@no", "1=1 2=3 "),
        (vec!["xpath://Note"], "xpath://Note", "1=x 2=y 3=z "),
        (vec!["xpath://Line", "xpath://Line/Note"], "xpath://Line/Note", "1=x 2=y 1=z "),
        (vec!["xpath://Nothing"], "xpath://Line/Code", "(unset)"),
    ] {
        let found = collected(on_format(Format::Xml, ORDER), &loops, path);
        assert_eq!(found, expected, "{loops:?} {path}");
    }
}

#[test]
fn three_loops_run_over_arrays_in_arrays() {
    let loops = ["Orders", "Orders/Tests", "Orders/Tests/Tubes"];
    let indexed = ["Orders[1]", "Orders[1]/Tests[1]", "Orders[1]/Tests[1]/Tubes[1]"];
    for loops in [loops, indexed] {
        for path in ["Orders/Tests/Tubes", "Orders[1]/Tests[1]/Tubes[1]"] {
            let found = collected(on_format(Format::Json, ORDERS), &loops, path);
            assert_eq!(found, "1=a 2=b 1=c 1=d ", "{loops:?} {path}");
        }
    }
}

#[test]
fn three_loops_put_each_counter_back() {
    let mark = |name: &str| set_text(name, &format!("${{{name}}}${{ForEachIterator}}"));
    let list = [
        for_each("Patient/Visits"),
        mark("A"),
        for_each("Patient/Visits[1]/Drugs"),
        mark("B"),
        for_each("Patient/Visits"),
        mark("C"),
        next(),
        mark("B"),
        next(),
        mark("A"),
        next(),
    ];
    let outcome = actions(on(DRUGS), &list).unwrap();
    let found = ["A", "B", "C"].map(|name| outcome.variable(name).unwrap());
    assert_eq!(found, ["1122", "112211", "121212"]);
    assert_eq!(outcome.variable("ForEachIterator"), None);
}

#[test]
fn a_block_in_a_loop_is_decided_in_every_round() {
    let condition = json!({
        "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
        "Path": "OBX[1]-3.1", "Comparer": 0, "Value": "NA",
    });
    let list = [
        for_each("OBX"),
        action("BeginConditional", json!({ "Filters": [condition] })),
        set("Found", "OBX-5"),
        set_text("At", "${At}${ForEachIterator}"),
        action("EndConditional", json!({})),
        next(),
    ];
    let outcome = actions(on(ORU), &list).unwrap();
    assert_eq!((outcome.variable("Found"), outcome.variable("At")), (Some("140"), Some("2")));
}

#[test]
fn target_paths_are_not_changed_by_a_loop() {
    let numbered = json!({ "FromPath": "${ForEachIterator}", "FromDirection": 2 });
    let mut first = numbered.clone();
    first["ToPath"] = json!("OBX[1]-4");
    let mut each = numbered;
    each["ToPath"] = json!("OBX[${ForEachIterator}]-6");
    let list =
        [for_each("OBX"), action("CreateMapping", first), action("CreateMapping", each), next()];
    let text = actions(on(ORU), &list).unwrap().text();
    for line in ["K^Potassium|3|4.1|1\r", "NA^Sodium||140|2\r", "CL^Chloride||100|3\r"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn text_and_binary_messages_have_nothing_to_loop_over() {
    let list = [for_each("Row"), next()];
    for (format, bytes) in [(Format::Text, b"a\nb".as_slice()), (Format::Binary, b"\x00\xff")] {
        assert_eq!(actions(on_format(format, bytes), &list).unwrap_err().code(), "loop.source");
    }
    let columns = [for_each("[0]"), next()];
    let failure = actions(on_format(Format::Csv, b"a,b"), &columns).unwrap_err();
    assert_eq!(failure.code(), "loop.source");
}

#[test]
fn more_rounds_than_allowed_are_refused_before_the_first() {
    let items = vec!["1"; 65_536].join(",");
    let message = format!("{{\"a\":[{items}]}}");
    let list = [for_each("a"), set_text("Ran", "yes"), next()];
    let failure = actions(on(message.as_bytes()), &list).unwrap_err();
    assert_eq!(failure.code(), "limit.rounds");
}

const PLAIN: &[u8] = br#"{"M":[{"c":"a"},{"c":"b"},{"c":"d"}]}"#;
const NONE: &str = "00000000-0000-0000-0000-000000000000";

/// An action with the receiver's id, another one, or none, as it may be written.
fn from(mut action: Json, setting: Option<&str>) -> Json {
    if let Some(setting) = setting {
        action["FromSetting"] = json!(setting);
    }
    action
}

#[test]
fn no_setting_is_the_receiver_wherever_a_path_is_read() {
    let names = [None, Some(NONE), Some(RECEIVER)];
    for role in ["activity-transformers", "receiver-variables", "filter-transformers"] {
        for (outer, inner) in names.iter().flat_map(|one| names.iter().map(move |it| (*one, *it))) {
            let [one, all] = collect("M[1]/c");
            let list = [from(for_each("M"), outer), from(one, inner), all, next()];
            let run = match role {
                "activity-transformers" => on(ORU)
                    .owner(SENDER)
                    .setting_message("", Direction::Inbound, Format::Json, PLAIN)
                    .setting_message(RECEIVER, Direction::Inbound, Format::Json, PLAIN),
                _ => on(PLAIN),
            };
            let found = variable(run.role(role), &list, "All");
            assert_eq!(found, "1=a 2=b 3=d ", "{role}: {outer:?} {inner:?}");
        }
    }
}

#[test]
fn conditions_and_second_values_in_a_loop_know_the_receiver_by_both_names() {
    for (of_loop, of_first, of_second) in [
        (Some(RECEIVER), None, RECEIVER),
        (None, Some(RECEIVER), RECEIVER),
        (Some(RECEIVER), Some(NONE), RECEIVER),
    ] {
        let condition = json!({
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": "M[1]/c", "Comparer": 0, "ToPath": "M[1]/c", "ToSetting": of_second,
            "ToDirection": 0,
        });
        let is_b = json!({
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": "M[1]/c", "Comparer": 0, "Value": "b",
        });
        let filters = [from(condition, of_first), from(is_b, of_first)];
        let list = [
            from(for_each("M"), of_loop),
            action("BeginConditional", json!({ "Filters": filters })),
            set_text("At", "${At}${ForEachIterator}"),
            action("EndConditional", json!({})),
            next(),
        ];
        let run = on(ORU)
            .owner(SENDER)
            .role("activity-transformers")
            .setting_message("", Direction::Inbound, Format::Json, PLAIN)
            .setting_message(RECEIVER, Direction::Inbound, Format::Json, PLAIN);
        assert_eq!(variable(run, &list, "At"), "2", "{of_loop:?} {of_first:?}");
    }
}

#[test]
fn a_loop_in_a_loop_knows_the_receiver_by_both_names() {
    let [one, all] = collect("Patient/Visits[1]/Drugs[1]/Code");
    let list = [
        from(for_each("Patient/Visits"), Some(RECEIVER)),
        for_each("Patient/Visits[1]/Drugs"),
        from(one, Some(RECEIVER)),
        all,
        next(),
        next(),
    ];
    let run = on(ORU)
        .owner(SENDER)
        .role("activity-transformers")
        .setting_message("", Direction::Inbound, Format::Json, DRUGS)
        .setting_message(RECEIVER, Direction::Inbound, Format::Json, DRUGS);
    assert_eq!(variable(run, &list, "All"), "1=a 2=b 1=c ");
}

#[test]
fn an_activity_is_not_the_receiver() {
    let [one, all] = collect("M[1]/c");
    let list = [for_each("M"), from(one, Some(OTHER)), all, next()];
    let run = on(ORU)
        .owner(SENDER)
        .role("activity-transformers")
        .setting_message("", Direction::Inbound, Format::Json, PLAIN)
        .setting_message(OTHER, Direction::Outbound, Format::Json, PLAIN)
        .setting_message(OTHER, Direction::Inbound, Format::Json, PLAIN);
    assert_eq!(variable(run, &list, "All"), "1=a 2=a 3=a ");
}

#[test]
fn a_loop_over_the_response_knows_the_receiver_by_both_names() {
    for (outer, inner) in [(None, Some(RECEIVER)), (Some(RECEIVER), None)] {
        let [one, all] = collect("M[1]/c");
        let list = [for_each("M"), one, all, next()].map(|mut action| {
            action["FromDirection"] = json!(1);
            action
        });
        let [each, one, mut all, next] = list;
        all["FromDirection"] = json!(2);
        let list = [from(each, outer), from(one, inner), all, next];
        let run = on(PLAIN).role("response-transformers");
        assert_eq!(variable(run, &list, "All"), "1=a 2=b 3=d ", "{outer:?} {inner:?}");
    }
}

#[test]
fn the_indexes_of_a_selector_count_from_0_and_the_counter_from_1() {
    const DEEP: &[u8] = br#"{"V":[{"M":[{"c":"a"}]},{"M":[{"c":"b"},{"c":"d"}]}],"M":[{"c":"e"}]}"#;
    for (message, loops, path, expected) in [
        (PLAIN, vec!["$.M"], "$.M[1].c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M"], "$.M[0].c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M"], "$.M.c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M"], "$.M[2].c", "1=d 2=d 3=d "),
        (PLAIN, vec!["$.M[*]"], "$.M[*].c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M[*]"], "$.M[0].c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M[*].c"], "$.M[*].c", "1=a 2=b 3=d "),
        (PLAIN, vec!["$.M[?(@.c != 'a')]"], "$.M[?(@.c != 'a')].c", "1=b 2=d "),
        (DEEP, vec!["$..M[*]"], "$..M[*].c", "1=a 2=b 3=d 4=e "),
        (DEEP, vec!["$.V", "$.V[0].M"], "$.V[0].M[0].c", "1=a 1=b 2=d "),
        (DEEP, vec!["$.V[*].M[*]"], "$.V[*].M[*].c", "1=a 2=b 3=d "),
    ] {
        let loops: Vec<String> = loops.iter().map(|path| format!("newtonsoft:{path}")).collect();
        let loops: Vec<&str> = loops.iter().map(String::as_str).collect();
        let found = collected(on(message), &loops, &format!("newtonsoft:{path}"));
        assert_eq!(found, expected, "{loops:?} {path}");
    }
}

#[test]
fn another_spelling_of_the_loop_s_place_is_inside_it() {
    for (format, message, loops, path, expected) in [
        (Format::Json, PLAIN, "/M", "M[1]/c", "1=a 2=b 3=d "),
        (Format::Json, PLAIN, "M", "/M[1]/c", "1=a 2=b 3=d "),
        (Format::Json, PLAIN, "M[*]", "M/c", "1=a 2=b 3=d "),
        (Format::Xml, ORDER, "/Order/Line", "Order/Line[1]/Code", "1=a 2=b 3= "),
        (Format::Xml, ORDER, "Order[1]/Line", "/Order/Line/@no", "1=1 2=2 3=3 "),
        (Format::Hl7, REPEATED, "OBX-5", "OBX[1]-5[1].1", "1=p 2=q "),
        (Format::Hl7, REPEATED, "OBX[1]-5", "OBX-5", "1=p 2=q "),
        (Format::Hl7, REPEATED, "OBX[1]-5", "OBX[2]-5", "1=r 2=r "),
    ] {
        let found = collected(on_format(format, message), &[loops], path);
        assert_eq!(found, expected, "{loops} {path}");
    }
}

#[test]
fn the_repetitions_of_a_condition_are_those_of_the_item() {
    let condition = |path: &str, value: &str| {
        json!({
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": path, "Comparer": 0, "Value": value, "IncludesRepeatFields": true,
        })
    };
    const TAGS: &[u8] = br#"{"M":[{"T":["a"]},{"T":["b","c"]},{"T":[]}],"I":["x","y"]}"#;
    for (format, message, items, path, value, expected) in [
        (Format::Json, PLAIN, "M", "M[1]/c", "b", "2"),
        (Format::Json, TAGS, "M", "M[1]/T", "a", "1"),
        (Format::Json, TAGS, "M", "M/T", "c", "2"),
        (Format::Json, TAGS, "I", "I[1]", "y", "2"),
        (Format::Json, TAGS, "newtonsoft:$.M", "newtonsoft:$.M[0].T", "b", "2"),
        (Format::Xml, ORDER, "Order/Line", "Order/Line/Note", "y", "1"),
        (Format::Xml, ORDER, "Order/Line", "Order/Line/@no", "2", "2"),
        (Format::Xml, ORDER, "xpath://Line", "xpath://Line/Note", "y", "1"),
    ] {
        let list = [
            for_each(items),
            action("BeginConditional", json!({ "Filters": [condition(path, value)] })),
            set_text("At", "${At}${ForEachIterator}"),
            action("EndConditional", json!({})),
            next(),
        ];
        let found = variable(on_format(format, message), &list, "At");
        assert_eq!(found, expected, "{items} {path} {value}");
    }
}
