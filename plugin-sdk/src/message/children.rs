//! What stands directly in a place of an XML, JSON or DICOM message.
//!
//! Only paths are put together here; what stands where, the host says.
//! Deliberately does not know: values, namespaces, how documents are read.
//!
//! # Invariants
//! - Children come in document order, and each path leads to its child.
//! - The calls are those of the path's steps, however many children there are.

use crate::{Format, Message, Problem, Value};
use std::fmt;

/// What begins a JSON path whose names may hold any character.
const SELECTOR: &str = "newtonsoft:";

/// The shortest name of the whole document in selectors.
const WHOLE: &str = "newtonsoft:$";

/// An element of an XML element, a member of a JSON object or an item of an array.
pub struct Child<'m> {
    message: &'m Message,
    path: String,
    name: Option<String>,
}

impl Message {
    /// What stands directly in a place: the elements of an XML element, the members
    /// of a JSON object or the items of an array, at most 65,535. None in a place
    /// that is absent or holds a text alone. Of several places the first counts.
    /// The path "" is the whole document: of XML its root element is a child.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # fn main() -> Result<(), Problem> {
    /// let xml = b"<Order><Line no='1'>a</Line><Note>x</Note><Line no='2'>b</Line></Order>";
    /// let message = Message::parse(Format::Xml, xml)?;
    /// let children = message.children("Order")?;
    /// let paths: Vec<_> = children.iter().map(|child| child.path()).collect();
    /// assert_eq!(paths, ["Order/Line[1]", "Order/Note[1]", "Order/Line[2]"]);
    /// assert_eq!(children[1].name(), Some("Note"));
    /// assert_eq!(children[2].text()?, "b");
    /// assert_eq!(children[0].structure()?, "<Line no='1'>a</Line>");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the path cannot mean anything in this format; `children.format` where
    /// the format is another one: HL7 has [`Message::segments`].
    pub fn children(&self, path: &str) -> Result<Vec<Child<'_>>, Problem> {
        match self.format() {
            Format::Xml => self.elements(path),
            Format::Json | Format::Dicom => self.members_or_items(path),
            _ => {
                let text = "only places of XML, JSON and DICOM messages have children";
                Err(Problem::new("children.format", text))
            }
        }
    }

    fn elements(&self, path: &str) -> Result<Vec<Child<'_>>, Problem> {
        let Some(element) = self.find(path)?.into_iter().next() else { return Ok(Vec::new()) };
        if last_step(&element).starts_with('@') {
            return Ok(Vec::new());
        }
        let separator = if element.is_empty() { "" } else { "/" };
        let found = self.find(&format!("{element}{separator}*[*]"))?.into_iter();
        Ok(found.map(|path| Child { name: element_name(&path), ..self.child(path) }).collect())
    }

    fn members_or_items(&self, path: &str) -> Result<Vec<Child<'_>>, Problem> {
        let Some(holder) = self.find(path)?.into_iter().next() else { return Ok(Vec::new()) };
        let holder = self.selector(&holder)?;
        let members = self.find(&format!("{holder}.*"))?;
        if !members.is_empty() {
            let member = |path: String| Child { name: member_name(&path), ..self.child(path) };
            return Ok(members.into_iter().map(member).collect());
        }
        let items = self.find(&format!("{holder}[*]"))?;
        Ok(items.into_iter().map(|path| self.child(path)).collect())
    }

    fn child(&self, path: String) -> Child<'_> {
        Child { message: self, path, name: None }
    }

    /// The selector of a place that a slash path names. There a name looks into an
    /// array's first item and `[1]` of what is no array is that itself; selectors
    /// imply nothing.
    fn selector(&self, path: &str) -> Result<String, Problem> {
        if path.starts_with(SELECTOR) {
            return Ok(path.to_owned());
        }
        let mut selector = WHOLE.to_owned();
        for step in path.split('/').filter(|step| !step.is_empty()) {
            let (name, indexes) = step.split_at(step.find('[').unwrap_or(step.len()));
            if !name.is_empty() {
                while self.is_filled_array(&selector)? {
                    selector.push_str("[0]");
                }
                let name = name.replace('\\', "\\\\").replace('\'', "\\'");
                selector.push_str(&format!("['{name}']"));
            }
            for index in indexes.split(['[', ']']).filter_map(|index| index.parse::<usize>().ok()) {
                if index > 1 || self.is_filled_array(&selector)? {
                    selector.push_str(&format!("[{}]", index.saturating_sub(1)));
                }
            }
        }
        Ok(selector)
    }

    fn is_filled_array(&self, selector: &str) -> Result<bool, Problem> {
        Ok(self.count(&format!("{selector}[*]"))? > 0)
    }
}

impl<'m> Child<'m> {
    /// The exact path, as every function of the message takes it. Of JSON it is a
    /// selector, `newtonsoft:$['a/b']`, where a slash path cannot hold a name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The element's name without its prefix, or the member's; an item has none.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// As [`Message::text`].
    ///
    /// # Errors
    /// When the path is longer than paths may be.
    pub fn text(&self) -> Result<String, Problem> {
        self.message.text(&self.path)
    }

    /// As [`Message::get`].
    ///
    /// # Errors
    /// As [`Child::text`].
    pub fn value(&self) -> Result<Value, Problem> {
        self.message.get(&self.path)
    }

    /// The wire text: the whole element with its tags, or the JSON as it stands.
    ///
    /// # Errors
    /// As [`Child::text`].
    pub fn structure(&self) -> Result<String, Problem> {
        Ok(self.message.structure(&self.path)?.unwrap_or_default())
    }

    /// What stands directly in this one.
    ///
    /// # Errors
    /// As [`Child::text`].
    pub fn children(&self) -> Result<Vec<Child<'m>>, Problem> {
        self.message.children(&self.path)
    }
}

/// Shows the kind alone: names and keys may be content.
impl fmt::Debug for Child<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Child").finish_non_exhaustive()
    }
}

fn last_step(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// Of `Root/p:Line[2]`: the local name.
fn element_name(path: &str) -> Option<String> {
    let step = last_step(path);
    let name = step.split_once('[').map_or(step, |(name, _)| name);
    Some(name.rsplit_once(':').map_or(name, |(_, local)| local).to_owned())
}

/// The last name of an exact path; names of slash paths hold neither `/` nor `[`.
fn member_name(path: &str) -> Option<String> {
    let Some(mut rest) = path.strip_prefix(WHOLE) else {
        return Some(last_step(path).to_owned());
    };
    let mut last = None;
    while !rest.is_empty() {
        (last, rest) = if let Some(quoted) = rest.strip_prefix("['") {
            let (name, rest) = quoted_name(quoted);
            (Some(name), rest)
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (name, rest) = plain.split_at(end);
            (Some(name.to_owned()), rest)
        } else {
            (None, rest.split_once(']').map_or("", |(_, rest)| rest))
        };
    }
    last
}

/// A name up to its closing quote and bracket, and what follows these; a backslash
/// takes the next character as it is.
fn quoted_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.extend(characters.next()),
            '\'' => break,
            _ => name.push(character),
        }
    }
    let rest = characters.as_str();
    (name, rest.strip_prefix(']').unwrap_or(rest))
}

#[cfg(test)]
mod tests;
