use rcgen::date_time_ymd;

use super::{assert_one_fault, receiver};
use crate::harness::certificates::{Identity, params, shown};
use crate::harness::{Home, Workflow};

fn naming(thumbprint: &str) -> Workflow {
    let own = receiver("Lab").with("UseDefaultSSLCertificate", false);
    own.with("CertificateThumbPrint", thumbprint)
}

/// A certificate in the store, as a careless copy puts it there.
fn store(home: &Home, name: &str, certificate: &str, key: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(home.path(&format!("certificates/{name}"))).unwrap();
    home.write(&format!("certificates/{name}/certificate.pem"), certificate);
    let key = home.write(&format!("certificates/{name}/key.pem"), key);
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_thumbprint_that_no_certificate_has_starts_no_receiver() {
    let absent = "ab".repeat(20);
    let message = format!("no certificate has the thumbprint {}", absent.to_uppercase());
    for (name, has_store) in [("no store yet", false), ("a store with others", true)] {
        let home = Home::new();
        if has_store {
            let other = Identity::self_signed(&params("Other"));
            store(&home, "other", &other.chain_pem(), &other.key_pem());
        }
        home.workflow("lab", &naming(&absent).build());
        let words = [message.as_str(), "tureen cert list", "lab.hl7Workflow"];
        assert_one_fault(&home, name, ("error", "WF091"), &words, &[]);
    }
}

#[test]
fn an_expired_certificate_is_told_and_shown_all_the_same() {
    let mut params = params("Old");
    params.not_after = date_time_ymd(2021, 1, 1);
    let old = Identity::self_signed(&params);
    for (name, workflow) in [("named", naming(&old.sha1())), ("default", receiver("Lab"))] {
        let home = Home::new();
        store(&home, "old", &old.chain_pem(), &old.key_pem());
        if name == "default" {
            let ran = home.run(&["cert", "default", "old"]);
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
        home.workflow("lab", &workflow.build());
        let found = super::only_diagnosis(&home, name);
        let found = (&found["code"], &found["severity"], found["message"].as_str().unwrap());
        let message =
            "the certificate \"old\" has expired at 2021-01-01T00:00:00Z; clients refuse it";
        assert_eq!(found, (&"WF091".into(), &"warning".into(), message), "{name}");
        let server = home.serve();
        server.wait_for_log(message);
        assert_eq!(shown(server.socket()), old.own(), "{name}");
        let log = server.stop();
        assert_eq!(log.matches(message).count(), 1, "{name}: told once: {log}");
    }
}

#[test]
fn a_key_of_another_certificate_starts_no_receiver() {
    let (own, other) =
        (Identity::self_signed(&params("Own")), Identity::self_signed(&params("Other")));
    for name in ["default", "bound"] {
        let home = Home::new();
        let workflow = receiver("Lab").build();
        store(&home, "mixed", &own.chain_pem(), &own.key_pem());
        let port = workflow["WorkflowPattern"][0]["Port"].to_string();
        let assign: &[&str] = match name {
            "default" => &["cert", "default", "mixed"],
            _ => &["cert", "bind", &port, "mixed"],
        };
        let ran = home.run(assign);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        store(&home, "mixed", &own.chain_pem(), &other.key_pem());
        home.workflow("lab", &workflow);
        let words = [
            "certificates/mixed/key.pem",
            "belongs to another certificate than",
            "certificates/mixed/certificate.pem",
            "lab.hl7Workflow",
        ];
        assert_one_fault(&home, name, ("error", "WF091"), &words, &[]);
    }
}
