use super::one_line;
use std::collections::BTreeMap;
use std::path::Path;

use super::{Diagnostic, Position, Report, Severity, codes, quoted};

const DOCUMENTATION: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/diagnostics.md"));

fn full() -> Diagnostic {
    Diagnostic::new(codes::NO_PLUGIN, "step 3 of workflow \"admissions\" has no plugin")
        .in_file(Path::new("workflows/admissions.hl7Workflow"))
        .at(Some(Position { line: 14, column: 13 }))
        .pointing("/WorkflowPattern/3/$type")
        .expected("one of: file-writer, http-sender")
        .found("\"file-writter\"")
        .help("did you mean \"file-writer\"?\nsee the list of plugins")
        .state("the previous version of this workflow is still running")
}

#[test]
fn every_line_of_a_diagnostic_is_labelled() {
    let expected = "\
error[WF080]: step 3 of workflow \"admissions\" has no plugin
  at        workflows/admissions.hl7Workflow:14:13
  field     /WorkflowPattern/3/$type
  expected  one of: file-writer, http-sender
  found     \"file-writter\"
  help      did you mean \"file-writer\"?
            see the list of plugins
  state     the previous version of this workflow is still running";
    assert_eq!(full().to_string(), expected);
}

#[test]
fn what_is_not_known_has_no_line() {
    let bare = Diagnostic::new(codes::NAME_TWICE, "two");
    assert_eq!(bare.to_string(), "warning[WF038]: two");
    let in_file = bare.in_file(Path::new("a.hl7Workflow"));
    assert_eq!(in_file.to_string(), "warning[WF038]: two\n  at        a.hl7Workflow");
}

#[test]
fn json_names_everything_that_is_known() {
    let expected = serde_json::json!({
        "code": "WF080",
        "severity": "error",
        "fault": "operator",
        "file": "workflows/admissions.hl7Workflow",
        "position": {"line": 14, "column": 13},
        "pointer": "/WorkflowPattern/3/$type",
        "message": "step 3 of workflow \"admissions\" has no plugin",
        "expected": "one of: file-writer, http-sender",
        "found": "\"file-writter\"",
        "help": "did you mean \"file-writer\"?\nsee the list of plugins",
        "state": "the previous version of this workflow is still running"
    });
    assert_eq!(serde_json::to_value(full()).unwrap(), expected);
    let bare = serde_json::to_value(Diagnostic::new(codes::NAME_TWICE, "two")).unwrap();
    let names: Vec<&String> = bare.as_object().unwrap().keys().collect();
    assert_eq!(names, ["code", "severity", "fault", "file", "message"]);
}

#[test]
fn a_report_counts_and_sorts_by_file_and_position() {
    let at = |file: &str, line, code| {
        Diagnostic::new(code, "m").in_file(Path::new(file)).at(Some(Position { line, column: 1 }))
    };
    let report = Report::new(vec![
        at("b", 1, codes::NOT_JSON),
        at("a", 10, codes::NAME_TWICE),
        at("a", 9, codes::ID_TWICE),
        Diagnostic::new(codes::MORE_FINDINGS, "m").in_file(Path::new("a")),
    ]);
    assert_eq!((report.errors(), report.warnings()), (2, 2));
    let order: Vec<&str> = report.diagnostics().iter().map(|d| d.code.as_str()).collect();
    assert_eq!(order, ["WF099", "WF024", "WF038", "WF007"]);
    assert!(report.to_string().ends_with("\n2 errors, 2 warnings\n"), "{report}");
    assert_eq!(report.to_json()["errors"], 2);
    assert_eq!(report.to_json()["diagnostics"].as_array().unwrap().len(), 4);
    assert_eq!(Report::default().to_string(), "");
}

#[test]
fn authored_text_is_cut_short_and_cannot_move_the_cursor() {
    assert_eq!(quoted("In"), "\"In\"");
    assert_eq!(quoted("a\u{1b}[2Jb\n"), "\"a\\u{1b}[2Jb\\n\"");
    assert_eq!(quoted(&"ä".repeat(61)), format!("\"{}…\"", "ä".repeat(60)));
    let diagnostic = Diagnostic::new(codes::NAME_TWICE, "a\rb").in_file(Path::new("x\u{7}"));
    assert_eq!(diagnostic.to_string(), "warning[WF038]: a\\rb\n  at        x\\u{7}");
}

/// Code, severity, meaning and advice of every table row of the documentation.
fn documented() -> BTreeMap<&'static str, [&'static str; 3]> {
    let rows = DOCUMENTATION.lines().filter(|line| line.starts_with("| WF"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        (cells[0], [cells[1], cells[2], cells[3]])
    })
    .collect()
}

#[test]
fn every_code_is_documented_with_its_severity_and_no_other_is() {
    let mut documented = documented();
    for code in codes::ALL {
        let [severity, meaning, advice] = documented
            .remove(code.as_str())
            .unwrap_or_else(|| panic!("{code} is missing from docs/diagnostics.md"));
        assert_eq!(severity, code.severity().to_string(), "{code}");
        assert!(!meaning.is_empty() && !advice.is_empty(), "{code}");
    }
    assert!(documented.is_empty(), "documented but unused: {:?}", documented.keys());
}

#[test]
fn no_code_is_given_twice() {
    let mut texts: Vec<&str> = codes::ALL.iter().map(|code| code.as_str()).collect();
    let number = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), number);
    assert!(texts.iter().all(|text| text.len() == 5), "{texts:?}");
    assert_eq!(codes::ALL[0].severity(), Severity::Error);
}

#[test]
fn a_text_of_somebody_else_is_one_line() {
    for (text, expected) in [
        ("plain \"text\" \\ ä", "plain \"text\" \\ ä"),
        ("a\n2026-01-01 ERROR b", "a\\n2026-01-01 ERROR b"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\u{1b}[2Ja\0", "\\u{1b}[2Ja\\u{0}"),
        ("a\u{2028}b\u{202e}c\u{85}", "a\\u{2028}b\\u{202e}c\\u{85}"),
        ("", ""),
    ] {
        assert_eq!(one_line(text), expected, "{text:?}");
    }
}
