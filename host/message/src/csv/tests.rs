mod properties;
mod rows;

use super::*;

fn parse(bytes: impl AsRef<[u8]>) -> Csv {
    Csv::parse(bytes.as_ref().to_vec(), &CsvOptions::default(), &Limits::default()).unwrap()
}

fn path(text: &str) -> CsvPath {
    CsvPath::parse(text).unwrap()
}

fn column(number: usize) -> CsvPath {
    path(&format!("[{number}]"))
}

fn values(message: &Csv) -> Vec<Vec<String>> {
    message.rows().map(|row| row.values().map(Cow::into_owned).collect()).collect()
}

#[test]
fn fields_are_read_without_their_quotes() {
    let check = |text: &str, expected: &[&str]| {
        let message = parse(text);
        assert_eq!(message.count(&column(0)), expected.len(), "{text:?}");
        for (number, value) in expected.iter().enumerate() {
            assert_eq!(message.text(&column(number)), *value, "{text:?} [{number}]");
        }
        assert_eq!(message.get(&column(expected.len())), Value::Absent);
        assert_eq!(message.bytes(), text.as_bytes());
    };
    check("a,b,c", &["a", "b", "c"]);
    check("a, b ,\"\"\r\n", &["a", " b ", ""]);
    check("\"a,b\",\"c \"\"d\"\"\",\"x\ny\"\n", &["a,b", "c \"d\"", "x\ny"]);
    check("\"x\r\ny\",z\rnext", &["x\r\ny", "z"]);
    check("", &[""]);
    check("\n", &[""]);
    check(",", &["", ""]);
    check("\u{feff}a,b", &["a", "b"]);
    check("\u{feff}\"a\",b", &["a", "b"]);
    check("\u{feff}", &[""]);
    check("a\"b,\"c\"d,\"e\"f\"g\"", &["a\"b", "cd", "ef\"g\""]);
    check("\"\"\"\",\"\"\"\"\"\"", &["\"", "\"\""]);
    check(" \"a\",b", &[" \"a\"", "b"]);
    check("é,ü", &["é", "ü"]);
}

#[test]
fn an_empty_field_is_empty_and_a_missing_one_absent() {
    let message = parse("a,,\"\"");
    assert_eq!(message.get(&column(1)), Value::Empty);
    assert_eq!(message.get(&column(2)), Value::Empty);
    assert_eq!(message.structure(&column(2)).unwrap(), "\"\"");
    assert_eq!(message.get(&column(3)), Value::Absent);
    assert_eq!(message.structure(&column(3)), None);
    assert_eq!(message.text(&column(3)), "");
    assert!(matches!(message.get(&column(0)), Value::Text(Cow::Borrowed("a"))));
}

#[test]
fn rows_end_in_any_way_and_an_empty_line_is_one_empty_field() {
    let check = |text: &str, expected: &[&[&str]]| {
        let message = parse(text);
        assert_eq!(values(&message), expected, "{text:?}");
        let joined: Vec<u8> = message.rows().flat_map(|row| row.bytes().to_vec()).collect();
        assert_eq!(joined, text.as_bytes(), "{text:?}");
    };
    check("a,b\nc", &[&["a", "b"], &["c"]]);
    check("a\r\nb\rc\n", &[&["a"], &["b"], &["c"]]);
    check("a\n\nb\n", &[&["a"], &[""], &["b"]]);
    check("\n\n", &[&[""], &[""]]);
    check("\r\r\n\n", &[&[""], &[""], &[""]]);
    check("", &[&[""]]);
    check("a,\n,\"\n\"", &[&["a", ""], &["", "\n"]]);
}

#[test]
fn other_delimiters_divide_and_are_quoted_instead_of_the_comma() {
    let options = CsvOptions { delimiter: b';', ..CsvOptions::default() };
    let text = b"a,b;\"c;d\"".to_vec();
    let mut message = Csv::parse(text, &options, &Limits::default()).unwrap();
    assert_eq!(message.text(&column(0)), "a,b");
    assert_eq!(message.text(&column(1)), "c;d");
    message.set(&column(1), "x,y").unwrap();
    message.set(&column(0), "x;y").unwrap();
    assert_eq!(message.bytes(), b"\"x;y\";x,y");
}

#[test]
fn a_delimiter_is_one_ascii_character_that_has_no_other_meaning() {
    for (text, delimiter) in [("", b','), (",", b','), (";", b';'), ("\t", b'\t'), ("\\t", b'\t')] {
        let expected = CsvOptions { delimiter, ..CsvOptions::default() };
        assert_eq!(CsvOptions::from_delimiter(text), Ok(expected), "{text:?}");
    }
    for text in ["\"", "\r", "\n", "é", ",,", "\\n"] {
        let problem = CsvOptions::from_delimiter(text).unwrap_err();
        assert_eq!(problem.code, "options.delimiter", "{text:?}");
    }
    let options = CsvOptions { delimiter: 0xe9, ..CsvOptions::default() };
    let problem = Csv::parse(b"a".to_vec(), &options, &Limits::default()).unwrap_err();
    assert_eq!(problem.code, "options.delimiter");
}

#[test]
fn a_path_is_a_column_number_from_zero() {
    assert_eq!(path("[2]"), path("2"));
    assert_eq!(path(" [2] "), path("2"));
    assert!(path("[*]").is_pattern());
    assert_eq!(path("2").to_string(), "[2]");
    for text in ["", "[]", "x", "[x]", "[-1]", "[1][2]", "*", "[1", "1]", "[99999999999999999999]"]
    {
        assert_eq!(CsvPath::parse(text).unwrap_err().code, "path.syntax", "{text:?}");
    }
}

#[test]
fn a_pattern_finds_the_columns_of_the_first_row() {
    let message = parse("a,b\nc,d,e");
    assert_eq!(message.find(&path("[*]")), ["[0]", "[1]"]);
    assert_eq!(message.find(&path("1")), ["[1]"]);
    assert!(message.find(&path("2")).is_empty());
    assert_eq!(message.text(&path("[*]")), "a");
}

#[test]
fn a_write_quotes_what_must_be_and_leaves_the_rest() {
    let check = |before: &str, number: usize, value: &str, after: &str| {
        let mut message = parse(before);
        message.set(&column(number), value).unwrap();
        assert_eq!(message.whole_text(), after);
        assert_eq!(message.text(&column(number)), value);
        assert_eq!(values(&parse(after)), values(&message));
    };
    let before = "\"a\", b ,\"c,\"\"d\"\r\n\"e\",f\r";
    check(before, 0, "x", "x, b ,\"c,\"\"d\"\r\n\"e\",f\r");
    check(before, 1, "x,y", "\"a\",\"x,y\",\"c,\"\"d\"\r\n\"e\",f\r");
    check(before, 2, "a \"q\"", "\"a\", b ,\"a \"\"q\"\"\"\r\n\"e\",f\r");
    check(before, 2, "l1\nl2", "\"a\", b ,\"l1\nl2\"\r\n\"e\",f\r");
    check(before, 2, "\r", "\"a\", b ,\"\r\"\r\n\"e\",f\r");
    check(before, 2, "", "\"a\", b ,\r\n\"e\",f\r");
    check("", 0, "x", "x");
    check("a", 0, "", "");
    check("a\nb", 0, "", "\nb");
    check("a", 0, "\u{feff}b", "\"\u{feff}b\"");
    check("\u{feff}a,b", 0, "c", "\u{feff}c,b");
}

#[test]
fn several_writes_keep_every_column_in_its_place() {
    let mut message = parse("a,b,c,d\nnext");
    message.set(&column(1), "longer, than before").unwrap();
    message.set(&column(3), "").unwrap();
    message.set(&column(0), "\"").unwrap();
    message.set(&column(2), "cc").unwrap();
    assert_eq!(message.whole_text(), "\"\"\"\",\"longer, than before\",cc,\nnext");
    assert_eq!(message.text(&column(2)), "cc");
}

#[test]
fn a_write_beyond_the_last_column_is_refused_and_names_the_columns() {
    let mut message = parse("a,b\nc,d,e");
    let problem = message.set(&column(2), "x").unwrap_err();
    assert_eq!(problem.code, "edit.column");
    assert_eq!(
        problem.to_string(),
        "the row has 2 columns, the last is [1]: a write adds none (at [2])"
    );
    assert_eq!(message.set_structure(&column(2), "x").unwrap_err().code, "edit.column");
    assert_eq!(message.set(&path("[*]"), "x").unwrap_err().code, "path.pattern");
    assert_eq!(message.set_null(&column(0)).unwrap_err().code, "edit.null");
    assert_eq!(message.bytes(), b"a,b\nc,d,e");
}

#[test]
fn a_structure_is_written_raw_and_may_bring_columns() {
    let mut message = parse("a,b,c\nd");
    message.set_structure(&column(1), "\"x,\"\"y\",z").unwrap();
    assert_eq!(message.whole_text(), "a,\"x,\"\"y\",z,c\nd");
    assert_eq!(message.count(&column(0)), 4);
    assert_eq!(message.text(&column(1)), "x,\"y");
    assert_eq!(message.text(&column(3)), "c");
    message.set_structure(&column(0), "").unwrap();
    assert_eq!(message.whole_text(), ",\"x,\"\"y\",z,c\nd");
    for (text, code) in [("\"open", "csv.quote"), ("a\nb", "edit.row"), ("\r", "edit.row")] {
        assert_eq!(message.set_structure(&column(1), text).unwrap_err().code, code);
    }
    assert_eq!(message.whole_text(), ",\"x,\"\"y\",z,c\nd");
}

#[test]
fn a_removed_column_takes_one_delimiter_along() {
    let check = |before: &str, number: usize, removed: usize, after: &str| {
        let mut message = parse(before);
        assert_eq!(message.remove(&column(number)).unwrap(), removed);
        assert_eq!(message.whole_text(), after);
        assert_eq!(values(&parse(after)), values(&message));
        assert_eq!(message.find(&path("[*]")), parse(after).find(&path("[*]")));
        let second = parse(after);
        assert_eq!(message.text(&column(1)), second.text(&column(1)));
    };
    check("a,\"b\",c\nd", 0, 1, "\"b\",c\nd");
    check("a,\"b\",c\nd", 1, 1, "a,c\nd");
    check("a,\"b\",c\nd", 2, 1, "a,\"b\"\nd");
    check("a,\"b\",c\nd", 3, 0, "a,\"b\",c\nd");
    assert_eq!(parse("a\nb,c").remove(&column(0)).unwrap_err().code, "edit.whole");
    assert_eq!(parse("a,b").remove(&path("[*]")).unwrap_err().code, "edit.whole");
}

#[test]
fn a_quote_that_is_never_closed_is_refused_with_its_place() {
    let text = b"a,b\nc,\"d\ne".to_vec();
    let problem = Csv::parse(text, &CsvOptions::default(), &Limits::default()).unwrap_err();
    assert_eq!((problem.code, problem.offset), ("csv.quote", Some(6)));
    assert_eq!(problem.place.as_deref(), Some("line 2, byte 3"));
}

#[test]
fn irregular_quotes_are_read_and_reported() {
    let message = parse("a,\"b\"c\nd\"e,\"f\",\"\"\"\"");
    let places: Vec<_> =
        message.check().into_iter().map(|problem| problem.place.unwrap()).collect();
    assert_eq!(places, ["row 1, column [1]", "row 2, column [0]"]);
    assert_eq!(parse("a,\"b\"\n\"\"").check(), []);
    assert_eq!(parse("a\"\n".repeat(200)).check().len(), PROBLEMS_MAX);
}

#[test]
fn each_limit_holds_when_parsed_and_when_written() {
    let limits = Limits { columns: 3, field_bytes: 4, message_bytes: 12, ..Limits::default() };
    let options = CsvOptions::default();
    let check = |text: &str, code: &str| {
        let problem = Csv::parse(text.into(), &options, &limits).unwrap_err();
        assert_eq!(problem.code, code, "{text}");
    };
    check("a,b,c,d", "limit.columns");
    check("a\na,b,c,d", "limit.columns");
    check("a,12345", "limit.field-bytes");
    check("\"abc\"", "limit.field-bytes");
    check("1234,1234,123", "limit.message-bytes");
    let mut message = Csv::parse(b"1234,1,1".to_vec(), &options, &limits).unwrap();
    assert_eq!(message.set(&column(1), "12345").unwrap_err().code, "limit.field-bytes");
    assert_eq!(message.set_structure(&column(1), "1,2").unwrap_err().code, "limit.columns");
    message.set(&column(1), "1234").unwrap();
    assert_eq!(message.set(&column(2), "123").unwrap_err().code, "limit.message-bytes");
    assert_eq!(message.bytes(), b"1234,1234,1");
}

#[test]
fn a_field_of_50_megabytes_is_refused_at_the_field_limit() {
    let limits = Limits { message_bytes: 64 << 20, ..Limits::default() };
    for opening in [&b"a,"[..], b"a,\"b\"\"c"] {
        let mut text = opening.to_vec();
        text.resize(50 << 20, b'x');
        text.push(b'"');
        let problem = Csv::parse(text, &CsvOptions::default(), &limits).unwrap_err();
        assert_eq!((problem.code, problem.offset), ("limit.field-bytes", Some(2)));
        assert!(problem.text.len() < 100);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_windows_1252_and_stay_so() {
    let mut message = parse(b"M\xfcller,\"\x80 5\"\"\",c\n\xe9");
    assert_eq!(message.text(&column(0)), "Müller");
    assert_eq!(message.text(&column(1)), "€ 5\"");
    assert_eq!(message.whole_text(), "Müller,\"€ 5\"\"\",c\né");
    message.set(&column(2), "Ärzte, ö").unwrap();
    assert_eq!(message.bytes(), b"M\xfcller,\"\x80 5\"\"\",\"\xc4rzte, \xf6\"\n\xe9");
    assert_eq!(message.text(&column(2)), "Ärzte, ö");
    assert_eq!(message.set(&column(2), "漢").unwrap_err().code, "edit.charset");
    assert_eq!(message.bytes(), b"M\xfcller,\"\x80 5\"\"\",\"\xc4rzte, \xf6\"\n\xe9");
}

#[test]
fn a_replacement_that_is_refused_leaves_the_old_content() {
    let (options, limits) = (CsvOptions::default(), Limits::default());
    let mut message = parse("a,b");
    assert!(message.replace(b"\"".to_vec(), &options, &limits).is_err());
    assert_eq!(message.text(&column(1)), "b");
    message.replace(b"x".to_vec(), &options, &limits).unwrap();
    assert_eq!((message.count(&column(0)), message.clone().into_bytes()), (1, b"x".to_vec()));
}

#[test]
fn a_debug_print_shows_the_length_and_no_content() {
    assert_eq!(format!("{:?}", parse("secret")), "Csv(6 bytes)");
}
