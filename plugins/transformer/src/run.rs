//! Runs a program on one message.

use crate::program::{FormattedSource, Instruction, Operation, Parameter, Program};
use std::borrow::Cow;
use std::cell::Cell;
use tureen_conditions::{
    ACTION, Loop, Loops, Outcome, Own, Place, Sight, Source, about_path, located, loop_path,
    selects_several, with_detail,
};
use tureen_plugin_sdk::{Context, Format, Level, Message, Problem, StepError};

/// The instructions that one message may take, loops counted as often as they
/// run: enough for every action of a large set on every segment of a large
/// message, and an end for loops in loops.
pub(crate) const STEPS_MAX: u32 = 100_000;

/// The rounds of one loop: as many as a message may have segments.
pub(crate) const ROUNDS_MAX: u32 = 65_535;

/// The path of a CSV message's rows.
const ROWS: &str = "Row";

/// The variable that holds the counter of the innermost loop.
const ITERATOR: &str = "ForEachIterator";

/// Runs a program on a message.
///
/// # Errors
/// What an action could not read or write, with the action and the path as its
/// author wrote it in its place; and `limit.steps` and `limit.rounds`.
pub(crate) fn run(
    program: &Program,
    own: Own,
    context: &Context,
    message: &mut Message,
) -> Result<(), StepError> {
    let mut run = Run {
        context,
        message,
        own,
        loops: Loops::default(),
        rounds: Vec::new(),
        warned: Cell::new(false),
    };
    let mut counter = 0;
    for _ in 0..STEPS_MAX {
        let Some(instruction) = program.instructions.get(counter) else { return Ok(()) };
        counter = run.step(counter, instruction).map_err(|error| named(error, instruction))?;
    }
    match program.instructions.get(counter) {
        None => Ok(()),
        Some(instruction) => {
            let text = format!(
                "the transformers took more than {STEPS_MAX} steps for one message: see the loops"
            );
            Err(named(StepError::failed("limit.steps", text), instruction))
        }
    }
}

/// What is known while a program runs.
struct Run<'r> {
    context: &'r Context,
    message: &'r mut Message,
    own: Own,
    loops: Loops,
    rounds: Vec<Rounds>,
    warned: Cell<bool>,
}

/// How often a loop still runs, and what to put back when it ends.
struct Rounds {
    last: u32,
    iterator_before: Option<String>,
}

/// What a loop is to run over.
struct Items {
    format: Format,
    count: u32,
    /// Their exact paths, where a number alone does not tell them.
    found: Vec<String>,
}

impl Items {
    fn of(message: &Message, path: &str) -> Result<Self, Problem> {
        let (format, path) = (message.format(), loop_path(path));
        let count = match format {
            Format::Hl7 | Format::Json | Format::Xml | Format::Dicom => message.count(path)?,
            // Columns are no siblings: only rows are.
            Format::Csv if path == ROWS => message.count(ROWS)?,
            _ => return Err(nothing_to_count()),
        };
        let is_known = count > ROUNDS_MAX || !selects_several(path);
        let mut found = if is_known { Vec::new() } else { message.find(path)? };
        if u32::try_from(found.len()) != Ok(count) {
            found.clear();
        }
        Ok(Self { format, count, found })
    }
}

impl Run<'_> {
    /// Does one instruction; gives the next one.
    fn step(&mut self, at: usize, instruction: &Instruction) -> Result<usize, StepError> {
        match &instruction.operation {
            Operation::SetVariable { name, value } => {
                let value = self.value(value)?;
                self.context.set_variable(name, &value)?;
            }
            Operation::Map { value, to, namespaces, structure } => {
                let value = self.value(value)?;
                let path = namespaces.declared(self.message, to.expand(self.context)?);
                let written = if *structure {
                    self.message.set_structure(&path, &value)
                } else {
                    self.message.set(&path, &value)
                };
                written.map_err(|problem| about_path(problem, to))?;
            }
            Operation::Append { text } => {
                let text = text.value(&self.sight())?;
                self.message.append(&text)?;
            }
            Operation::Unless { conditions, end } => {
                if let Outcome::Fails(_) = conditions.evaluate(&self.sight())? {
                    return Ok(end + 1);
                }
            }
            Operation::ForEach { place, end } => {
                if !self.enter(place)? {
                    return Ok(end + 1);
                }
            }
            Operation::Next { start } => {
                if self.next()? {
                    return Ok(start + 1);
                }
            }
            Operation::Notify { critical, source } => self.notify(*critical, source)?,
            Operation::Custom { type_name, parameters } => self.call(type_name, parameters)?,
            Operation::Nothing => {}
        }
        Ok(at + 1)
    }

    fn sight(&self) -> Sight<'_> {
        Sight {
            context: self.context,
            target: self.message,
            own: self.own,
            loops: &self.loops,
            warned: &self.warned,
        }
    }

    fn value<'v>(&self, value: &'v FormattedSource) -> Result<Cow<'v, str>, StepError> {
        let text = value.source.value(&self.sight())?;
        Ok(value.formatting.apply(text, self.context)?)
    }

    /// Begins a loop; false when there is nothing to count. How often it runs
    /// is fixed here, whatever its body does to the message.
    fn enter(&mut self, place: &Place) -> Result<bool, StepError> {
        let sight = self.sight();
        let Some(items) = place.with(&sight, Items::of)? else { return Ok(false) };
        let Items { format, count, found } = items;
        if count > ROUNDS_MAX {
            let text = format!("a loop may run {ROUNDS_MAX} times, this one would {count} times");
            return Err(StepError::failed("limit.rounds", text));
        }
        if count == 0 {
            return Ok(false);
        }
        let path = place.path_now(&sight)?.into_owned();
        let setting = place.setting_in(&sight)?;
        self.loops.enter(Loop::new(setting, place.direction, format, &path).over(found));
        let iterator_before = self.context.variable(ITERATOR);
        self.rounds.push(Rounds { last: count, iterator_before });
        self.context.set_variable(ITERATOR, "1")?;
        Ok(true)
    }

    /// Goes to the next round of the innermost loop; false when that was the
    /// last one, and the loop is left.
    fn next(&mut self) -> Result<bool, StepError> {
        let last = self.rounds.last().map_or(0, |rounds| rounds.last);
        if let Some(running) = self.loops.innermost()
            && running.iteration < last
        {
            running.iteration += 1;
            let iteration = running.iteration.to_string();
            self.context.set_variable(ITERATOR, &iteration)?;
            return Ok(true);
        }
        self.loops.leave();
        match self.rounds.pop().and_then(|rounds| rounds.iterator_before) {
            Some(before) => self.context.set_variable(ITERATOR, &before)?,
            None => self.context.unset_variable(ITERATOR),
        }
        Ok(false)
    }

    /// Tells a person. The text may hold a patient's values, so the log has it as
    /// it was authored. A message does not fail because too much is told.
    fn notify(&self, critical: bool, source: &Source) -> Result<(), StepError> {
        let text = source.value(&self.sight())?;
        let level = if critical { Level::Error } else { Level::Warn };
        self.context.log(level, &format!("notification: {}", source.authored()));
        if let Err(refused) = self.context.notify(&text, critical) {
            let line = format!("the notification is in the log only: {refused}");
            self.context.log(Level::Warn, &line);
        }
        Ok(())
    }

    fn call(&mut self, type_name: &str, parameters: &[Parameter]) -> Result<(), StepError> {
        let mut values = Vec::with_capacity(parameters.len());
        for Parameter { name, value, required } in parameters {
            let value = self.value(value)?.into_owned();
            if *required && value.is_empty() {
                let text = format!("the parameter {name:?} is required, and its value is empty");
                return Err(StepError::failed("action.parameter", text));
            }
            values.push((name.clone(), value));
        }
        self.context.run_custom_transformer(type_name, &values, self.message)
    }
}

fn nothing_to_count() -> Problem {
    let text = "a loop counts segments, repetitions, array items, elements or rows (the path Row of a \
                CSV message), and there are none of these here";
    Problem::new("loop.source", text)
}

/// Tells in an error which action could not be done.
fn named(error: StepError, instruction: &Instruction) -> StepError {
    located(with_detail(error, ACTION, &instruction.pointer))
}
