use super::*;

const PATIENT: &str = r#"{
  "Patient": {
    "Name": "Müller",
    "@id": "7",
    "a/b": { "c[0]": "odd" },
    "Medications": [
      { "Code": "A", "Doses": [1, 2] },
      { "Code": "B", "Doses": [] },
      { "Text": "C" }
    ],
    "Contact": { "Phone": "1", "Nothing": null },
    "": "nameless"
  }
}"#;

#[test]
fn a_path_of_either_form_reads_the_place_it_names() {
    let message = parse(PATIENT);
    let check = |written: &str, expected: &str| {
        assert_eq!(message.text(&path(written)), expected, "{written}");
    };
    check("Patient/Name", "Müller");
    check("/Patient/Name", "Müller");
    check("Patient/@id", "7");
    check("Patient/Medications[1]/Code", "A");
    check("Patient/Medications[2]/Code", "B");
    check("Patient/Medications[3]/Code", "");
    check("Patient/Medications[4]/Code", "");
    check("Patient/Medications[1]/Doses[2]", "2");
    check("Patient/Medications[1]/Doses", "[1,2]");
    check("newtonsoft:$.Patient.Medications[0].Code", "A");
    check("newtonsoft:Patient.Medications[1].Code", "B");
    check("newtonsoft:.Patient.Name", "Müller");
    check("newtonsoft:$['Patient'][\"Name\"]", "Müller");
    check("newtonsoft:$.Patient['a/b']['c[0]']", "odd");
    check("newtonsoft:$.Patient['']", "nameless");
    check("patient/Name", "");
}

#[test]
fn an_omitted_index_means_the_first_in_slash_paths_alone() {
    let message = parse(PATIENT);
    assert_eq!(message.text(&path("Patient/Medications/Code")), "A");
    assert_eq!(message.text(&path("Patient/Contact[1]/Phone")), "1");
    assert_eq!(message.get(&path("Patient/Contact[2]/Phone")), Value::Absent);
    assert_eq!(message.get(&path("Patient/Contact/Nothing[1]")), Value::Absent);
    assert_eq!(message.get(&path("newtonsoft:$.Patient.Medications.Code")), Value::Absent);
    assert_eq!(message.get(&path("newtonsoft:$.Patient.Contact[0].Phone")), Value::Absent);
}

#[test]
fn a_top_array_and_the_whole_document_can_be_addressed() {
    let message = parse(" [ {\"Code\":1}, [2, 3] ] ");
    assert_eq!(message.text(&path("[1]/Code")), "1");
    assert_eq!(message.text(&path("/[2][1]")), "2");
    assert_eq!(message.text(&path("newtonsoft:$[1][1]")), "3");
    for whole in ["", "/", "newtonsoft:$", "newtonsoft:"] {
        assert_eq!(message.text(&path(whole)), "[{\"Code\":1},[2,3]]");
    }
}

#[test]
fn the_last_of_members_with_the_same_name_counts_whatever_their_escapes() {
    let message = parse(r#"{"a":{"x":1},"\u0061":{"y":2},"b":"\"a\":3"}"#);
    assert_eq!(message.text(&path("a")), r#"{"y":2}"#);
    assert_eq!(message.get(&path("a/x")), Value::Absent);
    let written_longer = parse(r#"{"\u0061bcd":1,"a\"b":2,"\\":3}"#);
    assert_eq!(written_longer.text(&path("abcd")), "1");
    assert_eq!(written_longer.text(&path("a\"b")), "2");
    assert_eq!(written_longer.text(&path("\\")), "3");
}

#[test]
fn a_count_is_how_often_a_loop_over_the_path_runs() {
    let message = parse(PATIENT);
    let check = |written: &str, expected: usize| {
        assert_eq!(message.count(&path(written)), expected, "{written}");
    };
    check("Patient/Medications", 3);
    check("Patient/Medications[1]/Doses", 2);
    check("Patient/Medications[2]/Doses", 0);
    check("Patient/Medications[2]", 1);
    check("Patient/Name", 1);
    check("Patient/Contact", 1);
    check("Patient/Contact/Nothing", 0);
    check("Patient/Absent", 0);
    check("Patient/Medications[*]", 3);
    check("Patient/Medications[*]/Code", 2);
    check("Patient/Medications[*]/Doses[*]", 2);
}

#[test]
fn a_pattern_finds_exact_paths_in_document_order() {
    let message = parse(PATIENT);
    let check = |written: &str, expected: &[&str]| {
        assert_eq!(message.find(&path(written)), expected, "{written}");
        for found in expected {
            assert!(message.get(&path(found)) != Value::Absent, "{found}");
        }
    };
    check(
        "/Patient/Medications[*]/Code",
        &["Patient/Medications[1]/Code", "Patient/Medications[2]/Code"],
    );
    check(
        "Patient/Medications[*]/Doses[*]",
        &["Patient/Medications[1]/Doses[1]", "Patient/Medications[1]/Doses[2]"],
    );
    check("Patient/Contact[*]/Phone", &["Patient/Contact[1]/Phone"]);
    check("Patient/Contact/Nothing[*]", &[]);
    check("Patient/Name", &["Patient/Name"]);
    check("Patient/Absent[*]", &[]);
    check(
        "newtonsoft:$['Patient'].Medications[*].Code",
        &["Patient/Medications[1]/Code", "Patient/Medications[2]/Code"],
    );
    check("newtonsoft:$.Patient['a/b']", &["newtonsoft:$.Patient['a/b']"]);
    check("newtonsoft:$.Patient.Contact[*]", &[]);
    assert_eq!(message.text(&path("Patient/Medications[*]/Text")), "C");
}

#[test]
fn at_most_65535_places_are_found() {
    let message = parse(&format!("[{}1]", "1,".repeat(MATCHES_MAX)));
    assert_eq!(message.count(&path("[*]")), MATCHES_MAX + 1);
    let found = message.find(&path("[*]"));
    assert_eq!((found.len(), found.last().unwrap().as_str()), (MATCHES_MAX, "[65535]"));
}

#[test]
fn a_path_that_means_nothing_is_refused_with_its_place() {
    let check = |written: &str, code: &str, offset: usize| {
        let problem = JsonPath::parse(written).unwrap_err();
        assert_eq!((problem.code, problem.offset), (code, Some(offset)), "{written}");
    };
    check("a//b", "path.syntax", 2);
    check("a/", "path.syntax", 2);
    check("//a", "path.syntax", 1);
    check("a[0]", "path.syntax", 2);
    check("a[", "path.syntax", 2);
    check("a[]", "path.syntax", 2);
    check("a[-1]", "path.syntax", 2);
    check("a[x]", "path.syntax", 2);
    check("a[1]b", "path.syntax", 4);
    check("a[99999999999999999999]", "path.syntax", 2);
    let long = JsonPath::parse(&"a".repeat(PATH_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(long.code, "limit.path-bytes");
    assert!(JsonPath::parse(&"a".repeat(PATH_BYTES_MAX)).is_ok());
}

#[test]
fn the_canonical_form_of_a_path_parses_to_the_same_path() {
    for written in [
        "",
        "/a/b[2]/@c",
        "[1][2]/x",
        "a[*]/b[*]",
        "a/[1]",
        "newtonsoft:$",
        "newtonsoft:a.b[0]['c d'][*]",
        "newtonsoft:$['it\\'s']['back\\\\slash']['']",
        "newtonsoft:$type",
        "newtonsoft: $..a[?( @.b == 'c' )].* ",
    ] {
        let parsed = path(written);
        assert_eq!(path(&parsed.to_string()), parsed, "{written}");
    }
}
