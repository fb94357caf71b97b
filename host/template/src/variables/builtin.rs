//! The names that mean something without being set (contract 9.2).
//!
//! Knows: names, aliases, fixed values, which are read-only. Deliberately does
//! not know: the run they are read in.

use jiff::Zoned;

use crate::date::DateTime;

/// The folded name of the one system variable that a workflow may set.
pub(super) const WORKFLOW_ERROR: &str = "workflowerror";

/// A built-in variable that always exists.
pub(super) enum BuiltIn {
    Now,
    Received,
    Instance,
    Uuid,
    Fixed(&'static str),
}

impl BuiltIn {
    /// The variable of this folded name. `Today`, `Date` and `Now` are other
    /// names of `CurrentDateTime`.
    pub(super) fn named(folded: &str) -> Option<Self> {
        Some(match folded {
            "currentdatetime" | "today" | "date" | "now" => Self::Now,
            "receiveddate" => Self::Received,
            "workflowinstanceid" => Self::Instance,
            "uuid" => Self::Uuid,
            WORKFLOW_ERROR => Self::Fixed("False"),
            "workflowerrormessage" => Self::Fixed(""),
            // The frame of MLLP: start block; end block and carriage return.
            "mllpstart" => Self::Fixed("\u{b}"),
            "mllpend" => Self::Fixed("\u{1c}\r"),
            "cr" => Self::Fixed("\r"),
            "lf" => Self::Fixed("\n"),
            _ => return None,
        })
    }
}

/// Whether the name stands for control characters, which an author means as such.
pub(crate) fn is_control(folded: &str) -> bool {
    matches!(folded, "mllpstart" | "mllpend" | "cr" | "lf")
}

/// Whether the name stands for something of the server's own that never holds
/// text of a message. Names that a workflow may give to variables of its own are
/// among them: they are as good as always what they are called.
pub(crate) fn is_constant(folded: &str) -> bool {
    let own = BuiltIn::named(folded).is_some() && folded != "workflowerrormessage";
    own || matches!(folded, "foreachiterator" | "clientip")
}

/// Whether a workflow may not set the name.
///
/// The aliases of the current time are ordinary words, so a workflow may use
/// them for its own variables, as it may set `ForEachIterator`. Names that a
/// receiver fills are refused even where it did not, or a caller could pass
/// itself off with a query parameter called `ClientIP`.
pub(super) fn is_read_only(folded: &str) -> bool {
    let always = BuiltIn::named(folded).is_some() && !matches!(folded, "today" | "date" | "now");
    let receiver = matches!(
        folded,
        "httpmethod" | "clientip" | "directoryscannerfilename" | "postexecutionfilter"
    );
    always || receiver
}

/// The text of a date variable without a format: `yyyyMMddHHmmss`.
pub(super) fn default_text(date: &Zoned) -> String {
    DateTime::from_zoned(date).second_text()
}
