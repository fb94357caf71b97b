//! One call on each format.

use super::*;

fn parse(format: Format, text: &str) -> Message {
    Message::parse(format, text.as_bytes().to_vec(), &ParseOptions::default()).unwrap()
}

fn each() -> [(Message, &'static str, &'static str); 6] {
    [
        (parse(Format::Hl7, "MSH|^~\\&|A\rPID|1||Ann\r"), "PID-3", "Ann"),
        (parse(Format::Json, "{\"name\":\"Ann\"}"), "name", "Ann"),
        (parse(Format::Csv, "Ann,Bob\r\n"), "[0]", "Ann"),
        (parse(Format::Xml, "<p><name>Ann</name></p>"), "p/name", "Ann"),
        (parse(Format::Text, "Ann"), "anything", "Ann"),
        (parse(Format::Binary, "Ann"), "anything", "QW5u"),
    ]
}

#[test]
fn every_format_is_read_and_written_by_path() {
    for (mut message, place, expected) in each() {
        let format = message.format();
        let path = message.path(place).unwrap();
        assert_eq!(message.get(&path), Value::Text(expected.into()), "{format:?}");
        assert_eq!(message.text(&path), expected, "{format:?}");
        assert!(message.structure(&path).is_some_and(|text| text.contains(expected)), "{format:?}");
        assert!(message.count(&path) >= 1, "{format:?}");
        assert_eq!(message.check(), [], "{format:?}");
        let before = message.bytes().to_vec();
        message.set(&path, "Q2hyaXM=").unwrap();
        assert_eq!(message.text(&path), "Q2hyaXM=", "{format:?}");
        message.replace(before.clone(), &ParseOptions::default()).unwrap();
        assert_eq!(message.into_bytes(), before, "{format:?}");
    }
}

#[test]
fn a_path_of_another_format_reads_nothing_and_writes_nothing() {
    for (mut message, ..) in each() {
        for (other, place, _) in each() {
            let path = other.path(place).unwrap();
            let both_whole = matches!(path, Path::Whole)
                && matches!(message.format(), Format::Text | Format::Binary);
            if other.format() == message.format() || both_whole {
                continue;
            }
            assert_eq!(message.get(&path), Value::Absent);
            assert_eq!((message.count(&path), message.find(&path)), (0, Vec::new()));
            assert_eq!(message.set(&path, "v").unwrap_err().code, "path.format");
            assert_eq!(message.remove(&path).unwrap_err().code, "path.format");
        }
    }
}

#[test]
fn a_failed_replacement_changes_nothing() {
    let mut message = parse(Format::Hl7, "MSH|^~\\&|A\r");
    assert!(message.replace(b"PID|1".to_vec(), &ParseOptions::default()).is_err());
    assert_eq!(message.bytes(), b"MSH|^~\\&|A\r");
}

#[test]
fn debug_shows_format_and_length_alone() {
    let shown = format!("{:?}", parse(Format::Hl7, "MSH|^~\\&|SECRET\r"));
    assert_eq!(shown, "Message(hl7, 16 bytes)");
}

#[test]
fn a_message_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&parse(Format::Text, ""));
    shared(&Path::Whole);
}

#[test]
fn a_message_tells_what_it_was_parsed_with() {
    let csv = CsvOptions { delimiter: b';', has_header: true, ..CsvOptions::default() };
    let dicom = DicomOptions { report: false, ..DicomOptions::default() };
    let limits = Limits { message_bytes: 4_321, ..Limits::default() };
    let options = ParseOptions { limits, csv, dicom };
    let samples = [
        (Format::Hl7, "MSH|^~\\&|A"),
        (Format::Json, "{}"),
        (Format::Csv, "a;b\n1;2\n"),
        (Format::Xml, "<a/>"),
        (Format::Text, "x"),
        (Format::Binary, "x"),
    ];
    for (format, text) in samples {
        let message = Message::parse(format, text.as_bytes().to_vec(), &options).unwrap();
        let told = message.parse_options();
        assert_eq!(told.limits.message_bytes, 4_321, "{format:?}");
        assert_eq!(told.csv == options.csv, format == Format::Csv, "{format:?}");
    }
}
