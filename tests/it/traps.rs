//! Contract, section 12: what surprises in the original and must not surprise here.
//!
//! | Trap | Test |
//! |---|---|
//! | T-01 Basic ignored without TLS, and in host mode | `basic_authentication::over_plain_http_it_is_refused_unless_the_operator_allows_it_by_name`, `host_mode::basic_authentication_holds_in_host_mode` |
//! | T-02 client certificates ignored without TLS | here |
//! | T-03 thumbprints compared by substring | here |
//! | T-04 the host's own certificate admitted | here |
//! | T-05 binary messages decoded as text | `bodies::every_type_of_body_goes_in_and_out_byte_for_byte`, `bodies::binary_bodies_are_base64_wherever_text_is_asked_for` |
//! | T-06 invalid base64 breaks sending | `receiver_behaviours::behaviour_10_…` |
//! | T-07 passwords in clear | `basic_authentication::no_command_prints_…`, `…::no_log_at_any_level_has_credentials`, `…::credentials_come_from_files_and_from_the_environment` |
//! | T-08 secrets readable everywhere | `basic_authentication::a_secret_can_be_read_by_no_other_setting` |
//! | T-09 placeholders in data expanded | `bodies::placeholders_in_message_data_are_never_expanded` |
//! | T-10 raw insertion | here, as far as there are encoders |
//! | T-18 no limits | here (lengths of one receiver), `status_profiles` (408, 413, 503), `edges`, `pressure` |
//! | T-31 health without a look at the workflow | `receiver_behaviours::behaviour_2_head_is_503_while_the_workflow_is_stopped`; here for files with faults |
//! | T-32 headers never reach the workflow | `bodies::configured_header_fields_are_variables_under_their_prefix`, `receiver_behaviours::behaviour_4_…` |
//! | T-33 an empty answer looks like a success | here |
//! | T-34 the chosen activity was filtered | here for other types, `responses` for HL7 |
//! | T-56 spaces in a service name | `receiver_behaviours::addresses::behaviour_12_…` |
//! | T-57 one port with two TLS settings | `receiver_behaviours::addresses::behaviour_14_…`, `host_mode::a_listener_of_its_own_…` |

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::harness::actions::{equals, set_variable, set_variable_to};
use crate::harness::guests::guest;
use crate::harness::messages::{adt, oru};
use crate::harness::ports::free_port;
use crate::harness::wait::wait_until_equal;
use crate::harness::workflow::activity_id;
use crate::harness::{Activity, Connection, Findings, Home, Http1, Server, Workflow};

const XML: i64 = 4;
const CSV: i64 = 5;
const JSON: i64 = 11;
const TEXT: i64 = 13;

/// A thumbprint that no certificate has.
const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000001";

fn text(name: &str, service: &str) -> Workflow {
    Workflow::new(name, service).with("MessageType", TEXT).responding(name)
}

fn requiring(name: &str, thumbprints: &str) -> Workflow {
    text(name, name)
        .with("RequireClientCertificate", true)
        .with("ClientCertificateThumbPrint", thumbprints)
}

#[test]
fn t_02_a_client_certificate_on_plain_http_is_refused_and_not_ignored() {
    let port = free_port();
    let hosted = |it: Workflow| it.with("UseIntegrationHostServiceAddress", true);
    let own = || requiring("one", NOBODY).with("UseSsl", false);
    for (what, configuration, workflow) in [
        ("T-02 own listener", String::new(), own()),
        (
            "T-02 host mode",
            format!("[service_address]\nport = {port}\ntls = false\n"),
            hosted(own()),
        ),
    ] {
        let home = Home::and(&configuration);
        home.workflow("one", &workflow.build());
        assert_eq!(Findings::of(&home).errors(), ["WF051"], "{what}");
        let server = home.serve();
        assert!(server.addresses().is_empty(), "{what}: {}", server.said());
        assert!(server.stop().contains("WF051"), "{what}");
    }
    // Where a proxy hands certificates on, nobody else can pretend to have one.
    let home = Home::and(
        "[proxies]\ntrusted = [\"192.0.2.1\"]\nclient_certificate = \"x-ssl-client-cert\"\n",
    );
    home.workflow("one", &own().build());
    let server = home.serve();
    for headers in [&[][..], &[("X-SSL-Client-Cert", "-----BEGIN%20CERTIFICATE-----")]] {
        let answer = server.http1_to("one").request_with("POST", "/one", headers, "");
        assert_eq!(answer.status, 403, "T-02 {headers:?}: {answer:?}");
    }
    server.stop();
}

/// A certificate that `tureen cert create` made, with what its client needs.
struct Client {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Client {
    fn of(home: &Home, name: &str) -> Self {
        let file = |file: &str| home.path(&format!("certificates/{name}/{file}.pem"));
        let chain = CertificateDer::pem_file_iter(file("certificate")).unwrap();
        Self {
            chain: chain.map(Result::unwrap).collect(),
            key: PrivateKeyDer::from_pem_file(file("key")).unwrap(),
        }
    }

    /// The status of a request that shows this certificate.
    fn status(&self, server: &Server, workflow: &str) -> u16 {
        let mut roots = RootCertStore::empty();
        roots.add(server.certificate()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = config.with_client_auth_cert(self.chain.clone(), self.key.clone_key());
        let socket = server.addresses()[workflow].socket;
        Http1::with_tls(socket, Arc::new(config.unwrap())).post(&format!("/{workflow}"), "x").status
    }
}

#[test]
fn t_03_thumbprints_are_whole_and_compared_as_a_whole() {
    let home = Home::new();
    let made = home.run(&["cert", "create", "lab", "--host", "lab.example.org", "--client-auth"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let listed = home.run(&["cert", "list", "--json"]).json();
    let thumbprint = |kind: &str| listed["certificates"][0][kind].as_str().unwrap().to_owned();
    let (sha1, sha256) = (thumbprint("sha1"), thumbprint("sha256"));
    let pairs = |text: &str, between: &str| {
        let pairs: Vec<&str> = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]).collect();
        pairs.join(between)
    };
    let last = if sha256.ends_with('0') { "1" } else { "0" };
    let cases = [
        ("sha256", sha256.clone(), 200),
        ("sha1", sha1.clone(), 200),
        ("lower-case", sha256.to_lowercase(), 200),
        ("colons", pairs(&sha256, ":"), 200),
        ("pasted-from-windows", format!("\u{200e}{}", pairs(&sha1.to_lowercase(), " ")), 200),
        ("list", format!("{NOBODY}, {sha256} ,,"), 200),
        ("another", NOBODY.to_owned(), 403),
        ("one-digit-off", format!("{}{last}", &sha256[..63]), 403),
        ("turned-round", sha256.chars().rev().collect(), 403),
        ("sha1-with-more", format!("{sha1}{}", &NOBODY[..24]), 403),
    ];
    for (name, thumbprints, _) in &cases {
        home.workflow(name, &requiring(name, thumbprints).build());
    }
    assert_eq!(Findings::of(&home).errors(), [] as [&str; 0], "T-03");
    let server = home.serve();
    let client = Client::of(&home, "lab");
    for (name, _, expected) in &cases {
        assert_eq!(client.status(&server, name), *expected, "T-03 {name}");
        let nobody = server.http1_to(name).post(&format!("/{name}"), "x").status;
        assert_eq!(nobody, 403, "T-03 {name}: without certificate");
    }
    server.stop();
    // What is no whole thumbprint could match by accident, or not at all.
    for (what, thumbprints) in [
        ("T-03 none", String::new()),
        ("T-03 blanks", " ,\u{200e} , ".to_owned()),
        ("T-03 a part", sha256[..39].to_owned()),
        ("T-03 glued", format!("{sha1}{sha1}")),
        ("T-03 glued after a good one", format!("{sha256},{sha1}{sha256}")),
        ("T-03 no hexadecimal digits", sha256.replace(&sha256[..1], "g")),
        ("T-03 a name", "CN=lab.example.org".to_owned()),
    ] {
        let home = Home::new();
        home.workflow("one", &requiring("one", &thumbprints).build());
        let errors = Findings::of(&home);
        assert!(
            errors.errors().iter().all(|code| *code == "WF053"),
            "{what}: {:?}",
            errors.errors()
        );
        assert!(!errors.errors().is_empty(), "{what}");
        let server = home.serve();
        assert!(server.addresses().is_empty(), "{what}: {}", server.said());
        server.stop();
    }
}

#[test]
fn t_04_the_certificate_of_the_server_itself_lets_nobody_in() {
    let port = free_port();
    let home = Home::and(&format!("[service_address]\nport = {port}\n"));
    home.workflow("own", &requiring("own", NOBODY).build());
    let hosted = requiring("hosted", NOBODY).with("UseIntegrationHostServiceAddress", true);
    home.workflow("hosted", &hosted.build());
    let server = home.serve();
    let client = Client::of(&home, "default");
    for name in ["own", "hosted"] {
        assert_eq!(client.status(&server, name), 403, "T-04 {name}");
    }
    assert!(server.stop().contains("client certificate refused"), "T-04 the operator is told");
}

/// Data that breaks out of every format.
const NASTY: &str = "a\"b\\c'<d>&e,f;g\nh]]>,\"x\":1";

#[test]
fn t_10_encoders_keep_data_inside_its_place() {
    let home = Home::new();
    for (name, number, template) in [
        ("json", JSON, "{\"before\":1,\"data\":\"${Data:JSONEncode}\",\"after\":2}"),
        ("xml", XML, "<a b=\"${Data:XMLEncode}\"><c>${Data:XMLEncode}</c></a>"),
        ("csv", CSV, "before,${Data:CSVEncode},after"),
        ("base64", TEXT, "${Data:Base64Encode}"),
    ] {
        let workflow = text(name, name).with("MessageType", TEXT);
        let data = vec![set_variable("Data", "")];
        // The message is text; what is written has the type.
        let file = Activity::file("Kept", &format!("{name}.txt"));
        let file = file.with("MessageType", number).template(template);
        home.workflow(name, &workflow.variables(data).activity(file).build());
    }
    for (name, number, template) in
        [("raw-json", JSON, "{\"data\":\"${Data}\"}"), ("raw-xml", XML, "<a>${Data}</a>")]
    {
        let data = vec![set_variable("Data", "")];
        let file = Activity::file("Kept", &format!("{name}.txt"));
        let file = file.with("MessageType", number).template(template);
        home.workflow(name, &text(name, name).variables(data).activity(file).build());
    }
    let hl7 = Workflow::new("hl7", "hl7").with("ExtractParameters", true);
    let parameters = serde_json::json!({ "data": { "VariableName": "Data" } });
    let hl7 = hl7.with("QueryStringParameters", parameters);
    let template = "MSH|^~\\&|T\rMSA|AA|1|${Data:HL7Encode}|after\r";
    home.workflow("hl7", &hl7.responding(template).build());
    let server = home.serve();
    for name in ["json", "xml", "csv", "base64"] {
        let answer = server.http1().post(&format!("/{name}"), NASTY);
        assert_eq!(answer.status, 200, "T-10 {name}: {answer:?}");
    }
    for name in ["raw-json", "raw-xml"] {
        let answer = server.http1().post(&format!("/{name}"), "a\"b<c");
        assert_eq!(answer.status, 500, "T-10 what data breaks is not written, {name}: {answer:?}");
        assert_eq!(home.read(&format!("out/{name}.txt")), None, "T-10 {name}");
    }
    let written = |name: &str| home.read(&format!("out/{name}.txt")).unwrap();
    let json: Value = serde_json::from_str(&written("json")).unwrap();
    assert_eq!(json, serde_json::json!({ "before": 1, "data": NASTY, "after": 2 }), "T-10 JSON");
    let xml = "a&quot;b\\c&apos;&lt;d&gt;&amp;e,f;g\nh]]&gt;,&quot;x&quot;:1";
    assert_eq!(
        written("xml").replace("&#39;", "&apos;"),
        format!("<a b=\"{xml}\"><c>{xml}</c></a>\n"),
        "T-10 XML"
    );
    let quoted = NASTY.replace('"', "\"\"");
    assert_eq!(written("csv"), format!("before,\"{quoted}\",after\n"), "T-10 CSV");
    assert_eq!(written("base64").trim(), "YSJiXGMnPGQ+JmUsZjtnCmhdXT4sIngiOjE=", "T-10 base64");
    let answer = server.http1().post("/hl7?data=a%7Cb%5Ec%26d~e%5Cf", adt("1", "1"));
    assert_eq!(answer.msa(3), "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "T-10 HL7: {answer:?}");
    assert_eq!(answer.msa(4), "after", "T-10 HL7: {answer:?}");
    server.stop();
}

#[test]
fn t_18_a_receiver_may_have_a_lower_limit_of_its_own() {
    let home = Home::and("[limits]\nbody_bytes = 4096\n[receivers.small]\nbody_bytes = 16\n");
    for name in ["small", "large"] {
        home.workflow(name, &text(name, name).build());
    }
    let server = home.serve();
    for (version, connection) in Connection::both(&server) {
        for (path, length, expected) in [
            ("/small", 16, 200),
            ("/small", 17, 413),
            ("/large", 17, 200),
            ("/large", 4096, 200),
            ("/large", 4097, 413),
        ] {
            let answer = connection.another(&server).post(path, vec![b'x'; length]);
            assert_eq!(answer.status, expected, "{version}, T-18 {path} {length} bytes");
        }
    }
    server.stop();
}

#[test]
fn t_31_health_tells_of_a_file_with_a_fault() {
    let home = Home::new();
    home.workflow("good", &text("good", "good").build());
    let faulty = || text("faulty", "faulty").with("Port", 0);
    home.workflow("faulty", &faulty().with("Activities", serde_json::json!([NOBODY])).build());
    let server = home.serve();
    let mut http = server.http1();
    let mut health = |path: &str| http.request("HEAD", path, "").status;
    assert_eq!((health("/good"), health("/faulty")), (200, 503), "T-31 {}", server.log());
    home.workflow("faulty", &faulty().build());
    wait_until_equal("T-31 a mended workflow", &200, || health("/faulty"));
    // A fault that comes later stops nothing: the version that ran goes on.
    home.write("workflows/good.hl7Workflow", "{");
    server.wait_for_log("WF007");
    assert_eq!(health("/good"), 200, "T-31 it still runs");
    server.stop();
}

#[test]
fn t_33_a_failure_without_acknowledgement_does_not_look_like_a_success() {
    let home = Home::new();
    let accept = |name: &str, number: i64| Workflow::new(name, name).with("MessageType", number);
    let plain =
        |name: &str, number: i64| accept(name, number).with("ReturnApplicationAccept", true);
    for (name, workflow) in [
        ("generated", plain("generated", JSON)),
        ("no-template", accept("no-template", TEXT).responding("")),
    ] {
        home.workflow(name, &workflow.build());
    }
    let erring = vec![set_variable_to("WorkflowError", "true")];
    for (name, number) in [("json", JSON), ("text", TEXT), ("csv", CSV), ("xml", XML)] {
        home.workflow(name, &plain(name, number).variables(erring.clone()).build());
    }
    for (name, flag) in [("error", "ReturnApplicationError"), ("reject", "ReturnApplicationReject")]
    {
        let words = if name == "error" { "ErrorMessage" } else { "RejectMessage" };
        let workflow = accept(name, JSON).with("ReturnApplicationAccept", false).with(flag, true);
        home.workflow(name, &workflow.with(words, "come back tomorrow").build());
    }
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), [] as [&str; 0], "T-33");
    assert_eq!(findings.all("WF063").len(), 7, "T-33 generated answers of other types are told");
    assert_eq!(findings.all("WF064").len(), 1, "T-33 an empty template is told");
    let server = home.serve();
    for (version, mut connection) in Connection::both(&server) {
        for (path, body, expected, words) in [
            ("/generated", "{}", 200, ""),
            ("/no-template", "x", 200, ""),
            ("/json", "{}", 500, "could not be processed"),
            ("/text", "x", 500, "could not be processed"),
            ("/csv", "x", 500, "could not be processed"),
            ("/xml", "<x/>", 500, "could not be processed"),
            ("/json", "{", 400, "JSON"),
            ("/error", "{}", 500, "come back tomorrow"),
            ("/reject", "{}", 422, "come back tomorrow"),
        ] {
            let answer = connection.post(path, body);
            assert_eq!(answer.status, expected, "{version}, T-33 {path}: {answer:?}");
            assert!(answer.text().contains(words), "{version}, T-33 {path}: {answer:?}");
            assert_eq!(answer.body.is_empty(), expected == 200, "{version}, T-33 {path}");
        }
    }
    server.stop();
}

#[test]
fn t_34_a_chosen_activity_that_was_filtered_is_named() {
    for (profile, expected) in [("hoh", 200), ("rest", 500)] {
        let home = Home::and(&format!(
            "[plugins.slow-activity]\ndirectories = [{{ path = \"out\" }}]\n\
             [http]\nstatus_profile = \"{profile}\"\n"
        ));
        home.plugin("slow-activity", guest("slow-activity"));
        for (name, number) in [("hl7", 1), ("json", JSON), ("text", TEXT)] {
            let partner = Activity::of_class("Test.SlowActivitySetting, Test", "Partner")
                .with("Response", "MSH|^~\\&|P\rMSA|AA|1\r")
                .template("MSH|^~\\&|A\r")
                .filter(vec![equals("MSH-9.1", "NOTHING")]);
            let workflow = Workflow::new(name, name)
                .with("MessageType", number)
                .with("ReturnApplicationAccept", false)
                .with("ReturnResponseFromActivity", true)
                .with("ReturnResponseFromActivityId", activity_id(1));
            home.workflow(name, &workflow.activity(partner).build());
        }
        let server = home.serve();
        for (version, mut connection) in Connection::both(&server) {
            for (path, body) in
                [("/hl7", oru("1", "1")), ("/json", "{}".to_owned()), ("/text", "x".to_owned())]
            {
                let answer = connection.post(path, body);
                let what = format!("{version}, {profile}, T-34 {path}");
                assert_eq!(answer.status, expected, "{what}: {answer:?}");
                assert!(answer.text().contains("Partner"), "{what}: {answer:?}");
            }
        }
        server.stop();
    }
}
