use super::*;

fn edited(before: &str, edit: impl FnOnce(&mut Json) -> Result<(), Problem>) -> String {
    let mut message = parse(before);
    edit(&mut message).unwrap();
    let after = message.whole_text().into_owned();
    assert_eq!(parse(&after).bytes(), message.bytes(), "still valid");
    after
}

#[test]
fn a_write_replaces_its_value_alone_by_an_escaped_string() {
    let check = |before: &str, place: &str, value: &str, after: &str| {
        assert_eq!(edited(before, |message| message.set(&path(place), value)), after, "{place}");
    };
    let before = "{ \"b\" : 1.10 ,\t\"a\":[1E5, {\"x\" :true}] , \"a b\":null }\n";
    check(before, "b", "é", "{ \"b\" : \"é\" ,\t\"a\":[1E5, {\"x\" :true}] , \"a b\":null }\n");
    check(before, "a[1]", "1", "{ \"b\" : 1.10 ,\t\"a\":[\"1\", {\"x\" :true}] , \"a b\":null }\n");
    check(before, "a[2]", "", "{ \"b\" : 1.10 ,\t\"a\":[1E5, \"\"] , \"a b\":null }\n");
    check(
        before,
        "a[2]/x",
        "y",
        "{ \"b\" : 1.10 ,\t\"a\":[1E5, {\"x\" :\"y\"}] , \"a b\":null }\n",
    );
    check(before, "a b", "y", "{ \"b\" : 1.10 ,\t\"a\":[1E5, {\"x\" :true}] , \"a b\":\"y\" }\n");
    check(
        "[0]",
        "[1]",
        "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{7f}",
        "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\u{7f}\"]",
    );
    check("\u{feff}1 ", "", "x", "\u{feff}\"x\" ");
    check(r#"{"a":1,"a":2}"#, "a", "x", r#"{"a":1,"a":"x"}"#);
}

#[test]
fn what_is_missing_is_created_in_the_style_of_its_neighbours() {
    let check = |before: &str, place: &str, after: &str| {
        assert_eq!(edited(before, |message| message.set(&path(place), "v")), after, "{place}");
    };
    check("{}", "a", r#"{"a":"v"}"#);
    check("{ \n }", "a", r#"{"a":"v"}"#);
    check("{}", "a/b[1]/c", r#"{"a":{"b":[{"c":"v"}]}}"#);
    check("{}", "a[1][1]", r#"{"a":[["v"]]}"#);
    check("[]", "[1]", r#"["v"]"#);
    check("[]", "[1]/a", r#"[{"a":"v"}]"#);
    check("[]", "a", r#"[{"a":"v"}]"#);
    check("[[]]", "a", r#"[[{"a":"v"}]]"#);
    check("[1]", "[2]", r#"[1,"v"]"#);
    check("[1, 2]", "[3]", r#"[1, 2, "v"]"#);
    check(r#"{"a":1}"#, "b", r#"{"a":1,"b":"v"}"#);
    check(r#"{"a": 1}"#, "b", r#"{"a": 1, "b": "v"}"#);
    check(r#"{"a":1, "c":2}"#, "b", r#"{"a":1, "c":2, "b":"v"}"#);
    check("{\n  \"a\": 1\n}", "b", "{\n  \"a\": 1,\n  \"b\": \"v\"\n}");
    check("{\n  \"a\": {}\n}", "a/b/c", "{\n  \"a\": {\"b\":{\"c\":\"v\"}}\n}");
    check(r#"{"a":null}"#, "a/b", r#"{"a":{"b":"v"}}"#);
    check(r#"{"a":null}"#, "a[1]", r#"{"a":["v"]}"#);
    check(r#"{"a":{"x":1}}"#, "a[1]/b", r#"{"a":{"x":1,"b":"v"}}"#);
    check("{}", "newtonsoft:$['a/b'][0].c", r#"{"a/b":[{"c":"v"}]}"#);
    check("[1]", "newtonsoft:$[1]", r#"[1,"v"]"#);
    check("{}", "a\"b", r#"{"a\"b":"v"}"#);
}

#[test]
fn a_write_that_cannot_be_is_refused_and_changes_nothing() {
    let check = |before: &str, place: &str, code: &str| {
        let mut message = parse(before);
        let problem = message.set(&path(place), "v").unwrap_err();
        assert_eq!(problem.code, code, "{place}");
        assert!(problem.place.is_some(), "{place}");
        assert_eq!(message.bytes(), before.as_bytes(), "{place}");
    };
    check("[1]", "[3]", "edit.gap");
    check("[]", "[2]", "edit.gap");
    check("{}", "a[2]", "edit.gap");
    check("{}", "newtonsoft:$.a[1]", "edit.gap");
    check(r#"{"a":1}"#, "a/b", "edit.blocked");
    check(r#"{"a":"x"}"#, "a[2]", "edit.blocked");
    check(r#"{"a":{}}"#, "a[2]", "edit.blocked");
    check(r#"{"a":[{}]}"#, "newtonsoft:$.a.b", "edit.blocked");
    check(r#"{"a":[1]}"#, "a[*]", "path.pattern");
    check("{}", &"/a".repeat(129), "limit.depth");
}

#[test]
fn a_write_may_reach_the_depth_limit_and_not_pass_it() {
    let limits = Limits { depth: 2, ..Limits::default() };
    let mut message = Json::parse(b"{}".to_vec(), &limits).unwrap();
    message.set_structure(&path("a"), "{}").unwrap();
    message.set(&path("a/b"), "").unwrap();
    for (place, text) in [("a/b", "[]"), ("c", "[[]]"), ("c/d/e", "1"), ("", "[[[]]]")] {
        let problem = message.set_structure(&path(place), text).unwrap_err();
        assert_eq!(problem.code, "limit.depth", "{place}");
    }
    assert_eq!(message.bytes(), br#"{"a":{"b":""}}"#);
}

#[test]
fn a_structure_is_checked_and_written_as_it_is() {
    let check = |text: &str, after: &str| {
        let edit = |message: &mut Json| message.set_structure(&path("a"), text);
        assert_eq!(edited(r#"{"a" : 1}"#, edit), after);
    };
    check("1.50", r#"{"a" : 1.50}"#);
    check("true", r#"{"a" : true}"#);
    check("\u{feff} {\"x\" : [ ]}\n", r#"{"a" : {"x" : [ ]}}"#);
    check("null", r#"{"a" : null}"#);
    let mut message = parse(r#"{"a" : 1}"#);
    for text in ["", "x", "1,\"b\":2", "{\"x\":1", "1}"] {
        assert_eq!(message.set_structure(&path("a"), text).unwrap_err().code, "json.syntax");
    }
    assert_eq!(message.bytes(), br#"{"a" : 1}"#);
}

#[test]
fn a_null_is_written_as_null() {
    assert_eq!(edited(r#"{"a":1}"#, |message| message.set_null(&path("a"))), r#"{"a":null}"#);
    assert_eq!(edited("{}", |message| message.set_null(&path("a/b"))), r#"{"a":{"b":null}}"#);
}

#[test]
fn nothing_is_appended_to_json() {
    assert_eq!(parse("{}").append("x").unwrap_err().code, "edit.append");
}

#[test]
fn a_removal_takes_the_comma_along_and_leaves_its_neighbours() {
    let check = |before: &str, pattern: &str, removed: usize, after: &str| {
        let mut message = parse(before);
        assert_eq!(message.remove(&path(pattern)).unwrap(), removed, "{pattern}");
        assert_eq!(message.whole_text(), after, "{pattern}");
        parse(after);
    };
    check("{\n  \"a\": 1,\n  \"b\": 2\n}", "a", 1, "{\n  \"b\": 2\n}");
    check("{\n  \"a\": 1,\n  \"b\": 2\n}", "b", 1, "{\n  \"a\": 1\n}");
    check("{\n  \"a\": 1\n}", "a", 1, "{}");
    check("{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }", "b", 1, "{ \"a\" : 1 , \"c\" : 3 }");
    check("[1, 2, 3]", "[1]", 1, "[2, 3]");
    check("[1, 2, 3]", "[2]", 1, "[1, 3]");
    check("[1, 2, 3]", "[3]", 1, "[1, 2]");
    check("[1, 2, 3]", "[4]", 0, "[1, 2, 3]");
    check("[1, 2, 3]", "[*]", 3, "[]");
    check(
        "{\"a\":[ {\"x\":1,\"y\":2}, {\"y\":3}, 4 ]}",
        "a[*]/y",
        2,
        "{\"a\":[ {\"x\":1}, {}, 4 ]}",
    );
    check("[5,[6],7]", "[*][1]", 3, "[[]]");
    check("[5,[6,8],9,7]", "[*][1]", 4, "[[8]]");
    check(r#"{"a":{"b":1}}"#, "a[1]", 1, "{}");
    check(r#"{"a":1,"b":2,"\u0061":3}"#, "a", 1, r#"{"b":2}"#);
    check(r#"{"b":2,"a":1,"a":3,"c":4}"#, "a", 1, r#"{"b":2,"c":4}"#);
    check(r#"{"a":{"x":1},"a":{"y":2,"x":3}}"#, "a/x", 1, r#"{"a":{"x":1},"a":{"y":2}}"#);
    check(r#"{"a":1}"#, "b", 0, r#"{"a":1}"#);
}

#[test]
fn the_whole_document_and_too_many_places_are_not_removed() {
    let mut message = parse("1");
    assert_eq!(message.remove(&path("")).unwrap_err().code, "edit.whole");
    assert_eq!(message.remove(&path("[*]")).unwrap_err().code, "edit.whole");
    let many = format!("[{}1]", "1,".repeat(MATCHES_MAX));
    let mut message = parse(&many);
    assert_eq!(message.remove(&path("[*]")).unwrap_err().code, "limit.matches");
    assert_eq!(message.bytes(), many.as_bytes());
    message.remove(&path("[1]")).unwrap();
    assert_eq!(message.remove(&path("[*]")).unwrap(), MATCHES_MAX);
    assert_eq!(message.bytes(), b"[]");
}

#[test]
fn an_item_is_inserted_before_the_one_that_the_path_names() {
    let check = |before: &str, place: &str, text: &str, after: &str| {
        let edit = |message: &mut Json| message.insert(&path(place), text);
        assert_eq!(edited(before, edit), after, "{place}");
    };
    check("[1, 2]", "[1]", "0", "[0, 1, 2]");
    check("[1, 2]", "[2]", "{\"a\": 0}", "[1, {\"a\": 0}, 2]");
    check("[1, 2]", "[3]", "0", "[1, 2, 0]");
    check("[1]", "[1]", " 0 ", "[0,1]");
    check("[\n  1,\n  2\n]", "[1]", "0", "[\n  0,\n  1,\n  2\n]");
    check("[\n  1,\n  2\n]", "[2]", "0", "[\n  1,\n  0,\n  2\n]");
    check("[]", "[1]", "0", "[0]");
    check("{}", "a[1]", "0", r#"{"a":[0]}"#);
    check(r#"{"a":null}"#, "a[1]", "0", r#"{"a":[0]}"#);
    check("[[1],[2]]", "[2][1]", "0", "[[1],[0,2]]");
    check("[1,2]", "newtonsoft:$[1]", "0", "[1,0,2]");
    check(r#"[{"id":1},{"id":2}]"#, "newtonsoft:$[?(@.id==2)]", "0", r#"[{"id":1},0,{"id":2}]"#);
}

#[test]
fn an_insertion_that_cannot_be_is_refused_and_changes_nothing() {
    let check = |before: &str, place: &str, text: &str, code: &str| {
        let mut message = parse(before);
        assert_eq!(message.insert(&path(place), text).unwrap_err().code, code, "{place}");
        assert_eq!(message.bytes(), before.as_bytes(), "{place}");
    };
    check("[1]", "[3]", "0", "edit.insert");
    check("[]", "[2]", "0", "edit.insert");
    check(r#"{"a":1}"#, "a", "0", "edit.insert");
    check(r#"{"a":[1]}"#, "a", "0", "edit.insert");
    check(r#"{"a":1}"#, "a[1]", "0", "edit.insert");
    check(r#"[[2],{"a":1}]"#, "[2][1]", "0", "edit.insert");
    check(r#"{"a":1}"#, "a[2]", "0", "edit.insert");
    check("[1]", "", "0", "edit.insert");
    check("[1]", "[1]", "x", "json.syntax");
    check("[1]", "[*]", "0", "path.pattern");
    check("[1,2]", "newtonsoft:$[0,1]", "0", "path.several");
    check(r#"{"a":1}"#, "newtonsoft:$.*", "0", "edit.insert");
    let limits = Limits { depth: 2, message_bytes: 8, ..Limits::default() };
    let mut message = Json::parse(b"[[1]]".to_vec(), &limits).unwrap();
    assert_eq!(message.insert(&path("[1][1]"), "[]").unwrap_err().code, "limit.depth");
    assert_eq!(message.insert(&path("[1][1]"), "123").unwrap_err().code, "limit.message-bytes");
    assert_eq!(message.bytes(), b"[[1]]");
}
