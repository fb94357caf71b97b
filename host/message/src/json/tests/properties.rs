use proptest::prelude::*;
use serde_json::Value as Tree;

use super::*;

/// A document as serde_json reads it. Names are unique, so both agree on it.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        "[ -~é\"\\\\\n]{0,6}".prop_map(Tree::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::from),
            prop::collection::btree_map("[a-d\"/é. ]{1,3}", inner, 0..5)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    })
}

/// The selector and the JSON pointer of every place except the whole document.
fn places(tree: &Tree) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![(tree, "newtonsoft:$".to_owned(), String::new())];
    while let Some((tree, selector, pointer)) = open.pop() {
        let children: Vec<(&Tree, String, String)> = match tree {
            Tree::Array(items) => items
                .iter()
                .enumerate()
                .map(|(at, item)| (item, format!("[{at}]"), at.to_string()))
                .collect(),
            Tree::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
                    let token = name.replace('~', "~0").replace('/', "~1");
                    (value, format!("['{quoted}']"), token)
                })
                .collect(),
            _ => Vec::new(),
        };
        for (child, step, token) in children {
            let place = (format!("{selector}{step}"), format!("{pointer}/{token}"));
            found.push(place.clone());
            open.push((child, place.0, place.1));
        }
    }
    found
}

/// A selector that parses, with conditions of any shape.
fn selector() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        "\\.(\\.)?[ab]",
        "\\.(\\.)?\\*",
        "(\\.\\.)?\\['[ab]'(,'[b-d]')?\\]",
        "\\[([0-2*]|[0-2],[0-2])\\]",
        "\\[(-?[0-3])?:(-?[0-3])?(:-?[1-3])?\\]",
    ];
    let test = prop_oneof![
        "!?@(\\.[ab]|\\[[01]\\])?",
        "(@|\\$)(\\.[ab]|\\.\\.\\*)?(==|!=|<|<=|>|>=|===)(-?[0-2](\\.5)?|'[ab1]'|null|true|@\\.b)",
        "@(\\.[ab])? =~ /[ab.]?/i?",
    ];
    let condition = (prop::collection::vec(test, 1..4), "(&&|\\|\\|)", "(\\.\\.)?").prop_map(
        |(tests, join, search)| format!("{search}[?({})]", tests.join(&format!(" {join} "))),
    );
    prop::collection::vec(prop_oneof![3 => step, 1 => condition], 0..4)
        .prop_map(|steps| format!("newtonsoft:${}", steps.concat()))
}

fn written(tree: &Tree, pretty: bool) -> String {
    if pretty { serde_json::to_string_pretty(tree).unwrap() } else { tree.to_string() }
}

fn removed(tree: &mut Tree, pointer: &str) {
    let (parent, token) = pointer.rsplit_once('/').unwrap();
    match tree.pointer_mut(parent).unwrap() {
        Tree::Array(items) => drop(items.remove(token.parse().unwrap())),
        Tree::Object(members) => {
            drop(members.remove(&token.replace("~1", "/").replace("~0", "~")));
        }
        _ => panic!("{pointer} has no parent"),
    }
}

proptest! {
    #[test]
    fn every_place_reads_as_serde_json_reads_it(tree in tree(), pretty: bool) {
        let message = parse(&written(&tree, pretty));
        for (selector, pointer) in places(&tree) {
            let expected = match tree.pointer(&pointer).unwrap() {
                Tree::String(text) => text.clone(),
                Tree::Null => String::new(),
                other => other.to_string(),
            };
            prop_assert_eq!(message.text(&path(&selector)), expected, "{}", selector);
        }
    }

    #[test]
    fn a_write_changes_its_place_and_no_other_byte(
        tree in tree(), pretty: bool, pick: prop::sample::Index, value in any::<String>(),
    ) {
        let places = places(&tree);
        prop_assume!(!places.is_empty());
        let (selector, pointer) = pick.get(&places);
        let before = written(&tree, pretty);
        let mut message = parse(&before);
        let old = message.structure(&path(selector)).unwrap().into_owned();
        message.set(&path(selector), &value).unwrap();
        prop_assert_eq!(message.text(&path(selector)), value.as_str());
        let mut expected = tree;
        *expected.pointer_mut(pointer).unwrap() = Tree::from(value);
        let after = message.whole_text();
        prop_assert_eq!(&serde_json::from_str::<Tree>(&after).unwrap(), &expected);
        let new = message.structure(&path(selector)).unwrap();
        // Every occurrence counts, overlapping ones too: in `{"a":":"}` the value's
        // text begins inside an earlier occurrence of itself.
        let is_splice = (0..before.len()).any(|at| {
            before.get(at..).is_some_and(|rest| rest.starts_with(&*old))
                && after.get(..at) == before.get(..at)
                && after.get(at + new.len()..) == before.get(at + old.len()..)
        });
        prop_assert!(is_splice);
    }

    #[test]
    fn a_removal_removes_its_place_and_no_other(
        tree in tree(), pretty: bool, pick: prop::sample::Index,
    ) {
        let places = places(&tree);
        prop_assume!(!places.is_empty());
        let (selector, pointer) = pick.get(&places);
        let mut message = parse(&written(&tree, pretty));
        prop_assert_eq!(message.remove(&path(selector)).unwrap(), 1);
        let mut expected = tree;
        removed(&mut expected, pointer);
        prop_assert_eq!(serde_json::from_slice::<Tree>(message.bytes()).unwrap(), expected);
    }

    #[test]
    fn a_created_place_reads_back_and_the_rest_stays(
        tree in tree(), pretty: bool, names in prop::collection::vec("[w-z]{1,2}", 1..5),
    ) {
        prop_assume!(tree.is_object());
        let place = names.join("/");
        let mut message = parse(&written(&tree, pretty));
        message.set(&path(&place), "new").unwrap();
        prop_assert_eq!(message.text(&path(&place)), "new");
        message.remove(&path(&names[0])).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Tree>(message.bytes()).unwrap(), tree);
    }

    #[test]
    fn writes_to_different_places_commute(
        tree in tree(), first: prop::sample::Index, second: prop::sample::Index,
    ) {
        let places = places(&tree);
        prop_assume!(!places.is_empty());
        let (one, other) = (first.get(&places), second.get(&places));
        let inside = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        prop_assume!(!inside(&one.1, &other.1) && !inside(&other.1, &one.1));
        let text = written(&tree, true);
        let (mut forth, mut back) = (parse(&text), parse(&text));
        forth.set(&path(&one.0), "1, long enough").unwrap();
        forth.set(&path(&other.0), "").unwrap();
        back.set(&path(&other.0), "").unwrap();
        back.set(&path(&one.0), "1, long enough").unwrap();
        prop_assert_eq!(forth.bytes(), back.bytes());
    }

    #[test]
    fn a_search_finds_every_place_once(tree in tree(), pretty: bool) {
        let message = parse(&written(&tree, pretty));
        let everything = message.find(&path("newtonsoft:$..*"));
        prop_assert_eq!(everything.len(), places(&tree).len() + 1);
        let mut starts: Vec<_> = everything
            .iter()
            .map(|place| message.structure(&path(place)).unwrap().as_ptr() as usize)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        prop_assert_eq!(starts.len(), everything.len());
    }

    #[test]
    fn a_backward_slice_is_the_forward_one_reversed(length in 0..6_usize, at in 0..6_usize) {
        let message = parse(&serde_json::json!((0..length).collect::<Vec<_>>()).to_string());
        let mut forward = message.find(&path(&format!("newtonsoft:$[{at}:]")));
        forward.reverse();
        let backward = match at {
            0 => "newtonsoft:$[::-1]".to_owned(),
            _ => format!("newtonsoft:$[:{}:-1]", at - 1),
        };
        prop_assert_eq!(message.find(&path(&backward)), forward);
    }

    #[test]
    fn selectors_parse_and_keep_their_text(selector in selector()) {
        let parsed = JsonPath::parse(&selector);
        prop_assert!(parsed.is_ok(), "{}: {:?}", selector, parsed);
        let parsed = parsed.unwrap();
        prop_assert_eq!(&path(&parsed.to_string()), &parsed);
    }

    #[test]
    fn the_same_texts_are_json_as_for_serde_json(text in "[\\[\\]{}:,\"\\\\u0a1eE.+ntf -]{0,12}") {
        let ours = Json::parse(text.clone().into_bytes(), &Limits::default()).is_ok();
        let theirs = serde_json::from_str::<Tree>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn arbitrary_bytes_and_paths_never_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            "[\\[\\]{}:,\"\\\\ab1n ]{0,24}".prop_map(String::into_bytes),
            tree().prop_map(|tree| tree.to_string().into_bytes()),
        ],
        place in prop_oneof![
            "(newtonsoft:\\$?)?[ab/.\\[\\]*0-2'\"]{0,8}",
            selector(),
            "newtonsoft:\\$[ab.\\[\\]*0-2'?()@!&|<>=~/:, -]{0,24}",
            any::<String>(),
        ],
        value in prop_oneof![any::<String>(), Just("[0]".to_owned())],
    ) {
        let Ok(mut message) = Json::parse(bytes.clone(), &Limits::default()) else { return Ok(()) };
        prop_assert_eq!(message.bytes(), bytes);
        let Ok(place) = JsonPath::parse(&place) else { return Ok(()) };
        let _ = (message.get(&place), message.structure(&place), message.count(&place));
        for found in message.find(&place) {
            prop_assert!(message.get(&path(&found)) != Value::Absent);
        }
        for edit in 0..5 {
            let before = message.clone();
            let done = match edit {
                0 => message.set(&place, &value),
                1 => message.set_null(&place),
                2 => message.set_structure(&place, &value),
                3 => message.insert(&place, &value),
                _ => message.remove(&place).map(drop),
            };
            if done.is_err() {
                prop_assert_eq!(message.bytes(), before.bytes());
            }
            prop_assert!(Json::parse(message.bytes().to_vec(), &Limits::default()).is_ok());
        }
    }
}
