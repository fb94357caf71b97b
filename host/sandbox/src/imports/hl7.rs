//! What only HL7 messages have: whole segments, acknowledgements, continuations.

use tureen_message::hl7::acknowledgement::Asked;
use tureen_message::hl7::{Continuation, ContinuationKind, Delimiters};
use tureen_message::{Format, Message, Path, Problem};

use super::{Answer, Handle, message_of};
use crate::bindings::transformer::tureen::plugin::hl7;
use crate::guest::{self, Call, Guest, MessageHandle};
use crate::path_memory::PathMemory;

/// As `Message::check` and others of a message that is gone by now.
const NO_MESSAGE: &str = "the setting has no message any more";

impl hl7::Host for Guest {
    fn segments(&mut self, of: Handle, path: Option<String>) -> Answer<Vec<hl7::Segment>> {
        self.enter()?;
        let Self { table, call, paths, .. } = self;
        let handle = table.get(&of)?;
        let call = call.as_ref().ok_or_else(guest::outside_a_call)?;
        let Some(message) = message_of(call, handle) else { return Ok(Ok(Vec::new())) };
        Ok(segments(message, path, paths).map_err(Into::into))
    }

    fn acknowledge(
        &mut self,
        of: Handle,
        code: String,
        text: Option<String>,
        condition: Option<String>,
        place: Option<String>,
    ) -> Answer<Handle> {
        self.enter()?;
        let Self { table, call, .. } = self;
        let handle = table.get(&of)?;
        let call = call.as_mut().ok_or_else(guest::outside_a_call)?;
        let asked = Asked {
            code: &code,
            text: text.as_deref(),
            condition: condition.as_deref(),
            place: place.as_deref(),
        };
        match acknowledgement(call, handle, &asked) {
            Ok(message) => Ok(Ok(self.push_own(message)?)),
            Err(problem) => Ok(Err(problem.into())),
        }
    }

    fn continuation_of(&mut self, of: Handle) -> Answer<Option<hl7::Continuation>> {
        self.enter()?;
        let Self { table, call, .. } = self;
        let handle = table.get(&of)?;
        let call = call.as_ref().ok_or_else(guest::outside_a_call)?;
        Ok(match message_of(call, handle) {
            None => Ok(None),
            Some(Message::Hl7(message)) => Ok(message.continuation().map(continuation)),
            Some(_) => Err(not_hl7().into()),
        })
    }

    fn join_continuations(&mut self, of: Handle) -> Answer<u32> {
        self.change(&of, |message, _| match message {
            Message::Hl7(message) => {
                let joined = message.join_continuations()?;
                Ok(u32::try_from(joined).unwrap_or(u32::MAX))
            }
            _ => Err(not_hl7()),
        })
    }
}

fn not_hl7() -> Problem {
    Problem::new("continuation.format", "only an HL7 message is continued")
}

fn continuation(Continuation { pointer, kind }: Continuation) -> hl7::Continuation {
    let kind = kind.map(|kind| match kind {
        ContinuationKind::Fragment => hl7::ContinuationKind::Fragment,
        ContinuationKind::Interactive => hl7::ContinuationKind::Interactive,
    });
    hl7::Continuation { pointer, kind }
}

fn segments(
    message: &Message,
    path: Option<String>,
    paths: &mut PathMemory,
) -> Result<Vec<hl7::Segment>, Problem> {
    let Message::Hl7(message) = message else {
        let text = "only an HL7 message has segments";
        return Err(Problem::new("segments.format", text));
    };
    let path = match path {
        None => None,
        Some(path) => match paths.path(Format::Hl7, &path)? {
            Path::Hl7(path) => Some(path),
            _ => None,
        },
    };
    let found = message.segments(path)?.into_iter().map(|segment| hl7::Segment {
        path: segment.path,
        text: segment.text.into_owned(),
        delimiters: delimiters(segment.delimiters),
    });
    Ok(found.collect())
}

fn delimiters(delimiters: &Delimiters) -> hl7::Delimiters {
    hl7::Delimiters {
        field: char::from(delimiters.field),
        component: delimiters.component.map(char::from),
        repetition: delimiters.repetition.map(char::from),
        subcomponent: delimiters.subcomponent.map(char::from),
        escape: delimiters.escape.map(char::from),
    }
}

/// Control ids of a run's acknowledgements are unique as its message id is; the
/// letter keeps them apart from those that the host gives its own answers.
fn acknowledgement(
    call: &mut Call,
    handle: &MessageHandle,
    asked: &Asked<'_>,
) -> Result<Message, Problem> {
    call.run.acknowledgements = call.run.acknowledgements.saturating_add(1);
    let run = call.run.facts.message_id.replace('-', "");
    let control_id = format!("{run}R{}", call.run.acknowledgements);
    let timestamp = call.run.variables.now().strftime("%Y%m%d%H%M%S%z").to_string();
    let message =
        message_of(call, handle).ok_or_else(|| Problem::new("message.absent", NO_MESSAGE))?;
    let bytes = asked.build(message, &control_id, &timestamp)?;
    Message::parse(Format::Hl7, bytes, &call.run.parse)
}
