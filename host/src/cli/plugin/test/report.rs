//! What a trial showed: for a person, and as JSON.
//!
//! The message is the author's own, so values are shown. What a plugin logged and told
//! is shown at every level.

mod json;
mod text;

use std::time::Duration;

use tureen_sandbox::Verdict;

use super::calls::{Answered, Ran};
use super::candidate::Candidate;
use super::given::{Expected, Given};
use crate::cli::test::{Inside, differences};
use crate::diagnostics::Diagnostic;

/// Everything that there is to tell.
pub(super) struct Report<'a> {
    candidate: &'a Candidate,
    given: &'a Given,
    /// Why it was not run.
    pub(super) refused: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// What it asked for and got.
    pub(super) notes: Vec<String>,
    /// How long making an instance with its settings took.
    pub(super) settings_read: Option<Duration>,
    pub(super) ran: Option<Ran>,
}

impl<'a> Report<'a> {
    pub(super) fn new(candidate: &'a Candidate, given: &'a Given) -> Self {
        Self {
            candidate,
            given,
            refused: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            settings_read: None,
            ran: None,
        }
    }

    /// Did it do its work, the same each time, and as expected?
    pub(super) fn is_good(&self) -> bool {
        let Some(ran) = &self.ran else { return false };
        ran.first.answer.is_ok()
            && ran.differing.is_empty()
            && ran.life.iter().all(|lived| lived.failure.is_none())
            && self.unexpected().is_none_or(|differences| differences.is_empty())
    }

    /// In a word.
    fn outcome(&self) -> &'static str {
        let Some(ran) = &self.ran else { return "refused" };
        match &ran.first.answer {
            Err(failure) if failure.fault == tureen_sandbox::Fault::Sender => "rejected",
            Err(_) => "failed",
            Ok(Answered::Verdict(Verdict::Pass)) => "pass",
            Ok(Answered::Verdict(Verdict::Stop(_))) => "stop",
            Ok(Answered::Transformed) if self.changes().is_empty() => "unchanged",
            Ok(Answered::Transformed) => "changed",
            Ok(Answered::Performed { .. }) => "performed",
        }
    }

    /// Place, before and after.
    fn changes(&self) -> Vec<Inside> {
        let Some(ran) = &self.ran else { return Vec::new() };
        match &ran.first.answer {
            Ok(Answered::Transformed) => {
                differences(self.given.message.bytes(), &ran.first.message)
            }
            _ => Vec::new(),
        }
    }

    /// Variables that are not as they were: name, before, after.
    fn variables(&self) -> Vec<(&str, Option<&str>, &str)> {
        let Some(ran) = &self.ran else { return Vec::new() };
        let before = |name: &str| {
            let given = self.given.variables.iter();
            let mut given = given.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            given.next_back().map(|(_, value)| value.as_str())
        };
        let after = ran.first.variables.iter();
        let after = after.map(|(name, value)| (name.as_str(), before(name), value.as_str()));
        after.filter(|(_, before, after)| *before != Some(*after)).collect()
    }

    /// Variables that were given and are gone.
    fn unset(&self) -> Vec<&str> {
        let Some(ran) = &self.ran else { return Vec::new() };
        let is_there = |name: &str| {
            ran.first.variables.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let given = self.given.variables.iter().map(|(name, _)| name.as_str());
        let workflows_own = given.filter(|name| !crate::cli::trial::is_receivers(name));
        workflows_own.filter(|name| !is_there(name)).collect()
    }

    /// What is not as expected: place, expected, found. `None`: nothing is expected.
    fn unexpected(&self) -> Option<Vec<Inside>> {
        let expected = self.given.expected.as_ref()?;
        let whole = |expected: &str, found: &str| {
            vec![("result".to_owned(), Some(expected.to_owned()), Some(found.to_owned()))]
        };
        let Some(Ok(answer)) = self.ran.as_ref().map(|ran| &ran.first.answer) else {
            return Some(whole("that it does its work", self.outcome()));
        };
        Some(match (expected, answer) {
            (Expected::Pass, Answered::Verdict(Verdict::Pass))
            | (Expected::Stop, Answered::Verdict(Verdict::Stop(_))) => Vec::new(),
            (Expected::Pass, _) => whole("pass", self.outcome()),
            (Expected::Stop, _) => whole("stop", self.outcome()),
            (Expected::Bytes(expected), Answered::Performed { response: Some(found) }) => {
                differences(expected, found)
            }
            (Expected::Bytes(expected), Answered::Performed { response: None }) => {
                if expected.is_empty() { Vec::new() } else { whole("a response", "none") }
            }
            (Expected::Bytes(expected), _) => {
                let found = self.ran.as_ref().map_or(&[][..], |ran| &ran.first.message);
                differences(expected, found)
            }
        })
    }

    /// Of the sorted times: shortest, middle, longest.
    fn times(&self) -> Option<[Duration; 3]> {
        let times = &self.ran.as_ref()?.times;
        Some([*times.first()?, *times.get(times.len() / 2)?, *times.last()?])
    }
}
