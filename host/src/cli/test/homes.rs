//! The homes that cases use, each read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::case::Case;
use crate::app::Home;

pub(super) struct Homes {
    /// For cases that name none.
    default: Option<PathBuf>,
    /// By their real path; `None` is no home: the standard plugins alone.
    open: HashMap<Option<PathBuf>, Home>,
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
    pub(super) async fn of(&mut self, case: &Case) -> anyhow::Result<&mut Home> {
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
        self.open.get_mut(&path).context("the home was not kept")
    }
}

async fn read(path: Option<&Path>) -> anyhow::Result<Home> {
    let Some(path) = path else { return Ok(Home::bare().await?.0) };
    let (mut home, mut diagnostics) = Home::open(path).await?;
    diagnostics.extend(home.settings().1);
    let errors: Vec<String> =
        diagnostics.iter().filter(|found| found.is_error()).map(ToString::to_string).collect();
    if !errors.is_empty() {
        anyhow::bail!("the home {} has faults:\n{}", path.display(), errors.join("\n"));
    }
    Ok(home)
}
