use super::*;

const ORDER: &str = "<?xml version=\"1.0\"?>\n<!-- an order -->\n\
<o:Order xmlns:o=\"urn:o\" xmlns:x=\"urn:x\" id=\"7\">\n\
  <o:Line no=\"1\"><Code>A&amp;B</Code><Code>C</Code></o:Line>\n\
  <Line no=\"2\" x:type=\"t\" type=\"plain\"><Code>D</Code></Line>\n\
  <Note/>\n\
  <x:Line x:no=\"3\"/>\n\
</o:Order>\n";

#[test]
fn a_path_starts_at_the_root_and_counts_from_one() {
    let message = parse(ORDER);
    for (place, expected) in [
        ("Order/Line/Code", "A&B"),
        ("/Order/Line/Code", "A&B"),
        ("o:Order/o:Line[1]/Code[2]", "C"),
        ("Order/Line[2]/Code", "D"),
        ("Order[1]/Line[2]/@no", "2"),
        ("Order/@id", "7"),
        ("Order/Line[2]/@type", "plain"),
        ("Order/Line[2]/@x:type", "t"),
        ("Order/Line[3]/@no", "3"),
        ("Order/x:Line/@no", "3"),
        ("Order/o:Line[2]", ""),
        ("o:Order/Line[1]", "A&BC"),
        ("Order/Line", "A&BC"),
        ("Line", ""),
        ("x:Order/Line", ""),
        ("order/line", ""),
        ("Order/@xmlns:o", "urn:o"),
        ("Order/@o", ""),
    ] {
        assert_eq!(message.text(&path(place)), expected, "{place}");
    }
    assert_eq!(message.structure(&path("Order/Line[3]")).unwrap(), "<x:Line x:no=\"3\"/>");
    assert_eq!(message.structure(&path("Order/Line/Code")).unwrap(), "<Code>A&amp;B</Code>");
    assert_eq!(message.text(&path("")).replace([' ', '\n'], ""), "A&BCD");
}

#[test]
fn an_omitted_index_means_the_first_and_is_not_searched_further() {
    let message = parse("<a><b/><b><c>x</c></b></a>");
    assert_eq!(message.get(&path("a/b/c")), Value::Absent);
    assert_eq!(message.text(&path("a/b[2]/c")), "x");
}

#[test]
fn siblings_are_counted_and_patterns_find_exact_paths_in_document_order() {
    let message = parse(ORDER);
    for (place, count) in [
        ("Order/Line", 3),
        ("Order/o:Line", 1),
        ("Order/Line[2]", 1),
        ("Order/Line[4]", 0),
        ("Order/Line/Code", 2),
        ("Order/Line[*]/Code", 3),
        ("Order/Line[*]/Code[*]", 3),
        ("Order/Line[*]/@no", 3),
        ("Order/Line[*]/@type", 1),
        ("Order/@id", 1),
        ("Order/@x", 0),
        ("Order", 1),
        ("", 1),
    ] {
        assert_eq!(message.count(&path(place)), count, "{place}");
    }
    for (pattern, found) in [
        ("Order/Line[*]", "Order/Line[1] Order/Line[2] Order/Line[3]"),
        ("Order/Line[*]/Code", "Order/Line[1]/Code Order/Line[2]/Code"),
        (
            "Order/Line[*]/Code[*]",
            "Order/Line[1]/Code[1] Order/Line[1]/Code[2] Order/Line[2]/Code[1]",
        ),
        ("Order/Line[*]/@type", "Order/Line[2]/@type"),
        ("Order[*]/Note", "Order[1]/Note"),
        ("Order/Note", "Order/Note"),
        ("Order/Nothing[*]", ""),
        ("", ""),
    ] {
        assert_eq!(message.find(&path(pattern)).join(" "), found, "{pattern}");
    }
    assert_eq!(message.find(&path("")).len(), 1);
    assert_eq!(message.text(&path("Order/Line[*]/Code[*]")), "A&B");
    assert_eq!(message.text(&path("Order/Line[*]/@type")), "plain");
}

#[test]
fn more_matches_than_the_limit_are_left_out() {
    let message = parse(&format!("<a>{}</a>", "<b/>".repeat(MATCHES_MAX + 10)));
    assert_eq!(message.find(&path("a/b[*]")).len(), MATCHES_MAX);
    assert_eq!(message.count(&path("a/b")), MATCHES_MAX + 10);
    assert_eq!(message.clone().remove(&path("a/b[*]")).unwrap_err().code, "limit.matches");
}

#[test]
fn a_path_is_written_as_it_is_read() {
    for (text, canonical) in [
        ("", ""),
        ("/", ""),
        ("a", "a"),
        ("/a/b[2]/@c", "a/b[2]/@c"),
        ("a[1]/p:b[*]", "a[1]/p:b[*]"),
        ("a/b[007]", "a/b[7]"),
        ("é/b-c.d/@_x:y", "é/b-c.d/@_x:y"),
    ] {
        assert_eq!(path(text).to_string(), canonical, "{text}");
        assert_eq!(path(canonical), path(text), "{text}");
    }
}

#[test]
fn what_is_no_path_is_refused_with_its_offset() {
    for (text, code, offset) in [
        ("//a", "path.syntax", 1),
        ("a//b", "path.syntax", 2),
        ("a/", "path.syntax", 2),
        ("@a", "path.syntax", 0),
        ("a/@", "path.syntax", 3),
        ("a/@b/c", "path.syntax", 5),
        ("a/@b[1]", "path.syntax", 3),
        ("a[0]", "path.syntax", 2),
        ("a[]", "path.syntax", 2),
        ("a[-1]", "path.syntax", 2),
        ("a[1", "path.syntax", 2),
        ("a[1]b", "path.syntax", 2),
        ("a[1][2]", "path.syntax", 2),
        ("a[99999999999999999999999]", "path.syntax", 2),
        ("[1]", "path.syntax", 0),
        ("a b", "path.syntax", 0),
        ("1a", "path.syntax", 0),
        ("a:b:c", "path.syntax", 0),
        ("a/text()", "path.unsupported", 2),
        ("a/..", "path.unsupported", 2),
        ("a/./b", "path.unsupported", 2),
        ("a/@*", "path.unsupported", 3),
        ("a/*b", "path.syntax", 2),
    ] {
        let problem = XmlPath::parse(text).unwrap_err();
        assert_eq!((problem.code, problem.offset), (code, Some(offset)), "{text}");
    }
    let long = "a/".repeat(PATH_BYTES_MAX);
    assert_eq!(XmlPath::parse(&long).unwrap_err().code, "limit.path-bytes");
}
