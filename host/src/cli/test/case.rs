//! One case as its folder describes it: `case.toml` and the files beside it.
//!
//! Knows: names and defaults. Deliberately does not know: what is expected.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Zoned;
use jiff::fmt::temporal::Pieces;
use serde::Deserialize;
use tureen_message::media_type::MediaType;

use super::find::{Found, is_message};
use super::request::refuse_impossible;
use crate::cli::trial::refused_variable;
use crate::workflow::registry::is_workflow_file;

/// Bytes of any one file of a case.
pub(super) const FILE_BYTES_MAX: u64 = 64 << 20;

/// The time of a case that does not name its own.
const NOW: &str = "2026-01-02T03:04:05Z";

/// `case.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CaseFile {
    /// For readers.
    #[serde(rename = "description")]
    _description: String,
    workflow: Option<PathBuf>,
    message: Option<PathBuf>,
    home: Option<PathBuf>,
    now: Option<String>,
    method: Option<String>,
    client_ip: Option<String>,
    content_type: Option<String>,
    headers: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    exact: bool,
    ignore: Ignore,
}

/// Places whose values may differ.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ignore {
    pub(super) response: Vec<String>,
    pub(super) activities: Vec<String>,
    pub(super) files: Vec<String>,
    /// Names.
    pub(super) variables: Vec<String>,
}

/// One case, complete.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) folder: PathBuf,
    pub(super) workflow: PathBuf,
    /// `None` for a request without body.
    pub(super) message: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
    pub(super) now: Zoned,
    pub(super) method: String,
    pub(super) client_ip: String,
    pub(super) media_type: Option<MediaType>,
    /// Request headers among them, as `HttpHeader:NAME`.
    pub(super) variables: Vec<(String, String)>,
    /// Bytes are compared, not places.
    pub(super) exact: bool,
    pub(super) ignore: Ignore,
}

impl Case {
    /// Reads the description of a case.
    ///
    /// # Errors
    /// What is missing, wrong or ambiguous, with its file.
    pub(super) fn read(found: &Found) -> anyhow::Result<Self> {
        let folder = &found.folder;
        let written = read_case_file(&folder.join("case.toml"))?;
        let method = written.method.unwrap_or_else(|| "POST".to_owned());
        let client_ip = written.client_ip.unwrap_or_else(|| "127.0.0.1".to_owned());
        refuse_impossible(&method, &client_ip, written.headers.keys())?;
        let message = message(folder, written.message, &method)?;
        let headers = written.headers.into_iter();
        let headers = headers.map(|(name, value)| (format!("HttpHeader:{name}"), value));
        let variables: Vec<(String, String)> = headers.chain(written.variables).collect();
        for (name, value) in &variables {
            if let Some(reason) = refused_variable(name, value) {
                bail!("case.toml, [variables]: {reason}");
            }
        }
        let media_type = written.content_type.map(|text| {
            let parsed = MediaType::parse(text.as_bytes());
            parsed.map_err(|problem| anyhow::anyhow!("case.toml, content_type: {problem}"))
        });
        Ok(Self {
            workflow: match written.workflow {
                Some(path) => folder.join(path),
                None => nearest_workflow(folder, &found.root)?,
            },
            message,
            home: written.home.map(|path| folder.join(path)),
            now: time(written.now.as_deref().unwrap_or(NOW))?,
            method,
            client_ip,
            media_type: media_type.transpose()?,
            variables,
            exact: written.exact,
            ignore: written.ignore,
            folder: folder.clone(),
        })
    }

    pub(super) fn expected_folder(&self) -> PathBuf {
        self.folder.join("expected")
    }

    /// What activities that are only shown are said to answer, by the number of
    /// the activity from 1: `replies/2-send.hl7`.
    ///
    /// # Errors
    /// A file without number, two of one number, or one that cannot be read.
    pub(super) fn replies(&self) -> anyhow::Result<BTreeMap<usize, Vec<u8>>> {
        numbered(&self.folder.join("replies"))
    }
}

fn read_case_file(path: &Path) -> anyhow::Result<CaseFile> {
    if !path.exists() {
        return Ok(CaseFile::default());
    }
    let bytes = read(path)?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} cannot be used", path.display()))
}

/// Reads a file of a case, within its limit.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    // Asked before opening: opening a pipe waits for its writer.
    let metadata = fs::metadata(path).with_context(unreadable)?;
    if !metadata.is_file() {
        bail!("{} is not a regular file", path.display());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("{} has more than {FILE_BYTES_MAX} bytes", path.display());
    }
    Ok(bytes)
}

/// The files of a folder that is not there or holds files only, links left out,
/// by name.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", folder.display()))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Is it, or a folder in its path, left by another program (`.gitkeep`, `.DS_Store`)?
/// The path is a relative one, with `/`.
pub(super) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Files that begin with a number from 1, read, by that number; hidden ones left out.
pub(super) fn numbered(folder: &Path) -> anyhow::Result<BTreeMap<usize, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let is_hidden =
        |path: &PathBuf| path.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy()));
    for path in files(folder)?.into_iter().filter(|path| !is_hidden(path)) {
        let Some(number) = number_of(&path) else {
            bail!(
                "{}: expected a name that begins with the number of an activity, such as 1-archive.hl7",
                path.display()
            );
        };
        if all.insert(number, read(&path)?).is_some() {
            bail!("{} has two files for activity {number}", folder.display());
        }
    }
    Ok(all)
}

/// The number that a file's name begins with.
pub(super) fn number_of(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|number| *number > 0)
}

fn message(folder: &Path, named: Option<PathBuf>, method: &str) -> anyhow::Result<Option<PathBuf>> {
    if let Some(named) = named {
        return Ok(Some(folder.join(named)));
    }
    let mut found = files(folder)?
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| is_message(Path::new(name))));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(Some(one)),
        (Some(_), Some(_)) => bail!("there are several files message.*: name one in case.toml"),
        (None, _) if !matches!(method, "POST" | "PUT" | "PATCH") => Ok(None),
        (None, _) => bail!("there is no file message.*, and case.toml names no message"),
    }
}

/// The one workflow of the folder, or of the nearest folder above that has any.
fn nearest_workflow(folder: &Path, root: &Path) -> anyhow::Result<PathBuf> {
    for folder in folder.ancestors() {
        let all = files(folder)?;
        let mut found = all.into_iter().filter(|path| is_workflow_file(path));
        match (found.next(), found.next()) {
            (Some(one), None) => return Ok(one),
            (Some(_), Some(_)) => {
                bail!("{} has several workflows: name one in case.toml", folder.display())
            }
            (None, _) if folder == root => break,
            (None, _) => {}
        }
    }
    bail!("there is no workflow in the folder or above it, and case.toml names none")
}

/// A time with its zone: `2026-03-01T10:15:00Z`, `…+02:00`, or with the name of
/// the zone in brackets.
fn time(text: &str) -> anyhow::Result<Zoned> {
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Ok(zoned);
    }
    let wrong = || format!("case.toml, now: expected a time with its zone such as {NOW}");
    let pieces = Pieces::parse(text).with_context(wrong)?;
    let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
        bail!(wrong());
    };
    let civil = pieces.date().to_datetime(time);
    let timestamp = offset.to_timestamp(civil).with_context(wrong)?;
    Ok(timestamp.to_zoned(offset.to_time_zone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_zone() {
        for (text, expected) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
            ("2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+02:00"),
            ("2026-07-02T03:04:05[Europe/Helsinki]", "2026-07-02T03:04:05+03:00"),
        ] {
            let found = time(text).unwrap();
            assert_eq!(found.strftime("%FT%T%:z").to_string(), expected, "{text}");
        }
        for text in ["2026-01-02T03:04:05", "2026-01-02", "now", "2026-13-01T00:00:00Z"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    /// A case of these files; the workflow is looked for.
    fn case(files: &[(&str, &str)]) -> anyhow::Result<Case> {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("case");
        fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        let (root, name) = (home.path().to_path_buf(), "case".to_owned());
        Case::read(&Found { name, folder, root })
    }

    #[test]
    fn what_is_wrong_with_a_case_is_told() {
        let own = ("a.hl7Workflow", "{}");
        let message = ("message.hl7", "");
        for (files, words) in [
            (vec![own], "no file message"),
            (vec![message], "no workflow"),
            (vec![own, message, ("message.json", "")], "several files message"),
            (vec![own, message, ("b.hl7workflow", "{}")], "several workflows"),
            (vec![own, message, ("case.toml", "massage = 'x'")], "massage"),
            (vec![own, message, ("case.toml", "now = 'today'")], "now"),
            (vec![own, message, ("case.toml", "content_type = ';'")], "content_type"),
            (vec![own, message, ("case.toml", "[variables]\nUUID = '1'")], "UUID"),
            (vec![own, message, ("case.toml", "client_ip = 'x'")], "client_ip: expected an addr"),
            (vec![own, message, ("case.toml", "method = 'GE T'")], "method: expected a method"),
            (vec![own, message, ("case.toml", "method = ''")], "method: expected a method"),
            (vec![own, message, ("case.toml", "[headers]\n'a b' = '1'")], "found \"a b\""),
        ] {
            let error = format!("{:#}", case(&files).unwrap_err());
            assert!(error.contains(words), "{files:?}: {error}");
        }
        assert!(case(&[own, message]).is_ok());
        let over_ipv6 = "client_ip = '2001:db8::7'\nmethod = 'PURGE'\n[headers]\nX-A = ''";
        assert!(case(&[own, message, ("case.toml", over_ipv6)]).is_ok());
        let get = case(&[own, ("case.toml", "method = 'GET'\n[headers]\nX-A = '1'")]).unwrap();
        assert_eq!(get.message, None);
        assert_eq!(get.variables, [("HttpHeader:X-A".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_file_over_the_limit_or_none_at_all_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("sparse");
        File::create(&file).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("more than"));
        File::create(&file).unwrap().set_len(10).unwrap();
        assert_eq!(read(&file).unwrap().len(), 10);
        assert!(read(home.path()).unwrap_err().to_string().contains("regular file"));
        assert!(read(&home.path().join("nowhere")).is_err());
    }

    #[test]
    fn the_workflow_is_looked_for_up_to_the_folder_that_was_named() {
        let home = tempfile::tempdir().unwrap();
        let case = home.path().join("a/b/case");
        fs::create_dir_all(&case).unwrap();
        fs::write(case.join("message.txt"), "").unwrap();
        fs::write(home.path().join("w.hl7Workflow"), "{}").unwrap();
        let found = |root: &Path| {
            let (name, folder, root) = ("case".to_owned(), case.clone(), root.to_path_buf());
            Case::read(&Found { name, folder, root }).map(|case| case.workflow)
        };
        assert_eq!(found(home.path()).unwrap(), home.path().join("w.hl7Workflow"));
        assert!(found(&home.path().join("a")).is_err());
        fs::write(home.path().join("a/nearer.soupworkflow"), "{}").unwrap();
        assert_eq!(found(home.path()).unwrap(), home.path().join("a/nearer.soupworkflow"));
    }

    #[test]
    fn replies_are_found_by_their_number() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        for name in ["1-send.hl7", "12.txt", ".gitkeep", ".DS_Store"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let found = numbered(folder).unwrap();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [1, 12]);
        fs::write(folder.join("1-again"), "").unwrap();
        assert!(numbered(folder).unwrap_err().to_string().contains("two files"));
        fs::write(folder.join("0-none"), "").unwrap();
        assert!(numbered(folder).unwrap_err().to_string().contains("number of an activity"));
        assert!(numbered(&folder.join("nowhere")).unwrap().is_empty());
    }
}
