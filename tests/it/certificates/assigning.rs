use super::{Kept, certificate, done, impossible, refused, serving, wait_until_shown};
use crate::harness::Home;
use crate::harness::certificates::shown;

/// The certificate of a name in the store.
fn stored(home: &Home, name: &str) -> Vec<u8> {
    let pem = home.read(&format!("certificates/{name}/certificate.pem")).unwrap();
    crate::harness::openssl::output(["x509", "-outform", "DER"], pem).stdout
}

#[test]
fn bound_unbound_and_default_certificates_are_shown_from_the_next_handshake_on() {
    let (home, server, [first, second]) = serving(["first", "second"]);
    let mut kept = Kept::open(&server, &[first, second]);
    let original = server.certificate().to_vec();
    for name in ["www", "other"] {
        done(&home, &["create", name, "--host", "localhost"], "made");
    }
    let (www, other) = (stored(&home, "www"), stored(&home, "other"));
    let port = first.port().to_string();
    let port = port.as_str();
    type Step<'s> = (&'s [&'s str], &'s str, &'s [u8], &'s [u8]);
    let steps: [Step<'_>; 9] = [
        (&["bind", port, "www"], "bound: port", &www, &original),
        (&["bind", port, "www"], "already has a certificate: this one", &www, &original),
        (&["bind", port, "other", "--replace"], "instead of \"www\"", &other, &original),
        (&["default", "www"], "the default certificate is \"www\" now", &other, &www),
        (&["unbind", port], "removed: port", &www, &www),
        (&["remove", "other"], "removed: \"other\"", &www, &www),
        (&["bind", port, "default"], "bound: port", &original, &www),
        (
            &["default", "default"],
            "the default certificate is \"default\" now",
            &original,
            &original,
        ),
        (&["remove", "www"], "removed: \"www\"", &original, &original),
    ];
    for (arguments, words, at_first, at_second) in steps {
        done(&home, arguments, words);
        let what = format!("the certificates after {arguments:?}");
        wait_until_shown(&what, first, at_first);
        wait_until_shown(&what, second, at_second);
        kept.all_answer(&what);
    }
    server.stop();
}

#[test]
fn what_is_refused_changes_nothing() {
    let (home, server, [first]) = serving(["first"]);
    for name in ["www", "other"] {
        done(&home, &["create", name, "--host", "localhost"], "made");
    }
    let port = first.port().to_string();
    let port = port.as_str();
    refused(&home, &["unbind", port], "no certificate on this port");
    done(&home, &["bind", port, "www"], "bound: port");
    let www = stored(&home, "www");
    wait_until_shown("the bound certificate", first, &www);
    done(&home, &["default", "other"], "is \"other\" now");
    for (arguments, words) in [
        (&["bind", port, "other"][..], "already has a certificate: \"www\""),
        (&["remove", "www"], "\"www\" is used: port"),
        (&["remove", "other"], "\"other\" is used: default"),
        (&["create", "www", "--host", "localhost"], "there is a certificate \"www\" already"),
    ] {
        refused(&home, arguments, words);
        assert_eq!(shown(first).to_vec(), www, "after {arguments:?}");
    }
    for (arguments, words) in [
        (&["bind", port, "nobody"][..], "no certificate is called \"nobody\""),
        (&["default", "nobody"], "no certificate is called \"nobody\""),
        (&["remove", "nobody"], "nobody"),
        (&["show", &"ab".repeat(20)], "no certificate has the thumbprint"),
    ] {
        impossible(&home, arguments, words);
        assert_eq!(shown(first).to_vec(), www, "after {arguments:?}");
    }
    server.stop();
}

#[test]
fn a_certificate_dropped_into_the_store_is_shown_and_one_that_cannot_be_used_is_not() {
    let (home, server, [first]) = serving(["first"]);
    let mut kept = Kept::open(&server, &[first]);
    let port = first.port().to_string();
    let (dropped, successor) = (certificate("Dropped"), certificate("Successor"));
    let write = |name: &str, content: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let beside = home.write("beside.pem", content);
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(beside, home.path(&format!("certificates/{name}"))).unwrap();
    };
    write("dropped.pem", &dropped.whole_pem());
    done(&home, &["bind", &port, "dropped"], "bound: port");
    wait_until_shown("the dropped file", first, &dropped.own());
    write("dropped.pem", &successor.whole_pem());
    wait_until_shown("its successor", first, &successor.own());
    let strange_key = successor.chain_pem() + &dropped.key_pem();
    for (name, content, words) in [
        ("key of another", strange_key.as_str(), "belongs to another certificate than"),
        ("no key", &successor.chain_pem(), "a certificate is not taken, what is shown stays"),
        ("half", &successor.whole_pem()[..300], "a certificate is not taken, what is shown stays"),
        ("empty", "", "a certificate is not taken, what is shown stays"),
    ] {
        let before = server.log().matches(words).count();
        write("dropped.pem", content);
        server.wait_for_log_times(words, before + 1);
        assert_eq!(shown(first), successor.own(), "{name}");
        kept.all_answer(name);
        write("dropped.pem", &dropped.whole_pem());
        wait_until_shown(name, first, &dropped.own());
        write("dropped.pem", &successor.whole_pem());
        wait_until_shown(name, first, &successor.own());
    }
    std::fs::remove_file(home.path("certificates/dropped.pem")).unwrap();
    server.wait_for_log("has gone from the store");
    assert_eq!(shown(first), successor.own(), "what is gone is shown until the server ends");
    kept.all_answer("the file is gone");
    server.stop();
}
