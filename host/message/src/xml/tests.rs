mod edits;
mod loops;
mod namespaces;
mod paths;
mod properties;

use super::*;

fn parse(text: &str) -> Xml {
    Xml::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap_or_else(|p| panic!("{p}"))
}

fn path(text: &str) -> XmlPath {
    XmlPath::parse(text).unwrap()
}

fn refusal(text: &[u8]) -> Problem {
    Xml::parse(text.to_vec(), &Limits::default()).unwrap_err()
}

#[test]
fn a_document_is_kept_byte_for_byte() {
    for text in [
        "<a/>",
        "\u{feff}<?xml version='1.0' encoding=\"utf-8\" standalone='yes' ?>\r\n<!-- c --><?p i?>\r\n<a  b = '1'\tc=\"&#x41;&quot;'\" >x &lt; y<![CDATA[<&]]>\r\n<é:b xmlns:é='u' é:x='1'/ ></a >\n<!---->",
    ] {
        let text = text.replace("/ >", "/>");
        let message = parse(&text);
        assert_eq!(message.bytes(), text.as_bytes());
        assert_eq!(message.whole_text(), text);
        assert_eq!(message.structure(&path("")).unwrap(), text);
        assert_eq!(message.check(), []);
        assert_eq!(message.into_bytes(), text.as_bytes());
    }
}

#[test]
fn a_debug_print_shows_the_length_and_no_content() {
    assert_eq!(format!("{:?}", parse("<a>secret</a>")), "Xml(13 bytes)");
}

#[test]
fn each_syntax_error_names_its_line_and_byte_and_no_content() {
    let check = |text: &str, place: &str, expected: &str| {
        let problem = refusal(text.as_bytes());
        assert_eq!(problem.code, "xml.syntax", "{text}");
        assert_eq!(problem.place.as_deref(), Some(place), "{text}");
        assert_eq!(problem.text, format!("not XML: {expected}"), "{text}");
    };
    check("", "line 1, byte 1", "expected the root element, found the end of the text");
    check(" \n ", "line 2, byte 2", "expected the root element, found the end of the text");
    check(
        "x<a/>",
        "line 1, byte 1",
        "expected a tag; text stands inside the root element alone, found a letter",
    );
    check(
        "<a/>x",
        "line 1, byte 5",
        "expected a tag; text stands inside the root element alone, found a letter",
    );
    check(
        "<a/>&lt;",
        "line 1, byte 5",
        "expected a tag; text stands inside the root element alone, found a punctuation mark",
    );
    check(
        "<a/>\n<b/>",
        "line 2, byte 1",
        "expected nothing but comments after the root element, found a punctuation mark",
    );
    check(
        "<a>",
        "line 1, byte 4",
        "expected the end tag of the innermost open element, found the end of the text",
    );
    check(
        "<a><b></a></b>",
        "line 1, byte 9",
        "expected the end tag of the innermost open element, found a letter",
    );
    check(
        "<a></a b>",
        "line 1, byte 8",
        "expected `>` after the name in an end tag, found a letter",
    );
    check("</a>", "line 1, byte 2", "expected the name of an element, found a punctuation mark");
    check("<1/>", "line 1, byte 2", "expected the name of an element, found a digit");
    check("< a/>", "line 1, byte 2", "expected the name of an element, found white space");
    check(
        "<a",
        "line 1, byte 3",
        "expected white space, `>` or `/>` in a start tag, found the end of the text",
    );
    check(
        "<a b='1'c='2'/>",
        "line 1, byte 9",
        "expected white space, `>` or `/>` in a start tag, found a letter",
    );
    check("<a b/>", "line 1, byte 5", "expected an equals sign, found a punctuation mark");
    check("<a b=1/>", "line 1, byte 6", "expected a value in quotes, found a digit");
    check(
        "<a b='1/>",
        "line 1, byte 10",
        "expected the closing quote of a value, found the end of the text",
    );
    check(
        "<a b='<'/>",
        "line 1, byte 7",
        "expected no `<` in the value of an attribute, found a punctuation mark",
    );
    check(
        "<a / >",
        "line 1, byte 4",
        "expected an attribute, `>` or `/>`, found a punctuation mark",
    );
    check("<a>]]></a>", "line 1, byte 4", "expected no `]]>` in text, found a square bracket");
    check(
        "<a><![CDATA[x</a>",
        "line 1, byte 18",
        "expected the end `]]>` of a CDATA section, found the end of the text",
    );
    check(
        "<![CDATA[x]]><a/>",
        "line 1, byte 3",
        "expected a comment, or a CDATA section inside an element, found a square bracket",
    );
    check(
        "<a><!ELEMENT b></a>",
        "line 1, byte 6",
        "expected a comment, or a CDATA section inside an element, found a letter",
    );
    check(
        "<!-- <a/>",
        "line 1, byte 10",
        "expected the end `-->` of a comment, found the end of the text",
    );
    check(
        "<!-- -- --><a/>",
        "line 1, byte 8",
        "expected no `--` inside a comment, found white space",
    );
    check(
        "<a><?xml version='1.0'?></a>",
        "line 1, byte 6",
        "expected the target of a processing instruction, not `xml`, found a letter",
    );
    check(
        " <?xml version='1.0'?><a/>",
        "line 1, byte 4",
        "expected the target of a processing instruction, not `xml`, found a letter",
    );
    check(
        "<?p<a/>",
        "line 1, byte 4",
        "expected white space after the target of an instruction, found a punctuation mark",
    );
    check(
        "<?p <a/>",
        "line 1, byte 9",
        "expected the end `?>` of a processing instruction, found the end of the text",
    );
    check(
        "<?xml ?><a/>",
        "line 1, byte 9",
        "expected the version in the XML declaration, found a punctuation mark",
    );
    check(
        "<?xml version='2.0'?><a/>",
        "line 1, byte 7",
        "expected a right value in the XML declaration, found a letter",
    );
    check(
        "<?xml version='1.0' encoding='a b'?><a/>",
        "line 1, byte 21",
        "expected a right value in the XML declaration, found a letter",
    );
    check(
        "<?xml version='1.0' standalone='yes' encoding='a'?><a/>",
        "line 1, byte 38",
        "expected version, encoding, standalone or `?>`, found a letter",
    );
    check(
        "<?xml version='1.0'encoding='a'?><a/>",
        "line 1, byte 20",
        "expected version, encoding, standalone or `?>`, found a letter",
    );
    check(
        "<?xml encoding='a'?><a/>",
        "line 1, byte 7",
        "expected a right value in the XML declaration, found a letter",
    );
    assert_eq!(refusal(b"<a b='1' b='1'/>").text, "not XML: an element has one attribute twice");
}

#[test]
fn documents_with_a_type_or_entities_are_refused_before_anything_is_expanded() {
    for (text, code, offset) in [
        ("<!DOCTYPE a><a/>", "xml.doctype", 0),
        ("<?xml version='1.0'?>\n<!doctype a SYSTEM 'http://x/'><a/>", "xml.doctype", 22),
        ("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "xml.doctype", 0),
        ("<a><!DOCTYPE b></a>", "xml.doctype", 3),
        ("<a>&e;</a>", "xml.entity", 3),
        ("<a b='&e;'/>", "xml.entity", 6),
        ("<a>x&</a>", "xml.entity", 4),
        ("<a>&lt</a>", "xml.entity", 3),
        ("<a>& lt;</a>", "xml.entity", 3),
        ("<a>&#0;</a>", "xml.entity", 3),
        ("<a>&#xD800;</a>", "xml.entity", 3),
        ("<a>&#x110000;</a>", "xml.entity", 3),
        ("<a>&#99999999999999999999;</a>", "xml.entity", 3),
        ("<a>&#x;</a>", "xml.entity", 3),
        ("<a>&#+5;</a>", "xml.entity", 3),
        ("<a>\u{1}</a>", "xml.character", 3),
        ("<a>\u{b}\u{FFFE}</a>", "xml.character", 3),
        ("<a>\u{FFFF}</a>", "xml.character", 3),
    ] {
        let problem = refusal(text.as_bytes());
        assert_eq!((problem.code, problem.offset), (code, Some(offset)), "{text}");
        assert!(!problem.to_string().contains("passwd"));
    }
    let mut bomb = "<!DOCTYPE a [<!ENTITY e0 'x'>".to_owned();
    for level in 1..30 {
        bomb.push_str(&format!("<!ENTITY e{level} '&e{0};&e{0};'>", level - 1));
    }
    bomb.push_str("]><a>&e29;</a>");
    assert_eq!(refusal(bomb.as_bytes()).code, "xml.doctype");
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_offset() {
    let problem = refusal(b"<a>\n\xff</a>");
    assert_eq!((problem.code, problem.offset), ("xml.encoding", Some(4)));
    assert_eq!(problem.place.as_deref(), Some("line 2, byte 1"));
}

#[test]
fn prefixes_must_be_declared_once_and_rightly() {
    for text in [
        "<p:a xmlns:p='u'><p:b p:c='1' c='1'/></p:a>",
        "<a xmlns='u'><b xmlns=''/></a>",
        "<a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:p='u'><b xmlns:p='v'/><p:c/></a>",
        "<a xmlns:p='u' xmlns:q='v' p:x='1' q:x='1'/>",
        "<a xmlns='u' xmlns:p='u' x='1' p:x='1'/>",
    ] {
        assert_eq!(parse(text).bytes(), text.as_bytes());
    }
    for text in [
        "<p:a/>",
        "<a p:b='1'/>",
        "<a><b xmlns:p='u'/><p:c/></a>",
        "<a><b xmlns:p='u'></b><p:c/></a>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w&#x33;.org/XML/1998/namespace'/>",
        "<xmlns:a/>",
        "<:a/>",
        "<a:/>",
        "<a:b:c/>",
    ] {
        let problem = refusal(text.as_bytes());
        assert_eq!(problem.code, "xml.namespace", "{text}: {problem}");
    }
    for uri in ["u", "&#117;"] {
        let twice = format!("<a xmlns:p='u' xmlns:q='{uri}' p:x='1' q:x='1'/>");
        assert_eq!(refusal(twice.as_bytes()).code, "xml.syntax");
    }
}

#[test]
fn an_attribute_that_stands_twice_is_found_among_few_and_many() {
    for others in [0, 1, 6, 7, 8, 9, 200] {
        let all: String = (0..others).map(|number| format!(" a{number}=''")).collect();
        parse(&format!("<a x=''{all} y=''/>"));
        for twice in [format!("<a x=''{all} x=''/>"), format!("<a{all} x='' x=''/>")] {
            assert_eq!(refusal(twice.as_bytes()).code, "xml.syntax", "{others}");
        }
        let prefixed: String = (0..others).map(|number| format!(" p:a{number}=''")).collect();
        let twice = format!("<a xmlns:p='u' xmlns:q='u' p:x=''{prefixed} q:x=''/>");
        assert_eq!(refusal(twice.as_bytes()).code, "xml.syntax", "{others}");
    }
}

#[test]
fn depth_attributes_and_namespaces_are_allowed_up_to_the_limit_and_no_more() {
    let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    let attributes = |count: usize| {
        let all: String = (0..count).map(|number| format!(" a{number}=''")).collect();
        format!("<a{all}/>")
    };
    let namespaces = |count: usize| {
        let all: String = (0..count).map(|number| format!(" xmlns:a{number}='u'")).collect();
        format!("<a><b{all}/><b{all}/></a>")
    };
    let limits = Limits::default();
    for (document, limit, code) in [
        (&nested as &dyn Fn(usize) -> String, limits.depth, "limit.depth"),
        (&attributes, limits.attributes, "limit.attributes"),
        (&namespaces, limits.namespaces, "limit.namespaces"),
    ] {
        parse(&document(limit));
        assert_eq!(refusal(document(limit + 1).as_bytes()).code, code);
    }
    assert_eq!(refusal(nested(100_000).as_bytes()).code, "limit.depth");
    assert_eq!(refusal(attributes(100_000).as_bytes()).code, "limit.attributes");
    let empty_inside = format!("{}<b/>{}", "<a>".repeat(128), "</a>".repeat(128));
    assert_eq!(refusal(empty_inside.as_bytes()).code, "limit.depth");
}

#[test]
fn a_message_over_the_byte_limit_is_refused_when_parsed_and_when_written() {
    let limits = Limits { message_bytes: 10, ..Limits::default() };
    let refused = Xml::parse(b"<a>1234</a>".to_vec(), &limits).unwrap_err();
    assert_eq!(refused.code, "limit.message-bytes");
    let mut message = Xml::parse(b"<a>123</a>".to_vec(), &limits).unwrap();
    for (place, value) in [("a", "1234"), ("a", "<<"), ("a/b", ""), ("a/@b", "")] {
        assert_eq!(message.set(&path(place), value).unwrap_err().code, "limit.message-bytes");
    }
    assert_eq!(
        message.set_structure(&path("a"), "<a>1234</a>").unwrap_err().code,
        "limit.message-bytes"
    );
    assert_eq!(message.bytes(), b"<a>123</a>");
    message.set(&path("a"), "1").unwrap();
    assert_eq!(message.bytes(), b"<a>1</a>");
}

#[test]
fn a_replacement_that_is_not_xml_leaves_the_old_content() {
    let mut message = parse("<a/>");
    assert!(message.replace(b"<a>".to_vec(), &Limits::default()).is_err());
    assert_eq!(message.bytes(), b"<a/>");
    message.replace(b"<b/>".to_vec(), &Limits::default()).unwrap();
    assert_eq!(message.bytes(), b"<b/>");
}

#[test]
fn text_is_read_with_references_sections_and_line_ends_resolved() {
    let check = |written: &str, expected: &str| {
        let message = parse(&format!("<a>{written}</a>"));
        assert_eq!(message.text(&path("a")), expected, "{written}");
    };
    check("plain é", "plain é");
    check("&lt;&gt;&amp;&apos;&quot;", "<>&'\"");
    check("&#65;&#x42;&#x1F600;&#0067;", "AB😀C");
    check("a<![CDATA[<&amp;>]]>b", "a<&amp;>b");
    check("a<!-- c --><?p i?>b", "ab");
    check("a<b x='no'>c<d/>d</b>e", "acde");
    check("a\r\nb\rc\td", "a\nb\nc\td");
    check("<![CDATA[a\r\nb]]>", "a\nb");
    check("&#13;&#10;", "\r\n");
    check("a > b", "a > b");
    let attribute = |written: &str, expected: &str| {
        let message = parse(&format!("<a b={written}/>"));
        assert_eq!(message.text(&path("a/@b")), expected, "{written}");
    };
    attribute("'x\r\ny\tz\nw'", "x y z w");
    attribute("\"&quot;'>&#10;\"", "\"'>\n");
}

#[test]
fn absent_and_empty_are_told_apart_and_read_as_nothing() {
    let message = parse("<a b=''><c/><d></d><e><f/></e></a>");
    for absent in ["b", "a/x", "a/c[2]", "a/c/x", "a/@x", "a/x/@b", "a/c/@b", "a[2]"] {
        assert_eq!(message.get(&path(absent)), Value::Absent, "{absent}");
        assert_eq!(message.structure(&path(absent)), None, "{absent}");
        assert_eq!((message.text(&path(absent)), message.count(&path(absent))), ("".into(), 0));
    }
    for empty in ["", "a", "a/@b", "a/c", "a/d", "a/e"] {
        assert_eq!(message.get(&path(empty)), Value::Empty, "{empty}");
        assert_eq!(message.text(&path(empty)), "", "{empty}");
    }
    assert_eq!(message.structure(&path("a/e")).unwrap(), "<e><f/></e>");
    assert_eq!(message.structure(&path("a/@b")).unwrap(), "");
}
