//! Evaluates an expression (XPath 1.0 sections 2 and 3).
//!
//! Deliberately does not know: how expressions are written, what functions do.
//!
//! # Invariants
//! - The recursion is that of the expression, whose depth is bounded.
//! - No node is looked at, and no text made, without paying a step for it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::tree::{Id, Kind, Tree};
use super::axes;
use super::expression::{Axis, Expr, Operator, Predicate, Start, Step, Test};
use super::functions;
use super::value::{self, Object};
use crate::Problem;

/// So many bytes of text are read or made for one step.
const BYTES_OF_A_STEP: usize = 8;

/// Where a part of an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) node: Id,
    /// From 1.
    pub(super) position: usize,
    pub(super) size: usize,
}

impl Context {
    /// Where every expression begins.
    pub(super) const DOCUMENT: Self = Self { node: 0, position: 1, size: 1 };
}

pub(super) struct Evaluation<'t> {
    pub(super) text: &'t str,
    pub(super) tree: &'t Tree,
    left: Cell<u64>,
    most: u64,
}

impl<'t> Evaluation<'t> {
    pub(super) fn new(text: &'t str, tree: &'t Tree, steps: u64) -> Self {
        Self { text, tree, left: Cell::new(steps), most: steps }
    }

    /// Pays so many steps.
    pub(super) fn pay(&self, steps: usize) -> Result<(), Problem> {
        let left = u64::try_from(steps).ok().and_then(|steps| self.left.get().checked_sub(steps));
        match left {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.exhausted()),
        }
    }

    fn exhausted(&self) -> Problem {
        Problem::new(
            "limit.expression-steps",
            format!(
                "the expression takes more than {} steps on this message: name the elements on \
                 the way instead of `//`, and narrow conditions down",
                self.most
            ),
        )
    }

    /// Pays for text that was read or is made.
    pub(super) fn pay_text(&self, bytes: usize) -> Result<(), Problem> {
        self.pay(bytes / BYTES_OF_A_STEP + 1)
    }

    pub(super) fn object(&self, part: &Expr, context: Context) -> Result<Object<'t>, Problem> {
        Ok(match part {
            Expr::Union(_) | Expr::Path(..) => Object::Nodes(self.nodes(part, context)?),
            Expr::Literal(text) => Object::Text(Cow::Owned(text.clone())),
            Expr::Number(number) => Object::Number(*number),
            Expr::Negate { operand, twice } => {
                let number = self.number(operand, context)?;
                Object::Number(if *twice { number } else { -number })
            }
            Expr::Call(function, arguments) => {
                self.pay(1)?;
                functions::call(self, *function, arguments, context)?
            }
            Expr::Chain(first, rest) => self.chain(first, rest, context)?,
        })
    }

    /// The nodes that a part gives; none where it gives something else, which
    /// the parser has refused.
    pub(super) fn nodes(&self, part: &Expr, context: Context) -> Result<Vec<Id>, Problem> {
        match part {
            Expr::Path(start, steps) => {
                let mut nodes = self.start(start, context)?;
                for step in steps {
                    if nodes.is_empty() {
                        break;
                    }
                    nodes = self.step(&nodes, step)?;
                }
                Ok(nodes)
            }
            Expr::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.append(&mut self.nodes(part, context)?);
                }
                self.pay(all.len())?;
                all.sort_unstable();
                all.dedup();
                Ok(all)
            }
            Expr::Chain(..)
            | Expr::Negate { .. }
            | Expr::Literal(_)
            | Expr::Number(_)
            | Expr::Call(..) => Ok(Vec::new()),
        }
    }

    pub(super) fn number(&self, part: &Expr, context: Context) -> Result<f64, Problem> {
        let object = self.object(part, context)?;
        self.to_number(object)
    }

    pub(super) fn truth(&self, part: &Expr, context: Context) -> Result<bool, Problem> {
        Ok(match self.object(part, context)? {
            Object::Nodes(nodes) => !nodes.is_empty(),
            Object::Text(text) => !text.is_empty(),
            Object::Number(number) => value::is_true(number),
            Object::Truth(truth) => truth,
        })
    }

    pub(super) fn string(&self, part: &Expr, context: Context) -> Result<Cow<'t, str>, Problem> {
        let object = self.object(part, context)?;
        self.to_string(object)
    }

    /// The string value of a node.
    pub(super) fn text_of(&self, node: Id) -> Result<Cow<'t, str>, Problem> {
        // The length of its place bounds that of its text, and the work.
        let span = self.tree.span(self.text, node);
        self.pay_text(span.end.saturating_sub(span.start))?;
        Ok(self.tree.text(self.text, node))
    }

    fn to_string(&self, object: Object<'t>) -> Result<Cow<'t, str>, Problem> {
        Ok(match object {
            Object::Nodes(nodes) => match nodes.first() {
                Some(first) => self.text_of(*first)?,
                None => Cow::Borrowed(""),
            },
            Object::Text(text) => text,
            Object::Number(number) => Cow::Owned(value::written(number)),
            Object::Truth(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
        })
    }

    fn to_number(&self, object: Object<'t>) -> Result<f64, Problem> {
        Ok(match object {
            Object::Nodes(_) => value::number_of(&self.to_string(object)?),
            value => value::number(&value),
        })
    }

    fn chain(
        &self,
        first: &Expr,
        rest: &[(Operator, Expr)],
        context: Context,
    ) -> Result<Object<'t>, Problem> {
        let is_joined = |wanted| rest.first().is_some_and(|(operator, _)| *operator == wanted);
        if is_joined(Operator::Or) || is_joined(Operator::And) {
            // The first part that decides ends it.
            let decides = is_joined(Operator::Or);
            let parts = std::iter::once(first).chain(rest.iter().map(|(_, part)| part));
            for part in parts {
                if self.truth(part, context)? == decides {
                    return Ok(Object::Truth(decides));
                }
            }
            return Ok(Object::Truth(!decides));
        }
        let mut left = self.object(first, context)?;
        for (operator, part) in rest {
            let right = self.object(part, context)?;
            self.pay(1)?;
            left = self.operate(*operator, left, right)?;
        }
        Ok(left)
    }

    fn operate(
        &self,
        operator: Operator,
        left: Object<'t>,
        right: Object<'t>,
    ) -> Result<Object<'t>, Problem> {
        let calculated = |calculate: fn(f64, f64) -> f64, left, right| {
            Ok(Object::Number(calculate(self.to_number(left)?, self.to_number(right)?)))
        };
        match operator {
            Operator::Add => calculated(|left, right| left + right, left, right),
            Operator::Subtract => calculated(|left, right| left - right, left, right),
            Operator::Multiply => calculated(|left, right| left * right, left, right),
            Operator::Divide => calculated(|left, right| left / right, left, right),
            Operator::Modulo => calculated(|left, right| left % right, left, right),
            _ => self.compare(operator, left, right).map(Object::Truth),
        }
    }

    /// Section 3.4.
    fn compare(
        &self,
        operator: Operator,
        left: Object<'t>,
        right: Object<'t>,
    ) -> Result<bool, Problem> {
        match (left, right) {
            (Object::Nodes(left), Object::Nodes(right)) => {
                self.compare_nodes(operator, &left, &right)
            }
            (Object::Nodes(nodes), Object::Truth(truth)) => {
                self.compare(operator, Object::Truth(!nodes.is_empty()), Object::Truth(truth))
            }
            (Object::Nodes(nodes), other) => {
                for node in nodes {
                    let text = Object::Text(self.text_of(node)?);
                    if self.compare_values(operator, &text, &other)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (other, Object::Nodes(nodes)) => {
                self.compare(turned(operator), Object::Nodes(nodes), other)
            }
            (left, right) => self.compare_values(operator, &left, &right),
        }
    }

    /// Of values that are no nodes.
    fn compare_values(
        &self,
        operator: Operator,
        left: &Object<'t>,
        right: &Object<'t>,
    ) -> Result<bool, Problem> {
        let is_truth = |value: &Object<'_>| matches!(value, Object::Truth(_));
        let wants_same = match operator {
            Operator::Equals => true,
            Operator::Differs => false,
            _ => return Ok(holds(operator, value::number(left), value::number(right))),
        };
        let are_same = match (left, right) {
            (left, right) if is_truth(left) || is_truth(right) => is_true(left) == is_true(right),
            (Object::Text(left), Object::Text(right)) => {
                self.pay_text(left.len().min(right.len()))?;
                left == right
            }
            (left, right) => {
                self.pay(1)?;
                value::number(left) == value::number(right)
            }
        };
        Ok(are_same == wants_same)
    }

    /// Whether some node of one set and some of the other compare so.
    fn compare_nodes(
        &self,
        operator: Operator,
        left: &[Id],
        right: &[Id],
    ) -> Result<bool, Problem> {
        if left.is_empty() || right.is_empty() {
            return Ok(false);
        }
        match operator {
            Operator::Equals => {
                let mut known = HashSet::with_capacity(left.len());
                for node in left {
                    known.insert(self.text_of(*node)?);
                }
                for node in right {
                    if known.contains(&self.text_of(*node)?) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Operator::Differs => {
                // Unless all of both sets have one text, some two of them differ.
                let mut one = None;
                for node in left.iter().chain(right) {
                    let text = self.text_of(*node)?;
                    if *one.get_or_insert_with(|| text.clone()) != text {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => {
                // The extremes decide.
                let is_less = matches!(operator, Operator::Less | Operator::AtMost);
                let (low, high) = if is_less { (left, right) } else { (right, left) };
                let low = self.extreme(low, f64::min)?;
                let high = self.extreme(high, f64::max)?;
                Ok(match operator {
                    Operator::Less | Operator::Greater => low < high,
                    _ => low <= high,
                })
            }
        }
    }

    /// The least or greatest number of a set; NaN where there is none.
    fn extreme(&self, nodes: &[Id], of: fn(f64, f64) -> f64) -> Result<f64, Problem> {
        let mut extreme = f64::NAN;
        for node in nodes {
            // `min` and `max` leave NaN out.
            extreme = of(extreme, value::number_of(&self.text_of(*node)?));
        }
        Ok(extreme)
    }

    fn start(&self, start: &Start, context: Context) -> Result<Vec<Id>, Problem> {
        match start {
            Start::Document => Ok(vec![0]),
            Start::Context => Ok(vec![context.node]),
            Start::Filter { nodes, predicates, source } => {
                let found = self.selected(nodes, source, context)?;
                let position = predicates.first().and_then(Predicate::position);
                let (mut found, rest) = match (position, predicates.split_first()) {
                    (Some(position), Some((_, rest))) => {
                        let at = whole(position).and_then(|number| number.checked_sub(1));
                        (at.and_then(|at| found.get(at)).copied().into_iter().collect(), rest)
                    }
                    _ => (found.to_vec(), predicates.as_slice()),
                };
                for predicate in rest {
                    found = self.filtered(found, predicate)?;
                }
                Ok(found)
            }
        }
    }

    /// What stands in parentheses in front of predicates. At the document it is
    /// the same whenever it is asked for, which a loop does in every round.
    fn selected(&self, nodes: &Expr, source: &str, context: Context) -> Result<Arc<[Id]>, Problem> {
        if context != Context::DOCUMENT {
            return self.nodes(nodes, context).map(Arc::from);
        }
        if let Some((found, cost)) = self.tree.memory.recall(source) {
            self.left.set(self.left.get().checked_sub(cost).ok_or_else(|| self.exhausted())?);
            return Ok(found);
        }
        let before = self.left.get();
        let found: Arc<[Id]> = self.nodes(nodes, context)?.into();
        let cost = before.saturating_sub(self.left.get());
        self.tree.memory.remember(source, Arc::clone(&found), cost);
        Ok(found)
    }

    /// From every node along an axis to those that a step means.
    fn step(&self, nodes: &[Id], step: &Step) -> Result<Vec<Id>, Problem> {
        let is_set_wise = step.predicates.iter().all(|predicate| !predicate.is_positional);
        if !is_set_wise {
            return self.step_by_step(nodes, step);
        }
        self.pay(nodes.len())?;
        let mut found = Vec::new();
        let kept = axes::without_overlap(self.tree, step.axis, nodes);
        for node in &kept {
            let taken = axes::visit(self.tree, step.axis, *node, |candidate| {
                if let Err(problem) = self.pay(1) {
                    return ControlFlow::Break(problem);
                }
                if self.means(step.axis, &step.test, candidate) {
                    found.push(candidate);
                }
                ControlFlow::Continue(())
            });
            if let ControlFlow::Break(problem) = taken {
                return Err(problem);
            }
        }
        in_document_order(&mut found);
        for predicate in &step.predicates {
            found = self.filtered(found, predicate)?;
        }
        Ok(found)
    }

    /// A step whose predicates count the nodes along the axis, of every node
    /// for itself.
    fn step_by_step(&self, nodes: &[Id], step: &Step) -> Result<Vec<Id>, Problem> {
        let mut all = Vec::new();
        for node in nodes {
            let (first, others) = match step.predicates.split_first() {
                Some((first, others)) => (first.position(), others),
                None => (None, step.predicates.as_slice()),
            };
            let mut found = match first {
                Some(position) => self.at_position(*node, step, position)?,
                None => self.along(*node, step)?,
            };
            let predicates = if first.is_some() { others } else { step.predicates.as_slice() };
            for predicate in predicates {
                found = self.filtered(found, predicate)?;
            }
            all.append(&mut found);
        }
        self.pay(all.len())?;
        in_document_order(&mut all);
        Ok(all)
    }

    /// All nodes of an axis that a test means, nearest first.
    fn along(&self, node: Id, step: &Step) -> Result<Vec<Id>, Problem> {
        let mut found = Vec::new();
        let taken = axes::visit(self.tree, step.axis, node, |candidate| {
            if let Err(problem) = self.pay(1) {
                return ControlFlow::Break(problem);
            }
            if self.means(step.axis, &step.test, candidate) {
                found.push(candidate);
            }
            ControlFlow::Continue(())
        });
        match taken {
            ControlFlow::Continue(()) => Ok(found),
            ControlFlow::Break(problem) => Err(problem),
        }
    }

    /// The node that stands at a position of an axis, from 1, nearest first;
    /// what is behind it is not looked at.
    fn at_position(&self, node: Id, step: &Step, position: f64) -> Result<Vec<Id>, Problem> {
        if step.axis == Axis::Child
            && let Test::Name(name) = &step.test
            && let Some(number) = whole(position)
        {
            let child =
                self.tree.child(self.text, node, name, number, |visited| self.pay(visited))?;
            return Ok(child.into_iter().collect());
        }
        let mut count = 0usize;
        let taken = axes::visit(self.tree, step.axis, node, |candidate| {
            if let Err(problem) = self.pay(1) {
                return ControlFlow::Break(Err(problem));
            }
            count += usize::from(self.means(step.axis, &step.test, candidate));
            if value::counted(count) < position || position.is_nan() {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(Ok(candidate))
        });
        match taken {
            ControlFlow::Break(Ok(found)) if value::counted(count) == position => Ok(vec![found]),
            ControlFlow::Break(Err(problem)) => Err(problem),
            ControlFlow::Break(Ok(_)) | ControlFlow::Continue(()) => Ok(Vec::new()),
        }
    }

    fn filtered(&self, nodes: Vec<Id>, predicate: &Predicate) -> Result<Vec<Id>, Problem> {
        let size = nodes.len();
        let mut kept = Vec::new();
        for (number, node) in nodes.into_iter().enumerate() {
            self.pay(1)?;
            let context = Context { node, position: number + 1, size };
            let holds = match self.object(&predicate.test, context)? {
                Object::Number(number) => number == value::counted(context.position),
                Object::Nodes(nodes) => !nodes.is_empty(),
                other => is_true(&other),
            };
            if holds {
                kept.push(node);
            }
        }
        Ok(kept)
    }

    fn means(&self, axis: Axis, test: &Test, node: Id) -> bool {
        let kind = self.tree.kind(node);
        match test {
            Test::Node => true,
            Test::Text => kind == Kind::Text,
            Test::Comment => kind == Kind::Comment,
            Test::Instruction(target) => {
                let is_target = |target: &String| target == self.tree.name(self.text, node);
                kind == Kind::Instruction && target.as_ref().is_none_or(is_target)
            }
            Test::Name(name) => {
                let principal =
                    if axis == Axis::Attribute { Kind::Attribute } else { Kind::Element };
                kind == principal
                    && name.means(self.tree.name(self.text, node), self.tree.uri(node))
            }
        }
    }
}

/// The whole number from 1 that a position is.
fn whole(position: f64) -> Option<usize> {
    let is_whole = position >= 1.0 && position.fract() == 0.0;
    is_whole.then(|| value::written(position).parse().ok()).flatten()
}

fn in_document_order(nodes: &mut Vec<Id>) {
    if !nodes.is_sorted() {
        nodes.sort_unstable();
    }
    nodes.dedup();
}

fn is_true(object: &Object<'_>) -> bool {
    match object {
        Object::Nodes(nodes) => !nodes.is_empty(),
        Object::Text(text) => !text.is_empty(),
        Object::Number(number) => value::is_true(*number),
        Object::Truth(truth) => *truth,
    }
}

fn holds(operator: Operator, left: f64, right: f64) -> bool {
    match operator {
        Operator::Equals => left == right,
        Operator::Differs => left != right,
        Operator::Less => left < right,
        Operator::AtMost => left <= right,
        Operator::Greater => left > right,
        Operator::AtLeast => left >= right,
        _ => false,
    }
}

/// The operator for operands that have changed places.
fn turned(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::Greater => Operator::Less,
        Operator::AtMost => Operator::AtLeast,
        Operator::AtLeast => Operator::AtMost,
        other => other,
    }
}
