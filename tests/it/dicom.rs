//! DICOM files over HTTP: read by path, passed on byte for byte, refused when
//! they are none. Traps T-05, T-19.

use serde_json::{Value, json};

use crate::harness::actions::{equals, for_each, map, next, set_variable, set_variable_to};
use crate::harness::workflow::received;
use crate::harness::{Activity, Connection, Home, Workflow};

const JSON: i64 = 11;
const BINARY: i64 = 14;
const DICOM: i64 = 16;

/// An element of a DICOM file, explicit and little-endian, of a short VR.
fn element(group: u16, number: u16, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut padded = value.to_vec();
    if padded.len() % 2 == 1 {
        padded.push(if vr == "UI" { 0 } else { b' ' });
    }
    let length = u16::try_from(padded.len()).unwrap();
    [&group.to_le_bytes()[..], &number.to_le_bytes(), vr.as_bytes(), &length.to_le_bytes(), &padded]
        .concat()
}

/// A file of one small image, its pixels every byte there is.
fn image(patient_id: &str) -> Vec<u8> {
    image_of("OT", patient_id)
}

fn image_of(modality: &str, patient_id: &str) -> Vec<u8> {
    let pixels: Vec<u8> = (0..=255).collect();
    let mut file = b"preamble".repeat(16);
    file.extend_from_slice(b"DICM");
    for part in [
        element(0x0002, 0x0010, "UI", b"1.2.840.10008.1.2.1"),
        element(0x0008, 0x0005, "CS", b"ISO_IR 100"),
        element(0x0008, 0x0008, "CS", b"ORIGINAL\\PRIMARY"),
        element(0x0008, 0x0050, "SH", b"A-17"),
        element(0x0008, 0x0060, "CS", modality.as_bytes()),
        element(0x0010, 0x0010, "PN", b"J\xe9r\xf4me^L\xfc"),
        element(0x0010, 0x0020, "LO", patient_id.as_bytes()),
        element(0x0020, 0x000d, "UI", b"2.25.7"),
        vec![0xe0, 0x7f, 0x10, 0x00, b'O', b'B', 0, 0, 0, 1, 0, 0],
        pixels,
    ] {
        file.extend_from_slice(&part);
    }
    file
}

fn receives_dicom(name: &str) -> Workflow {
    Workflow::new(name, name).with("MessageType", DICOM)
}

fn options(more: &Value) -> Value {
    let class = "HL7Soup.Workflow.MessageTypeOptions.DicomMessageTypeOptions, HL7SoupWorkflow";
    let mut options = json!({ "$type": class });
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    options
}

#[test]
fn an_image_is_read_by_path_and_goes_out_byte_for_byte() {
    let home = Home::new();
    let variables = vec![
        set_variable("PatientID", "CommonFields/PatientID"),
        set_variable("Name", "Tags/00100010/Value[1]/Alphabetic"),
        set_variable("Study", "newtonsoft:$.CommonFields.StudyInstanceUID"),
        set_variable_to("Kinds", ""),
        for_each("Tags/00080008/Value"),
        set_variable_to("Kinds", "${Kinds}${ForEachIterator}"),
        next(),
    ];
    let file = |name: &str| Activity::file(name, name);
    let workflow = receives_dicom("in")
        .filter(vec![equals("CommonFields/Modality", "OT")])
        .variables(variables)
        .responding(&received())
        .activity(
            file("mapped.json")
                .with("MessageType", JSON)
                .template(r#"{"id": "${PatientID}", "study": "${Study}", "kinds": "${Kinds}"}"#)
                .transformers(vec![map("CommonFields/PatientName", "name")]),
        )
        .activity(file("whole.dcm").with("MessageType", DICOM).template(&received()))
        .activity(file("bytes.dcm").with("MessageType", BINARY).template(&received()))
        .activity(file("text.json").with("MessageType", JSON).template(&received()));
    home.workflow("in", &workflow.build());
    let server = home.serve();
    let sent = image("4711");
    for (version, mut connection) in Connection::both(&server) {
        let answer = connection.post("/in", &sent);
        assert_eq!(answer.status, 200, "{version}: {answer:?} {}", server.log());
        assert_eq!(answer.header("content-type"), Some("application/dicom"), "{version}");
        assert!(answer.body == sent, "T-05 {version}");
        assert!(std::fs::read(home.path("out/whole.dcm")).unwrap() == sent, "T-05 {version}");
        assert!(std::fs::read(home.path("out/bytes.dcm")).unwrap() == sent, "T-05 {version}");
    }
    let first = |name: &str| -> Value {
        let text = home.read(&format!("out/{name}")).unwrap();
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    };
    let mapped = json!({ "id": "4711", "study": "2.25.7", "kinds": "12", "name": "Jérôme^Lü" });
    assert_eq!(first("mapped.json"), mapped);
    let whole = first("text.json");
    assert_eq!(whole["CommonFields"]["AccessionNumber"], "A-17");
    assert_eq!(whole["Tags"]["7FE00010"], json!({ "vr": "OB", "BulkLength": 256 }));
    // Another modality does not pass the filter.
    let answer = server.http1().post("/in", image_of("CT", "4711"));
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
    server.stop();
}

#[test]
fn the_answer_is_built_of_what_transformers_read() {
    let home = Home::new();
    let read = |name: &str, with: Value, path: &str| {
        receives_dicom(name)
            .with("MessageTypeOptions", options(&with))
            .variables(vec![set_variable("Found", path)])
            .activity(Activity::file("kept", name).with("MessageType", 13).template("${Found}"))
            .with("ReturnApplicationAccept", false)
            .with("ReturnNoResponse", true)
    };
    let id = "CommonFields/PatientID";
    home.workflow("all", &read("all", json!({}), id).build());
    let without = json!({ "IncludeCommonFieldsNode": false });
    home.workflow("without", &read("without", without, id).build());
    let tags = json!({ "IncludeCommonFieldsNode": false, "IncludeReportNode": false });
    home.workflow("tags", &read("tags", tags, "Tags/00100020/Value").build());
    // A template of this type is base64 wherever it is not a whole message.
    let fixed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, image("1"));
    home.workflow("fixed", &receives_dicom("fixed").responding(&fixed).build());
    let broken = receives_dicom("broken").responding("${Found} is no file");
    home.workflow("broken", &broken.build());
    let server = home.serve();
    for (name, expected) in [("all", "4711\n"), ("without", "\n"), ("tags", "[\"4711\"]\n")] {
        let answer = server.http1().post(&format!("/{name}"), image("4711"));
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{name}: {answer:?}");
        assert_eq!(home.read(&format!("out/{name}")).as_deref(), Some(expected), "{name}");
    }
    let answer = server.http1().post("/fixed", image("4711"));
    assert!(answer.status == 200 && answer.body == image("1"), "{answer:?}");
    let answer = server.http1().post("/broken", image("4711"));
    assert_eq!(answer.status, 500, "{answer:?}");
    server.stop();
}

#[test]
fn what_is_no_dicom_file_is_a_bad_request_with_a_reason() {
    const MARK: &str = "expected the mark DICM";
    const LENGTH: &str = "cut off or a length in it is wrong";
    let home = Home::new();
    let workflow = receives_dicom("in").responding(&received()).archive("kept.dcm");
    home.workflow("in", &workflow.build());
    let server = home.serve();
    let sent = image("SECRET-4711");
    let deep = {
        let level = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
        let header = image("").len() - 268;
        [&image("")[..header], &level.repeat(100_000)].concat()
    };
    let lying = {
        let mut file = sent.clone();
        let length = file.len() - 260;
        file[length..length + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
        file
    };
    for (version, mut connection) in Connection::both(&server) {
        for (what, body, reason) in [
            ("nothing", Vec::new(), MARK),
            ("JSON", b"{}".to_vec(), MARK),
            ("cut off", sent[..sent.len() - 1].to_vec(), LENGTH),
            ("a length of 4 GiB", lying.clone(), LENGTH),
            ("sequences in sequences", deep.clone(), "sequences are nested more than 128 deep"),
            ("a data set alone", sent[132 + 28..].to_vec(), MARK),
        ] {
            let answer = connection.post("/in", &body);
            let text = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, 400, "T-19 {version}, {what}: {answer:?}");
            assert!(text.contains(reason), "{version}, {what}: {text}");
            assert!(!text.contains("SECRET"), "{version}, {what}: {text}");
        }
        let answer = connection.request("GET", "/in", b"");
        assert_eq!(answer.status, 400, "{version}: a request without body is no file: {answer:?}");
    }
    let log = server.log();
    assert!(!log.contains("SECRET"), "{log}");
    for code in ["dicom.header", "dicom.length", "limit.depth"] {
        assert!(log.contains(&format!("unreadable.{code}")), "{code}: {log}");
    }
    assert_eq!(home.read("out/kept.dcm"), None);
    server.stop();
}

#[test]
fn a_write_into_a_dicom_message_fails_the_message() {
    let home = Home::new();
    let workflow = receives_dicom("in").responding("").activity(
        Activity::file("Kept", "kept.dcm")
            .with("MessageType", DICOM)
            .template(&received())
            .transformers(vec![map("CommonFields/PatientID", "CommonFields/PatientName")]),
    );
    home.workflow("in", &workflow.build());
    let server = home.serve();
    let answer = server.http1().post("/in", image("4711"));
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(server.log().contains("edit.read-only"), "{}", server.log());
    assert_eq!(home.read("out/kept.dcm"), None);
    server.stop();
}

#[test]
fn check_knows_the_options_of_dicom_messages() {
    let home = Home::new();
    let good = json!({ "IncludeTagsNode": false });
    let no_answer = |workflow: Workflow| {
        workflow.with("ReturnApplicationAccept", false).with("ReturnNoResponse", true)
    };
    let workflow = receives_dicom("good").with("MessageTypeOptions", options(&good));
    home.workflow("good", &no_answer(workflow).build());
    assert_eq!(told(&home), [], "options that are right");

    let wrong = json!({ "IncludeTagsNode": 7 });
    let workflow = receives_dicom("wrong").with("MessageTypeOptions", options(&wrong));
    home.workflow("wrong", &no_answer(workflow).build());
    let other = Workflow::new("other", "other").with("MessageTypeOptions", options(&good));
    home.workflow("other", &other.build());
    let options = "/WorkflowPattern/0/MessageTypeOptions";
    let flag = format!("{options}/IncludeTagsNode");
    let expected = [("WF015".to_owned(), flag), ("WF042".to_owned(), options.to_owned())];
    let mut found = told(&home);
    found.sort();
    assert_eq!(found, expected);
}

/// Codes and places of what `tureen check` tells, but that ports are 0.
fn told(home: &Home) -> Vec<(String, String)> {
    let report = home.run(&["check", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["diagnostics"].as_array().unwrap();
    all.iter()
        .map(|told| (text(&told["code"]), text(&told["pointer"])))
        .filter(|(code, _)| code != "WF046")
        .collect()
}
