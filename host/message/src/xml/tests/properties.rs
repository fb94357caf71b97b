use proptest::prelude::*;

use super::*;

/// An element as it is generated: children are elements or text.
#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Section(String),
    Comment,
    Element { name: &'static str, attributes: Vec<(&'static str, String)>, children: Vec<Node> },
}

const NAMES: [&str; 4] = ["a", "b", "p:a", "é"];

fn attributes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let value = "[ -%'-;=-~é\t\n]{0,5}";
    prop::collection::btree_map(prop::sample::select(vec!["x", "y", "p:x"]), value, 0..3)
        .prop_map(|all| all.into_iter().collect())
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        "[ -%'-;=-~é\n]{1,6}".prop_map(Node::Text),
        Just(Node::Text("&lt;&#13;&amp;".to_owned())),
        Just(Node::Text("\n  ".to_owned())),
        "[ -Z&<>é]{0,5}".prop_map(Node::Section),
        Just(Node::Comment),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        (prop::sample::select(NAMES.to_vec()), attributes(), prop::collection::vec(inner, 0..5))
            .prop_map(|(name, attributes, children)| Node::Element { name, attributes, children })
    })
}

fn document() -> impl Strategy<Value = String> {
    prop::collection::vec(node(), 0..5).prop_map(|children| {
        let mut text = "<?xml version='1.0'?>\n<root xmlns:p=\"urn:p\">".to_owned();
        children.iter().for_each(|child| write(child, &mut text));
        // So that there are always places.
        text + "<last x='1'/><last>2</last></root>\n"
    })
}

fn write(node: &Node, text: &mut String) {
    match node {
        Node::Text(found) => text.push_str(&found.replace("]]>", "")),
        Node::Section(found) => text.push_str(&format!("<![CDATA[{found}]]>")),
        Node::Comment => text.push_str("<!-- <a> & -->"),
        Node::Element { name, attributes, children } => {
            text.push_str(&format!("<{name}"));
            for (name, value) in attributes {
                let value = value.replace('\'', "");
                text.push_str(&format!(" {name} = '{value}'"));
            }
            if children.is_empty() {
                text.push_str(" />");
                return;
            }
            text.push('>');
            children.iter().for_each(|child| write(child, text));
            text.push_str(&format!("</{name}>"));
        }
    }
}

/// The exact path of every element below the root and of every attribute, with
/// the text that roxmltree reads there.
fn places(text: &str) -> Vec<(String, String)> {
    let tree = roxmltree::Document::parse(text).unwrap();
    let mut found = Vec::new();
    let mut open = vec![(tree.root_element(), "root".to_owned())];
    while let Some((element, place)) = open.pop() {
        for attribute in element.attributes() {
            let prefix = if attribute.namespace().is_some() { "p:" } else { "" };
            let place = format!("{place}/@{prefix}{}", attribute.name());
            found.push((place, attribute.value().to_owned()));
        }
        for child in element.children().filter(roxmltree::Node::is_element) {
            let name = |node: &roxmltree::Node<'_, '_>| {
                (node.tag_name().namespace().is_some(), node.tag_name().name().to_owned())
            };
            let (is_prefixed, local) = name(&child);
            // A name without a prefix counts its like in every namespace.
            let number = child
                .prev_siblings()
                .filter(|other| other.is_element())
                .filter(|other| match is_prefixed {
                    true => name(other) == (true, local.clone()),
                    false => name(other).1 == local,
                })
                .count();
            let prefix = if is_prefixed { "p:" } else { "" };
            let place = format!("{place}/{prefix}{local}[{number}]");
            let inner: String = child
                .descendants()
                .filter(roxmltree::Node::is_text)
                .filter_map(|text| text.text())
                .collect();
            found.push((place.clone(), inner));
            open.push((child, place));
        }
    }
    found
}

proptest! {
    #[test]
    fn every_place_reads_as_roxmltree_reads_it(text in document()) {
        let message = parse(&text);
        prop_assert_eq!(message.bytes(), text.as_bytes());
        for (place, expected) in places(&text) {
            prop_assert_eq!(message.text(&path(&place)), expected, "{} in {}", place, text);
        }
    }

    #[test]
    fn a_write_changes_its_place_and_no_other_byte(
        text in document(), pick: prop::sample::Index, value in "[ -~é\t\r\n😀]{0,8}",
    ) {
        let places = places(&text);
        let (place, _) = pick.get(&places);
        let mut message = parse(&text);
        let old = message.structure(&path(place)).unwrap().into_owned();
        message.set(&path(place), &value).unwrap();
        prop_assert_eq!(message.text(&path(place)), value.as_str());
        let after = message.whole_text();
        let new = message.structure(&path(place)).unwrap();
        let is_splice = (0..text.len()).any(|at| {
            text.get(at..).is_some_and(|rest| rest.starts_with(&*old))
                && after.get(..at) == text.get(..at)
                && after.get(at + new.len()..) == text.get(at + old.len()..)
        });
        prop_assert!(is_splice, "{} became {}", text, after);
        prop_assert!(roxmltree::Document::parse(&after).is_ok(), "{}", after);
    }

    #[test]
    fn writes_at_different_places_commute(
        text in document(), first: prop::sample::Index, second: prop::sample::Index,
    ) {
        let places = places(&text);
        let inside = |outer: &str, inner: &str| {
            outer == inner || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
        };
        // A text written to an element takes what is inside away.
        let is_apart = |outer: &str, inner: &str| outer.contains('@') || !inside(outer, inner);
        let one = &first.get(&places).0;
        let others: Vec<&String> = places
            .iter()
            .map(|(place, _)| place)
            .filter(|two| one != *two && is_apart(one, two) && is_apart(two, one))
            .collect();
        let two = *second.get(&others);
        let in_order = |places: [(&str, &str); 2]| {
            let mut message = parse(&text);
            for (place, value) in places {
                message.set(&path(place), value).unwrap();
            }
            message.into_bytes()
        };
        prop_assert_eq!(
            in_order([(one, "1 <"), (two, "2 '")]),
            in_order([(two, "2 '"), (one, "1 <")])
        );
    }

    #[test]
    fn a_created_place_reads_back_and_the_rest_stays(
        text in document(), names in prop::collection::vec("[w-z]{1,2}", 1..5),
    ) {
        let place = format!("root/{}", names.join("/"));
        let mut message = parse(&text);
        let before = message.text(&path("root")).into_owned();
        message.set(&path(&place), "new").unwrap();
        prop_assert_eq!(message.text(&path(&place)), "new");
        prop_assert!(roxmltree::Document::parse(&message.whole_text()).is_ok());
        message.remove(&path(&format!("root/{}", names[0]))).unwrap();
        let white = |text: &str| text.replace([' ', '\n', '\r', '\t'], "");
        prop_assert_eq!(white(&message.text(&path("root"))), white(&before));
    }

    /// Left to the tables, because roxmltree lets them pass: wrong values in the
    /// declaration, a prefix for no namespace, one declaration twice.
    #[test]
    fn the_same_texts_are_xml_as_for_roxmltree(
        text in prop_oneof![
            "[<>/a&;#\"'= !?\\[\\]-]{0,12}",
            "<a( b=['\"][<>a&;]{0,3}['\"]){0,2} ?/?>[<>/a&;\\]x! -]{0,8}(</a ?>)?",
            "<p:a( xmlns='[uv]?')?( xmlns:p='[uv]')?( xmlns:q='[uv]')?( (p:|q:|)x='1'){0,3}/>",
            "<a>&(lt|#[0-9a-fx]{0,5}|[a-z]{1,2});?</a>",
            "<\\?xml version=['\"]1[.][0-2]['\"]( encoding='[a-z][a-z0-9-]{0,3}')?( standalone='(yes|no)')? ?\\?><a/>",
        ],
    ) {
        let ours = Xml::parse(text.clone().into_bytes(), &Limits::default());
        let theirs = roxmltree::Document::parse(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", text, ours, theirs.err());
    }

    #[test]
    fn arbitrary_bytes_and_paths_never_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            "[<>/ab&;#\"'= !?\\[\\]-]{0,24}".prop_map(String::into_bytes),
            document().prop_map(String::into_bytes),
        ],
        place in "(root|a)?(/(a|b|p:a|é)(\\[[*0-2]\\])?){0,3}(/@(p:)?[xy])?",
        value in any::<String>(),
        raw in prop_oneof![any::<String>(), "<b>[a-z<>/&]{0,6}</b>", "<p:b x='1'/>"],
    ) {
        let Ok(mut message) = Xml::parse(bytes.clone(), &Limits::default()) else { return Ok(()) };
        prop_assert_eq!(message.bytes(), bytes);
        let Ok(place) = XmlPath::parse(&place) else { return Ok(()) };
        let _ = (message.get(&place), message.structure(&place), message.count(&place));
        for found in message.find(&place) {
            prop_assert!(message.get(&path(&found)) != Value::Absent);
        }
        for edit in 0..4 {
            let before = message.clone();
            let done = match edit {
                0 => message.set(&place, &value),
                1 => message.set_null(&place),
                2 => message.set_structure(&place, &raw),
                _ => message.remove(&place).map(drop),
            };
            if done.is_err() {
                prop_assert_eq!(message.bytes(), before.bytes());
            }
            let after = Xml::parse(message.bytes().to_vec(), &Limits::default());
            prop_assert!(after.is_ok(), "{}: {:?}", message.whole_text(), after);
        }
    }

    #[test]
    fn any_text_is_parsed_as_a_path_or_refused(text in "[a/@\\[\\]*1:. (é]{0,12}") {
        if let Ok(found) = XmlPath::parse(&text) {
            prop_assert_eq!(path(&found.to_string()), found);
        }
    }
}
