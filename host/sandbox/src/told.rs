//! What guests say in words, made safe to keep, to log and to send.
//!
//! Knows: how long a name, a code, a text may be. Deliberately does not know: who
//! said it and what becomes of it.
//!
//! # Invariants
//! - Nothing in here is longer than its limit, and nothing has line feeds or other
//!   control characters: a guest cannot write lines of its own into a log.

use crate::bindings::transformer::tureen::plugin::{configuring, types};

/// Characters of a problem's code, which becomes a metric's label.
pub(crate) const CODE_CHARS_MAX: usize = 64;

/// Characters of the text of a step's error, and of a filter's reason.
pub(crate) const TEXT_CHARS_MAX: usize = 1_024;

/// Characters of a finding's text, and of each of its details: lists of what would
/// have been right are long.
pub(crate) const FINDING_CHARS_MAX: usize = 4_096;

/// Characters of a place: a message path or a JSON pointer.
pub(crate) const PLACE_CHARS_MAX: usize = 256;

/// Details of one finding that are kept.
pub(crate) const DETAILS_MAX: usize = 16;

/// Findings, and requirements, of one `configure` that are kept.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// One line of at most so many characters; what is cut is marked.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let plain = |it: char| if it.is_control() || is_separator(it) { ' ' } else { it };
    let mut cut: String = text.chars().map(plain).take(chars_max).collect();
    if text.chars().nth(chars_max).is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

/// Line and paragraph separators, and what turns the direction of writing round.
fn is_separator(it: char) -> bool {
    matches!(it, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Codes of the host begin so: its words about a plugin are shown where a plugin's own
/// are not.
const HOST_CODES: &str = "plugin.";

/// The code of a step's error that says nothing of its own.
const NO_CODE: &str = "step.failed";

/// The problem of a step's error. What pretends to be the host's is not taken for it.
pub(crate) fn problem(problem: types::Problem) -> types::Problem {
    let problem = within(problem, TEXT_CHARS_MAX);
    match problem.code.starts_with(HOST_CODES) {
        true => types::Problem { code: NO_CODE.to_owned(), ..problem },
        false => problem,
    }
}

fn within(problem: types::Problem, chars_max: usize) -> types::Problem {
    let types::Problem { code, text, place, detail } = problem;
    let detail = detail.into_iter().take(DETAILS_MAX);
    types::Problem {
        code: line(&code, CODE_CHARS_MAX),
        text: line(&text, chars_max),
        place: place.map(|place| line(&place, PLACE_CHARS_MAX)),
        detail: detail
            .map(|(name, value)| (line(&name, CODE_CHARS_MAX), line(&value, chars_max)))
            .collect(),
    }
}

/// What `configure` answered, within the limits. More findings than there may be
/// are an error of their own: the plugin is at fault, and a workflow does not
/// start on the strength of findings that nobody saw.
pub(crate) fn configuration(found: configuring::Configuration) -> configuring::Configuration {
    let configuring::Configuration { findings, requires } = found;
    let (found, asked) = (findings.len(), requires.len());
    let mut findings: Vec<configuring::Finding> = findings
        .into_iter()
        .take(FINDINGS_MAX)
        .map(|it| configuring::Finding { problem: within(it.problem, FINDING_CHARS_MAX), ..it })
        .collect();
    for (what, count) in [("findings", found), ("requirements", asked)] {
        if count > FINDINGS_MAX {
            findings.push(too_many(what, count));
        }
    }
    let requires = requires.into_iter().take(FINDINGS_MAX);
    let requires = requires.map(|it| configuring::Requirement {
        type_name: line(&it.type_name, TEXT_CHARS_MAX),
        place: line(&it.place, PLACE_CHARS_MAX),
    });
    configuring::Configuration { findings, requires: requires.collect() }
}

fn too_many(what: &str, found: usize) -> configuring::Finding {
    let text = format!("the plugin told {found} {what}, at most {FINDINGS_MAX} are read");
    configuring::Finding {
        severity: configuring::Severity::Error,
        problem: types::Problem {
            code: "plugin.findings".to_owned(),
            text,
            place: None,
            detail: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_one_line_within_its_length() {
        assert_eq!(line("plain", 5), "plain");
        assert_eq!(line("plainer", 5), "plai…");
        assert_eq!(line("a\r\nb\x1b[31mc\u{2028}d", 20), "a  b [31mc d");
        assert_eq!(line(&"ä".repeat(2_000), 10).chars().count(), 10);
        assert_eq!(line("", 5), "");
    }

    #[test]
    fn a_step_cannot_speak_with_the_codes_of_the_host() {
        let told = |code: &str| {
            let (text, place, detail) = ("t".to_owned(), None, Vec::new());
            problem(types::Problem { code: code.to_owned(), text, place, detail }).code
        };
        for (code, expected) in [
            ("plugin.trap", "step.failed"),
            ("plugin.Jane Doe", "step.failed"),
            ("plugin.", "step.failed"),
            ("plugins.trap", "plugins.trap"),
            ("my.plugin.trap", "my.plugin.trap"),
        ] {
            assert_eq!(told(code), expected, "{code}");
        }
    }

    #[test]
    fn a_flood_of_findings_is_cut_and_told() {
        let one = configuring::Finding {
            severity: configuring::Severity::Warning,
            problem: types::Problem {
                code: "c".repeat(1_000),
                text: "t".repeat(100_000),
                place: Some("p".repeat(1_000)),
                detail: vec![("n".to_owned(), "v".to_owned()); 100],
            },
        };
        let findings = vec![one; FINDINGS_MAX + 5];
        let kept =
            configuration(configuring::Configuration { findings, requires: Vec::new() }).findings;
        assert_eq!(kept.len(), FINDINGS_MAX + 1);
        let problem = &kept[0].problem;
        assert_eq!(problem.code.chars().count(), CODE_CHARS_MAX);
        assert_eq!(problem.text.chars().count(), FINDING_CHARS_MAX);
        assert_eq!(problem.detail.len(), DETAILS_MAX);
        let last = &kept[FINDINGS_MAX];
        assert!(matches!(last.severity, configuring::Severity::Error));
        assert!(last.problem.text.contains("1005 findings"), "{}", last.problem.text);
    }
}
