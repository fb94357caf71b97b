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
//! Whatever is not there is not compared; only the outcome always is. Hidden files are
//! no expectations.
//!
//! # Invariants
//! - Writing touches the `expected` folder alone, and there only what differs.
//! - An expectation is never lost unsaid: where its file goes, `result.toml` tells what
//!   came instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::actual::{Actual, Done, collect};
use super::case::{Case, files, is_hidden, number_of, numbered, read};
use super::compare::{Kind, differs};

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
}

/// Those that were expected and are still set, with what they are now. `ignored` ones
/// stay as they are written.
fn renewed_variables(
    before: &BTreeMap<String, String>,
    actual: &Actual,
    ignored: &[String],
) -> BTreeMap<String, String> {
    let now = |name: &str| {
        let found = actual.variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    };
    let mut renewed = BTreeMap::new();
    for (name, value) in before {
        let stays = ignored.iter().any(|ignored| ignored.eq_ignore_ascii_case(name));
        let value = if stays { Some(value) } else { now(name) };
        renewed.extend(value.map(|value| (name.clone(), value.clone())));
    }
    renewed
}

/// What becomes of each activity, as `result.toml` writes it.
pub(super) fn activity_lines(actual: &Actual) -> Vec<String> {
    let line = |done: &Done| format!("{}: {}", done.name, done.state.name());
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
            files.retain(|name, _| !is_hidden(name));
        }
        let nothing =
            !has_result && response.is_none() && activities.is_empty() && files.is_empty();
        Ok((!nothing).then_some(Self { result, response, activities, files }))
    }

    /// The keys of `result.toml` with what is so now; one that does not differ stays as
    /// it is written.
    fn renewed_result(&self, actual: &Actual, ignored_variables: &[String]) -> ExpectedResult {
        let (before, now) = (&self.result, ExpectedResult::of(actual));
        let is_other = before.outcome() != actual.outcome;
        // Else nothing might be left that is expected.
        let loses_response = self.response.is_some() && actual.response.is_none();
        let tells_outcome = is_other || loses_response;
        let tells_error = is_other || before.error.is_some();
        let tells_activities = before.activities.is_some() || self.loses_activity(actual);
        let variables = before.variables.as_ref();
        ExpectedResult {
            outcome: if tells_outcome { now.outcome } else { before.outcome.clone() },
            error: now.error.filter(|_| tells_error),
            status: before.status.and(now.status),
            content_type: before.content_type.as_ref().and(now.content_type),
            files: self.renewed_files(actual),
            activities: now.activities.filter(|_| tells_activities),
            variables: variables.map(|it| renewed_variables(it, actual, ignored_variables)),
        }
    }

    /// Has an activity no message any more that one was expected of?
    fn loses_activity(&self, actual: &Actual) -> bool {
        let has_message =
            |number: &usize| done(actual, *number).is_some_and(|done| done.message.is_some());
        !self.activities.keys().all(has_message)
    }

    /// The names of all files that are written: where they were listed, and where the
    /// folder cannot say it, which holds neither hidden files nor the want of any.
    fn renewed_files(&self, actual: &Actual) -> Option<Vec<String>> {
        let listed = self.result.files.as_ref();
        let before: BTreeSet<&String> =
            listed.into_iter().flatten().chain(self.files.keys()).collect();
        let folder_tells = self.files.is_empty()
            || (!actual.files.is_empty() && !actual.files.keys().any(|name| is_hidden(name)));
        let is_same = before.into_iter().eq(actual.files.keys());
        if is_same || (listed.is_none() && folder_tells) {
            return listed.cloned();
        }
        Some(actual.files.keys().cloned().collect())
    }
}

fn done(actual: &Actual, number: usize) -> Option<&Done> {
    actual.activities.iter().find(|done| done.number == number)
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

/// Writes what came out: everything where nothing was expected, else only what differs
/// of what was.
///
/// # Errors
/// When a file cannot be written or removed.
pub(super) fn write(before: Option<&Expected>, actual: &Actual, case: &Case) -> anyhow::Result<()> {
    let folder = case.expected_folder();
    match before {
        None => write_everything(&folder, actual, case),
        Some(before) => renew(&folder, before, actual, case),
    }
}

fn write_everything(folder: &Path, actual: &Actual, case: &Case) -> anyhow::Result<()> {
    write_result(folder, &ExpectedResult::of(actual))?;
    write_response(folder, actual, case)?;
    for done in &actual.activities {
        write_activity(folder, done, case)?;
    }
    for (name, bytes) in visible_files(actual) {
        write_file(folder, name, bytes)?;
    }
    Ok(())
}

fn renew(folder: &Path, before: &Expected, actual: &Actual, case: &Case) -> anyhow::Result<()> {
    let result = before.renewed_result(actual, &case.ignore.variables);
    if result != before.result {
        write_result(folder, &result)?;
    }
    let body = actual.response.as_ref().map(|response| response.body.as_slice());
    if let Some(wanted) = &before.response
        && differs(wanted, body, case, &case.ignore.response)
    {
        write_response(folder, actual, case)?;
    }
    renew_activities(folder, before, actual, case)?;
    if before.files.is_empty() { Ok(()) } else { renew_files(folder, before, actual, case) }
}

fn renew_activities(
    folder: &Path,
    before: &Expected,
    actual: &Actual,
    case: &Case,
) -> anyhow::Result<()> {
    for (number, wanted) in &before.activities {
        let done = done(actual, *number);
        let message = done.and_then(|done| done.message.as_deref());
        if !differs(wanted, message, case, &case.ignore.activities) {
            continue;
        }
        for path in files(&folder.join("activities"))? {
            if number_of(&path) == Some(*number) {
                remove(&path)?;
            }
        }
        if let Some(done) = done {
            write_activity(folder, done, case)?;
        }
    }
    Ok(())
}

fn renew_files(
    folder: &Path,
    before: &Expected,
    actual: &Actual,
    case: &Case,
) -> anyhow::Result<()> {
    for name in before.files.keys().filter(|name| !actual.files.contains_key(*name)) {
        remove_file(&folder.join("files"), name)?;
    }
    let listed = before.result.files.as_deref().unwrap_or_default();
    for (name, bytes) in visible_files(actual) {
        let is_other = match before.files.get(name) {
            Some(wanted) => differs(wanted, Some(bytes.as_slice()), case, &case.ignore.files),
            None => !listed.contains(name),
        };
        if is_other {
            write_file(folder, name, bytes)?;
        }
    }
    Ok(())
}

/// Hidden ones are not read as expectations: their names are listed in `result.toml`.
fn visible_files(actual: &Actual) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    actual.files.iter().filter(|(name, _)| !is_hidden(name))
}

fn write_result(folder: &Path, result: &ExpectedResult) -> anyhow::Result<()> {
    let text = toml::to_string(result).context("the result cannot be written as TOML")?;
    put(&folder.join("result.toml"), text.as_bytes())
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let written = folder.join("files");
    let path = written.join(name);
    for around in path.ancestors().skip(1).take_while(|around| *around != written) {
        refuse_link(around)?;
    }
    put(&path, bytes)
}

/// And the folders that are empty then: a file may have such a name now.
fn remove_file(written: &Path, name: &str) -> anyhow::Result<()> {
    let path = written.join(name);
    remove(&path)?;
    for around in path.ancestors().skip(1).take_while(|around| around.starts_with(written)) {
        if fs::remove_dir(around).is_err() {
            break;
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

fn write_activity(folder: &Path, done: &Done, case: &Case) -> anyhow::Result<()> {
    let Some(message) = &done.message else { return Ok(()) };
    let extension = extension(message, done.extension);
    let name = format!("{}-{}.{extension}", done.number, slug(&done.name));
    put(&folder.join("activities").join(name), &kept(message, case))
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

    fn filtered() -> Actual {
        Actual {
            outcome: "filtered",
            error: None,
            reason: None,
            response: None,
            variables: vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())],
            activities: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    fn result(text: &str) -> ExpectedResult {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_renewed_result_keeps_to_its_keys() {
        for (before, expected) in [
            (
                "status = 200\n[variables]\nA = \"0\"\nC = \"0\"",
                "outcome = \"filtered\"\n[variables]\nA = \"1\"",
            ),
            ("outcome = \"filtered\"", "outcome = \"filtered\""),
            (
                "outcome = \"filtered\"\n[variables]\na = \"0\"\nB = \"0\"",
                "outcome = \"filtered\"\n[variables]\na = \"1\"\nB = \"0\"",
            ),
            (
                "outcome = \"filtered\"\nfiles = [\"a\"]\nactivities = [\"B: shown\"]",
                "outcome = \"filtered\"\nfiles = []\nactivities = []",
            ),
        ] {
            let expectation = Expected { result: result(before), ..Expected::default() };
            let found = expectation.renewed_result(&filtered(), &["b".to_owned()]);
            assert_eq!(found, result(expected), "{before}");
        }
    }

    #[test]
    fn an_expectation_that_loses_its_file_is_told_by_a_key() {
        let files = |names: &[&str]| -> BTreeMap<String, Vec<u8>> {
            names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect()
        };
        for (listed, kept, written, expected) in [
            ("", vec!["a"], vec![], "files = []"),
            ("", vec!["a"], vec!["b"], ""),
            ("", vec!["a"], vec![".a"], "files = [\".a\"]"),
            ("", vec!["a"], vec!["b/.a/c", "d"], "files = [\"b/.a/c\", \"d\"]"),
            ("", vec![], vec!["a"], ""),
            ("files = [\"b\", \"a\"]", vec![], vec!["a", "b"], "files = [\"b\", \"a\"]"),
            ("files = [\"b\"]", vec!["a"], vec!["a", "b"], "files = [\"b\"]"),
            ("files = [\"b\"]", vec!["a"], vec!["a"], "files = [\"a\"]"),
            ("files = [\"a\"]", vec![], vec![], "files = []"),
        ] {
            let before =
                Expected { result: result(listed), files: files(&kept), ..Expected::default() };
            let actual = Actual { files: files(&written), ..filtered() };
            let found = before.renewed_files(&actual);
            assert_eq!(found, result(expected).files, "{listed} {kept:?} {written:?}");
        }
        let activities = BTreeMap::from([(1, Vec::new())]);
        let before = Expected { activities, ..Expected::default() };
        let found = before.renewed_result(&filtered(), &[]);
        assert_eq!(found, result("outcome = \"filtered\"\nactivities = []"));
        let before = Expected { response: Some(Vec::new()), ..Expected::default() };
        let actual = Actual { outcome: ACCEPTED, ..filtered() };
        assert_eq!(before.renewed_result(&actual, &[]), result("outcome = \"accepted\""));
    }

    #[test]
    fn a_file_takes_the_place_of_a_folder() {
        let home = tempfile::tempdir().unwrap();
        let (folder, written) = (home.path(), home.path().join("files"));
        write_file(folder, "a/b/c", b"1").unwrap();
        remove_file(&written, "a/b/c").unwrap();
        write_file(folder, "a", b"2").unwrap();
        assert_eq!(fs::read(written.join("a")).unwrap(), b"2");
    }

    #[cfg(unix)]
    #[test]
    fn no_file_is_written_through_a_linked_folder() {
        let home = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("files")).unwrap();
        std::os::unix::fs::symlink(other.path(), home.path().join("files/a")).unwrap();
        let error = write_file(home.path(), "a/b/c", b"1").unwrap_err().to_string();
        assert!(error.contains("is a link"), "{error}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
    }
}
