//! Lookup tables: a CSV file whose first two columns are key and value, or a JSON object of texts.
//! Keys are compared without regard to case.

use std::collections::HashMap;
use std::path::Path;

use tureen_message::{Format, Message, ParseOptions, Problem, Value};

/// Lower-case key to value.
pub(super) type LookupTable = HashMap<String, String>;

pub(super) fn parse(file: &Path, text: &str) -> Result<LookupTable, String> {
    if super::is_json(file) { json(text) } else { csv(text) }
}

pub(super) fn json(text: &str) -> Result<LookupTable, String> {
    let table: LookupTable =
        serde_json::from_str(text).map_err(|error| super::data::place(&error))?;
    Ok(table.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
}

pub(super) fn csv(text: &str) -> Result<LookupTable, String> {
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
