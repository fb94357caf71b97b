//! What a plugin may be called, and what follows from it.

use tureen_bundle::bundled;
use tureen_sandbox::Kind;

use super::languages::Language;

/// The longest name, as the sandbox reads them.
const CHARACTERS_MAX: usize = 64;

/// Lower-case words joined by dashes, not those of anything that is needed beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProjectName(String);

impl ProjectName {
    /// # Errors
    /// What is wrong with the name, and what is expected.
    pub(super) fn parse(text: &str, language: &Language) -> anyhow::Result<Self> {
        if let Some(wrong) = wrong_with(text) {
            anyhow::bail!(
                "{text:?} is no name for a plugin: {wrong}\n  help: lower-case words joined by dashes are expected, such as acme-digits"
            );
        }
        if bundled().iter().any(|standard| standard.name == text) {
            anyhow::bail!(
                "{text} is a standard plugin, and a home has one plugin of a name\n  help: put a word of your own before it, such as acme-{text}"
            );
        }
        if let Some(why) = (language.refuses)(text) {
            anyhow::bail!("a plugin in {} cannot be called {text}: {why}", language.name);
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// `acme_digits`: what is made of it.
    pub(super) fn underscored(&self) -> String {
        self.0.replace('-', "_")
    }

    /// `AcmeDigitsTransformer`: a type. What it is ends its name, so that it is none of what the
    /// SDK and the language call by one word, such as `Result` and `Message`.
    pub(super) fn type_name(&self, kind: Kind) -> String {
        let own: String = self.0.split('-').map(capitalised).collect();
        let kind = capitalised(kind.name());
        // The kind alone is a trait of the SDK.
        if own != kind && own.ends_with(&kind) { own } else { format!("{own}{kind}") }
    }

    /// `Acme.Digits`: what workflows name it by. The first word is a namespace.
    pub(super) fn handles(&self) -> String {
        match self.0.split_once('-') {
            None => capitalised(&self.0),
            Some((first, rest)) => {
                let rest: String = rest.split('-').map(capitalised).collect();
                format!("{}.{rest}", capitalised(first))
            }
        }
    }
}

fn wrong_with(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    if text.chars().count() > CHARACTERS_MAX {
        return Some(format!("it is longer than {CHARACTERS_MAX} characters"));
    }
    let known = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if let Some(other) = text.chars().find(|it| !known(*it)) {
        return Some(format!("{other:?} is in it"));
    }
    if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Some("it does not begin with a letter".to_owned());
    }
    text.split('-').any(str::is_empty).then(|| "a word between dashes is empty".to_owned())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
    })
}
