//! The conditions of filters: `[?(@.code == 'x' && @.count > 1)]`.
//!
//! Knows: their grammar and what they are made of. Deliberately does not know:
//! how they are judged (`json::judge`), documents.
//!
//! `&&` and `||` have no precedence: as in Newtonsoft.Json what stands to the
//! right of one belongs to it, `a && b || c` is `a && (b || c)`. `!` and groups
//! in round brackets are ours; Newtonsoft.Json has neither.

use regex::{Regex, RegexBuilder};

use super::selector::{self, Ends};
use super::{CONDITION_DEPTH_MAX, Source, Step};
use crate::Problem;

/// What a compiled regular expression may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Tests joined by `&&` and `||`, read from the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::json) struct Condition {
    /// Each with what joins it to the next; what the last one has means nothing.
    pub(in crate::json) tests: Vec<(Test, Join)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::json) enum Join {
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::json) enum Test {
    Not(Box<Test>),
    Group(Condition),
    /// Whether a path leads anywhere.
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
    /// Whether a text of the path matches.
    Matches(Operand, Pattern),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::json) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::json) enum Operand {
    /// From the document (`$`) or from what the filter looks at (`@`).
    Path {
        from_root: bool,
        steps: Vec<Step>,
    },
    Literal(Literal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::json) enum Literal {
    Null,
    Boolean(bool),
    /// As written, in the grammar of JSON numbers.
    Number(String),
    Text(String),
}

/// A compiled regular expression. Matching takes linear time.
#[derive(Clone, Debug)]
pub(in crate::json) struct Pattern(Regex);

impl Pattern {
    pub(in crate::json) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// Parses `(…)` after the question mark.
pub(super) fn parse(source: &mut Source<'_>, depth: usize) -> Result<Condition, Problem> {
    if depth >= CONDITION_DEPTH_MAX {
        return Err(Problem::new(
            "limit.path-nesting",
            format!("JSON path: conditions stand more than {CONDITION_DEPTH_MAX} deep"),
        )
        .at_offset(source.offset));
    }
    if !source.eat("(") {
        return Err(source.syntax("expected `(` before a condition: [?(@.name == 'x')]"));
    }
    let mut tests = Vec::new();
    loop {
        let test = test(source, depth)?;
        source.skip_blanks();
        let join = match () {
            () if source.eat("&&") => Join::And,
            () if source.eat("||") => Join::Or,
            () if source.eat(")") => {
                tests.push((test, Join::And));
                return Ok(Condition { tests });
            }
            () => return Err(source.syntax("expected `&&`, `||` or `)` after a condition")),
        };
        tests.push((test, join));
    }
}

fn test(source: &mut Source<'_>, depth: usize) -> Result<Test, Problem> {
    source.skip_blanks();
    let mut negated = false;
    while source.eat("!") {
        negated = !negated;
        source.skip_blanks();
    }
    let test = if source.rest.starts_with('(') {
        Test::Group(parse(source, depth + 1)?)
    } else {
        comparison(source, depth)?
    };
    Ok(if negated { Test::Not(Box::new(test)) } else { test })
}

fn comparison(source: &mut Source<'_>, depth: usize) -> Result<Test, Problem> {
    let left = operand(source, depth)?;
    source.skip_blanks();
    if source.rest.starts_with(')')
        || source.rest.starts_with("&&")
        || source.rest.starts_with("||")
    {
        return match left {
            Operand::Path { .. } => Ok(Test::Exists(left)),
            Operand::Literal(_) => Err(source.syntax("a value alone is no condition: compare it")),
        };
    }
    // JSON text has no dates: `===` differs from `==` in those alone.
    let operators = [
        ("===", Comparison::Equal),
        ("==", Comparison::Equal),
        ("!==", Comparison::NotEqual),
        ("!=", Comparison::NotEqual),
        ("<>", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        ("<", Comparison::Less),
        (">=", Comparison::GreaterOrEqual),
        (">", Comparison::Greater),
    ];
    if source.eat("=~") {
        source.skip_blanks();
        return Ok(Test::Matches(left, pattern(source)?));
    }
    let Some((_, comparison)) = operators.iter().find(|(sign, _)| source.eat(sign)) else {
        return Err(
            source.syntax("expected an operator: ==, !=, <, <=, >, >=, =~, &&, || or the `)`")
        );
    };
    source.skip_blanks();
    Ok(Test::Compare(left, *comparison, operand(source, depth)?))
}

fn operand(source: &mut Source<'_>, depth: usize) -> Result<Operand, Problem> {
    let from_root = source.rest.starts_with('$');
    if from_root || source.rest.starts_with('@') {
        source.take(1);
        let steps = selector::steps(source, false, Ends::Condition, depth + 1)?;
        return Ok(Operand::Path { from_root, steps });
    }
    literal(source).map(Operand::Literal)
}

fn literal(source: &mut Source<'_>) -> Result<Literal, Problem> {
    if source.rest.starts_with(['\'', '"']) {
        return selector::quoted(source).map(Literal::Text);
    }
    let start = source.offset;
    let word = source.take_until(&[' ', ')', ']', '&', '|', '=', '<', '>', '!']);
    match word {
        "null" => return Ok(Literal::Null),
        "true" => return Ok(Literal::Boolean(true)),
        "false" => return Ok(Literal::Boolean(false)),
        _ => {}
    }
    if word.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && super::super::validate::depth(word, 0).is_ok()
    {
        return Ok(Literal::Number(word.to_owned()));
    }
    Err(source
        .syntax("expected @, $, a text in quotes, a number, true, false or null")
        .at_offset(start))
}

/// `/expression/flags`.
fn pattern(source: &mut Source<'_>) -> Result<Pattern, Problem> {
    let start = source.offset;
    if !source.eat("/") {
        return Err(source.syntax("expected a regular expression between slashes after =~"));
    }
    let mut escaped = false;
    let end = source.rest.find(|character| {
        let ends = character == '/' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    let Some(end) = end else {
        return Err(source.syntax("a regular expression has no closing slash"));
    };
    let expression = source.take(end).replace("\\/", "/");
    source.take(1);
    let flags = source.take_until(&[' ', ')', '&', '|']);
    // `x` is ExplicitCapture there, which changes no match.
    if let Some(other) = flags.chars().find(|flag| !"imsx".contains(*flag)) {
        return Err(source.syntax(&format!(
            "the flags of a regular expression are i, m, s and x, found U+{:04X}",
            u32::from(other)
        )));
    }
    // The flags stand in the expression, so that it tells which pattern it is.
    let flags: String = flags.chars().filter(|flag| *flag != 'x').collect();
    let whole = if flags.is_empty() { expression } else { format!("(?{flags}){expression}") };
    RegexBuilder::new(&whole).size_limit(PATTERN_BYTES_MAX).build().map(Pattern).map_err(|_| {
        source
            .unsupported(
                "the regular expression cannot be used: look-around and back references are \
                 not available, nor are very large repetitions",
            )
            .at_offset(start)
    })
}
