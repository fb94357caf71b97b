//! Lookup tables of a home: read at start and on reload, asked by templates and
//! plugins.
//!
//! A table is a CSV file whose first two columns are key and value, or a JSON
//! object of texts. Keys are compared without regard to case.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tureen_message::{Format, Message, ParseOptions, Problem, Value};

use crate::config::ServerConfig;
use crate::diagnostics::{Diagnostic, codes};

/// Bytes of one table file.
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// All tables of a home, by lower-case name.
#[derive(Default)]
pub struct LookupTables {
    tables: HashMap<String, HashMap<String, String>>,
}

/// Length and time of change of every table's file: differs when one was saved.
pub type Stamp = Vec<Option<(u64, SystemTime)>>;

/// Length and time of change of one file; `None` where there is none.
pub fn stamp_of(file: &Path) -> Option<(u64, SystemTime)> {
    let found = fs::metadata(file).ok()?;
    Some((found.len(), found.modified().ok()?))
}

impl LookupTables {
    /// Asks the file system, without reading a file.
    pub fn stamp(home: &Path, config: &ServerConfig) -> Stamp {
        config.tables.values().map(|file| stamp_of(&home.join(file))).collect()
    }

    /// Reads the files that the configuration names.
    pub fn load(home: &Path, config: &ServerConfig) -> (Arc<Self>, Vec<Diagnostic>) {
        let mut tables = HashMap::new();
        let mut diagnostics = Vec::new();
        for (name, file) in &config.tables {
            let file = home.join(file);
            match read(&file) {
                Ok(table) => drop(tables.insert(name.to_lowercase(), table)),
                Err(text) => diagnostics.push(
                    Diagnostic::new(codes::TABLE, format!("the lookup table {name:?} cannot be used: {text}"))
                        .in_file(&file)
                        .help("a table is a CSV file of two columns, key and value, or a JSON object of texts"),
                ),
            }
        }
        (Arc::new(Self { tables }), diagnostics)
    }
}

fn read(file: &Path) -> Result<HashMap<String, String>, String> {
    let found = fs::metadata(file).map_err(|error| error.to_string())?;
    if found.len() > TABLE_BYTES_MAX {
        return Err(format!("it has {} bytes, at most {TABLE_BYTES_MAX} are read", found.len()));
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    if file.extension().is_some_and(|it| it.eq_ignore_ascii_case("json")) {
        return read_json(&bytes);
    }
    read_csv(&bytes)
}

fn read_json(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let table: HashMap<String, String> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(table.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
}

fn read_csv(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let text = text.trim_start_matches('\u{feff}');
    let mut table = HashMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row = Message::parse(Format::Csv, line.as_bytes().to_vec(), &ParseOptions::default());
        let row = row.map_err(|problem| format!("line {}: {problem}", index + 1))?;
        let column = |path: &str| -> Result<Option<String>, Problem> {
            Ok(match row.get(&row.path(path)?) {
                Value::Absent => None,
                Value::Empty | Value::Null => Some(String::new()),
                Value::Text(text) => Some(text.into_owned()),
            })
        };
        let pair = column("[0]").and_then(|key| Ok((key, column("[1]")?)));
        match pair.map_err(|problem| problem.to_string())? {
            (Some(key), Some(value)) => drop(table.insert(key.to_lowercase(), value)),
            _ => return Err(format!("line {} has one column, two are needed", index + 1)),
        }
    }
    Ok(table)
}

impl tureen_template::Tables for LookupTables {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        let Some(found) = self.tables.get(&table.to_lowercase()) else {
            let text = format!("there is no lookup table called {table:?}; add it to [tables]");
            return Err(Problem::new("table.unknown", text));
        };
        Ok(found.get(&key.to_lowercase()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_table_is_two_columns_without_regard_to_case() {
        let table = read_csv(b"key,value\r\nM,\"Male, adult\"\r\n\r\nf,Female\r\n");
        let table = table.unwrap_or_default();
        assert_eq!(table.get("m").map(String::as_str), Some("Male, adult"));
        assert_eq!(table.get("f").map(String::as_str), Some("Female"));
        assert!(read_csv(b"alone\n").unwrap_err().contains("line 1 has one column"));
    }

    #[test]
    fn a_json_table_is_an_object_of_texts() {
        let table = read_json(br#"{"M":"Male"}"#).unwrap_or_default();
        assert_eq!(table.get("m").map(String::as_str), Some("Male"));
        assert!(read_json(b"[1]").is_err());
    }
}
