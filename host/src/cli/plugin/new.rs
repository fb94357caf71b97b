//! `tureen plugin new`: a project that builds and passes its own tests.
//!
//! Reads top-down: judge the name, fill the templates, write the files, say what
//! comes next. Deliberately does not know: what a plugin of a kind looks like, nor
//! how a language builds it; the table in `languages` does.
//!
//! # Invariants
//! - Nothing that is there already is changed: an existing folder is refused.
//! - What could not be written to its end is taken away again.

mod languages;
mod name;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tureen_sandbox::Kind;

use self::languages::{LANGUAGES, Language};
use self::name::ProjectName;
use crate::cli::{Ended, output, shell};

/// Makes a project for a plugin of your own: source, tests, a sample message and
/// settings, and everything of Tureen that it is built with. No clone of Tureen is
/// needed. Prints the commands that test, build, try and install it.
///
/// The name is made of lower-case words joined by dashes; it is what grants and
/// limits in tureen.toml go by. The first word is a good place for your own name.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    tureen plugin new acme-digits --kind transformer\n  \
    cd acme-digits && cargo test\n\n\
    Kinds: a filter decides whether a message goes on, a transformer changes a message or\n\
    computes variables, an activity does something with it.\n\n\
    Ends with 0 when the project was made, 2 when not.")]
pub(in crate::cli) struct New {
    /// The plugin's name, such as acme-digits
    name: String,
    /// What it is for
    #[arg(long, value_parser = kinds())]
    kind: Kind,
    /// The language that it is written in
    #[arg(long = "lang", value_name = "LANGUAGE", default_value = "rust", value_parser = names())]
    language: &'static Language,
    /// Where the project goes; made by this command. Without it, a folder of the
    /// plugin's name here
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

const KINDS: [Kind; 3] = [Kind::Filter, Kind::Transformer, Kind::Activity];

fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(KINDS.map(Kind::name)).map(|chosen| {
        KINDS.into_iter().find(|kind| kind.name() == chosen).unwrap_or(Kind::Transformer)
    })
}

fn names() -> impl TypedValueParser<Value = &'static Language> {
    PossibleValuesParser::new(LANGUAGES.iter().map(|language| language.name)).try_map(|chosen| {
        LANGUAGES.iter().find(|language| language.name == chosen).ok_or("no such language")
    })
}

impl New {
    pub(in crate::cli) fn run(self) -> anyhow::Result<Ended> {
        let name = ProjectName::parse(&self.name, self.language)?;
        let project = Project { name: &name, kind: self.kind };
        let directory = self.directory.unwrap_or_else(|| PathBuf::from(name.as_str()));
        let files = self.language.files(&project);
        write(&directory, &files)?;
        output::line(&format!("made {} ({} files)", directory.display(), files.len()));
        output::line("\nnext:");
        output::line(&format!("  cd {}", shell::word(&directory)));
        for command in self.language.commands(&project) {
            output::line(&format!("  {command}"));
        }
        output::line("\ninto a home, also while its server runs:");
        for command in self.language.install(&project) {
            output::line(&format!("  {command}"));
        }
        output::line("\nREADME.md in the project says the rest");
        Ok(Ended::Well)
    }
}

/// What a project is made for.
struct Project<'a> {
    name: &'a ProjectName,
    kind: Kind,
}

/// A file of a project: its path, with slashes, and its text.
struct ProjectFile {
    path: String,
    text: String,
}

/// Makes the folder with these files in it, or nothing.
fn write(directory: &Path, files: &[ProjectFile]) -> anyhow::Result<()> {
    make(directory).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                "name another folder with --directory, or another plugin"
            }
            _ => "name a folder that you may write with --directory",
        };
        let folder = directory.display();
        anyhow::anyhow!(
            "the folder {folder} cannot be made: {error}; nothing was changed\n  help: {help}"
        )
    })?;
    let written = files.iter().try_for_each(|file| {
        let path = directory.join(&file.path);
        let folder = path.parent().unwrap_or(directory);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &file.text));
        written.with_context(|| {
            format!("{} cannot be written; what was made is taken away", path.display())
        })
    });
    if written.is_err() {
        // It was made a moment ago, by this command, with nothing else in it.
        let _ = fs::remove_dir_all(directory);
    }
    written
}

/// A folder that was not there, and what leads to it.
fn make(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::create_dir(directory)
}
