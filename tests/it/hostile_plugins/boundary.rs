//! What a compiler would never let a plugin say at the boundary: lengths past its
//! memory, pointers that are none, numbers that no type has, handles of nobody.
//!
//! Characters that are surrogates cannot be told: no import takes a `char`.

use super::handmade::{ANSWER, Handmade, drop_target_and, escaped, with_instances, word};
use super::neighbour::Neighbour;
use super::{CALLER, GOOD, good};
use crate::harness::actions::custom;
use crate::harness::messages::adt;
use crate::harness::{Home, Workflow};

const LOG: &str = "(import \"tureen:plugin/log@0.1.0\" \"write\" \
                   (func $log (param i32 i32 i32)))";
const FORMAT: &str = "(import \"tureen:plugin/types@0.1.0\" \"[method]message.format\" \
                      (func $format (param i32 i32)))";
const PARSE: &str = "(import \"tureen:plugin/types@0.1.0\" \"[static]message.parse\" \
                     (func $parse (param i32 i32 i32 i32 i32)))";
const VARIABLE: &str = "(import \"tureen:plugin/variables@0.1.0\" \"get\" \
                        (func $variable (param i32 i32 i32)))";

/// `ok`.
fn done() -> String {
    format!("(i32.const {ANSWER})")
}

/// A transformer whose answer stands in its memory as these bytes.
fn answering(name: &str, bytes: &[u8]) -> Handmade {
    Handmade::new(name).with(&format!("(data (i32.const {ANSWER}) \"{}\")", escaped(bytes)))
}

/// `err(failed(problem))` with these words: code, text, place, detail.
fn problem(words: [usize; 9]) -> Vec<u8> {
    let head = [[1, 0, 0, 0], [1, 0, 0, 0]].concat();
    [head, words.map(word).concat()].concat()
}

/// Texts of the module that are there: its name.
const TEXT: (usize, usize) = (4_096, 4);

/// Each component, with what its answer says.
fn components() -> Vec<(Handmade, &'static str)> {
    let (at, length) = TEXT;
    let none = [at, length, at, length, 0, 0, 0, 0, 0];
    let changed = |index: usize, value: usize| {
        let mut words = none;
        words[index] = value;
        problem(words)
    };
    let far = 0xffff_fff0_usize;
    let body = |text: &str| drop_target_and(&format!("{text} {}", done()));
    let calling = |name: &str, import: &str, text: &str| {
        Handmade::new(name).importing(import).transforming(&body(text))
    };
    vec![
        (Handmade::new("well-made"), "MSA|AA"),
        (answering("problem", &problem(none)), "prob"),
        (Handmade::new("far-answer").transforming(&drop_target_and("(i32.const -16)")), "pointer"),
        (Handmade::new("odd-answer").transforming(&drop_target_and("(i32.const 1025)")), "aligned"),
        (answering("bad-result", &[7]), "discriminant"),
        (answering("bad-variant", &[1, 0, 0, 0, 9]), "discriminant"),
        (answering("bad-option", &changed(4, 2)), "discriminant"),
        (answering("far-text", &changed(2, far)), "pointer"),
        (answering("long-text", &changed(3, 0x7fff_ffff)), "pointer"),
        (answering("far-list", &changed(7, far)), "out of bounds"),
        (answering("long-list", &changed(8, 0x1000_0000)), "plugin."),
        (
            answering(
                "not-utf8",
                &[problem([ANSWER + 44, 2, at, length, 0, 0, 0, 0, 0]), vec![0xff, 0xfe]].concat(),
            ),
            "utf-8",
        ),
        (
            answering(
                "surrogate",
                &[problem([ANSWER + 44, 3, at, length, 0, 0, 0, 0, 0]), vec![0xed, 0xa0, 0x80]]
                    .concat(),
            ),
            "utf-8",
        ),
        (overlapping(), "plugin.host-call-bytes"),
        (
            calling("bad-level", LOG, "(call $log (i32.const 9) (i32.const 256) (i32.const 4))"),
            "discriminant",
        ),
        (
            calling(
                "far-argument",
                LOG,
                "(call $log (i32.const 1) (i32.const -16) (i32.const 64))",
            ),
            "pointer",
        ),
        (
            calling(
                "long-argument",
                LOG,
                "(call $log (i32.const 1) (i32.const 256) (i32.const -1))",
            ),
            "pointer",
        ),
        (
            calling(
                "far-return",
                VARIABLE,
                "(call $variable (i32.const 4096) (i32.const 4) (i32.const -4))",
            ),
            "pointer",
        ),
        (
            calling(
                "odd-return",
                VARIABLE,
                "(call $variable (i32.const 4096) (i32.const 4) (i32.const 2049))",
            ),
            "aligned",
        ),
        (
            calling("no-handle", FORMAT, "(call $format (i32.const 12345) (i32.const 2048))"),
            "unknown handle",
        ),
        (calling("double-drop", FORMAT, "(call $drop (local.get $target))"), "unknown handle"),
        (Handmade::new("kept-borrow").transforming(&done()), "borrow handles"),
        (handle_of_the_first_call(), "unknown handle"),
        (double_drop_of_its_own(), "unknown handle"),
        (realloc("far-memory", "(i32.const -16)"), "realloc"),
        (realloc("no-memory", "unreachable"), "unreachable"),
        (realloc("endless-memory", "(loop $again (br $again)) unreachable"), "plugin.time"),
        (post_return("unreachable"), "unreachable"),
        (Handmade::new("grow-table").with(TABLE).transforming(&body(GROW_TABLE)), "plugin.table"),
        (Handmade::new("grow-memory").transforming(&body(GROW_MEMORY)), "plugin.memory"),
        (
            Handmade::new("divide")
                .transforming(&body("(drop (i32.div_u (i32.const 1) (i32.const 0)))")),
            "divide by zero",
        ),
        (
            Handmade::new("out-of-bounds").transforming(&body("(drop (i32.load (i32.const -8)))")),
            "out of bounds",
        ),
        (
            Handmade::new("no-function")
                .with(TABLE)
                .transforming(&body("(call_indirect (i32.const 0))")),
            "plugin.trap",
        ),
        (
            Handmade::new("endless-recursion")
                .with("(func $again (call $again))")
                .transforming(&body("(call $again)")),
            "plugin.stack",
        ),
    ]
}

const TABLE: &str = "(table $table 1 funcref)";
const GROW_TABLE: &str = "(loop $again (drop (table.grow $table (ref.null func) \
                          (i32.const 1000))) (br $again))";
const GROW_MEMORY: &str = "(loop $again (drop (memory.grow (i32.const 16))) (br $again))";

/// A list of 100,000 pairs that all are the same text of 64 KiB: little memory in the
/// guest, and 12 GiB in a host that copies them.
fn overlapping() -> Handmade {
    let (list, text, count) = (131_072, 4_096, 100_000);
    let mut made = answering("overlapping", &problem([4_096, 4, 4_096, 4, 0, 0, 0, list, count]));
    made.pages = 40;
    made.transform = format!(
        "(local $at i32) (call $drop (local.get $target)) (local.set $at (i32.const {list}))
         (loop $again
           (i64.store (local.get $at) (i64.const {pair}))
           (i64.store offset=8 (local.get $at) (i64.const {pair}))
           (local.set $at (i32.add (local.get $at) (i32.const 16)))
           (br_if $again (i32.lt_u (local.get $at) (i32.const {end}))))
         (i32.const {ANSWER})",
        pair = (65_536_u64 << 32) | text as u64,
        end = list + count * 16,
    );
    made
}

/// Uses at its second call what the handle was at its first.
fn handle_of_the_first_call() -> Handmade {
    Handmade::new("old-handle")
        .importing(FORMAT)
        .with("(global $kept (mut i32) (i32.const 0))")
        .transforming(&format!(
            "(if (i32.eqz (global.get $kept))
               (then (global.set $kept (local.get $target)))
               (else
                 (call $drop (local.get $target))
                 (call $format (global.get $kept) (i32.const 2048))))
             (call $drop (local.get $target)) {}",
            done()
        ))
}

fn double_drop_of_its_own() -> Handmade {
    Handmade::new("own-twice")
        .importing(PARSE)
        .with("(data (i32.const 2048) \"text\")")
        .transforming(&drop_target_and(&format!(
            "(call $parse (i32.const 2048) (i32.const 4) (i32.const 2048) (i32.const 4)
               (i32.const 2064))
             (call $drop (i32.load (i32.const 2068)))
             (call $drop (i32.load (i32.const 2068))) {}",
            done()
        )))
}

/// Answers the host's wish for memory so, at the first call in earnest.
fn realloc(name: &str, body: &str) -> Handmade {
    let mut made = Handmade::new(name).importing(VARIABLE);
    made.fields = "(global $wrong (mut i32) (i32.const 0))
                   (data (i32.const 2048) \"HttpMethod\")"
        .to_owned();
    made.realloc = format!(
        "(if (global.get $wrong) (then (return (block (result i32) {body})))) {}",
        "(local.get $size) drop (global.get $heap)
         (global.set $heap (i32.add (global.get $heap)
           (i32.and (i32.add (local.get $size) (i32.const 31)) (i32.const -16))))"
    );
    made.transform = drop_target_and(&format!(
        "(global.set $wrong (i32.const 1))
         (call $variable (i32.const 2048) (i32.const 10) (i32.const 2080)) {}",
        done()
    ));
    made
}

/// Goes wrong when the host gives an answer back.
fn post_return(body: &str) -> Handmade {
    let name = "cabi_post_tureen:plugin/transformer-step@0.1.0#transform";
    Handmade::new("post-return").with(&format!("(func (export \"{name}\") (param i32) {body})"))
}

#[test]
fn nothing_that_is_said_at_the_boundary_reaches_further_than_its_message() {
    let mut further = CALLER.to_owned();
    let components = components();
    for (made, _) in &components {
        // Few enough for the whole table, enough for the first call of each.
        further.push_str(&format!(
            "[plugins.{}]\nreuse = true\nrunning_time_milliseconds = 300\n\
             memory_bytes = 8388608\n",
            made.name
        ));
    }
    let home = Home::and(&further);
    for (made, _) in &components {
        home.plugin(&made.name, &made.build());
        let type_name = format!("Test.{}", made.name);
        let workflow = Workflow::new(&made.name, &made.name).variables(vec![custom(&type_name)]);
        home.workflow(&made.name, &workflow.build());
    }
    good(&home);
    let server = home.serve();
    assert_eq!(server.addresses().len(), components.len() + 1, "{}", server.log());
    let neighbour = Neighbour::of(&server);
    let mut http = server.http1();
    let mut wrong = Vec::new();
    for (made, expected) in &components {
        // The second call of one that is reused finds what the first one left.
        let first = http.post(&format!("/{}", made.name), adt("BAD", "1"));
        let second = http.post(&format!("/{}", made.name), adt("BAD", "1"));
        let accepted = if made.name == "well-made" { "AA" } else { "AE" };
        // What a handle was at the first call is used at the second.
        let codes = (first.status, second.status, second.msa(1));
        if codes != (200, 200, accepted.to_owned()) {
            wrong.push(format!("{}: {codes:?}", made.name));
        }
        if accepted == "AA" {
            continue;
        }
        let span = format!("message{{workflow={}}}", made.name);
        let log = server.log();
        let said: Vec<&str> = log.lines().filter(|line| line.contains(&span)).collect();
        let told = second.text().contains(expected);
        if !told && !said.iter().any(|line| line.contains(expected)) {
            wrong.push(format!("{}: expected {expected:?} in {said:?}", made.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    neighbour.answers(10);
    neighbour.stop(&home);
    server.stop();
}

#[test]
fn more_instances_memories_and_tables_than_one_plugin_may_have_are_refused() {
    let cases = [
        ("instances", with_instances(&Handmade::new("instances").build(), 100), "instance_count"),
        ("tables", Handmade::new("tables").with(&TABLES.repeat(3)).build(), "table_count"),
    ];
    let limits = "instance_count = 10\ntable_count = 2\nmemory_count = 1\n";
    let further: String =
        cases.iter().map(|(name, ..)| format!("[plugins.{name}]\n{limits}")).collect();
    let home = Home::and(&further);
    for (name, bytes, _) in &cases {
        home.plugin(name, bytes);
        let workflow = Workflow::new(name, name).variables(vec![custom(&format!("Test.{name}"))]);
        home.workflow(name, &workflow.build());
    }
    good(&home);
    let server = home.serve();
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    let log = server.stop();
    for (name, _, key) in cases {
        assert!(log.contains(key), "{name}: {key} in {log}");
    }
}

const TABLES: &str = "(table 1 funcref)";
