//! Paths that hold variables, without letting a value lead out of the directory
//! that the author wrote.
//!
//! A path is split into its names before anything is inserted. A value can then
//! fill a name, but bring no separator of its own, nor make a name of dots. The
//! separators of a date format, as in `${CurrentDateTime:yyyy/MM/dd}`, are the
//! author's: they stay allowed where the value is a date.

mod parts;

use parts::Part;
use tureen_plugin_sdk::{Context, Finding, Problem, Settings, StepError};

/// The bytes that a path may have as it is authored.
const AUTHORED_BYTES_MAX: usize = 4096;

/// The bytes that a name may have: what file systems take.
const NAME_BYTES_MAX: usize = 255;

/// The bytes that a path may have for one message: systems take 4096, with the
/// granted directory in front.
const PATH_BYTES_MAX: usize = 3840;

/// The bytes of the largest number that a moved file gets, such as `-9999`.
const NUMBER_BYTES: usize = 5;

/// A path as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    /// The property that holds it.
    setting: &'static str,
    authored: String,
    absolute: bool,
    names: Vec<Name>,
}

/// What stands between two separators of the author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Name {
    authored: String,
    parts: Vec<Part>,
}

impl Name {
    fn push(&mut self, part: Part) {
        self.authored.push_str(part.authored());
        self.parts.push(part);
    }

    fn has_literal(&self, character: char) -> bool {
        let literal = |part: &Part| matches!(part, Part::Literal(text) if text.contains(character));
        self.parts.iter().any(literal)
    }

    fn has_values(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Placeholder(_)))
    }
}

impl PathTemplate {
    /// Reads a path from the settings.
    ///
    /// # Errors
    /// `file.path` when it is empty, a Windows path, leads upwards, or has a name
    /// that is too long.
    pub(crate) fn read(settings: &Settings, setting: &'static str) -> Result<Self, Finding> {
        let authored = settings.text(setting)?.unwrap_or_default();
        Self::parse(setting, &authored).map_err(|text| settings.error(setting, "file.path", text))
    }

    fn parse(setting: &'static str, authored: &str) -> Result<Self, &'static str> {
        if authored.len() > AUTHORED_BYTES_MAX {
            return Err("expected a path of at most 4096 bytes");
        }
        let path = with_braces(authored);
        let names = names(&path);
        if names.iter().any(|name| name.has_literal('\\')) || is_drive(&path) {
            return Err("this is a Windows path, and plugins see granted directories only: write \
                        it relative to the first directory that file-writer is granted in \
                        tureen.toml, with slashes, such as patients.csv or done/patients.csv");
        }
        let mut kept = Vec::new();
        for name in names {
            match name.authored.as_str() {
                ".." => return Err("a path may not lead upwards: write it without .."),
                "" | "." => {}
                _ if name.authored.contains('\0') => {
                    return Err("a path may not hold the character 0");
                }
                _ if !name.has_values() && name.authored.len() > NAME_BYTES_MAX => {
                    return Err("expected names of at most 255 bytes between the slashes");
                }
                _ => kept.push(name),
            }
        }
        if kept.is_empty() {
            return Err("expected a path, such as messages.txt");
        }
        let absolute = path.starts_with('/');
        Ok(Self { setting, authored: authored.to_owned(), absolute, names: kept })
    }

    /// As it is written in the settings.
    pub(crate) fn authored(&self) -> &str {
        &self.authored
    }

    /// The property that holds it.
    pub(crate) fn setting(&self) -> &'static str {
        self.setting
    }

    /// The path for one message.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded; and rejected, `file.path`, when a
    /// value would bring a separator, leave a name empty or of dots alone, or make
    /// one that is too long.
    pub(crate) fn expand(&self, context: &Context) -> Result<String, StepError> {
        let mut path = String::new();
        for (at, name) in self.names.iter().enumerate() {
            if at > 0 || self.absolute {
                path.push('/');
            }
            match name.has_values() {
                true => path.push_str(&self.filled(name, context)?),
                false => path.push_str(&name.authored),
            }
        }
        if path.len() > PATH_BYTES_MAX {
            return Err(self.too_long("path", path.len(), PATH_BYTES_MAX));
        }
        Ok(path)
    }

    /// A name with its values.
    fn filled(&self, name: &Name, context: &Context) -> Result<String, StepError> {
        let mut filled = String::new();
        for part in &name.parts {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Placeholder(placeholder) => {
                    let value = placeholder.value(context)?;
                    let value = value.ok_or_else(|| self.refused(name, SEPARATOR))?;
                    filled.push_str(&value);
                }
            }
        }
        check(&filled).map_err(|reason| self.refused(name, reason))?;
        let longest = filled.split('/').map(str::len).max().unwrap_or_default();
        if longest > NAME_BYTES_MAX {
            return Err(self.too_long("name", longest, NAME_BYTES_MAX));
        }
        Ok(filled)
    }

    fn refused(&self, name: &Name, reason: &str) -> StepError {
        let text = format!(
            "what is inserted into {} of {} {reason}: values may fill a name of the path, and not \
             choose its directory",
            name.authored, self.setting
        );
        StepError::Rejected(Problem::new("file.path", text).at(self.authored.clone()))
    }

    /// A name or the path has more bytes than any file system takes. Where no
    /// value is inserted, the message is not at fault.
    fn too_long(&self, what: &str, bytes: usize, bytes_max: usize) -> StepError {
        let has_values = self.names.iter().any(Name::has_values);
        let cause = if has_values { "what is inserted into it makes" } else { "it makes" };
        let text = format!(
            "{}: {cause} a {what} of {bytes} bytes, expected at most {bytes_max}: shorten it there, \
             as with ${{Name:Truncate(50)}}",
            self.setting
        );
        let problem = Problem::new("file.path", text).at(self.authored.clone());
        if has_values { StepError::Rejected(problem) } else { StepError::Failed(problem) }
    }
}

/// Whether a file can be moved into a directory under its own name or, where that
/// is taken, with a number behind it. Each path comes with its template.
///
/// # Errors
/// `file.path` where the moved file's name or path would be too long.
pub(crate) fn check_move(
    (file, path): (&PathTemplate, &str),
    (directory, into): (&PathTemplate, &str),
) -> Result<(), StepError> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name_bytes_max = NAME_BYTES_MAX - NUMBER_BYTES;
    if name.len() > name_bytes_max {
        return Err(file.too_long("name", name.len(), name_bytes_max));
    }
    let directory_bytes_max = PATH_BYTES_MAX - NUMBER_BYTES - 1 - name.len();
    if into.len() > directory_bytes_max {
        return Err(directory.too_long("path", into.len(), directory_bytes_max));
    }
    Ok(())
}

/// Why a value may not be inserted that would divide a name.
const SEPARATOR: &str = "holds a separator of paths";

/// Whether a name is still one, with what was inserted; or several, divided by
/// separators of the author.
fn check(filled: &str) -> Result<(), &'static str> {
    if filled.contains(['\\', '\0']) {
        return Err(SEPARATOR);
    }
    if filled.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    if is_drive(filled) {
        return Err("begins like a Windows drive");
    }
    for name in filled.split('/') {
        if name.is_empty() {
            return Err("leaves a name empty");
        }
        if name.chars().all(|character| character == '.') {
            return Err("makes a name of dots alone");
        }
    }
    Ok(())
}

/// `C:` and the like.
fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// `$(Name)`, which one page of the format's documentation writes in paths, as
/// `${Name}`.
fn with_braces(authored: &str) -> String {
    let mut path = String::with_capacity(authored.len());
    let mut rest = authored;
    while let Some((before, after)) = rest.split_once("$(") {
        path.push_str(before);
        match after.split_once(')') {
            Some((name, behind)) if !name.is_empty() && !name.contains(['$', '{', '(', '/']) => {
                path.push_str("${");
                path.push_str(name);
                path.push('}');
                rest = behind;
            }
            _ => {
                path.push_str("$(");
                rest = after;
            }
        }
    }
    path.push_str(rest);
    path
}

/// The names between the separators that stand outside placeholders.
fn names(path: &str) -> Vec<Name> {
    let mut names = Vec::new();
    let mut current = Name::default();
    for part in parts::parts(path) {
        match part {
            Part::Placeholder(_) => current.push(part),
            Part::Literal(text) => {
                for (at, piece) in text.split('/').enumerate() {
                    if at > 0 {
                        names.push(std::mem::take(&mut current));
                    }
                    if !piece.is_empty() {
                        current.push(Part::Literal(piece.to_owned()));
                    }
                }
            }
        }
    }
    names.push(current);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(authored: &str) -> Vec<String> {
        let parsed = PathTemplate::parse("FilePathToWrite", authored);
        let parsed = parsed.unwrap_or_else(|text| panic!("{authored}: {text}"));
        parsed.names.into_iter().map(|name| name.authored).collect()
    }

    #[test]
    fn a_path_is_split_outside_its_placeholders() {
        for (authored, expected) in [
            ("out/x.csv", &["out", "x.csv"][..]),
            ("./out//x.csv", &["out", "x.csv"]),
            ("/srv/out/${Mrn}.hl7", &["srv", "out", "${Mrn}.hl7"]),
            ("out/${CurrentDateTime:yyyy/MM}/x", &["out", "${CurrentDateTime:yyyy/MM}", "x"]),
            ("out/$(Mrn).hl7", &["out", "${Mrn}.hl7"]),
            ("out/$(a/b)", &["out", "$(a", "b)"]),
            ("${Replace:Replace(\\,-)}", &["${Replace:Replace(\\,-)}"]),
            ("${A:Replace(},/)}/x", &["${A:Replace(},/)}", "x"]),
            ("${A/b", &["${A", "b"]),
        ] {
            assert_eq!(names_of(authored), expected, "{authored}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused_at_load() {
        for (authored, expected) in [
            ("", "expected a path"),
            ("/", "expected a path"),
            ("./", "expected a path"),
            ("out/../x", "upwards"),
            ("..", "upwards"),
            ("C:\\Out\\x.csv", "Windows path"),
            ("C:/Out/x.csv", "Windows path"),
            ("\\\\server\\share\\x.csv", "Windows path"),
            ("out\\x.csv", "Windows path"),
            ("out/\0", "character 0"),
            (&format!("out/{}/x", "n".repeat(256)), "at most 255 bytes"),
        ] {
            let text = PathTemplate::parse("FilePathToWrite", authored).unwrap_err();
            assert!(text.contains(expected), "{authored}: {text}");
        }
        assert!(PathTemplate::parse("FilePathToWrite", &"a/".repeat(3000)).is_err());
    }

    #[test]
    fn an_inserted_value_may_fill_a_name_and_no_more() {
        for filled in ["77", "a b.csv", "2026/01/02", "..a", "ä"] {
            assert_eq!(check(filled), Ok(()), "{filled}");
        }
        for filled in
            ["..", ".", "...", "a/../b", "a//b", "/a", "a/", "", "a\\b", "a\0", "a\nb", "C:x"]
        {
            assert!(check(filled).is_err(), "{filled:?}");
        }
    }
}
