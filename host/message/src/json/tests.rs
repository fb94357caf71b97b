mod edits;
mod paths;
mod properties;
mod selectors;
mod walks;

use super::*;

fn parse(text: &str) -> Json {
    Json::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap()
}

fn refusal(text: &[u8]) -> Problem {
    Json::parse(text.to_vec(), &Limits::default()).unwrap_err()
}

#[test]
fn a_document_is_kept_byte_for_byte_with_its_byte_order_mark() {
    let text = "\u{feff} { \"b\" : 1.10 , \"a\":[1E5,-0, \"\\u00e9\\/\"],\"b\":null }\r\n";
    let message = parse(text);
    assert_eq!(message.bytes(), text.as_bytes());
    assert_eq!(message.whole_text(), text);
    assert_eq!(message.text(&path("a[1]")), "1E5");
    assert_eq!(message.check(), []);
    assert_eq!(message.into_bytes(), text.as_bytes());
}

#[test]
fn a_debug_print_shows_the_length_and_no_content() {
    assert_eq!(format!("{:?}", parse(r#"{"a":"secret"}"#)), "Json(14 bytes)");
}

#[test]
fn each_syntax_error_names_its_line_and_byte_and_no_content() {
    let check = |text: &str, place: &str, expected: &str| {
        let problem = refusal(text.as_bytes());
        assert_eq!(problem.code, "json.syntax", "{text}");
        assert_eq!(problem.place.as_deref(), Some(place), "{text}");
        assert_eq!(problem.text, format!("not JSON: expected {expected}"), "{text}");
    };
    check("", "line 1, byte 1", "a value, found the end of the text");
    check(" \n ", "line 2, byte 2", "a value, found the end of the text");
    check("{\n \"a\": x}", "line 2, byte 7", "a value, found a letter");
    check("{\"a\" 1}", "line 1, byte 6", "a colon, found a digit");
    check("{\"a\":1,}", "line 1, byte 8", "a member name in double quotes, found a curly bracket");
    check("{'a':1}", "line 1, byte 2", "a member name in double quotes, found a single quote");
    check("[1,]", "line 1, byte 4", "a value, found a square bracket");
    check("[1}", "line 1, byte 3", "a comma or `]`, found a curly bracket");
    check("{\"a\":1]", "line 1, byte 7", "a comma or `}`, found a square bracket");
    check("[1 2]", "line 1, byte 4", "a comma or `]`, found a digit");
    check("01", "line 1, byte 2", "the end of the text after the value, found a digit");
    check("1.", "line 1, byte 3", "a digit, found the end of the text");
    check("-", "line 1, byte 2", "a digit, found the end of the text");
    check("1e+", "line 1, byte 4", "a digit, found the end of the text");
    check(
        "[nul]",
        "line 1, byte 2",
        "true, false, null, a number or a double quote, found a letter",
    );
    check("\"a\nb\"", "line 1, byte 3", "the rest of a string, found white space");
    check("\"\\x\"", "line 1, byte 3", "an escape that JSON knows, found a letter");
    check("\"\\u12g4\"", "line 1, byte 6", "four hexadecimal digits, found a letter");
    check("{} {}", "line 1, byte 4", "the end of the text after the value, found a curly bracket");
    check("\u{feff}\u{feff}1", "line 1, byte 4", "a value, found a character outside ASCII");
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_offset() {
    let problem = refusal(b"{\"a\":\n\"\xff\"}");
    assert_eq!((problem.code, problem.offset), ("json.encoding", Some(7)));
    assert_eq!(problem.place.as_deref(), Some("line 2, byte 2"));
}

#[test]
fn nesting_is_allowed_up_to_the_limit_and_refused_one_level_deeper() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let limits = Limits::default();
    assert!(Json::parse(nested(limits.depth).into_bytes(), &limits).is_ok());
    let problem = refusal(nested(limits.depth + 1).as_bytes());
    assert_eq!((problem.code, problem.offset), ("limit.depth", Some(limits.depth)));
    assert_eq!(refusal(nested(10_000).as_bytes()).code, "limit.depth");
    assert_eq!(refusal("[{\"a\":".repeat(10_000).as_bytes()).code, "limit.depth");
}

#[test]
fn an_item_that_no_step_names_counts_as_a_level() {
    let limits = Limits { depth: 3, ..Limits::default() };
    let mut message = Json::parse(b"[]".to_vec(), &limits).unwrap();
    assert_eq!(message.set(&path("a/b/c"), "x").unwrap_err().code, "limit.depth");
    message.set(&path("a/b"), "x").unwrap();
    assert!(Json::parse(message.bytes().to_vec(), &limits).is_ok());
}

#[test]
fn ten_thousand_levels_need_no_stack_where_the_limit_allows_them() {
    let levels = 10_000;
    let limits = Limits { depth: levels, ..Limits::default() };
    let text = format!("{} 1 {}", "[".repeat(levels), "]".repeat(levels));
    let mut message = Json::parse(text.into_bytes(), &limits).unwrap();
    assert_eq!(message.count(&path("")), 1);
    assert_eq!(message.text(&path("")).len(), 2 * levels + 1);
    assert_eq!(message.find(&path("[*][*][*]")), ["[1][1][1]"]);
    assert_eq!(message.remove(&path("[1][1]")).unwrap(), 1);
    assert_eq!(message.bytes(), b"[[]]");
}

#[test]
fn a_message_over_the_byte_limit_is_refused_when_parsed_and_when_written() {
    let limits = Limits { message_bytes: 10, ..Limits::default() };
    let refused = Json::parse(b"{\"a\":\"123\"}".to_vec(), &limits).unwrap_err();
    assert_eq!(refused.code, "limit.message-bytes");
    let mut message = Json::parse(b"{\"a\":\"12\"}".to_vec(), &limits).unwrap();
    assert_eq!(message.set(&path("a"), "123").unwrap_err().code, "limit.message-bytes");
    assert_eq!(message.set(&path("b"), "").unwrap_err().code, "limit.message-bytes");
    assert_eq!(message.bytes(), b"{\"a\":\"12\"}");
    message.set(&path("a"), "1").unwrap();
    assert_eq!(message.bytes(), b"{\"a\":\"1\"}");
}

#[test]
fn a_replacement_that_is_not_json_leaves_the_old_content() {
    let mut message = parse("[1]");
    assert!(message.replace(b"[".to_vec(), &Limits::default()).is_err());
    assert_eq!(message.bytes(), b"[1]");
    message.replace(b"{}".to_vec(), &Limits::default()).unwrap();
    assert_eq!(message.bytes(), b"{}");
}

#[test]
fn strings_are_decoded_with_surrogate_pairs_and_halves_read_as_replacement() {
    let check = |written: &str, expected: &str| {
        assert_eq!(parse(&format!("[{written}]")).text(&path("[1]")), expected, "{written}");
    };
    check(r#""plain é""#, "plain é");
    check(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
    check(r#""a\u00e9b""#, "aéb");
    check(r#""\ud83d\ude00!""#, "😀!");
    check(r#""\ud83d!""#, "\u{fffd}!");
    check(r#""\ud83d\u0041""#, "\u{fffd}A");
    check(r#""\ud83d\n""#, "\u{fffd}\n");
    check(r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}");
    check(r#""\u0000""#, "\0");
}

#[test]
fn absent_empty_and_null_are_told_apart_and_read_as_nothing() {
    let message = parse(r#"{"empty":"","null":null,"zero":0}"#);
    assert_eq!(message.get(&path("absent")), Value::Absent);
    assert_eq!(message.get(&path("zero/absent")), Value::Absent);
    assert_eq!(message.get(&path("empty")), Value::Empty);
    assert_eq!(message.get(&path("null")), Value::Null);
    for place in ["absent", "empty", "null"] {
        assert_eq!(message.text(&path(place)), "");
    }
    assert_eq!(message.structure(&path("absent")), None);
    assert_eq!(message.structure(&path("empty")).unwrap(), "\"\"");
    assert_eq!(message.structure(&path("null")).unwrap(), "null");
}

#[test]
fn objects_and_arrays_read_as_compact_json_and_keep_their_spelling() {
    let message = parse("{ \"o\" : { \"x\" : 1.10 ,\n\"y z\":[ 1E5, \" a\\\" b \" ] } ,\"e\":[ ]}");
    assert_eq!(message.text(&path("o")), r#"{"x":1.10,"y z":[1E5," a\" b "]}"#);
    assert_eq!(message.text(&path("e")), "[]");
    assert_eq!(
        message.structure(&path("o")).unwrap(),
        "{ \"x\" : 1.10 ,\n\"y z\":[ 1E5, \" a\\\" b \" ] }"
    );
    assert!(matches!(message.get(&path("o/x")), Value::Text(Cow::Borrowed("1.10"))));
}
