use std::collections::BTreeSet;
use std::sync::Arc;

use tureen_message::Problem;

use super::{DataTable, Movement, RunTables, TableReference, find, value};
use crate::formatting::{NoTables, Tables};

fn table(name: &str, fields: &[&str], rows: &[&[&str]]) -> Result<DataTable, Problem> {
    let rows = rows.iter().map(|row| row.iter().map(|value| (*value).into()).collect());
    DataTable::new(name, fields.iter().map(|name| (*name).to_owned()).collect(), rows.collect())
}

fn staff() -> DataTable {
    let rows: [&[&str]; 3] = [&["7", "Aalto"], &["9", "Berg"], &["9", "aalto"]];
    table("Staff", &["Id", " Name "], &rows).unwrap()
}

struct Home(DataTable);

impl Tables for Home {
    fn lookup(&self, _: &str, _: &str) -> Result<Option<String>, Problem> {
        Ok(None)
    }

    fn data_table(&self, name: &str) -> Option<&DataTable> {
        name.eq_ignore_ascii_case(self.0.name()).then_some(&self.0)
    }
}

fn run() -> RunTables {
    RunTables::new(Arc::new(Home(staff())))
}

#[test]
fn values_are_found_by_row_and_field() {
    let staff = staff();
    assert_eq!(staff.fields().collect::<Vec<_>>(), ["Id", "Name"]);
    assert_eq!(staff.row_count(), 3);
    assert_eq!(staff.value(2, "NAME").unwrap(), "Berg");
    for (row, field, code) in [
        (0, "Id", "data-table.row"),
        (4, "Id", "data-table.row"),
        (u32::MAX, "Id", "data-table.row"),
        (1, "Ward", "data-table.field"),
    ] {
        assert_eq!(staff.value(row, field).unwrap_err().code, code, "{row} {field}");
    }
}

#[test]
fn a_value_is_looked_for_in_one_field_or_in_all() {
    let staff = staff();
    for (field, value, exactly, expected) in [
        (Some("Name"), "AALTO", false, true),
        (Some("Name"), "AALTO", true, false),
        (Some("Name"), "aalto", true, true),
        (Some("Id"), "Berg", false, false),
        (None, "berg", false, true),
        (None, "berg", true, false),
        (None, "9", true, true),
        (None, "", false, false),
        (None, "8", false, false),
    ] {
        let found = staff.contains(field, value, exactly).unwrap();
        assert_eq!(found, expected, "{field:?} {value} {exactly}");
    }
    assert_eq!(staff.contains(Some("X"), "", false).unwrap_err().code, "data-table.field");
}

#[test]
fn a_key_finds_the_first_row_that_has_it() {
    let staff = staff();
    assert_eq!(staff.key_value("id", "9", "name").unwrap(), Some("Berg"));
    assert_eq!(staff.key_value("name", "AALTO", "id").unwrap(), Some("7"));
    assert_eq!(staff.key_value("name", "Cruz", "id").unwrap(), None);
    assert_eq!(staff.key_value("x", "9", "name").unwrap_err().code, "data-table.field");
    assert_eq!(staff.key_value("id", "9", "x").unwrap_err().code, "data-table.field");
}

#[test]
fn a_run_goes_from_row_to_row_and_begins_again() {
    let run = run();
    let staff = find(&run, "STAFF").unwrap();
    assert_eq!(run.current_row(staff), None);
    assert_eq!(value(&run, "Staff", None, "Id").unwrap_err().code, "data-table.row");
    let rows: Vec<u32> = (0..5).map(|_| run.move_row(staff, Movement::Next).unwrap()).collect();
    assert_eq!(rows, [1, 2, 3, 1, 2]);
    assert_eq!(run.current_row(staff), Some(2));
    assert_eq!(value(&run, "Staff", None, "Name").unwrap(), "Berg");
    assert_eq!(value(&run, "Staff", Some(1), "Name").unwrap(), "Aalto");
    assert_eq!(value(&run, "Wards", Some(1), "Name").unwrap_err().code, "data-table.unknown");
    // Another run begins before the first row.
    assert_eq!(self::run().current_row(staff), None);
}

#[test]
fn a_random_row_is_any_row_and_the_next_one_follows_it() {
    let run = run();
    let staff = find(&run, "Staff").unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let row = run.move_row(staff, Movement::Random).unwrap();
        assert_eq!(run.current_row(staff), Some(row));
        seen.insert(row);
        assert_eq!(run.move_row(staff, Movement::Next).unwrap(), row % 3 + 1);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_table_without_rows_has_no_row_to_go_to() {
    let run = RunTables::new(Arc::new(Home(table("Staff", &["a"], &[]).unwrap())));
    let staff = find(&run, "Staff").unwrap();
    for movement in [Movement::Next, Movement::Random] {
        assert_eq!(run.move_row(staff, movement).unwrap_err().code, "data-table.empty");
    }
}

#[test]
fn what_is_no_table_is_refused_with_its_place() {
    for (fields, rows, code, place) in [
        (vec![], vec![], "data-table.fields", None),
        (vec!["a", " "], vec![], "data-table.fields", Some("field 2")),
        (vec!["a", "A"], vec![], "data-table.fields", Some("field 2")),
        (vec!["a", "b"], vec![vec!["1", "2"], vec!["3"]], "data-table.row", Some("row 2")),
        (vec!["a"], vec![vec!["1", "secret"]], "data-table.row", Some("row 1")),
    ] {
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let problem = table("T", &fields, &rows).unwrap_err();
        assert_eq!((problem.code, problem.place.as_deref()), (code, place));
        assert!(!problem.text.contains("secret"));
    }
}

#[test]
fn a_reference_is_a_table_and_perhaps_a_field() {
    for (text, table, field) in [
        ("Staff", "Staff", None),
        (" Staff . Name ", "Staff", Some("Name")),
        ("Staff.Name.First", "Staff", Some("Name.First")),
        ("Staff.", "Staff", Some("")),
    ] {
        assert_eq!(TableReference::parse(text), TableReference { table, field }, "{text}");
    }
    for text in ["Staff", "Staff.", ".Name", ""] {
        let problem = TableReference::parse(text).with_field().unwrap_err();
        assert_eq!(problem.code, "data-table.reference", "{text}");
    }
    let home = Home(staff());
    for (text, code) in [
        ("Staff", None),
        ("staff.NAME", None),
        ("Staff.Ward", Some("data-table.field")),
        ("Wards", Some("data-table.unknown")),
    ] {
        let found = TableReference::parse(text).check(&home).err().map(|problem| problem.code);
        assert_eq!(found, code, "{text}");
    }
    assert_eq!(find(&NoTables, "Staff").unwrap_err().code, "data-table.unknown");
}
