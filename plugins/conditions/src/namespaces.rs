//! The prefixes that an action or a condition declares for its path (contract
//! 8.4), and the declarations that stand in front of a path.
//!
//! An XML path may begin with `declare namespace p = "uri";`. What the settings
//! declare is put there, so that all of it is in the path's own language. It is
//! done when the message is known to be XML: in other formats `p:` may be the
//! beginning of a name. Deliberately does not know: XML, and what else a path
//! means.

use std::borrow::Cow;
use tureen_plugin_sdk::{Findings, Format, Message, Settings};

/// Prefixes and what they mean, as an object of the settings names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(Vec<(String, String)>);

impl Namespaces {
    /// Reads an object of prefixes and URIs; omitted and `null` are none.
    ///
    /// # Errors
    /// What is no object of texts, and `path.namespace`: a prefix that is no
    /// name, or a URI that is empty or cannot stand in a path.
    pub fn read(settings: &Settings, name: &str) -> Result<Self, Findings> {
        let Some(object) = settings.object(name)? else { return Ok(Self::default()) };
        let mut findings = Findings::default();
        let mut declared = Vec::new();
        for (prefix, uri) in object.texts()? {
            match slip(&prefix, &uri) {
                Some(slip) => findings.push(object.error(&prefix, "path.namespace", slip)),
                // It means that everywhere.
                None if prefix == "xml" => {}
                None => declared.push((prefix, uri)),
            }
        }
        findings.or(Self(declared))
    }

    /// The path with declarations in front of it of those prefixes that stand in
    /// it, where the message is XML.
    pub fn declared<'p>(&self, message: &Message, path: Cow<'p, str>) -> Cow<'p, str> {
        if self.0.is_empty() || message.format() != Format::Xml {
            return path;
        }
        self.in_front_of(path)
    }

    fn in_front_of<'p>(&self, path: Cow<'p, str>) -> Cow<'p, str> {
        let (own, body) = split(&path);
        let is_needed = |prefix: &str| uses(body, prefix) && !declares(own, prefix);
        let mut declarations = String::new();
        for (prefix, uri) in self.0.iter().filter(|(prefix, _)| is_needed(prefix)) {
            let quote = if uri.contains('"') { '\'' } else { '"' };
            declarations.push_str(&format!("declare namespace {prefix} = {quote}{uri}{quote}; "));
        }
        if declarations.is_empty() { path } else { Cow::Owned(declarations + &path) }
    }
}

const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";

fn slip(prefix: &str, uri: &str) -> Option<&'static str> {
    let is_name = prefix.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && prefix.chars().all(continues_name);
    if !is_name || prefix == "xmlns" {
        return Some("expected a prefix: a name without a colon, not xmlns");
    }
    if uri.is_empty() || (prefix == "xml") != (uri == XML_URI) {
        return Some("expected the URI of a namespace; that of xml is fixed");
    }
    (uri.contains('"') && uri.contains('\''))
        .then_some("a URI with both kinds of quotes cannot stand in a path")
}

fn continues_name(found: char) -> bool {
    found.is_alphanumeric() || matches!(found, '_' | '-' | '.' | '\u{B7}')
}

/// Whether a name with this prefix may stand in a path. An axis (`p::`) is none.
fn uses(path: &str, prefix: &str) -> bool {
    let mut rest = path;
    let mut before = None;
    while let Some((head, behind)) = rest.split_once(prefix) {
        let before_it = head.chars().next_back().or(before);
        let is_whole = before_it.is_none_or(|found| !continues_name(found));
        if is_whole && behind.starts_with(':') && !behind.starts_with("::") {
            return true;
        }
        before = prefix.chars().next_back();
        rest = behind;
    }
    false
}

/// The declarations at the start of a path, and what follows them.
pub(crate) fn split(path: &str) -> (&str, &str) {
    let mut rest = path;
    while let Some((_, behind)) = declaration(rest) {
        rest = behind;
    }
    path.split_at_checked(path.len() - rest.len()).unwrap_or(("", path))
}

fn declares(declarations: &str, prefix: &str) -> bool {
    let mut rest = declarations;
    while let Some((declared, behind)) = declaration(rest) {
        if declared == prefix {
            return true;
        }
        rest = behind;
    }
    false
}

/// The prefix of the declaration at the start of a text, and what follows it.
fn declaration(text: &str) -> Option<(&str, &str)> {
    let white = |text: &&str| text.starts_with(char::is_whitespace);
    let rest = text.trim_start().strip_prefix("declare").filter(white)?;
    let rest = rest.trim_start().strip_prefix("namespace").filter(white)?;
    let (prefix, rest) = rest.split_once('=')?;
    let value = rest.trim_start();
    let quote = value.chars().next().filter(|found| matches!(found, '"' | '\''))?;
    let (_, behind) = value.get(1..)?.split_once(quote)?;
    let behind = behind.trim_start().strip_prefix(';')?;
    Some((prefix.trim(), behind.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declared(path: &str) -> String {
        let settings = json!({ "FromNamespaces": {
            "p": "urn:p", "pp": "urn:\"pp", "xml": XML_URI,
        } });
        let namespaces = Namespaces::read(&Settings::new(settings), "FromNamespaces").unwrap();
        namespaces.in_front_of(Cow::Borrowed(path)).into_owned()
    }

    #[test]
    fn the_prefixes_of_a_path_are_declared_in_front_of_it() {
        let (p, pp) = ("declare namespace p = \"urn:p\"; ", "declare namespace pp = 'urn:\"pp'; ");
        for (path, expected) in [
            ("Root/Child", String::new()),
            ("p:Root/Child", p.to_owned()),
            ("Root/@p:code", p.to_owned()),
            ("xpath://p:a[pp:b = 1]", format!("{p}{pp}")),
            ("Root/pp:Child", pp.to_owned()),
            ("Root/ap:Child/p", String::new()),
            ("Root/a-p:Child", String::new()),
            ("xpath://p::a", String::new()),
            ("xpath://p[p:a]", p.to_owned()),
            ("xpath:p:*", p.to_owned()),
            ("xpath:child::p:a", p.to_owned()),
            ("Root/@xml:lang", String::new()),
            ("declare namespace p = 'mine'; p:a", String::new()),
            ("declare namespace q = 'mine'; q:a/p:b", p.to_owned()),
            ("declare/p:a", p.to_owned()),
        ] {
            assert_eq!(declared(path), format!("{expected}{path}"), "{path}");
        }
    }

    #[test]
    fn what_is_no_namespace_is_a_finding() {
        for object in [
            json!({ "": "urn:p" }),
            json!({ "1a": "urn:p" }),
            json!({ "a:b": "urn:p" }),
            json!({ "xmlns": "urn:p" }),
            json!({ "p": "" }),
            json!({ "xml": "urn:p" }),
            json!({ "p": XML_URI }),
            json!({ "p": "\"'" }),
            json!({ "p": {} }),
            json!("p"),
        ] {
            let settings = Settings::new(json!({ "FromNamespaces": object }));
            assert!(Namespaces::read(&settings, "FromNamespaces").is_err(), "{object}");
        }
        for object in [json!({}), json!(null), json!({ "$type": "x" })] {
            let settings = Settings::new(json!({ "FromNamespaces": object }));
            let none = Namespaces::read(&settings, "FromNamespaces").unwrap();
            assert_eq!(none, Namespaces::default(), "{object}");
        }
    }

    #[test]
    fn declarations_are_split_off_a_path() {
        for (path, expected) in [
            ("a/b", ""),
            ("declare/b", ""),
            ("declare namespace p", ""),
            ("declare namespace p = 'u;'; a", "declare namespace p = 'u;'; "),
            (
                "declare namespace p='u';declare namespace q=\"v\";\n a",
                "declare namespace p='u';declare namespace q=\"v\";\n ",
            ),
        ] {
            let (declarations, body) = split(path);
            assert_eq!(declarations, expected, "{path}");
            assert_eq!(format!("{declarations}{body}"), path);
        }
    }
}
