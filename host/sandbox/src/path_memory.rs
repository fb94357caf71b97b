//! Parsed paths by their text: guests repeat the same few.
//!
//! Knows: paths and formats. Deliberately does not know: messages, instances.
//!
//! # Invariants
//! - Bounded: [`PLACES`] paths whose texts have at most [`REMEMBERED_BYTES_MAX`]
//!   bytes. A path that falls on another's place takes it; paths that are built
//!   from messages cannot make it grow.
//! - Finding a path allocates nothing. A weak hash is enough: two texts on one
//!   place cost a parse, never more.
//! - It is one guest's at a time, so it needs no lock. What of it outlives a fresh
//!   instance stays in the host; guests never see it.

use std::sync::{Mutex, PoisonError};

use tureen_message::{Format, Path, Problem};

/// Paths that one memory holds; a power of two.
const PLACES: usize = 128;

/// Places where a path with a regular expression may be; a power of two.
const EXPRESSION_PLACES: usize = 8;

/// Bytes of a path's text; a longer one is parsed each time.
const REMEMBERED_BYTES_MAX: usize = 512;

/// Memories that a step keeps for its next fresh instances.
const KEPT_MAX: usize = 8;

/// The paths of one guest. One pointer, which is taken out and put back at every read.
#[derive(Default)]
pub(crate) struct PathMemory {
    /// None until the first path.
    known: Option<Box<Known>>,
}

struct Known {
    /// [`PLACES`] long.
    places: Vec<Option<Remembered>>,
    /// One that is not remembered, while it is used.
    other: Option<Path>,
}

impl Default for Known {
    fn default() -> Self {
        let mut places = Vec::new();
        places.resize_with(PLACES, || None);
        Self { places, other: None }
    }
}

struct Remembered {
    format: Format,
    text: Box<str>,
    path: Path,
}

impl PathMemory {
    /// The path of that text, parsed at most once while it is remembered.
    pub(crate) fn path(&mut self, format: Format, text: &str) -> Result<&Path, Problem> {
        let known = self.known.get_or_insert_default();
        if text.len() > REMEMBERED_BYTES_MAX {
            return Ok(known.other.insert(Path::parse(format, text)?));
        }
        let Some(place) = known.places.get_mut(place_of(format, text)) else {
            return Ok(known.other.insert(Path::parse(format, text)?));
        };
        let is_known = matches!(place, Some(it) if it.format == format && *it.text == *text);
        if !is_known {
            let path = Path::parse(format, text)?;
            *place = Some(Remembered { format, text: text.into(), path });
        }
        let remembered = place.as_ref().map(|remembered| &remembered.path);
        remembered.ok_or_else(|| Problem::new("path.syntax", "no path"))
    }
}

impl PathMemory {
    /// What is kept for other instances is small.
    fn forget_expressions(&mut self) {
        let Some(known) = &mut self.known else { return };
        known.other = None;
        for place in known.places.iter_mut().take(EXPRESSION_PLACES) {
            place.take_if(|it| has_expression(it.format, &it.text));
        }
    }
}

/// Does the path hold a regular expression? Each may take up to 1 MiB when it is
/// compiled, whatever the length of its text.
fn has_expression(format: Format, text: &str) -> bool {
    format == Format::Json && text.contains("=~")
}

/// FNV-1a: path texts are short.
fn place_of(format: Format, text: &str) -> usize {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let places = if has_expression(format, text) { EXPRESSION_PLACES } else { PLACES };
    usize::try_from(hash >> 32).unwrap_or_default() & (places - 1)
}

/// What a step's fresh instances hand on to each other.
#[derive(Default)]
pub(crate) struct KeptPaths(Mutex<Vec<PathMemory>>);

impl KeptPaths {
    /// One that nobody uses; a new one when there is none.
    pub(crate) fn take(&self) -> PathMemory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut memory: PathMemory) {
        memory.forget_expressions();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(memory: &PathMemory) -> usize {
        memory.known.iter().flat_map(|known| known.places.iter().flatten()).count()
    }

    fn shown<P: std::fmt::Debug, E: std::fmt::Debug>(path: Result<P, E>) -> String {
        format!("{:?}", path.unwrap())
    }

    #[test]
    fn a_path_is_found_again_and_told_apart_by_its_format() {
        let mut memory = PathMemory::default();
        let first = shown(memory.path(Format::Hl7, "PID-3.1"));
        assert_eq!(shown(memory.path(Format::Hl7, "PID-3.1")), first);
        assert_eq!(remembered(&memory), 1);
        assert!(matches!(memory.path(Format::Json, "PID-3.1"), Ok(Path::Json(_))));
        assert!(matches!(memory.path(Format::Hl7, "PID-3.1"), Ok(Path::Hl7(_))));
        assert!(memory.path(Format::Hl7, "no path").is_err());
        assert_eq!(shown(memory.path(Format::Hl7, "PID-3.1")), first);
    }

    #[test]
    fn paths_built_from_messages_do_not_fill_the_memory() {
        let mut memory = PathMemory::default();
        for index in 1..5_000 {
            let text = format!("OBX[{index}]-5");
            let parsed = Path::parse(Format::Hl7, &text);
            assert_eq!(shown(memory.path(Format::Hl7, &text)), shown(parsed.as_ref()));
        }
        assert!(remembered(&memory) > PLACES / 2);
        assert_eq!(memory.known.as_ref().unwrap().places.len(), PLACES);

        let mut memory = PathMemory::default();
        let long = format!("Patient/{}", "a".repeat(REMEMBERED_BYTES_MAX));
        assert!(memory.path(Format::Json, &long).is_ok());
        assert_eq!(remembered(&memory), 0);
    }

    #[test]
    fn a_step_keeps_a_few_memories() {
        let kept = KeptPaths::default();
        let mut used = kept.take();
        assert!(used.path(Format::Hl7, "PID-3.1").is_ok());
        kept.give_back(used);
        assert_eq!(remembered(&kept.take()), 1);
        (0..KEPT_MAX * 2).for_each(|_| kept.give_back(PathMemory::default()));
        assert_eq!(kept.0.lock().unwrap().len(), KEPT_MAX);
    }

    #[test]
    fn regular_expressions_are_few_and_not_handed_on() {
        let mut memory = PathMemory::default();
        for number in 0..4 * PLACES {
            let text = format!("newtonsoft:$[?(@.a =~ /{number}/)]");
            assert!(memory.path(Format::Json, &text).is_ok());
        }
        assert!((1..=EXPRESSION_PLACES).contains(&remembered(&memory)));
        let kept = KeptPaths::default();
        kept.give_back(memory);
        assert_eq!(remembered(&kept.take()), 0);
    }
}
