//! Rows, headers and names.

use super::*;

fn with(text: &str, options: CsvOptions) -> Csv {
    Csv::parse(text.as_bytes().to_vec(), &options, &Limits::default()).unwrap()
}

fn headed(text: &str) -> Csv {
    with(text, CsvOptions { has_header: true, ..CsvOptions::default() })
}

#[test]
fn a_path_without_a_row_means_the_first_data_row() {
    let check = |text: &str, options: CsvOptions, expected: Option<&str>| {
        let message = with(text, options);
        assert_eq!(message.structure(&path("[0]")).as_deref(), expected, "{text:?}");
        assert_eq!(message.structure(&path("Row/[0]")).as_deref(), expected, "{text:?}");
        assert_eq!(message.structure(&path("Row[1]/[0]")).as_deref(), expected, "{text:?}");
    };
    let plain = CsvOptions::default;
    let header = || CsvOptions { has_header: true, ..plain() };
    let footer = || CsvOptions { has_footer: true, ..plain() };
    let both = || CsvOptions { has_header: true, has_footer: true, ..plain() };
    let named = |has_header| CsvOptions { has_header, header: "MRN, Name".into(), ..plain() };
    check("h\na\nf", plain(), Some("h"));
    check("h\na\nf", header(), Some("a"));
    check("h\na\nf", footer(), Some("h"));
    check("h\na\nf", both(), Some("a"));
    check("h\nf", both(), None);
    check("h\n", header(), None);
    check("a", footer(), Some("a"));
    check("a\nf", footer(), Some("a"));
    // A record that goes into a file, beside the header that the file gets.
    check("1,Ann", named(true), Some("1"));
    check("1,Ann", named(false), Some("1"));
    check("mrn,name\n1,Ann", named(true), Some("1"));
    check("mrn,name\n1,Ann", named(false), Some("mrn"));
}

#[test]
fn rows_are_read_by_number_and_counted_without_header_and_footer() {
    let options = CsvOptions { has_header: true, has_footer: true, ..CsvOptions::default() };
    let message = with("MRN,Name\r\n1,\"An,n\"\r\n2,Bob\r\n\r\nT,3", options);
    let check = |place: &str, expected: &str| {
        assert_eq!(message.text(&path(place)), expected, "{place}");
    };
    check("Row[1]/[1]", "An,n");
    check("Row[2]/[1]", "Bob");
    check("Row[3]/[0]", "");
    check("Row[1]", "1,\"An,n\"");
    check("Row", "1,\"An,n\"");
    check("Header", "MRN,Name");
    check("Header/[1]", "Name");
    check("Footer/[1]", "3");
    check("Row[2]/Name", "Bob");
    check("Row/MRN", "1");
    check("Footer/Name", "3");
    assert_eq!(message.get(&path("Row[3]/[0]")), Value::Empty);
    assert_eq!(message.get(&path("Row[3]")), Value::Empty);
    for absent in ["Row[4]", "Row[4]/[0]", "Row[3]/[1]", "Row[1]/Age", "Row[3]/Name"] {
        assert_eq!(message.get(&path(absent)), Value::Absent, "{absent}");
        assert!(message.find(&path(absent)).is_empty(), "{absent}");
    }
    let count = |place: &str| message.count(&path(place));
    assert_eq!((count("Row"), count("Row[*]"), count("Row[2]"), count("Row[4]")), (3, 3, 1, 0));
    assert_eq!((count("Header"), count("Footer"), count("[0]"), count("Row[3]/[0]")), (1, 1, 2, 1));
    assert_eq!((count("Row[*]/[1]"), count("Row[*]/[*]")), (2, 5));
}

#[test]
fn names_come_from_the_header_row_or_else_from_the_option() {
    let option = |text: &str, header: &str| {
        with(text, CsvOptions { header: header.to_owned(), ..CsvOptions::default() })
    };
    let message = option("1,Ann\n2,Bob", "MRN,\"Name\"\r\n");
    assert_eq!(message.text(&path("Row[2]/Name")), "Bob");
    assert_eq!(message.count(&path("Row")), 2);
    let odd = headed("\u{feff}\"a/b\",2024,\"it's\",\"\",x,x\n1,2,3,4,5,6");
    let check = |place: &str, expected: &str| {
        assert_eq!(odd.text(&path(place)), expected, "{place}");
    };
    check("Row/['a/b']", "1");
    check("Row/['2024']", "2");
    check(r"Row/['it\'s']", "3");
    check("Row/it's", "3");
    check("Row/['']", "4");
    check("Row/x", "5");
    check("Row/X", "");
    let mut message = parse("1");
    assert_eq!(message.set(&path("Row/Name"), "x").unwrap_err().code, "path.name");
}

#[test]
fn a_row_path_has_one_meaning_or_none() {
    for (text, canonical) in [
        ("Row", "Row"),
        (" Row[2]/[0] ", "Row[2]/[0]"),
        ("Row[*]/Name", "Row[*]/Name"),
        ("Header/['Name']", "Header/Name"),
        ("Row/['0']", "Row/['0']"),
        ("Footer/[*]", "Footer/[*]"),
        (r"Row/['\\\'[']", r"Row/['\\\'[']"),
        (r"Row/['\\\'']", r"Row/\'"),
    ] {
        assert_eq!(path(text).to_string(), canonical);
        assert_eq!(path(canonical), path(text));
    }
    for text in [
        "Row[0]",
        "Row[]",
        "Row[x]",
        "Row/",
        "Row/3",
        "Row/[x]",
        "Row/['a]",
        "Row/['a'x]",
        "Row[1]x",
        "Row[2]/a/b",
        r"Row/['\x']",
        "MRN",
        "[MRN]",
        "Rows/[0]",
        "row/[0]",
        "Other/[0]",
        "[0]/[1]",
    ] {
        assert_eq!(CsvPath::parse(text).unwrap_err().code, "path.syntax", "{text}");
    }
    let long = format!("Row/{}", "n".repeat(PATH_BYTES_MAX));
    assert_eq!(CsvPath::parse(&long).unwrap_err().code, "limit.path-bytes");
}

#[test]
fn a_pattern_finds_rows_and_columns() {
    let message = headed("A,B\n1,2\n3\n");
    let find = |place: &str| message.find(&path(place));
    assert_eq!(find("Row[*]"), ["Row[1]", "Row[2]"]);
    assert_eq!(find("Row[*]/B"), ["Row[1]/B"]);
    assert_eq!(find("Row[*]/[0]"), ["Row[1]/[0]", "Row[2]/[0]"]);
    assert_eq!(find("Row[*]/[*]"), ["Row[1]/[0]", "Row[1]/[1]", "Row[2]/[0]"]);
    assert_eq!(find("Header/[*]"), ["Header/[0]", "Header/[1]"]);
    assert_eq!(find("Row"), ["Row"]);
    assert_eq!(find("[*]"), ["[0]", "[1]"]);
    assert_eq!(message.text(&path("Row[*]/B")), "2");
    let many = parse("a,b\n".repeat(40_000));
    assert_eq!(many.find(&path("Row[*]/[*]")).len(), MATCHES_MAX);
    assert_eq!(many.count(&path("Row[*]/[*]")), 80_000);
}

#[test]
fn fields_and_rows_are_written_in_any_row() {
    let mut message = headed("A,B\r\n1,2\r\n3,4");
    message.set(&path("Row[2]/B"), "x,\"y\"").unwrap();
    message.set(&path("Header/[0]"), "AA").unwrap();
    message.set_structure(&path("Row[1]"), "5,6,7").unwrap();
    message.set(&path("Row[1]/AA"), "five").unwrap();
    assert_eq!(message.whole_text(), "AA,B\r\nfive,6,7\r\n3,\"x,\"\"y\"\"\"");
    let refused = |message: &mut Csv, place: &str, text: &str, code: &str| {
        let before = message.clone();
        let problem = message.set_structure(&path(place), text).unwrap_err();
        assert_eq!((problem.code, problem.place.as_deref()), (code, Some(place)));
        assert_eq!(message.bytes(), before.bytes());
    };
    refused(&mut message, "Row[3]", "x", "edit.row");
    refused(&mut message, "Row[3]/[0]", "x", "edit.row");
    refused(&mut message, "Row[2]/[2]", "x", "edit.column");
    refused(&mut message, "Row[2]/C", "x", "path.name");
    refused(&mut message, "Footer/[0]", "x", "edit.row");
    refused(&mut message, "Row[1]", "a\nb", "edit.row");
    refused(&mut message, "Row[1]", "\"", "csv.quote");
    refused(&mut message, "Row[*]", "x", "path.pattern");
    assert_eq!(message.set(&path("Row[1]"), "x").unwrap_err().code, "edit.row");
    let mut bare = parse("a");
    assert_eq!(bare.set_structure(&path("Row"), "\u{feff}b").unwrap_err().code, "edit.mark");
}

#[test]
fn an_emptied_row_stays_a_row() {
    let check = |before: &str, place: &str, after: &str| {
        let mut message = parse(before);
        message.set(&path(place), "").unwrap();
        assert_eq!(message.whole_text(), after);
        assert_eq!(parse(after).rows().count(), parse(before).rows().count());
    };
    check("a\nb", "Row[2]/[0]", "a\n\"\"");
    check("a\nb\n", "Row[2]/[0]", "a\n\n");
    check("a\rb\nc", "Row[2]/[0]", "a\r\"\"\nc");
    check("a", "Row[1]/[0]", "");
    let mut message = parse("a\n,");
    assert_eq!(message.remove(&path("Row[2]/[0]")), Ok(1));
    assert_eq!(message.whole_text(), "a\n\"\"");
}

#[test]
fn rows_are_appended_with_the_row_end_of_the_message() {
    let check = |before: &str, text: &str, after: &str| {
        let mut message = parse(before);
        message.append(text).unwrap();
        assert_eq!(message.whole_text(), after, "{before:?} + {text:?}");
        let expected = values(&parse(before)).len() + values(&parse(text)).len();
        let blank = usize::from(before.is_empty());
        assert_eq!(values(&message).len(), expected - blank, "{before:?} + {text:?}");
    };
    check("", "a,b", "a,b");
    check("a", "b", "a\r\nb");
    check("a\n", "b", "a\nb\n");
    check("a\nb", "c,\"\n\"\n", "a\nb\nc,\"\n\"");
    check("a\r", "b\r\nc", "a\rb\r\nc\r");
    check("a\n", "", "a\n\n");
    check("a", "", "a\r\n\"\"");
    check("a", "\n", "a\r\n\"\"");
    check("a\r", "\n", "a\r\r");
    check("a\r", "\nb", "a\r\"\"\nb\r");
    let mut message = parse("a");
    assert_eq!(message.append("\"").unwrap_err().code, "csv.quote");
    assert_eq!(message.bytes(), b"a");
    let options = CsvOptions { has_footer: true, ..CsvOptions::default() };
    let mut message = with("a\nT,1\n", options.clone());
    message.append("b").unwrap();
    assert_eq!(message.whole_text(), "a\nb\nT,1\n");
    assert_eq!(with("a", options.clone()).append("b").unwrap_err().code, "edit.row");
    assert!(with("", options).append("b").is_ok());
}

#[test]
fn rows_are_inserted_before_the_one_that_is_named() {
    let mut message = headed("A,B\n1,2\n3,4\n");
    message.insert(&path("Row[2]"), "x,y").unwrap();
    message.insert(&path("Row[4]"), "last,").unwrap();
    message.insert(&path("Row"), "first,").unwrap();
    assert_eq!(message.whole_text(), "A,B\nfirst,\n1,2\nx,y\n3,4\nlast,\n");
    assert_eq!(message.text(&path("[0]")), "first");
    for place in ["Row[7]", "Row[1]/[0]", "[0]", "Header", "Row[*]"] {
        assert_eq!(message.insert(&path(place), "x").unwrap_err().code, "edit.insert", "{place}");
    }
    let mut mixed = parse("x\rb\n\nc");
    mixed.insert(&path("Row[3]"), "new").unwrap();
    assert_eq!(mixed.whole_text(), "x\rb\nnew\r\n\nc");
    assert_eq!(mixed.count(&path("Row")), 5);
}

#[test]
fn rows_and_columns_are_removed() {
    let check = |before: &str, place: &str, removed: usize, after: &str| {
        let mut message = headed(before);
        assert_eq!(message.remove(&path(place)).unwrap(), removed, "{place}");
        assert_eq!(message.whole_text(), after, "{place}");
    };
    let text = "A,B,C\n1,2,3\n4,5\n6,7,8";
    check(text, "Row[1]", 1, "A,B,C\n4,5\n6,7,8");
    check(text, "Row", 1, "A,B,C\n4,5\n6,7,8");
    check(text, "Row[3]", 1, "A,B,C\n1,2,3\n4,5");
    check(text, "Row[4]", 0, text);
    check(text, "Row[*]", 3, "A,B,C");
    check(text, "Row[*]/C", 2, "A,B,C\n1,2\n4,5\n6,7");
    check(text, "Row[*]/[0]", 3, "A,B,C\n2,3\n5\n7,8");
    check(text, "Header/B", 1, "A,C\n1,2,3\n4,5\n6,7,8");
    check(text, "Row[1]/None", 0, text);
    let refused = |text: &str, place: &str, code: &str| {
        let mut message = headed(text);
        assert_eq!(message.remove(&path(place)).unwrap_err().code, code, "{place}");
        assert_eq!(message.bytes(), text.as_bytes());
    };
    refused(text, "Header", "edit.row");
    refused(text, "Row[*]/[*]", "edit.whole");
    refused("A\n1", "Row[*]/[0]", "edit.whole");
    assert_eq!(parse("a\nb").remove(&path("Row[*]")).unwrap_err().code, "edit.whole");
    let options = CsvOptions { has_footer: true, ..CsvOptions::default() };
    assert_eq!(with("a\nT", options).remove(&path("Row[1]")).unwrap_err().code, "edit.whole");
    let mut mixed = parse("a\rb\n\nc");
    assert_eq!(mixed.remove(&path("Row[2]")), Ok(1));
    assert_eq!(mixed.whole_text(), "a\r\"\"\nc");
}

#[test]
fn a_loop_in_any_order_reads_each_row_and_column() {
    let text: String = (1..=500).map(|row| format!("{row},\"n{row}\",x{row}\n")).collect();
    let mut message = headed(&format!("No,Name,X\n{text}"));
    let read = |message: &Csv, row: usize| {
        assert_eq!(message.text(&path(&format!("Row[{row}]/[2]"))), format!("x{row}"));
        assert_eq!(message.text(&path(&format!("Row[{row}]/No"))), row.to_string());
        assert_eq!(message.text(&path(&format!("Row[{row}]/Name"))), format!("n{row}"));
        assert_eq!(message.text(&path("Header/[0]")), "No");
    };
    (1..=500).for_each(|row| read(&message, row));
    (1..=500).rev().for_each(|row| read(&message, row));
    for row in 1..=500 {
        message.set(&path(&format!("Row[{row}]/X")), &"y".repeat(row % 7)).unwrap();
    }
    for row in [500, 1, 32, 33, 64, 250] {
        let place = path(&format!("Row[{row}]/X"));
        assert_eq!(message.text(&place), "y".repeat(row % 7), "{row}");
    }
    assert_eq!(parse(message.bytes()).rows, message.rows);
}
