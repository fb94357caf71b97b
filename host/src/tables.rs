//! The tables of a home: read at start and on reload, asked by templates and plugins.
//!
//! Knows the names and files of lookup tables and data tables. Deliberately does not know who asks.
//!
//! # Invariants
//! - A set never changes; a reload makes a new one.
//! - A file that cannot be read again leaves the table that was read before, and says so.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tureen_message::Problem;
use tureen_template::DataTable;

use crate::config::{Limits, ServerConfig};
use crate::diagnostics::{Code, Diagnostic, codes};

mod data;
mod lookup;
#[cfg(test)]
mod tests;

use lookup::LookupTable;

/// All tables of a home, by lower-case name.
#[derive(Default)]
pub struct HomeTables {
    lookup: HashMap<String, Arc<LookupTable>>,
    data: HashMap<String, Arc<DataTable>>,
}

/// Length and time of change of every table's file: differs when one was saved.
pub type Stamp = Vec<Option<(u64, SystemTime)>>;

/// Length and time of change of one file; `None` where there is none.
pub fn stamp_of(file: &Path) -> Option<(u64, SystemTime)> {
    let found = fs::metadata(file).ok()?;
    Some((found.len(), found.modified().ok()?))
}

impl HomeTables {
    /// Asks the file system, without reading a file.
    pub fn stamp(home: &Path, config: &ServerConfig) -> Stamp {
        let files = config.tables.values().chain(config.data_tables.values());
        files.map(|file| stamp_of(&home.join(file))).collect()
    }

    /// Reads the files that the configuration names. `before` lends the tables whose files cannot
    /// be read now.
    pub fn load(home: &Path, config: &ServerConfig, before: &Self) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let limits = &config.limits;
        let mut loading = Loading { home, diagnostics: &mut diagnostics };
        let mut tables = Self::default();
        for (name, file) in &config.tables {
            let found = loading.read(&LOOKUP, name, file, &before.lookup, |file| {
                lookup::parse(file, &read(file, limits)?)
            });
            tables.lookup.extend(found);
        }
        for (name, file) in &config.data_tables {
            let found = loading.read(&DATA, name, file, &before.data, |file| {
                data::parse(name, file, &read(file, limits)?, limits)
            });
            tables.data.extend(found);
        }
        (tables, diagnostics)
    }

    /// The lower-case names of the lookup tables.
    pub fn lookup_tables(&self) -> impl Iterator<Item = &str> {
        self.lookup.keys().map(String::as_str)
    }

    /// The data tables, by lower-case name.
    pub fn data_tables(&self) -> impl Iterator<Item = (&str, &DataTable)> {
        self.data.iter().map(|(name, table)| (name.as_str(), table.as_ref()))
    }
}

/// How findings speak of a kind of tables.
struct Words {
    code: Code,
    kind: &'static str,
    help: &'static str,
}

const LOOKUP: Words = Words {
    code: codes::TABLE,
    kind: "lookup table",
    help: "a table is a CSV file of two columns, key and value, or a JSON object of texts",
};

const DATA: Words = Words {
    code: codes::DATA_TABLE,
    kind: "data table",
    help: "a data table is a CSV file whose first line names the fields, or a JSON array of objects",
};

struct Loading<'a> {
    home: &'a Path,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Loading<'_> {
    /// One table; where its file is wrong, the one that was there before, if any.
    fn read<T>(
        &mut self,
        words: &Words,
        name: &str,
        file: &Path,
        before: &HashMap<String, Arc<T>>,
        read: impl FnOnce(&Path) -> Result<T, String>,
    ) -> Option<(String, Arc<T>)> {
        let folded = name.to_lowercase();
        let file = self.home.join(file);
        let reason = match read(&file) {
            Ok(table) => return Some((folded, Arc::new(table))),
            Err(reason) => reason,
        };
        let kept = before.get(&folded).map(Arc::clone);
        let state = match &kept {
            Some(_) => "the table that was read before stays in use",
            None => "there is no such table until the file can be read",
        };
        let text = format!("the {} {name:?} cannot be used: {reason}", words.kind);
        let found = Diagnostic::new(words.code, text).in_file(&file).help(words.help).state(state);
        self.diagnostics.push(found);
        kept.map(|table| (folded, table))
    }
}

/// The text of a table's file, without a byte order mark.
fn read(file: &Path, limits: &Limits) -> Result<String, String> {
    let limit = limits.table_bytes as u64;
    let found = fs::metadata(file).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| error.to_string())?;
    let read = opened.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!("it has more than {limit} bytes (limits.table_bytes)"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to())
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"))
}

impl tureen_template::Tables for HomeTables {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        let Some(found) = self.lookup.get(&table.to_lowercase()) else {
            let text = format!("there is no lookup table called {table:?}; add it to [tables]");
            return Err(Problem::new("table.unknown", text));
        };
        Ok(found.get(&key.to_lowercase()).cloned())
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.data.get(&name.to_lowercase()).map(AsRef::as_ref)
    }
}
