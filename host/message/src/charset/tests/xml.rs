//! XML tells its set in its first line.

use super::*;

fn document(encoding: &str, text: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>\n<a>{text}</a>")
}

fn in_set(name: &str, text: &str) -> Vec<u8> {
    Charset::from_name(name).unwrap().0.encode(text).unwrap().into_owned()
}

#[test]
fn xml_is_decoded_by_mark_then_content_type_then_declaration_then_default() {
    use Source::{ByteOrderMark, ContentType, Default, XmlDeclaration};
    let utf8 = document("UTF-8", "é");
    let plain = "<a>é</a>".to_owned();
    let marked = |name: &str, text: &str| in_set(name, &format!("\u{FEFF}{text}"));
    for (body, told, charset, source, expected) in [
        (
            in_set("8859/15", &document("iso-8859-15", "é")),
            None,
            "ISO-8859-15",
            XmlDeclaration,
            &utf8,
        ),
        (
            in_set("8859/1", &document("iso-8859-1", "é")),
            None,
            "windows-1252",
            XmlDeclaration,
            &utf8,
        ),
        (in_set("gb18030", &document("gb18030", "é")), None, "gb18030", XmlDeclaration, &utf8),
        (
            document("utf-8", "é").into_bytes(),
            None,
            "UTF-8",
            XmlDeclaration,
            &document("utf-8", "é"),
        ),
        (plain.clone().into_bytes(), None, "UTF-8", Default, &plain),
        (document("UTF-16", "é").into_bytes(), None, "UTF-8", Default, &utf8),
        (document("utf-16le", "x").into_bytes(), None, "UTF-8", Default, &document("UTF-8", "x")),
        (document("us-ascii", "é").into_bytes(), None, "UTF-8", Default, &utf8),
        (document("iso-8859-1", "é").into_bytes(), Some("utf-8"), "UTF-8", ContentType, &utf8),
        (in_set("8859/1", &plain), Some("8859/1"), "ISO-8859-1", ContentType, &plain),
        (
            in_set("8859/1", &document("utf-8", "é")),
            Some("8859/1"),
            "ISO-8859-1",
            ContentType,
            &document("utf-8", "é"),
        ),
        (marked("utf-8", &document("iso-8859-1", "é")), None, "UTF-8", ByteOrderMark, &utf8),
        (marked("utf-8", &plain), Some("iso-8859-1"), "UTF-8", ByteOrderMark, &plain),
        (marked("utf-16le", &document("utf-16", "é")), None, "UTF-16LE", ByteOrderMark, &utf8),
        (
            marked("utf-16be", &document("utf-16", "x")),
            Some("utf-8"),
            "UTF-16BE",
            ByteOrderMark,
            &document("UTF-8", "x"),
        ),
        (in_set("utf-16le", &document("UTF-16", "é")), None, "UTF-16LE", ByteOrderMark, &utf8),
        (in_set("utf-16be", &plain), None, "UTF-16BE", ByteOrderMark, &plain),
        (in_set("utf-32le", &plain), None, "UTF-32LE", ByteOrderMark, &plain),
        (in_set("utf-32be", &plain), None, "UTF-32BE", ByteOrderMark, &plain),
    ] {
        let found = decoded(Format::Xml, &body, told);
        assert_eq!(
            (found.charset.name(), found.source, found.replaced, found.guessed),
            (charset, source, false, false),
            "{told:?}"
        );
        assert_eq!(&String::from_utf8(found.bytes.clone()).unwrap(), expected, "{charset}");
        Message::parse(Format::Xml, found.bytes, &ParseOptions::default()).unwrap();
    }
}

#[test]
fn a_declared_set_that_is_not_read_is_refused_once_it_matters() {
    for (encoding, code) in
        [("x-user-defined", "charset.unsupported"), ("klingon", "charset.unknown")]
    {
        let ascii = document(encoding, "x");
        assert_eq!(decoded(Format::Xml, ascii.as_bytes(), None).bytes, ascii.as_bytes());
        let problem = refusal(Format::Xml, document(encoding, "é").as_bytes(), None);
        assert_eq!(problem.code, code);
        assert!(problem.text.starts_with("the XML declaration names"), "{problem}");
    }
    let wrong = refusal(Format::Xml, b"<?xml version='1.0' encoding='utf-8'?><a>\xE9</a>", None);
    assert_eq!((wrong.code, wrong.offset), ("charset.undecodable", Some(41)));
    assert_eq!(wrong.text, "the XML declaration says UTF-8, and the bytes are not");
}

#[test]
fn what_only_looks_like_a_declaration_tells_nothing() {
    for text in [
        "<a encoding='8859/1'>é</a>",
        "<?xml encoding",
        "<?xml encoding=",
        "<?xml encoding='8859/1",
        "<?xml version='1.0'?><a encoding='8859/1'>é</a>",
        " <?xml version='1.0' encoding='8859/1'?><é/>",
    ] {
        let found = decoded(Format::Xml, text.as_bytes(), None);
        assert_eq!((found.source, found.bytes), (Source::Default, text.as_bytes().to_vec()));
    }
}
