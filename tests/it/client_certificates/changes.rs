use super::{connect_as, guarded};
use crate::harness::certificates::{Identity, TLS_VERSIONS, client_config, params};
use crate::harness::wait::wait_until_equal;
use crate::harness::{Home, Http1};

#[test]
fn a_changed_list_counts_at_once_on_open_connections_and_for_kept_sessions() {
    for (version_name, version) in TLS_VERSIONS {
        let (ward, lab) =
            (Identity::self_signed(&params("Ward")), Identity::self_signed(&params("Lab")));
        let home = Home::new();
        let allowing = |list: &str| guarded("guarded", "guarded", list).build();
        home.workflow("guarded", &allowing(&ward.sha256()));
        let server = home.serve();
        // One configuration: what the server lets it keep of a session, it offers again.
        let config = client_config(version, server.certificate(), Some(&ward));
        let connect = || Http1::with_tls(server.socket(), config.clone());
        let mut open = connect();
        for turn in 0..3 {
            assert_eq!(connect().post("/guarded", "text").status, 200, "{version_name}, {turn}");
        }
        assert_eq!(open.post("/guarded", "text").status, 200);
        for (name, list, expected) in [
            ("taken off the list", lab.sha256(), 403),
            ("back on it", format!("{},{}", lab.sha256(), ward.sha1()), 200),
            ("off again", lab.sha1(), 403),
        ] {
            home.replace("workflows/guarded.hl7Workflow", allowing(&list).to_string());
            let what = format!("{version_name}, {name}, on the open connection");
            wait_until_equal(&what, &expected, || open.post("/guarded", "").status);
            for turn in 0..3 {
                let answer = connect().post("/guarded", "text");
                assert_eq!(answer.status, expected, "{version_name}, {name}, {turn}: {answer:?}");
            }
        }
        assert_eq!(connect_as(&server, Some(&lab)).post("/guarded", "text").status, 200);
        server.stop();
    }
}
