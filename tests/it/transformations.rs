//! What transformers make of a message: `tureen run` and the server agree to the
//! byte, and both with what the workflow format says.

use serde_json::{Value, json};

use crate::harness::actions::{
    append_line, begin_if, end_if, equals, for_each, map, map_text, next, set_variable,
    set_variable_to, structure,
};
use crate::harness::messages::adt;
use crate::harness::{Activity, Home, Workflow};

/// What `tureen run` says that the first activity would send.
fn shown(home: &Home, message: &str) -> Value {
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("message", message);
    let ran = home.run(&[
        "run",
        file.to_str().unwrap(),
        "--message",
        message.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

/// Sends the message through a server, and gives what the file writer wrote.
fn written(home: &Home, message: &str) -> String {
    let server = home.serve();
    let answer = server.http1().post("/in", message);
    assert_eq!(answer.status, 200, "{answer:?}");
    server.stop();
    home.read("out/sent").expect("the file writer wrote")
}

/// Both ways give the expected message. Appended records end with a line feed.
fn check(workflow: Workflow, message: &str, expected: &str) {
    let home = Home::new();
    home.workflow("one", &workflow.build());
    let record = shown(&home, message);
    assert_eq!(record["outcome"], "accepted", "{record}");
    assert_eq!(record["activities"][0]["message"].as_str(), Some(expected), "tureen run");
    assert!(home.read("out/sent").is_none(), "`tureen run` only shows");
    assert_eq!(written(&home, message), format!("{expected}\n"), "tureen serve");
}

/// A workflow whose one activity changes a copy of the received message.
fn changing(actions: Vec<Value>) -> Workflow {
    let copy = Activity::file("Copy", "sent").template(&crate::harness::workflow::received());
    Workflow::new("Changing", "in").activity(copy.transformers(actions))
}

#[test]
fn a_copy_without_changes_is_the_same_bytes() {
    let message = "MSH|^~\\&|A|B|C|D|20260102||ADT^A01|1|P|2.5||\rPID|||\"\"~x\\F\\y||a^^^||  \rZZZ|\\Xff\\|é\r";
    check(changing(vec![]), message, message);
}

#[test]
fn a_set_touches_its_place_only_and_escapes() {
    let message = adt("S1", "1001");
    let actions = vec![
        set_variable("Family", "PID-5.1"),
        map_text("${Family:UpperCase} & ${Missing}^x", "PID-5.2"),
        map("PID-3.1", "PV1-19"),
        map_text("\u{e9}t\u{e9}|", "PID-11.3"),
    ];
    let expected = message
        .replace("^Siri^", "^EKHOLM \\T\\ \\S\\x^")
        .replace("^^Turku", "^^\u{e9}t\u{e9}\\F\\")
        .replace("W1^2^3", "W1^2^3||||||||||||||||1001");
    check(changing(actions), &message, &expected);
}

#[test]
fn a_structure_mapping_brings_separators_and_a_value_mapping_does_not() {
    let message = adt("S2", "1001");
    let actions = vec![map("PID-5", "PID-9"), structure(map_text("a^b~c", "PID-6"))];
    let expected = message
        .replace("Maria||1980", "Maria|a^b~c|1980")
        .replace("|F|||1 Quay", "|F|Ekholm\\S\\Siri\\S\\Maria||1 Quay");
    check(changing(actions), &message, &expected);
}

#[test]
fn a_conditional_decides_and_may_stand_in_another() {
    let message = adt("S3", "1001");
    let actions = vec![
        begin_if(vec![equals("PV1-2", "I")]),
        map_text("inpatient", "PV1-4"),
        begin_if(vec![equals("PID-8", "M")]),
        map_text("male", "PID-16"),
        end_if(),
        map_text("after", "PV1-5"),
        end_if(),
        begin_if(vec![equals("PV1-2", "O")]),
        map_text("outpatient", "PV1-4"),
        end_if(),
    ];
    let expected = message.replace("W1^2^3", "W1^2^3|inpatient|after");
    check(changing(actions), &message, &expected);
}

#[test]
fn a_loop_over_json_makes_segments() {
    let template = "MSH|^~\\&|T|U|||2026||ORM^O01|${Control}|P|2.5\rPID|1||${Id}\r";
    let actions = vec![
        for_each("patient/medications"),
        set_variable("Code", "patient/medications[1]/code"),
        set_variable("Drug", "patient/medications[1]/name"),
        append_line("RXO|${ForEachIterator}|${Code}^${Drug}"),
        next(),
        append_line("NTE|1||end"),
    ];
    let workflow = Workflow::new("Json to HL7", "in")
        .with("MessageType", 11)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .variables(vec![set_variable("Id", "patient/id"), set_variable_to("Control", "C-${Id}")])
        .activity(Activity::file("Orders", "sent").template(template).transformers(actions));
    let message = json!({ "patient": { "id": "p7", "medications": [
        { "code": "N02", "name": "aspirin" }, { "code": "C07" }, { "name": "x|y", "code": "Z" },
    ] } });
    let expected = "MSH|^~\\&|T|U|||2026||ORM^O01|C-p7|P|2.5\rPID|1||p7\rRXO|1|N02^aspirin\rRXO|2|C07^\rRXO|3|Z^x|y\rNTE|1||end\r";
    check(workflow, &message.to_string(), expected);
}

/// One XML message for the tests below.
const ORDER: &str = "<?xml version=\"1.0\"?>\n<!-- kept -->\n\
<o:Order xmlns:o='urn:o' id='7'>\n  \
<Line no='1'><Code>N02</Code><Drug>aspirin &amp; <i>co</i></Drug></Line>\n  \
<Line no='2'><Code/></Line>\n\
</o:Order>\n";

#[test]
fn xml_is_changed_in_its_places_alone() {
    let actions = vec![
        set_variable("Code", "Order/Line/Code"),
        map_text("<${Code}> & \"x\"", "Order/Line[2]/Code"),
        map("Order/@id", "o:Order/Line[1]/@no"),
        map("Order/Line[1]/Drug", "Order/Note"),
        structure(map_text("<Line no='3'/>", "Order/Line[3]")),
    ];
    let copy = Activity::file("Copy", "sent")
        .with("MessageType", 4)
        .template(&crate::harness::workflow::received());
    let workflow = Workflow::new("Xml", "in")
        .with("MessageType", 4)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .activity(copy.transformers(actions));
    let expected = ORDER
        .replace("no='1'", "no='7'")
        .replace("<Code/>", "<Code>&lt;N02&gt; &amp; \"x\"</Code>")
        .replace("\n</o:Order>", "\n  <Line no='3'/>\n  <Note>aspirin &amp; co</Note>\n</o:Order>");
    check(workflow, ORDER, &expected);
}

#[test]
fn a_loop_over_xml_makes_segments() {
    let template = "MSH|^~\\&|T|U|||2026||ORM^O01|1|P|2.5\r";
    let actions = vec![
        for_each("Order/Line"),
        set_variable("Code", "Order/Line[1]/Code"),
        set_variable("Number", "Order/Line[1]/@no"),
        append_line("RXO|${ForEachIterator}|${Code}^${Number}"),
        next(),
    ];
    let workflow = Workflow::new("Xml to HL7", "in")
        .with("MessageType", 4)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .activity(Activity::file("Orders", "sent").template(template).transformers(actions));
    check(workflow, ORDER, &format!("{template}RXO|1|N02^1\rRXO|2|^2\r"));
}

#[test]
fn a_loop_over_nothing_does_nothing() {
    let template = "MSH|^~\\&|T\r";
    let actions = vec![for_each("items"), append_line("NTE|${ForEachIterator}"), next()];
    let workflow = Workflow::new("Empty loop", "in")
        .with("MessageType", 11)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .activity(Activity::file("Orders", "sent").template(template).transformers(actions));
    check(workflow, "{\"items\":[]}", template);
}

#[test]
fn what_a_message_brings_is_never_expanded_again() {
    let message = adt("S4", "${Secret}");
    let actions = vec![set_variable("Mrn", "PID-3.1"), map_text("${Mrn}", "PID-2")];
    let workflow = changing(actions).variables(vec![set_variable_to("Secret", "expanded")]);
    let expected = message.replace("PID|1||", "PID|1|${Secret}|");
    check(workflow, &message, &expected);
}

#[test]
fn an_activity_whose_filter_says_no_is_left_out_and_the_next_runs() {
    let home = Home::new();
    let never = Activity::file("Never", "never").template(&crate::harness::workflow::received());
    let workflow = Workflow::new("Filtered activity", "in")
        .activity(never.filter(vec![equals("PID-8", "M")]))
        .archive("sent");
    home.workflow("one", &workflow.build());
    let message = adt("S5", "1");
    let record = shown(&home, &message);
    assert_eq!(record["activities"][0]["filtered"], true, "{record}");
    assert_eq!(record["activities"][0]["message"], Value::Null);
    assert_eq!(record["activities"][1]["filtered"], false);
    assert_eq!(written(&home, &message), format!("{message}\n"));
    assert_eq!(home.read("out/never"), None);
}

/// A source without `FromSetting`: the receiver's.
fn of_nobody(mut action: Value) -> Value {
    action.as_object_mut().unwrap().remove("FromSetting");
    action
}

/// What a loop appends of each round, from a JSON message.
fn looped(body: [Value; 2]) -> Workflow {
    let [each, set] = body;
    let actions = vec![each, set, append_line("RXA|${ForEachIterator}|${v}"), next()];
    Workflow::new("Looped", "in")
        .with("MessageType", 11)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .activity(Activity::file("Lines", "sent").template("MSH|^~\\&|\r").transformers(actions))
}

#[test]
fn a_loop_s_path_may_be_spelled_differently_in_its_body() {
    let set = |path: &str| set_variable("v", path);
    for body in [
        [for_each("M"), of_nobody(set("M[1]/c"))],
        [of_nobody(for_each("M")), set("M[1]/c")],
        [of_nobody(for_each("M")), of_nobody(set("M/c"))],
        [for_each("newtonsoft:$.M"), set("newtonsoft:$.M[1].c")],
        [for_each("newtonsoft:$.M[*]"), of_nobody(set("newtonsoft:$.M[*].c"))],
        [for_each("newtonsoft:$..M[?(@.c)]"), set("newtonsoft:$..M[?(@.c)].c")],
        [for_each("/M"), set("M[1]/c")],
    ] {
        let message = json!({ "M": [{ "c": "a" }, { "c": "b" }, { "c": "d" }] });
        check(looped(body), &message.to_string(), "MSH|^~\\&|\rRXA|1|a\rRXA|2|b\rRXA|3|d\r");
    }
}

#[test]
fn repetitions_are_those_of_the_last_step_in_the_item_of_the_loop() {
    let mut condition = equals("M[1]/c", "b");
    condition["IncludesRepeatFields"] = json!(true);
    let actions = vec![
        for_each("M"),
        begin_if(vec![condition]),
        append_line("RXA|${ForEachIterator}"),
        end_if(),
        next(),
    ];
    let workflow = Workflow::new("Repeated", "in")
        .with("MessageType", 11)
        .with("ReturnApplicationAccept", false)
        .with("ReturnNoResponse", true)
        .activity(Activity::file("Lines", "sent").template("MSH|^~\\&|\r").transformers(actions));
    let message = json!({ "M": [{ "c": "a" }, { "c": ["x", "b"] }, { "c": "d" }] });
    check(workflow, &message.to_string(), "MSH|^~\\&|\rRXA|2\r");
}

#[test]
fn an_error_tells_the_action_the_condition_and_the_path_but_no_value() {
    let name = || set_variable("Name", "PID-5.1");
    for (workflow, expected) in [
        (
            Workflow::new("Action", "in").variables(vec![name(), set_variable("A", "PID-5.${No}")]),
            "plugin transformer, action /Transformers/1, path \"PID-5.${No}\", byte 7 of the path",
        ),
        (
            Workflow::new("Filled", "in").variables(vec![name(), set_variable("A", "PID-${Name}")]),
            "plugin transformer, action /Transformers/1, path \"PID-${Name}\", byte 5 of the path",
        ),
        (
            Workflow::new("Filter", "in")
                .filter(vec![equals("MSH-9.1", "ADT"), equals("PID-5.${No}", "b")]),
            "plugin filter, condition 2, path \"PID-5.${No}\", byte 7 of the path",
        ),
    ] {
        let home = Home::new();
        home.workflow("one", &workflow.build());
        let file = home.path("workflows/one.hl7Workflow");
        let message = home.write("message", adt("E1", "1001"));
        let run = |more: &[&str]| {
            let given = ["run", file.to_str().unwrap(), "--message", message.to_str().unwrap()];
            home.run(&[&given[..], more].concat())
        };
        let (json, text) = (run(&["--json"]), run(&[]));
        let record = json.json();
        let place = record["error"]["where"].as_str().unwrap();
        assert!(place.ends_with(expected), "{place}");
        assert!(text.stdout.contains(expected), "{text:?}");
        assert!(text.stderr.contains(expected), "{text:?}");
        assert!(!record["response"]["body"].as_str().unwrap().contains("byte"), "{record:#}");
        assert!(!text.stderr.contains("Ekholm"), "{text:?}");
    }
}
