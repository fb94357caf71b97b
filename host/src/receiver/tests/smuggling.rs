//! Requests that two readers may take apart in two ways (RFC 9112, 11.2): each is read in one way
//! here, or refused; alone, and with a real proxy in front.

use std::process::{Child, Command, Stdio};

use super::harness::*;
use crate::receiver::{Route, RouteTable, service_segments};

/// What must never be taken for a request: it stands inside bodies, or where one may begin if the
/// one before is read wrongly.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// One attempt, and the statuses that answer it.
struct Attempt {
    bytes: Vec<u8>,
    statuses: &'static [u16],
}

fn attempt(bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Attempt {
    Attempt { bytes: bytes.into(), statuses }
}

fn with_fields(fields: &str, body: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

/// A body of one chunk.
fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

fn corpus() -> Vec<Attempt> {
    let mut corpus = lengths();
    corpus.extend(codings());
    corpus.extend(both());
    corpus.extend(chunks());
    corpus.extend(lines());
    corpus.extend(fields());
    corpus
}

/// Content-Length, well and badly written.
fn lengths() -> Vec<Attempt> {
    let length = HIDDEN.len();
    let good = [format!("{length}"), format!("00{length}"), format!("\t{length} ")];
    let bad = [
        "",
        "+5",
        "-5",
        "- 5",
        "5 5",
        "5,5",
        "5, 5",
        "5,6",
        "0x5",
        "5.0",
        "5;",
        "'5'",
        "\"5\"",
        "5_0",
        "1e1",
        "five",
        "5\u{b}",
        "5\0",
        "\u{665}",
        "18446744073709551616",
        "99999999999999999999999",
    ];
    let long = ["16777217", "9223372036854775807", "18446744073709551613"];
    let field = |value: &str| with_fields(&format!("Content-Length: {value}"), HIDDEN);
    let mut attempts: Vec<_> = good.iter().map(|value| attempt(field(value), &[200])).collect();
    attempts.extend(bad.map(|value| attempt(field(value), &[400])));
    attempts.extend(long.map(|value| attempt(field(value), &[413])));
    // hyper has meanings of its own for the two largest numbers.
    for value in ["18446744073709551614", "18446744073709551615"] {
        attempts.push(attempt(field(value), &[431]));
    }
    let twice = ["5\r\nContent-Length: 5", "0\r\nContent-Length: 5", "5\r\ncontent-length: 6"];
    attempts.extend(twice.map(|value| attempt(field(value), &[400])));
    for name in ["Content-Length ", "Content-Length\t", "Content Length", "Content-Length\0"] {
        attempts.push(attempt(with_fields(&format!("{name}: {length}"), HIDDEN), &[400]));
    }
    // Another field, so there is no body: what follows is not a request of ours to hide.
    attempts.push(attempt(with_fields("Content_Length: 5", ""), &[200]));
    attempts.push(attempt(with_fields("X-Content-Length: 5", ""), &[200]));
    // A body on a request that seldom has one.
    for method in ["GET", "DELETE", "OPTIONS", "PROPFIND"] {
        let head =
            format!("{method} /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        attempts.push(attempt(head + HIDDEN, &[200]));
    }
    let head = format!("HEAD /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    attempts.push(attempt(head + HIDDEN, &[200]));
    attempts
}

/// Transfer-Encoding, well and badly written.
fn codings() -> Vec<Attempt> {
    let body = chunked(HIDDEN);
    let field = |value: &str| with_fields(&format!("Transfer-Encoding: {value}"), &body);
    let good = ["chunked", "Chunked", "CHUNKED", "\tchunked ", "  chunked"];
    let bad = [
        "",
        "xchunked",
        "chunkedx",
        "identity",
        "cow",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, identity",
        "identity, chunked",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked;q=1",
        "\"chunked\"",
        "'chunked'",
        "chu nked",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked\0",
        "chunked\r\nTransfer-Encoding: chunked",
        "cow\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: cow",
        "chunked\r\n folded",
        "\r\n chunked",
        "\n chunked",
    ];
    let mut attempts: Vec<_> = good.iter().map(|value| attempt(field(value), &[200])).collect();
    attempts.extend(bad.map(|value| attempt(field(value), &[400])));
    for name in
        ["Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "Transfer\0Encoding"]
    {
        attempts.push(attempt(with_fields(&format!("{name}: chunked"), &body), &[400]));
    }
    let old = format!("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    attempts.push(attempt(old, &[400]));
    attempts
}

/// Both ways to tell the length.
fn both() -> Vec<Attempt> {
    let body = chunked(HIDDEN);
    let lengths = ["0", "4", "5", "1000"];
    let mut attempts = Vec::new();
    for length in lengths {
        let (one, other) = (format!("Content-Length: {length}"), "Transfer-Encoding: chunked");
        attempts.push(attempt(with_fields(&format!("{one}\r\n{other}"), &body), &[400]));
        attempts.push(attempt(with_fields(&format!("{other}\r\n{one}"), &body), &[400]));
    }
    let hidden_names = [
        "transfer-encoding: CHUNKED",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\tchunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\nX: y",
    ];
    for field in hidden_names {
        let fields = format!("Content-Length: {}\r\n{field}", body.len());
        attempts.push(attempt(with_fields(&fields, &body), &[400]));
    }
    // Not the field: the length alone counts.
    for field in ["Transfer_Encoding: chunked", "X-Transfer-Encoding: chunked", "TE: chunked"] {
        let fields = format!("Content-Length: {}\r\n{field}", body.len());
        attempts.push(attempt(with_fields(&fields, &body), &[200]));
    }
    attempts
}

/// What is between the pieces of a chunked body.
fn chunks() -> Vec<Attempt> {
    let field = |body: String| with_fields("Transfer-Encoding: chunked", &body);
    let size = HIDDEN.len();
    let sized = |text: String| field(format!("{text}\r\n{HIDDEN}\r\n0\r\n\r\n"));
    let good = [
        format!("{size:x}"),
        format!("{size:X}"),
        format!("0000{size:x}"),
        format!("{size:x};name=value"),
        format!("{size:x};name=\"a b\""),
        format!("{size:x} ;x"),
    ];
    let bad = [
        "".to_owned(),
        "0x5".to_owned(),
        "+5".to_owned(),
        "-5".to_owned(),
        " 5".to_owned(),
        "g".to_owned(),
        "5,5".to_owned(),
        "5\u{b}".to_owned(),
        "5\0".to_owned(),
        "\u{661}".to_owned(),
        "fffffffffffffffff".to_owned(),
        format!("{size:x};a\nb"),
        format!("{:x}", size - 1),
        format!("{size:x}\n"),
    ];
    let mut attempts: Vec<_> = good.map(|text| attempt(sized(text), &[200])).into();
    attempts.extend(bad.map(|text| attempt(sized(text), &[400])));
    let broken = [
        format!("{size:x}\r\n{HIDDEN}0\r\n\r\n"),
        format!("{size:x}\r\n{HIDDEN}\n0\r\n\r\n"),
        format!("{size:x}\r\n{HIDDEN}\r\n0\r\n"),
        format!("{size:x}\r\n{HIDDEN}\r\n"),
        format!("{size:x}\r\n{HIDDEN}\r0\r\n\r\n"),
        format!("{size:x}\n{HIDDEN}\r\n0\r\n\r\n"),
        format!("{size:x}\r{HIDDEN}\r\n0\r\n\r\n"),
    ];
    attempts.extend(broken.map(|body| attempt(field(body), &[400])));
    // Trailers change nothing of what was read.
    for trailer in ["Content-Length: 5", "Transfer-Encoding: chunked", "Host: b", "X: y"] {
        attempts.push(attempt(field(format!("0\r\n{trailer}\r\n\r\n")), &[200]));
    }
    attempts
}

/// Request lines.
fn lines() -> Vec<Attempt> {
    let bad = [
        "GET  /echo HTTP/1.1",
        "GET /echo  HTTP/1.1",
        "GET\t/echo HTTP/1.1",
        "GET /echo\tHTTP/1.1",
        "GET /echo HTTP/1.1 ",
        " GET /echo HTTP/1.1",
        "GET /echo",
        "GET /echo ",
        "GET",
        "GET /echo HTTP/1.2",
        "GET /echo HTTP/2.0",
        "GET /echo HTTP/0.9",
        "GET /echo HTTP/01.1",
        "GET /echo HTTP/1.10",
        "GET /echo http/1.1",
        "GET /echo HTTP 1.1",
        "GET /echo HTTPS/1.1",
        "GET /a b HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "G(T /echo HTTP/1.1",
        "GET: /echo HTTP/1.1",
        "GET echo HTTP/1.1",
        "GET \\echo HTTP/1.1",
        "GET /echo HTTP/1.1\rX: y",
        "GET /\x7f HTTP/1.1",
    ];
    let head = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    let mut attempts: Vec<_> = bad.map(|line| attempt(head(line), &[400])).into();
    attempts.push(attempt("get /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[200]));
    attempts.push(attempt("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", &[405]));
    attempts.push(attempt("TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[405]));
    attempts.push(attempt("\n\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[400]));
    attempts
}

/// Other fields that have been used to hide requests.
fn fields() -> Vec<Attempt> {
    let length = HIDDEN.len();
    let with_length =
        |field: &str| with_fields(&format!("{field}\r\nContent-Length: {length}"), HIDDEN);
    let good = [
        "Connection: Content-Length",
        "Connection: Transfer-Encoding",
        "Connection: keep-alive, X",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA",
        "Upgrade: websocket",
        "Expect: 100-continue",
        "X: \u{e9}",
        "X:",
        "Cookie: a=b",
    ];
    let bad = [
        "X: a\0b",
        "X: a\rb",
        "X y",
        ": y",
        "X : y",
        "X\0: y",
        "X(: y",
        "X: y\r\n folded",
        "X: y\r\n\tfolded",
        "\u{e9}: y",
        "Host: a",
        "X: y\n",
        "X: a\x7fb",
    ];
    let mut attempts: Vec<_> = good.map(|field| attempt(with_length(field), &[200])).into();
    attempts.extend(bad.map(|field| attempt(with_length(field), &[400])));
    attempts.push(attempt(with_length("Expect: 200-ok"), &[417]));
    attempts
}

fn route(service_name: &str, target: &'static str) -> Route<&'static str> {
    Route::new(service_segments(service_name), target)
}

async fn serve_routes(routes: impl IntoIterator<Item = Route<&'static str>>) -> Server {
    let mut desired = desired(&[], None);
    desired.routes = std::sync::Arc::new(RouteTable::new(routes).unwrap());
    serve_listener(limits(), desired).await
}

/// Continuing is no answer.
fn final_statuses(answers: &str) -> Vec<u16> {
    statuses(answers).into_iter().filter(|status| *status != 100).collect()
}

#[tokio::test]
async fn each_attempt_is_one_request_or_none() {
    let routes = [route("echo", "taken"), route("hidden", "hidden")];
    let server = serve_routes(routes).await;
    let corpus = corpus();
    assert!(corpus.len() >= 120, "{}", corpus.len());
    let mut wrong = Vec::new();
    for Attempt { bytes, statuses } in &corpus {
        let answers = exchange(server.address, bytes).await;
        let found = final_statuses(&answers);
        if found != *statuses {
            wrong.push((String::from_utf8_lossy(bytes).into_owned(), *statuses, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let received = server.script.received.lock().unwrap();
    assert!(received.iter().all(|(target, _)| *target == "taken"), "a hidden request was seen");
}

/// HAProxy on a port of its own, in front of an address. Ends with the value.
struct Proxy {
    process: Child,
    address: std::net::SocketAddr,
    _directory: tempfile::TempDir,
}

impl Proxy {
    /// `None` where HAProxy is not installed. What it passes on has a path below `/proxied`.
    async fn before(server: &Server) -> Option<Self> {
        let version = Command::new("haproxy").arg("-v").stdout(Stdio::null()).status();
        version.ok()?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("haproxy.cfg");
        let text = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n \
             http-reuse always\n\
             frontend front\n bind {free}\n http-request set-path /proxied%[path]\n \
             default_backend back\n\
             backend back\n server one {}\n",
            server.address
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-q").arg("-f").arg(&file);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let proxy = Self { process, address: free, _directory: directory };
        within(async {
            while tokio::net::TcpStream::connect(free).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await;
        Some(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn behind_a_proxy_both_see_the_same_requests() {
    // The last is for everything that the proxy did not mean to send.
    let routes = [route("proxied", "taken"), route("proxied/clean", "echo"), route("", "hidden")];
    let server = serve_routes(routes).await;
    let Some(proxy) = Proxy::before(&server).await else {
        println!("left out: haproxy is not installed");
        return;
    };
    let mut passed = 0;
    for (number, Attempt { bytes, .. }) in corpus().iter().enumerate() {
        let mut client = RawClient::connect(proxy.address).await;
        client.send(bytes).await;
        client.half_close().await;
        // The proxy may refuse it with a reset of its own.
        let answers = client.read_lossy().await;
        let found = final_statuses(&answers);
        let text = String::from_utf8_lossy(bytes);
        passed += usize::from(found == [200]);
        // The connections behind the proxy are shared: were anything left on one, this would get it.
        let clean = format!("after {number}");
        let answers = exchange(proxy.address, post("/clean", &clean)).await;
        assert!(answers.ends_with(&clean), "after {text:?}: {answers}");
    }
    assert!(passed > 20, "the proxy passes on what is well written: {passed}");
    let received = server.script.received.lock().unwrap();
    assert!(received.iter().all(|(target, _)| *target != "hidden"), "a hidden request was seen");
}
