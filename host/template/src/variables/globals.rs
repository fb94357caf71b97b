//! The host-wide variables (contract 9.4).
//!
//! Knows: what each of them is for and which could not be read. Deliberately
//! does not know: where they are stored, which settings may read which.

use std::collections::HashMap;
use std::fmt;

use crate::name::fold;

/// Host-wide names and values, the same for all runs that started with them.
#[derive(Clone, Default)]
pub struct Globals {
    pub(super) values: HashMap<Box<str>, Global>,
}

/// What a global variable is for (contract 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Every text may read it.
    Text,
    /// Only settings meant for passwords, keys and tokens may read it.
    Secret,
    /// Only settings meant for connection strings may read it.
    ConnectionString,
}

impl Purpose {
    /// For a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::ConnectionString => "connection string",
        }
    }
}

#[derive(Clone)]
pub(crate) enum Global {
    Text(String),
    Guarded(Purpose, String),
    Unavailable(Purpose, String),
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
        self.insert_guarded(Purpose::Secret, name, value);
    }

    /// Adds or replaces a variable that only settings meant for its purpose may
    /// read. [`Purpose::Text`] is for everybody.
    pub fn insert_guarded(&mut self, purpose: Purpose, name: &str, value: impl Into<String>) {
        let value = value.into();
        let global = match purpose {
            Purpose::Text => Global::Text(value),
            Purpose::Secret | Purpose::ConnectionString => Global::Guarded(purpose, value),
        };
        self.values.insert(fold(name).into(), global);
    }

    /// Adds or replaces a variable whose value could not be read. Any use is a
    /// problem with this reason, which must not hold the value (contract T-61).
    pub fn insert_unavailable(&mut self, purpose: Purpose, name: &str, reason: impl Into<String>) {
        self.values.insert(fold(name).into(), Global::Unavailable(purpose, reason.into()));
    }

    /// What a variable is for; `None` when there is none of the name.
    pub fn purpose(&self, name: &str) -> Option<Purpose> {
        Some(match self.find(&fold(name))? {
            Global::Text(_) => Purpose::Text,
            Global::Guarded(purpose, _) | Global::Unavailable(purpose, _) => *purpose,
        })
    }

    /// The value, unless it is secret or could not be read.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.find(&fold(name))? {
            Global::Text(text) => Some(text),
            Global::Guarded(..) | Global::Unavailable(..) => None,
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
