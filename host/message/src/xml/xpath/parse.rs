//! From the text of an expression to its parts (XPath 1.0 sections 2 and 3).
//!
//! Deliberately does not know: documents, values.
//!
//! # Invariants
//! - Parentheses, predicates and arguments are nested [`DEPTH_MAX`] deep at
//!   most; chains of operators and steps are lists, however long. So neither
//!   reading nor evaluating an expression recurses without bound.
//! - What an expression would give is known when it is read (variables are
//!   refused), so a wrong operand is a mistake of the path, not of a message.

use super::super::name;
use super::super::path::NameTest;
use super::super::prolog::Prolog;
use super::expression::{
    Axis, Expr, Function, Given, Operator, Predicate, Start, Step, Test, is_positional,
};
use crate::Problem;

/// How deep parentheses, predicates and arguments of an expression may be
/// nested.
pub const DEPTH_MAX: usize = 32;

/// Reads a whole expression.
///
/// # Errors
/// `path.syntax`, `path.unsupported`, `limit.path-depth`, with the byte offset.
pub(super) fn expression(text: &str, prolog: &Prolog) -> Result<Expr, Problem> {
    let mut parser = Parser { text, at: 0, depth: 0, prolog };
    let parsed = parser.expr()?;
    parser.white();
    if parser.at < text.len() {
        return Err(parser.expected("an operator or the end of the expression"));
    }
    Ok(parsed)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    prolog: &'t Prolog,
}

/// The operators of one precedence, loosest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("!=", Operator::Differs), ("=", Operator::Equals)],
    &[
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("div", Operator::Divide), ("mod", Operator::Modulo)],
];

impl<'t> Parser<'t> {
    fn expr(&mut self) -> Result<Expr, Problem> {
        if self.depth >= DEPTH_MAX {
            let text = format!("XML path: an expression is nested more than {DEPTH_MAX} deep");
            return Err(Problem::new("limit.path-depth", text).at_offset(self.at));
        }
        self.depth += 1;
        let parsed = self.chain(0);
        self.depth -= 1;
        parsed
    }

    fn chain(&mut self, level: usize) -> Result<Expr, Problem> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let first = self.chain(level + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            rest.push((operator, self.chain(level + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        self.white();
        for (written, operator) in operators {
            if !self.looking_at(written) {
                continue;
            }
            // An operator's name ends where a name would.
            let is_word = written.starts_with(|first: char| first.is_ascii_alphabetic());
            if is_word && name::unqualified_length(self.rest()) != written.len() {
                continue;
            }
            self.at += written.len();
            return Some(*operator);
        }
        None
    }

    fn unary(&mut self) -> Result<Expr, Problem> {
        let mut signs = 0usize;
        self.white();
        while self.eat("-") {
            signs += 1;
            self.white();
        }
        let operand = self.union()?;
        Ok(match signs {
            0 => operand,
            _ => Expr::Negate { operand: Box::new(operand), twice: signs.is_multiple_of(2) },
        })
    }

    fn union(&mut self) -> Result<Expr, Problem> {
        let start = self.at;
        let first = self.path()?;
        self.white();
        if !self.looking_at("|") {
            return Ok(first);
        }
        self.must_be_nodes(&first, start)?;
        let mut all = vec![first];
        while self.eat("|") {
            self.white();
            let start = self.at;
            let next = self.path()?;
            self.must_be_nodes(&next, start)?;
            all.push(next);
            self.white();
        }
        Ok(Expr::Union(all))
    }

    fn path(&mut self) -> Result<Expr, Problem> {
        self.white();
        let start = self.at;
        if let Some(primary) = self.primary()? {
            return self.filter(primary, start);
        }
        let mut steps = Vec::new();
        let from = if self.eat("//") {
            steps.push(Step::ANYWHERE);
            Start::Document
        } else if self.eat("/") {
            self.white();
            if !self.begins_step() {
                return Ok(Expr::Path(Start::Document, steps));
            }
            Start::Document
        } else {
            Start::Context
        };
        self.steps(&mut steps)?;
        Ok(Expr::Path(from, steps))
    }

    /// Predicates and steps behind a primary expression.
    fn filter(&mut self, primary: Expr, start: usize) -> Result<Expr, Problem> {
        let written = self.text.get(start..self.at).unwrap_or_default();
        let source = format!("{}{written}", self.prolog);
        self.white();
        let mut predicates = Vec::new();
        while self.looking_at("[") {
            self.must_be_nodes(&primary, start)?;
            predicates.push(self.predicate()?);
            self.white();
        }
        let mut steps = Vec::new();
        if self.looking_at("/") {
            self.must_be_nodes(&primary, start)?;
            if self.eat("//") {
                steps.push(Step::ANYWHERE);
            } else {
                self.at += 1;
            }
            self.steps(&mut steps)?;
        }
        if predicates.is_empty() && steps.is_empty() {
            return Ok(primary);
        }
        let from = Start::Filter { nodes: Box::new(primary), predicates, source };
        Ok(Expr::Path(from, steps))
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<(), Problem> {
        loop {
            let step = self.step()?;
            push(steps, step);
            self.white();
            if self.eat("//") {
                steps.push(Step::ANYWHERE);
            } else if !self.eat("/") {
                return Ok(());
            }
        }
    }

    fn begins_step(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(['.', '@', '*']) || name::unqualified_length(rest) > 0
    }

    fn step(&mut self) -> Result<Step, Problem> {
        self.white();
        if self.eat("..") {
            return Ok(Step { axis: Axis::Parent, test: Test::Node, predicates: Vec::new() });
        }
        if self.eat(".") {
            return Ok(Step { axis: Axis::Itself, test: Test::Node, predicates: Vec::new() });
        }
        let axis = if self.eat("@") { Axis::Attribute } else { self.axis()? };
        self.white();
        let test = self.test()?;
        let mut predicates = Vec::new();
        self.white();
        while self.looking_at("[") {
            predicates.push(self.predicate()?);
            self.white();
        }
        Ok(Step { axis, test, predicates })
    }

    fn axis(&mut self) -> Result<Axis, Problem> {
        let start = self.at;
        let name = self.word();
        let behind = self.at;
        self.white();
        if name.is_empty() || !self.eat("::") {
            self.at = start;
            return Ok(Axis::Child);
        }
        self.white();
        if name == "namespace" {
            return Err(unsupported(
                "the axis namespace:: is not supported: test with namespace-uri()",
                start,
            ));
        }
        Axis::named(name).ok_or_else(|| {
            self.at = behind;
            syntax("this is not an axis", start)
        })
    }

    fn test(&mut self) -> Result<Test, Problem> {
        if self.eat("*") {
            return Ok(Test::Name(NameTest::Any));
        }
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(self.expected("a step: a name, `*`, `@name`, `.` or `..`"));
        }
        let behind = self.at;
        self.white();
        if self.eat("(") {
            return self.node_type(word, start);
        }
        self.at = behind;
        if self.looking_at(":") && !self.looking_at("::") {
            self.at += 1;
            let local = self.word();
            if local.is_empty() && self.eat("*") {
                return Ok(Test::Name(match self.prolog.uri(word) {
                    Some(uri) => NameTest::AnyBound { uri: uri.clone() },
                    None => NameTest::AnyWritten(word.to_owned()),
                }));
            }
            if local.is_empty() {
                return Err(self.expected("a name or `*` behind the prefix"));
            }
            let written = self.text.get(start..self.at).unwrap_or_default();
            return Ok(Test::Name(NameTest::of(written, self.prolog)));
        }
        Ok(Test::Name(NameTest::Bound { written: word.to_owned(), uri: "".into() }))
    }

    fn node_type(&mut self, word: &str, start: usize) -> Result<Test, Problem> {
        self.white();
        let test = match word {
            "node" => Test::Node,
            "text" => Test::Text,
            "comment" => Test::Comment,
            "processing-instruction" if !self.looking_at(")") => {
                Test::Instruction(Some(self.literal()?))
            }
            "processing-instruction" => Test::Instruction(None),
            _ => return Err(syntax("a function cannot be a step of a path", start)),
        };
        self.close(")")?;
        Ok(test)
    }

    fn predicate(&mut self) -> Result<Predicate, Problem> {
        self.at += 1;
        let parsed = self.expr()?;
        self.close("]")?;
        let is_positional = is_positional(&parsed);
        Ok(Predicate { test: parsed, is_positional })
    }

    /// A literal, a number, a call or something in parentheses; `None` where a
    /// location path stands.
    fn primary(&mut self) -> Result<Option<Expr>, Problem> {
        let rest = self.rest();
        let digits = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        if rest.starts_with(['"', '\'']) {
            return self.literal().map(|text| Some(Expr::Literal(text)));
        }
        if digits(rest) || rest.strip_prefix('.').is_some_and(digits) {
            return Ok(Some(self.number()));
        }
        if rest.starts_with('$') {
            return Err(unsupported(
                "variables of XPath are not supported: write ${Name}, which is filled in first",
                self.at,
            ));
        }
        if self.eat("(") {
            let parsed = self.expr()?;
            self.close(")")?;
            return Ok(Some(parsed));
        }
        self.call()
    }

    fn call(&mut self) -> Result<Option<Expr>, Problem> {
        let start = self.at;
        let word = self.word();
        self.white();
        let is_test = matches!(word, "node" | "text" | "comment" | "processing-instruction");
        if word.is_empty() || is_test || !self.eat("(") {
            self.at = start;
            return Ok(None);
        }
        if word == "id" {
            let text = "id() is not supported, since only a document type can say what is an id: \
                        write //*[@name = 'value']";
            return Err(unsupported(text, start));
        }
        let function = Function::named(word)
            .ok_or_else(|| unsupported("XPath 1.0 has no such function", start))?;
        let mut arguments = Vec::new();
        self.white();
        while !self.looking_at(")") {
            if !arguments.is_empty() {
                self.close(",")?;
            }
            self.white();
            let start = self.at;
            let argument = self.expr()?;
            if function.needs_nodes() {
                self.must_be_nodes(&argument, start)?;
            }
            arguments.push(argument);
            self.white();
        }
        self.close(")")?;
        let (least, most) = function.arguments();
        if !(least..=most).contains(&arguments.len()) {
            return Err(syntax("the function has another number of arguments", start));
        }
        Ok(Some(Expr::Call(function, arguments)))
    }

    fn literal(&mut self) -> Result<String, Problem> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|found| matches!(found, '"' | '\'')) else {
            return Err(self.expected("a text in quotes"));
        };
        let inside = rest.get(1..).unwrap_or_default();
        let Some((text, _)) = inside.split_once(quote) else {
            return Err(syntax("a text has no closing quote", self.at));
        };
        self.at += text.len() + 2;
        Ok(text.to_owned())
    }

    fn number(&mut self) -> Expr {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(rest);
        let behind = rest.get(whole..).unwrap_or_default();
        let length = match behind.strip_prefix('.') {
            Some(fraction) => whole + 1 + digits(fraction),
            None => whole,
        };
        let written = rest.get(..length).unwrap_or_default();
        self.at += length;
        Expr::Number(written.parse().unwrap_or(f64::NAN))
    }

    fn must_be_nodes(&self, found: &Expr, start: usize) -> Result<(), Problem> {
        if found.gives() == Given::Nodes {
            return Ok(());
        }
        Err(syntax("expected nodes here, and this gives a text, a number or a truth", start))
    }

    /// A name without a colon, or "".
    fn word(&mut self) -> &'t str {
        let length = name::unqualified_length(self.rest());
        let word = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        word
    }

    fn close(&mut self, token: &str) -> Result<(), Problem> {
        self.white();
        if self.eat(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    fn white(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn looking_at(&self, token: &str) -> bool {
        self.rest().starts_with(token)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.looking_at(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expected(&self, what: &str) -> Problem {
        syntax(&format!("expected {what}"), self.at)
    }
}

/// Adds a step; `descendant-or-self::node()/child::x` is made `descendant::x`
/// where no predicate counts, which is the same and one pass.
fn push(steps: &mut Vec<Step>, step: Step) {
    let is_plain = step.predicates.iter().all(|predicate| !predicate.is_positional);
    if is_plain && step.axis == Axis::Child && steps.last() == Some(&Step::ANYWHERE) {
        steps.pop();
        steps.push(Step { axis: Axis::Descendant, ..step });
    } else {
        steps.push(step);
    }
}

fn syntax(text: &str, offset: usize) -> Problem {
    Problem::new("path.syntax", format!("XML path: {text}")).at_offset(offset)
}

fn unsupported(text: &str, offset: usize) -> Problem {
    Problem::new("path.unsupported", format!("XML path: {text}")).at_offset(offset)
}
