//! What is wrong with a message that can be read all the same.

use memchr::memchr2_iter;

use super::Hl7;
use super::batch::Batch;
use super::charset::{CharacterSet, Declared};
use super::delimiters::Delimiters;
use super::escape::{Piece, Sequence, hexadecimal_text, pieces};
use super::segments::Name;
use crate::{Limits, Problem};

/// The most problems that [`Hl7::check`] answers.
pub const PROBLEMS_MAX: usize = 100;

impl Hl7 {
    /// Everything that the standard does not allow and reading tolerates, at
    /// most [`PROBLEMS_MAX`]: lines that are no segment, repeated or surplus
    /// encoding characters, a second header, character sets, escape characters
    /// that start no sequence, framing bytes inside the message, envelopes that
    /// count wrongly.
    pub fn check(&self) -> Vec<Problem> {
        let Some(text) = self.store.in_order() else {
            // A copy stands in order, so that offsets are those of the message.
            return self.clone().check();
        };
        self.check_headers()
            .into_iter()
            .chain(self.check_charset(text))
            .chain(self.check_envelope(text))
            .chain(self.check_lines())
            .chain(self.check_framing(text))
            .take(PROBLEMS_MAX)
            .collect()
    }

    fn check_headers(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut messages = 0;
        for (position, segment) in self.store.table.segments().iter().enumerate() {
            if !segment.name.is_header() {
                continue;
            }
            let line = self.line(segment);
            problems.extend(check_characters(
                line,
                self.store.table.delimiters(position),
                segment.name,
            ));
            messages += usize::from(segment.name == Name::MSH);
            if segment.name == Name::MSH && messages == 2 {
                problems.push(
                    Problem::new("hl7.second-header", "the bytes hold more than one message")
                        .at("MSH[2]")
                        .at_offset(segment.range().start),
                );
            }
        }
        problems.truncate(PROBLEMS_MAX);
        problems
    }

    fn check_charset(&self, text: &[u8]) -> Vec<Problem> {
        let problem = |text: &str| Problem::new("hl7.charset", text).at("MSH-18");
        let mut problems = Vec::new();
        let declared = self.declared_charset();
        if declared == Declared::Unknown {
            problems.push(problem("the name is in none of the sets of table 0211 that are read"));
        }
        let undecided = matches!(declared, Declared::Nothing | Declared::Unknown);
        if undecided && self.charset == Some(CharacterSet::Table(encoding_rs::WINDOWS_1252)) {
            problems.push(problem(
                "no known set is declared and the bytes are not UTF-8; they are read as \
                 windows-1252",
            ));
        }
        let single_bytes = matches!(declared, Declared::Set(set) if set != CharacterSet::Utf8);
        if single_bytes && self.charset.is_some() && std::str::from_utf8(text).is_ok() {
            problems.push(problem(
                "the bytes are UTF-8 and another set is declared; they are read as declared",
            ));
        }
        if self.charset == Some(CharacterSet::Utf8)
            && self.transcoded.is_none()
            && let Err(error) = std::str::from_utf8(text)
        {
            problems.push(
                problem("UTF-8 is declared and the bytes are not").at_offset(error.valid_up_to()),
            );
        }
        problems.extend(self.check_undefined(text, declared));
        problems
    }

    /// Bytes that the set in use does not define, and sets that are declared and
    /// not in use.
    fn check_undefined(&self, text: &[u8], declared: Declared) -> Option<Problem> {
        let problem = |text: &str| Problem::new("hl7.charset", text).at("MSH-18");
        let undefined =
            || problem("some bytes are not of the declared set; they are read as U+FFFD");
        match (declared, self.charset, &self.transcoded) {
            (_, _, Some(transcoded)) => {
                let received = transcoded.received.as_deref().unwrap_or_default();
                transcoded.transcoding.first_undecodable(received).map(|_| undefined())
            }
            // Of UTF-8 it is told already.
            (Declared::Set(set), Some(in_use), None) if set == in_use => match set {
                CharacterSet::Utf8 => None,
                set => set.first_undecodable(text).map(|at| undefined().at_offset(at)),
            },
            (Declared::Transcoded(_), Some(_), None) => Some(problem(
                "the bytes are not in the declared set; they are read as UTF-8 or windows-1252",
            )),
            _ => None,
        }
    }

    /// What is wrong with the envelope of a message that came with one.
    fn check_envelope(&self, text: &[u8]) -> Vec<Problem> {
        let segments = self.store.table.segments();
        let is_envelope = |name: Name| (name.is_header() && name != Name::MSH) || name.is_trailer();
        if !segments.iter().any(|segment| is_envelope(segment.name)) {
            return Vec::new();
        }
        let limits = Limits { messages: segments.len(), ..self.limits.clone() };
        let batch = Batch::split(text, &limits);
        batch.map_or_else(|problem| vec![problem], |batch| batch.warnings().to_vec())
    }

    fn check_lines(&self) -> impl Iterator<Item = Problem> + '_ {
        self.store.table.segments().iter().enumerate().flat_map(|(position, segment)| {
            let place = format!("line {}", position + 1);
            if segment.name == Name::NONE {
                let problem = Problem::new(
                    "hl7.segment-name",
                    "the line starts with no segment name and field separator; it is kept and \
                     cannot be addressed",
                );
                return Some(problem.at(place).at_offset(segment.range().start));
            }
            let delimiters = self.store.table.delimiters(position);
            self.check_escapes(self.line(segment), segment.name, delimiters)
                .map(|problem| problem.at(place))
        })
    }

    /// The first sequence of a line that is none, or that does not decode.
    fn check_escapes(&self, line: &[u8], name: Name, delimiters: &Delimiters) -> Option<Problem> {
        let fields = if name.is_header() { 2 } else { 1 };
        let values = line.split(|byte| *byte == delimiters.field).skip(fields);
        let separators = [delimiters.component, delimiters.subcomponent, delimiters.repetition];
        let leaves =
            values.flat_map(|value| value.split(move |byte| separators.contains(&Some(*byte))));
        let charset = self.hexadecimal_charset();
        for leaf in leaves {
            for piece in pieces(leaf, delimiters) {
                let text = match piece {
                    Piece::Sequence(_, Sequence::Unknown) => {
                        "an escape character starts no known sequence; it is kept as data"
                    }
                    Piece::Sequence(_, Sequence::Hexadecimal(digits))
                        if hexadecimal_text(digits, charset).contains('\u{FFFD}') =>
                    {
                        "a hexadecimal sequence is no text in the message's character set"
                    }
                    _ => continue,
                };
                return Some(Problem::new("hl7.escape", text));
            }
        }
        None
    }

    fn check_framing(&self, text: &[u8]) -> Option<Problem> {
        let content = self.store.table.content(text.len());
        let offset = memchr2_iter(0x0B, 0x1C, text.get(content.clone())?).next()?;
        Some(
            Problem::new("hl7.framing", "an MLLP framing byte stands inside the message")
                .at_offset(content.start + offset),
        )
    }
}

fn check_characters(line: &[u8], delimiters: &Delimiters, name: Name) -> Option<Problem> {
    let end = line.iter().skip(4).position(|byte| *byte == delimiters.field);
    let characters = line.get(4..end.map_or(line.len(), |end| end + 4))?;
    let repeated = characters.iter().take(5).enumerate().any(|(at, character)| {
        characters.get(..at).is_some_and(|before| before.contains(character))
    });
    let text = if characters.len() > 5 {
        format!("at most 5 encoding characters are defined; found {}", characters.len())
    } else if repeated {
        "an encoding character occurs twice; the lower level is not in use".to_owned()
    } else {
        return None;
    };
    Some(Problem::new("hl7.encoding-characters", text).at(format!("{name}-2")))
}
