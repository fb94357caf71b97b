//! Data tables: named rows of named fields, and where a run stands in them.
//!
//! Knows: fields, rows, what `Table.Field` means, the current row of a run
//! (contract 9.2, 11.3). Deliberately does not know: files and their formats.
//!
//! # Invariants
//! - A table never changes. Rows count from 1; every row has a value for every field.
//! - Names of tables and fields are case-insensitive, a table's name holds no dot.
//! - No problem quotes a value of a table: a table may list people.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tureen_message::Problem;

use crate::formatting::Tables;
use crate::name::fold;

#[cfg(test)]
mod tests;

/// A table of texts.
#[derive(Debug)]
pub struct DataTable {
    name: String,
    fields: Vec<Field>,
    rows: Vec<Box<[Box<str>]>>,
}

#[derive(Debug)]
struct Field {
    name: String,
    folded: String,
    /// Folded value to the rows that have it, made when it is first asked for.
    index: OnceLock<HashMap<Box<str>, Vec<u32>>>,
}

/// `Table.Field`, or a whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableReference<'a> {
    /// What stands before the first dot.
    pub table: &'a str,
    /// What stands behind it; `None` where there is no dot.
    pub field: Option<&'a str>,
}

/// Where a run goes in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// To the next row: at first the first one, after the last one the first again.
    Next,
    /// To any row.
    Random,
}

impl<'a> TableReference<'a> {
    /// Reads a reference; blanks around the names do not count.
    pub fn parse(text: &'a str) -> Self {
        match text.split_once('.') {
            Some((table, field)) => Self { table: table.trim(), field: Some(field.trim()) },
            None => Self { table: text.trim(), field: None },
        }
    }

    /// The table and its field.
    ///
    /// # Errors
    /// `data-table.reference`: one of the two is missing. The author's fault.
    pub fn with_field(self) -> Result<(&'a str, &'a str), Problem> {
        match self.field {
            Some(field) if !field.is_empty() && !self.table.is_empty() => Ok((self.table, field)),
            _ => Err(Problem::new(
                "data-table.reference",
                "expected a data table and its field with a dot between, such as Staff.Name",
            )),
        }
    }

    /// Whether the home has the table, and the table the field.
    ///
    /// # Errors
    /// `data-table.unknown`, `data-table.field`.
    pub fn check(self, tables: &dyn Tables) -> Result<(), Problem> {
        let table = find(tables, self.table)?;
        self.field.map_or(Ok(()), |field| table.column(field).map(drop))
    }
}

/// The table of a name.
///
/// # Errors
/// `data-table.unknown`: the home has none of that name.
pub fn find<'t>(tables: &'t dyn Tables, name: &str) -> Result<&'t DataTable, Problem> {
    tables.data_table(name).ok_or_else(|| {
        let text = format!("there is no data table called {name:?}; add it to [data_tables]");
        Problem::new("data-table.unknown", text)
    })
}

/// A value of a table in a row (from 1), or in the row where the run stands.
///
/// # Errors
/// `data-table.unknown`, `data-table.field`; `data-table.row`: there is no such
/// row, or the run stands nowhere yet.
pub fn value(
    tables: &dyn Tables,
    name: &str,
    row: Option<u32>,
    field: &str,
) -> Result<String, Problem> {
    let table = find(tables, name)?;
    let Some(row) = row.or_else(|| tables.current_row(table)) else {
        let text = format!("the run stands before the first row of {name:?}: move it first");
        return Err(Problem::new("data-table.row", text));
    };
    table.value(row, field).map(str::to_owned)
}

/// Moves the run in a table, then reads a field of the row where it stands.
pub(crate) fn read_moved(
    tables: &dyn Tables,
    reference: &str,
    movement: Movement,
) -> Result<String, Problem> {
    let (name, field) = TableReference::parse(reference).with_field()?;
    let table = find(tables, name)?;
    let column = table.column(field)?;
    let row = tables.move_row(table, movement)?;
    table.cell(row, column).map(str::to_owned)
}

impl DataTable {
    /// A table of rows that have one value for each field.
    ///
    /// # Errors
    /// `data-table.fields`: no field, a field without a name, or two of one name.
    /// `data-table.row`: a row with more or fewer values than fields, or more rows
    /// than 32 bits count. The operator's fault; the place is the number of the row.
    pub fn new(
        name: impl Into<String>,
        fields: Vec<String>,
        rows: Vec<Box<[Box<str>]>>,
    ) -> Result<Self, Problem> {
        if fields.is_empty() {
            return Err(Problem::new("data-table.fields", "expected at least one field"));
        }
        let mut named: Vec<Field> = Vec::with_capacity(fields.len());
        let mut seen = HashMap::with_capacity(fields.len());
        for (at, field) in fields.into_iter().enumerate() {
            let field = field.trim().to_owned();
            let folded = fold(&field).into_owned();
            let place = format!("field {}", at + 1);
            if folded.is_empty() {
                return Err(Problem::new("data-table.fields", "a field has no name").at(place));
            }
            if seen.insert(folded.clone(), at).is_some() {
                let text = "two fields have the same name; upper and lower case do not differ";
                return Err(Problem::new("data-table.fields", text).at(place));
            }
            named.push(Field { name: field, folded, index: OnceLock::new() });
        }
        let uneven = rows.iter().enumerate().find(|(_, row)| row.len() != named.len());
        if let Some((at, row)) = uneven {
            let text = format!("expected {} values, found {}", named.len(), row.len());
            return Err(Problem::new("data-table.row", text).at(format!("row {}", at + 1)));
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(Problem::new("data-table.row", "there are more rows than can be counted"));
        }
        Ok(Self { name: name.into(), fields: named, rows })
    }

    /// As the operator spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// How many rows there are.
    pub fn row_count(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// A value, by row (from 1) and field.
    ///
    /// # Errors
    /// `data-table.field`, `data-table.row`: there is no such field or row.
    pub fn value(&self, row: u32, field: &str) -> Result<&str, Problem> {
        self.cell(row, self.column(field)?)
    }

    /// Whether some row has the value in the field, or in any field when none is
    /// named. Without regard to case unless it matters.
    ///
    /// # Errors
    /// `data-table.field`.
    pub fn contains(
        &self,
        field: Option<&str>,
        value: &str,
        case_sensitive: bool,
    ) -> Result<bool, Problem> {
        let folded = fold(value);
        let holds = |column: usize| {
            self.rows_with(column, &folded).any(|row| {
                !case_sensitive || self.cell(row, column).is_ok_and(|found| found == value)
            })
        };
        Ok(match field {
            Some(field) => holds(self.column(field)?),
            None => (0..self.fields.len()).any(holds),
        })
    }

    /// A field of the first row whose key field has the key, without regard to
    /// case. `None` when no row has it.
    ///
    /// # Errors
    /// `data-table.field`.
    pub fn key_value(
        &self,
        key_field: &str,
        key: &str,
        field: &str,
    ) -> Result<Option<&str>, Problem> {
        let (key_column, column) = (self.column(key_field)?, self.column(field)?);
        let row = self.rows_with(key_column, &fold(key)).next();
        row.map(|row| self.cell(row, column)).transpose()
    }

    fn column(&self, field: &str) -> Result<usize, Problem> {
        let folded = fold(field.trim());
        self.fields.iter().position(|known| known.folded == folded).ok_or_else(|| {
            let text = format!("the data table {:?} has no field {field:?}", self.name);
            Problem::new("data-table.field", text)
        })
    }

    fn cell(&self, row: u32, column: usize) -> Result<&str, Problem> {
        let index = usize::try_from(row).ok().and_then(|row| row.checked_sub(1));
        let found = index.and_then(|row| self.rows.get(row)).and_then(|row| row.get(column));
        found.map(AsRef::as_ref).ok_or_else(|| {
            let (name, count) = (&self.name, self.rows.len());
            let text = format!("the data table {name:?} has {count} rows and no row {row}");
            Problem::new("data-table.row", text)
        })
    }

    /// The rows whose value in the column is the same but for its case, in order.
    fn rows_with(&self, column: usize, folded: &str) -> impl Iterator<Item = u32> {
        let index = self.fields.get(column).map(|field| {
            field.index.get_or_init(|| {
                let mut index: HashMap<Box<str>, Vec<u32>> = HashMap::new();
                for (row, values) in (1_u32..).zip(&self.rows) {
                    let value = values.get(column).map(AsRef::as_ref).unwrap_or_default();
                    index.entry(fold(value).into()).or_default().push(row);
                }
                index
            })
        });
        index.and_then(|index| index.get(folded)).into_iter().flatten().copied()
    }
}

/// The tables of a home as one run sees them: the run has a place in each.
pub struct RunTables {
    home: Arc<dyn Tables + Send + Sync>,
    /// By folded name; a table where the run has not gone is not in it.
    rows: Mutex<HashMap<String, u32>>,
}

impl RunTables {
    /// At the start of a run, before the first row of every table.
    pub fn new(home: Arc<dyn Tables + Send + Sync>) -> Self {
        Self { home, rows: Mutex::default() }
    }
}

impl Tables for RunTables {
    fn lookup(&self, table: &str, key: &str) -> Result<Option<String>, Problem> {
        self.home.lookup(table, key)
    }

    fn has_lookup(&self, table: &str) -> bool {
        self.home.has_lookup(table)
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        self.home.data_table(name)
    }

    fn move_row(&self, table: &DataTable, movement: Movement) -> Result<u32, Problem> {
        let count = table.row_count();
        if count == 0 {
            let text = format!("the data table {:?} has no rows", table.name);
            return Err(Problem::new("data-table.empty", text));
        }
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let row = rows.entry(fold(&table.name).into_owned()).or_default();
        *row = match movement {
            Movement::Next if *row < count => *row + 1,
            Movement::Next => 1,
            Movement::Random => any_row(count),
        };
        Ok(*row)
    }

    fn current_row(&self, table: &DataTable) -> Option<u32> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(fold(&table.name).as_ref()).copied()
    }
}

/// A row from 1 to `count`, each as likely as another: 122 random bits leave no bias that counts.
fn any_row(count: u32) -> u32 {
    let random = uuid::Uuid::new_v4().as_u128();
    // Version and variant stand above the last 62 bits, which are all random.
    let random = random & ((1 << 62) - 1);
    u32::try_from(random % u128::from(count.max(1))).unwrap_or(0) + 1
}
