use super::{certificate, done, receiver, wait_until_shown};
use crate::harness::certificates::shown;
use crate::harness::ports::free_port;
use crate::harness::{Home, Workflow};

/// A receiver that names its certificate.
fn naming(name: &str, thumbprint: &str) -> Workflow {
    receiver(name, free_port())
        .with("UseDefaultSSLCertificate", false)
        .with("CertificateThumbPrint", thumbprint)
}

/// As a copy from a Windows dialog is.
fn pasted(thumbprint: &str) -> String {
    let pairs = thumbprint.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    format!("\u{200e}{}", pairs.collect::<Vec<_>>().join(" "))
}

fn import(home: &Home, name: &str, identity: &crate::harness::certificates::Identity) {
    let file = home.write("import.pem", identity.whole_pem());
    let file = file.to_str().unwrap().to_owned();
    done(home, &["import", &file, "--name", name, "--replace"], "imported");
}

#[test]
fn a_receiver_shows_the_certificate_that_it_names_in_any_spelling() {
    let home = Home::new();
    let (one, other) = (certificate("One"), certificate("Other"));
    import(&home, "one", &one);
    import(&home, "other", &other);
    let rows = [
        ("sha-1", one.sha1(), &one),
        ("sha-1 pasted", pasted(&one.sha1()), &one),
        ("sha-1 upper case", other.sha1().to_uppercase(), &other),
        ("sha-256", other.sha256(), &other),
        ("sha-256 pasted", pasted(&other.sha256().to_uppercase()), &other),
        ("no-break spaces", pasted(&one.sha1()).replace(' ', "\u{a0}"), &one),
        ("colons", pasted(&one.sha256()).replace(' ', ":"), &one),
        ("line end", format!("{}\r\n", one.sha1()), &one),
    ];
    for (name, thumbprint, _) in &rows {
        home.workflow(name, &naming(name, thumbprint).build());
    }
    home.workflow("default", &receiver("default", free_port()).build());
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let server = home.serve();
    for (name, _, expected) in &rows {
        assert_eq!(shown(server.addresses()[*name].socket), expected.own(), "{name}");
    }
    let default = server.addresses()["default"].socket;
    assert_eq!(shown(default), server.certificate(), "the default one beside them");
    server.stop();
}

#[test]
fn the_certificate_bound_to_a_port_comes_before_the_one_that_its_receiver_names() {
    let home = Home::new();
    let (named, bound) = (certificate("Named"), certificate("Bound"));
    import(&home, "named", &named);
    import(&home, "bound", &bound);
    home.workflow("first", &naming("first", &named.sha1()).build());
    let server = home.serve();
    let socket = server.addresses()["first"].socket;
    let port = socket.port().to_string();
    assert_eq!(shown(socket), named.own());
    for round in 0..2 {
        done(&home, &["bind", &port, &bound.sha256()], "bound: port");
        wait_until_shown(&format!("the bound one, {round}"), socket, &bound.own());
        let checked = home.run(&["check"]);
        let told = "shows the certificate \"bound\" that is bound to it, not the one that";
        assert!(checked.stdout.contains(told), "{checked:?}");
        assert_eq!(checked.code, Some(0), "a warning only: {checked:?}");
        done(&home, &["unbind", &port], "removed: port");
        wait_until_shown(&format!("the named one, {round}"), socket, &named.own());
    }
    server.stop();
}

#[test]
fn a_receiver_that_names_a_replaced_certificate_is_served_its_successor_with_a_warning() {
    let home = Home::new();
    let (first, second) = (certificate("First"), certificate("Second"));
    import(&home, "www", &first);
    home.workflow("named", &naming("named", &first.sha1()).build());
    let server = home.serve();
    let socket = server.addresses()["named"].socket;
    assert_eq!(shown(socket), first.own());
    import(&home, "www", &second);
    wait_until_shown("the successor", socket, &second.own());
    let told = format!(
        "the thumbprint {} is that of a former certificate \"www\"; its successor {} is served",
        first.sha1().to_uppercase(),
        second.sha256().to_uppercase()
    );
    server.wait_for_log(&told);
    server.stop();
    // And after a restart, since the store remembers.
    let server = home.serve();
    assert_eq!(shown(server.addresses()["named"].socket), second.own());
    server.wait_for_log(&told);
    server.stop();
}
