//! The homes that cases use, each read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::case::Case;
use crate::app::Home;
use crate::diagnostics::Diagnostic;
use crate::pipeline::Settings;
use crate::workflow::vocabulary::Vocabulary;

/// A home and what all of its cases share: its tables and secrets are read once, too.
pub(super) struct OpenHome {
    pub(super) home: Home,
    pub(super) settings: Settings,
    pub(super) vocabulary: Vocabulary,
}

pub(super) struct Homes {
    /// For cases that name none.
    default: Option<PathBuf>,
    /// By their real path; `None` is no home: the standard plugins alone.
    open: HashMap<Option<PathBuf>, OpenHome>,
}

impl Homes {
    pub(super) fn new(default: Option<PathBuf>) -> Self {
        Self { default, open: HashMap::new() }
    }

    /// The home of a case.
    ///
    /// # Errors
    /// It does not exist, or something in it is wrong: a test must not run
    /// without what it was written for.
    pub(super) async fn of(&mut self, case: &Case) -> anyhow::Result<&OpenHome> {
        let path = case.home.as_ref().or(self.default.as_ref());
        let path = match path {
            None => None,
            Some(path) => Some(
                std::fs::canonicalize(path)
                    .with_context(|| format!("the home {} cannot be opened", path.display()))?,
            ),
        };
        if !self.open.contains_key(&path) {
            let home = read(path.as_deref()).await?;
            self.open.insert(path.clone(), home);
        }
        self.open.get(&path).context("the home was not kept")
    }
}

async fn read(path: Option<&Path>) -> anyhow::Result<OpenHome> {
    let Some(path) = path else { return Ok(OpenHome::of(Home::bare().await?.0).0) };
    let (home, mut diagnostics) = Home::open(path).await?;
    let (open, found) = OpenHome::of(home);
    diagnostics.extend(found);
    let errors: Vec<String> =
        diagnostics.iter().filter(|found| found.is_error()).map(ToString::to_string).collect();
    if !errors.is_empty() {
        anyhow::bail!("the home {} has faults:\n{}", path.display(), errors.join("\n"));
    }
    Ok(open)
}

impl OpenHome {
    fn of(mut home: Home) -> (Self, Vec<Diagnostic>) {
        let (settings, found) = home.settings();
        let vocabulary = home.vocabulary(&settings);
        (Self { home, settings, vocabulary }, found)
    }
}
