//! Parsing and reading one message after another allocates nothing.
//!
//! A binary of its own: its allocator counts, and only one test runs.

#![allow(unsafe_code, reason = "an allocator that counts and hands everything on")]
#![allow(clippy::unwrap_used, reason = "helpers of a test, outside a #[test] function")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use tureen_message::hl7::{Hl7Path, Parser};
use tureen_message::{Limits, Value};

struct Counting;

thread_local! {
    /// Of this thread alone: the test runner has threads of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system allocator as it came; the others of the
// trait end in these.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PATHS: [&str; 10] = [
    "MSH-9.1",
    "MSH-10",
    "PID-3[2].4.1",
    "PID-5",
    "PID-5.2",
    "PV1-2",
    "OBX[2]-5",
    "OBX[40]-3.1",
    "NTE-3",
    "ZZ1-1",
];

fn messages() -> Vec<String> {
    let header = "MSH|^~\\&|LAB|ACME|EHR|CLINIC|2026||ORU^R01^ORU_R01|M1|P|2.5.1";
    let body = |rows: usize| {
        let rows: String = (0..rows).map(|row| format!("OBX|{row}|NM|A^B||{row}\r")).collect();
        format!("PID|1||7^^^A&1&ISO~8^^^B&2||Müller^Ann\rPV1|1|O\r{rows}")
    };
    vec![
        format!("{header}\r{}", body(50)),
        format!("{header}\n{}", body(3).replace('\r', "\n")),
        format!("{header}||||||UNICODE UTF-8\r\n{}", body(20)),
        format!("\u{FEFF}\u{0B}{header}\r{}\u{1C}\r", body(0)),
        format!("{header}\r{}", body(50).replace('ü', "ue")),
    ]
}

fn run(parser: &mut Parser, mut buffer: Vec<u8>, message: &str) -> Vec<u8> {
    buffer.extend_from_slice(message.as_bytes());
    let message = parser.parse(buffer).unwrap();
    let mut found = 0;
    for path in PATHS {
        let path = Hl7Path::parse(black_box(path)).unwrap();
        found += usize::from(message.get(&path) != Value::Absent);
        black_box(message.count(&path));
    }
    assert!(found >= 6, "the paths read something");
    parser.recycle(message)
}

#[test]
fn after_the_first_messages_nothing_is_allocated() {
    let messages = messages();
    let mut parser = Parser::new(&Limits::default());
    let mut buffer = Vec::new();
    for message in &messages {
        buffer = run(&mut parser, buffer, message);
    }
    let before = ALLOCATIONS.with(Cell::get);
    assert!(before > 0, "the allocator counts");
    for _ in 0..100 {
        for message in &messages {
            buffer = run(&mut parser, buffer, message);
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "over {} messages", 100 * messages.len());
}
