use super::*;

/// The document after one text is written.
fn written(text: &str, place: &str, value: &str) -> String {
    let mut message = parse(text);
    message.set(&path(place), value).unwrap_or_else(|problem| panic!("{place}: {problem}"));
    assert_eq!(message.text(&path(place)), value, "{place} in {text}");
    parse(&message.whole_text());
    message.whole_text().into_owned()
}

fn refused(text: &str, edit: impl FnOnce(&mut Xml) -> Result<(), Problem>) -> Problem {
    let mut message = parse(text);
    let problem = edit(&mut message).unwrap_err();
    assert_eq!(message.whole_text(), text, "a failed edit changes nothing");
    problem
}

#[test]
fn a_text_is_written_escaped_and_touches_its_place_alone() {
    for (text, place, value, expected) in [
        ("<a> <b>1</b> </a>", "a/b", "2", "<a> <b>2</b> </a>"),
        ("<a><b/></a>", "a/b", "2", "<a><b>2</b></a>"),
        ("<a><b x='1' /></a>", "a/b", "2", "<a><b x='1'>2</b></a>"),
        ("<a><b /></a>", "a/b", "", "<a><b /></a>"),
        ("<a><b>1</b></a>", "a/b", "", "<a><b></b></a>"),
        ("<a><b></b></a>", "a/b", "2", "<a><b>2</b></a>"),
        ("<a><b>1<c/>2<!-- --></b></a>", "a/b", "3", "<a><b>3</b></a>"),
        ("<a>1</a>", "a", "<&>]]>\r\n\t\"'", "<a>&lt;&amp;&gt;]]&gt;&#13;\n\t\"'</a>"),
        ("<a b='1'/>", "a/@b", "<&>\"'\t\n\r", "<a b='&lt;&amp;&gt;\"&apos;&#9;&#10;&#13;'/>"),
        ("<a b=\"1\"/>", "a/@b", "\"'", "<a b=\"&quot;'\"/>"),
        ("<a b = '1' c='2'/>", "a/@b", "é", "<a b = 'é' c='2'/>"),
        ("<p:a xmlns:p='u'><p:b/></p:a>", "a/b", "1", "<p:a xmlns:p='u'><p:b>1</p:b></p:a>"),
    ] {
        assert_eq!(written(text, place, value), expected);
    }
}

#[test]
fn what_is_missing_is_created_beside_its_like() {
    for (text, place, value, expected) in [
        ("<a/>", "a/b", "1", "<a><b>1</b></a>"),
        ("<a x='1' />", "a/b", "1", "<a x='1'><b>1</b></a>"),
        ("<a></a>", "a/b/c", "1", "<a><b><c>1</c></b></a>"),
        ("<a></a>", "a/b", "", "<a><b/></a>"),
        ("<a></a>", "a/b/@c", "1", "<a><b c=\"1\"/></a>"),
        ("<a/>", "a/b[1]/c[1]/@d", "1", "<a><b><c d=\"1\"/></b></a>"),
        ("<a/>", "a/@b", "\"<'", "<a b=\"&quot;&lt;'\"/>"),
        ("<a c='1' ></a>", "a/@b", "2", "<a c='1' b=\"2\" ></a>"),
        ("<a><b>1</b><c/></a>", "a/b[2]", "2", "<a><b>1</b><b>2</b><c/></a>"),
        (
            "<a>\n  <b>1</b>\n  <c/>\n</a>",
            "a/b[2]",
            "2",
            "<a>\n  <b>1</b>\n  <b>2</b>\n  <c/>\n</a>",
        ),
        ("<a>\n  <b/>\n</a>", "a/d", "2", "<a>\n  <b/>\n  <d>2</d>\n</a>"),
        ("<a>\n  <b/>\n</a>", "a/b/c", "2", "<a>\n  <b><c>2</c></b>\n</a>"),
        ("<a>text</a>", "a/b", "1", "<a>text<b>1</b></a>"),
        (
            "<a xmlns:p='u'><p:b>1</p:b></a>",
            "a/b[2]",
            "2",
            "<a xmlns:p='u'><p:b>1</p:b><p:b>2</p:b></a>",
        ),
        ("<a xmlns:p='u'/>", "a/p:b", "2", "<a xmlns:p='u'><p:b>2</p:b></a>"),
        ("<a xmlns:p='u'/>", "a/@p:b", "2", "<a xmlns:p='u' p:b=\"2\"/>"),
        ("<a/>", "a/@xmlns:p", "u", "<a xmlns:p=\"u\"/>"),
    ] {
        assert_eq!(written(text, place, value), expected);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_refused_and_nothing_changes() {
    let text = "<a xmlns:p='u'><b>1</b><p:c/></a>";
    for (place, value, code) in [
        ("", "1", "edit.whole"),
        ("a/b[*]", "1", "path.pattern"),
        ("x", "1", "edit.blocked"),
        ("x/b", "1", "edit.blocked"),
        ("a[2]", "1", "edit.blocked"),
        ("a/b[3]", "1", "edit.gap"),
        ("a/d[2]", "1", "edit.gap"),
        ("a/d/e[2]", "1", "edit.gap"),
        ("a/q:d", "1", "xml.namespace"),
        ("a/@q:d", "1", "xml.namespace"),
        ("a/@xmlns:p", "", "xml.namespace"),
        ("a/b", "\u{1}", "edit.character"),
        ("a/@b", "\u{FFFF}", "edit.character"),
    ] {
        let problem = refused(text, |message| message.set(&path(place), value));
        assert_eq!(problem.code, code, "{place}");
    }
    let deep = format!("a{}", "/a".repeat(128));
    let problem = refused("<a/>", |message| message.set(&path(&deep), "1"));
    assert_eq!((problem.code, problem.place), ("limit.depth", Some(deep)));
    assert_eq!(refused("<a/>", |message| message.set_null(&path("a"))).code, "edit.null");
    assert_eq!(refused("<a/>", |message| message.append("<b/>")).code, "edit.append");
}

#[test]
fn structure_replaces_an_element_a_raw_value_or_the_document() {
    let set = |text: &str, place: &str, raw: &str| {
        let mut message = parse(text);
        message.set_structure(&path(place), raw).unwrap_or_else(|p| panic!("{place}: {p}"));
        parse(&message.whole_text());
        message.whole_text().into_owned()
    };
    for (text, place, raw, expected) in [
        ("<a><b>1</b></a>", "a/b", "<c x='&lt;'>2</c>", "<a><c x='&lt;'>2</c></a>"),
        ("<a><b/></a>", "a/b", " <b>&amp;<c/></b>\n", "<a><b>&amp;<c/></b></a>"),
        ("<a><b/></a>", "a/b", "<?xml version='1.0'?><!-- x --><c/><!-- y -->", "<a><c/></a>"),
        ("<a>\n <b/>\n</a>", "a/b[2]", "<b>2</b>", "<a>\n <b/>\n <b>2</b>\n</a>"),
        ("<a/>", "a/x/b", "<b>2</b>", "<a><x><b>2</b></x></a>"),
        ("<a xmlns:p='u'><b/></a>", "a/b", "<p:b/>", "<a xmlns:p='u'><p:b/></a>"),
        ("<a b='1'/>", "a/@b", "&#65;\"", "<a b='&#65;\"'/>"),
        ("<a/>", "a/@b", "x\"y", "<a b='x\"y'/>"),
        ("<a/>", "a/c/@b", "x'y", "<a><c b=\"x'y\"/></a>"),
        ("<a/>", "a", "<b/>", "<b/>"),
        ("<a/>", "", "<?xml version='1.0'?>\n<b/>\n", "<?xml version='1.0'?>\n<b/>\n"),
    ] {
        assert_eq!(set(text, place, raw), expected);
    }
}

#[test]
fn structure_that_would_break_the_document_is_refused() {
    for (place, raw, code) in [
        ("a/b", "text", "xml.syntax"),
        ("a/b", "", "xml.syntax"),
        ("a/b", "<b>", "xml.syntax"),
        ("a/b", "<b/></a><a>", "xml.syntax"),
        ("a/b", "<b/><b/>", "xml.syntax"),
        ("a/b", "<!DOCTYPE b><b/>", "xml.doctype"),
        ("a/b", "<b>&e;</b>", "xml.entity"),
        ("a/b", "<q:b/>", "xml.namespace"),
        ("a/@x", "1\" y='2'", "xml.syntax"),
        ("a/@x", "<", "xml.syntax"),
        ("a/@x", "&", "xml.entity"),
        ("a/@x", "\u{1}", "xml.character"),
        ("a/@new", "'\"", "xml.syntax"),
        ("a/n/@new", "'\"", "xml.syntax"),
        ("", "<b>", "xml.syntax"),
        ("", "<p:b/>", "xml.namespace"),
        ("a/b[*]", "<b/>", "path.pattern"),
    ] {
        let problem =
            refused("<a x=\"1\"><b/></a>", |message| message.set_structure(&path(place), raw));
        assert_eq!(problem.code, code, "{place}: {raw}");
    }
}

#[test]
fn a_place_is_removed_with_the_white_space_before_it() {
    let removed = |text: &str, pattern: &str, count: usize| {
        let mut message = parse(text);
        assert_eq!(message.remove(&path(pattern)).unwrap(), count, "{pattern}");
        parse(&message.whole_text());
        message.whole_text().into_owned()
    };
    for (text, pattern, count, expected) in [
        ("<a>\n  <b/>\n  <c/>\n</a>", "a/b", 1, "<a>\n  <c/>\n</a>"),
        ("<a>\n  <b/>\n  <c/>\n</a>", "a/c", 1, "<a>\n  <b/>\n</a>"),
        ("<a>\n  <b/>\n</a>", "a/b", 1, "<a>\n</a>"),
        ("<a>x <b>y</b> z</a>", "a/b", 1, "<a>x  z</a>"),
        ("<a>x>\n<b/></a>", "a/b", 1, "<a>x>\n</a>"),
        ("<a><c/>>\n<b/></a>", "a/b", 1, "<a><c/>>\n</a>"),
        ("<a><![CDATA[x]]>\n<b/></a>", "a/b", 1, "<a><![CDATA[x]]>\n</a>"),
        ("<a><!-- x < y -->\n<b/></a>", "a/b", 1, "<a><!-- x < y --></a>"),
        ("<a><c x='>'/>\n<b/></a>", "a/b", 1, "<a><c x='>'/></a>"),
        ("<a><?p >?>\n<b/>\n<b/></a>", "a/b[*]", 2, "<a><?p >?></a>"),
        ("<a><b/><c/><b>x</b></a>", "a/b[*]", 2, "<a><c/></a>"),
        ("<a><b/><b/><b/></a>", "a/b[2]", 1, "<a><b/><b/></a>"),
        ("<a><b/><b/><b/></a>", "a/b", 1, "<a><b/><b/></a>"),
        ("<a b='1'  c = '2' d='3'/>", "a/@c", 1, "<a b='1' d='3'/>"),
        ("<a b='1'/>", "a/@b", 1, "<a/>"),
        ("<a><b x='1'/><b/><b x='2'/></a>", "a/b[*]/@x", 2, "<a><b/><b/><b/></a>"),
        ("<a/>", "a/b", 0, "<a/>"),
        ("<a xmlns:p='u'/>", "a/@xmlns:p", 1, "<a/>"),
    ] {
        assert_eq!(removed(text, pattern, count), expected, "{pattern}");
    }
    let remove =
        |place: &'static str| move |message: &mut Xml| message.remove(&path(place)).map(drop);
    assert_eq!(refused("<a/>", remove("")).code, "edit.whole");
    assert_eq!(refused("<a/>", remove("a")).code, "edit.whole");
    let declared = "<a xmlns:p='u'><p:b/></a>";
    assert_eq!(refused(declared, remove("a/@xmlns:p")).code, "xml.namespace");
}

#[test]
fn an_instruction_that_only_begins_like_a_declaration_stays_as_it_is() {
    for head in ["<?xmlish encoding=\"latin-1\"?>", "<?xmlish encoding=\"x?><?y z=\"?>"] {
        let text = format!("{head}<a>ä</a>");
        assert_eq!(written(&text, "a", "ö"), format!("{head}<a>ö</a>"));
    }
}

#[test]
fn a_document_that_declares_another_set_says_utf8_once_it_is_no_longer_ascii() {
    for (declared, value, after) in [
        ("iso-8859-1", "e", "iso-8859-1"),
        ("iso-8859-1", "é", "UTF-8"),
        ("us-ascii", "é", "UTF-8"),
        ("utf-16", "é", "UTF-8"),
        ("utf-8", "é", "utf-8"),
    ] {
        let text = |encoding: &str, value: &str| {
            format!("<?xml version=\"1.0\" encoding='{encoding}' ?>\n<a><b>{value}</b></a>")
        };
        assert_eq!(written(&text(declared, "x"), "a/b", value), text(after, value));
        // What stands there already changes nothing, the declaration neither.
        assert_eq!(written(&text(declared, value), "a/b", value), text(declared, value));
    }
}
