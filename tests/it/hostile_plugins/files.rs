//! Files in `plugins/` that are no plugins, or not the ones that they seem: each is
//! left out with words of its own, and nothing else notices.

use std::fs;

use serde_json::Value;

use super::handmade::Handmade;
use super::neighbour::Neighbour;
use super::{GOOD, good};
use crate::harness::guests::{CORE_MODULE, guest, of_another_contract};
use crate::harness::messages::adt;
use crate::harness::wait::wait_until_equal;
use crate::harness::{Findings, Home};

/// What is told of one file.
fn told(findings: &Findings, code: &str, file: &str) -> Vec<String> {
    let name = format!("/{file}.wasm");
    let of_file = |found: &&Value| found["file"].as_str().is_some_and(|it| it.ends_with(&name));
    findings.all(code).into_iter().filter(of_file).map(ToString::to_string).collect()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn renamed(name: &str, change: impl FnOnce(&mut Handmade)) -> Vec<u8> {
    let mut made = Handmade::new(name);
    change(&mut made);
    made.build()
}

/// The start function runs before anything is asked.
fn starting(name: &str, body: &str) -> Vec<u8> {
    Handmade::new(name).with(&format!("(func $begin {body}) (start $begin)")).build()
}

const FILTER: &str = "export tureen:plugin/filter-step@0.1.0;";
const DECIDE: &str = "(func (export \"tureen:plugin/filter-step@0.1.0#decide\") \
                      (param i32) (result i32) (i32.const 1024))";

/// Each file, with what is told of it.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let imports: String =
        (0..10_000).map(|number| format!("(import \"a{number}\" (func)) ")).collect();
    let inside = |text: &str| component(&format!("(component (core module {text}))"));
    let both = format!("include tureen:plugin/transformer@0.1.0; {FILTER}");
    vec![
        ("empty", Vec::new(), "it is empty"),
        ("text", b"hello world".to_vec(), "not WebAssembly"),
        ("core-module", CORE_MODULE.to_vec(), "a core module, not a component"),
        ("no-export", component("(component)"), "exports no step"),
        ("imports", component(&format!("(component {imports})")), "imports too much: 1001, at most 1000"),
        ("memory", inside("(memory 65536)"), "a memory that is too large"),
        ("memories", inside(&"(memory 0)".repeat(101)), "cannot be compiled"),
        ("table", inside("(table 10000000 funcref)"), "a table that is too large"),
        ("functions", inside(&"(func)".repeat(150_001)), "too many functions: 150001"),
        ("locals", inside(&format!("(func (local {}))", "i64 ".repeat(49_999))), "too many locals"),
        ("other-contract", of_another_contract("stateful"), "9.9.9"),
        (
            "unknown-import",
            Handmade::new("unknown-import")
                .of_world("include tureen:plugin/transformer@0.1.0; import unknown;")
                .importing("(import \"acme:handmade/unknown\" \"reach\" (func $reach))")
                .build(),
            "acme:handmade/unknown",
        ),
        (
            "two-kinds",
            Handmade::new("two-kinds").of_world(&both).with(DECIDE).build(),
            "more than one kind",
        ),
        ("bad-name", renamed("bad-name", |it| it.name = "Bad Name".to_owned()), "lower-case words"),
        ("long-name", renamed("long-name", |it| it.name = "n".repeat(100_000)), "lower-case words"),
        ("no-name", renamed("no-name", |it| it.name.clear()), "lower-case words"),
        ("forged-name", renamed("forged-name", |it| it.name = "x\nforged".to_owned()), "lower-case"),
        ("bad-version", renamed("bad-version", |it| it.version = "1\n2".to_owned()), "its version"),
        ("long-version", renamed("long-version", |it| it.version = "1".repeat(999)), "its version"),
        ("no-handles", renamed("no-handles", |it| it.handles.clear()), "it handles 0 types"),
        (
            "many-handles",
            renamed("many-handles", |it| {
                it.handles = (0..100_000).map(|number| format!("Test.Many{number}")).collect();
            }),
            "it handles 100000 types",
        ),
        (
            "more-handles",
            renamed("more-handles", |it| {
                it.handles = (0..1_001).map(|number| format!("Test.More{number}")).collect();
            }),
            "it handles 1001 types, expected 1 to 1000",
        ),
        (
            "long-handle",
            renamed("long-handle", |it| it.handles = vec!["H".repeat(1 << 20)]),
            "not the name of a class",
        ),
        ("empty-handle", renamed("empty-handle", |it| it.handles = vec![String::new()]), "handles"),
        ("start-trap", starting("start-trap", "unreachable"), "unreachable"),
        ("start-loop", starting("start-loop", "(loop $again (br $again))"), "it ran for more than"),
        (
            "start-memory",
            starting("start-memory", "(loop $again (drop (memory.grow (i32.const 64))) (br $again))"),
            "bytes of memory",
        ),
        ("start-recursion", starting("start-recursion", "(call $begin)"), "plugin_stack_bytes"),
        (
            "identity-trap",
            renamed("identity-trap", |it| it.tell_name = "unreachable".to_owned()),
            "unreachable",
        ),
        (
            "identity-loop",
            renamed("identity-loop", |it| {
                it.tell_name = "(loop $again (br $again)) unreachable".to_owned();
            }),
            "it ran for more than",
        ),
        (
            "identity-import",
            Handmade {
                tell_name: "(call $log (i32.const 1) (i32.const 256) (i32.const 4)) (i32.const 256)"
                    .to_owned(),
                ..Handmade::new("identity-import").importing(
                    "(import \"tureen:plugin/log@0.1.0\" \"write\" (func $log (param i32 i32 i32)))",
                )
            }
            .build(),
            "outside of a step's call",
        ),
    ]
}

#[test]
fn each_file_that_is_no_plugin_is_left_out_with_its_own_words() {
    let home = Home::new();
    good(&home);
    let files = files();
    for (name, bytes, _) in &files {
        home.plugin(name, bytes);
    }
    fs::create_dir(home.path("plugins/directory.wasm")).unwrap();
    let sparse = fs::File::create(home.path("plugins/sparse.wasm")).unwrap();
    sparse.set_len(64 << 30).unwrap();
    let findings = Findings::of(&home);
    for (name, _, words) in &files {
        let told = told(&findings, "WF084", name);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert!(told[0].contains(words), "{name}: expected {words:?} in {}", told[0]);
        assert!(told[0].len() < 4_096, "{name}: {} bytes", told[0].len());
    }
    for (name, words) in [("directory", "not a regular file"), ("sparse", "at most")] {
        let told = told(&findings, "WF084", name);
        assert!(told.len() == 1 && told[0].contains(words), "{name}: {told:?}");
    }
    let server = home.serve();
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn a_file_cut_anywhere_and_bytes_at_random_are_refused_and_never_run() {
    let home = Home::new();
    good(&home);
    let whole = guest("hostile-transformer");
    for part in 1..50 {
        home.plugin(&format!("cut-{part}"), &whole[..whole.len() * part / 50]);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..50 {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend((0..4_096).map(|_| random.byte()));
        home.plugin(&format!("random-{number}"), &bytes);
    }
    let findings = Findings::of(&home);
    let names = (1..50).map(|part| format!("cut-{part}"));
    for name in names.chain((0..50).map(|number| format!("random-{number}"))) {
        assert_eq!(told(&findings, "WF084", &name).len(), 1, "{name}");
    }
    let server = home.serve();
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    let log = server.stop();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_file_with_changed_bytes_is_refused_or_works_within_its_limits() {
    let whole = guest("stateful");
    let mut random = Random(42);
    let home = Home::new();
    good(&home);
    for number in 0..40 {
        let mut bytes = whole.to_vec();
        let at = 8 + random.number() % (bytes.len() - 8);
        bytes[at] ^= 1 << (random.number() % 8);
        home.plugin(&format!("changed-{number}"), &bytes);
    }
    let findings = Findings::of(&home);
    for number in 0..40 {
        let name = format!("changed-{number}");
        let refused = told(&findings, "WF084", &name).len();
        // All that load have the same name, or one that was changed.
        let twice = told(&findings, "WF085", &name).len();
        assert!(refused + twice <= 2, "{name}: {refused} and {twice}");
    }
    let server = home.serve();
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    assert!(!server.stop().contains("panicked"));
}

/// Numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn number(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }
}

#[test]
fn a_plugin_that_claims_what_others_handle_gets_nothing_of_it() {
    let standard = "HL7Soup.Functions.Settings.TransformerSetting";
    let home = Home::new();
    home.plugin(
        "liar",
        &renamed("liar", |it| {
            it.handles = vec![standard.to_owned(), "Test.Liar".to_owned()];
            it.transform = "unreachable".to_owned();
        }),
    );
    home.plugin("twin-a", &Handmade::new("twin").build());
    home.plugin("twin-b", &Handmade::new("twin").with("(func nop)").build());
    home.plugin("file-writer", &renamed("file-writer", |_| {}));
    good(&home);
    let findings = Findings::of(&home);
    for (name, words) in [
        ("liar", "which transformer already does"),
        ("twin-a", "neither is used"),
        ("twin-b", "neither is used"),
        ("file-writer", "already built in"),
    ] {
        let told = told(&findings, "WF085", name);
        assert!(told.len() == 1 && told[0].contains(words), "{name}: {told:?}");
    }
    let server = home.serve();
    assert_eq!(server.http1().post(GOOD, adt("ONE", "1")).msa(1), "AA");
    server.stop();
}

#[test]
fn a_file_that_changes_while_it_is_loaded_ends_as_what_it_is_at_last() {
    let home = Home::new();
    let workflow = crate::harness::Workflow::new("Marked", "marked")
        .variables(vec![crate::harness::actions::custom("Test.Marker")])
        .responding("MSH|^~\\&|T\rMSA|AA|${Marker}\r");
    home.plugin("marker", guest("marker"));
    home.workflow("marked", &workflow.build());
    good(&home);
    let server = home.serve();
    let before = server.http1_to("Marked").post("/marked", adt("ONE", "1"));
    assert_eq!(before.msa(1), "AA", "{before:?}");
    let neighbour = Neighbour::of(&server);
    let whole = guest("marker");
    for round in 0..60 {
        let part = (round * 7919) % whole.len();
        match round % 3 {
            0 => drop(home.plugin("marker", &whole[..part])),
            1 => drop(home.plugin("marker", &[&whole[..part], &[0xff; 64][..]].concat())),
            _ => drop(home.plugin("marker", whole)),
        }
        neighbour.answers(2);
    }
    // The last one is whole, and other bytes than before.
    let other = guest("stateful");
    home.plugin("marker", other);
    server.wait_for_log("the plugins changed");
    home.plugin("marker", whole);
    wait_until_equal("the last file to be what runs", &before.msa(2), || {
        server.http1_to("Marked").post("/marked", adt("TWO", "1")).msa(2)
    });
    neighbour.stop(&home);
    assert!(!server.stop().contains("panicked"));
}
