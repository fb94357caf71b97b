use super::{ANYBODY, PROXY, TEXT, connect_from};
use crate::harness::wait::wait_until_equal;
use crate::harness::{Home, Http1, Server, Workflow};

fn proxies(header: &str) -> String {
    format!("[proxies]\ntrusted = [\"{PROXY}/32\"]\nclient_address = \"{header}\"\n")
}

/// A home whose one receiver answers with the address of its client.
fn home(tables: &str, tls: bool) -> Home {
    let home = Home::and(tables);
    let workflow = Workflow::new("Who", "who").with("MessageType", TEXT).with("UseSsl", tls);
    home.workflow("who", &workflow.responding("${ClientIP}").build());
    home
}

fn client_ip(server: &Server, source: std::net::Ipv4Addr, headers: &[(&str, &str)]) -> String {
    let stream = connect_from(source, server.socket());
    let tls = server.addresses()["Who"].tls;
    let mut http = if tls {
        let config = crate::harness::http1::tls_config(server.certificate(), "http/1.1");
        Http1::tls_over(stream, config)
    } else {
        Http1::plain_over(stream)
    };
    let answer = http.request_with("POST", "/who", headers, "text");
    assert_eq!(answer.status, 200, "{headers:?}: {answer:?}");
    answer.text()
}

const X_FORWARDED_FOR: &str = "X-Forwarded-For";

#[test]
fn x_forwarded_for_of_a_trusted_proxy_names_the_client_and_of_nobody_else() {
    let cases: [(&str, &[&str], &str); 11] = [
        ("one address", &["192.0.2.7"], "192.0.2.7"),
        ("with a port", &["192.0.2.7:4711"], "192.0.2.7"),
        ("IPv6", &["2001:db8::9"], "2001:db8::9"),
        ("IPv6 with a port", &["[2001:db8::9]:4711"], "2001:db8::9"),
        ("IPv4 in IPv6", &["::ffff:192.0.2.7"], "192.0.2.7"),
        ("what the client invents stands left", &["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("two proxies in a row", &["192.0.2.7, 127.0.0.2"], "192.0.2.7"),
        ("two fields", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("no address", &["unknown"], "127.0.0.2"),
        ("rubbish at the right", &["192.0.2.7, x"], "127.0.0.2"),
        ("no field", &[], "127.0.0.2"),
    ];
    for tls in [false, true] {
        let home = home(&proxies("x-forwarded-for"), tls);
        let server = home.serve();
        for (name, values, expected) in cases {
            let fields: Vec<_> = values.iter().map(|value| (X_FORWARDED_FOR, *value)).collect();
            assert_eq!(client_ip(&server, PROXY, &fields), expected, "TLS {tls}, {name}");
            let untrusted = client_ip(&server, ANYBODY, &fields);
            assert_eq!(untrusted, ANYBODY.to_string(), "TLS {tls}, {name}, untrusted");
        }
        let other = client_ip(&server, PROXY, &[("Forwarded", "for=192.0.2.7")]);
        assert_eq!(other, PROXY.to_string(), "a header that is not configured");
        server.stop();
    }
}

#[test]
fn forwarded_of_a_trusted_proxy_names_the_client_and_of_nobody_else() {
    let cases: [(&str, &[&str], &str); 9] = [
        ("one address", &["for=192.0.2.7"], "192.0.2.7"),
        ("more parameters", &["by=127.0.0.2;For=192.0.2.7;proto=https;host=a"], "192.0.2.7"),
        ("IPv6", &["for=\"[2001:db8::9]:4711\""], "2001:db8::9"),
        ("what the client invents", &["for=198.51.100.1, for=192.0.2.7"], "192.0.2.7"),
        ("two proxies in a row", &["for=192.0.2.7, for=127.0.0.2"], "192.0.2.7"),
        ("two fields", &["for=198.51.100.1", "for=192.0.2.7"], "192.0.2.7"),
        ("an opened quote", &["for=\"198.51.100.1, for=192.0.2.7"], "127.0.0.2"),
        ("hidden", &["for=_hidden"], "127.0.0.2"),
        ("no field", &[], "127.0.0.2"),
    ];
    let home = home(&proxies("forwarded"), false);
    let server = home.serve();
    for (name, values, expected) in cases {
        let fields: Vec<_> = values.iter().map(|value| ("Forwarded", *value)).collect();
        assert_eq!(client_ip(&server, PROXY, &fields), expected, "{name}");
        assert_eq!(client_ip(&server, ANYBODY, &fields), ANYBODY.to_string(), "{name}, untrusted");
    }
    let other = client_ip(&server, PROXY, &[(X_FORWARDED_FOR, "192.0.2.7")]);
    assert_eq!(other, PROXY.to_string(), "a header that is not configured");
    server.stop();
}

#[test]
fn nobody_is_trusted_by_default_and_a_saved_configuration_counts_for_open_connections() {
    let home = home("", false);
    let server = home.serve();
    let mut http = Http1::plain_over(connect_from(PROXY, server.socket()));
    let fields = [(X_FORWARDED_FOR, "192.0.2.7"), ("Forwarded", "for=192.0.2.8")];
    let mut told = || http.request_with("POST", "/who", &fields, "text").text();
    assert_eq!(told(), PROXY.to_string());
    let config = home.read("tureen.toml").unwrap();
    for (header, expected) in
        [("x-forwarded-for", "192.0.2.7"), ("forwarded", "192.0.2.8"), ("none", "127.0.0.2")]
    {
        home.replace("tureen.toml", format!("{config}\n{}", proxies(header)));
        wait_until_equal(header, &expected.to_owned(), &mut told);
    }
    server.stop();
}

#[test]
fn headers_of_clients_are_not_taken_over_without_saying_whose() {
    for (name, tables) in [
        ("address", "[proxies]\nclient_address = \"forwarded\"\n"),
        ("certificate", "[proxies]\nclient_certificate = \"client-cert\"\n"),
    ] {
        let home = home(tables, false);
        for command in ["check", "serve"] {
            let ran = home.run(&[command]);
            assert_eq!(ran.code, Some(2), "{name}, {command}: {ran:?}");
            assert!(ran.stderr.contains("needs proxies.trusted"), "{name}, {command}: {ran:?}");
        }
    }
}
