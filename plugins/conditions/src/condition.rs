//! One condition: what it looks at, what it asks (contract 6.2).

use crate::comparison::{
    DATE_COMPARERS, DateComparer, STRING_COMPARERS, StringComparer, VALID_COMPARERS, data_table,
    length,
};
use crate::repetitions::repetitions_of;
use crate::{DateTime, Namespaces, Place, PlaceFields, Sight, Source, Text};
use tureen_plugin_sdk::{
    Choice, Direction, Finding, Findings, Placement, Problem, Settings, StepError,
};

/// One condition of a filter or of a conditional block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Text(TextTest),
    Date { first: Source, comparer: DateComparer, second: Source },
    Valid { source: Place, valid: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TextTest {
    first: Source,
    comparer: StringComparer,
    second: Source,
    case_sensitive: bool,
    /// Whether any repetition of the field may match.
    repetitions: bool,
}

/// The classes of conditions, without their namespace.
pub(crate) const STRING_CLASS: &str = "StringMessageFilter";
pub(crate) const DATE_CLASS: &str = "DateMessageFilter";
pub(crate) const VALID_CLASS: &str = "ValidMessageFilter";

impl Condition {
    /// Reads a condition of a class; `None` when there is no such class.
    pub(crate) fn read(
        class: &str,
        settings: &Settings,
        placement: &Placement,
    ) -> Option<Result<Self, Findings>> {
        let test = match class {
            STRING_CLASS => TextTest::read(settings, placement).map(Test::Text),
            DATE_CLASS => read_date(settings, placement),
            VALID_CLASS => read_valid(settings),
            _ => return None,
        };
        let mut findings = Findings::default();
        let negated = findings.keep(settings.flag("Not")).flatten().unwrap_or(false);
        let test = findings.keep(test);
        Some(match test {
            Some(test) => findings.or(Self { negated, test }),
            None => Err(findings),
        })
    }

    /// Whether the condition holds for the message.
    ///
    /// # Errors
    /// When an operand cannot be read, or a length is not a number.
    pub fn holds(&self, sight: &Sight<'_>) -> Result<bool, StepError> {
        let holds = match &self.test {
            Test::Text(test) => test.holds(sight)?,
            Test::Date {
                first: Source::Place(place), comparer: DateComparer::InMessage, ..
            } => place.exists(sight)?,
            Test::Date { first, comparer, second } => {
                let second = if comparer.compares() { second.value(sight)? } else { "".into() };
                comparer.holds(&first.value(sight)?, &second)
            }
            Test::Valid { source, valid } => {
                let check = source.with(sight, |message, _| Ok(message.check().is_empty()))?;
                check.unwrap_or(false) == *valid
            }
        };
        Ok(holds != self.negated)
    }

    /// What it asks, in authored words.
    pub(crate) fn describe(&self) -> String {
        let not = if self.negated { "Not " } else { "" };
        match &self.test {
            Test::Text(test) => {
                format!("{not}{} {}", test.first.authored(), name(&STRING_COMPARERS, test.comparer))
            }
            Test::Date { first, comparer, .. } => {
                format!("{not}{} {} (date)", first.authored(), name(&DATE_COMPARERS, *comparer))
            }
            Test::Valid { valid, .. } => format!("{not}{}", name(&VALID_COMPARERS, *valid)),
        }
    }
}

fn name<T: Copy + PartialEq>(choices: &[Choice<T>], value: T) -> &'static str {
    choices.iter().find(|(_, _, known)| *known == value).map_or("", |(_, name, _)| name)
}

impl TextTest {
    fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let first = findings.keep(Source::read(settings, PlaceFields::CONDITION));
        let second = findings.keep(second_operand(settings));
        let comparer = findings.keep(settings.choice("Comparer", &STRING_COMPARERS)).flatten();
        let case_sensitive = findings.keep(settings.flag("CaseSensitive")).flatten();
        let repetitions = findings.keep(settings.flag("IncludesRepeatFields")).flatten();
        let (Some(first), Some(second)) = (first, second) else { return Err(findings) };
        let test = Self {
            first,
            comparer: comparer.unwrap_or(StringComparer::Equals),
            second,
            case_sensitive: case_sensitive.unwrap_or(false),
            repetitions: repetitions.unwrap_or(false),
        };
        findings.keep(test.check(settings, placement));
        findings.or(test)
    }

    fn check(&self, settings: &Settings, placement: &Placement) -> Result<(), Finding> {
        let in_message = self.comparer == StringComparer::InMessage;
        if in_message && matches!(self.first, Source::Text(_)) {
            return Err(needs_a_place(settings));
        }
        if let (StringComparer::InDataTable, Source::Text(text)) = (self.comparer, &self.second)
            && let Some(literal) = text.literal()
        {
            data_table(literal).map_err(|problem| at_second(settings, problem))?;
            placement.require_data_table(literal, pointer_to_second(settings));
        }
        if let (true, Source::Text(text)) = (self.comparer.counts(), &self.second)
            && let Some(literal) = text.literal()
        {
            length(literal).map_err(|problem| at_second(settings, problem))?;
        }
        Ok(())
    }

    fn holds(&self, sight: &Sight<'_>) -> Result<bool, StepError> {
        let second = if self.comparer.compares() { self.second.value(sight)? } else { "".into() };
        let place = match &self.first {
            Source::Place(place) => place,
            Source::Text(text) => {
                return self.compare(&text.expand(sight.context)?, &second, sight);
            }
        };
        let repetitions = if self.repetitions { repetitions_of(place, sight)? } else { None };
        let Some(paths) = repetitions else {
            return match self.comparer {
                StringComparer::InMessage => place.exists(sight),
                _ => self.compare(&self.first.value(sight)?, &second, sight),
            };
        };
        if self.comparer == StringComparer::InMessage {
            let exists = |path: &String| {
                place.with(sight, |message, _| message.get(path).map(|value| value.exists()))
            };
            for path in &paths {
                if exists(path)? == Some(true) {
                    return Ok(true);
                }
            }
            return place.exists(sight);
        }
        for path in &paths {
            let value = place.with(sight, |message, _| message.text(path))?.unwrap_or_default();
            if self.compare(&value, &second, sight)? {
                return Ok(true);
            }
        }
        Ok(paths.is_empty() && self.compare("", &second, sight)?)
    }

    fn compare(&self, first: &str, second: &str, sight: &Sight<'_>) -> Result<bool, StepError> {
        Ok(self.comparer.holds(first, second, self.case_sensitive, sight.context)?)
    }
}

/// The second operand: by reference where `ToPath` names one, else `Value`.
fn second_operand(settings: &Settings) -> Result<Source, Findings> {
    let path = settings.text("ToPath")?.unwrap_or_default();
    if path.is_empty() {
        return Ok(Source::Text(Text::new(settings.text("Value")?.unwrap_or_default())));
    }
    if settings.id("ToSetting")?.is_none() {
        return Ok(Source::Text(Text::new(path)));
    }
    Source::read(settings, PlaceFields::OPERAND)
}

fn read_date(settings: &Settings, placement: &Placement) -> Result<Test, Findings> {
    let mut findings = Findings::default();
    let first = findings.keep(Source::read(settings, PlaceFields::CONDITION));
    let second = findings.keep(second_operand(settings));
    let comparer = findings.keep(settings.choice("Comparer", &DATE_COMPARERS)).flatten();
    let comparer = comparer.unwrap_or(DateComparer::Equals);
    let (Some(first), Some(second)) = (first, second) else { return Err(findings) };
    if comparer == DateComparer::InMessage && matches!(first, Source::Text(_)) {
        findings.push(needs_a_place(settings));
    }
    if let (true, Source::Text(text)) = (comparer.compares(), &second)
        && let Some(literal) = text.literal()
        && DateTime::parse(literal).is_none()
    {
        let text = "the second value is not a date-time such as 20260102 or 2026-01-02T03:04: the \
                    comparison is never true";
        let problem = Problem::new("condition.date", text);
        placement.warn(at_second(settings, problem).problem);
    }
    findings.or(Test::Date { first, comparer, second })
}

fn read_valid(settings: &Settings) -> Result<Test, Findings> {
    let source = Source::read(settings, PlaceFields::CONDITION)?;
    let valid = settings.choice("Comparer", &VALID_COMPARERS)?.unwrap_or(true);
    let source = match source {
        Source::Place(place) => place,
        Source::Text(path) => {
            let (setting, direction) = (settings.id("FromSetting")?, Direction::Inbound);
            Place { setting, direction, path, namespaces: Namespaces::default() }
        }
    };
    Ok(Test::Valid { source: Place { path: Text::new(String::new()), ..source }, valid })
}

fn needs_a_place(settings: &Settings) -> Finding {
    let text = "InMessage asks whether a place of a message exists, and the first value is a text: \
                choose the message in FromSetting and FromDirection";
    settings.error("Comparer", "condition.operand", text)
}

fn at_second(settings: &Settings, problem: Problem) -> Finding {
    Finding::error(problem.at(pointer_to_second(settings)))
}

fn pointer_to_second(settings: &Settings) -> String {
    let by_reference =
        settings.text("ToPath").is_ok_and(|path| path.is_some_and(|it| !it.is_empty()));
    settings.pointer_to(if by_reference { "ToPath" } else { "Value" })
}
