//! Selectors, as Newtonsoft.Json reads them.

use super::*;

const STORE: &str = r#"{
  "store": {
    "book": [
      { "category": "reference", "author": "Nigel Rees", "price": 8.95 },
      { "category": "fiction", "author": "Evelyn Waugh", "price": 12.99, "sold": true },
      { "category": "fiction", "isbn": "0-553", "author": "Melville", "price": 9, "notes": null },
      { "category": "fiction", "isbn": "0-395", "author": "Tolkien", "price": "22.99" }
    ],
    "bicycle": { "color": "red", "price": 19.95 },
    "a/b": [ [1, 2], [3] ]
  },
  "limit": 10
}"#;

/// The values that a selector finds, by way of the exact paths.
fn values(document: &str, selector: &str) -> Vec<String> {
    let message = parse(document);
    let selector = path(&format!("newtonsoft:{selector}"));
    let found = message.find(&selector);
    assert_eq!(found.len(), message.count(&selector), "{selector}");
    let values: Vec<_> =
        found.iter().map(|place| message.structure(&path(place)).unwrap().into_owned()).collect();
    assert_eq!(message.structure(&selector).as_deref(), values.first().map(String::as_str));
    values
}

fn check(document: &str, selector: &str, expected: &[&str]) {
    assert_eq!(values(document, selector), expected, "{selector}");
}

#[test]
fn wildcards_take_items_or_members() {
    check(STORE, "$.store.book[*].price", &["8.95", "12.99", "9", "\"22.99\""]);
    check(STORE, "$.store.bicycle.*", &["\"red\"", "19.95"]);
    check(STORE, "store['a/b'][*][*]", &["1", "2", "3"]);
    check(STORE, "$.store.bicycle[*]", &[]);
    check(STORE, "$.store.book.*", &[]);
    check(r#"{"a":1,"b":{"c":2},"a":3}"#, "*", &[r#"{"c":2}"#, "3"]);
}

#[test]
fn a_search_takes_what_stands_anywhere_inside() {
    check(STORE, "$..price", &["8.95", "12.99", "9", "\"22.99\"", "19.95"]);
    check(STORE, "$.store.bicycle..color", &["\"red\""]);
    check(STORE, "$..book[1].author", &["\"Evelyn Waugh\""]);
    check(STORE, "$..['color','isbn']", &["\"0-553\"", "\"0-395\"", "\"red\""]);
    check(r#"{"a":{"a":[{"a":1}]}}"#, "$..a", &[r#"{"a":[{"a":1}]}"#, r#"[{"a":1}]"#, "1"]);
    check("[1,[2]]", "$..*", &["[1,[2]]", "1", "[2]", "2"]);
    check("[1,[2]]", "$..*[0]", &["1", "2"]);
    check(r#"{"a":{"x":1},"a":{"x":2}}"#, "$..x", &["2"]);
    // Both searches come to the inner one: it is one place.
    check(r#"{"a":{"a":{"b":1}}}"#, "$..a..b", &["1"]);
    check("7", "$..*", &["7"]);
    check("7", "$..a", &[]);
}

#[test]
fn unions_take_what_there_is_in_their_own_order() {
    check(STORE, "$.store.book[2,0].price", &["9", "8.95"]);
    check(STORE, "$.store.book[ 0 , 9 ].price", &["8.95"]);
    check(STORE, "$.store.bicycle['price','none','color']", &["19.95", "\"red\""]);
    check("[1]", "$[0,0]", &["1"]);
    check(r#"{"a":1}"#, "$['a','a']", &["1"]);
}

#[test]
fn slices_count_from_either_end_and_go_either_way() {
    let items = "[0,1,2,3,4]";
    check(items, "$[1:3]", &["1", "2"]);
    check(items, "$[:2]", &["0", "1"]);
    check(items, "$[3:]", &["3", "4"]);
    check(items, "$[::2]", &["0", "2", "4"]);
    check(items, "$[1:4:2]", &["1", "3"]);
    check(items, "$[-2:]", &["3", "4"]);
    check(items, "$[:-3]", &["0", "1"]);
    check(items, "$[::-1]", &["4", "3", "2", "1", "0"]);
    check(items, "$[3:1:-1]", &["3", "2"]);
    check(items, "$[ 1 : 9 : 1 ]", &["1", "2", "3", "4"]);
    check(items, "$[9:1]", &[]);
    check(items, "$[-9:1]", &["0"]);
    check(items, "$[:-9:-3]", &["4", "1"]);
    check("[]", "$[::-1]", &[]);
    check("{}", "$[1:]", &[]);
    check(items, "$[9223372036854775807:-9223372036854775807:-9223372036854775807]", &["4"]);
}

#[test]
fn filters_look_at_the_items_of_arrays() {
    let authors = |condition: &str| values(STORE, &format!("$.store.book[?({condition})].author"));
    assert_eq!(authors("@.isbn"), ["\"Melville\"", "\"Tolkien\""]);
    assert_eq!(authors("@.notes"), ["\"Melville\""]);
    assert_eq!(authors("@.author == 'Nigel Rees'"), ["\"Nigel Rees\""]);
    assert_eq!(authors("@.category=='fiction'&&@.price>9"), ["\"Evelyn Waugh\"", "\"Tolkien\""]);
    assert_eq!(authors("@.price < $.limit"), ["\"Nigel Rees\"", "\"Melville\""]);
    assert_eq!(authors("!@.isbn && !(@.sold == true)"), ["\"Nigel Rees\""]);
    assert_eq!(authors("@.author =~ /^t.*KIEN$/i"), ["\"Tolkien\""]);
    assert_eq!(authors("'red' == $.store.bicycle.color").len(), 4);
    assert_eq!(authors("@['price'] === 9.0"), ["\"Melville\""]);
    assert_eq!(authors("@.sold !== true"), Vec::<String>::new());
    check(STORE, "$.store[?(@.color)]", &[]);
    check(STORE, "$..[?(@.color == 'red')].price", &["19.95"]);
    check("[[1],[2,3]]", "$[?(@[?(@ > 2)])]", &["[2,3]"]);
    check("[1,2,3]", "$[?(@ <> 2)]", &["1", "3"]);
    check(r#"[{"a":[1,5]}]"#, "$[?(@.a[*] == 5)].a[0]", &["1"]);
}

#[test]
fn joined_tests_belong_to_the_right_as_in_newtonsoft() {
    let held = |condition: &str, a: bool, b: bool, c: bool| {
        let document = format!(r#"[{{"a":{a},"b":{b},"c":{c}}}]"#);
        !values(&document, &format!("$[?({condition})]")).is_empty()
    };
    for bits in 0..8_u8 {
        let (a, b, c) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        let check = |condition: &str, expected: bool| {
            assert_eq!(held(condition, a, b, c), expected, "{condition} with {a}, {b}, {c}");
        };
        check("@.a == true && @.b == true || @.c == true", a && (b || c));
        check("@.a == true || @.b == true && @.c == true", a || (b && c));
        check("(@.a == true && @.b == true) || @.c == true", (a && b) || c);
        check("!(@.a == true || @.b == true) && !!@.c == true", !(a || b) && c);
        check("@.a == true && @.b == true && @.c == true", a && b && c);
    }
}

#[test]
fn values_compare_as_in_newtonsoft() {
    let check = |left: &str, comparison: &str, right: &str, expected: bool| {
        let document = format!(r#"[{{"l":{left},"r":{right}}}]"#);
        let selector = format!("$[?(@.l {comparison} @.r)]");
        assert_eq!(
            !values(&document, &selector).is_empty(),
            expected,
            "{left} {comparison} {right}"
        );
    };
    check("1", "==", "1.0", true);
    check("1e2", "==", "100", true);
    check("0.1", "==", "0.10000000000000001", true);
    check("-0", "==", "0", true);
    check("9007199254740993", "==", "9007199254740992", false);
    check("9007199254740993", ">", "9007199254740992", true);
    check("-123456789012345678901234567890", "<", "-12345678901234567890", true);
    check("-1", "<", "1", true);
    check("1", ">", "-1", true);
    check("1", "==", "\"1\"", false);
    check("\"1\"", "!=", "1", true);
    check("\"10\"", ">", "9", true);
    check("9", "<", "\"10\"", true);
    check("\"x\"", ">", "9", false);
    check("\"x\"", "<=", "9", false);
    check("\"10\"", "<", "\"9\"", true);
    check("\"\\ufffd\"", ">", "\"\\ud83d\\ude00\"", true);
    check("null", "==", "null", true);
    check("null", "<", "0", true);
    check("\"\"", ">", "null", true);
    check("null", ">=", "null", true);
    check("true", ">", "false", true);
    check("true", ">=", "1", true);
    check("1", ">", "false", true);
    check("\"TRUE\"", ">", "false", true);
    check("\"yes\"", ">", "false", false);
    check("{}", "==", "{}", false);
    check("{}", "!=", "{}", true);
    check("[]", "<", "1", false);
    check("\"2020-01-01\"", "==", "\"2020-01-01\"", true);
}

#[test]
fn an_absent_place_compares_with_nothing() {
    check("[{}]", "$[?(@.a != 1)]", &[]);
    check("[{}]", "$[?(@.a == null)]", &[]);
    check("[{}]", "$[?(1 != @.a)]", &[]);
    check("[{}]", "$[?(!(@.a == 1))]", &["{}"]);
}

#[test]
fn paths_are_found_as_slash_paths_where_the_names_allow_it() {
    let message = parse(STORE);
    assert_eq!(message.find(&path("newtonsoft:$..color")), ["store/bicycle/color"]);
    assert_eq!(message.find(&path("newtonsoft:$..book[-1:].isbn")), ["store/book[4]/isbn"]);
    assert_eq!(
        message.find(&path("newtonsoft:$.store['a/b'][1][*]")),
        ["newtonsoft:$.store['a/b'][1][0]"]
    );
    assert_eq!(message.find(&path("newtonsoft:$.store.bicycle.color")), ["store/bicycle/color"]);
    let odd = parse(r#"{"":1,"newtonsoft:x":2,"it's":3,"a[1]":4,"t\t\\":5,"k":6}"#);
    assert_eq!(
        odd.find(&path("newtonsoft:$.*")),
        [
            "newtonsoft:$['']",
            "newtonsoft:$['newtonsoft:x']",
            "it's",
            "newtonsoft:$['a[1]']",
            "t\t\\",
            "k"
        ]
    );
}

#[test]
fn a_path_that_would_be_too_long_is_left_out_and_all_together_are_bounded() {
    let name = "n".repeat(PATH_BYTES_MAX);
    let message = parse(&format!(r#"{{"{name}":[1],"{name}y":2,"k":3}}"#));
    assert_eq!(message.find(&path("newtonsoft:$.*")), [name.as_str(), "k"]);
    assert_eq!(message.find(&path("newtonsoft:$..[?(@ == 1)]")), Vec::<String>::new());
    let items = "1,".repeat(MATCHES_MAX);
    let message = parse(&format!(r#"{{"{}":[{items}1]}}"#, "n".repeat(4_000)));
    let found = message.find(&path("newtonsoft:$..[?(@ == 1)]"));
    assert!(found.iter().map(String::len).sum::<usize>() <= FOUND_BYTES_MAX);
    assert!(found.len() > FOUND_BYTES_MAX / PATH_BYTES_MAX && found.len() < MATCHES_MAX);
}

#[test]
fn a_write_goes_to_the_one_place_that_a_selector_means() {
    let mut message = parse(r#"[{"id":1,"v":"a"},{"id":2,"v":"b"}]"#);
    message.set(&path("newtonsoft:$[?(@.id == 2)].v"), "new").unwrap();
    message.set_structure(&path("newtonsoft:$[:1].v"), "[0]").unwrap();
    assert_eq!(message.bytes(), br#"[{"id":1,"v":[0]},{"id":2,"v":"new"}]"#);
    let refused = |message: &mut Json, selector: &str, code: &str| {
        let before = message.clone();
        let problem = message.set(&path(selector), "x").unwrap_err();
        assert_eq!((problem.code, problem.place.as_deref()), (code, Some(selector)));
        assert_eq!(message.set_null(&path(selector)).unwrap_err().code, code);
        assert_eq!(message.bytes(), before.bytes());
    };
    refused(&mut message, "newtonsoft:$[*].v", "path.several");
    refused(&mut message, "newtonsoft:$..id", "path.several");
    refused(&mut message, "newtonsoft:$[?(@.id == 3)].v", "edit.absent");
    refused(&mut message, "newtonsoft:$[0].v.*", "edit.absent");
}

#[test]
fn a_removal_takes_every_place_once_also_one_in_another() {
    let check = |before: &str, selector: &str, removed: usize, after: &str| {
        let mut message = parse(before);
        assert_eq!(message.remove(&path(&format!("newtonsoft:{selector}"))).unwrap(), removed);
        assert_eq!(message.whole_text(), after, "{selector}");
        parse(after);
    };
    check(r#"{"a":{"a":1,"b":2},"b":[{"a":3},4]}"#, "$..a", 3, r#"{"b":[{},4]}"#);
    check(r#"{"a":1,"b":2,"c":3,"a":4}"#, "$['a','c']", 2, r#"{"b":2}"#);
    check(r#"{"a":1,"b":2}"#, "$.*", 2, "{}");
    check("[1,2,3,4]", "$[::-2]", 2, "[1,3]");
    check("[1,2,3,4]", "$[?(@ > 2)]", 2, "[1,2]");
    check("[1,2]", "$[?(@ > 2)]", 0, "[1,2]");
    check(r#"{"x":{"a":1,"a":2},"x":{"a":3}}"#, "$..a", 1, r#"{"x":{"a":1,"a":2},"x":{}}"#);
    assert_eq!(parse("[1]").remove(&path("newtonsoft:$..*")).unwrap_err().code, "edit.whole");
}

#[test]
fn the_limit_of_steps_ends_a_read_and_refuses_an_edit() {
    let items = format!("[{}{{\"a\":1}}]", "{\"b\":1},".repeat(200));
    let limits = Limits { path_steps: 2_000, ..Limits::default() };
    let mut message = Json::parse(items.clone().into_bytes(), &limits).unwrap();
    let selector = path("newtonsoft:$..a");
    assert_eq!((message.count(&selector), message.get(&selector)), (0, Value::Absent));
    assert!(message.count(&path("newtonsoft:$..b")) > 10);
    for code in [
        message.set(&selector, "x").unwrap_err().code,
        message.remove(&selector).unwrap_err().code,
        message.insert(&path("newtonsoft:$[?(@.a)]"), "1").unwrap_err().code,
    ] {
        assert_eq!(code, "limit.path-steps");
    }
    assert_eq!(message.bytes(), items.as_bytes());
    // An exact path and one without searches are not bounded.
    assert_eq!(message.text(&path("newtonsoft:$[200].a")), "1");
    assert_eq!(parse(&items).count(&selector), 1);
}

#[test]
fn searches_in_searches_end_at_the_limit_of_steps() {
    let levels = 120;
    let document = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let selector = path(&format!("newtonsoft:$.{}", ".a.".repeat(20).trim_end_matches('.')));
    let limits = Limits { path_steps: 1 << 20, ..Limits::default() };
    let message = Json::parse(document.into_bytes(), &limits).unwrap();
    assert!(message.count(&selector) > 0);
}

#[test]
fn a_selector_that_nobody_can_mean_is_refused_with_its_place() {
    let check = |written: &str, code: &str, offset: usize| {
        let problem = JsonPath::parse(&format!("newtonsoft:{written}")).unwrap_err();
        assert_eq!((problem.code, problem.offset), (code, Some(offset + 11)), "{written}");
    };
    check("$.", "path.syntax", 2);
    check("$..", "path.syntax", 3);
    check("$a.", "path.syntax", 3);
    check("$['a", "path.syntax", 3);
    check("$['a'", "path.syntax", 5);
    check("$['a',", "path.syntax", 6);
    check("$['a'x]", "path.syntax", 5);
    check("$['\\x']", "path.syntax", 3);
    check("$[]", "path.syntax", 2);
    check("$[1", "path.syntax", 3);
    check("$[1,]", "path.syntax", 4);
    check("$[x]", "path.syntax", 2);
    check("$[99999999999999999999]", "path.syntax", 2);
    check("$[::0]", "path.syntax", 5);
    check("$[0]a", "path.syntax", 4);
    check("$.a b", "path.syntax", 4);
    check("$[-1]", "path.unsupported", 2);
    check("$[(@.length-1)]", "path.unsupported", 2);
    check("$.a(0)", "path.unsupported", 3);
    check("$..[0]", "path.unsupported", 4);
    check("$[?]", "path.syntax", 3);
    check("$[?()]", "path.syntax", 4);
    check("$[?(@.a]", "path.syntax", 7);
    check("$[?(@.a = 1)]", "path.syntax", 8);
    check("$[?(@.a == )]", "path.syntax", 11);
    check("$[?(@.a == 01)]", "path.syntax", 11);
    check("$[?(@.a == 1]", "path.syntax", 12);
    check("$[?(1)]", "path.syntax", 5);
    check("$[?(@.a =~ 'x')]", "path.syntax", 11);
    check("$[?(@.a =~ /x)]", "path.syntax", 12);
    check("$[?(@.a =~ /x/g)]", "path.syntax", 15);
    check("$[?(@.a =~ /(?=x)/)]", "path.unsupported", 11);
    check("$[?(@.a =~ /(\\w{100}){100}/)]", "path.unsupported", 11);
    let nested =
        |depth: usize| format!("newtonsoft:$[?{}@.a{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(JsonPath::parse(&nested(CONDITION_DEPTH_MAX)).is_ok());
    let problem = JsonPath::parse(&nested(CONDITION_DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(problem.code, "limit.path-nesting");
    let filters = format!("newtonsoft:$[?(@{}", "[?(@".repeat(500));
    assert_eq!(JsonPath::parse(&filters).unwrap_err().code, "limit.path-nesting");
}

#[test]
fn spellings_that_newtonsoft_reads_are_read() {
    check(r#"{"$type":"x"}"#, "$type", &["\"x\""]);
    check(r#"{"a":{"b":1}}"#, " $.a.b ", &["1"]);
    check(r#"{"a":{"b":1}}"#, "$.['a'].['b']", &["1"]);
    check(r#"{"a":{"b":1}}"#, "$..['b']", &["1"]);
    check(r#"{"a-b":{"@id":1}}"#, "a-b.@id", &["1"]);
    check(r#"[{"a":"x'y"}]"#, r"$[?(@.a=='x\'y')].a", &["\"x'y\""]);
    check(r#"[{"a":"x/y"}]"#, r"$[?(@.a=~/x\/y/)].a", &["\"x/y\""]);
    check(r#"[{"é":"Ü"}]"#, "$[?( @.é =~ /ü/i )].é", &["\"Ü\""]);
}
