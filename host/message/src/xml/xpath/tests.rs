mod oracle;

use super::super::{Xml, XmlPath};
use crate::{Limits, Problem, Value};

const CARE: &str = "<?xml version='1.0'?><!--top--><?style sheet?>\
<Care xmlns='urn:care' xmlns:d='urn:drug' id='7' xml:lang='en-US'>\
<Name>Ann &amp; <![CDATA[Bob]]></Name>\
<d:Drug code='A' d:dose='2'><Day>1</Day><Day>3</Day></d:Drug>\
<d:Drug code='B' d:dose='10'><Day>5</Day></d:Drug>\
<!-- note --><Empty/>\
<Plain xmlns=''><Code>x</Code><Code>y</Code>  <Code> z\n z </Code></Plain>\
</Care>";

const PROLOG: &str = "declare namespace c = \"urn:care\"; declare namespace e = 'urn:drug'; ";

fn message(text: &str) -> Xml {
    Xml::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn path(expression: &str) -> XmlPath {
    let text = format!("{PROLOG}xpath:{expression}");
    XmlPath::parse(&text).unwrap_or_else(|problem| panic!("{expression}: {problem}"))
}

fn refused(expression: &str) -> Problem {
    XmlPath::parse(&format!("xpath:{expression}")).unwrap_err()
}

/// What each expression reads in [`CARE`].
fn check(table: &[(&str, &str)]) {
    let message = message(CARE);
    for (expression, expected) in table {
        let path = path(expression);
        message.prepare(&path).unwrap();
        assert_eq!(message.text(&path), *expected, "{expression}");
    }
}

#[test]
fn location_paths_lead_along_every_axis() {
    check(&[
        ("/c:Care/c:Name", "Ann & Bob"),
        ("c:Care/c:Name", "Ann & Bob"),
        (" / child::c:Care / child::c:Name ", "Ann & Bob"),
        ("//e:Drug[2]/@code", "B"),
        ("//e:Drug[@code = 'B']/c:Day", "5"),
        ("//e:Drug[c:Day = 3]/@e:dose", "2"),
        ("//e:Drug[last()]/@code", "B"),
        ("//e:Drug[position() = last()]/@code", "B"),
        ("(//c:Day)[3]", "5"),
        ("//c:Day[3]", ""),
        ("(//c:Day)[last() - 1]", "3"),
        ("//c:Day[. = 5]/../@code", "B"),
        ("//c:Day[. = 5]/ancestor::*[1]/@code", "B"),
        ("//c:Day[. = 5]/ancestor::*[2]/@id", "7"),
        ("//c:Day[. = 5]/ancestor-or-self::*[1]", "5"),
        ("//e:Drug[2]/preceding-sibling::*[1]/@code", "A"),
        ("//e:Drug[2]/preceding-sibling::*[2]", "Ann & Bob"),
        ("//e:Drug[1]/following-sibling::e:Drug/@code", "B"),
        ("//c:Day[. = 5]/preceding::c:Day[1]", "3"),
        ("//c:Day[. = 1]/following::c:Day[2]", "5"),
        ("//c:Day[. = 1]/following::Code", "x"),
        ("count(//@*)", "6"),
        ("//@code/following::c:Day", "1"),
        ("count(//@code/following-sibling::node())", "0"),
        ("//c:Care/self::c:Care/@id", "7"),
        ("count(/descendant-or-self::node())", "24"),
        ("name(/*)", "Care"),
        ("//Code", "x"),
        ("//Plain/Code[2]", "y"),
        ("//Plain/*[2]", "y"),
        ("//c:Care/e:*[2]/@code", "B"),
        ("//d:Drug/@code", "A"),
        ("//d:*[2]/@code", "B"),
        ("//Name", ""),
        ("//c:Name/text()", "Ann & Bob"),
        ("//comment()[2]", ""),
        ("(//comment())[2]", " note "),
        ("//processing-instruction()", "sheet"),
        ("/processing-instruction('style')", "sheet"),
        ("/processing-instruction('other')", ""),
        ("//Code[3] | //c:Name | //Code[1]", "Ann & Bob"),
        ("count(//Code | //Code | //c:Day)", "6"),
        ("count(//c:Day[1])", "2"),
        ("count(//node()[self::Code][2])", "1"),
        ("count(//Plain/node()[self::Code][2])", "1"),
        ("//Code[position() > 1][1]", "y"),
        ("string(//Plain/Code[0])", ""),
        ("//Code[1.5]", ""),
        ("//Code['text'][2]", "y"),
        ("/", "Ann & Bob135xy   z\n z "),
    ]);
}

#[test]
fn functions_and_operators_are_those_of_the_recommendation() {
    check(&[
        ("count(//c:Day)", "3"),
        ("sum(//c:Day)", "9"),
        ("sum(//c:Name)", "NaN"),
        ("local-name(//e:Drug)", "Drug"),
        ("name(//e:Drug)", "d:Drug"),
        ("namespace-uri(//e:Drug)", "urn:drug"),
        ("namespace-uri(//Code)", ""),
        ("name(//@e:dose)", "d:dose"),
        ("name(//processing-instruction())", "style"),
        ("name(/)", ""),
        ("local-name(//nothing)", ""),
        ("string(1 div 3)", "0.3333333333333333"),
        ("string(1 div 0)", "Infinity"),
        ("-1 div 0", "-Infinity"),
        ("0 div 0", "NaN"),
        ("-0", "0"),
        ("1000000 * 1000000 * 1000000 * 1000000", "1000000000000000000000000"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("5 mod 2", "1"),
        ("5 mod -2", "1"),
        ("-5 mod 2", "-1"),
        ("1.5 mod 0.5", "0"),
        ("2 + 3 * 4 - 1", "13"),
        ("8 div 4 div 2", "1"),
        ("-(-2)", "2"),
        ("--'2'", "2"),
        ("concat('a', 1, true(), //Code)", "a1truex"),
        ("starts-with(//c:Name, 'Ann')", "true"),
        ("contains(//c:Name, '& B')", "true"),
        ("contains('', '')", "true"),
        ("substring-before('1999/04/01', '/')", "1999"),
        ("substring-after('1999/04/01', '/')", "04/01"),
        ("substring-after('abc', 'x')", ""),
        ("substring('12345', 2, 3)", "234"),
        ("substring('12345', 2)", "2345"),
        ("substring('12345', 1.5, 2.6)", "234"),
        ("substring('12345', 0, 3)", "12"),
        ("substring('12345', 0 div 0, 3)", ""),
        ("substring('12345', 1, 0 div 0)", ""),
        ("substring('12345', -42, 1 div 0)", "12345"),
        ("substring('12345', -1 div 0, 1 div 0)", ""),
        ("substring('äöü', 2, 1)", "ö"),
        ("string-length('äöü')", "3"),
        ("string-length(//Code[1])", "1"),
        ("normalize-space(//Code[3])", "z z"),
        ("normalize-space(' \t')", ""),
        ("translate('bar', 'abc', 'AB')", "BAr"),
        ("translate('--aaa--', 'abc-', 'ABC')", "AAA"),
        ("translate('aa', 'aa', 'xy')", "xx"),
        ("boolean(//nothing)", "false"),
        ("boolean('false')", "true"),
        ("boolean(0 div 0)", "false"),
        ("not(//Code)", "false"),
        ("true() and false()", "false"),
        ("false() or 1", "true"),
        ("true() or 1 div //nothing", "true"),
        ("lang('en')", "false"),
        ("boolean(//Code[lang('EN')])", "true"),
        ("boolean(//Code[lang('en-us')])", "true"),
        ("boolean(//Code[lang('e')])", "false"),
        ("number(' 12.5 ')", "12.5"),
        ("number('.5')", "0.5"),
        ("number('5.')", "5"),
        ("number('-5')", "-5"),
        ("number('+5')", "NaN"),
        ("number('1e3')", "NaN"),
        ("number('-')", "NaN"),
        ("number('.')", "NaN"),
        ("number('inf')", "NaN"),
        ("number(true())", "1"),
        ("floor(-1.5)", "-2"),
        ("ceiling(-1.5)", "-1"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-2"),
        ("round(0.49999999999999994)", "0"),
        ("round(1 div 0)", "Infinity"),
        ("1 = 1.0", "true"),
        ("'1' = 1", "true"),
        ("'1' = '1.0'", "false"),
        ("true() = 'x'", "true"),
        ("1 < 2", "true"),
        ("'2' > '10'", "false"),
        ("//c:Day = 3", "true"),
        ("//c:Day != 3", "true"),
        ("not(//c:Day = 4)", "true"),
        ("//c:Day > 4", "true"),
        ("4 < //c:Day", "true"),
        ("//c:Day < //@e:dose", "true"),
        ("//c:Day > //@e:dose", "true"),
        ("//@e:dose < //Code", "false"),
        ("//Code = //c:Day", "false"),
        ("//Code = //Code[2]", "true"),
        ("//Code[1] != //Code[1]", "false"),
        ("//Code[1] != //Code", "true"),
        ("//Code = true()", "true"),
        ("//nothing = false()", "true"),
        ("//nothing = ''", "false"),
        ("//nothing != ''", "false"),
        ("1 < 2 < 3", "true"),
        ("3 > 2 > 1", "false"),
        ("(1 = 1) = true()", "true"),
        ("//c:Care/@id = 7 and //c:Day[2] = 3", "true"),
    ]);
}

#[test]
fn words_of_the_language_may_be_names() {
    let message = message("<div><div>3</div><mod>2</mod><and/><or>1</or><text>t</text></div>");
    for (expression, expected) in [
        ("/div/div", "3"),
        ("/div/div div /div/mod", "1.5"),
        ("/div/div mod /div/mod", "1"),
        ("/div/and or /div/or", "true"),
        ("/div/*[. = 2] * /div/*", "6"),
        ("count(/div/*)*2", "10"),
        ("/div/text", "t"),
        ("count(/div/text())", "0"),
        ("//text", "t"),
    ] {
        assert_eq!(message.text(&path(expression)), expected, "{expression}");
    }
}

#[test]
fn an_expression_that_cannot_mean_anything_is_refused_with_its_offset() {
    let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
    for (expression, code, offset) in [
        ("", "path.syntax", 6),
        ("//", "path.syntax", 8),
        ("a/", "path.syntax", 8),
        ("a b", "path.syntax", 8),
        ("a[", "path.syntax", 8),
        ("a[1", "path.syntax", 9),
        ("a[]", "path.syntax", 8),
        ("(a", "path.syntax", 8),
        ("'a", "path.syntax", 6),
        ("a/'b'", "path.syntax", 8),
        ("up::a", "path.syntax", 6),
        ("a/count(b)", "path.syntax", 8),
        ("p:", "path.syntax", 8),
        ("1 | a", "path.syntax", 6),
        ("a | 'b'", "path.syntax", 10),
        ("count(1)", "path.syntax", 12),
        ("sum('a')", "path.syntax", 10),
        ("'a'[1]", "path.syntax", 6),
        ("count()", "path.syntax", 6),
        ("true(1)", "path.syntax", 6),
        ("concat('a')", "path.syntax", 6),
        ("a = ", "path.syntax", 10),
        ("$name", "path.unsupported", 6),
        ("namespace::a", "path.unsupported", 6),
        ("id('a')", "path.unsupported", 6),
        ("matches(a, 'b')", "path.unsupported", 6),
        (&deep, "limit.path-depth", 38),
    ] {
        let problem = refused(expression);
        assert_eq!((problem.code, problem.offset), (code, Some(offset)), "{expression}");
    }
    let allowed = format!("xpath:{}1{}", "(".repeat(31), ")".repeat(31));
    assert!(XmlPath::parse(&allowed).is_ok());
    // Long chains are no depth.
    let long = format!("xpath:{}1", "1+".repeat(2_000));
    assert_eq!(message("<a/>").text(&XmlPath::parse(&long).unwrap()), "2001");
    let steps = format!("xpath:{}", "a/".repeat(1_000) + "a");
    assert_eq!(message("<a/>").get(&XmlPath::parse(&steps).unwrap()), Value::Absent);
    let signs = format!("xpath:{}1", "-".repeat(4_001));
    assert_eq!(message("<a/>").text(&XmlPath::parse(&signs).unwrap()), "-1");
}

#[test]
fn nodes_are_counted_and_found_by_exact_paths() {
    let message = message(CARE);
    for (expression, count, found) in [
        ("//c:Day", 3, "Care/Drug[1]/Day[1] Care/Drug[1]/Day[2] Care/Drug[2]/Day[1]"),
        ("//@e:dose", 2, "Care/Drug[1]/@d:dose Care/Drug[2]/@d:dose"),
        ("//Code[. = 'y'] | //c:Name", 2, "Care/Name[1] Care/Plain[1]/Code[2]"),
        ("/", 1, ""),
        ("/*", 1, "Care"),
        ("//nothing", 0, ""),
        ("1 + 1", 0, ""),
        (
            "//Code[2]/text()",
            1,
            "xpath:/*[local-name()='Care'][1]/*[local-name()='Plain'][1]/*[local-name()='Code'][2]/text()[1]",
        ),
        ("/comment()", 1, "xpath:/comment()[1]"),
        ("//comment()[. = ' note ']", 1, "xpath:/*[local-name()='Care']/comment()[1]"),
    ] {
        let path = path(expression);
        assert_eq!(message.count(&path), count, "{expression}");
        let paths = message.find(&path);
        assert_eq!(
            paths.join(" ").replace("'Care'][1]", "'Care']"),
            found.replace("'Care'][1]", "'Care']"),
            "{expression}"
        );
        for (number, exact) in paths.iter().enumerate() {
            let one = self::path(&format!("({expression})[{}]", number + 1));
            let exact = XmlPath::parse(exact).unwrap();
            assert_eq!(message.structure(&exact), message.structure(&one), "{exact}");
            assert_eq!(message.get(&exact), message.get(&one), "{exact}");
        }
    }
}

#[test]
fn a_write_takes_one_place_and_creates_nothing() {
    for (expression, value, expected) in [
        ("//Code[. = 'y']", "<", "<r><Code>x</Code><Code>&lt;</Code>tail<E/></r>"),
        ("//E", "1", "<r><Code>x</Code><Code>y</Code>tail<E>1</E></r>"),
        ("/r/text()", "a&b", "<r><Code>x</Code><Code>y</Code>a&amp;b<E/></r>"),
        ("/r/text()", "", "<r><Code>x</Code><Code>y</Code><E/></r>"),
    ] {
        let mut message = message("<r><Code>x</Code><Code>y</Code>tail<E/></r>");
        message.set(&path(expression), value).unwrap();
        assert_eq!(message.whole_text(), expected, "{expression}");
    }
    let text = "<r a='1'><Code>x</Code><Code>y</Code><!--c-->t</r>";
    for (expression, code) in [
        ("//Code", "path.pattern"),
        ("//Nothing", "edit.absent"),
        ("//comment()", "edit.node"),
        ("count(//Code)", "edit.value"),
        ("/", "edit.whole"),
    ] {
        let mut message = message(text);
        assert_eq!(message.set(&path(expression), "v").unwrap_err().code, code, "{expression}");
        let raw = message.set_structure(&path(expression), "<v/>").unwrap_err();
        assert_eq!(raw.code, code, "{expression}");
        assert_eq!(message.whole_text(), text);
    }
    let mut changed = message(text);
    changed.set(&path("/r/@a"), "2'").unwrap();
    changed.set_structure(&path("//Code[2]"), "<Other/>").unwrap();
    changed.insert(&path("//Other"), "<New/>").unwrap();
    assert_eq!(changed.set_structure(&path("/r/text()"), "<v/>").unwrap_err().code, "edit.text");
    assert_eq!(changed.insert(&path("/r/text()"), "<v/>").unwrap_err().code, "edit.insert");
    assert_eq!(changed.insert(&path("/r"), "<v/>").unwrap_err().code, "edit.insert");
    assert_eq!(changed.whole_text(), "<r a='2&apos;'><Code>x</Code><New/><Other/><!--c-->t</r>");
    assert_eq!(changed.remove(&path("//comment() | //text() | //@a | //New")).unwrap(), 5);
    assert_eq!(changed.whole_text(), "<r><Code></Code><Other/></r>");
    assert_eq!(changed.remove(&path("//*")).unwrap_err().code, "edit.whole");
    assert_eq!(changed.remove(&path("/")).unwrap_err().code, "edit.whole");
}

#[test]
fn what_lies_in_what_goes_is_removed_once() {
    let mut message = message("<r> <a><a>1</a><b/></a> <a/>x</r>");
    assert_eq!(message.remove(&path("//a | //b")).unwrap(), 4);
    assert_eq!(message.whole_text(), "<r>x</r>");
}

#[test]
fn no_expression_takes_for_ever() {
    let text = format!("<r>{}</r>", "<a><b>1</b></a>".repeat(5_000));
    let message = message(&text);
    for expression in [
        "count(//*[count(//*) > 0])",
        "//a[count(preceding::*) = 4999]",
        "//a[following-sibling::a[last()] = 2]",
        "count(//*[contains(string(/), 'x')])",
        "//b[. = //b[. = 2]]",
        "string-length(concat(/,/,/,/)) * count(//b[string-length(concat(/,/,/,/)) > 1])",
        "count(//*//*[count(ancestor::*//*) > 3])",
    ] {
        let path = path(expression);
        let problem = message.prepare(&path).unwrap_err();
        assert_eq!(problem.code, "limit.expression-steps", "{expression}");
        assert_eq!(message.get(&path), Value::Absent, "{expression}");
        assert_eq!((message.count(&path), message.find(&path).len()), (0, 0), "{expression}");
    }
    // What can be told in one pass is.
    for (expression, expected) in [
        ("count(//*//*//*//node()//..)", "5000"),
        ("count(//b/ancestor::*//b/preceding::b/following::b)", "4999"),
        ("count(//a/following-sibling::a)", "4999"),
        ("count(//a/preceding-sibling::a)", "4999"),
        ("count(//a[preceding-sibling::a[1]])", "4999"),
    ] {
        let path = path(expression);
        message.prepare(&path).unwrap();
        assert_eq!(message.text(&path), expected, "{expression}");
    }
    assert_eq!(message.text(&path("//b = //a")), "true");
}

#[test]
fn the_limits_of_nodes_and_steps_are_met_exactly() {
    // The document, r, its attribute, a, b, and the text: six nodes.
    let text = "<r x='1'><a/><b>t</b></r>";
    let limited = |expression_nodes, expression_steps| {
        let limits = Limits { expression_nodes, expression_steps, ..Limits::default() };
        Xml::parse(text.as_bytes().to_vec(), &limits).unwrap()
    };
    assert_eq!(limited(6, 1_000).text(&path("//b")), "t");
    let problem = limited(5, 1_000).prepare(&path("//b")).unwrap_err();
    assert_eq!(problem.code, "limit.expression-nodes");
    let bound = XmlPath::parse("declare namespace p = 'u'; r/p:b").unwrap();
    assert_eq!(limited(5, 1_000).prepare(&bound).unwrap_err().code, "limit.expression-nodes");
    assert!(limited(5, 1_000).prepare(&XmlPath::parse("r/b").unwrap()).is_ok());
    let needed = (1..100).find(|steps| limited(6, *steps).prepare(&path("//b")).is_ok()).unwrap();
    assert!((5..20).contains(&needed), "{needed}");
    // What is remembered makes nothing cheaper.
    let steps = |expression: &str, warm: bool| {
        (1..200).find(|steps| {
            let message = limited(6, *steps);
            if warm {
                let _ = message.prepare(&path("(//*)[1]"));
                let _ = message.prepare(&path("/r/*[1]"));
            }
            message.prepare(&path(expression)).is_ok()
        })
    };
    for expression in ["(//*)[2]", "/r/*[2]", "(//*)[1]"] {
        assert_eq!(steps(expression, false), steps(expression, true), "{expression}");
    }
}

#[test]
fn an_edit_is_seen_by_the_next_expression() {
    let mut message = message("<r><a>1</a><a>2</a></r>");
    let (sum, last) = (path("sum(/r/a)"), path("(/r/a)[2]"));
    assert_eq!((message.text(&sum), message.text(&last)), ("3".into(), "2".into()));
    message.set(&XmlPath::parse("r/a").unwrap(), "5").unwrap();
    assert_eq!(message.text(&sum), "7");
    let copy = message.clone();
    message.insert(&XmlPath::parse("r/a[1]").unwrap(), "<a>9</a>").unwrap();
    assert_eq!((message.text(&sum), message.text(&last)), ("16".into(), "5".into()));
    assert_eq!((copy.text(&sum), copy.text(&last)), ("7".into(), "2".into()));
    message.remove(&XmlPath::parse("r/a[3]").unwrap()).unwrap();
    assert_eq!(message.text(&sum), "14");
}
