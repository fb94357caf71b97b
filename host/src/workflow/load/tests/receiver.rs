use tureen_message::Format;

use super::{check, defined, http, loaded, shown, told, workflow};
use crate::workflow::definition::{OwnCertificate, QueryParameter, VariableDescriptor};

#[test]
fn omitted_and_null_properties_have_the_defaults_of_the_contract() {
    for more in ["", r#""Port":null,"UseSsl":null,"ServiceName":null,"MessageType":null"#] {
        let definition = defined(&workflow(more, &[]));
        let receiver = http(&definition);
        assert_eq!(receiver.service_name, ["HL7Soup"]);
        assert_eq!((receiver.port, receiver.use_ssl), (8080, false));
        assert!(receiver.certificate == OwnCertificate::Default && !receiver.host_mode);
        assert!(receiver.authentication.is_none() && !receiver.require_client_certificate);
        assert!(!receiver.extract_parameters && !receiver.extract_url_sections);
        assert_eq!(definition.receiver.message_type, Format::Hl7);
        assert_eq!(definition.receiver.csv.delimiter, b',');
    }
}

#[test]
fn flags_and_numbers_are_read_in_every_spelling() {
    for (written, expected) in [
        ("true", true),
        ("\"True\"", true),
        ("1", true),
        ("false", false),
        ("\" FALSE \"", false),
        ("0", false),
    ] {
        let definition = defined(&workflow(&format!("\"UseSsl\":{written}"), &[]));
        assert_eq!(http(&definition).use_ssl, expected, "{written}");
    }
    for written in ["18080", "\"18080\"", "\" 18080\""] {
        let definition = defined(&workflow(&format!("\"Port\":{written}"), &[]));
        assert_eq!(http(&definition).port, 18080, "{written}");
    }
    for (property, expected) in [
        ("\"UseSsl\":\"yes\"", "WF015 #0/UseSsl"),
        ("\"UseSsl\":[]", "WF015 #0/UseSsl"),
        ("\"Port\":70000", "WF016 #0/Port"),
        ("\"Port\":-1", "WF016 #0/Port"),
        ("\"Port\":8080.5", "WF015 #0/Port"),
        ("\"Port\":\"http\"", "WF015 #0/Port"),
        ("\"Port\":0", "(WF046 #0/Port)"),
        ("\"ServiceName\":{}", "WF015 #0/ServiceName"),
    ] {
        check(&workflow(property, &[]), &[expected]);
    }
    assert_eq!(http(&defined(&workflow("\"ServiceName\":5", &[]))).service_name, ["5"]);
}

#[test]
fn a_property_in_another_case_counts() {
    let text = workflow("\"usessl\":true,\"PORT\":9443", &[]);
    check(&text, &["(WF014 #0/usessl)", "(WF014 #0/PORT)"]);
    let definition = defined(&text);
    assert_eq!((http(&definition).use_ssl, http(&definition).port), (true, 9443));
}

#[test]
fn message_types_are_numbers_or_names() {
    for (written, expected) in [
        ("1", Format::Hl7),
        ("\"HL7\"", Format::Hl7),
        ("\"hl7v2\"", Format::Hl7),
        ("4", Format::Xml),
        ("\"xml\"", Format::Xml),
        ("5", Format::Csv),
        ("\"11\"", Format::Json),
        ("\"text\"", Format::Text),
        ("14", Format::Binary),
        ("16", Format::Dicom),
        ("\"dicom\"", Format::Dicom),
    ] {
        let text = workflow(&format!("\"MessageType\":{written}"), &[]);
        assert_eq!(defined(&text).receiver.message_type, expected, "{written}");
    }
    for written in ["0", "2", "3", "6", "7", "8", "9", "10", "12", "15"] {
        let text = workflow(&format!("\"MessageType\":{written}"), &[]);
        check(&text, &["WF041 #0/MessageType"]);
    }
    check(&workflow("\"MessageType\":17", &[]), &["WF016 #0/MessageType"]);
}

#[test]
fn an_unsupported_message_type_names_field_and_remedy() {
    let expected = "\
error[WF041]: MessageType names a path language, not a kind of message
  at        test.hl7Workflow:2:187
  field     /WorkflowPattern/0/MessageType
  expected  1 HL7, 4 XML, 5 CSV, 11 JSON, 13 Text, 14 Binary or 16 DICOM
  found     12 JSONPath
  help      JSON messages are 11";
    assert_eq!(shown(&workflow("\"MessageType\":12", &[]), "WF041"), expected);
}

#[test]
fn dicom_options_say_which_nodes_are_shown() {
    let options = |more: &str| {
        let text = workflow(
            &format!("\"ReturnApplicationAccept\":false,\"ReturnNoResponse\":true,{more}"),
            &[],
        );
        let loaded = loaded(&text);
        let codes: Vec<String> =
            loaded.diagnostics.iter().map(|told| told.code.to_string()).collect();
        let dicom = loaded.definition.unwrap().receiver.dicom;
        let nodes = [dicom.common_fields, dicom.report, dicom.tags];
        (nodes, codes.join(" ").replace("WF011", "").trim().to_owned())
    };
    let of_class = |class: &str, more: &str| {
        options(&format!(
            r#""MessageType":16,"MessageTypeOptions":{{
            "$type":"HL7Soup.Workflow.MessageTypeOptions.{class}, X"{more}}}"#
        ))
    };
    let dicom = |more: &str| of_class("DicomMessageTypeOptions", more);
    assert_eq!(options("\"MessageType\":16"), ([true; 3], String::new()));
    assert_eq!(dicom(""), ([true; 3], String::new()));
    assert_eq!(dicom(",\"IncludeCommonFieldsNode\":false").0, [false, true, true]);
    assert_eq!(dicom(",\"IncludeReportNode\":false").0, [true, false, true]);
    assert_eq!(dicom(",\"IncludeTagsNode\":false"), ([true, true, false], String::new()));
    assert_eq!(dicom(",\"IncludeTagsNode\":[]"), ([true; 3], "WF015".to_owned()));
    let other = of_class("CSVMessageTypeOption", ",\"IncludeTagsNode\":false");
    assert_eq!(other, ([true; 3], "WF042".to_owned()));
}

#[test]
fn csv_options_count_for_csv_messages_alone() {
    let delimiter = |more: &str| {
        let text = workflow(
            &format!("\"ReturnApplicationAccept\":false,\"ReturnNoResponse\":true,{more}"),
            &[],
        );
        let loaded = loaded(&text);
        let codes: Vec<String> =
            loaded.diagnostics.iter().map(|told| told.code.to_string()).collect();
        (
            loaded.definition.unwrap().receiver.csv.delimiter,
            codes.join(" ").replace("WF011", "").trim().to_owned(),
        )
    };
    let csv = |written: &str| {
        delimiter(&format!(
            r#""MessageType":5,"MessageTypeOptions":{{
            "$type":"HL7Soup.Workflow.MessageTypeOptions.CSVMessageTypeOption, X",
            "Delimiter":{written}}}"#
        ))
    };
    assert_eq!(csv("\";\""), (b';', String::new()));
    assert_eq!(csv("\"\\t\""), (b'\t', String::new()));
    assert_eq!(csv("\"\""), (b',', String::new()));
    assert_eq!(csv("null"), (b',', String::new()));
    for bad in ["\";;\"", "\"ü\"", "\"\\\"\"", "\"\\n\""] {
        assert_eq!(csv(bad), (b',', "WF043".to_owned()), "{bad}");
    }
    let other = r#""MessageTypeOptions":{"$type":"X.TextMessageTypeOption","Delimiter":"|"}"#;
    assert_eq!(delimiter(&format!("\"MessageType\":5,{other}")), (b',', "WF042".to_owned()));
    assert_eq!(delimiter(&format!("\"MessageType\":13,{other}")), (b',', String::new()));
    assert_eq!(delimiter(&format!("\"MessageType\":11,{other}")), (b',', "WF042".to_owned()));
    assert_eq!(
        delimiter(r#""MessageType":5,"MessageTypeOptions":{"Delimiter":"|"}"#),
        (b'|', String::new())
    );
}

#[test]
fn service_names_are_split_and_decoded() {
    for (written, expected, codes) in [
        ("adt/in", &["adt", "in"] as &[&str], &[] as &[&str]),
        ("my service", &["my service"], &[]),
        ("my%20service/%C3%BC", &["my service", "ü"], &[]),
        ("a%2Fb", &["a/b"], &[]),
        ("100%", &["100%"], &[]),
        ("/adt/", &["adt"], &["(WF045 #0/ServiceName)"]),
        ("", &[], &["(WF045 #0/ServiceName)"]),
        ("/", &[], &["(WF045 #0/ServiceName)"]),
        ("a:b", &["a:b"], &["(WF045 #0/ServiceName)"]),
        ("a//b", &["a", "b"], &["WF044 #0/ServiceName"]),
        ("a/../b", &["a", "b"], &["WF044 #0/ServiceName"]),
        ("%2e%2E", &[], &["WF044 #0/ServiceName"]),
        ("%FF", &[], &["WF044 #0/ServiceName"]),
    ] {
        let text = workflow(&format!("\"ServiceName\":\"{written}\""), &[]);
        check(&text, codes);
        assert_eq!(http(&loaded(&text).definition.unwrap()).service_name, expected, "{written}");
    }
}

#[test]
fn a_receivers_certificate_is_named_by_a_whole_thumbprint() {
    let own = r#""UseSsl":true,"UseDefaultSSLCertificate":false"#;
    let print = "0123456789abcdef0123456789abcdef01234567";
    let named = |written: &str| format!("{own},\"CertificateThumbPrint\":\"{written}\"");
    for (more, expected) in [
        (own.to_owned(), &["WF052 #0/UseDefaultSSLCertificate"] as &[&str]),
        (named("\u{200e} "), &["WF052 #0/UseDefaultSSLCertificate"]),
        (named("0123"), &["WF053 #0/CertificateThumbPrint"]),
        (named(print), &[]),
        (named(&format!("\u{200e}{}", print.to_uppercase())), &[]),
        ("\"UseDefaultSSLCertificate\":false".to_owned(), &[]),
    ] {
        check(&workflow(&more, &[]), expected);
    }
    let definition = defined(&workflow(&named(print), &[]));
    let expected = OwnCertificate::Thumbprint(print.parse().unwrap());
    assert_eq!(http(&definition).certificate, expected);
}

#[test]
fn properties_whose_switch_is_off_are_told() {
    let print = "0123456789abcdef0123456789abcdef01234567";
    for (more, expected) in [
        (
            r#""Authentication":false,"AuthenticationUserName":"u""#.to_owned(),
            "AuthenticationUserName",
        ),
        (format!(r#""UseSsl":true,"CertificateThumbPrint":"{print}""#), "CertificateThumbPrint"),
        (format!(r#""CertificateThumbPrint":"{print}""#), "CertificateThumbPrint"),
        (r#""UseIntegrationHostServiceAddress":true,"UseSsl":true"#.to_owned(), "UseSsl"),
        (r#""QueryStringParameters":{"a":{}}"#.to_owned(), "QueryStringParameters"),
        (r#""UrlSections":[{"VariableName":"a"}]"#.to_owned(), "UrlSections"),
    ] {
        check(&workflow(&more, &[]), &[&format!("(WF057 #0/{expected})")]);
    }
    let sha256 = "ab".repeat(32);
    let unused = format!(r#""ClientCertificateThumbPrint":"{sha256}""#);
    check(&workflow(&unused, &[]), &["(WF057 #0/ClientCertificateThumbPrint)"]);
}

#[test]
fn thumbprints_must_be_whole_and_credentials_not_empty() {
    let client = |list: &str| {
        let more = format!(
            r#""UseSsl":true,"RequireClientCertificate":true,
            "ClientCertificateThumbPrint":"{list}""#
        );
        told(&workflow(&more, &[]))
    };
    let at = "#0/ClientCertificateThumbPrint";
    let sha1 = "0123456789abcdef0123456789abcdef01234567";
    let sha256 = "ab".repeat(32);
    assert_eq!(client(&sha256), [] as [String; 0]);
    assert_eq!(client(&format!("{sha256}, , {sha256},")), [] as [String; 0]);
    assert_eq!(client(""), [] as [String; 0], "authorities may stand in tureen.toml");
    assert_eq!(client(sha1), [format!("(WF056 {at})")]);
    for bad in ["0123", &format!("{sha1}{sha1}"), &format!("{sha256},abc"), "not a print"] {
        assert!(client(bad).contains(&format!("WF053 {at}")), "{bad}");
    }
    let text = workflow(r#""UseSsl":true,"Authentication":true,"AuthenticationUserName":"u""#, &[]);
    assert!(told(&text).contains(&"WF055 #0/AuthenticationPassword".to_owned()));
}

#[test]
fn credentials_are_in_no_diagnostic_and_no_debug_output() {
    let more = r#""Authentication":true,"AuthenticationUserName":"nurse-7",
        "AuthenticationPassword":"secret-word""#;
    let loaded = loaded(&workflow(more, &[]));
    let told: String = loaded.diagnostics.iter().map(ToString::to_string).collect();
    let debug = format!("{:?}", loaded.definition.unwrap());
    for text in [told, debug] {
        assert!(!text.contains("secret-word") && !text.contains("nurse-7"), "{text}");
    }
}

#[test]
fn legacy_certificate_properties_are_told_once() {
    let text = workflow(r#""CertificateFromFile":true,"CertificatePath":"x.pfx""#, &[]);
    check(&text, &["(WF018 #0/CertificateFromFile)"]);
    assert!(shown(&text, "WF018").contains("found     CertificateFromFile, CertificatePath"));
}

#[test]
fn request_variables_have_names_and_defaults() {
    let more = r#""ExtractParameters":true,"QueryStringParameters":{"$type":"x",
        "site":{"VariableName":"Site","SampleVariableValue":"north",
            "SampleValueIsDefaultValue":true},
        "unit":{"SampleVariableValue":"sample only"}},
        "ExtractUrlSections":true,"UrlSections":{"$values":[{"VariableName":"Mrn"},
        {"VariableName":"Kind","SampleVariableValue":"","SampleValueIsDefaultValue":true}]}"#;
    let text = workflow(more, &[]);
    check(&text, &[]);
    let definition = defined(&text);
    let receiver = http(&definition);
    assert!(receiver.extract_parameters && receiver.extract_url_sections);
    let parameter = |key: &str, variable: &str, default: Option<&str>| QueryParameter {
        key: key.to_owned(),
        variable: variable.to_owned(),
        default: default.map(str::to_owned),
    };
    assert_eq!(
        receiver.query_parameters,
        [parameter("site", "Site", Some("north")), parameter("unit", "unit", None)]
    );
    let section = |variable: &str, default: Option<&str>| VariableDescriptor {
        variable: variable.to_owned(),
        default: default.map(str::to_owned),
    };
    assert_eq!(receiver.url_sections, [section("Mrn", None), section("Kind", Some(""))]);
}

#[test]
fn request_variables_that_cannot_work_are_told() {
    for (more, expected) in [
        (r#""QueryStringParameters":[]"#, "WF015 #0/QueryStringParameters"),
        (r#""QueryStringParameters":{"a":"b"}"#, "WF015 #0/QueryStringParameters/a"),
        (r#""QueryStringParameters":{"a":{},"A":{}}"#, "(WF047 #0/QueryStringParameters/A)"),
        (r#""QueryStringParameters":{"clientip":{}}"#, "WF048 #0/QueryStringParameters/clientip"),
        (r#""UrlSections":[{"VariableName":"WorkflowError"}]"#, "WF048 #0/UrlSections/0"),
        (r#""UrlSections":[{"VariableName":"httpheader:x"}]"#, "WF048 #0/UrlSections/0"),
        (r#""UrlSections":[{"VariableName":" "}]"#, "WF015 #0/UrlSections/0"),
        (
            r#""UrlSections":[{"VariableName":"a"},{"VariableName":"A"}]"#,
            "(WF047 #0/UrlSections/1)",
        ),
    ] {
        let more = format!(r#""ExtractParameters":true,"ExtractUrlSections":true,{more}"#);
        check(&workflow(&more, &[]), &[expected]);
    }
}
