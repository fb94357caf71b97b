use proptest::prelude::*;

use super::*;

/// Bytes that are often CSV: with quotes, delimiters, row ends, any character.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ab,\"\r\né;]{0,24}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..48),
        rows().prop_map(|rows| written(&rows, "\r\n").into_bytes()),
    ]
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    let value = "[ab ,\"\r\né]{0,5}";
    prop::collection::vec(prop::collection::vec(value, 1..5), 1..4)
}

/// Every field quoted, so that nothing depends on the writer under test.
fn written(rows: &[Vec<String>], row_end: &str) -> String {
    let row = |row: &Vec<String>| {
        let fields = row.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\"")));
        fields.collect::<Vec<_>>().join(",")
    };
    rows.iter().map(row).collect::<Vec<_>>().join(row_end)
}

proptest! {
    #[test]
    fn what_was_written_quoted_is_read_back(
        rows in rows(), row_end in prop::sample::select(vec!["\n", "\r", "\r\n"]),
    ) {
        prop_assert_eq!(values(&parse(written(&rows, row_end))), rows);
    }

    #[test]
    fn a_write_changes_its_field_and_no_other_byte(
        text in text(), pick: prop::sample::Index, value in "[ab ,\"\r\né€]{0,6}",
    ) {
        let (options, limits) = (CsvOptions::default(), Limits::default());
        let Ok(before) = Csv::parse(text, &options, &limits) else { return Ok(()) };
        let number = pick.index(before.count(&column(0)));
        let mut after = before.clone();
        after.set(&column(number), &value).unwrap();
        prop_assert_eq!(after.text(&column(number)), value.as_str());

        let (old, new) = (before.first[number], after.first[number]);
        prop_assert_eq!(old.start, new.start);
        prop_assert_eq!(&before.bytes[..old.start], &after.bytes[..new.start]);
        prop_assert_eq!(&before.bytes[old.end..], &after.bytes[new.end..]);
        let parsed = parse(after.bytes());
        prop_assert_eq!(&parsed.first, &after.first);
    }

    #[test]
    fn arbitrary_bytes_are_kept_and_never_panic(
        text in text(), place in path_text(), raw in "[ab,\"\r\né]{0,5}", options in options(),
    ) {
        let limits = Limits::default();
        let Ok(mut message) = Csv::parse(text.clone(), &options, &limits) else { return Ok(()) };
        prop_assert_eq!(message.bytes(), text);
        let joined: Vec<u8> = message.rows().flat_map(|row| row.bytes().to_vec()).collect();
        prop_assert_eq!(&joined, message.bytes().strip_prefix(BYTE_ORDER_MARK).unwrap_or(message.bytes()));
        message.check();
        let Ok(place) = CsvPath::parse(&place) else { return Ok(()) };
        prop_assert_eq!(&CsvPath::parse(&place.to_string()).unwrap(), &place);
        let _ = (message.get(&place), message.structure(&place), message.count(&place));
        for found in message.find(&place) {
            prop_assert!(message.get(&path(&found)) != Value::Absent, "{}", found);
        }
        for edit in 0..5 {
            let before = message.clone();
            let done = match edit {
                0 => message.set_structure(&place, &raw).map(|()| 0),
                1 => message.remove(&place),
                2 => message.append(&raw).map(|()| 0),
                3 => message.insert(&place, &raw).map(|()| 0),
                _ => message.set(&place, &raw).map(|()| 0),
            };
            if done.is_err() || (edit == 1 && done == Ok(0)) {
                prop_assert_eq!(message.bytes(), before.bytes());
            }
            let fresh = Csv::parse(message.bytes().to_vec(), &options, &limits).unwrap();
            prop_assert_eq!(&fresh.first, &message.first);
            prop_assert_eq!(&fresh.rows, &message.rows);
            prop_assert_eq!(&fresh.parts, &message.parts);
        }
    }

    #[test]
    fn rows_behave_as_a_table(
        table in table(), quoted: bool, ended: bool, options in options(),
        edits in prop::collection::vec((0..6_u8, 0..8_usize, 0..4_usize, "[ab ,\"\r\né]{0,5}"), 0..8),
    ) {
        let mut table = table;
        let row_end = if quoted { "\n" } else { "\r\n" };
        let mut text = written(&table, row_end);
        if ended {
            text.push_str(row_end);
        }
        let options = CsvOptions { header: String::new(), ..options };
        let mut message = Csv::parse(text.into_bytes(), &options, &Limits::default()).unwrap();
        for (edit, row, column, value) in edits {
            let header = usize::from(message.parts.header);
            let last = table.len() - usize::from(message.parts.footer);
            let data = header..last;
            prop_assert_eq!(message.count(&path("Row")), data.len());
            let at = header + row;
            let place = path(&format!("Row[{}]/[{column}]", row + 1));
            let whole = path(&format!("Row[{}]", row + 1));
            let line = format!("\"{}\",x", value.replace('"', "\"\""));
            let is_row = data.contains(&at);
            // Nothing at all is one empty row, which gives way to rows that come.
            let blank = message.bytes().is_empty();
            match edit {
                0 | 1 => {
                    let done = message.set(&place, &value).is_ok();
                    let cell = table.get_mut(at).filter(|_| is_row).and_then(|row| row.get_mut(column));
                    prop_assert_eq!(done, cell.is_some());
                    cell.into_iter().for_each(|cell| cell.clone_from(&value));
                }
                2 => {
                    if message.append(&line).is_ok() {
                        table.truncate(if blank { 0 } else { table.len() });
                        table.insert(last.min(table.len()), vec![value, "x".to_owned()]);
                    }
                }
                3 => {
                    if message.insert(&whole, &line).is_ok() {
                        table.truncate(if blank { 0 } else { table.len() });
                        table.insert(at.min(table.len()), vec![value, "x".to_owned()]);
                    }
                }
                4 => {
                    if message.remove(&whole) == Ok(1) {
                        table.remove(at);
                    }
                }
                _ => {
                    if message.remove(&place) == Ok(1) {
                        table[at].remove(column);
                    }
                }
            }
            prop_assert_eq!(values(&message), table.clone());
            for (number, row) in table.iter().enumerate().skip(header).take(message.data_rows()) {
                for (column, value) in row.iter().enumerate() {
                    let place = path(&format!("Row[{}]/[{column}]", number + 1 - header));
                    prop_assert_eq!(message.text(&place), value.as_str());
                }
            }
        }
    }

    #[test]
    fn writes_to_different_fields_commute(
        rows in rows(), one: (prop::sample::Index, prop::sample::Index),
        other: (prop::sample::Index, prop::sample::Index),
    ) {
        let place = |(row, column): &(prop::sample::Index, prop::sample::Index)| {
            let row = row.index(rows.len());
            path(&format!("Row[{}]/[{}]", row + 1, column.index(rows[row].len())))
        };
        let (one, other) = (place(&one), place(&other));
        prop_assume!(one != other);
        let text = written(&rows, "\n");
        let (mut forth, mut back) = (parse(&text), parse(&text));
        forth.set(&one, "longer, \"x\"").unwrap();
        forth.set(&other, "y").unwrap();
        back.set(&other, "y").unwrap();
        back.set(&one, "longer, \"x\"").unwrap();
        prop_assert_eq!(forth.bytes(), back.bytes());
    }
}

/// More rows than the distance of those whose beginning is kept.
fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    let value = "[ab ,\"\r\né]{0,5}";
    let few = prop::collection::vec(prop::collection::vec(value, 1..4), 1..5);
    let many = prop::collection::vec(prop::collection::vec("[ab]{0,2}", 1..3), 30..100);
    prop_oneof![4 => few, 1 => many]
}

fn options() -> impl Strategy<Value = CsvOptions> {
    let header = prop::sample::select(vec!["", "a", "a,b"]);
    (any::<bool>(), any::<bool>(), header).prop_map(|(has_header, has_footer, header)| CsvOptions {
        has_header,
        has_footer,
        header: header.to_owned(),
        ..CsvOptions::default()
    })
}

fn path_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\[?([0-3*]|[a-z])\\]?",
        "(Row|Row\\[[1-3*]\\]|Header|Footer)(/(\\[[0-2*]\\]|[ab]|\\['[ab0]'\\]))?",
        "[RowHeadrFt/\\[\\]'0-3*\\\\]{0,12}",
        any::<String>(),
    ]
}
