//! What the texts of workflows name: data tables, secrets, other settings; and
//! how values are written into messages (traps T-08 to T-10).

use serde_json::{Value, json};

use crate::harness::actions::{map_text, set_variable, set_variable_to};
use crate::harness::messages::adt;
use crate::harness::wait::wait_until_equal;
use crate::harness::workflow::RECEIVER_ID;
use crate::harness::{Activity, Findings, Home, Workflow};

const TEXT: i64 = 13;
const JSON: i64 = 11;

const STAFF: &str = "Id,Name\n1001,Aalto\n1002,\"de la Cruz, B\"\n";
const STAFF_NAMED: &str = "[data_tables]\nStaff = \"data/staff.csv\"\n";

/// A home with a folder for tables.
fn home_with(configuration: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::and(configuration);
    std::fs::create_dir(home.path("data")).unwrap();
    for (name, content) in files {
        home.write(&format!("data/{name}"), content);
    }
    home
}

/// Whether a place of the received message is in a data table.
fn in_table(path: &str, reference: &str) -> Value {
    json!({
        "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow", "Path": path,
        "Comparer": 8, "Value": reference, "FromDirection": 0, "FromSetting": RECEIVER_ID,
    })
}

/// What `tureen run` says of a message.
fn ran(home: &Home, message: &str) -> Value {
    let file = home.path("workflows/one.hl7Workflow");
    let message = home.write("message", message);
    let (file, message) = (file.to_str().unwrap(), message.to_str().unwrap());
    home.run(&["run", file, "--message", message, "--json"]).json()
}

#[test]
fn a_filter_asks_a_data_table_that_is_read_again_when_it_was_saved() {
    let home = home_with(STAFF_NAMED, &[("staff.csv", STAFF)]);
    let workflow = Workflow::new("Known", "in").filter(vec![in_table("PID-3.1", "Staff.Id")]);
    home.workflow("known", &workflow.build());
    let server = home.serve();
    let mut connection = server.http1();
    let mut answer = |patient: &str| connection.post("/in", adt("1", patient)).msa(1);
    assert_eq!((answer("1001"), answer("2000")), ("AA".to_owned(), "AR".to_owned()));
    home.replace("data/staff.csv", "Id,Name\n2000,Berg\n");
    wait_until_equal("the new table", &"AA".to_owned(), || answer("2000"));
    assert_eq!(answer("1001"), "AR");
    // A wrong file leaves the table that was read before, and says so.
    home.replace("data/staff.csv", "Id,Name\n2000\n");
    server.wait_for_log("the table that was read before stays in use");
    assert_eq!((answer("2000"), answer("1001")), ("AA".to_owned(), "AR".to_owned()));
    let log = server.stop();
    assert!(
        log.contains("WF100") && log.contains("expected 2 values, found 1 (at row 1)"),
        "{log}"
    );
}

#[test]
fn each_message_walks_through_a_data_table_from_its_beginning() {
    let home = home_with(STAFF_NAMED, &[("staff.csv", STAFF)]);
    let text = "${DATATABLE>Staff.Name}|${Second}|${DATATABLE>Staff.Name}";
    let workflow = Workflow::new("Rows", "in")
        .with("MessageType", TEXT)
        .variables(vec![set_variable_to("Second", "${datatable>staff.id}")])
        .responding(text);
    home.workflow("one", &workflow.build());
    let server = home.serve();
    for (_, mut connection) in crate::harness::Connection::both(&server) {
        for _ in 0..2 {
            let answer = connection.post("/in", "x");
            // The variable was set first; after the last row comes the first.
            assert_eq!(answer.text(), "de la Cruz, B|1001|Aalto");
        }
    }
    server.stop();
}

#[test]
fn a_workflow_waits_for_a_table_that_it_names() {
    let home = home_with("", &[("staff.csv", STAFF)]);
    let workflow = Workflow::new("Waits", "in").filter(vec![in_table("PID-3.1", "Staff.Ward")]);
    home.workflow("waits", &workflow.build());
    let findings = Findings::of(&home);
    let told = findings.only("WF101");
    assert!(told["pointer"].as_str().unwrap().ends_with("/Filters/0/Value"), "{told:#}");
    assert!(told["help"].as_str().unwrap().contains("[data_tables]"), "{told:#}");
    let server = home.serve();
    assert!(server.addresses().is_empty());
    let before = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", format!("{before}\n{STAFF_NAMED}"));
    server.wait_for_log("the data table \"Staff\" has no field \"Ward\"");
    home.replace("data/staff.csv", "Id,Ward\n1,1001\n");
    server.wait_for_log("the workflow is live");
    server.stop();
}

#[test]
fn what_texts_of_steps_can_never_be_filled_with_is_told_at_its_place() {
    let home = home_with(STAFF_NAMED, &[("staff.csv", STAFF)]);
    let lost = "00000000-1111-4222-8333-444444444444";
    let actions = vec![
        set_variable_to("A", "${B:Truncate(many)}"),
        set_variable_to("A", "${B:Lookup(Sex)}"),
        set_variable_to("A", "${DATATABLE>Staff.Ward}"),
        set_variable_to("A", &format!("${{{lost} inbound}}")),
        json!({
            "$type": "HL7Soup.Functions.Settings.CommentTransformerAction, HL7SoupWorkflow",
            "Comment": "${B:Truncate(many)}",
        }),
        json!({
            "$type": "HL7Soup.Functions.Settings.CreateVariableTransformerAction, HL7SoupWorkflow",
            "VariableName": "A", "FromPath": "PID-3.1", "FromDirection": 0, "Lookup": "Sex",
            "SampleVariableValue": "${B:Truncate(many)}",
        }),
        set_variable_to("A", "${B:Truncate(3)} ${DATATABLE?Staff.Name}"),
    ];
    let file = Activity::file("File", "${B:Padding(x)}.txt").template("x");
    let workflow = Workflow::new("Wrong", "in").variables(actions).activity(file);
    home.workflow("wrong", &workflow.build());
    let findings = Findings::of(&home);
    let pointers = |code: &str| -> Vec<String> {
        let mut found: Vec<String> = findings
            .all(code)
            .into_iter()
            .map(|told| {
                assert_eq!(told["severity"], "error", "{told:#}");
                let pointer = told["pointer"].as_str().unwrap();
                pointer.splitn(4, '/').last().unwrap().to_owned()
            })
            .collect();
        found.sort();
        found
    };
    assert_eq!(
        pointers("WF103"),
        ["FilePathToWrite", "Transformers/0/FromPath", "Transformers/3/FromPath"]
    );
    assert_eq!(
        pointers("WF101"),
        ["Transformers/1/FromPath", "Transformers/2/FromPath", "Transformers/5/Lookup"]
    );
    let server = home.serve();
    assert!(server.addresses().is_empty());
    server.stop();
}

/// Trap T-08 and T-61: a global that becomes a secret is never text from then
/// on, also for a version that was loaded before.
#[test]
fn a_secret_is_refused_by_texts_at_load_and_at_run() {
    let home = home_with("[globals]\nKey = \"plain\"\n", &[]);
    let workflow = Workflow::new("Key", "in").with("MessageType", TEXT).responding("${Key}");
    home.workflow("key", &workflow.build());
    let server = home.serve();
    let mut connection = server.http1();
    assert_eq!(connection.post("/in", "x").text(), "plain");
    let before = home.read("tureen.toml").unwrap();
    let hidden = "[connection_strings]\nKey = { environment = \"PATH\" }\n";
    home.replace("tureen.toml", before.replace("[globals]\nKey = \"plain\"\n", hidden));
    server.wait_for_log("WF102");
    let mut told = String::new();
    wait_until_equal("a refusal", &500, || {
        let answer = connection.post("/in", "x");
        told = answer.text();
        answer.status
    });
    assert!(told.contains("variable.secret"), "{told}");
    let path = std::env::var("PATH").unwrap();
    let log = server.stop();
    assert!(!log.contains(&path) && !told.contains(&path));
    assert!(log.contains("is not meant for a connection string"), "{log}");
}

/// Trap T-10: a name that brings a member of its own where nothing is encoded.
const NAME: &str = r#"x","admin":"yes"#;

fn greeting(home: &Home) {
    let workflow = Workflow::new("Greeting", "in")
        .with("MessageType", JSON)
        .variables(vec![set_variable("Name", "name"), set_variable("Visits", "visits")])
        .responding(r#"{"name":"${Name}","visits":${Visits},"at":"${ReceivedDate:yyyy}"}"#);
    home.workflow("one", &workflow.build());
}

#[test]
fn values_are_written_by_format_where_the_operator_says_so() {
    let message = json!({ "name": NAME, "visits": "3" }).to_string();
    let home = home_with("[receivers.GREETING]\nencode = \"by-format\"\n", &[]);
    greeting(&home);
    assert_eq!(Findings::of(&home).all("WF104").len(), 0);
    let answer: Value =
        serde_json::from_str(ran(&home, &message)["response"]["body"].as_str().unwrap()).unwrap();
    assert_eq!((answer["name"].as_str(), &answer["visits"]), (Some(NAME), &json!(3)));
    // Outside a string there is room for one value, and for nothing more.
    let message = json!({ "name": "x", "visits": "3,\"admin\":true" }).to_string();
    let refused = ran(&home, &message);
    assert_eq!(refused["outcome"], "failed", "{refused:#}");
    assert_eq!(refused["error"]["code"], "template.place", "{refused:#}");
}

#[test]
fn values_as_they_are_come_with_a_warning() {
    let home = home_with("", &[]);
    greeting(&home);
    let findings = Findings::of(&home);
    let told = findings.only("WF104");
    assert_eq!(told["severity"], "warning");
    assert_eq!(told["found"], "\"${Name}\"", "{told:#}");
    assert!(told["help"].as_str().unwrap().contains("JSONEncode"), "{told:#}");
    let message = json!({ "name": NAME, "visits": "3" }).to_string();
    let body = ran(&home, &message)["response"]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("\"admin\":\"yes\""), "as the original does it: {body}");
}

#[test]
fn hl7_values_are_escaped_in_the_delimiters_of_the_message() {
    let home = home_with("[templates]\nencode = \"by-format\"\n", &[]);
    let activity = Activity::file("Out", "sent")
        .template("MSH|!*\\%|T|U|||2026||ADT^A01|1|P|2.5\rPID|1||${Id}|${Id:Raw}\r")
        .transformers(vec![map_text("kept", "PID-5.1")]);
    let workflow = Workflow::new("Escaped", "in");
    let workflow = workflow.variables(vec![set_variable_to("Id", "a|b!c^d")]).activity(activity);
    home.workflow("one", &workflow.build());
    let sent = ran(&home, &adt("1", "1001"));
    let sent = sent["activities"][0]["message"].as_str().unwrap().to_owned();
    assert!(sent.contains("PID|1||a\\F\\b\\S\\c^d|a|b!c^d"), "{sent}");
}

#[test]
fn numbers_of_formatting_properties_mean_what_the_operator_says() {
    let mut action = set_variable("Name", "PID-5.1");
    action["TextFormat"] = json!(2);
    let workflow = Workflow::new("Numbers", "in").variables(vec![action]);
    let home = home_with("[format_numbers]\nTextFormat = { 2 = \"UpperCase\" }\n", &[]);
    home.workflow("one", &workflow.clone().build());
    assert_eq!(ran(&home, &adt("1", "1"))["variables"]["Name"], "EKHOLM");
    let home = home_with("[format_numbers]\nTextFormat = { 1 = \"UpperCase\" }\n", &[]);
    home.workflow("one", &workflow.build());
    let findings = Findings::of(&home);
    let told = findings.only("WF081");
    assert!(told["pointer"].as_str().unwrap().ends_with("/Transformers/0/TextFormat"), "{told:#}");
}

#[test]
fn an_xml_element_may_have_an_inserted_name() {
    const XML: i64 = 4;
    for configuration in ["", "[templates]\nencode = \"by-format\"\n"] {
        let home = home_with(configuration, &[]);
        let activity = Activity::file("Out", "sent")
            .with("MessageType", XML)
            .template("<a xmlns:p='u'><${B}>x</${B}><p:${B}><${B}/></p:${B}></a>")
            .transformers(vec![set_variable_to("B", "item")]);
        home.workflow("one", &Workflow::new("Named", "in").activity(activity).build());
        let told = ran(&home, &adt("1", "1001"));
        let sent = told["activities"][0].to_string();
        let expected = "<a xmlns:p='u'><item>x</item><p:item><item/></p:item></a>";
        assert!(sent.contains(expected), "{configuration}: {told:#}");
    }
}

#[test]
fn a_misspelt_modifier_is_told_with_what_was_meant() {
    let home = home_with("", &[]);
    let actions =
        vec![set_variable_to("A", "${Dob:Upercase}"), set_variable_to("B", "${Dob:yyyy}")];
    home.workflow("one", &Workflow::new("Misspelt", "in").variables(actions).build());
    let findings = Findings::of(&home);
    let told = findings.only("WF103");
    assert!(told["pointer"].as_str().unwrap().ends_with("/Transformers/0/FromPath"), "{told:#}");
    assert!(told["help"].as_str().unwrap().contains("did you mean UpperCase?"), "{told:#}");
}
