//! Expressions of XPath 1.0 on an XML message.
//!
//! Knows: the whole recommendation but `id()` and the axis `namespace::` (both
//! refused), and variables (refused: `${…}` is filled in before). Deliberately
//! does not know: edits, slash paths.
//!
//! The context is the document, so `Root/Child` and `/Root/Child` are the same. A
//! name without a prefix is in no namespace, as the recommendation has it. A
//! prefix means the namespace that the path declares for it; one that it does
//! not declare means itself, as the message writes it.
//!
//! # Invariants
//! - Every node that is looked at, and every few bytes of text that are read or
//!   made, cost a step, and there are only [`crate::Limits::expression_steps`].
//! - Node sets are in document order without repetitions.

mod axes;
mod evaluate;
mod expression;
mod functions;
mod parse;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use self::evaluate::{Context, Evaluation};
use self::expression::Expr;
pub use self::parse::DEPTH_MAX;
use self::value::Object;
use super::prolog::Prolog;
use super::tree::{Id, Tree};
use crate::Problem;

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Expression {
    /// With the declarations and the mark in front.
    canonical: String,
    root: Expr,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Expression {}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// In document order.
    Nodes(Arc<[Id]>),
    Text(Arc<str>),
}

impl Expression {
    /// Parses what follows `xpath:`.
    ///
    /// # Errors
    /// `path.syntax`, `path.unsupported`, `limit.path-depth`, with the byte
    /// offset in `text`.
    pub(super) fn parse(text: &str, prolog: &Prolog, canonical: String) -> Result<Self, Problem> {
        parse::expression(text, prolog).map(|root| Self { canonical, root })
    }

    /// The path that it was parsed from.
    pub(super) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Evaluates it for a document in at most so many steps.
    ///
    /// # Errors
    /// `limit.expression-steps`.
    pub(super) fn evaluate(&self, text: &str, tree: &Tree, steps: u64) -> Result<Outcome, Problem> {
        let evaluation = Evaluation::new(text, tree, steps);
        Ok(match evaluation.object(&self.root, Context::DOCUMENT)? {
            Object::Nodes(nodes) => Outcome::Nodes(nodes.into()),
            Object::Text(text) => Outcome::Text(text.as_ref().into()),
            Object::Number(number) => Outcome::Text(value::written(number).into()),
            Object::Truth(truth) => Outcome::Text(if truth { "true" } else { "false" }.into()),
        })
    }
}
