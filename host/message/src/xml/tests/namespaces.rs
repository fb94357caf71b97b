use super::*;

const ORDER: &str = "<o:Order xmlns:o='urn:o' xmlns='urn:d' id='7'>\
<Line no='1'><o:Code>A</o:Code></Line>\
<o:Line no='2' o:no='3'><Code>B</Code></o:Line>\
<q:Line xmlns:q='urn:d'>C</q:Line>\
<Plain xmlns=''><Code>D</Code></Plain></o:Order>";

const PROLOG: &str = "declare namespace a = \"urn:o\"; declare namespace b = 'urn:d'; declare namespace n = 'urn:n'; ";

fn declared(place: &str) -> XmlPath {
    path(&format!("{PROLOG}{place}"))
}

#[test]
fn a_declared_prefix_means_its_namespace_whatever_the_message_calls_it() {
    let message = parse(ORDER);
    for (place, count, expected) in [
        ("a:Order/b:Line", 2, "A"),
        ("a:Order/b:Line[2]", 1, "C"),
        ("a:Order/a:Line/@no", 1, "2"),
        ("a:Order/a:Line/@a:no", 1, "3"),
        ("Order/a:Line/b:Code", 1, "B"),
        ("/Order/Line[2]/b:Code", 1, "B"),
        ("o:Order/b:Line", 2, "A"),
        ("Order/Line[3]", 1, "C"),
        ("Order/@a:id", 0, ""),
        ("b:Order", 0, ""),
        ("a:Order/n:Line", 0, ""),
        ("a:Order/*", 4, "A"),
        ("a:Order/*[2]/@a:no", 1, "3"),
        ("xpath:/a:Order/b:Line", 2, "A"),
        ("xpath:/a:Order/*/Code", 1, "D"),
        ("xpath:/o:Order/b:*", 2, "A"),
    ] {
        assert_eq!(message.text(&declared(place)), expected, "{place}");
        assert_eq!(message.count(&declared(place)), count, "{place}");
    }
    for (pattern, found) in [
        ("a:Order/b:Line[*]", "Order/Line[1] Order/Line[3]"),
        ("a:Order/*[*]/@no", "Order/Line[1]/@no Order/Line[2]/@no"),
        ("a:Order/a:Line[*]/@a:no", "Order/Line[2]/@o:no"),
        ("a:Order/*[*]/b:Code", "Order/Line[2]/Code[1]"),
    ] {
        assert_eq!(message.find(&declared(pattern)).join(" "), found, "{pattern}");
    }
}

#[test]
fn an_element_of_any_name_is_a_step() {
    let message = parse("<a><b>1</b><c><d>2</d></c><b>3</b></a>");
    for (place, count, expected) in
        [("a/*", 3, "1"), ("a/*[3]", 1, "3"), ("*/*[2]/*", 1, "2"), ("a/*[4]", 0, "")]
    {
        assert_eq!(message.text(&path(place)), expected, "{place}");
        assert_eq!(message.count(&path(place)), count, "{place}");
    }
    assert_eq!(message.find(&path("a/*[*]")), ["a/b[1]", "a/c[1]", "a/b[2]"]);
    assert_eq!(message.find(&path("a/*[*]/*[*]")), ["a/c[1]/d[1]"]);
    let mut changed = message.clone();
    changed.set(&path("a/*[2]"), "x").unwrap();
    assert_eq!(changed.set(&path("a/*[4]"), "x").unwrap_err().code, "edit.blocked");
    assert_eq!(changed.remove(&path("a/*[*]")).unwrap(), 3);
    assert_eq!(changed.whole_text(), "<a></a>");
}

#[test]
fn what_is_created_is_in_the_declared_namespace() {
    for (text, place, expected) in [
        // As the message calls it.
        ("<x xmlns:o='urn:o'/>", "x/a:New", "<x xmlns:o='urn:o'><o:New>v</o:New></x>"),
        ("<x xmlns='urn:o'/>", "a:x/a:New", "<x xmlns='urn:o'><New>v</New></x>"),
        ("<x xmlns:o='urn:o'/>", "x/@a:new", "<x xmlns:o='urn:o' o:new=\"v\"/>"),
        (
            "<x xmlns:o='urn:o'><o:y>1</o:y></x>",
            "x/a:y[2]",
            "<x xmlns:o='urn:o'><o:y>1</o:y><o:y>v</o:y></x>",
        ),
        // It has no prefix for it, or none for attributes.
        ("<x/>", "x/a:New", "<x><a:New xmlns:a=\"urn:o\">v</a:New></x>"),
        ("<x/>", "x/a:New/a:In", "<x><a:New xmlns:a=\"urn:o\"><a:In>v</a:In></a:New></x>"),
        ("<x/>", "x/New/@a:in", "<x><New xmlns:a=\"urn:o\" a:in=\"v\"/></x>"),
        ("<x/>", "x/@a:new", "<x xmlns:a=\"urn:o\" a:new=\"v\"/>"),
        ("<x xmlns='urn:o'/>", "x/@a:new", "<x xmlns='urn:o' xmlns:a=\"urn:o\" a:new=\"v\"/>"),
        // The prefix is taken: a new element may say otherwise.
        (
            "<x xmlns:a='urn:other'/>",
            "x/a:New",
            "<x xmlns:a='urn:other'><a:New xmlns:a=\"urn:o\">v</a:New></x>",
        ),
        // A sibling that declares its prefix itself.
        (
            "<x><q:y xmlns:q='urn:o'>1</q:y></x>",
            "x/a:y[2]",
            "<x><q:y xmlns:q='urn:o'>1</q:y><q:y xmlns:q=\"urn:o\">v</q:y></x>",
        ),
    ] {
        let mut message = parse(text);
        message.set(&declared(place), "v").unwrap_or_else(|problem| panic!("{place}: {problem}"));
        assert_eq!(message.whole_text(), expected, "{place}");
        assert_eq!(message.text(&declared(place)), "v", "{place}");
        parse(&message.whole_text());
    }
    for (text, place, code) in [
        ("<x xmlns:a='urn:other'/>", "x/@a:new", "xml.namespace"),
        ("<x/>", "a:x", "edit.blocked"),
        ("<x/>", "x/a:y[2]", "edit.gap"),
        ("<x/>", "x/a:y[*]", "path.pattern"),
        ("<x/>", "x/z:y", "xml.namespace"),
    ] {
        let mut message = parse(text);
        assert_eq!(message.set(&declared(place), "v").unwrap_err().code, code, "{place}");
        assert_eq!(message.whole_text(), text);
    }
    let mut message = parse(ORDER);
    message.set_structure(&declared("a:Order/b:Line[2]"), "<New xmlns='urn:d'/>").unwrap();
    message.insert(&declared("a:Order/a:Line"), "<o:Line>new</o:Line>").unwrap();
    assert_eq!(message.text(&declared("a:Order/a:Line")), "new");
    assert_eq!(message.remove(&declared("a:Order/a:Line[*]")).unwrap(), 2);
    assert_eq!(message.count(&declared("a:Order/*")), 3);
}

#[test]
fn declarations_are_read_and_written() {
    for (text, canonical) in [
        ("declare namespace p = 'u'; a/p:b", "declare namespace p = \"u\"; a/p:b"),
        ("declare namespace p='u\"';\n xpath:p:a", "declare namespace p = 'u\"'; xpath:p:a"),
        (
            " declare  namespace p= \"u\" ;declare namespace é ='v';a",
            "declare namespace p = \"u\"; declare namespace é = \"v\"; a",
        ),
        ("declare/namespace", "declare/namespace"),
    ] {
        let found = path(text);
        assert_eq!(found.to_string(), canonical);
        assert_eq!(path(canonical), found);
    }
    for (text, offset) in [
        ("declare namespace = 'u'; a", 18),
        ("declare namespace p 'u'; a", 20),
        ("declare namespace p = u; a", 22),
        ("declare namespace p = 'u; a", 22),
        ("declare namespace p = 'u' a", 25),
        ("declare namespace p = ''; a", 18),
        ("declare namespace xml = 'u'; a", 18),
        ("declare namespace xmlns = 'u'; a", 18),
        ("declare namespace p = 'http://www.w3.org/2000/xmlns/'; a", 18),
        ("declare namespace p = 'u'; declare namespace p = 'v'; a", 45),
        ("declare namespace p = 'u'; a//b", 29),
        ("declare namespace p = 'u'; xpath:a[", 35),
    ] {
        let problem = XmlPath::parse(text).unwrap_err();
        assert_eq!((problem.code, problem.offset), ("path.syntax", Some(offset)), "{text}");
    }
}

#[test]
fn hostile_documents_are_bounded_for_the_table_too() {
    // A namespace of its own for each of many elements, and many at one place.
    let own: String =
        (0..20_000).map(|number| format!("<p:a xmlns:p='urn:{number}'>x</p:a>")).collect();
    let message = parse(&format!("<r>{own}</r>"));
    let place = path("declare namespace q = 'urn:19999'; r/q:a");
    assert_eq!(message.find(&place), ["r/a[20000]"]);
    let expression = path("declare namespace q = 'urn:19999'; xpath:count(/r/q:a)");
    assert_eq!(message.text(&expression), "1");
    let deep = format!("{}x{}", "<a>".repeat(128), "</a>".repeat(128));
    assert_eq!(parse(&deep).text(&path("xpath:count(//a[not(a)]/ancestor::*)")), "127");
}
