//! The function library (XPath 1.0 section 4).
//!
//! Deliberately does not know: paths, operators.
//!
//! # Invariants
//! - A call has as many arguments as its function takes: the parser has seen to
//!   that. What stands for a missing one is the context node.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::name;
use super::super::namespaces::XML_URI;
use super::super::tree::{Id, Kind, NOBODY};
use super::evaluate::{Context, Evaluation};
use super::expression::{Expr, Function};
use super::value::{self, Object};
use crate::Problem;

pub(super) fn call<'t>(
    evaluation: &Evaluation<'t>,
    function: Function,
    arguments: &[Expr],
    context: Context,
) -> Result<Object<'t>, Problem> {
    let call = Call { evaluation, arguments, context };
    Ok(match function {
        Function::Last => Object::Number(value::counted(context.size)),
        Function::Position => Object::Number(value::counted(context.position)),
        Function::Count => Object::Number(value::counted(call.nodes(0)?.len())),
        Function::Sum => Object::Number(call.sum()?),
        Function::LocalName => Object::Text(Cow::Borrowed(name::local(call.name()?))),
        Function::Name => Object::Text(Cow::Borrowed(call.name()?)),
        Function::NamespaceUri => Object::Text(match call.node()? {
            Some(node) => Cow::Borrowed(evaluation.tree.uri(node)),
            None => Cow::Borrowed(""),
        }),
        Function::Text => Object::Text(call.text(0)?),
        Function::Concat => Object::Text(Cow::Owned(call.concat()?)),
        Function::StartsWith => Object::Truth(call.text(0)?.starts_with(&*call.text(1)?)),
        Function::Contains => Object::Truth(call.split()?.is_some()),
        Function::SubstringBefore => Object::Text(owned(call.split()?.map(|(before, _)| before))),
        Function::SubstringAfter => Object::Text(owned(call.split()?.map(|(_, after)| after))),
        Function::Substring => Object::Text(Cow::Owned(call.substring()?)),
        Function::StringLength => Object::Number(value::counted(call.text(0)?.chars().count())),
        Function::NormalizeSpace => Object::Text(Cow::Owned(call.normalized()?)),
        Function::Translate => Object::Text(Cow::Owned(call.translated()?)),
        Function::Truth => Object::Truth(call.truth()?),
        Function::Not => Object::Truth(!call.truth()?),
        Function::True => Object::Truth(true),
        Function::False => Object::Truth(false),
        Function::Lang => Object::Truth(call.is_in_language()?),
        Function::Number => Object::Number(call.number(0)?),
        Function::Floor => Object::Number(call.number(0)?.floor()),
        Function::Ceiling => Object::Number(call.number(0)?.ceil()),
        Function::Round => Object::Number(value::round(call.number(0)?)),
    })
}

fn owned<'t>(text: Option<String>) -> Cow<'t, str> {
    Cow::Owned(text.unwrap_or_default())
}

struct Call<'c, 't> {
    evaluation: &'c Evaluation<'t>,
    arguments: &'c [Expr],
    context: Context,
}

impl<'t> Call<'_, 't> {
    fn nodes(&self, number: usize) -> Result<Vec<Id>, Problem> {
        match self.arguments.get(number) {
            Some(argument) => self.evaluation.nodes(argument, self.context),
            None => Ok(vec![self.context.node]),
        }
    }

    fn text(&self, number: usize) -> Result<Cow<'t, str>, Problem> {
        let text = match self.arguments.get(number) {
            Some(argument) => self.evaluation.string(argument, self.context)?,
            None => self.evaluation.text_of(self.context.node)?,
        };
        self.evaluation.pay_text(text.len())?;
        Ok(text)
    }

    fn number(&self, number: usize) -> Result<f64, Problem> {
        match self.arguments.get(number) {
            Some(argument) => self.evaluation.number(argument, self.context),
            None => Ok(value::number_of(&self.text(number)?)),
        }
    }

    fn truth(&self) -> Result<bool, Problem> {
        match self.arguments.first() {
            Some(argument) => self.evaluation.truth(argument, self.context),
            None => Ok(false),
        }
    }

    /// The first node of the argument.
    fn node(&self) -> Result<Option<Id>, Problem> {
        Ok(self.nodes(0)?.first().copied())
    }

    fn name(&self) -> Result<&'t str, Problem> {
        let Evaluation { text, tree, .. } = *self.evaluation;
        Ok(self.node()?.map_or("", |node| tree.name(text, node)))
    }

    fn sum(&self) -> Result<f64, Problem> {
        let mut sum = 0.0;
        for node in self.nodes(0)? {
            sum += value::number_of(&self.evaluation.text_of(node)?);
        }
        Ok(sum)
    }

    fn concat(&self) -> Result<String, Problem> {
        let mut all = String::new();
        for number in 0..self.arguments.len() {
            all.push_str(&self.text(number)?);
        }
        Ok(all)
    }

    /// The first text before and after the second one, where it occurs.
    fn split(&self) -> Result<Option<(String, String)>, Problem> {
        let (text, wanted) = (self.text(0)?, self.text(1)?);
        let found = text.split_once(&*wanted);
        Ok(found.map(|(before, after)| (before.to_owned(), after.to_owned())))
    }

    /// The characters at positions from the second argument on, as many as the
    /// third says. Rounding and NaN are those of the recommendation.
    fn substring(&self) -> Result<String, Problem> {
        let text = self.text(0)?;
        let from = value::round(self.number(1)?);
        let until = match self.arguments.get(2) {
            Some(_) => from + value::round(self.number(2)?),
            None => f64::INFINITY,
        };
        let is_inside = |number: usize| {
            let position = value::counted(number + 1);
            position >= from && position < until
        };
        let characters = text.chars().enumerate();
        Ok(characters.filter(|(at, _)| is_inside(*at)).map(|(_, found)| found).collect())
    }

    fn normalized(&self) -> Result<String, Problem> {
        let text = self.text(0)?;
        let words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
        let mut normalized = String::new();
        for word in words {
            if !normalized.is_empty() {
                normalized.push(' ');
            }
            normalized.push_str(word);
        }
        Ok(normalized)
    }

    fn translated(&self) -> Result<String, Problem> {
        let (text, from, to) = (self.text(0)?, self.text(1)?, self.text(2)?);
        let mut to = to.chars();
        let mut table: HashMap<char, Option<char>> = HashMap::new();
        for wanted in from.chars() {
            let replacement = to.next();
            // Of a repeated character the first counts.
            table.entry(wanted).or_insert(replacement);
        }
        let translate = |found: char| table.get(&found).copied().unwrap_or(Some(found));
        Ok(text.chars().filter_map(translate).collect())
    }

    /// Whether the context node is in a language, or a kind of it (`xml:lang`).
    fn is_in_language(&self) -> Result<bool, Problem> {
        let wanted = self.text(0)?.to_lowercase();
        let Evaluation { text, tree, .. } = *self.evaluation;
        let mut node = self.context.node;
        while node != NOBODY {
            self.evaluation.pay(1)?;
            let mut attribute = node + 1;
            while tree.kind(node) == Kind::Element && tree.kind(attribute) == Kind::Attribute {
                self.evaluation.pay(1)?;
                if tree.uri(attribute) == XML_URI
                    && name::local(tree.name(text, attribute)) == "lang"
                {
                    let found = self.evaluation.text_of(attribute)?.to_lowercase();
                    let rest = found.strip_prefix(&*wanted);
                    return Ok(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
                }
                attribute += 1;
            }
            node = tree.parent(node);
        }
        Ok(false)
    }
}
