use super::receiver;
use crate::harness::certificates::{Identity, params};
use crate::harness::{Home, Workflow};

/// What `tureen check` prints, with `HOME` for the path of the home.
fn report(home: &Home) -> String {
    let ran = home.run(&["check"]);
    let path = home.root().canonicalize().unwrap();
    ran.stdout.replace(path.to_str().unwrap(), "HOME")
}

fn at_port(workflow: Workflow) -> Workflow {
    workflow.with("Port", 18_443)
}

#[test]
fn the_report_is_these_lines() {
    type Fill = fn(&Home);
    let scenes: [(&str, Fill, &str); 5] = [
        (
            "T-01 Basic over plain HTTP",
            |home| {
                let plain = at_port(receiver("Lab results")).with("UseSsl", false);
                let basic = plain.with("Authentication", true);
                let basic = basic.with("AuthenticationUserName", "ward");
                home.workflow("lab", &basic.with("AuthenticationPassword", "${Secret}").build());
                let config = home.read("tureen.toml").unwrap();
                home.write("tureen.toml", config + "\n[globals]\nSecret = \"x\"\n");
            },
            BASIC,
        ),
        (
            "T-57 one port with different TLS settings",
            |home| {
                home.workflow("a", &at_port(receiver("First")).build());
                let plain = at_port(receiver("Second")).with("ServiceName", "other");
                home.workflow("b", &plain.with("UseSsl", false).build());
            },
            PORT_CONFLICT,
        ),
        (
            "the same address twice",
            |home| {
                home.workflow("a", &at_port(receiver("First")).build());
                home.workflow("b", &at_port(receiver("Second")).with("ServiceName", "IN").build());
            },
            ADDRESS_TWICE,
        ),
        (
            "a thumbprint that no certificate has",
            |home| {
                let own = at_port(receiver("Lab")).with("UseDefaultSSLCertificate", false);
                let own = own.with("CertificateThumbPrint", "\u{200e}ab".repeat(20));
                home.workflow("lab", &own.build());
                let ran = home.run(&["cert", "create", "www", "--host", "localhost"]);
                assert_eq!(ran.code, Some(0), "{ran:?}");
            },
            UNKNOWN_THUMBPRINT,
        ),
        (
            "a key of another certificate",
            |home| {
                use std::os::unix::fs::PermissionsExt as _;
                home.workflow("lab", &at_port(receiver("Lab")).build());
                let folder = home.path("certificates/default");
                std::fs::create_dir_all(folder).unwrap();
                let [own, other] =
                    ["Own", "Other"].map(|name| Identity::self_signed(&params(name)));
                home.write("certificates/default/certificate.pem", own.chain_pem());
                let key = home.write("certificates/default/key.pem", other.key_pem());
                std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
            },
            KEY_MISMATCH,
        ),
    ];
    for (name, fill, expected) in scenes {
        let home = Home::new();
        fill(&home);
        assert_eq!(report(&home), expected.trim_start_matches('\n'), "{name}");
    }
}

const BASIC: &str = r#"
error[WF050]: Basic authentication is asked for over plain HTTP, where everybody on the way can read the password
  at        HOME/workflows/lab.hl7Workflow:21:25
  field     /WorkflowPattern/0/Authentication
  expected  UseSsl true
  found     plain HTTP
  help      if TLS ends before this server, allow it: basic_without_tls = true in [receivers."Lab results"] of tureen.toml

1 workflow file(s) checked: 1 error(s), 0 warning(s)
"#;

const PORT_CONFLICT: &str = r#"
error[WF070]: two workflows want port 18443 with different TLS settings
  at        HOME/workflows/b.hl7Workflow:15:17
  field     /WorkflowPattern/0/UseSsl
  expected  TLS with the default certificate, as "First" in HOME/workflows/a.hl7Workflow has it
  found     plain HTTP
  help      give one of them another port, or both the same TLS settings

2 workflow file(s) checked: 1 error(s), 0 warning(s)
"#;

const ADDRESS_TWICE: &str = r#"
error[WF071]: two workflows want port 18443 and path "/IN"
  at        HOME/workflows/b.hl7Workflow:13:22
  field     /WorkflowPattern/0/ServiceName
  found     "First" in HOME/workflows/a.hl7Workflow has it
  help      give one of them another ServiceName or address

2 workflow file(s) checked: 1 error(s), 0 warning(s)
"#;

const UNKNOWN_THUMBPRINT: &str = r#"
error[WF091]: no certificate has the thumbprint ABABABABABABABABABABABABABABABABABABABAB; `tureen cert list` shows those that are there and what is wrong with others
  at        HOME/workflows/lab.hl7Workflow:22:32
  field     /WorkflowPattern/0/CertificateThumbPrint

1 workflow file(s) checked: 1 error(s), 0 warning(s)
"#;

const KEY_MISMATCH: &str = r#"
error[WF091]: the private key HOME/certificates/default/key.pem belongs to another certificate than HOME/certificates/default/certificate.pem. Put the key that belongs to it in its place, or import both again
  at        HOME/workflows/lab.hl7Workflow:15:17
  field     /WorkflowPattern/0/UseSsl

1 workflow file(s) checked: 1 error(s), 0 warning(s)
"#;
