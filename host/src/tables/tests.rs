use std::fs;

use tureen_template::Tables as _;

use super::*;

struct Bench {
    home: tempfile::TempDir,
    config: ServerConfig,
    tables: HomeTables,
}

impl Bench {
    fn new(config: &str) -> Self {
        let (config, _) = ServerConfig::parse(Path::new("tureen.toml"), config).unwrap();
        let home = tempfile::tempdir().unwrap();
        Self { home, config, tables: HomeTables::default() }
    }

    /// Saves a file and reads all tables again; gives what is told.
    fn save(&mut self, file: &str, content: impl AsRef<[u8]>) -> Vec<String> {
        fs::write(self.home.path().join(file), content).unwrap();
        let (tables, told) = HomeTables::load(self.home.path(), &self.config, &self.tables);
        self.tables = tables;
        let show = |told: Diagnostic| {
            let state = told.state.unwrap_or_default();
            format!("{} {}; {state}", told.code, told.message)
        };
        told.into_iter().map(show).collect()
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_lookup_table_is_two_columns_without_regard_to_case() {
    let table = lookup::csv("key,value\r\nM,\"Male, adult\"\r\n\r\nf,Female\r\n").unwrap();
    assert_eq!(table.get("m").map(String::as_str), Some("Male, adult"));
    assert_eq!(table.get("f").map(String::as_str), Some("Female"));
    assert!(lookup::csv("alone\n").unwrap_err().contains("line 1 has one column"));
    let table = lookup::json(r#"{"M":"Male"}"#).unwrap();
    assert_eq!(table.get("m").map(String::as_str), Some("Male"));
    assert!(lookup::json("[1]").is_err());
}

#[test]
fn a_data_table_is_csv_with_a_header_or_an_array_of_objects() {
    for (file, content) in [
        ("t.csv", "Id,Name\r\n7,\"Aalto, \"\"A\"\"\"\r\n\r\n8,\r\n"),
        ("t.csv", "\u{feff}Id,Name\n7,\"Aalto, \"\"A\"\"\"\n8,\"\""),
        ("t.json", r#"[{"Id":7,"Name":"Aalto, \"A\""},{"Name":null,"Id":"8"}]"#),
    ] {
        let mut bench = Bench::new(&format!("[data_tables]\nStaff = \"{file}\"\n"));
        assert_eq!(bench.save(file, content), NOTHING, "{content}");
        let staff = bench.tables.data_table("STAFF").unwrap();
        assert_eq!(staff.row_count(), 2, "{content}");
        assert_eq!(staff.value(1, "name").unwrap(), "Aalto, \"A\"", "{content}");
        assert_eq!(staff.value(2, "id").unwrap(), "8", "{content}");
        assert_eq!(staff.value(2, "name").unwrap(), "", "{content}");
    }
}

#[test]
fn what_is_no_data_table_is_told_without_its_values() {
    for (file, content, expected) in [
        ("t.csv", "", "it is empty"),
        ("t.csv", "a,A\n1,2\n", "two fields have the same name"),
        ("t.csv", "a,\n1,2\n", "a field has no name"),
        ("t.csv", "a,b\n1,2\nSmith\n", "expected 2 values, found 1 (at row 2)"),
        ("t.csv", "a,b\n1,\"Smith\n", "never closed"),
        ("t.csv", "a,b,c,d\n1,2,3,4\n", "more than 3 columns"),
        ("t.csv", "a\n1\n2\n3\n4\n5\n", "more than 4 rows (limits.table_rows)"),
        ("t.json", "[]", "it is empty"),
        ("t.json", "{\"a\":\"Smith\"}", "JSON of another shape"),
        ("t.json", "[{\"a\":\"Smith\"", "line 1, column 13: this is not JSON"),
        ("t.json", r#"[{"a":1},{"b":2}]"#, "object 2 has no member of the name"),
        ("t.json", r#"[{"a":1},{"a":2,"b":3}]"#, "object 2 has 2 members, expected 1"),
        ("t.json", r#"[{"a":["Smith"]}]"#, "the member \"a\" is no single value"),
        ("t.json", r#"[{"a":1,"b":1,"c":1,"d":1}]"#, "at most 3 are read (limits.table_fields)"),
        ("t.json", r#"[{"a":1},{"a":1},{"a":1},{"a":1},{"a":1}]"#, "more than 4 rows"),
    ] {
        let mut bench = Bench::new(&format!(
            "[limits]\ntable_rows = 4\ntable_fields = 3\n[data_tables]\nStaff = \"{file}\"\n"
        ));
        let told = bench.save(file, content).concat();
        assert!(told.contains(expected), "{content}: {told}");
        assert!(told.starts_with("WF100 the data table \"Staff\""), "{told}");
        assert!(told.ends_with("there is no such table until the file can be read"), "{told}");
        assert!(!told.contains("Smith"), "{told}");
        assert!(bench.tables.data_table("Staff").is_none());
    }
}

#[test]
fn a_file_that_is_too_long_or_not_utf8_is_not_read() {
    let mut bench = Bench::new("[limits]\ntable_bytes = 8\n[tables]\nA = \"a\"\n");
    assert_eq!(bench.save("a", "a,b\nc,d\n"), NOTHING);
    let told = bench.save("a", "a,b\nc,d\ne");
    assert!(told[0].contains("more than 8 bytes (limits.table_bytes)"), "{told:?}");
    let told = bench.save("a", b"a,\xff");
    assert!(told[0].contains("not UTF-8 from byte 2 on"), "{told:?}");
}

#[test]
fn a_wrong_new_file_leaves_the_table_that_was_read_before() {
    let config = "[tables]\nSex = \"sex.csv\"\n[data_tables]\nStaff = \"staff.csv\"\n";
    let mut bench = Bench::new(config);
    bench.save("sex.csv", "M,male\n");
    assert_eq!(bench.save("staff.csv", "Name\nAalto\n"), NOTHING);
    assert_eq!(
        bench.save("staff.csv", "Name\nAalto,7\n"),
        ["WF100 the data table \"Staff\" cannot be used: expected 1 values, found 2 (at row 1); \
          the table that was read before stays in use"]
    );
    let told = bench.save("sex.csv", "alone\n");
    assert!(told[0].ends_with("stays in use") && told[1].ends_with("stays in use"), "{told:?}");
    assert_eq!(bench.tables.data_table("Staff").unwrap().value(1, "Name").unwrap(), "Aalto");
    assert_eq!(bench.tables.lookup("sex", "m").unwrap().as_deref(), Some("male"));
    assert_eq!(bench.save("sex.csv", "M,man\n").len(), 1);
    assert_eq!(bench.tables.lookup("sex", "m").unwrap().as_deref(), Some("man"));
    // A table that the configuration names no more is gone.
    bench.config.tables.clear();
    bench.save("staff.csv", "Name\nBerg\n");
    assert_eq!(bench.tables.lookup("sex", "m").unwrap_err().code, "table.unknown");
    assert_eq!(bench.tables.lookup_tables().count(), 0);
    assert_eq!(bench.tables.data_tables().map(|(name, _)| name).collect::<Vec<_>>(), ["staff"]);
}
