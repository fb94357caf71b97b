//! A message of the host's own code.

use crate::hl7::{Continuation, ContinuationKind, Delimiters, SegmentText};
use crate::{Acknowledgement, Format, Problem, Value};
use tureen_message::csv::CsvOptions;
use tureen_message::hl7::Hl7Path;
use tureen_message::hl7::acknowledgement::Asked;
use tureen_message::{Limits, ParseOptions, Path};

/// MSH-10 of the acknowledgements of every test; the host gives each its own.
const CONTROL_ID: &str = "test1R1";

/// How the messages of a run are parsed.
pub(crate) fn parse_options(delimiter: &str) -> Result<ParseOptions, Problem> {
    let csv = CsvOptions::from_delimiter(delimiter)?;
    Ok(ParseOptions { limits: Limits::default(), csv, ..ParseOptions::default() })
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    message: tureen_message::Message,
    options: ParseOptions,
}

impl Message {
    pub(crate) fn parse(format: Format, bytes: &[u8]) -> Result<Self, Problem> {
        Self::parse_with(format, bytes, ParseOptions::default())
    }

    pub(crate) fn parse_with(
        format: Format,
        bytes: &[u8],
        options: ParseOptions,
    ) -> Result<Self, Problem> {
        let known = tureen_message::Format::from_name(format.name()).ok_or_else(|| {
            Problem::new("format.unknown", "the host has no messages of this format")
        })?;
        let message = tureen_message::Message::parse(known, bytes.to_vec(), &options)?;
        Ok(Self { message, options })
    }

    pub(crate) fn whole_text(&self) -> std::borrow::Cow<'_, str> {
        self.message.whole_text()
    }

    pub(crate) fn format(&self) -> Format {
        Format::from_name(self.message.format().name())
    }

    fn path(&self, path: &str) -> Result<Path, Problem> {
        let path = self.message.path(path)?;
        self.message.prepare(&path)?;
        Ok(path)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Problem> {
        Ok(match self.message.get(&self.path(path)?) {
            tureen_message::Value::Absent => Value::Absent,
            tureen_message::Value::Empty => Value::Empty,
            tureen_message::Value::Null => Value::Null,
            tureen_message::Value::Text(text) => Value::Text(text.into_owned()),
        })
    }

    pub(crate) fn text(&self, path: &str) -> Result<String, Problem> {
        Ok(self.message.text(&self.path(path)?).into_owned())
    }

    pub(crate) fn structure(&self, path: &str) -> Result<Option<String>, Problem> {
        Ok(self.message.structure(&self.path(path)?).map(std::borrow::Cow::into_owned))
    }

    pub(crate) fn count(&self, path: &str) -> Result<u32, Problem> {
        let count = self.message.count(&self.path(path)?);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(crate) fn find(&self, pattern: &str) -> Result<Vec<String>, Problem> {
        Ok(self.message.find(&self.path(pattern)?))
    }

    pub(crate) fn set(&mut self, path: &str, value: &str) -> Result<(), Problem> {
        Ok(self.message.set(&self.path(path)?, value)?)
    }

    pub(crate) fn set_null(&mut self, path: &str) -> Result<(), Problem> {
        Ok(self.message.set_null(&self.path(path)?)?)
    }

    pub(crate) fn set_structure(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        Ok(self.message.set_structure(&self.path(path)?, text)?)
    }

    pub(crate) fn append(&mut self, text: &str) -> Result<(), Problem> {
        Ok(self.message.append(text)?)
    }

    pub(crate) fn insert(&mut self, path: &str, text: &str) -> Result<(), Problem> {
        Ok(self.message.insert(&self.path(path)?, text)?)
    }

    pub(crate) fn remove(&mut self, pattern: &str) -> Result<u32, Problem> {
        let removed = self.message.remove(&self.path(pattern)?)?;
        Ok(u32::try_from(removed).unwrap_or(u32::MAX))
    }

    pub(crate) fn check(&self) -> Vec<Problem> {
        self.message.check().into_iter().map(Problem::from).collect()
    }

    pub(crate) fn segments(&self, path: Option<&str>) -> Result<Vec<SegmentText>, Problem> {
        let tureen_message::Message::Hl7(message) = &self.message else {
            return Err(Problem::new("segments.format", "only an HL7 message has segments"));
        };
        let path = path.map(Hl7Path::parse).transpose()?;
        let found = message.segments(path.as_ref())?.into_iter().map(|segment| SegmentText {
            path: segment.path,
            text: segment.text.into_owned(),
            delimiters: delimiters(segment.delimiters),
        });
        Ok(found.collect())
    }

    pub(crate) fn acknowledge(&self, asked: &Acknowledgement) -> Result<Self, Problem> {
        let [text, condition, place] = asked.details();
        let asked = Asked { code: asked.code(), text, condition, place };
        let timestamp = super::run::fixed_time().strftime("%Y%m%d%H%M%S%z").to_string();
        let bytes = asked.build(&self.message, CONTROL_ID, &timestamp)?;
        Self::parse(Format::Hl7, &bytes)
    }

    pub(crate) fn continuation(&self) -> Result<Option<Continuation>, Problem> {
        let tureen_message::Message::Hl7(message) = &self.message else { return Err(not_hl7()) };
        Ok(message.continuation().map(continuation))
    }

    pub(crate) fn join_continuations(&mut self) -> Result<u32, Problem> {
        let tureen_message::Message::Hl7(message) = &mut self.message else {
            return Err(not_hl7());
        };
        Ok(u32::try_from(message.join_continuations()?).unwrap_or(u32::MAX))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.message.bytes().to_vec()
    }

    pub(crate) fn replace(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        Ok(self.message.replace(bytes.to_vec(), &self.options)?)
    }
}

fn delimiters(delimiters: &tureen_message::hl7::Delimiters) -> Delimiters {
    Delimiters {
        field: char::from(delimiters.field),
        component: delimiters.component.map(char::from),
        repetition: delimiters.repetition.map(char::from),
        subcomponent: delimiters.subcomponent.map(char::from),
        escape: delimiters.escape.map(char::from),
    }
}

fn not_hl7() -> Problem {
    Problem::new("continuation.format", "only an HL7 message is continued")
}

fn continuation(found: tureen_message::hl7::Continuation) -> Continuation {
    let kind = found.kind.map(|kind| match kind {
        tureen_message::hl7::ContinuationKind::Fragment => ContinuationKind::Fragment,
        tureen_message::hl7::ContinuationKind::Interactive => ContinuationKind::Interactive,
    });
    Continuation { pointer: found.pointer, kind }
}
