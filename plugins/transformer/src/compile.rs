//! Compiles actions into a program: reads each, pairs blocks by their nesting,
//! and resolves every jump.

use crate::actions::{self, Kind};
use crate::program::{Instruction, Operation, Program};
use tureen_conditions::{Conditions, PlaceFields, Source};
use tureen_plugin_sdk::{Findings, Placement, Settings};

/// The actions that one set may have. An instance's time is limited per
/// message; its settings are bounded here.
const ACTIONS_MAX: usize = 10_000;

/// A block that is still open.
struct Open {
    kind: Kind,
    at: usize,
}

/// What is known while the actions are compiled.
struct Compiler<'s> {
    actions: &'s [Settings],
    placement: &'s Placement,
    open: Vec<Open>,
    program: Program,
}

/// Compiles the `Transformers` array of the settings.
///
/// # Errors
/// Everything that is wrong with any action, and blocks that do not close.
pub(crate) fn program(settings: &Settings, placement: &Placement) -> Result<Program, Findings> {
    let actions = settings.objects("Transformers")?;
    if actions.len() > ACTIONS_MAX {
        let text = format!("a set may have {ACTIONS_MAX} actions, this one has {}", actions.len());
        return Err(settings.error("Transformers", "limit.actions", text).into());
    }
    let mut findings = Findings::default();
    let (open, program) = (Vec::new(), Program::default());
    let mut compiler = Compiler { actions: &actions, placement, open, program };
    for (at, action) in actions.iter().enumerate() {
        let operation = findings.keep(compiler.compile(at, action));
        let operation = operation.unwrap_or(Operation::Nothing);
        let pointer = action.pointer().to_owned();
        compiler.program.instructions.push(Instruction { operation, pointer });
    }
    for block in &compiler.open {
        if let Some(action) = actions.get(block.at) {
            findings.keep(Err::<(), _>(unclosed(block.kind, action)));
        }
    }
    findings.or(compiler.program)
}

impl Compiler<'_> {
    fn compile(&mut self, at: usize, action: &Settings) -> Result<Operation, Findings> {
        let kind = Kind::of(action)?;
        match kind {
            Kind::BeginConditional => {
                self.open.push(Open { kind, at });
                let conditions = Conditions::read(action, "Filters", self.placement)?;
                Ok(Operation::Unless { conditions, end: at })
            }
            Kind::ForEach => {
                self.open.push(Open { kind, at });
                for_each(at, action)
            }
            Kind::EndConditional => {
                self.close(Kind::BeginConditional, at, action)?;
                Ok(Operation::Nothing)
            }
            Kind::Next => Ok(Operation::Next { start: self.close(Kind::ForEach, at, action)? }),
            other => actions::read(other, action, self.placement),
        }
    }

    /// Ends the innermost block, which must be of the kind that the action
    /// ends; gives where it began.
    fn close(&mut self, ends: Kind, at: usize, action: &Settings) -> Result<usize, Findings> {
        let Some(block) = self.open.pop_if(|block| block.kind == ends) else {
            return Err(unopened(ends, action, self.open.last()));
        };
        let opener = self.program.instructions.get_mut(block.at);
        let opener = opener.map(|opener| &mut opener.operation);
        if let Some(Operation::Unless { end, .. } | Operation::ForEach { end, .. }) = opener {
            *end = at;
        }
        if let Some(opener) = self.actions.get(block.at) {
            self.check_pair(opener, action)?;
        }
        Ok(block.at)
    }

    /// `PairId` is data of the designer: blocks are paired by nesting, and where
    /// it disagrees, the author should look.
    fn check_pair(&self, opener: &Settings, closer: &Settings) -> Result<(), Findings> {
        if let (Some(open), Some(close)) = (opener.number("PairId")?, closer.number("PairId")?)
            && open != close
        {
            let text = format!(
                "PairId is not that of the action at {}, which this one ends by nesting: see \
                 whether the blocks are meant so",
                opener.pointer()
            );
            self.placement.warn(closer.problem("PairId", "block.pair", text));
        }
        Ok(())
    }
}

fn for_each(at: usize, action: &Settings) -> Result<Operation, Findings> {
    match Source::read(action, PlaceFields::ACTION)? {
        Source::Place(place) => Ok(Operation::ForEach { place, end: at }),
        Source::Text(_) => {
            let text = "a loop counts what stands in a message, and this source is a text: choose \
                        the message in FromSetting and FromDirection";
            Err(action.error("FromPath", "loop.source", text).into())
        }
    }
}

fn unopened(ends: Kind, action: &Settings, innermost: Option<&Open>) -> Findings {
    let what = match ends {
        Kind::ForEach => "a loop",
        _ => "a conditional block",
    };
    let text = match innermost {
        Some(block) => format!(
            "this ends {what}, but the innermost block is another one, which began at \
             /Transformers/{}: blocks may not overlap",
            block.at
        ),
        None => format!("this ends {what} that was not begun"),
    };
    action.error("$type", "block.unopened", text).into()
}

fn unclosed(kind: Kind, action: &Settings) -> Findings {
    let text = match kind {
        Kind::ForEach => "this loop does not end: add a NextTransformerAction",
        _ => "this conditional block does not end: add an EndConditionalTransformerAction",
    };
    action.error("$type", "block.unclosed", text).into()
}
