//! Where an error is, for whoever reads it: the action, the condition and the path
//! as its author wrote it.
//!
//! Knows: how errors travel. Deliberately does not know: messages, and what any of
//! the places means.

use crate::Text;
use tureen_plugin_sdk::{Problem, StepError};

/// The details that tell a place, from the outermost on. They are also the words
/// before their values.
pub const ACTION: &str = "action";
pub(crate) const CONDITION: &str = "condition";
const PATH: &str = "path";

/// The characters of an authored path that are shown: a place has little room.
const PATH_CHARS_MAX: usize = 120;

/// The error with one more detail.
#[must_use]
pub fn with_detail(error: StepError, name: &str, value: &str) -> StepError {
    changed(error, |problem| problem.with(name, value))
}

/// The problem, of a path. What was filled into the path may be a patient's: only
/// what its author wrote is told.
#[must_use]
pub fn about_path(mut problem: Problem, path: &Text) -> Problem {
    if path.literal().is_none() {
        problem.place = problem.place.filter(|place| is_offset(place));
    }
    problem.with(PATH, path.authored())
}

/// `byte 7 of the path`
fn is_offset(place: &str) -> bool {
    let number = place.strip_prefix("byte ").and_then(|rest| rest.strip_suffix(" of the path"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The error with all that is known of its place in its place: details are not
/// shown by the host.
#[must_use]
pub fn located(error: StepError) -> StepError {
    changed(error, |mut problem| {
        let told = |name: &str| {
            let detail = problem.detail.iter().find(|(known, _)| known == name);
            detail.map(|(_, value)| value.as_str())
        };
        let mut parts: Vec<String> = Vec::new();
        parts.extend(told(ACTION).map(|pointer| format!("{ACTION} {pointer}")));
        parts.extend(told(CONDITION).map(|position| format!("{CONDITION} {position}")));
        parts.extend(told(PATH).map(|path| format!("{PATH} {:?}", short(path))));
        parts.extend(problem.place.take());
        problem.place = (!parts.is_empty()).then(|| parts.join(", "));
        problem
    })
}

fn short(path: &str) -> String {
    let mut shown: String = path.chars().take(PATH_CHARS_MAX).collect();
    if shown.len() < path.len() {
        shown.push('\u{2026}');
    }
    shown
}

fn changed(error: StepError, change: impl FnOnce(Problem) -> Problem) -> StepError {
    match error {
        StepError::Rejected(problem) => StepError::Rejected(change(problem)),
        StepError::Failed(problem) => StepError::Failed(change(problem)),
        StepError::Retryable { problem, after } => {
            StepError::Retryable { problem: change(problem), after }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_from_the_action_to_the_byte() {
        let problem = |place: &str| Problem::new("path.syntax", "expected a number").at(place);
        let long = "x".repeat(PATH_CHARS_MAX + 1);
        for (authored, place, expected) in [
            ("PID-5.x", "byte 7 of the path", "path \"PID-5.x\", byte 7 of the path".to_owned()),
            ("PID-${n}", "byte 5 of the path", "path \"PID-${n}\", byte 5 of the path".to_owned()),
            ("a/b", "a/b[3]", "path \"a/b\", a/b[3]".to_owned()),
            ("a/${Name}", "a/Ekholm[3]", "path \"a/${Name}\"".to_owned()),
            ("${Name}", "byte Ekholm of the path", "path \"${Name}\"".to_owned()),
            (long.as_str(), "byte 1 of the path", {
                format!("path \"{}\u{2026}\", byte 1 of the path", "x".repeat(PATH_CHARS_MAX))
            }),
        ] {
            let problem = about_path(problem(place), &Text::new(authored.to_owned()));
            let error = with_detail(StepError::Failed(problem), CONDITION, "2");
            let error = located(with_detail(error, ACTION, "/Transformers/1"));
            let expected = format!("action /Transformers/1, condition 2, {expected}");
            assert_eq!(error.problem().place.as_deref(), Some(expected.as_str()));
        }
        let plain = StepError::rejected("a.b", "c");
        assert_eq!(located(plain.clone()), plain);
    }
}
