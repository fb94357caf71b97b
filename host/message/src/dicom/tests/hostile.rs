//! What is refused: no DICOM, lying lengths, too deep, too much.

use dicom_core::Tag;

use super::files::{EXPLICIT, IMPLICIT, explicit, file, image, long, plain, raw};
use super::*;

const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xFFFE, 0xE000);

#[test]
fn what_is_no_file_is_refused() {
    let mut no_mark = file(&image(), EXPLICIT);
    no_mark[128] = b'X';
    let mut no_syntax = vec![0; 128];
    no_syntax.extend_from_slice(b"DICM");
    for (bytes, expected) in [
        (vec![], "dicom.header"),
        (b"{}".to_vec(), "dicom.header"),
        (vec![0; 132], "dicom.header"),
        (no_mark, "dicom.header"),
        // A bare data set.
        (explicit(Tag(0x0010, 0x0020), b"LO", b"4711"), "dicom.header"),
        (no_syntax, "dicom.transfer-syntax"),
        (raw("1.2.840.10008.1.2.1.99", b""), "dicom.transfer-syntax"),
        (raw("1.2.840.10008.1.2.4.95", b""), "dicom.transfer-syntax"),
        (raw("1.2.3.4", b""), "dicom.transfer-syntax"),
        (raw("", b""), "dicom.transfer-syntax"),
    ] {
        assert_eq!(refused(bytes, &Limits::default()).code, expected);
    }
}

#[test]
fn lengths_and_delimiters_that_lie_are_refused_where_they_stand() {
    let id = Tag(0x0010, 0x0020);
    let sequence = Tag(0x0040, 0x0275);
    for (name, syntax, data_set, expected) in [
        ("value", EXPLICIT, [explicit(id, b"LO", b"4711")[..11].to_vec()].concat(), "dicom.length"),
        ("4 GiB", EXPLICIT, long(id, b"OB", u32::MAX - 1), "dicom.length"),
        ("4 GiB of text", IMPLICIT, plain(id, u32::MAX - 1), "dicom.length"),
        ("undefined text", IMPLICIT, plain(id, UNDEFINED), "dicom.element"),
        ("undefined bytes", EXPLICIT, long(id, b"OB", UNDEFINED), "dicom.element"),
        ("header", EXPLICIT, b"\x10\0\x20".to_vec(), "dicom.length"),
        ("no vr", EXPLICIT, plain(id, 0), "dicom.element"),
        ("sequence", EXPLICIT, long(sequence, b"SQ", 8), "dicom.length"),
        ("endless sequence", EXPLICIT, long(sequence, b"SQ", UNDEFINED), "dicom.length"),
        (
            "item beyond its sequence",
            EXPLICIT,
            [long(sequence, b"SQ", 8), plain(ITEM, 8), vec![0; 8]].concat(),
            "dicom.length",
        ),
        ("no item", EXPLICIT, [long(sequence, b"SQ", 8), plain(id, 0)].concat(), "dicom.element"),
        ("item in a data set", EXPLICIT, plain(ITEM, 0), "dicom.element"),
        (
            "an end of what has a length",
            EXPLICIT,
            [long(sequence, b"SQ", 8), plain(Tag(0xFFFE, 0xE0DD), 0)].concat(),
            "dicom.element",
        ),
        (
            "fragments without end",
            EXPLICIT,
            [long(Tag(0x7FE0, 0x0010), b"OB", UNDEFINED), plain(ITEM, 0)].concat(),
            "dicom.length",
        ),
        (
            "a fragment without length",
            EXPLICIT,
            [long(Tag(0x7FE0, 0x0010), b"OB", UNDEFINED), plain(ITEM, UNDEFINED)].concat(),
            "dicom.element",
        ),
    ] {
        let problem = refused(raw(syntax, &data_set), &Limits::default());
        assert_eq!(problem.code, expected, "{name}: {problem}");
        assert!(problem.offset.is_some_and(|offset| offset >= 132), "{name}: {problem}");
    }
}

#[test]
fn nested_sequences_end_at_the_limit_and_not_in_the_stack() {
    let level = [long(Tag(0x0040, 0xA730), b"SQ", UNDEFINED), plain(ITEM, UNDEFINED)].concat();
    let end = [plain(Tag(0xFFFE, 0xE00D), 0), plain(Tag(0xFFFE, 0xE0DD), 0)].concat();
    let nested = |depth: usize| raw(EXPLICIT, &[level.repeat(depth), end.repeat(depth)].concat());
    let limits = Limits { elements: 1 << 20, ..Limits::default() };
    for depth in [1, 127, 128] {
        let options = DicomOptions::default();
        let message = Dicom::parse(nested(depth), options, &limits).unwrap();
        // The JSON is complete at the deepest level, too.
        let deepest = "/Value[1]/0040A730".repeat(depth - 1);
        let path = JsonPath::parse(&format!("Tags/0040A730{deepest}/vr")).unwrap();
        assert_eq!(message.text(&path), "SQ");
    }
    for depth in [129, 100_000] {
        assert_eq!(refused(nested(depth), &limits).code, "limit.depth");
    }
}

#[test]
fn elements_values_and_bytes_have_limits() {
    let two = [
        explicit(Tag(0x0010, 0x0010), b"PN", b"ab"),
        explicit(Tag(0x0010, 0x0020), b"LO", b"4711"),
    ]
    .concat();
    // Bulk data does not count among what is shown; the transfer syntax does in
    // the file meta information, which is counted by itself.
    let bulk = [long(Tag(0x7FE0, 0x0010), b"OB", 64), vec![0; 64]].concat();
    let bytes = raw(EXPLICIT, &[two, bulk].concat());
    let enough =
        Limits { message_bytes: bytes.len(), elements: 3, shown_bytes: 20, ..Limits::default() };
    Dicom::parse(bytes.clone(), DicomOptions::default(), &enough).unwrap();
    for (limits, expected) in [
        (Limits { message_bytes: bytes.len() - 1, ..enough.clone() }, "limit.message-bytes"),
        (Limits { elements: 2, ..enough.clone() }, "limit.elements"),
        (Limits { shown_bytes: 19, ..enough.clone() }, "limit.shown-bytes"),
    ] {
        assert_eq!(refused(bytes.clone(), &limits).code, expected);
    }
    let text = [explicit(Tag(0x0010, 0x0020), b"LO", &[b'1'; 22])].concat();
    assert_eq!(refused(raw(EXPLICIT, &text), &enough).code, "limit.shown-bytes");
}

#[test]
fn the_json_stays_below_its_bound_whatever_the_values_are() {
    for value in [[1_u8; 4096], [b'\\'; 4096], [0xFF; 4096], [b'"'; 4096]] {
        for vr in [b"LO", b"LT", b"DS", b"AT", b"US", b"FL", b"SL"] {
            let data_set = explicit(Tag(0x0010, 0x0020), vr, &value);
            let message = parse(raw(EXPLICIT, &data_set));
            assert!(message.whole_text().len() < 25 * (value.len() + 100));
        }
    }
}

#[test]
fn problems_and_debug_output_hold_no_content() {
    let mut bytes = file(&image(), EXPLICIT);
    assert_eq!(
        format!("{:?}", parse(bytes.clone())),
        format!("Message(dicom, {} bytes)", bytes.len())
    );
    bytes.truncate(bytes.len() - 1);
    let problem = format!("{:?}", refused(bytes, &Limits::default()));
    assert!(!problem.contains("4711") && !problem.contains("Zo"), "{problem}");
}
