use std::time::Duration;

use tureen_sandbox::{CallOutcome, Usage};

use super::*;

fn labels(step: usize) -> StepLabels {
    StepLabels { workflow: "W".into(), step: format!("step {step}"), plugin: "p".into() }
}

fn usage(outcome: CallOutcome) -> Usage {
    Usage {
        outcome,
        wall: Duration::from_micros(30),
        running: Duration::from_micros(3),
        host_calls: 7,
        memory_bytes: 1 << 20,
        is_reused: false,
        log_lines: 2,
        log_lines_cut: 1,
    }
}

/// The lines of a family, without comments.
fn lines(text: &str, family: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with(&format!("tureen_{family}")));
    lines.map(str::to_owned).collect()
}

#[test]
fn what_is_counted_is_in_the_text() {
    let metrics = Arc::new(Metrics::new(10));
    let step = metrics.step(StepLabels {
        workflow: "Lab \"results\"\n\\".into(),
        step: "Lab in, filter".into(),
        plugin: "filter".into(),
    });
    for outcome in [CallOutcome::Ok, CallOutcome::Ok, CallOutcome::Trap] {
        step.called(&usage(outcome));
    }
    step.instance(true);
    step.instance(true);
    step.instance(false);
    step.refused();
    step.set_aside(true);
    let of = r#"workflow="Lab \"results\"\n\\",step="Lab in, filter",plugin="filter""#;
    let text = metrics.text();
    for line in [
        format!("tureen_plugin_calls_total{{{of},outcome=\"ok\"}} 2"),
        format!("tureen_plugin_calls_total{{{of},outcome=\"trap\"}} 1"),
        format!("tureen_plugin_call_seconds_count{{{of}}} 3"),
        format!("tureen_plugin_call_seconds_bucket{{le=\"0.000025\",{of}}} 0"),
        format!("tureen_plugin_call_seconds_bucket{{le=\"0.00005\",{of}}} 3"),
        format!("tureen_plugin_call_seconds_bucket{{le=\"+Inf\",{of}}} 3"),
        format!("tureen_plugin_running_seconds_bucket{{le=\"0.00001\",{of}}} 3"),
        format!("tureen_plugin_memory_peak_bytes{{{of}}} 1048576"),
        format!("tureen_plugin_instances{{{of}}} 1"),
        format!("tureen_plugin_quarantined{{{of}}} 1"),
        format!("tureen_plugin_quarantine_refused_total{{{of}}} 1"),
        format!("tureen_plugin_host_calls_total{{{of}}} 21"),
        format!("tureen_plugin_log_lines_total{{{of},fate=\"written\"}} 6"),
        format!("tureen_plugin_log_lines_total{{{of},fate=\"dropped\"}} 3"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    step.set_aside(false);
    assert!(metrics.text().contains(&format!("tureen_plugin_quarantined{{{of}}} 0\n")));
}

#[test]
fn messages_are_counted_by_workflow_and_outcome() {
    let metrics = Arc::new(Metrics::new(10));
    let workflow = metrics.workflow("Admissions");
    workflow.ended(MessageOutcome::Accepted);
    workflow.ended(MessageOutcome::Failed);
    workflow.answered(Duration::from_millis(3));
    let text = metrics.text();
    assert_eq!(
        lines(&text, "messages_total"),
        [("accepted", 1), ("filtered", 0), ("rejected", 0), ("failed", 1)].map(
            |(outcome, count)| format!(
                "tureen_messages_total{{workflow=\"Admissions\",outcome=\"{outcome}\"}} {count}"
            )
        )
    );
    let sum = "tureen_answer_seconds_sum{workflow=\"Admissions\"} 0.003\n";
    assert!(text.contains(sum), "{text}");
}

#[test]
fn a_new_version_goes_on_counting_and_what_is_gone_is_gone() {
    let metrics = Arc::new(Metrics::new(10));
    let before = metrics.step(labels(1));
    before.called(&usage(CallOutcome::Ok));
    let after = metrics.step(labels(1));
    drop(before);
    after.called(&usage(CallOutcome::Ok));
    let calls = || lines(&metrics.text(), "plugin_calls_total");
    assert_eq!(calls().len(), 1);
    assert!(calls()[0].ends_with(" 2"), "{:?}", calls());
    drop(after);
    assert_eq!(calls(), [] as [String; 0]);
    let workflow = metrics.workflow("W");
    assert_eq!(lines(&metrics.text(), "messages_total").len(), 4);
    drop(workflow);
    assert_eq!(lines(&metrics.text(), "messages_total").len(), 0);
}

#[test]
fn what_is_beyond_the_limit_shares_one_name() {
    let metrics = Arc::new(Metrics::new(3));
    let steps: Vec<_> = (0..100).map(|number| metrics.step(labels(number))).collect();
    for step in &steps {
        step.called(&usage(CallOutcome::Ok));
    }
    let text = metrics.text();
    let calls = lines(&text, "plugin_calls_total");
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(calls[3].contains("step=\"(other)\"") && calls[3].ends_with(" 97"), "{calls:?}");
    assert_eq!(lines(&text, "metrics_over_limit"), ["tureen_metrics_over_limit_total 97"]);
    // Room that is free again is given away again.
    drop(steps);
    let step = metrics.step(labels(50));
    step.called(&usage(CallOutcome::Ok));
    let calls = lines(&metrics.text(), "plugin_calls_total");
    assert!(calls[0].contains("step=\"step 50\"") && calls[0].ends_with(" 1"), "{calls:?}");
    // As many workflows, and one for the rest.
    let workflows: Vec<_> = (0..9).map(|it| metrics.workflow(&format!("w{it}"))).collect();
    assert_eq!(lines(&metrics.text(), "answer_seconds_count").len(), 4);
    drop(workflows);
}

#[test]
fn a_long_name_is_cut() {
    let metrics = Arc::new(Metrics::new(3));
    let _workflow = metrics.workflow(&"ä".repeat(100_000));
    let cut = format!("workflow=\"{}\"", "ä".repeat(LABEL_CHARACTERS_MAX));
    assert!(metrics.text().contains(&cut));
}

#[test]
fn others_are_asked_when_somebody_looks() {
    let metrics = Arc::new(Metrics::new(3));
    let none = || None;
    metrics.ask(Source::one(SourceKind::Gauge, "there", "Help.", || Some(5)));
    metrics.ask(Source::one(SourceKind::Gauge, "not_there", "Help.", none));
    metrics.ask(Source::by(SourceKind::Counter, "kinds", "Help.", "kind", || {
        vec![("a".into(), 1), ("b".into(), 2)]
    }));
    metrics.reloads().workflows(2, 1);
    for is_taken in [true, false, true] {
        metrics.reloads().plugins(is_taken);
    }
    let text = metrics.text();
    assert_eq!(lines(&text, "there"), ["tureen_there 5"]);
    assert!(!text.contains("not_there"));
    let kinds = ["tureen_kinds_total{kind=\"a\"} 1", "tureen_kinds_total{kind=\"b\"} 2"];
    assert_eq!(lines(&text, "kinds"), kinds);
    for (what, result, expected) in [
        ("plugins", "refused", 1),
        ("plugins", "taken", 2),
        ("workflow", "refused", 1),
        ("workflow", "taken", 2),
    ] {
        let line =
            format!("tureen_reloads_total{{what=\"{what}\",result=\"{result}\"}} {expected}");
        assert!(lines(&text, "reloads").contains(&line), "{line}: {text}");
    }
}
