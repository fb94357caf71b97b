use super::*;
use serde_json::json;
use tureen_plugin_sdk::testkit::TestRun;

const ADT: &[u8] = b"MSH|^~\\&|A|B|C|D|20260102||ADT^A01|7|P|2.5\rPID|1||77\r";

fn run(value: &str) -> TestRun {
    TestRun::new().message(Format::Hl7, ADT).settings(json!({
        "$type": "HL7Soup.Functions.Settings.Filters.FilterHostSetting, HL7SoupWorkflow",
        "Filters": [{
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": "MSH-9.1", "Value": value, "FromType": 8, "FromDirection": 0,
        }],
        "Transformers": [{ "$type": "anything" }],
    }))
}

#[test]
fn a_message_passes_when_the_conditions_hold() {
    assert_eq!(run("ADT").filter::<HostFilter>().unwrap().verdict, Verdict::Pass);
    let reason = "condition 1 (MSH-9.1 Equals) does not hold".to_owned();
    assert_eq!(run("ORU").filter::<HostFilter>().unwrap().verdict, Verdict::Stop(reason));
}

#[test]
fn a_filter_without_conditions_passes_everything() {
    let run = TestRun::new().message(Format::Hl7, ADT);
    assert_eq!(run.filter::<HostFilter>().unwrap().verdict, Verdict::Pass);
}

#[test]
fn a_condition_that_is_wrong_keeps_the_workflow_from_starting() {
    let run = TestRun::new().settings(json!({ "Filters": [{ "$type": "Nothing" }] }));
    assert_eq!(run.filter::<HostFilter>().unwrap_err().code(), "condition.class");
}

#[test]
fn an_error_tells_the_condition_and_the_path() {
    let condition = |path: &str| {
        json!({
            "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
            "Path": path, "Comparer": "Empty", "Not": true, "FromDirection": 0,
        })
    };
    let list = [condition("MSH-9.1"), condition("PID-5.x")];
    let run = TestRun::new().message(Format::Hl7, ADT).settings(json!({ "Filters": list }));
    let failure = run.filter::<HostFilter>().unwrap_err();
    assert!(failure.to_string().contains("(at condition 2, path \"PID-5.x\""), "{failure}");
}
