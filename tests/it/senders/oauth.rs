//! OAuth 2.0 with a real token endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::peers::{HttpServer, response};
use super::{HTTP_SENDER, home};
use crate::harness::messages::adt;
use crate::harness::{Activity, Home};

/// A token endpoint that counts its tokens, and a server that takes those from
/// a number on.
struct Peers {
    tokens: HttpServer,
    lab: HttpServer,
}

fn peers(accepted_from: usize, life: u64) -> Peers {
    let given = AtomicUsize::new(0);
    let tokens = HttpServer::start(None, move |_| {
        let number = given.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!("token-{number}");
        let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": life });
        response(200, &[("Content-Type", "application/json")], body.to_string())
    });
    let lab = HttpServer::start(None, move |seen| {
        let number = seen.field("authorization").and_then(|it| it.strip_prefix("Bearer token-"));
        let number: usize = number.map_or(0, |number| number.parse().unwrap());
        if number >= accepted_from { response(200, &[], "ok") } else { response(401, &[], "no") }
    });
    Peers { tokens, lab }
}

impl Peers {
    fn home(&self, more: Value) -> Home {
        let mut oauth = json!({
            "TokenEndpoint": format!("http://127.0.0.1:{}/token", self.tokens.port),
            "ClientId": "tureen", "ClientSecret": "in clear", "Scope": "results.write",
        });
        for (name, value) in more.as_object().unwrap() {
            oauth[name] = value.clone();
        }
        let granted = format!(
            "[plugins.http-sender]\nhttp = [\"http://127.0.0.1:{}\", \"http://127.0.0.1:{}\"]\n",
            self.lab.port, self.tokens.port
        );
        let activity = Activity::of_class(HTTP_SENDER, "Lab")
            .with("Server", format!("http://127.0.0.1:{}/in", self.lab.port))
            .with("MessageType", 13)
            .with("AuthenticationMode", 2)
            .with("OAuthSettings", oauth)
            .template("text");
        home(&granted, activity)
    }
}

#[test]
fn a_token_is_asked_for_once_and_used_for_all_messages() {
    let peers = peers(1, 3600);
    let home = peers.home(json!({ "ResourceParameterType": 1, "ResourceOrAudience": "urn:lab" }));
    let server = home.serve();
    let mut http = server.http1();
    for id in ["O1", "O2", "O3"] {
        assert_eq!(http.post("/in", adt(id, "1")).text(), "ok", "{id}");
    }
    drop(http);
    let log = server.stop();
    let tokens = peers.tokens.seen();
    assert_eq!((tokens.len(), peers.lab.seen().len()), (1, 3));
    assert_eq!(
        tokens[0].text(),
        "grant_type=client_credentials&scope=results.write&audience=urn%3Alab"
    );
    // tureen:in%20clear
    assert_eq!(tokens[0].field("authorization"), Some("Basic dHVyZWVuOmluJTIwY2xlYXI="));
    assert!(!log.contains("token-1") && !log.contains("in clear"), "{log}");
}

#[test]
fn a_token_that_is_not_accepted_is_replaced_once() {
    let peers = peers(2, 3600);
    let home = peers.home(json!({ "ClientAuthenticationStyle": 1 }));
    let server = home.serve();
    assert_eq!(server.http1().post("/in", adt("O1", "1")).text(), "ok");
    assert_eq!((peers.tokens.seen().len(), peers.lab.seen().len()), (2, 2));
    assert!(peers.tokens.seen()[0].text().contains("client_secret=in%20clear"));
    server.stop();
    let refusing = self::peers(usize::MAX, 3600);
    let home = refusing.home(json!({}));
    let server = home.serve();
    let answer = server.http1().post("/in", adt("O1", "1"));
    assert!(answer.text().contains("http.status"), "{answer:?}");
    assert_eq!(refusing.lab.seen().len(), 2, "once more, and not for ever");
    server.stop();
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let peers = peers(1, 60);
    let home = peers.home(json!({ "ExpirySkewSeconds": 60 }));
    let server = home.serve();
    let mut http = server.http1();
    for id in ["O1", "O2"] {
        assert_eq!(http.post("/in", adt(id, "1")).text(), "ok");
    }
    assert_eq!(peers.tokens.seen().len(), 2);
    drop(http);
    server.stop();
}

#[test]
fn a_token_endpoint_that_refuses_fails_the_message_without_sending_it() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    let tokens = HttpServer::start(None, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        response(400, &[], r#"{"error":"invalid_client","error_description":"for Ekholm"}"#)
    });
    let lab = HttpServer::start(None, |_| response(200, &[], "ok"));
    let peers = Peers { tokens, lab };
    let home = peers.home(json!({}));
    let server = home.serve();
    let answer = server.http1().post("/in", adt("O1", "1"));
    assert!(answer.text().contains("http.token"), "{answer:?}");
    let log = server.stop();
    assert!(log.contains("invalid_client") && !log.contains("Ekholm"), "{log}");
    assert_eq!((refusals.load(Ordering::Relaxed), peers.lab.seen().len()), (1, 0));
}
