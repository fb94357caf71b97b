//! Any well-nested program does what a plain recursive reading of it does: the
//! jumps are right.

use super::*;
use proptest::prelude::*;

/// One action, or a block with what stands in it.
#[derive(Clone, Debug)]
enum Node {
    /// Appends its mark and the counter to the trace.
    Mark(u8),
    /// Holds in the rounds of this number of the innermost loop.
    When(u8, Vec<Node>),
    /// Over this many siblings.
    Loop(u8, Vec<Node>),
}

/// The siblings that the message has: `Items/<n>` has n of them.
const SIBLINGS_MAX: u8 = 3;

fn message() -> Vec<u8> {
    let lists = (0..=SIBLINGS_MAX).map(|count| {
        let items = vec!["0"; usize::from(count)].join(",");
        format!("\"n{count}\":[{items}]")
    });
    format!("{{\"Items\":{{{}}}}}", lists.collect::<Vec<_>>().join(",")).into_bytes()
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let mark = (0..=9_u8).prop_map(Node::Mark);
    let node = mark.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 0..4);
        prop_oneof![
            (0..=SIBLINGS_MAX, body.clone()).prop_map(|(round, body)| Node::When(round, body)),
            (0..=SIBLINGS_MAX, body).prop_map(|(count, body)| Node::Loop(count, body)),
        ]
    });
    prop::collection::vec(node, 0..5)
}

fn compiled(nodes: &[Node], list: &mut Vec<Json>) {
    for node in nodes {
        match node {
            Node::Mark(mark) => {
                list.push(set_text("Trace", &format!("${{Trace}}{mark}:${{ForEachIterator}} ")));
            }
            Node::When(round, body) => {
                let condition = json!({
                    "$type": "HL7Soup.MessageFilters.StringMessageFilter, HL7SoupWorkflow",
                    "Path": "${ForEachIterator}", "FromDirection": 2, "Comparer": 0,
                    "Value": round.to_string(),
                });
                list.push(action("BeginConditional", json!({ "Filters": [condition] })));
                compiled(body, list);
                list.push(action("EndConditional", json!({})));
            }
            Node::Loop(count, body) => {
                list.push(for_each(&format!("Items/n{count}")));
                compiled(body, list);
                list.push(next());
            }
        }
    }
}

/// What a reader of the actions expects.
fn interpreted(nodes: &[Node], counter: &str, trace: &mut String) {
    for node in nodes {
        match node {
            Node::Mark(mark) => *trace = format!("{trace}{mark}:{counter} "),
            Node::When(round, body) => {
                if counter == round.to_string() {
                    interpreted(body, counter, trace);
                }
            }
            Node::Loop(count, body) => {
                for round in 1..=*count {
                    interpreted(body, &round.to_string(), trace);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_program_does_what_its_nesting_says(nodes in nodes()) {
        let mut list = Vec::new();
        compiled(&nodes, &mut list);
        let mut expected = String::new();
        interpreted(&nodes, "", &mut expected);
        let outcome = actions(on(&message()), &list).unwrap();
        prop_assert_eq!(outcome.variable("Trace").unwrap_or_default(), expected);
        prop_assert_eq!(outcome.variable("ForEachIterator"), None);
    }
}
