//! Data tables: a CSV file whose first line names the fields, or a JSON array of objects whose
//! members are the fields of the first one.
//!
//! # Invariants
//! - No error quotes a value.

use std::path::Path;

use serde_json::{Map, Value};
use tureen_message::csv::{Csv, CsvOptions};
use tureen_template::DataTable;

use crate::config::Limits;

pub(super) fn parse(
    name: &str,
    file: &Path,
    text: &str,
    limits: &Limits,
) -> Result<DataTable, String> {
    let (fields, rows) =
        if super::is_json(file) { json(text, limits)? } else { csv(text, limits)? };
    if fields.len() > limits.table_fields {
        let (found, allowed) = (fields.len(), limits.table_fields);
        return Err(format!(
            "it has {found} fields, at most {allowed} are read (limits.table_fields)"
        ));
    }
    DataTable::new(name, fields, rows).map_err(|problem| problem.to_string())
}

type Rows = Vec<Box<[Box<str>]>>;

fn csv(text: &str, limits: &Limits) -> Result<(Vec<String>, Rows), String> {
    if text.trim().is_empty() {
        return Err("it is empty: the first line names the fields".to_owned());
    }
    let bounds = tureen_message::Limits {
        message_bytes: limits.table_bytes,
        columns: limits.table_fields,
        ..tureen_message::Limits::default()
    };
    let csv = Csv::parse(text.as_bytes().to_vec(), &CsvOptions::default(), &bounds);
    let csv = csv.map_err(|problem| problem.to_string())?;
    let mut lines = csv.rows();
    let fields = lines.next().map(|row| row.values().map(|field| field.into_owned()).collect());
    let mut rows = Rows::new();
    // A blank line is none; the last line end begins no row.
    for line in lines.filter(|line| !line.bytes().trim_ascii().is_empty()) {
        check_rows(rows.len(), limits)?;
        rows.push(line.values().map(|value| value.as_ref().into()).collect());
    }
    Ok((fields.unwrap_or_default(), rows))
}

fn json(text: &str, limits: &Limits) -> Result<(Vec<String>, Rows), String> {
    let objects: Vec<Map<String, Value>> =
        serde_json::from_str(text).map_err(|error| place(&error))?;
    let Some(first) = objects.first() else {
        return Err("it is empty: the first object names the fields".to_owned());
    };
    let fields: Vec<String> = first.keys().cloned().collect();
    let mut rows = Rows::new();
    for (at, object) in objects.iter().enumerate() {
        check_rows(rows.len(), limits)?;
        if object.len() != fields.len() {
            let (found, expected) = (object.len(), fields.len());
            return Err(format!("object {} has {found} members, expected {expected}", at + 1));
        }
        let value = |field: &String| {
            let value = object.get(field).ok_or_else(|| {
                format!(
                    "object {} has no member of the name that the first one calls {field:?}",
                    at + 1
                )
            })?;
            match value {
                Value::String(text) => Ok(text.as_str().into()),
                Value::Number(number) => Ok(number.to_string().into()),
                Value::Bool(flag) => Ok(flag.to_string().into()),
                Value::Null => Ok(Box::from("")),
                Value::Array(_) | Value::Object(_) => {
                    Err(format!("object {}: the member {field:?} is no single value", at + 1))
                }
            }
        };
        rows.push(fields.iter().map(value).collect::<Result<_, String>>()?);
    }
    Ok((fields, rows))
}

fn check_rows(rows: usize, limits: &Limits) -> Result<(), String> {
    let allowed = limits.table_rows;
    if rows >= allowed {
        return Err(format!("it has more than {allowed} rows (limits.table_rows)"));
    }
    Ok(())
}

/// Where JSON is wrong; the reader's own words may quote what stands there.
pub(super) fn place(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("line {line}, column {column}: this is JSON of another shape")
        }
        _ => format!("line {line}, column {column}: this is not JSON"),
    }
}
