//! HL7 messages: segments are matched first, then compared field by field.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Inside, texts};

/// Above this many segments they are matched by number alone: finding the best
/// match takes longer than linear time.
const MATCHED_MAX: usize = 5_000;

/// The separators of a message, as MSH tells them.
#[derive(Clone, Copy)]
struct Separators {
    field: char,
    component: char,
    repetition: char,
    subcomponent: char,
}

impl Separators {
    fn of(text: &str) -> Self {
        let mut characters = text.chars().skip(3);
        let field = characters.next().unwrap_or('|');
        let mut next = |usual: char| characters.next().filter(|it| *it != field).unwrap_or(usual);
        let (component, repetition, _escape) = (next('^'), next('~'), next('\\'));
        Self { field, component, repetition, subcomponent: next('&') }
    }
}

/// One segment and its number among those of its name.
struct Segment<'t> {
    line: &'t str,
    name: &'t str,
    number: usize,
    of: usize,
}

impl Segment<'_> {
    fn place(&self) -> String {
        if self.of > 1 { format!("{}[{}]", self.name, self.number) } else { self.name.to_owned() }
    }
}

pub(super) fn compare(expected: &[u8], found: &[u8]) -> Vec<Inside> {
    let (expected, found) = texts(expected, found);
    let separators = (Separators::of(&expected), Separators::of(&found));
    let (left, right) = (segments(&expected, separators.0), segments(&found, separators.1));
    let mut differences = Vec::new();
    for (one, other) in matched(&left, &right) {
        match (one, other) {
            (Some(one), Some(other)) => fields(one, other, separators, &mut differences),
            (Some(one), None) => {
                differences.push((one.place(), Some(one.line.to_owned()), None));
            }
            (None, Some(other)) => {
                differences.push((other.place(), None, Some(other.line.to_owned())));
            }
            (None, None) => {}
        }
    }
    differences
}

fn segments(text: &str, separators: Separators) -> Vec<Segment<'_>> {
    let lines = text.split('\n').filter(|line| !line.is_empty());
    let name = |line: &str| line.find(separators.field).unwrap_or(line.len()).min(line.len());
    let mut all: Vec<Segment<'_>> = Vec::new();
    let mut counts = std::collections::HashMap::<&str, usize>::new();
    for line in lines {
        let name = line.get(..name(line)).unwrap_or(line);
        let number = counts.entry(name).or_default();
        *number += 1;
        all.push(Segment { line, name, number: *number, of: 0 });
    }
    for segment in &mut all {
        segment.of = counts.get(segment.name).copied().unwrap_or(1);
    }
    all
}

type Pair<'s, 't> = (Option<&'s Segment<'t>>, Option<&'s Segment<'t>>);

/// Pairs of segments that mean each other; those that are the same are left out.
fn matched<'s, 't>(left: &'s [Segment<'t>], right: &'s [Segment<'t>]) -> Vec<Pair<'s, 't>> {
    if left.len().max(right.len()) > MATCHED_MAX {
        return by_name(left, right);
    }
    let lines = |all: &[Segment<'t>]| all.iter().map(|it| it.line).collect::<Vec<_>>();
    let mut pairs = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &lines(left), &lines(right)) {
        let old = left.get(operation.old_range()).unwrap_or_default();
        let new = right.get(operation.new_range()).unwrap_or_default();
        if !matches!(operation, DiffOp::Equal { .. }) {
            pairs.extend(by_name(old, new));
        }
    }
    pairs
}

/// The first of a name with the first of that name, and so on.
fn by_name<'s, 't>(left: &'s [Segment<'t>], right: &'s [Segment<'t>]) -> Vec<Pair<'s, 't>> {
    let mut waiting = std::collections::HashMap::<&str, std::collections::VecDeque<_>>::new();
    for segment in right {
        waiting.entry(segment.name).or_default().push_back(segment);
    }
    let mut take =
        |name: &str| waiting.get_mut(name).and_then(std::collections::VecDeque::pop_front);
    let mut pairs: Vec<Pair<'s, 't>> = left.iter().map(|one| (Some(one), take(one.name))).collect();
    let mut rest: Vec<&'s Segment<'t>> = waiting.into_values().flatten().collect();
    rest.sort_by_key(|segment| segment.line.as_ptr() as usize);
    pairs.extend(rest.into_iter().map(|other| (None, Some(other))));
    pairs
}

fn fields(
    one: &Segment<'_>,
    other: &Segment<'_>,
    separators: (Separators, Separators),
    out: &mut Vec<Inside>,
) {
    let (left, right) = (numbered(one, separators.0.field), numbered(other, separators.1.field));
    let is_header = matches!(one.name, "MSH" | "FHS" | "BHS");
    for index in 1..left.len().max(right.len()) {
        let text = |all: &[String]| all.get(index).cloned().unwrap_or_default();
        let (expected, found) = (text(&left), text(&right));
        if expected == found {
            continue;
        }
        let place = format!("{}-{index}", one.place());
        if is_header && index <= 2 {
            out.push((place, Some(expected), Some(found)));
            continue;
        }
        repetitions(&place, (&expected, &found), separators, out);
    }
}

/// The fields of a segment by their number; of headers, the separator is the
/// first one.
fn numbered(segment: &Segment<'_>, separator: char) -> Vec<String> {
    let mut fields: Vec<String> = segment.line.split(separator).map(str::to_owned).collect();
    if matches!(segment.name, "MSH" | "FHS" | "BHS") {
        fields.insert(1.min(fields.len()), separator.to_string());
    }
    fields
}

fn repetitions(
    place: &str,
    texts: (&str, &str),
    separators: (Separators, Separators),
    out: &mut Vec<Inside>,
) {
    let left: Vec<&str> = texts.0.split(separators.0.repetition).collect();
    let right: Vec<&str> = texts.1.split(separators.1.repetition).collect();
    let several = left.len().max(right.len()) > 1;
    for index in 0..left.len().max(right.len()) {
        let (one, other) = (left.get(index).copied(), right.get(index).copied());
        if one == other {
            continue;
        }
        let place = if several { format!("{place}[{}]", index + 1) } else { place.to_owned() };
        let (Some(one), Some(other)) = (one, other) else {
            out.push((place, one.map(str::to_owned), other.map(str::to_owned)));
            continue;
        };
        let characters = (separators.0.component, separators.1.component);
        parts(&place, (one, other), characters, out, |place, texts, out| {
            let characters = (separators.0.subcomponent, separators.1.subcomponent);
            parts(place, texts, characters, out, |place, (one, other), out| {
                out.push((place.to_owned(), value(one), value(other)));
            });
        });
    }
}

/// Compares the parts of two texts; texts of one part each are compared whole.
fn parts(
    place: &str,
    (one, other): (&str, &str),
    (left, right): (char, char),
    out: &mut Vec<Inside>,
    inner: impl Fn(&str, (&str, &str), &mut Vec<Inside>),
) {
    let left: Vec<&str> = one.split(left).collect();
    let right: Vec<&str> = other.split(right).collect();
    if left.len() == 1 && right.len() == 1 {
        inner(place, (one, other), out);
        return;
    }
    for index in 0..left.len().max(right.len()) {
        let part = |all: &[&str]| all.get(index).copied().unwrap_or_default().to_owned();
        let (one, other) = (part(&left), part(&right));
        if one != other {
            inner(&format!("{place}.{}", index + 1), (&one, &other), out);
        }
    }
}

fn value(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
