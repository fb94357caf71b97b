//! Paths that hold variables, without letting a value lead out of the directory
//! that the author wrote.
//!
//! A path is split into its names before anything is inserted; each name is
//! expanded alone. A value can then fill a name, but bring no separator of its
//! own, nor make a name of dots. A separator that the author wrote inside a
//! placeholder, as in `${CurrentDateTime:yyyy/MM/dd}`, stays allowed.

use tureen_plugin_sdk::{Context, Finding, Settings, StepError};

/// The bytes that a path may have as it is authored.
const AUTHORED_BYTES_MAX: usize = 4096;

/// A path as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    authored: String,
    absolute: bool,
    names: Vec<String>,
}

impl PathTemplate {
    /// Reads a path from the settings.
    ///
    /// # Errors
    /// `file.path` when it is empty, a Windows path, or leads upwards.
    pub(crate) fn read(settings: &Settings, name: &str) -> Result<Self, Finding> {
        let authored = settings.text(name)?.unwrap_or_default();
        Self::parse(&authored).map_err(|text| settings.error(name, "file.path", text))
    }

    fn parse(authored: &str) -> Result<Self, &'static str> {
        if authored.len() > AUTHORED_BYTES_MAX {
            return Err("expected a path of at most 4096 bytes");
        }
        let path = with_braces(authored);
        let names = names(&path);
        if names.iter().any(|name| outside_placeholders(name).any(|part| part.contains('\\')))
            || is_drive(&path)
        {
            return Err("this is a Windows path, and plugins see granted directories only: write \
                        it relative to the first directory that file-writer is granted in \
                        tureen.toml, with slashes, such as patients.csv or done/patients.csv");
        }
        let mut kept = Vec::new();
        for name in names {
            match name.as_str() {
                ".." => return Err("a path may not lead upwards: write it without .."),
                "" | "." => {}
                _ if name.contains('\0') => return Err("a path may not hold the character 0"),
                _ => kept.push(name),
            }
        }
        if kept.is_empty() {
            return Err("expected a path, such as messages.txt");
        }
        let absolute = path.starts_with('/');
        Ok(Self { authored: authored.to_owned(), absolute, names: kept })
    }

    /// As it is written in the settings.
    pub(crate) fn authored(&self) -> &str {
        &self.authored
    }

    /// The path for one message.
    ///
    /// # Errors
    /// When a placeholder cannot be expanded; and rejected, `file.path`, when a
    /// value would bring a separator, or leave a name empty or of dots alone.
    pub(crate) fn expand(&self, context: &Context) -> Result<String, StepError> {
        let mut path = String::new();
        for (at, name) in self.names.iter().enumerate() {
            if at > 0 || self.absolute {
                path.push('/');
            }
            if !name.contains("${") {
                path.push_str(name);
                continue;
            }
            let expanded = context.expand(name)?;
            let allowed = name.matches('/').count();
            check(&expanded, allowed).map_err(|reason| self.refused(at, reason))?;
            path.push_str(&expanded);
        }
        Ok(path)
    }

    fn refused(&self, at: usize, reason: &str) -> StepError {
        let name = self.names.get(at).map_or("", String::as_str);
        let text = format!(
            "what is inserted into {name} {reason}: values may fill a name of the path, and not \
             choose its directory"
        );
        let error = tureen_plugin_sdk::Problem::new("file.path", text).at(self.authored.clone());
        StepError::Rejected(error)
    }
}

/// Whether an expanded name is still one; with so many separators of its author.
fn check(expanded: &str, allowed: usize) -> Result<(), &'static str> {
    if expanded.contains(['\\', '\0']) || expanded.matches('/').count() > allowed {
        return Err("holds a separator of paths");
    }
    if expanded.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    if is_drive(expanded) {
        return Err("begins like a Windows drive");
    }
    for name in expanded.split('/') {
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
fn names(path: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut inside = false;
    let mut before = '\0';
    for character in path.chars() {
        inside = match character {
            '{' if before == '$' => true,
            '}' => false,
            _ => inside,
        };
        before = character;
        match names.last_mut() {
            Some(name) if inside || character != '/' => name.push(character),
            _ => names.push(String::new()),
        }
    }
    names
}

/// The parts of a name that are not placeholders.
fn outside_placeholders(name: &str) -> impl Iterator<Item = &str> {
    name.split("${").enumerate().map(|(at, part)| match part.split_once('}') {
        Some((_, behind)) if at > 0 => behind,
        _ => part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(authored: &str) -> Vec<String> {
        PathTemplate::parse(authored).unwrap_or_else(|text| panic!("{authored}: {text}")).names
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
        ] {
            let text = PathTemplate::parse(authored).unwrap_err();
            assert!(text.contains(expected), "{authored}: {text}");
        }
        assert!(PathTemplate::parse(&"a/".repeat(3000)).is_err());
    }

    #[test]
    fn an_inserted_value_may_fill_a_name_and_no_more() {
        for (expanded, allowed) in
            [("77", 0), ("a b.csv", 0), ("2026/01/02", 2), ("..a", 0), ("ä", 0)]
        {
            assert_eq!(check(expanded, allowed), Ok(()), "{expanded}");
        }
        for (expanded, allowed) in [
            ("a/b", 0),
            ("a/b/c/d", 2),
            ("..", 0),
            (".", 0),
            ("...", 0),
            ("a/../b", 2),
            ("a//b", 2),
            ("", 0),
            ("a\\b", 0),
            ("a\0", 0),
            ("a\nb", 0),
            ("C:x", 0),
        ] {
            assert!(check(expanded, allowed).is_err(), "{expanded:?}");
        }
    }
}
