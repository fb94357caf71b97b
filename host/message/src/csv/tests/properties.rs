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

        let (old, new) = (before.columns[number], after.columns[number]);
        prop_assert_eq!(old.start, new.start);
        prop_assert_eq!(&before.bytes[..old.start], &after.bytes[..new.start]);
        prop_assert_eq!(&before.bytes[old.end..], &after.bytes[new.end..]);
        let parsed = parse(after.bytes());
        prop_assert_eq!(&parsed.columns, &after.columns);
    }

    #[test]
    fn arbitrary_bytes_are_kept_and_never_panic(
        text in text(), place in "\\[?([0-3*]|[a-z])\\]?", raw in "[ab,\"\r\né]{0,5}",
    ) {
        let (options, limits) = (CsvOptions::default(), Limits::default());
        let Ok(mut message) = Csv::parse(text.clone(), &options, &limits) else { return Ok(()) };
        prop_assert_eq!(message.bytes(), text);
        let joined: Vec<u8> = message.rows().flat_map(|row| row.bytes().to_vec()).collect();
        prop_assert_eq!(&joined, message.bytes().strip_prefix(BYTE_ORDER_MARK).unwrap_or(message.bytes()));
        message.check();
        let Ok(place) = CsvPath::parse(&place) else { return Ok(()) };
        let _ = (message.get(&place), message.structure(&place), message.find(&place));
        for edit in 0..2 {
            let before = message.clone();
            let done = match edit {
                0 => message.set_structure(&place, &raw),
                _ => message.remove(&place).map(drop),
            };
            if done.is_err() {
                prop_assert_eq!(message.bytes(), before.bytes());
            }
            prop_assert_eq!(&parse(message.bytes()).columns, &message.columns);
        }
    }
}
