//! The grammar of selectors: JSONPath as Newtonsoft.Json reads it.
//!
//! Knows: `$`, names, brackets, `..`. Deliberately does not know: the grammar of
//! conditions (`condition`), documents.
//!
//! Where Newtonsoft.Json and other readers of JSONPath differ, Newtonsoft.Json
//! counts: `[*]` takes items only, `.*` members only, a filter looks at items of
//! arrays only, a slice may go backwards. Where Newtonsoft.Json does something
//! that nobody can mean (a negative index throws, `..[0]` is read as `[0]`), the
//! selector is refused.

use super::condition;
use super::{Anywhere, Slice, Source, Step};
use crate::Problem;

/// Parses what stands after `newtonsoft:`.
pub(super) fn parse(mut source: Source<'_>) -> Result<Vec<Step>, Problem> {
    source.skip_blanks();
    let rooted = source
        .rest
        .strip_prefix('$')
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ' ']));
    if rooted {
        source.take(1);
    }
    let steps = steps(&mut source, !rooted, Ends::Text, 0)?;
    source.skip_blanks();
    if source.rest.is_empty() {
        return Ok(steps);
    }
    Err(source.syntax(
        "expected `.name`, `['name']`, `[0]` or the end; a name with blanks or brackets is \
         written ['name']",
    ))
}

/// What ends a path besides the end of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// A blank or a closing bracket, which then must not be there.
    Text,
    /// In a condition, an operator as well.
    Condition,
}

impl Ends {
    fn of_name(self) -> &'static [char] {
        match self {
            Self::Text => &['.', '[', '(', ']', ')', ' '],
            Self::Condition => &['.', '[', '(', ']', ')', ' ', '=', '<', '>', '!', '|', '&'],
        }
    }
}

/// Names and brackets as far as they go. `bare` allows a first name without dot.
pub(super) fn steps(
    source: &mut Source<'_>,
    bare: bool,
    ends: Ends,
    depth: usize,
) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    if bare && !source.rest.is_empty() && !source.rest.starts_with(['.', '[', ' ']) {
        steps.push(dotted(source, false, ends)?);
    }
    loop {
        let anywhere = source.eat("..");
        let dotted_now = anywhere || source.eat(".");
        if source.eat("[") {
            steps.push(bracketed(source, anywhere, depth)?);
        } else if dotted_now {
            steps.push(dotted(source, anywhere, ends)?);
        } else {
            return Ok(steps);
        }
    }
}

fn dotted(source: &mut Source<'_>, anywhere: bool, ends: Ends) -> Result<Step, Problem> {
    let start = source.offset;
    let name = source.take_until(ends.of_name());
    if source.rest.starts_with('(') {
        return Err(source.unsupported("round brackets around an index: write [0]"));
    }
    Ok(match (name, anywhere) {
        ("", _) => {
            return Err(source.syntax("expected a member name after the dot").at_offset(start));
        }
        ("*", false) => Step::Members,
        ("*", true) => Step::Anywhere(Anywhere::All),
        (name, false) => Step::Name(name.to_owned()),
        (name, true) => Step::Anywhere(Anywhere::Named(vec![name.to_owned()])),
    })
}

/// What stands between `[` and `]`, and the `]`.
fn bracketed(source: &mut Source<'_>, anywhere: bool, depth: usize) -> Result<Step, Problem> {
    source.skip_blanks();
    if source.rest.starts_with(['\'', '"']) {
        return quoted_names(source, anywhere);
    }
    if source.eat("?") {
        let condition = condition::parse(source, depth)?;
        close(source)?;
        return Ok(if anywhere {
            Step::Anywhere(Anywhere::Where(condition))
        } else {
            Step::Filter(condition)
        });
    }
    if anywhere {
        return Err(source.unsupported(
            "an index after `..`, which Newtonsoft.Json reads without the dots: write ..*[0]",
        ));
    }
    if source.rest.starts_with('(') {
        return Err(source.unsupported("a script in an index: use a filter, [?(@.name == 'x')]"));
    }
    if source.eat("*") {
        close(source)?;
        return Ok(Step::Every);
    }
    indexes(source)
}

fn quoted_names(source: &mut Source<'_>, anywhere: bool) -> Result<Step, Problem> {
    let mut names = Vec::new();
    loop {
        names.push(quoted(source)?);
        source.skip_blanks();
        if !source.eat(",") {
            break;
        }
        source.skip_blanks();
        if !source.rest.starts_with(['\'', '"']) {
            return Err(source.syntax("expected a quoted member name after the comma"));
        }
    }
    close(source)?;
    Ok(match (anywhere, names.len()) {
        (true, _) => Step::Anywhere(Anywhere::Named(names)),
        (false, 1) => Step::Name(names.pop().unwrap_or_default()),
        (false, _) => Step::Names(names),
    })
}

/// Text in single or double quotes, with the escapes of Newtonsoft.Json.
pub(super) fn quoted(source: &mut Source<'_>) -> Result<String, Problem> {
    let quote = if source.take(1) == "'" { '\'' } else { '"' };
    let mut text = String::new();
    let mut characters = source.rest.char_indices();
    loop {
        match characters.next() {
            Some((at, found)) if found == quote => {
                source.take(at + 1);
                return Ok(text);
            }
            Some((at, '\\')) => {
                let escaped = characters.next().map(|(_, escaped)| escaped);
                let Some(character) = escaped.and_then(unescaped) else {
                    source.take(at);
                    return Err(source.syntax(
                        "a backslash in quotes stands before b, t, n, f, r, a quote, a slash or \
                         another backslash",
                    ));
                };
                text.push(character);
            }
            Some((_, other)) => text.push(other),
            None => return Err(source.syntax("a quoted text has no closing quote")),
        }
    }
}

fn unescaped(escaped: char) -> Option<char> {
    Some(match escaped {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        '\\' | '"' | '\'' | '/' => escaped,
        _ => return None,
    })
}

/// `0`, `0,2` or a slice.
fn indexes(source: &mut Source<'_>) -> Result<Step, Problem> {
    let start = source.offset;
    let first = number(source)?;
    source.skip_blanks();
    if source.eat(":") {
        return slice(source, first);
    }
    let mut indexes = vec![index(source, first, start)?];
    while source.eat(",") {
        source.skip_blanks();
        let start = source.offset;
        let next = number(source)?;
        indexes.push(index(source, next, start)?);
        source.skip_blanks();
    }
    close(source)?;
    Ok(match indexes.as_slice() {
        [single] => Step::Index(*single),
        _ => Step::Indexes(indexes),
    })
}

/// What follows `start:`.
fn slice(source: &mut Source<'_>, start: Option<i64>) -> Result<Step, Problem> {
    source.skip_blanks();
    let end = number(source)?;
    source.skip_blanks();
    let mut step = None;
    if source.eat(":") {
        source.skip_blanks();
        step = number(source)?;
        source.skip_blanks();
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(source.syntax("the step of a slice must not be 0"));
    }
    close(source)?;
    Ok(Step::Slice(Slice { start, end, step }))
}

/// A number with an optional minus sign; `None` where there is none.
fn number(source: &mut Source<'_>) -> Result<Option<i64>, Problem> {
    let digits = source.rest.strip_prefix('-').unwrap_or(source.rest);
    let length = source.rest.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if length == 0 {
        return Ok(None);
    }
    let text = source.rest.get(..length).unwrap_or_default();
    let number =
        text.parse().map_err(|_| source.syntax("the index is no number, or too large a one"))?;
    source.take(length);
    Ok(Some(number))
}

fn index(source: &Source<'_>, number: Option<i64>, start: usize) -> Result<usize, Problem> {
    let problem = match number.map(usize::try_from) {
        Some(Ok(index)) => return Ok(index),
        Some(Err(_)) => source.unsupported(
            "a negative index, which Newtonsoft.Json does not have: the last item is [-1:]",
        ),
        None => source.syntax(
            "expected a number, `*`, a slice, a filter or a quoted name between `[` and `]`",
        ),
    };
    Err(problem.at_offset(start))
}

fn close(source: &mut Source<'_>) -> Result<(), Problem> {
    source.skip_blanks();
    if source.eat("]") {
        return Ok(());
    }
    Err(source.syntax("expected `]`"))
}
