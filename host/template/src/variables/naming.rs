//! Names that a workflow had better not give to a variable.
//!
//! Knows: which names are read-only wherever a workflow runs, which ones a placeholder can name.
//! Deliberately does not know: globals, and what a receiver fills in for one request.

use super::builtin;
use crate::name::fold;
use crate::template::{PlaceholderKind, Template};

/// Why setting a variable of a name helps nobody, whatever the message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSlip {
    /// The name is the server's own: setting it fails.
    ReadOnly,
    /// No placeholder can name it, so nobody reads it.
    Unreadable,
}

impl NameSlip {
    /// What is wrong with a name; `None` for a good one.
    pub fn of(name: &str) -> Option<Self> {
        let folded = fold(name);
        if builtin::is_read_only(&folded) && folded != builtin::WORKFLOW_ERROR {
            return Some(Self::ReadOnly);
        }
        (!is_readable(name)).then_some(Self::Unreadable)
    }
}

/// Whether `${name}` is a placeholder of just this name.
fn is_readable(name: &str) -> bool {
    let template = Template::compile(&format!("${{{name}}}"));
    template.placeholders().next().is_some_and(|found| {
        found.kind == PlaceholderKind::Variable { name } && found.text == template.source()
    })
}

#[cfg(test)]
mod tests {
    use super::NameSlip;

    #[test]
    fn names_that_cannot_be_set_or_read_are_told_apart() {
        for (name, expected) in [
            ("Patient", None),
            ("Patient name", None),
            ("é-1.2_3", None),
            ("Dose (mg)", None),
            ("HttpHeader:X-Id", None),
            ("WorkflowError", None),
            ("Today", None),
            ("ForEachIterator", None),
            ("UUID", Some(NameSlip::ReadOnly)),
            ("workflowerrormessage", Some(NameSlip::ReadOnly)),
            ("ClientIP", Some(NameSlip::ReadOnly)),
            ("cr", Some(NameSlip::ReadOnly)),
            ("", Some(NameSlip::Unreadable)),
            ("Patient ", Some(NameSlip::Unreadable)),
            ("\tPatient", Some(NameSlip::Unreadable)),
            ("a:b", Some(NameSlip::Unreadable)),
            ("a}b", Some(NameSlip::Unreadable)),
            ("a{b", Some(NameSlip::Unreadable)),
            ("${a}", Some(NameSlip::Unreadable)),
            ("a\nb", Some(NameSlip::Unreadable)),
            ("it's", Some(NameSlip::Unreadable)),
            ("DATATABLE>Staff.Name", Some(NameSlip::Unreadable)),
            ("00000000-0000-0000-0000-000000000001 inbound", Some(NameSlip::Unreadable)),
        ] {
            assert_eq!(NameSlip::of(name), expected, "{name:?}");
        }
        assert_eq!(NameSlip::of(&"n".repeat(257)), Some(NameSlip::Unreadable));
    }
}
