//! No way of writing a path leads from one receiver to another.

use super::harness::*;

#[tokio::test]
async fn no_spelling_of_a_path_reaches_another_receiver() {
    let server = serve_listener(limits(), desired(&["echo", "secret"], None)).await;
    let starts = ["/echo", "/echo/a", "/x", ""];
    let separators = [
        "/",
        "%2f",
        "%2F",
        "\\",
        "%5c",
        "%5C",
        "//",
        "/./",
        "%252f",
        "%c0%af",
        "%ef%bc%8f",
        ";/",
        "/%00/",
        "/;x/",
    ];
    let ups = [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "...",
        "..;",
        "..;x=y",
        "%c0%ae%c0%ae",
        "%u002e%u002e",
        "..%00",
        "..%20",
        "%e2%80%a5",
        "..%0d%0a",
        "..%09",
        "%2e%2e%2e%2e",
    ];
    let mut payloads = Vec::new();
    for start in starts {
        for separator in separators {
            for up in ups {
                payloads.push(format!("{start}{separator}{up}{separator}secret"));
                payloads.push(format!("{start}{separator}{up}/{up}/etc/passwd?/secret"));
            }
        }
    }
    assert!(payloads.len() >= 500, "{}", payloads.len());
    for payload in &payloads {
        let request = format!("GET {payload} HTTP/1.1\r\nHost: a\r\n\r\n");
        let found = statuses(&exchange(server.address, &request).await);
        let inside = payload.starts_with("/echo/") || payload.starts_with("/echo;");
        let possible: &[u16] = if inside { &[200, 400, 404] } else { &[400, 404] };
        assert!(found.len() == 1 && possible.contains(&found[0]), "{payload}: {found:?}");
    }
    let received = server.script.received.lock().unwrap();
    assert!(received.iter().all(|(target, _)| *target == "echo"));
    assert!(!received.is_empty(), "odd names below a receiver are its own");
}
