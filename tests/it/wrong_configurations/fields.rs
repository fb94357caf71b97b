use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{assert_one_fault, assert_told, check, receiver};
use crate::harness::certificates::Authority;
use crate::harness::wait::wait_for;
use crate::harness::{Home, Server, Workflow};

/// A row: what it is about, tables of `tureen.toml`, changes to a good receiver, what is told.
struct Row {
    name: &'static str,
    tables: &'static str,
    change: fn(Workflow) -> Workflow,
    code: &'static str,
    message: &'static str,
    words: &'static [&'static str],
}

const SHA256: &str = "0011223344556677889900112233445566778899001122334455667788990011";

fn basic(workflow: Workflow, user: &str, password: &str) -> Workflow {
    let workflow = workflow.with("Authentication", true);
    workflow.with("AuthenticationUserName", user).with("AuthenticationPassword", password)
}

fn hosted(workflow: Workflow) -> Workflow {
    workflow.with("UseIntegrationHostServiceAddress", true).with("UseSsl", false)
}

fn guarded(workflow: Workflow) -> Workflow {
    workflow.with("RequireClientCertificate", true)
}

const SHARED_PLAIN: &str = "[service_address]\nport = 11999\ntls = false\n";
const SHARED: &str = "[service_address]\nport = 11998\n";

/// Each keeps its workflow from starting.
const ERRORS: &[Row] = &[
    Row {
        name: "T-01 Basic, plain HTTP",
        tables: "",
        change: |it| basic(it, "ward", "secret").with("UseSsl", false),
        code: "WF050",
        message: "Basic authentication is asked for over plain HTTP",
        words: &["UseSsl true", "basic_without_tls = true in [receivers.\""],
    },
    Row {
        name: "T-01 Basic, shared address without TLS",
        tables: SHARED_PLAIN,
        change: |it| hosted(basic(it, "ward", "secret")),
        code: "WF050",
        message: "Basic authentication is asked for over plain HTTP",
        words: &["service_address.tls true"],
    },
    Row {
        name: "T-02 client certificate, plain HTTP",
        tables: "",
        change: |it| guarded(it).with("ClientCertificateThumbPrint", SHA256).with("UseSsl", false),
        code: "WF051",
        message: "a client certificate is required on plain HTTP",
        words: &["UseSsl true", "client_certificate in [proxies]"],
    },
    Row {
        name: "T-02 client certificate, shared address without TLS",
        tables: SHARED_PLAIN,
        change: |it| hosted(guarded(it).with("ClientCertificateThumbPrint", SHA256)),
        code: "WF051",
        message: "a client certificate is required on plain HTTP",
        words: &["service_address.tls true"],
    },
    Row {
        name: "client certificate, no list",
        tables: "",
        change: guarded,
        code: "WF053",
        message: "a client certificate is required and none is allowed",
        words: &["client_authorities of the receiver in tureen.toml"],
    },
    Row {
        name: "client certificate, blank list",
        tables: "",
        change: |it| guarded(it).with("ClientCertificateThumbPrint", " , \u{200e},"),
        code: "WF053",
        message: "a client certificate is required and none is allowed",
        words: &["client_authorities of the receiver in tureen.toml"],
    },
    Row {
        name: "T-03 client certificate, part of a thumbprint",
        tables: "",
        change: |it| guarded(it).with("ClientCertificateThumbPrint", &SHA256[..16]),
        code: "WF053",
        message: "a certificate is not named by a whole thumbprint",
        words: &["this has 16", "ClientCertificateThumbPrint"],
    },
    Row {
        name: "own certificate, none named",
        tables: "",
        change: |it| it.with("UseDefaultSSLCertificate", false),
        code: "WF052",
        message: "the receiver is to use a certificate of its own but names none",
        words: &["set UseDefaultSSLCertificate to true, or name the certificate"],
    },
    Row {
        name: "own certificate, blank thumbprint",
        tables: "",
        change: |it| {
            it.with("UseDefaultSSLCertificate", false).with("CertificateThumbPrint", "\u{200e} ")
        },
        code: "WF052",
        message: "the receiver is to use a certificate of its own but names none",
        words: &["set UseDefaultSSLCertificate to true, or name the certificate"],
    },
    Row {
        name: "own certificate, part of a thumbprint",
        tables: "",
        change: |it| {
            it.with("UseDefaultSSLCertificate", false).with("CertificateThumbPrint", "00 11 22")
        },
        code: "WF053",
        message: "a certificate is not named by a whole thumbprint",
        words: &["this has 6", "CertificateThumbPrint"],
    },
    Row {
        name: "Basic, no user",
        tables: "",
        change: |it| basic(it, "", "secret"),
        code: "WF055",
        message: "AuthenticationUserName is empty although Authentication is on",
        words: &["${Name}"],
    },
    Row {
        name: "Basic, no password",
        tables: "",
        change: |it| basic(it, "ward", ""),
        code: "WF055",
        message: "AuthenticationPassword is empty although Authentication is on",
        words: &["${Name}"],
    },
    Row {
        name: "Basic, unknown secret",
        tables: "",
        change: |it| basic(it, "ward", "${LabPassword}"),
        code: "WF059",
        message: "AuthenticationPassword has no value",
        words: &["LabPassword", "add it to [secrets] of tureen.toml"],
    },
    Row {
        name: "host mode, no shared address",
        tables: "",
        change: hosted,
        code: "WF058",
        message: "the receiver wants the shared address, and this server has none",
        words: &["a port in [service_address] of tureen.toml"],
    },
];

/// Each is only told.
const WARNINGS: &[Row] = &[
    Row {
        name: "list, no client certificate required",
        tables: "",
        change: |it| it.with("ClientCertificateThumbPrint", SHA256),
        code: "WF057",
        message: "ClientCertificateThumbPrint has no effect: RequireClientCertificate is false",
        words: &["every client may send"],
    },
    Row {
        name: "authorities, no client certificate required",
        tables: "[receivers.\"authorities, no client certificate required\"]\nclient_authorities = [\"clinic.pem\"]\n",
        change: |it| it,
        code: "WF057",
        message: "client_authorities of tureen.toml have no effect",
        words: &["set it to true, or take client_authorities out"],
    },
    Row {
        name: "user, no authentication",
        tables: "",
        change: |it| it.with("AuthenticationUserName", "ward"),
        code: "WF057",
        message: "AuthenticationUserName has no effect: Authentication is false",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "thumbprint beside the default certificate",
        tables: "",
        change: |it| {
            it.with("UseDefaultSSLCertificate", true).with("CertificateThumbPrint", SHA256)
        },
        code: "WF057",
        message: "CertificateThumbPrint has no effect: UseDefaultSSLCertificate is true",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "thumbprint, no TLS",
        tables: "",
        change: |it| {
            let own = it.with("UseDefaultSSLCertificate", false).with("UseSsl", false);
            own.with("CertificateThumbPrint", SHA256)
        },
        code: "WF057",
        message: "CertificateThumbPrint has no effect: UseSsl is false",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "thumbprint in host mode",
        tables: SHARED,
        change: |it| {
            let own = hosted(it).with("UseDefaultSSLCertificate", false);
            own.with("CertificateThumbPrint", SHA256)
        },
        code: "WF057",
        message: "CertificateThumbPrint has no effect: the shared address has its own certificate",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "UseSsl in host mode",
        tables: SHARED,
        change: |it| hosted(it).with("UseSsl", true),
        code: "WF057",
        message: "UseSsl has no effect: tureen.toml decides about TLS of the shared address",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "parameters that are not extracted",
        tables: "",
        change: |it| it.with("QueryStringParameters", json!({ "mrn": { "VariableName": "Mrn" } })),
        code: "WF057",
        message: "QueryStringParameters has no effect: ExtractParameters is false",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "sections that are not extracted",
        tables: "",
        change: |it| it.with("UrlSections", json!([{ "VariableName": "Site" }])),
        code: "WF057",
        message: "UrlSections has no effect: ExtractUrlSections is false",
        words: &["turn on what it belongs to"],
    },
    Row {
        name: "client known by SHA-1",
        tables: "",
        change: |it| guarded(it).with("ClientCertificateThumbPrint", &SHA256[..40]),
        code: "WF056",
        message: "a client certificate is known by its SHA-1 thumbprint",
        words: &["the SHA-256 thumbprint, 64 hexadecimal digits"],
    },
    Row {
        name: "certificate fields of an old version",
        tables: "",
        change: |it| it.with("CertificatePath", "C:\\\\old.pfx").with("CertificateFromFile", true),
        code: "WF018",
        message: "certificate properties of an old version have no effect",
        words: &["CertificateFromFile, CertificatePath", "named by CertificateThumbPrint"],
    },
];

/// All rows with the same tables share a home, and each has a workflow of its own.
fn check_rows(rows: &[Row], severity: &str) {
    let tables: BTreeSet<&str> = rows.iter().map(|row| row.tables).collect();
    for tables in tables {
        let rows: Vec<(String, &Row)> = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.tables == tables)
            .map(|(number, row)| (format!("row{number}"), row))
            .collect();
        let home = Home::and(tables);
        home.write("clinic.pem", Authority::root("Clinic").pem());
        for (file, row) in &rows {
            let workflow = (row.change)(receiver(row.name).with("ServiceName", file.as_str()));
            home.workflow(file, &workflow.build());
        }
        check_home(&home, &rows, severity);
    }
}

fn check_home(home: &Home, rows: &[(String, &Row)], severity: &str) {
    let (all, code) = check(home);
    assert_eq!(code, Some(i32::from(severity == "error")), "{all:#?}");
    let server = home.serve();
    for (file, row) in rows {
        let ending = format!("/{file}.hl7Workflow");
        let of_file = |it: &&Value| it["file"].as_str().unwrap().ends_with(&ending);
        let found: Vec<&Value> = all.iter().filter(of_file).collect();
        assert_eq!(found.len(), 1, "{}: one diagnosis: {found:#?}", row.name);
        let words = [&[row.message], row.words].concat();
        assert_told(row.name, found[0], (severity, row.code), &words);
        let runs = server.addresses().contains_key(row.name);
        assert_eq!(runs, severity == "warning", "{}: {}", row.name, server.said());
        wait_until_logged(&server, severity, row, &ending);
    }
    assert_eq!(all.len(), rows.len(), "{all:#?}");
    let log = server.stop();
    // A home of its own has port numbers, and so no other finding.
    assert_eq!(log.matches("[WF").count(), rows.len(), "each is told once: {log}");
}

/// The headline, and below it the place in the file.
fn wait_until_logged(server: &Server, severity: &str, row: &Row, ending: &str) {
    let headline = format!("{severity}[{}]: {}", row.code, row.message);
    wait_for(&format!("{headline:?} at {ending:?} in the log"), || {
        let log = server.log();
        let mut parts = log.split(&headline).skip(1);
        let is_here = |part: &str| part.lines().nth(1).is_some_and(|place| place.contains(ending));
        parts.any(is_here).then_some(())
    });
}

#[test]
fn fields_that_contradict_each_other_keep_a_receiver_from_starting() {
    check_rows(ERRORS, "error");
}

#[test]
fn fields_without_effect_are_told_and_the_receiver_starts() {
    check_rows(WARNINGS, "warning");
}

#[test]
fn a_receiver_of_the_configuration_that_no_workflow_has_is_told() {
    let home = Home::and("[receivers.Labb]\nstatus_profile = \"rest\"\n");
    home.workflow("lab", &receiver("Lab").build());
    let words = ["no workflow has the name \"Labb\"", "no effect meanwhile", "/tureen.toml"];
    let kind = ("warning", "WF095");
    assert_one_fault(&home, "unknown", kind, &words, &["Lab"]);
    // It is heard of while the server runs, too, and a workflow of that name ends it.
    let server = home.serve();
    home.workflow("labb", &receiver("LABB").build());
    server.wait_for_log("workflow=\"LABB\"");
    let found = check(&home).0;
    assert!(found.iter().all(|found| found["code"] != "WF095"), "{found:#?}");
    let config = home.read("tureen.toml").unwrap();
    home.replace("tureen.toml", format!("{config}\n[receivers.Ward]\nbody_bytes = 100\n"));
    server.wait_for_log("no workflow has the name \"Ward\"");
    server.stop();
}
