use super::{connect, connect_as, guarded};
use crate::harness::Home;
use crate::harness::certificates::{Identity, TLS_VERSIONS, params};

/// `AB CD EF`, as Windows shows it.
fn spaced(thumbprint: &str, between: &str) -> String {
    let pairs = thumbprint.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    pairs.collect::<Vec<_>>().join(between)
}

#[test]
fn a_thumbprint_in_any_spelling_and_at_any_place_of_a_list_lets_its_client_in_and_no_other() {
    let client = Identity::self_signed(&params("Ward"));
    let stranger = Identity::self_signed(&params("Ward"));
    let (sha1, sha256) = (client.sha1(), client.sha256());
    let (one, other) = ("ab".repeat(32), "cd".repeat(20));
    let lists = [
        ("sha-256", sha256.clone()),
        ("upper case", sha256.to_uppercase()),
        ("colons", spaced(&sha256.to_uppercase(), ":")),
        ("blanks", spaced(&sha256, " ")),
        ("hyphens", spaced(&sha256, "-")),
        ("invisible mark", format!("\u{200e}{}", spaced(&sha1, " "))),
        ("byte order mark", format!("\u{feff}{sha256}")),
        ("line end", format!("{sha256}\r\n")),
        ("sha-1", sha1.clone()),
        ("sha-1 upper case", sha1.to_uppercase()),
        ("first of a list", format!("{sha256},{one},{other}")),
        ("middle of a list", format!("{one}, {} ,{other}", spaced(&sha1, " "))),
        ("last of a list", format!("{other},{one},{}", sha256.to_uppercase())),
        ("surplus commas", format!(",{one},,{sha256},")),
        ("both kinds", format!("{sha1},{sha256}")),
    ];
    let home = Home::new();
    for (name, list) in &lists {
        home.workflow(name, &guarded(name, &name.replace(' ', "-"), list).build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), lists.len(), "{}", server.said());
    for (version_name, version) in TLS_VERSIONS {
        let mut known = connect(&server, server.socket(), version, Some(&client));
        let mut unknown = connect(&server, server.socket(), version, Some(&stranger));
        let mut nobody = connect(&server, server.socket(), version, None);
        for (name, _) in &lists {
            let path = format!("/{}", name.replace(' ', "-"));
            let answer = known.post(&path, "text");
            assert_eq!(answer.status, 200, "{version_name}, {name}: {answer:?}");
            assert_eq!(answer.text(), "let in", "{version_name}, {name}");
            for (who, http) in [("a stranger", &mut unknown), ("nobody", &mut nobody)] {
                let answer = http.post(&path, "");
                assert_eq!(answer.status, 403, "{version_name}, {name}, {who}: {answer:?}");
            }
        }
    }
    server.stop();
}

#[test]
fn a_list_that_is_not_whole_thumbprints_starts_no_receiver() {
    let client = Identity::self_signed(&params("Ward"));
    let (sha1, sha256) = (client.sha1(), client.sha256());
    let lists = [
        ("T-03 part", sha256[..39].to_owned()),
        ("T-03 short part", sha1[..8].to_owned()),
        ("T-03 one digit less", sha1[..39].to_owned()),
        ("T-03 one digit more", format!("{sha256}a")),
        ("T-03 glued", format!("{sha1}{}", client.sha1())),
        ("T-03 part in a list", format!("{sha256},{}", &sha256[..12])),
        ("other separator", format!("{sha1};{sha256}")),
        ("no thumbprint", "partner certificate".to_owned()),
        ("empty", String::new()),
        ("blank", " \u{200e}, ,".to_owned()),
    ];
    let home = Home::new();
    home.workflow("good", &guarded("good", "good", &sha256).build());
    for (name, list) in &lists {
        let workflow = guarded(name, &name.replace(' ', "-"), list);
        home.workflow(name, &workflow.build());
    }
    let report = home.run(&["check", "--json"]).json();
    let server = home.serve();
    let names: Vec<&String> = server.addresses().keys().collect();
    assert_eq!(names, ["good"], "{}", server.said());
    let mut http = connect_as(&server, Some(&client));
    for (name, _) in &lists {
        let file = format!("{name}.hl7Workflow");
        let told = report["diagnostics"].as_array().unwrap().iter().filter(|told| {
            told["severity"] == "error" && told["file"].as_str().unwrap().ends_with(&file)
        });
        let codes: Vec<&str> = told.map(|told| told["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["WF053"], "{name}: {report:#}");
        server.wait_for_log(&file);
        let answer = http.post(&format!("/{}", name.replace(' ', "-")), "");
        assert!(matches!(answer.status, 404 | 503), "{name}: {answer:?}");
    }
    assert_eq!(http.post("/good", "text").status, 200);
    server.stop();
}
