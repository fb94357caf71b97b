//! What is read from well-formed files.

use dicom_core::Tag;
use serde_json::Value as Tree;

use super::files::{
    BIG_ENDIAN, EXPLICIT, IMPLICIT, explicit, file, image, long, plain, raw, report,
};
use super::*;

const UNDEFINED: u32 = u32::MAX;

#[test]
fn common_fields_and_tags_read_in_every_encoding() {
    for syntax in [IMPLICIT, EXPLICIT, BIG_ENDIAN] {
        let bytes = file(&image(), syntax);
        let message = parse(bytes.clone());
        for (path, expected) in [
            ("CommonFields/PatientID", "4711"),
            ("CommonFields/PatientName", "Müller^Zoë=王^小東"),
            ("CommonFields/PatientBirthDate", ""),
            ("CommonFields/StudyDate", "20260105"),
            ("CommonFields/StudyTime", "101112.5"),
            ("CommonFields/AccessionNumber", "A-17"),
            ("CommonFields/StudyInstanceUID", "2.25.2"),
            ("CommonFields/Modality", "OT"),
            ("CommonFields/ImageType", "ORIGINAL\\PRIMARY"),
            ("CommonFields/PixelSpacing", "0.50\\0.25"),
            ("CommonFields/ImageComments", "a \"note\"\r\n\\ more"),
            ("CommonFields/Rows", "2"),
            ("CommonFields/SmallestImagePixelValue", "-7"),
            ("CommonFields/TransferSyntaxUID", syntax),
            ("CommonFields/PixelData", ""),
            ("CommonFields/CodeValue", ""),
            ("newtonsoft:$.CommonFields.PatientID", "4711"),
            ("newtonsoft:$.Tags['00100020'].Value[0]", "4711"),
            ("Tags/00100010/Value[1]/Alphabetic", "Müller^Zoë"),
            ("Tags/00100010/Value/Ideographic", "王^小東"),
            ("Tags/00280030/Value[2]", "0.25"),
            ("Tags/00280009/Value[1]", "00181063"),
            ("Tags/00189073/Value[2]", "-2.25"),
            ("Tags/00400275/Value[1]/00400008/Value[1]/00080100/Value[1]", "CT1"),
            ("Tags/7FE00010/BulkLength", "8"),
            ("Tags/7FE00010/Value", ""),
            ("Tags/00090010/Value", "[\"ACME\"]"),
            ("Tags/00020010", ""),
            ("Report", ""),
            ("no/such/place", ""),
        ] {
            assert_eq!(text(&message, path), expected, "{path} in {syntax}");
        }
        let items = message.path("Tags/00400275/Value").unwrap();
        assert_eq!(message.count(&items), 2);
        assert_eq!((message.check(), message.bytes()), (vec![], bytes.as_slice()));
        assert_eq!(message.into_bytes(), bytes);
    }
}

#[test]
fn absent_and_empty_are_told_apart() {
    let message = parse(file(&image(), EXPLICIT));
    for (path, expected) in [
        ("CommonFields/PatientBirthDate", Value::Empty),
        ("CommonFields/PatientSex", Value::Absent),
        ("CommonFields/PatientID", Value::Text("4711".into())),
    ] {
        assert_eq!(message.get(&message.path(path).unwrap()), expected, "{path}");
    }
}

/// The same file as dicom-json shows it.
#[test]
fn tags_are_those_of_another_implementation() {
    for syntax in [IMPLICIT, EXPLICIT, BIG_ENDIAN] {
        for object in [image(), report()] {
            let bytes = file(&object, syntax);
            let read = dicom_object::from_reader(bytes.as_slice()).unwrap();
            let expected = dicom_json::to_value(&*read).unwrap();
            let message = parse(bytes);
            let found = message.structure(&message.path("Tags").unwrap()).unwrap();
            let found: Tree = serde_json::from_str(&found).unwrap();
            assert_eq!(alike(found), alike(expected), "{syntax}");
        }
    }
}

/// Leaves out in what the two may differ: whether a number is written as text,
/// empty lists, and bulk data.
fn alike(tree: Tree) -> Tree {
    match tree {
        Tree::Number(number) => Tree::from(number.as_f64().unwrap().to_string()),
        Tree::String(text) => match text.parse::<f64>() {
            Ok(number) => Tree::from(number.to_string()),
            Err(_) => Tree::from(text),
        },
        Tree::Array(items) => items.into_iter().map(alike).collect(),
        Tree::Object(members) => members
            .into_iter()
            .filter(|(name, _)| name != "InlineBinary" && name != "BulkLength")
            .filter(|(_, value)| value != &Tree::Array(vec![]))
            .map(|(name, value)| (name, alike(value)))
            .collect(),
        other => other,
    }
}

#[test]
fn a_structured_report_reads_as_a_list_and_as_text() {
    let message = parse(file(&report(), EXPLICIT));
    for (path, expected) in [
        ("Report/Title", "Chest report"),
        ("Report/CompletionFlag", "COMPLETE"),
        ("Report/VerificationFlag", "VERIFIED"),
        (
            "Report/Text",
            "Findings\n  Length: 12.5 mm\nConclusion: Nothing found.\nLaterality: Right",
        ),
        ("Report/Content[1]/ValueType", "CONTAINER"),
        ("Report/Content[2]/Level", "2"),
        ("Report/Content[2]/Name", "Length"),
        ("Report/Content[2]/Value", "12.5"),
        ("Report/Content[2]/Units", "mm"),
        ("Report/Content[3]/Value", "Nothing found."),
        ("Report/Content[4]/Relationship", "HAS CONCEPT MOD"),
        ("Report/Content[4]/Value", "Right"),
        ("CommonFields/Modality", "SR"),
    ] {
        assert_eq!(text(&message, path), expected, "{path}");
    }
    assert_eq!(message.count(&message.path("Report/Content").unwrap()), 4);
}

#[test]
fn nodes_are_left_out_as_the_options_say() {
    let all = DicomOptions::default();
    for (options, expected) in [
        (all, vec!["CommonFields", "Report", "Tags"]),
        (DicomOptions { common_fields: false, ..all }, vec!["Report", "Tags"]),
        (DicomOptions { report: false, ..all }, vec!["CommonFields", "Tags"]),
        (DicomOptions { tags: false, ..all }, vec!["CommonFields", "Report"]),
        (DicomOptions { common_fields: false, report: false, tags: false }, vec![]),
    ] {
        let given = ParseOptions { dicom: options, ..ParseOptions::default() };
        let bytes = file(&report(), EXPLICIT);
        let message = Message::parse(Format::Dicom, bytes, &given).unwrap();
        let Message::Dicom(by_default) = parse(message.bytes().to_vec()) else { unreachable!() };
        assert_eq!(by_default.shown_with(options).whole_text(), message.whole_text());
        let tree: Tree = serde_json::from_str(&message.whole_text()).unwrap();
        let names: Vec<&str> = tree.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn the_json_is_made_when_it_is_asked_for_and_once() {
    let Message::Dicom(message) = parse(file(&image(), EXPLICIT)) else { unreachable!() };
    let copy = message.clone();
    assert!((message.bytes().len(), message.check().len()) > (0, 0));
    assert!(message.json.get().is_none());
    assert_eq!(copy.text(&JsonPath::parse("CommonFields/PatientID").unwrap()), "4711");
    assert!(message.json.get().is_some());
    assert!(std::ptr::eq(message.json(), copy.json()));
}

#[test]
fn nothing_is_written_and_the_whole_can_be_replaced() {
    let bytes = file(&image(), EXPLICIT);
    let mut message = parse(bytes.clone());
    let path = message.path("CommonFields/PatientID").unwrap();
    for written in [
        message.set(&path, "x"),
        message.set_null(&path),
        message.set_structure(&path, "{}"),
        message.insert(&path, "{}"),
        message.append("x"),
        message.remove(&path).map(|_| ()),
    ] {
        assert_eq!(written.unwrap_err().code, "edit.read-only");
    }
    assert_eq!(
        (message.bytes(), text(&message, "CommonFields/PatientID")),
        (&*bytes, "4711".into())
    );
    let options = ParseOptions::default();
    assert_eq!(message.replace(b"{}".to_vec(), &options).unwrap_err().code, "dicom.header");
    assert_eq!(message.bytes(), bytes);
    message.replace(file(&report(), EXPLICIT), &options).unwrap();
    assert_eq!(text(&message, "CommonFields/Modality"), "SR");
}

#[test]
fn text_is_decoded_by_the_character_set_in_scope() {
    let name = Tag(0x0010, 0x0010);
    let item = [
        explicit(Tag(0x0008, 0x0005), b"CS", b"ISO_IR 192"),
        explicit(name, b"PN", "Ωx".as_bytes()),
    ]
    .concat();
    let inherits = explicit(name, b"PN", b"\xE9^");
    let data_set = [
        explicit(Tag(0x0008, 0x0005), b"CS", b"ISO_IR 100"),
        long(Tag(0x0008, 0x1140), b"SQ", UNDEFINED),
        plain(Tag(0xFFFE, 0xE000), u32::try_from(item.len()).unwrap()),
        item,
        plain(Tag(0xFFFE, 0xE000), UNDEFINED),
        inherits,
        plain(Tag(0xFFFE, 0xE00D), 0),
        plain(Tag(0xFFFE, 0xE0DD), 0),
        explicit(name, b"PN", b"J\xE9r\xF4me "),
        explicit(Tag(0x0010, 0x0020), b"LO", b"\xFC\xE4\xF6 "),
    ]
    .concat();
    let message = parse(raw(EXPLICIT, &data_set));
    for (path, expected) in [
        ("CommonFields/PatientName", "Jérôme"),
        ("CommonFields/PatientID", "üäö"),
        ("Tags/00081140/Value[1]/00100010/Value/Alphabetic", "Ωx"),
        ("Tags/00081140/Value[2]/00100010/Value/Alphabetic", "é^"),
    ] {
        assert_eq!(text(&message, path), expected, "{path}");
    }
}

#[test]
fn unusual_forms_of_the_standard_are_read() {
    let pixels = [
        long(Tag(0x7FE0, 0x0010), b"OB", UNDEFINED),
        plain(Tag(0xFFFE, 0xE000), 0),
        plain(Tag(0xFFFE, 0xE000), 4),
        vec![1, 2, 3, 4],
        plain(Tag(0xFFFE, 0xE0DD), 0),
    ]
    .concat();
    let implicit_in_unknown = [
        long(Tag(0x0009, 0x1001), b"UN", UNDEFINED),
        plain(Tag(0xFFFE, 0xE000), UNDEFINED),
        plain(Tag(0x0010, 0x0020), 4),
        b"4711".to_vec(),
        plain(Tag(0xFFFE, 0xE00D), 0),
        plain(Tag(0xFFFE, 0xE0DD), 0),
    ]
    .concat();
    let newer_vr = [long(Tag(0x0011, 0x1001), b"ZZ", 2), b"ab".to_vec()].concat();
    for (syntax, data_set, path, expected) in [
        ("1.2.840.10008.1.2.4.50", &pixels, "Tags/7FE00010/BulkLength", "20"),
        (EXPLICIT, &implicit_in_unknown, "Tags/00091001/Value/00100020/Value", "[\"4711\"]"),
        (EXPLICIT, &newer_vr, "Tags/00111001", "{\"vr\":\"UN\",\"BulkLength\":2}"),
    ] {
        assert_eq!(text(&parse(raw(syntax, data_set)), path), expected);
    }
    // Without preamble and mark.
    let whole = raw(EXPLICIT, &explicit(Tag(0x0010, 0x0020), b"LO", b"4711"));
    let group = explicit(Tag(0x0002, 0x0000), b"UL", &26_u32.to_le_bytes());
    let bare = [&group, &whole[132..]].concat();
    assert_eq!(text(&parse(bare), "CommonFields/PatientID"), "4711");
}

#[test]
fn breaches_that_can_be_read_are_told_by_the_check() {
    let id = Tag(0x0010, 0x0020);
    let data_set = [
        explicit(Tag(0x0008, 0x0005), b"CS", b"KLINGON "),
        explicit(id, b"LO", b"1 "),
        explicit(id, b"LO", b"2 "),
    ]
    .concat();
    let message = parse(raw(EXPLICIT, &data_set));
    let problems = message.check();
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["dicom.order", "dicom.character-set"]);
    assert_eq!(problems[0].place.as_deref(), Some("element (0010,0020)"));
    // As everywhere in JSON, the last one counts.
    assert_eq!(text(&message, "CommonFields/PatientID"), "2");
    assert_eq!(text(&message, "Tags/00100020/Value"), "[\"2\"]");
}
