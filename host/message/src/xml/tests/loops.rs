//! Walks over siblings by path are linear, and what is remembered between reads
//! changes no answer.

use proptest::prelude::*;

use super::*;

#[test]
fn a_sibling_is_inserted_before_its_like_or_behind_the_last() {
    for (text, place, expected) in [
        ("<a><b>1</b><b>2</b></a>", "a/b[2]", "<a><b>1</b><n/><b>2</b></a>"),
        ("<a><b>1</b></a>", "a/b", "<a><n/><b>1</b></a>"),
        ("<a><b>1</b><c/></a>", "a/b[2]", "<a><b>1</b><n/><c/></a>"),
        ("<a/>", "a/b", "<a><n/></a>"),
        ("<a/>", "a/b/c[1]", "<a><b><n/></b></a>"),
        ("<a>\n  <b/>\n</a>", "a/b", "<a>\n  <n/>\n  <b/>\n</a>"),
        ("<a>\n  <b/>\n</a>", "a/b[2]", "<a>\n  <b/>\n  <n/>\n</a>"),
    ] {
        let mut message = parse(text);
        message.insert(&path(place), "<?x y?><n/>").unwrap();
        assert_eq!(message.whole_text(), expected, "{place}");
        parse(&message.whole_text());
    }
    let text = "<a x='1'><b>1</b></a>";
    for (place, raw, code) in [
        ("", "<n/>", "edit.insert"),
        ("a", "<n/>", "edit.insert"),
        ("a/@x", "<n/>", "edit.insert"),
        ("a/@y", "<n/>", "edit.insert"),
        ("a/b/@y", "<n/>", "edit.insert"),
        ("a/c/@y", "<n/>", "edit.insert"),
        ("a/b[3]", "<n/>", "edit.insert"),
        ("z/b", "<n/>", "edit.blocked"),
        ("a/b[*]", "<n/>", "path.pattern"),
        ("a/b", "<n>", "xml.syntax"),
        ("a/b", "text", "xml.syntax"),
        ("a/b", "<p:n/>", "xml.namespace"),
    ] {
        let mut message = parse(text);
        assert_eq!(message.insert(&path(place), raw).unwrap_err().code, code, "{place} {raw}");
        assert_eq!(message.whole_text(), text);
    }
}

#[test]
fn elements_are_only_put_where_the_limits_allow() {
    let limits = Limits { depth: 3, ..Limits::default() };
    let mut message = Xml::parse(b"<a><b/></a>".to_vec(), &limits).unwrap();
    assert_eq!(message.set(&path("a/b/c/d"), "1").unwrap_err().code, "limit.depth");
    assert_eq!(message.set(&path("a/x/c/d"), "1").unwrap_err().code, "limit.depth");
    let raw = message.insert(&path("a/b/c"), "<c><d/></c>").unwrap_err();
    assert_eq!(raw.code, "limit.depth");
    message.set(&path("a/b/c"), "1").unwrap();
    message.insert(&path("a/b[1]"), "<b><c/></b>").unwrap();
    assert_eq!(message.whole_text(), "<a><b><c/></b><b><c>1</c></b></a>");
}

/// Reads everything of a list of items twice, by a message that remembers and by
/// fresh ones.
fn check_against_fresh(message: &Xml, places: &[String]) {
    for place in places {
        let fresh = parse(&message.whole_text());
        let place = path(place);
        assert_eq!(message.get(&place), fresh.get(&place), "{place}");
        assert_eq!(message.count(&place), fresh.count(&place), "{place}");
    }
}

#[test]
fn reads_in_any_order_give_the_same() {
    let items: String = (1..=9)
        .map(|number| format!("<i n='{number}'><c>{number}</c><x/><c>{number}{number}</c></i><j/>"))
        .collect();
    let message = parse(&format!("<r><h>head</h>{items}<f>foot</f></r>"));
    let mut places = Vec::new();
    for number in [1, 2, 3, 9, 4, 5, 10, 8, 1, 7] {
        for inner in ["", "/@n", "/c", "/c[2]", "/c[3]", "/x", "/z", "/*[2]"] {
            places.push(format!("r/i[{number}]{inner}"));
        }
        places.push("r/h".to_owned());
        places.push("r/f".to_owned());
        places.push(format!("r/j[{number}]"));
        places.push(format!("r/*[{number}]/c"));
    }
    check_against_fresh(&message, &places);
}

proptest! {
    #[test]
    fn what_is_remembered_changes_no_answer(
        steps in prop::collection::vec(
            (0..6u8, "r(/(i|j|\\*|p:i)(\\[[1-4]\\])?){1,2}(/@n)?", "[a-c]{0,2}"), 1..24,
        ),
    ) {
        let mut message = parse(
            "<r xmlns:p='urn:p'><i n='1'><i>a</i><j/></i><p:i/><j><i>b</i></j><i>c</i><i/></r>",
        );
        for (kind, place, value) in steps {
            let place = path(&place);
            let mut fresh = parse(&message.whole_text());
            let same = match kind {
                0 => message.set(&place, &value) == fresh.set(&place, &value),
                1 => message.remove(&place) == fresh.remove(&place),
                2 => {
                    let raw = format!("<i>{value}</i>");
                    message.insert(&place, &raw) == fresh.insert(&place, &raw)
                }
                3 => {
                    let raw = format!("<j n='2'>{value}</j>");
                    message.set_structure(&place, &raw) == fresh.set_structure(&place, &raw)
                }
                _ => message.structure(&place) == fresh.structure(&place),
            };
            prop_assert!(same, "{}", place);
            prop_assert_eq!(message.get(&place), fresh.get(&place), "{}", place);
            prop_assert_eq!(message.count(&place), fresh.count(&place), "{}", place);
            prop_assert_eq!(message.bytes(), fresh.bytes());
            prop_assert!(Xml::parse(message.bytes().to_vec(), &Limits::default()).is_ok());
        }
    }

    #[test]
    fn declared_prefixes_mean_what_written_ones_do(
        place in "r(/(p:)?(i|j)(\\[([1-3]|\\*)\\])?){1,2}(/@(p:)?n)?", value in "[a-c<]{0,2}",
    ) {
        let text = "<r xmlns:p='urn:p'><i n='1'><p:i>a</p:i><j p:n='2'/></i><p:i n='3'/><p:i>b</p:i></r>";
        let declared = path(&format!("declare namespace q = 'urn:p'; {}", place.replace("p:", "q:")));
        let written = path(&place);
        let (mut one, mut two) = (parse(text), parse(text));
        prop_assert_eq!(one.get(&declared), two.get(&written));
        prop_assert_eq!(one.count(&declared), two.count(&written));
        let same = one.set(&declared, &value).map_err(|problem| problem.code)
            == two.set(&written, &value).map_err(|problem| problem.code);
        prop_assert!(same, "{}", place);
        prop_assert_eq!(one.whole_text(), two.whole_text());
    }
}
