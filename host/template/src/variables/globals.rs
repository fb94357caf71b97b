//! The host-wide variables (contract 9.4).
//!
//! Knows: which of them are secret and which could not be read. Deliberately
//! does not know: where they are stored.

use std::collections::HashMap;
use std::fmt;

use crate::name::fold;

/// Host-wide names and values, the same for all runs that started with them.
#[derive(Clone, Default)]
pub struct Globals {
    values: HashMap<Box<str>, Global>,
}

#[derive(Clone)]
pub(crate) enum Global {
    Text(String),
    Secret(String),
    Unavailable(String),
}

impl Globals {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a variable that every template may read.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(fold(name).into(), Global::Text(value.into()));
    }

    /// Adds or replaces a variable that only settings marked sensitive may read;
    /// anywhere else its use is a problem (contract T-08).
    pub fn insert_secret(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(fold(name).into(), Global::Secret(value.into()));
    }

    /// Adds or replaces a variable whose value could not be read. Any use is a
    /// problem with this reason, which must not hold the value (contract T-61).
    pub fn insert_unavailable(&mut self, name: &str, reason: impl Into<String>) {
        self.values.insert(fold(name).into(), Global::Unavailable(reason.into()));
    }

    /// The value, unless it is secret or could not be read.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.find(&fold(name))? {
            Global::Text(text) => Some(text),
            Global::Secret(_) | Global::Unavailable(_) => None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn find(&self, folded: &str) -> Option<&Global> {
        self.values.get(folded)
    }
}

impl fmt::Debug for Globals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Globals of {} names", self.values.len())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Globals {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(entries: I) -> Self {
        let mut globals = Self::new();
        for (name, value) in entries {
            globals.insert(name, value);
        }
        globals
    }
}
