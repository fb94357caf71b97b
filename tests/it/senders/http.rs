//! The HTTP sender.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use serde_json::json;

use super::peers::{HttpServer, proxy, response};
use super::{HTTP_SENDER, home, import, relay};
use crate::harness::actions::set_variable;
use crate::harness::certificates::{Authority, params};
use crate::harness::http1::Http1;
use crate::harness::messages::adt;
use crate::harness::{Activity, Findings, Home, Server, Workflow};

const TEXT: i64 = 13;
const CSV: i64 = 5;

fn sender(server: &str) -> Activity {
    Activity::of_class(HTTP_SENDER, "Lab")
        .with("Server", server)
        .with("MessageType", TEXT)
        .with("TimeoutSeconds", 20)
        .template("Grüße")
}

fn granted(port: u16) -> String {
    format!("[plugins.http-sender]\nhttp = [\"http://127.0.0.1:{port}\"]\n")
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/results")
}

/// A secret of the home in a file of its own.
fn secret(home: &Home, name: &str, value: &str) {
    let file = home.write(name, value);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_message_is_sent_as_the_settings_say_and_its_answer_is_the_response() {
    for (method, name, body) in
        [(0, "POST", "Grüße"), (1, "GET", ""), (2, "PUT", "Grüße"), (3, "DELETE", "Grüße")]
    {
        let peer = HttpServer::start(None, |_| response(201, &[], "stored ü"));
        let headers = json!([
            { "Name": "X-Mrn", "Value": "${Mrn}" },
            { "Name": "X-Event", "Value": "MSH-9.2", "FromDirection": 0, "FromType": 8 },
            { "Name": "", "Value": "nothing" },
        ]);
        let activity = sender(&format!("{}?mrn=${{Mrn}}", url(peer.port)))
            .with("Method", method)
            .with("ContentType", "text/plain; charset=utf-8")
            .with("Headers", headers);
        let home = Home::with(&granted(peer.port));
        let workflow = Workflow::new("Relay", "in")
            .with("ReturnApplicationAccept", false)
            .with("ReturnResponseFromActivity", true)
            .with("ReturnResponseFromActivityId", crate::harness::workflow::activity_id(1))
            .variables(vec![set_variable("Mrn", "PID-3.1")])
            .activity(activity);
        home.workflow("relay", &workflow.build());
        let server = home.serve();
        let answer = server.http1().post("/in", adt("H1", "77 8"));
        assert_eq!(answer.text(), "stored ü", "{name}");
        let seen = &peer.seen()[0];
        assert_eq!(seen.line(), format!("{name} /results?mrn=77%208 HTTP/1.1"));
        assert_eq!(seen.text(), body, "{name}");
        assert_eq!(seen.field("content-type"), Some("text/plain; charset=utf-8"), "{name}");
        assert_eq!((seen.field("x-mrn"), seen.field("x-event")), (Some("77 8"), Some("A01")));
        server.stop();
    }
}

#[test]
fn one_activity_makes_several_requests_at_a_time_unless_it_has_one_instance() {
    const MESSAGES: usize = 4;
    // The peer answers none before it has all of them.
    let together = Arc::new(Barrier::new(MESSAGES));
    let peer = HttpServer::start(None, move |_| {
        together.wait();
        response(200, &[], "ok")
    });
    let texts = |server: &Server| -> Vec<String> {
        std::thread::scope(|scope| {
            let send = |mut to: Http1| scope.spawn(move || to.post("/in", adt("H1", "1")).text());
            let sending: Vec<_> = (0..MESSAGES).map(|_| send(server.http1())).collect();
            sending.into_iter().map(|sent| sent.join().unwrap()).collect()
        })
    };
    let home = home(&granted(peer.port), sender(&url(peer.port)));
    let server = home.serve();
    assert_eq!(texts(&server), ["ok"; MESSAGES], "{}", server.log());
    server.stop();

    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&most);
    let peer = HttpServer::start(None, move |_| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Others have time to come, if they may.
        std::thread::sleep(Duration::from_millis(30));
        now.fetch_sub(1, Ordering::SeqCst);
        response(200, &[], "ok")
    });
    let ordered = format!("{}activity_instances = 1\n", granted(peer.port));
    let home = super::home(&ordered, sender(&url(peer.port)));
    let server = home.serve();
    assert_eq!(texts(&server), ["ok"; MESSAGES], "{}", server.log());
    assert_eq!(counted.load(Ordering::SeqCst), 1);
    server.stop();
}

#[test]
fn basic_credentials_may_be_secrets_and_reach_no_log() {
    let peer = HttpServer::start(None, |_| response(200, &[], "ok"));
    let tables = format!(
        "[secrets]\nLabPassword = {{ file = \"lab\" }}\nOther = {{ file = \"lab\" }}\n\
         {}secrets = [\"LabPassword\"]\n[log]\nlevel = \"trace\"\n",
        granted(peer.port)
    );
    let activity = || sender(&url(peer.port)).with("UserName", "anna");
    let home =
        home(&tables, activity().with("AuthenticationMode", 1).with("Password", "${LabPassword}"));
    secret(&home, "lab", "sesame\n");
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("H1", "1")).text(), "ok");
    // anna:sesame
    assert_eq!(peer.seen()[0].field("authorization"), Some("Basic YW5uYTpzZXNhbWU="));
    let log = server.stop();
    assert!(!log.contains("sesame") && !log.contains("YW5uYTpzZXNhbWU"), "{log}");
    // The switch of old files; a secret that is not granted; one that is not there.
    home.workflow("relay", &relay(activity().with("Authentication", true).with("Password", "pw")));
    assert_eq!(Findings::of(&home).errors(), [] as [&str; 0]);
    for (password, code, severity) in
        [("${Other}", "WF083", "error"), ("${Nowhere}", "WF083", "warning")]
    {
        let asked = activity().with("AuthenticationMode", 1).with("Password", password);
        home.workflow("relay", &relay(asked));
        let findings = Findings::of(&home);
        assert_eq!(findings.only(code)["severity"], severity, "{password}");
    }
    let misused = activity().with("ContentType", "${LabPassword}");
    home.workflow("relay", &relay(misused));
    let findings = Findings::of(&home);
    let told = findings.only("WF102").to_string();
    assert!(told.contains("ContentType"), "no other setting is meant for a secret: {told}");
}

#[test]
fn tls_is_verified_and_a_client_certificate_of_the_home_is_shown() {
    let authority = Authority::root("Trusted");
    let client = authority.issue(&params("client"));
    let config = authority.issue(&params("lab")).server_config(Some(authority.der()));
    let peer = HttpServer::start(Some(config), |_| response(200, &[], "ok"));
    let address = format!("https://localhost:{}", peer.port);
    let tables = |trust: &str| {
        format!(
            "[outbound]\ncertificate_authorities = [{trust}]\n\
             [plugins.http-sender]\nhttp = [\"{address}\"]\n\
             private_addresses = [\"127.0.0.0/8\", \"::1/128\"]\n\
             client_certificates = [\"{}\"]\n",
            client.sha1()
        )
    };
    for (trust, shows, expected) in
        [("\"ca.pem\"", true, "ok"), ("", true, "network.tls"), ("\"ca.pem\"", false, "AE")]
    {
        let home = Home::with(&tables(trust));
        home.write("ca.pem", authority.pem());
        import(&home, &client);
        let activity = sender(&format!("{address}/results"))
            .with("UseAuthenticationCertificate", shows)
            .with("AuthenticationCertificateThumbprint", client.sha1());
        home.workflow("relay", &relay(activity));
        let server = home.serve();
        let answer = server.http1().post("/in", adt("H1", "1"));
        assert!(answer.text().contains(expected), "{trust} {shows}: {answer:?}");
        server.stop();
    }
    assert_eq!(peer.seen().len(), 1);
}

#[test]
fn a_proxy_is_asked_with_its_credentials_and_must_be_granted() {
    let authority = Authority::root("Trusted");
    let config = authority.issue(&params("lab")).server_config(None);
    let peer = HttpServer::start(Some(config), |_| response(200, &[], "ok"));
    // porter:through
    let (port, asked) = proxy("cG9ydGVyOnRocm91Z2g=");
    let address = format!("https://localhost:{}", peer.port);
    let tables = |proxy: &str| {
        format!(
            "[outbound]\ncertificate_authorities = [\"ca.pem\"]\n\
             [plugins.http-sender]\nhttp = [\"{address}\"{proxy}]\n\
             private_addresses = [\"127.0.0.0/8\", \"::1/128\"]\nsecrets = [\"ProxyWord\"]\n\
             [secrets]\nProxyWord = {{ file = \"word\" }}\n"
        )
    };
    let activity = sender(&format!("{address}/results"))
        .with("UseProxy", 1)
        .with("ProxyAddress", format!("http://127.0.0.1:{port}"))
        .with("ProxyUserName", "porter")
        .with("ProxyPassword", "${ProxyWord}");
    let workflow = relay(activity);
    let home = Home::with(&tables(&format!(", \"http://127.0.0.1:{port}\"")));
    home.write("ca.pem", authority.pem());
    secret(&home, "word", "through");
    home.workflow("relay", &workflow);
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("H1", "1")).text(), "ok");
    let connect = asked.lock().unwrap()[0].clone();
    assert_eq!(connect.line(), format!("CONNECT localhost:{} HTTP/1.1", peer.port));
    assert_eq!(peer.seen()[0].field("proxy-authorization"), None, "only the proxy is told");
    server.stop();
    let home = Home::with(&tables(""));
    home.write("ca.pem", authority.pem());
    secret(&home, "word", "through");
    home.workflow("relay", &workflow);
    let findings = Findings::of(&home);
    assert_eq!(findings.errors(), ["WF083"]);
    assert!(findings.only("WF083").to_string().contains("ProxyAddress"));
}

#[test]
fn a_status_says_whose_fault_it_is_and_nothing_of_the_answer_is_told() {
    for (status, code, told) in [
        (400, "AR", "http.status"),
        (422, "AR", "http.status"),
        (404, "AE", "http.status"),
        (302, "AE", "http.status"),
        (500, "AE", "http.status"),
        (503, "AE", "http.status"),
    ] {
        let peer = HttpServer::start(None, move |_| {
            response(status, &[("Retry-After", "7"), ("Location", "http://127.0.0.1:1/")], "Ekholm")
        });
        let home = home(&granted(peer.port), sender(&url(peer.port)));
        let server = home.serve();
        let answer = server.http1().post("/in", adt("H1", "1"));
        assert_eq!(answer.msa(1), code, "{status}: {answer:?}");
        let log = server.stop();
        assert!(log.contains(told), "{status}: {log}");
        assert!(log.contains(&format!("status {status}")), "{status}: {log}");
        assert!(!log.contains("Ekholm") && !answer.text().contains("Ekholm"), "{status}");
        assert_eq!(peer.seen().len(), 1, "{status}: once, and no redirect");
    }
}

#[test]
fn a_server_that_does_not_answer_is_told_after_the_time_out() {
    let port = super::peers::listen(None, |mut stream| {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
    });
    let home = home(&granted(port), sender(&url(port)).with("TimeoutSeconds", 1));
    let server = home.serve();
    let answer = server.http1().post("/in", adt("H1", "1"));
    assert!(answer.text().contains("network.timeout"), "{answer:?}");
    server.stop();
}

#[test]
fn bytes_and_character_sets_go_both_ways() {
    let peer = HttpServer::start(None, |_| response(200, &[], b"\xffG\xfc\x00"));
    let activity = sender(&url(peer.port))
        .with("Encoding", "iso-8859-1")
        .with("DifferentResponseMessageType", true)
        .with("ResponseMessageType", 14);
    let home = home(&granted(peer.port), activity);
    let server = home.serve();
    let answer = server.http1().post("/in", adt("H1", "1"));
    assert_eq!(answer.body, b"\xffG\xfc\x00", "bytes stay bytes");
    assert_eq!(peer.seen()[0].body, b"Gr\xfc\xdfe");
    // As text, a binary response is base64.
    let copy = Activity::file("Copy", "copy.txt")
        .with("MessageType", TEXT)
        .with("MaxRecordsPerFile", 1)
        .template(&format!("${{{} inbound}}", crate::harness::workflow::activity_id(1)));
    let both = Workflow::new("Both", "both").activity(
        sender(&url(peer.port))
            .with("DifferentResponseMessageType", true)
            .with("ResponseMessageType", 14),
    );
    let tables = format!(
        "{}[plugins.file-writer]\ndirectories = [{{ path = \"out\", write = true }}]\n",
        granted(peer.port)
    );
    server.stop();
    let home = Home::with(&tables);
    home.workflow("both", &both.activity(copy).build());
    let server = home.serve();
    assert_eq!(server.http1().post("/both", adt("H1", "1")).msa(1), "AA");
    assert_eq!(home.read("out/copy.txt").unwrap().trim(), "/0f8AA==");
    server.stop();
}

#[test]
fn an_answer_in_csv_is_read_by_the_delimiter_of_the_setting() {
    let peer = HttpServer::start(None, |_| response(200, &[], "K-1;\"Smith; Ann\";ward"));
    let mut second = set_variable("Second", "[1]");
    second["FromSetting"] = crate::harness::workflow::activity_id(1).into();
    for (options, expected) in [(json!({ "Delimiter": ";" }), "Smith; Ann"), (json!(null), "")] {
        let activity = sender(&url(peer.port)).with("MessageType", CSV);
        let workflow = Workflow::new("Relay", "in")
            .activity(activity.with("MessageTypeOptions", options))
            .response_transformers(vec![second.clone()])
            .responding("MSH|^~\\&|T\rMSA|AA|${Second}\r");
        let home = Home::with(&granted(peer.port));
        home.workflow("relay", &workflow.build());
        let server = home.serve();
        let answer = server.http1().post("/in", adt("H1", "1"));
        assert_eq!((answer.msa(1), answer.msa(2)), ("AA".into(), expected.into()), "{answer:?}");
        server.stop();
    }
}

#[test]
fn a_response_that_is_not_waited_for_is_thrown_away() {
    let peer = HttpServer::start(None, |_| response(200, &[], "not wanted"));
    let home = home(&granted(peer.port), sender(&url(peer.port)).with("WaitForResponse", false));
    let server = home.serve();
    let answer = server.http1().post("/in", adt("H1", "1"));
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{answer:?}");
    assert_eq!(peer.seen().len(), 1);
    server.stop();
}

#[test]
fn a_server_that_is_not_granted_is_found_at_load_and_one_by_variable_at_the_message() {
    let granted = "[plugins.http-sender]\nhttp = [\"https://lab.example.org\"]\n";
    let home = home(granted, sender("https://lab.example.org:8443/x"));
    let said = home.run(&["check"]).said();
    assert_eq!(Findings::of(&home).errors(), ["WF083"], "{said}");
    assert!(said.contains("http = [\"https://lab.example.org:8443\"]"), "{said}");
    assert!(said.contains("/Server"), "{said}");
    let by_variable = Workflow::new("Relay", "in")
        .variables(vec![set_variable("Host", "PID-3.1")])
        .activity(sender("https://${Host}/x"));
    home.workflow("relay", &by_variable.build());
    assert_eq!(Findings::of(&home).errors(), [] as [&str; 0]);
    let server = home.serve();
    let answer = server.http1().post("/in", adt("H1", "evil.example.org"));
    assert!(answer.text().contains("network.not-granted"), "{answer:?}");
    let answer = server.http1().post("/in", adt("H2", "127.0.0.1"));
    assert!(answer.text().contains("network.not-granted"), "{answer:?}");
    server.stop();
}
