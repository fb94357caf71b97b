use super::*;
use proptest::prelude::*;

fn check(message: &Message, path: &str, expected: &[(&str, Option<&str>, &str)]) {
    let children = message.children(path).unwrap();
    let found: Vec<_> = children
        .iter()
        .map(|child| (child.path(), child.name(), child.structure().unwrap()))
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(path, name, raw)| (*path, *name, (*raw).to_owned())).collect();
    assert_eq!(found, expected, "{path:?}");
}

#[test]
fn elements_are_children_in_document_order() {
    let xml = b"<o:Root xmlns:o='u' k='1'><Line no='1'>t<Code/></Line><o:More/>text<!-- c -->\
                <Line/><o:Line>x</o:Line></o:Root>";
    let message = Message::parse(Format::Xml, xml).unwrap();
    let lines: &[_] = &[
        ("Root/Line[1]", Some("Line"), "<Line no='1'>t<Code/></Line>"),
        ("Root/More[1]", Some("More"), "<o:More/>"),
        ("Root/Line[2]", Some("Line"), "<Line/>"),
        ("Root/Line[3]", Some("Line"), "<o:Line>x</o:Line>"),
    ];
    let bound = "declare namespace q = 'u'; q:Root";
    for path in ["Root", "/Root", "*", "Root[1]", "o:Root", "xpath:/*", bound] {
        check(&message, path, lines);
    }
    let code: &[_] = &[("Root/Line[1]/Code[1]", Some("Code"), "<Code/>")];
    for path in ["Root/Line", "Root/Line[*]", "xpath://Line"] {
        check(&message, path, code);
    }
    for path in ["Root/More", "Root/@k", "xpath://@no", "Root/Nothing", "Root/Line[7]"] {
        check(&message, path, &[]);
    }
    let whole = message.children("").unwrap();
    assert_eq!(whole.iter().map(Child::path).collect::<Vec<_>>(), ["Root"]);
    assert_eq!(whole[0].children().unwrap().len(), 4);
    assert_eq!(message.children("Root/[").unwrap_err().code, "path.syntax");
}

#[test]
fn members_and_items_are_children_in_document_order() {
    let json = br#"{"p":{"b/c":[1,{"x":2}],"d":null,"it's":"q","":{"[n]":5},"a":[]},
                    "e":[[{"f":{"g":1}}],"s"],"\u0041\\":true}"#;
    let message = Message::parse(Format::Json, json).unwrap();
    let members: &[_] = &[
        ("newtonsoft:$.p['b/c']", Some("b/c"), r#"[1,{"x":2}]"#),
        ("p/d", Some("d"), "null"),
        ("p/it's", Some("it's"), r#""q""#),
        ("newtonsoft:$.p['']", Some(""), r#"{"[n]":5}"#),
        ("p/a", Some("a"), "[]"),
    ];
    for path in ["p", "/p", "p[1]", "newtonsoft:$.p", "newtonsoft:p", "newtonsoft:$['p','e']"] {
        check(&message, path, members);
    }
    let items: &[_] = &[
        ("newtonsoft:$.p['b/c'][0]", None, "1"),
        ("newtonsoft:$.p['b/c'][1]", None, r#"{"x":2}"#),
    ];
    check(&message, "newtonsoft:$.p['b/c']", items);
    check(&message, "newtonsoft:$.p['']", &[("newtonsoft:$.p['']['[n]']", Some("[n]"), "5")]);
    // A name looks into the first item of an array, and of an array in it.
    for path in ["e/f", "e[1]/f", "e[1][1]/f", "e[1][1][1]/f", "newtonsoft:$..f"] {
        check(&message, path, &[("e[1][1]/f/g", Some("g"), "1")]);
    }
    check(&message, "e", &[("e[1]", None, r#"[{"f":{"g":1}}]"#), ("e[2]", None, r#""s""#)]);
    check(&message, "e[1]", &[("e[1][1]", None, r#"{"f":{"g":1}}"#)]);
    for path in ["p/d", "p/a", "e[2]", "e[3]", "nothing", "p[2]", "A\\", "e[2][1]"] {
        check(&message, path, &[]);
    }
    let names: Vec<_> =
        message.children("").unwrap().iter().map(|child| child.name().map(str::to_owned)).collect();
    assert_eq!(names, ["p", "e", "A\\"].map(|name| Some(name.to_owned())));
    assert_eq!(message.children("a[").unwrap_err().code, "path.syntax");
}

#[test]
fn an_array_and_a_single_value_have_items_and_nothing() {
    let array = Message::parse(Format::Json, b"[[1],{\"a\":2}]").unwrap();
    check(&array, "", &[("[1]", None, "[1]"), ("[2]", None, "{\"a\":2}")]);
    check(&array, "[2]", &[("[2]/a", Some("a"), "2")]);
    let text = Message::parse(Format::Json, b"\"a\"").unwrap();
    check(&text, "", &[]);
}

#[test]
fn other_formats_have_no_children() {
    for (format, bytes) in
        [(Format::Hl7, b"MSH|^~\\&|A\r".as_slice()), (Format::Csv, b"a,b"), (Format::Text, b"a")]
    {
        let message = Message::parse(format, bytes).unwrap();
        assert_eq!(message.children("MSH").unwrap_err().code, "children.format");
    }
}

#[test]
fn no_debug_text_holds_a_name() {
    let json = Message::parse(Format::Json, b"{\"Ekholm\":1}").unwrap();
    assert_eq!(format!("{:?}", json.children("").unwrap()), "[Child { .. }]");
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![Just(serde_json::json!(1)), Just(serde_json::json!("s"))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a/'\\\\.\\[\\]*:$é ]{0,4}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// What children lead to, put together again.
fn rebuilt(message: &Message, path: &str) -> serde_json::Value {
    let children = message.children(path).unwrap();
    let children = children.iter().map(|child| (child.name(), rebuilt(message, child.path())));
    let raw = message.structure(path).unwrap().unwrap();
    match raw.trim_start().as_bytes().first() {
        Some(b'{') => children.map(|(name, value)| (name.unwrap().to_owned(), value)).collect(),
        Some(b'[') => children.map(|(_, value)| value).collect::<Vec<_>>().into(),
        _ => serde_json::from_str(&raw).unwrap(),
    }
}

proptest! {
    /// Every value is reached, whatever its name.
    #[test]
    fn children_of_children_are_the_whole_document(value in value()) {
        let text = value.to_string();
        let message = Message::parse(Format::Json, text.as_bytes()).unwrap();
        prop_assert_eq!(rebuilt(&message, ""), value, "{}", text);
    }
}
