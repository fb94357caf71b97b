use super::*;

fn told(parsed: Result<Destination, InvalidDestination>) -> String {
    match parsed {
        Ok(destination) => destination.to_string(),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn an_http_destination_is_a_server() {
    for (text, expected) in [
        ("https://lab.example.org", "https://lab.example.org"),
        ("HTTPS://Lab.Example.ORG.", "https://lab.example.org"),
        ("https://lab.example.org:443/", "https://lab.example.org"),
        ("http://lab.example.org:443", "http://lab.example.org:443"),
        ("http://10.1.2.3:8080", "http://10.1.2.3:8080"),
        ("https://*.example.org:8443", "https://*.example.org:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[::ffff:10.1.2.3]", "https://10.1.2.3"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
    ] {
        assert_eq!(told(Destination::http(text)), expected, "{text}");
    }
    for (text, reason) in [
        ("", "expected https://host"),
        ("lab.example.org", "expected https://host"),
        ("ftp://lab.example.org", "the scheme http or https"),
        ("https://", "1 to 253 bytes"),
        ("https://lab.example.org/path", "leave the path away"),
        ("https://lab.example.org?x", "leave the path away"),
        ("https://lab.example.org\\@evil.example", "leave the path away"),
        ("https://user@lab.example.org", "without a user"),
        ("https://user:word@lab.example.org", "without a user"),
        ("https://lab.example.org:0", "a port from 1 to 65535"),
        ("https://lab.example.org:65536", "a port from 1 to 65535"),
        ("https://lab.example.org:+80", "a port from 1 to 65535"),
        ("https://lab.example.org:", "a port from 1 to 65535"),
        ("https://*", "a star stands for the first part"),
        ("https://*.org", "a whole top-level domain"),
        ("https://lab.*.org", "a star stands for the first part"),
        ("https://*lab.example.org", "a star stands for the first part"),
        ("https://münchen.example", "ASCII form"),
        ("https://lab..example.org", "letters, digits"),
        ("https://lab example.org", "letters, digits"),
        ("https://2130706433", "four decimal numbers"),
        ("https://0x7f000001", "four decimal numbers"),
        ("https://0x7f.1", "four decimal numbers"),
        ("https://127.1", "four decimal numbers"),
        ("https://0177.0.0.1", "four decimal numbers"),
        ("https://127.0.0.1.", "four decimal numbers"),
        ("https://256.0.0.1", "four decimal numbers"),
        ("https://::1", "in brackets"),
        ("https://[::1", "between the brackets"),
        ("https://[fe80::1%25eth0]", "IPv6 address between"),
    ] {
        let found = told(Destination::http(text));
        assert!(found.starts_with("! ") && found.contains(reason), "{text}: {found}");
    }
}

#[test]
fn a_tcp_or_tls_destination_is_a_host_and_a_port() {
    assert_eq!(told(Destination::tcp("127.0.0.1:6661")), "127.0.0.1:6661");
    assert_eq!(told(Destination::tls("LIS.example.org:6661")), "lis.example.org:6661");
    assert_eq!(told(Destination::tls("*.example.org:6661")), "*.example.org:6661");
    assert_eq!(told(Destination::tcp("[fd00::1]:6661")), "[fd00::1]:6661");
    for text in ["lis.example.org", "", ":6661", "tcp://lis:6661", "fd00::1:6661", "lis:6661/x"] {
        let found = told(Destination::tcp(text));
        assert!(found.starts_with("! "), "{text}: {found}");
    }
}

#[test]
fn what_is_asked_for_is_compared_in_one_spelling() {
    let covers = |granted: &str, scheme: Scheme, host: &str, port: u16| {
        let granted = Destination::http(granted).or_else(|_| Destination::tcp(granted)).unwrap();
        Host::parse(host).is_ok_and(|host| granted.covers(scheme, &host, port))
    };
    for (granted, scheme, host, port, expected) in [
        ("https://lab.example.org", Scheme::Https, "LAB.example.org.", 443, true),
        ("https://lab.example.org", Scheme::Http, "lab.example.org", 443, false),
        ("https://lab.example.org", Scheme::Https, "lab.example.org", 8443, false),
        ("https://lab.example.org", Scheme::Https, "x.lab.example.org", 443, false),
        ("https://lab.example.org", Scheme::Https, "lab.example.org.evil.test", 443, false),
        ("https://*.example.org", Scheme::Https, "a.b.example.org", 443, true),
        ("https://*.example.org", Scheme::Https, "example.org", 443, false),
        ("https://*.example.org", Scheme::Https, ".example.org", 443, false),
        ("https://*.example.org", Scheme::Https, "evilexample.org", 443, false),
        ("http://127.0.0.1:80", Scheme::Http, "127.0.0.1", 80, true),
        ("http://127.0.0.1:80", Scheme::Http, "[::ffff:127.0.0.1]", 80, true),
        ("http://127.0.0.1:80", Scheme::Http, "2130706433", 80, false),
        ("http://127.0.0.1:80", Scheme::Http, "127.1", 80, false),
        ("http://127.0.0.1:80", Scheme::Http, "0x7f.0.0.1", 80, false),
        ("http://127.0.0.1:80", Scheme::Http, "localhost", 80, false),
        ("127.0.0.1:6661", Scheme::Tcp, "127.0.0.1", 6661, true),
        ("127.0.0.1:6661", Scheme::Tls, "127.0.0.1", 6661, false),
    ] {
        assert_eq!(covers(granted, scheme, host, port), expected, "{granted} {host}:{port}");
    }
}

#[test]
fn an_address_is_named_only_by_itself() {
    let granted = Destination::tcp("10.1.2.3:1").unwrap();
    assert!(granted.names_address("10.1.2.3".parse().unwrap()));
    assert!(granted.names_address("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!granted.names_address("10.1.2.4".parse().unwrap()));
    let name = Destination::tcp("localhost:1").unwrap();
    assert!(!name.names_address("127.0.0.1".parse().unwrap()));
}
