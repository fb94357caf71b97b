use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use serde_json::{Value as Json, json};
use tureen_plugin_sdk::testkit::{Failure, OpenActivity, ScriptedNetwork, TestRun};

const OWNER: &str = "d0000000-0000-4000-8000-00000000000a";
const URL: &str = "https://lab.example.org/in";

/// Requests as the server saw them.
type Seen = Rc<RefCell<Vec<Request>>>;

/// A server that answers one response after the other, the last one for ever.
fn server(answers: Vec<Response>) -> (ScriptedNetwork, Seen) {
    let seen = Seen::default();
    let (kept, mut at) = (Rc::clone(&seen), 0);
    let network = ScriptedNetwork::http(move |request| {
        kept.borrow_mut().push(request.clone());
        let answer = answers.get(at).or(answers.last()).cloned().unwrap();
        at += 1;
        Ok(answer)
    });
    (network, seen)
}

fn ok(body: &str) -> Response {
    Response::new(200).with_body(body)
}

fn run(settings: Json) -> TestRun {
    let mut all = json!({ "Server": URL, "MessageType": 13 });
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    TestRun::new().owner(OWNER).settings(all).message(Format::Text, "Grün".as_bytes())
}

fn perform(settings: Json) -> Result<Vec<u8>, Failure> {
    run(settings).perform::<HttpSender>().map(|done| done.response.unwrap().1)
}

fn findings(settings: Json) -> Vec<String> {
    let configured = run(settings).configure::<HttpSender>("activity");
    let finding = |it: &Finding| {
        let place = it.problem.place.clone().unwrap_or_default();
        format!("{} {place}", it.problem.code)
    };
    configured.findings.iter().map(finding).collect()
}

fn requires(settings: Json) -> Vec<String> {
    let configured = run(settings).configure::<HttpSender>("activity");
    configured.requirements.into_iter().map(|it| format!("{} {}", it.type_name, it.place)).collect()
}

#[test]
fn a_message_is_the_body_of_the_request_except_of_a_get() {
    for (method, name, body) in [
        (json!(null), "POST", "Grün"),
        (json!(1), "GET", ""),
        (json!("Put"), "PUT", "Grün"),
        (json!("3"), "DELETE", "Grün"),
    ] {
        let (_network, seen) = server(vec![ok("done")]);
        assert_eq!(perform(json!({ "Method": method })).unwrap(), b"done");
        let seen = seen.borrow();
        assert_eq!((seen[0].method(), seen[0].url()), (name, URL));
        assert_eq!(seen[0].body(), body.as_bytes(), "{name}");
        assert_eq!(seen[0].header("content-type"), Some("text/plain"), "{name}");
        assert!(seen[0].timeout().unwrap() <= std::time::Duration::from_secs(30));
    }
}

#[test]
fn header_fields_are_texts_or_places_and_blank_names_are_left_out() {
    let (_network, seen) = server(vec![ok("")]);
    let headers = json!([
        { "Name": "X-Ward", "Value": " ${Ward} " },
        { "Name": " ", "Value": "nothing" },
        { "Name": "X-Name", "Value": "PID-5.1", "FromDirection": 0, "FromType": 8,
          "TextFormat": 1 },
        { "Name": "Content-Type", "Value": "x-application/hl7-v2+er7" },
    ]);
    let adt = b"MSH|^~\\&|A\rPID|||||Ekholm^Siri\r";
    run(json!({ "Headers": headers }))
        .variable("Ward", "W1")
        .setting_message("", Direction::Inbound, Format::Hl7, adt)
        .perform::<HttpSender>()
        .unwrap();
    let fields = seen.borrow()[0].headers().to_vec();
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(fields, ["X-Ward: W1", "X-Name: Ekholm", "Content-Type: x-application/hl7-v2+er7"]);
}

#[test]
fn a_value_cannot_add_a_header_field_nor_choose_the_server() {
    let (_network, seen) = server(vec![ok("")]);
    let broken = run(json!({ "Headers": [{ "Name": "X", "Value": "${V}" }] }))
        .variable("V", "a\r\nAuthorization: b")
        .perform::<HttpSender>()
        .unwrap_err();
    assert_eq!(broken.code(), "http.header");
    let at = |server: &str, value: &str| {
        let run = run(json!({ "Server": server })).variable("V", value);
        run.perform::<HttpSender>().map(|_| ()).map_err(|failure| failure.to_string())
    };
    assert_eq!(at("https://a.example/x?q=${V}", "b c\r\n&d=/e"), Ok(()));
    assert_eq!(seen.borrow()[0].url(), "https://a.example/x?q=b%20c%0D%0A&d=/e");
    assert_eq!(at("https://${V}/x", "b.example"), Ok(()), "the grants decide");
    let told = at("https://a.example/${V}", &"x".repeat(9000)).unwrap_err();
    assert!(told.starts_with("the step rejected"), "{told}");
}

#[test]
fn basic_credentials_come_from_the_file_or_from_secrets() {
    for (settings, expected) in [
        (json!({ "AuthenticationMode": 1, "UserName": "u", "Password": "p:w" }), Some("u:p:w")),
        (
            json!({ "Authentication": true, "UserName": "${User}", "Password": "${lab-pw}" }),
            Some("anna:sesame"),
        ),
        (json!({ "AuthenticationMode": "Basic" }), Some(":")),
        (json!({ "UserName": "u", "Password": "p" }), None),
    ] {
        let (_network, seen) = server(vec![ok("")]);
        let done = run(settings.clone()).secret("lab-pw", "sesame").global("User", "anna");
        done.perform::<HttpSender>().unwrap();
        let expected = expected.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
        assert_eq!(seen.borrow()[0].header("authorization"), expected.as_deref(), "{settings}");
    }
    let missing = json!({ "AuthenticationMode": 1, "UserName": "u", "Password": "${nothing}" });
    let (_network, seen) = server(vec![ok("")]);
    assert_eq!(perform(missing.clone()).unwrap_err().code(), "secret.not-granted");
    assert!(seen.borrow().is_empty(), "nothing is sent without it");
    assert_eq!(
        requires(missing),
        ["outbound:https://lab.example.org /Server", "secret:nothing /Password"]
    );
}

const TOKEN: &str = r#"{"access_token":"tok","token_type":"Bearer","expires_in":3600}"#;

fn oauth(more: Json) -> Json {
    let mut oauth = json!({ "TokenEndpoint": "https://id.example.org/token", "ClientId": "me",
                            "ClientSecret": "${client}", "Scope": "a b" });
    for (name, value) in more.as_object().unwrap() {
        oauth[name] = value.clone();
    }
    json!({ "AuthenticationMode": 2, "OAuthSettings": oauth,
            "Headers": [{ "Name": "authorization", "Value": "mine" }] })
}

fn open(settings: Json) -> OpenActivity<HttpSender> {
    run(settings).open::<HttpSender>().unwrap()
}

#[test]
fn a_token_is_fetched_once_and_used_until_it_ends() {
    let (_network, seen) = server(vec![ok(TOKEN), ok("1"), ok("2")]);
    let settings = oauth(json!({}));
    let mut sender = open(settings.clone());
    for _ in 0..2 {
        sender.process(&run(settings.clone()).secret("client", "sesame")).unwrap();
    }
    let seen = seen.borrow();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].url(), "https://id.example.org/token");
    assert_eq!(seen[0].body(), b"grant_type=client_credentials&scope=a%20b");
    let pair = format!("Basic {}", STANDARD.encode("me:sesame"));
    assert_eq!(seen[0].header("authorization"), Some(pair.as_str()));
    for request in &seen[1..] {
        let fields = request.headers().iter();
        let fields: Vec<_> =
            fields.filter(|it| it.0.eq_ignore_ascii_case("authorization")).collect();
        assert_eq!(fields, [&("Authorization".to_owned(), "Bearer tok".to_owned())]);
    }
}

#[test]
fn a_client_may_show_itself_in_the_body_and_name_what_it_wants() {
    for (kind, expected) in [(0, ""), (1, "&audience=urn%3Alab"), (2, "&resource=urn%3Alab")] {
        let (_network, seen) = server(vec![ok(TOKEN), ok("")]);
        let more = json!({ "ClientAuthenticationStyle": 1, "ResourceParameterType": kind,
                           "ResourceOrAudience": "urn:lab", "Scope": "" });
        run(oauth(more)).secret("client", "s&s").perform::<HttpSender>().unwrap();
        let body = String::from_utf8(seen.borrow()[0].body().to_vec()).unwrap();
        let client = "&client_id=me&client_secret=s%26s";
        assert_eq!(body, format!("grant_type=client_credentials{expected}{client}"));
        assert_eq!(seen.borrow()[0].header("authorization"), None);
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_not_kept() {
    let long = json!({ "access_token": "t".repeat(100_000), "expires_in": 3600 }).to_string();
    for bad in [long.as_str(), r#"{"access_token":"a b","expires_in":3600}"#] {
        let (_network, seen) = server(vec![ok(bad), ok(TOKEN), ok("done")]);
        let settings = oauth(json!({}));
        let mut sender = open(settings.clone());
        let run = || run(settings.clone()).secret("client", "s");
        assert_eq!(sender.process(&run()).unwrap_err().code(), "http.token");
        assert_eq!(sender.process(&run()).unwrap().response.unwrap().1, b"done");
        assert_eq!(seen.borrow()[2].header("authorization"), Some("Bearer tok"));
    }
}

#[test]
fn a_token_that_is_about_to_end_is_not_used_again() {
    let short = r#"{"access_token":"tok","expires_in":60}"#;
    let (_network, seen) = server(vec![ok(short), ok(""), ok(short), ok("")]);
    let settings = oauth(json!({ "ExpirySkewSeconds": 60 }));
    let mut sender = open(settings.clone());
    for _ in 0..2 {
        sender.process(&run(settings.clone()).secret("client", "s")).unwrap();
    }
    assert_eq!(seen.borrow().len(), 4);
}

#[test]
fn after_401_there_is_one_more_attempt_with_a_new_token() {
    let no = || Response::new(401);
    let other = ok(r#"{"access_token":"new"}"#);
    let (_network, seen) = server(vec![ok(TOKEN), no(), other.clone(), ok("done")]);
    let done = run(oauth(json!({}))).secret("client", "s").perform::<HttpSender>().unwrap();
    assert_eq!(done.response.unwrap().1, b"done");
    assert_eq!(seen.borrow()[3].header("authorization"), Some("Bearer new"));
    assert_eq!(seen.borrow()[3].body(), "Grün".as_bytes());
    let (_network, seen) = server(vec![ok(TOKEN), no(), other, no()]);
    let failed = run(oauth(json!({}))).secret("client", "s").perform::<HttpSender>().unwrap_err();
    assert_eq!(failed.code(), "http.status");
    assert_eq!(seen.borrow().len(), 4, "once, and not for ever");
}

#[test]
fn a_proxy_and_a_certificate_go_with_every_request() {
    let thumbprint = "0123456789abcdef0123456789abcdef01234567";
    let mut settings = oauth(json!({}));
    for (name, value) in [
        ("UseProxy", json!(1)),
        ("ProxyAddress", json!("proxy.example.org:3128")),
        ("ProxyUserName", json!("p")),
        ("ProxyPassword", json!("${proxy-pw}")),
        ("UseAuthenticationCertificate", json!(true)),
        ("AuthenticationCertificateThumbprint", json!(thumbprint)),
    ] {
        settings[name] = value;
    }
    let (_network, seen) = server(vec![ok(TOKEN), ok("")]);
    let all = run(settings.clone()).secret("client", "s").secret("proxy-pw", "w");
    all.perform::<HttpSender>().unwrap();
    for request in seen.borrow().iter() {
        let proxy = request.proxy().unwrap();
        assert_eq!(proxy.url(), "http://proxy.example.org:3128");
        assert_eq!(proxy.credentials(), Some(("p", "w")));
        assert_eq!(request.client_certificate(), Some(thumbprint));
    }
    assert_eq!(
        requires(settings),
        [
            "outbound:https://lab.example.org /Server",
            "outbound:https://id.example.org /OAuthSettings/TokenEndpoint",
            "secret:client /OAuthSettings/ClientSecret",
            "client-certificate:0123456789abcdef0123456789abcdef01234567 \
             /AuthenticationCertificateThumbprint",
            "outbound:http://proxy.example.org:3128 /ProxyAddress",
            "secret:proxy-pw /ProxyPassword",
        ]
    );
}

#[test]
fn character_sets_go_both_ways_and_a_get_believes_the_server() {
    let latin = || Response::new(200).with_body(&b"Gr\xfcn"[..]);
    let (_network, seen) = server(vec![latin()]);
    let done = perform(json!({ "Encoding": "iso-8859-1" })).unwrap();
    assert_eq!(done, "Grün".as_bytes());
    assert_eq!(seen.borrow()[0].body(), b"Gr\xfcn");
    let (_network, _) = server(vec![latin()]);
    assert_eq!(perform(json!({ "Encoding": "uft-8" })).unwrap_err().code(), "sender.response");
    let told = latin().with_header("Content-Type", "text/plain; charset=\"ISO-8859-1\"");
    let (_network, _) = server(vec![told]);
    assert_eq!(perform(json!({ "Method": 1, "Encoding": "utf-8" })).unwrap(), "Grün".as_bytes());
}

#[test]
fn a_response_in_its_own_set_is_read_as_its_server_means_it() {
    const HEAD: &str = "MSH|^~\\&|X|Y|||2024||ACK|1|P|2.5||||||";
    let hl7 = |declared: &str, name: &[u8]| {
        [HEAD.as_bytes(), declared.as_bytes(), b"\rZZZ|", name, b"\r"].concat()
    };
    let xml = |encoding: &str, name: &[u8]| {
        let head = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a>");
        [head.as_bytes(), name, b"</a>"].concat()
    };
    let (latin, utf8) = (&b"Gr\xfcn"[..], "Grün".as_bytes());
    for (message_type, body, content_type, settings, expected) in [
        (1, hl7("8859/1", latin), "x/y; charset=iso-8859-1", json!({}), hl7("8859/1", latin)),
        (1, hl7("8859/1", latin), "x/y", json!({}), hl7("8859/1", latin)),
        (1, hl7("8859/1", utf8), "x/y; charset=utf-8", json!({}), hl7("UNICODE UTF-8", utf8)),
        (
            1,
            hl7("8859/5", latin),
            "x/y",
            json!({ "Encoding": "iso-8859-1" }),
            hl7("UNICODE UTF-8", utf8),
        ),
        (4, xml("iso-8859-1", latin), "application/xml", json!({}), xml("UTF-8", utf8)),
        (
            4,
            xml("iso-8859-1", latin),
            "application/xml; charset=iso-8859-1",
            json!({}),
            xml("UTF-8", utf8),
        ),
        (13, utf8.to_vec(), "text/plain; charset=us-ascii", json!({}), utf8.to_vec()),
        (13, utf8.to_vec(), "text/plain; charset=ANSI_X3.4-1968", json!({}), utf8.to_vec()),
        (
            13,
            latin.to_vec(),
            "text/plain; charset=iso-8859-1",
            json!({ "Encoding": "us-ascii" }),
            utf8.to_vec(),
        ),
    ] {
        let answer = Response::new(200).with_body(body).with_header("Content-Type", content_type);
        let (_network, _) = server(vec![answer]);
        let mut all = json!({ "DifferentResponseMessageType": true,
                              "ResponseMessageType": message_type });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let done = run(all).message(Format::Text, b"plain").perform::<HttpSender>().unwrap();
        let read = done.response.unwrap().1;
        assert_eq!(
            String::from_utf8_lossy(&read),
            String::from_utf8_lossy(&expected),
            "{content_type}"
        );
        assert_eq!(read, expected, "{content_type}");
    }
}

#[test]
fn a_response_in_a_content_coding_is_told_as_such_and_whose_fault_it_is() {
    let gzip = || Response::new(200).with_body(&b"\x1f\x8b\x08\x00"[..]);
    let asking = json!({ "Headers": [{ "Name": "accept-encoding", "Value": "gzip" }] });
    for (settings, coding, expected) in [
        (json!({}), "gzip", &["the content coding gzip", "the server is at fault"][..]),
        (json!({}), "identity , BR", &["the content coding BR", "the server is at fault"]),
        (json!({}), "Ekholm <siri>", &["is in a content coding,", "the server is at fault"]),
        (asking, "gzip", &["the content coding gzip", "leave Accept-Encoding out"]),
    ] {
        let (_network, _) = server(vec![gzip().with_header("content-encoding", coding)]);
        let failed = perform(settings).unwrap_err();
        assert_eq!(failed.code(), "http.content-coding", "{coding}");
        let told = failed.to_string();
        assert!(expected.iter().all(|part| told.contains(part)), "{coding}: {told}");
        assert!(!told.contains("character set") && !told.contains("Ekholm"), "{told}");
    }
    for (settings, body, coding) in [
        (json!({}), "plain", "identity"),
        (json!({}), "plain", ""),
        (json!({}), "", "gzip"),
        (json!({ "WaitForResponse": false }), "thrown away", "gzip"),
    ] {
        let (_network, _) = server(vec![ok(body).with_header("Content-Encoding", coding)]);
        let expected = if settings == json!({}) { body } else { "" };
        assert_eq!(perform(settings).unwrap(), expected.as_bytes(), "{coding}");
    }
}

#[test]
fn the_response_has_its_own_type_and_may_be_thrown_away() {
    let bytes = || Response::new(200).with_body(&b"\xff\x00"[..]);
    let (_network, _) = server(vec![bytes()]);
    let settings = json!({ "DifferentResponseMessageType": true, "ResponseMessageType": 14 });
    let done = run(settings).perform::<HttpSender>().unwrap();
    assert_eq!(done.response, Some((Format::Binary, b"\xff\x00".to_vec())));
    let (_network, _) = server(vec![ok("not json")]);
    let settings = json!({ "MessageType": 11, "WaitForResponse": false });
    let done = run(settings).message(Format::Json, b"{}").perform::<HttpSender>().unwrap();
    assert_eq!(done.response, Some((Format::Text, Vec::new())));
    let (_network, _) = server(vec![Response::new(500).with_body("Ekholm")]);
    let failed = perform(json!({ "WaitForResponse": false })).unwrap_err();
    assert!(!failed.to_string().contains("Ekholm"), "{failed}");
}

#[test]
fn settings_that_cannot_work_are_findings() {
    for (settings, expected) in [
        (json!({ "Server": "lab.example.org" }), "http.url /Server"),
        (json!({ "Server": "https://u:p@lab.example.org" }), "http.url /Server"),
        (json!({ "Method": 4 }), "settings.choice /Method"),
        (json!({ "AuthenticationMode": 2 }), "http.oauth /OAuthSettings"),
        (json!({ "UseDefaultCredentials": true }), "http.credentials /UseDefaultCredentials"),
        (json!({ "AuthenticationMode": 1, "UserName": "a:b" }), "http.credentials /UserName"),
        (json!({ "AuthenticationMode": 1, "Password": "in clear" }), "http.password /Password"),
        (json!({ "Password": "unused" }), "http.credentials /Password"),
        (json!({ "UseProxy": 1 }), "http.proxy /ProxyAddress"),
        (json!({ "TimeoutSeconds": 0 }), "http.timeout /TimeoutSeconds"),
        (json!({ "Encoding": "utf-9" }), "sender.encoding /Encoding"),
        (json!({ "Headers": [{ "Name": "a b" }] }), "http.header /Headers/0/Name"),
        (json!({ "Headers": [{ "Name": "host" }] }), "http.header /Headers/0/Name"),
        (
            json!({ "UseAuthenticationCertificate": true }),
            "sender.certificate /AuthenticationCertificateThumbprint",
        ),
        (oauth(json!({ "GrantType": 1 })), "settings.choice /OAuthSettings/GrantType"),
        (oauth(json!({ "ClientId": "" })), "http.oauth /OAuthSettings/ClientId"),
        (oauth(json!({ "ExpirySkewSeconds": -1 })), "http.oauth /OAuthSettings/ExpirySkewSeconds"),
    ] {
        let found = findings(settings.clone());
        assert!(found.iter().any(|it| it == expected), "{settings}: {found:?}");
    }
    assert_eq!(findings(json!({})), [] as [&str; 0]);
}
