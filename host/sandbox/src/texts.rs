//! What a step's guests have compiled: templates and formattings, by their text.
//!
//! Knows: that a step expands the same few texts for every message. Deliberately
//! does not know: instances; all of a step share one memory, so that a text is
//! compiled once for each version of a workflow, also where an instance serves a
//! single message.
//!
//! # Invariants
//! - At most [`REMEMBERED_MAX`] of each kind and [`REMEMBERED_BYTES_MAX`] bytes of
//!   text are kept. What is beyond is compiled each time: texts that are built
//!   from messages cannot fill the memory.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tureen_message::Problem;
use tureen_template::{Formatting, Template};

/// Texts of one kind that a step remembers.
const REMEMBERED_MAX: usize = 512;

/// Bytes of all texts of one kind that a step remembers: 1 MiB.
const REMEMBERED_BYTES_MAX: usize = 1 << 20;

/// The memory of one step.
#[derive(Default)]
pub(crate) struct Texts {
    templates: RwLock<Memory<String, Template>>,
    formattings: RwLock<Memory<Vec<(String, String)>, Formatting>>,
}

impl Texts {
    /// The compiled template of a text.
    pub(crate) fn template(&self, text: String) -> Template {
        if let Some(known) = find(&self.templates, &text) {
            return known;
        }
        let template = Template::compile(&text);
        let bytes = text.len();
        keep(&self.templates, text, bytes, &template);
        template
    }

    /// The formatting that properties ask for.
    ///
    /// # Errors
    /// As [`Formatting::from_properties`]; what is wrong is not remembered.
    pub(crate) fn formatting(
        &self,
        properties: Vec<(String, String)>,
    ) -> Result<Formatting, Problem> {
        if let Some(known) = find(&self.formattings, &properties) {
            return Ok(known);
        }
        let pairs = properties.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let formatting = Formatting::from_properties(pairs)?;
        let bytes = properties.iter().map(|(name, text)| name.len() + text.len()).sum();
        keep(&self.formattings, properties, bytes, &formatting);
        Ok(formatting)
    }
}

struct Memory<K, V> {
    known: HashMap<K, V>,
    bytes: usize,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self { known: HashMap::new(), bytes: 0 }
    }
}

fn find<K: std::hash::Hash + Eq, V: Clone>(memory: &RwLock<Memory<K, V>>, key: &K) -> Option<V> {
    memory.read().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
}

fn keep<K: std::hash::Hash + Eq, V: Clone>(
    memory: &RwLock<Memory<K, V>>,
    key: K,
    bytes: usize,
    value: &V,
) {
    let mut memory = memory.write().unwrap_or_else(PoisonError::into_inner);
    let fits = memory.bytes.saturating_add(bytes) <= REMEMBERED_BYTES_MAX;
    if fits && memory.known.len() < REMEMBERED_MAX && !memory.known.contains_key(&key) {
        memory.bytes += bytes;
        memory.known.insert(key, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(texts: &Texts) -> (usize, usize) {
        let memory = texts.templates.read().unwrap();
        (memory.known.len(), memory.bytes)
    }

    #[test]
    fn a_text_is_compiled_once() {
        let texts = Texts::default();
        for _ in 0..3 {
            assert_eq!(texts.template("${a}".to_owned()).source(), "${a}");
        }
        assert_eq!(remembered(&texts), (1, 4));
        let upper = || vec![("TextFormat".to_owned(), "UpperCase".to_owned())];
        assert_eq!(texts.formatting(upper()).unwrap(), texts.formatting(upper()).unwrap());
        assert_eq!(texts.formattings.read().unwrap().known.len(), 1);
        let wrong = vec![("TextFormat".to_owned(), "Upper".to_owned())];
        assert_eq!(texts.formatting(wrong).unwrap_err().code, "formatting.property");
        assert_eq!(texts.formattings.read().unwrap().known.len(), 1);
    }

    #[test]
    fn texts_built_from_messages_do_not_fill_the_memory() {
        let texts = Texts::default();
        for number in 0..2 * REMEMBERED_MAX {
            let text = format!("{number} ${{a}}");
            assert_eq!(texts.template(text.clone()).source(), text);
        }
        assert_eq!(remembered(&texts).0, REMEMBERED_MAX);

        let texts = Texts::default();
        let half = REMEMBERED_BYTES_MAX / 2;
        for first in ["a", "b", "c"] {
            texts.template(first.repeat(half));
        }
        assert_eq!(remembered(&texts), (2, REMEMBERED_BYTES_MAX));
    }
}
