//! What a case expects: reading its `expected` folder, and writing it.
//!
//! ```text
//! expected/
//!   result.toml              outcome, error, status, content_type, variables, activities, files
//!   response.<any>           the body of the answer
//!   activities/1-<any>       the message of activity 1
//!   files/<path>             a file that was written
//! ```
//!
//! Whatever is not there is not compared; only the outcome always is.
//!
//! # Invariants
//! - Writing touches the `expected` folder alone, and there only what it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::actual::{Actual, collect};
use super::case::{Case, files, numbered, read};
use super::compare::Kind;

/// The outcome of a case that does not name one.
const ACCEPTED: &str = "accepted";

/// `result.toml`: each key may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExpectedResult {
    pub(super) outcome: Option<String>,
    /// The code of what goes wrong.
    pub(super) error: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) content_type: Option<String>,
    /// All files that are written, and no others.
    pub(super) files: Option<Vec<String>>,
    /// What becomes of each activity, in their order: "name: performed".
    pub(super) activities: Option<Vec<String>>,
    /// Those that are named here; others may be set, too.
    pub(super) variables: Option<BTreeMap<String, String>>,
}

impl ExpectedResult {
    pub(super) fn outcome(&self) -> &str {
        self.outcome.as_deref().unwrap_or(ACCEPTED)
    }

    /// Everything that can be told of a run.
    fn of(actual: &Actual) -> Self {
        Self {
            outcome: Some(actual.outcome.to_owned()),
            error: actual.error.clone(),
            status: actual.response.as_ref().map(|response| response.status),
            content_type: actual.response.as_ref().and_then(|it| it.content_type.clone()),
            files: Some(actual.files.keys().cloned().collect()),
            activities: Some(activity_lines(actual)),
            variables: Some(actual.variables.iter().cloned().collect()),
        }
    }

    /// The same keys as before, with what is so now.
    fn renewed(&self, actual: &Actual) -> Self {
        let now = Self::of(actual);
        let variables = self.variables.as_ref().map(|before| {
            let all = actual.variables.iter().cloned();
            all.filter(|(name, _)| before.contains_key(name)).collect()
        });
        Self {
            outcome: now.outcome,
            error: now.error,
            status: self.status.and(now.status),
            content_type: self.content_type.as_ref().and(now.content_type),
            files: self.files.as_ref().and(now.files),
            activities: self.activities.as_ref().and(now.activities),
            variables,
        }
    }
}

/// What becomes of each activity, as `result.toml` writes it.
pub(super) fn activity_lines(actual: &Actual) -> Vec<String> {
    let line = |done: &super::actual::Done| format!("{}: {}", done.name, done.state.name());
    actual.activities.iter().map(line).collect()
}

/// Everything that a case expects.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) result: ExpectedResult,
    pub(super) response: Option<Vec<u8>>,
    /// By number, from 1.
    pub(super) activities: BTreeMap<usize, Vec<u8>>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Expected {
    /// Reads the `expected` folder; `None` when it holds nothing.
    ///
    /// # Errors
    /// Files that are not known there, ambiguous or unreadable: an expectation
    /// with a slip in its name would never be looked at.
    pub(super) fn read(case: &Case) -> anyhow::Result<Option<Self>> {
        let folder = case.expected_folder();
        refuse_unknown(&folder)?;
        let result = folder.join("result.toml");
        let has_result = result.is_file();
        let result = if has_result { read_result(&result)? } else { ExpectedResult::default() };
        let response = response_file(&folder)?.map(|path| read(&path)).transpose()?;
        let activities = numbered(&folder.join("activities"))?;
        let mut files = BTreeMap::new();
        let written = folder.join("files");
        if written.is_dir() {
            collect(&written, &written, 0, &mut files)?;
        }
        let nothing =
            !has_result && response.is_none() && activities.is_empty() && files.is_empty();
        Ok((!nothing).then_some(Self { result, response, activities, files }))
    }
}

fn read_result(path: &Path) -> anyhow::Result<ExpectedResult> {
    let text = String::from_utf8(read(path)?)
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} cannot be used", path.display()))
}

fn response_file(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let all = files(folder)?;
    let mut found =
        all.into_iter().filter(|path| path.file_stem().is_some_and(|it| it == "response"));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => bail!("{} has several files response.*", folder.display()),
        (one, _) => Ok(one),
    }
}

fn refuse_unknown(folder: &Path) -> anyhow::Result<()> {
    refuse_link(folder)?;
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        refuse_link(&path)?;
        let known = match path.file_name().and_then(|name| name.to_str()) {
            Some("result.toml") => path.is_file(),
            Some("activities" | "files") => path.is_dir(),
            Some(name) if name.starts_with('.') => true,
            _ => path.file_stem().is_some_and(|stem| stem == "response"),
        };
        if !known {
            bail!(
                "{} is not known: expected result.toml, response.*, activities/ and files/",
                path.display()
            );
        }
    }
    Ok(())
}

/// An update through a link would write somewhere else.
fn refuse_link(path: &Path) -> anyhow::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        bail!("{} is a link: put the files themselves there", path.display());
    }
    Ok(())
}

/// Writes what came out: everything where nothing was expected, else what was.
///
/// # Errors
/// When a file cannot be written or removed.
pub(super) fn write(before: Option<&Expected>, actual: &Actual, case: &Case) -> anyhow::Result<()> {
    let folder = case.expected_folder();
    let result =
        before.map_or_else(|| ExpectedResult::of(actual), |before| before.result.renewed(actual));
    let text = toml::to_string(&result).context("the result cannot be written as TOML")?;
    put(&folder.join("result.toml"), text.as_bytes())?;
    if before.is_none_or(|it| it.response.is_some()) {
        write_response(&folder, actual, case)?;
    }
    write_activities(&folder.join("activities"), before, actual, case)?;
    if before.is_none_or(|it| !it.files.is_empty()) {
        let written = folder.join("files");
        if written.is_dir() {
            fs::remove_dir_all(&written)
                .with_context(|| format!("{} cannot be removed", written.display()))?;
        }
        for (name, bytes) in &actual.files {
            put(&written.join(name), bytes)?;
        }
    }
    Ok(())
}

fn write_response(folder: &Path, actual: &Actual, case: &Case) -> anyhow::Result<()> {
    let before = response_file(folder)?;
    let body = actual.response.as_ref().map(|response| response.body.as_slice());
    let path = body.map(|body| folder.join(format!("response.{}", extension(body, "txt"))));
    if let Some(before) = before.filter(|before| path.as_ref() != Some(before)) {
        remove(&before)?;
    }
    match (path, body) {
        (Some(path), Some(body)) => put(&path, &kept(body, case)),
        _ => Ok(()),
    }
}

fn write_activities(
    folder: &Path,
    before: Option<&Expected>,
    actual: &Actual,
    case: &Case,
) -> anyhow::Result<()> {
    for path in files(folder)? {
        remove(&path)?;
    }
    for done in &actual.activities {
        let wanted = before.is_none_or(|it| it.activities.contains_key(&done.number));
        let Some(message) = done.message.as_ref().filter(|_| wanted) else { continue };
        let extension = extension(message, done.extension);
        let name = format!("{}-{}.{extension}", done.number, slug(&done.name));
        put(&folder.join(name), &kept(message, case))?;
    }
    Ok(())
}

/// Segments on lines of their own and a line end at the end, as editors and
/// `git diff` want them: line ends are not compared, unless the case is exact.
fn kept(bytes: &[u8], case: &Case) -> Vec<u8> {
    let kind = Kind::of(bytes);
    let mut kept = bytes.to_vec();
    if case.exact || kind == Kind::Binary {
        return kept;
    }
    if kind == Kind::Hl7 {
        for byte in kept.iter_mut().filter(|byte| **byte == b'\r') {
            *byte = b'\n';
        }
    }
    if !kept.is_empty() && !kept.ends_with(b"\n") {
        kept.push(b'\n');
    }
    kept
}

fn extension(bytes: &[u8], of_text: &'static str) -> &'static str {
    match Kind::of(bytes) {
        Kind::Hl7 => "hl7",
        Kind::Json => "json",
        Kind::Xml => "xml",
        Kind::Text => of_text,
        Kind::Binary => "bin",
    }
}

/// A name that any file system takes.
fn slug(name: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' };
    let dashed: String = name.chars().map(plain).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() { "activity".to_owned() } else { slug }
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    refuse_link(path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(failed)?;
    }
    fs::write(path, bytes).with_context(failed)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("{} cannot be removed", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file_name() {
        for (name, expected) in [
            ("Write rows", "write-rows"),
            ("  ../../etc/passwd", "etc-passwd"),
            ("ÄÖ", "activity"),
            ("", "activity"),
            ("Send_HL7 (2)", "send-hl7-2"),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
        assert_eq!(slug(&"a".repeat(500)).len(), 40);
    }

    #[test]
    fn what_is_not_known_in_the_folder_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        for name in ["result.toml", "response.hl7", ".gitkeep"] {
            fs::write(folder.join(name), "").unwrap();
        }
        fs::create_dir(folder.join("activities")).unwrap();
        refuse_unknown(folder).unwrap();
        fs::write(folder.join("respons.hl7"), "").unwrap();
        assert!(refuse_unknown(folder).unwrap_err().to_string().contains("respons.hl7"));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (folder, kept) = (home.path().join("expected"), home.path().join("kept"));
        fs::create_dir(&folder).unwrap();
        fs::write(&kept, "kept").unwrap();
        std::os::unix::fs::symlink(&kept, folder.join("result.toml")).unwrap();
        assert!(refuse_unknown(&folder).unwrap_err().to_string().contains("is a link"));
        assert!(put(&folder.join("result.toml"), b"new").is_err());
        assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
        let other = home.path().join("other");
        std::os::unix::fs::symlink(&folder, &other).unwrap();
        assert!(refuse_unknown(&other).is_err());
    }

    #[test]
    fn a_renewed_result_keeps_to_its_keys() {
        let actual = Actual {
            outcome: "filtered",
            error: None,
            reason: None,
            response: None,
            variables: vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())],
            activities: Vec::new(),
            files: BTreeMap::new(),
        };
        let before: ExpectedResult =
            toml::from_str("status = 200\n[variables]\nA = \"0\"\nC = \"0\"").unwrap();
        let expected: ExpectedResult =
            toml::from_str("outcome = \"filtered\"\n[variables]\nA = \"1\"").unwrap();
        assert_eq!(before.renewed(&actual), expected);
    }
}
