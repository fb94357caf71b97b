use proptest::prelude::*;
use tureen_message::{Format, Message, ParseOptions};

use super::{MESSAGES, Template};
use crate::fixtures::{Inbound, STEP, Sexes, variables};
use crate::{Draft, RENDERED_BYTES_MAX};

fn finish(draft: &Draft, text: &str, entries: &[(&str, &str)]) -> String {
    draft.finish(text, &variables(entries), &MESSAGES, &Sexes).unwrap()
}

/// Begins and finishes without a change between: the text of both phases.
fn check(text: &str, json: bool, entries: &[(&str, &str)], expected: &str) -> String {
    let draft = Template::compile(text).begin(json, &MESSAGES);
    assert_eq!(finish(&draft, &draft.text, entries), expected, "{text}");
    draft.text
}

#[test]
fn messages_come_first_and_variables_last() {
    let text =
        format!("${{{STEP} inbound}}|${{Name}}|${{{STEP} outbound}}|${{CurrentDateTime:HH:mm}}");
    let draft = check(&text, false, &[("Name", "${Other}")], "MSH|^~\\&|${Name}|${Other}||14:07");
    assert!(draft.starts_with("MSH|^~\\&|${Name}|_"), "{draft}");
}

#[test]
fn tokens_are_digits_that_no_format_and_no_letter_case_touches() {
    let draft = Template::compile("${a}").begin(false, &MESSAGES);
    assert!(draft.has_tokens());
    assert!(draft.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'));
    assert_eq!(finish(&draft, &draft.text.to_uppercase(), &[("a", "x")]), "x");
}

#[test]
fn tokens_are_replaced_wherever_transformers_moved_them() {
    let draft = Template::compile("${a},${b}").begin(false, &MESSAGES);
    let (a, b) = draft.text.split_once(',').unwrap();
    let entries = [("A", "1"), ("B", "2")];
    assert_eq!(finish(&draft, &format!("{b}{b}-{a}"), &entries), "22-1");
    assert_eq!(finish(&draft, "removed", &entries), "removed");
    // What is left of a token that was cut means nothing.
    let cut = a.split_at(a.len() - 2).0;
    assert_eq!(finish(&draft, &format!("{cut}, x"), &entries), ", x");
}

#[test]
fn every_draft_has_its_own_tokens() {
    let template = Template::compile("${a}");
    let (first, second) = (template.begin(false, &MESSAGES), template.begin(false, &MESSAGES));
    assert_ne!(first.text, second.text);
    assert_eq!(finish(&second, &first.text, &[("a", "x")]), first.text);
}

#[test]
fn the_tags_of_an_xml_element_have_one_name_before_it_is_known() {
    let parse = |text: &str| {
        let bytes = text.as_bytes().to_vec();
        Message::parse(Format::Xml, bytes, &ParseOptions::default()).map(drop)
    };
    for (text, expected) in [
        ("<${b}>x</${b}>", "<item>x</item>"),
        ("<${b}>${b}</${b}>", "<item>item</item>"),
        (
            "<a xmlns:a='u'>${b}<a:${b}/><a:${b}>x</a:${b}></a>",
            "<a xmlns:a='u'>item<a:item/><a:item>x</a:item></a>",
        ),
        (
            "<${b}><${c}><${b} a='${b}'>x</${b}\n></${c}></${b}>",
            "<item><row><item a='item'>x</item\n></row></item>",
        ),
        ("<x${b}.${c}>${c}</x${b}.${c}>", "<xitem.row>row</xitem.row>"),
        ("<${b:Replace(o, p)}>x</${b:Replace(o, p)}>", "<item>x</item>"),
        ("<!-- ${c} --><${b}/>", "<!-- row --><item/>"),
    ] {
        let draft = check(text, false, &[("b", "item"), ("c", "row")], expected);
        assert_eq!(parse(&draft), Ok(()), "{text}");
    }
    // Tags that do not belong together do not come to.
    let draft = Template::compile("<${b}>x</${c}>").begin(false, &MESSAGES);
    assert_eq!(parse(&draft.text).unwrap_err().code, "xml.syntax");
    let draft = Template::compile("<a ${b}='1' ${c}='2'/>").begin(false, &MESSAGES);
    assert_eq!(parse(&draft.text), Ok(()));
}

#[test]
fn what_is_wrong_with_the_text_is_told_where_the_author_wrote_it() {
    for (format, text, wrong) in [
        (Format::Xml, "<a>${a}${b}</a>!", "!"),
        (Format::Xml, "<a>\n<${b}>x</${b}>\n</c></a>", "c></a>"),
        (Format::Xml, "<a>${a}</${b}>", "${b}>"),
        (Format::Json, r#"{"a": ${a}, "b": 1${b}, !}"#, "!}"),
        (Format::Json, r#"[${a},${b} "x", ?]"#, r#""x", ?]"#),
    ] {
        let draft = Template::compile(text).begin(format == Format::Json, &MESSAGES);
        let bytes = draft.text.as_bytes().to_vec();
        let problem = Message::parse(format, bytes, &ParseOptions::default()).unwrap_err();
        let told = draft.in_template(problem);
        let before = text.split(wrong).next().unwrap();
        assert_eq!(told.offset, Some(before.len()), "{text}: {told}");
        let line = before.matches('\n').count() + 1;
        let byte = before.rsplit('\n').next().unwrap().len() + 1;
        assert_eq!(told.place, Some(format!("line {line}, byte {byte}")), "{text}");
    }
}

#[test]
fn a_text_without_variables_is_finished_from_the_start() {
    let draft = Template::compile("plain ${").begin(true, &MESSAGES);
    assert!(!draft.has_tokens());
    assert_eq!(draft.text, "plain ${");
    assert_eq!(finish(&draft, "changed", &[]), "changed");
    let message = Template::compile(&format!("${{{STEP} inbound}}")).begin(true, &MESSAGES);
    assert!(!message.has_tokens());
}

#[test]
fn json_placeholders_outside_strings_are_parsed_as_strings() {
    for (text, parsed, expected) in [
        (r#"{"n": ${n}}"#, r#"{"n": "T"}"#, r#"{"n": 7}"#),
        (r#"{"n": "${n}"}"#, r#"{"n": "T"}"#, r#"{"n": "7"}"#),
        (
            r#"{"n": -${n}.${n}e5, "m": 1}"#,
            r#"{"n": "-T.Te5", "m": 1}"#,
            r#"{"n": -7.7e5, "m": 1}"#,
        ),
        (r#"[${n},${n}]"#, r#"["T","T"]"#, "[7,7]"),
        (
            r#"{"a": "\"${n}\\", "b": ${n}}"#,
            r#"{"a": "\"T\\", "b": "T"}"#,
            r#"{"a": "\"7\\", "b": 7}"#,
        ),
        (r#"${n}"#, r#""T""#, "7"),
        (r#"{${k}: true}"#, r#"{"T": true}"#, r#"{"key": true}"#),
        (r#"{"l": ${list} }"#, r#"{"l": "T" }"#, r#"{"l": ["x", "y"] }"#),
        (r#"[12${n},true,12,"é${n}"]"#, r#"["12T",true,12,"éT"]"#, r#"[127,true,12,"é7"]"#),
    ] {
        let entries = [("n", "7"), ("k", "\"key\""), ("list", r#"["x", "y"]"#)];
        let draft = check(text, true, &entries, expected);
        assert_eq!(without_tokens(&draft), parsed, "{text}");
    }
}

/// Every token of a field as `T`, the others gone.
fn without_tokens(draft: &str) -> String {
    let mut text = String::new();
    let mut parts = draft.split('_');
    text.push_str(parts.next().unwrap());
    while let (Some(_nonce), Some(number), Some(plain)) = (parts.next(), parts.next(), parts.next())
    {
        text.push_str(if number.parse::<usize>().unwrap() < 2 { "" } else { "T" });
        text.push_str(plain);
    }
    text
}

#[test]
fn json_strings_that_transformers_changed_keep_their_quotation_marks() {
    let draft = Template::compile(r#"[${n}]"#).begin(true, &MESSAGES);
    let string = draft.text.trim_matches(['[', ']', '"']);
    for (text, expected) in [
        (format!(r#"{{"a":"{string}"}}"#), r#"{"a":7}"#),
        (format!(r#"{{"a":"{string} mg"}}"#), r#"{"a":"7 mg"}"#),
        (format!(r#"{{"a":"ca. {string}"}}"#), r#"{"a":"ca. 7"}"#),
        (format!(r#"{{"a":"say \"{string}\""}}"#), r#"{"a":"say \"7\""}"#),
        (format!(r#"{{"a":"{string}{string}"}}"#), r#"{"a":77}"#),
    ] {
        assert_eq!(finish(&draft, &text, &[("n", "7")]), expected, "{text}");
    }
}

#[test]
fn what_a_json_message_holds_decides_what_is_inside_a_string() {
    let text = format!(r#"{{"message": ${{{STEP} inbound}}, "n": ${{n}}}}"#);
    let draft = Template::compile(&text).begin(true, &Inbound(r#"{"x": "a\"b, {c"}"#));
    assert_eq!(
        finish(&draft, &draft.text, &[("n", "7")]),
        r#"{"message": {"x": "a\"b, {c"}, "n": 7}"#
    );
}

#[test]
fn tokens_in_variables_are_replaced_once_and_can_be_settled() {
    let draft = Template::compile("${a},${b}").begin(false, &MESSAGES);
    let (a, b) = draft.text.split_once(',').unwrap();
    // A transformer copied the first field into a variable.
    let copied = format!("<{a}>");
    assert_eq!(finish(&draft.clone(), b, &[("a", "1"), ("b", &copied)]), "<1>");
    // A value that holds its own token ends.
    assert_eq!(finish(&draft.clone(), a, &[("a", &copied)]), "<<>>");
    let mut variables = variables(&[("a", "1"), ("b", &copied), ("c", "plain")]);
    draft.settle_variables(&mut variables, &MESSAGES, &Sexes).unwrap();
    let all: Vec<_> = variables.iter().collect();
    assert_eq!(all, [("a", "1"), ("b", "<1>"), ("c", "plain")]);
}

#[test]
fn a_placeholder_has_one_value_wherever_its_token_went() {
    let draft = Template::compile("${UUID} ${UUID}").begin(false, &MESSAGES);
    let (first, _) = draft.text.split_once(' ').unwrap();
    let mut variables = variables(&[("sent", first)]);
    draft.settle_variables(&mut variables, &MESSAGES, &Sexes).unwrap();
    let text = format!("{} {first}", draft.text);
    let finished = draft.finish(&text, &variables, &MESSAGES, &Sexes).unwrap();
    let sent = variables.get("sent").unwrap();
    let [one, two, three] = finished.split(' ').collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((one, three), (&*sent, &*sent));
    // Written twice, it is two placeholders.
    assert_ne!(one, two);
}

#[test]
fn a_draft_that_grows_too_large_or_cannot_be_formatted_says_so_at_the_end() {
    let big: &'static str = Box::leak("x".repeat(RENDERED_BYTES_MAX / 2 + 1).into_boxed_str());
    let text = format!("${{{STEP} inbound}}").repeat(2);
    let draft = Template::compile(&text).begin(false, &Inbound(big));
    assert_eq!(draft.problem().map(|problem| problem.code), Some("limit.rendered-bytes"));
    let text = format!("${{{STEP} inbound:Lookup(Sex)}}");
    let draft = Template::compile(&text).begin(false, &MESSAGES);
    let problem = draft.finish("", &variables(&[]), &MESSAGES, &Sexes).unwrap_err();
    assert_eq!(problem.code, "table.unavailable");
}

#[test]
fn finishing_many_tokens_reads_a_limited_number_of_bytes() {
    let big = "x".repeat(1 << 20);
    let variables = variables(&[("Big", &big)]);
    let one = "${Big:Truncate(1)}";
    let draft = Template::compile(&one.repeat(2_000)).begin(false, &MESSAGES);
    let problem = draft.finish(&draft.text, &variables, &MESSAGES, &Sexes);
    assert_eq!(problem.unwrap_err().code, "limit.formatted-bytes");
    // A token that was copied is read once.
    let draft = Template::compile(one).begin(false, &MESSAGES);
    let text = draft.text.repeat(10_000);
    let finished = draft.finish(&text, &variables, &MESSAGES, &Sexes);
    assert_eq!(finished.unwrap(), "x".repeat(10_000));
}

#[test]
fn data_tables_are_a_problem_only_when_finishing() {
    let draft = Template::compile("a${DATATABLE>T.F}").begin(false, &MESSAGES);
    assert!(draft.problem().is_none());
    let problem = draft.finish(&draft.text, &variables(&[]), &MESSAGES, &Sexes).unwrap_err();
    assert_eq!(problem.code, "data-table.unknown");
}

proptest! {
    #[test]
    fn both_phases_together_are_rendering(
        text in "([a-z,1.: {}\\[\\]-]|\"|\\$\\{[ab]\\}){0,20}",
        json: bool,
        a in "\\PC{0,8}",
    ) {
        let template = Template::compile(&text);
        let variables = variables(&[("a", &a), ("b", "${a}")]);
        let draft = template.begin(json, &MESSAGES);
        let finished = draft.finish(&draft.text, &variables, &MESSAGES, &Sexes).unwrap();
        prop_assert_eq!(finished, template.render(&variables, &MESSAGES, &Sexes).unwrap());
    }

    #[test]
    fn no_changed_text_makes_finishing_panic(cut in 0_usize..200, more in "\\PC{0,10}") {
        let draft = Template::compile("[${a}, \"${b}\", 1${a}]").begin(true, &MESSAGES);
        let cut = draft.text.floor_char_boundary(cut);
        let (head, tail) = draft.text.split_at(cut);
        let inserted = format!("{head}{more}{tail}");
        for text in [inserted, format!("{tail}{head}"), format!("{head}{more}")] {
            let finished = finish(&draft, &text, &[("a", "1"), ("b", &text)]);
            prop_assert!(finished.len() < 4 * (text.len() + 10));
        }
    }
}
