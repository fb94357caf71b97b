use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::certificates::{Certificate, CertificateStore, ServedCertificate, https_config};
use crate::config::Limits;
use crate::listener::{ConnectionBudget, DesiredListener, ListenerKey, ListenerTimes, Listeners};
use crate::receiver::{Exchange, HttpLimits, HttpReceiver, Received, Reply, Route, RouteTable};

const KEY: ListenerKey = ListenerKey { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0 };
const MESSAGE: &str = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|ID7|P|2.5\rPID|1\r";

/// Acknowledges in the way its target says, and keeps the control ids it saw.
struct Acknowledging(Arc<Mutex<Vec<String>>>);

impl Exchange<&'static str> for Acknowledging {
    async fn receive(&self, target: &'static str, received: Received) -> Reply {
        let text = String::from_utf8(received.body.to_vec()).unwrap();
        let id = text.split('|').nth(9).unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(id.clone());
        let body = match target {
            "ack" => format!("MSH|^~\\&|C|D|A|B|2026||ACK|9|P|2.5\rMSA|AA|{id}\r"),
            "wrong" => "MSH|^~\\&|C|D|A|B|2026||ACK|9|P|2.5\rMSA|AE|other\r".to_owned(),
            "late" => std::future::pending().await,
            _ => String::new(),
        };
        let status = if target == "refuse" { 500 } else { 200 };
        Reply { body: body.into(), ..Reply::empty(status) }
    }

    fn health(&self, _target: &&'static str) -> u16 {
        200
    }
}

struct Server {
    _listeners: Listeners<HttpReceiver<&'static str, Acknowledging>>,
    address: SocketAddr,
    ids: Arc<Mutex<Vec<String>>>,
}

async fn serve(tls: Option<Arc<rustls::ServerConfig>>) -> Server {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let limits = HttpLimits::from(&Limits::default());
    let receiver = Arc::new(HttpReceiver::new(Acknowledging(ids.clone()), limits, Arc::default()));
    let (handshake, drain) = (Duration::from_secs(10), Duration::from_secs(10));
    let times = ListenerTimes { handshake, drain };
    let mut listeners =
        Listeners::new(receiver, ConnectionBudget::new(100, 100), times, Arc::default());
    let names = ["ack", "wrong", "late", "refuse", "plain"];
    let routes = names.map(|name| Route::new(vec![name.to_owned()], name));
    let routes = Arc::new(RouteTable::new(routes).unwrap());
    listeners.apply(vec![DesiredListener { key: KEY, tls, proxies: None, routes }]).await.unwrap();
    let address = listeners.local_address(&KEY).unwrap();
    Server { _listeners: listeners, address, ids }
}

fn options(address: SocketAddr, path: &str) -> SendOptions {
    let source = Source::Messages(vec![Bytes::from_static(MESSAGE.as_bytes())]);
    SendOptions::new(format!("http://{address}{path}"), source)
}

async fn sent(options: SendOptions) -> (Summary, String) {
    let mut output = Vec::new();
    let summary = run(options, &mut output).await.unwrap();
    (summary, String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn a_single_message_shows_its_acknowledgement() {
    let server = serve(None).await;
    let (summary, output) = sent(options(server.address, "/ack")).await;
    assert!(summary.is_success(), "{summary:?}");
    assert!(output.starts_with("200 OK in "), "{output}");
    assert!(output.ends_with(" ms\nMSH|^~\\&|C|D|A|B|2026||ACK|9|P|2.5\nMSA|AA|ID7\n"), "{output}");
    assert_eq!(*server.ids.lock().unwrap(), ["ID7"], "a single message is sent as it is");
}

#[tokio::test]
async fn every_repeated_message_has_its_own_control_id_and_its_own_answer() {
    let server = serve(None).await;
    let mut options = options(server.address, "/ack");
    options.count = 200;
    options.concurrency = 8;
    let (summary, output) = sent(options).await;
    assert!(summary.is_success(), "{summary:?}");
    assert_eq!((summary.requests, summary.answered, summary.statuses[&200]), (200, 200, 200));
    assert_eq!(summary.acknowledgements["AA"], 200);
    assert!(summary.p50_milliseconds > 0.0 && summary.p50_milliseconds <= summary.p99_milliseconds);
    assert!(output.contains("acknowledgement AA: 200\n"), "{output}");
    let ids = server.ids.lock().unwrap();
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 200);
    assert!(ids.iter().all(|id| id.len() <= 20), "MSH-10 has at most 20 characters: {ids:?}");
}

#[tokio::test]
async fn what_is_not_right_is_not_a_success() {
    let server = serve(None).await;
    for (path, unmatched, refused) in [("/wrong", 1, 0), ("/refuse", 0, 1), ("/unknown", 0, 1)] {
        let (summary, _) = sent(options(server.address, path)).await;
        assert_eq!((summary.unmatched, summary.refused), (unmatched, refused), "{path}");
        assert!(!summary.is_success(), "{path}");
    }
    assert!(sent(options(server.address, "/plain")).await.0.is_success(), "an empty 200 is fine");
    let mut late = options(server.address, "/late");
    late.timeout = Duration::from_millis(100);
    let (summary, output) = sent(late).await;
    assert!(!summary.is_success() && summary.errors["timed out"] == 1, "{summary:?}");
    assert_eq!(output, "no answer: no answer in time\n");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (summary, _) = sent(options(closed, "/ack")).await;
    assert!(!summary.is_success() && summary.errors["cannot connect"] == 1, "{summary:?}");
}

#[tokio::test]
async fn a_server_is_trusted_only_as_told() {
    let home = tempfile::tempdir().unwrap();
    let store = CertificateStore::open(home.path()).unwrap();
    let certificate = store.ensure_default(&[]).unwrap().certificate;
    let other_home = tempfile::tempdir().unwrap();
    let other_store = CertificateStore::open(other_home.path()).unwrap();
    let other = other_store.ensure_default(&[]).unwrap().certificate;
    let tls = https_config(ServedCertificate::new(&certificate), None).unwrap();
    let server = serve(Some(tls)).await;
    let pem = |home: &Path| Some(home.join("default").join("certificate.pem"));
    let lower = |certificate: &Certificate| Some(certificate.sha256.to_string().to_lowercase());
    let spaced = certificate.sha1.to_string().replace("A", " A");
    type Trust<'a> = &'a dyn Fn(&mut SendOptions);
    let cases: [(Trust<'_>, bool); 8] = [
        (&|options| options.cacert = pem(home.path()), true),
        (&|options| options.cacert = pem(other_home.path()), false),
        (&|options| options.thumbprint = lower(&certificate), true),
        (&|options| options.thumbprint = Some(spaced.clone()), true),
        (&|options| options.thumbprint = lower(&other), false),
        (&|options| options.insecure = true, true),
        (&|options| options.cacert = pem(home.path()), true),
        (
            &|options| {
                options.insecure = true;
                options.thumbprint = lower(&other);
            },
            false,
        ),
    ];
    for (index, (trust, expected)) in cases.into_iter().enumerate() {
        let mut options = options(server.address, "/ack");
        options.url = format!("https://localhost:{}/ack", server.address.port());
        trust(&mut options);
        let (summary, output) = sent(options).await;
        assert_eq!(summary.is_success(), expected, "case {index}: {output}");
        assert_eq!(summary.errors.contains_key("TLS handshake failed"), !expected, "{output}");
    }
}

#[tokio::test]
async fn a_server_that_closes_after_every_answer_gets_every_message() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        // Says nothing of closing, so the sender finds out by itself.
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"PID|1\r") {
                stream.read_buf(&mut request).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    });
    let mut options = options(address, "/");
    options.count = 20;
    let (summary, _) = sent(options).await;
    // A request that was under way when the server closed is counted, not sent twice.
    let broken = summary.errors.get("connection broke").copied().unwrap_or(0);
    assert_eq!(summary.answered + broken, 20, "{summary:?}");
    assert!(summary.answered >= 10, "{summary:?}");
}

#[tokio::test]
async fn the_summary_is_one_json_object_when_asked() {
    let server = serve(None).await;
    let mut options = options(server.address, "/ack");
    options.json = true;
    let (summary, output) = sent(options).await;
    let value: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(value["requests"], 1);
    assert_eq!(value["statuses"]["200"], 1);
    assert_eq!(value["acknowledgements"]["AA"], 1);
    let difference = value["p50Milliseconds"].as_f64().unwrap() - summary.p50_milliseconds;
    assert!(difference.abs() < 1e-9, "{output}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is_sent() {
    type Change<'a> = &'a dyn Fn(&mut SendOptions);
    let cases: [(Change<'_>, &str); 10] = [
        (&|options| options.url = "localhost/x".to_owned(), "it is not a URL"),
        (&|options| options.url = "/x".to_owned(), "it names no host"),
        (&|options| options.url = "ftp://a/x".to_owned(), "it does not begin with http"),
        (&|options| options.url = "http://u:p@a/x".to_owned(), "it carries credentials"),
        (&|options| options.source = Source::Messages(Vec::new()), "no message"),
        (&|options| options.source = Source::Files(vec!["/none/a.hl7".into()]), "cannot read"),
        (&|options| options.method = "A B".to_owned(), "method \"A B\" is not valid"),
        (&|options| options.content_type = Some("a\nb".to_owned()), "content type"),
        (&|options| options.thumbprint = Some("12".to_owned()), "the thumbprint is not usable"),
        (
            &|options| {
                options.url = "https://a/".to_owned();
                options.insecure = true;
                options.cert = Some("a.pem".into());
            },
            "needs its key",
        ),
    ];
    for (change, expected) in cases {
        let mut options = options(SocketAddr::from(([127, 0, 0, 1], 1)), "/");
        change(&mut options);
        let error = run(options, &mut Vec::new()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn control_ids_are_replaced_in_their_place_only() {
    let cases = [
        (MESSAGE, Some("ID7"), "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|NEW|P|2.5\rPID|1\r"),
        ("MSH#^~\\&########I#P\r", Some("I"), "MSH#^~\\&########NEW#P\r"),
        ("MSH|^~\\&|||||||ADT||P\r", None, "MSH|^~\\&|||||||ADT|NEW|P\r"),
        ("MSH|^~\\&|||||||ADT|I", Some("I"), "MSH|^~\\&|||||||ADT|NEW"),
        ("MSH|^~\\&|A\r|||||||||X|", None, "MSH|^~\\&|A\r|||||||||X|"),
        ("{\"MSH\": 1}", None, "{\"MSH\": 1}"),
        ("", None, ""),
    ];
    for (text, id, replaced) in cases {
        let bytes = Bytes::from_static(text.as_bytes());
        let outgoing = Outgoing::new(bytes, HeaderValue::from_static("text/plain"));
        assert_eq!(outgoing.as_it_is(), (text.into(), id.map(str::to_owned)), "{text:?}");
        assert_eq!(outgoing.with_control_id("NEW").0, replaced, "{text:?}");
    }
}

#[test]
fn acknowledgements_and_kinds_of_content_are_told() {
    let acknowledgement = |code: &str, id: &str| {
        Some(Acknowledgement { code: code.to_owned(), control_id: id.to_owned() })
    };
    let cases = [
        ("MSH|^~\\&|\rMSA|AA|7\r", acknowledgement("AA", "7")),
        ("MSH|^~\\&|\r\nERR|1\r\nMSA|AE|7|text\r\n", acknowledgement("AE", "7")),
        ("MSH!^~\\&!\nMSA!AR!", acknowledgement("AR", "")),
        ("MSH|^~\\&|\rMSA|AA", acknowledgement("AA", "")),
        ("MSH|^~\\&|\rMSAX|AA|7", None),
        ("MSA|AA|7", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Acknowledgement::read(text.as_bytes()), expected, "{text:?}");
    }
    let kinds: [(&[u8], &str); 6] = [
        (b"MSH|^~\\&|", "x-application/hl7-v2+er7"),
        (b" {\"a\": 1}", "application/json"),
        (b"<a/>", "application/xml"),
        (b"a,b\n", "text/plain; charset=utf-8"),
        (b"MSHA", "text/plain; charset=utf-8"),
        (b"\xff\xfe", "application/octet-stream"),
    ];
    for (bytes, expected) in kinds {
        assert_eq!(message::content_type_of(bytes), expected);
    }
}
