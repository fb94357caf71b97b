//! A transformer that looks through the whole of its memory for marks before it
//! leaves some there: on the stack, in statics, all over the heap.
//!
//! `Seen` is how many words it found that only another message can have left, and
//! `Others` how many of them a message of another sender left. `Left` is how many it left itself, so that a test knows that it did.

use std::hint::black_box;

use tureen_plugin_sdk::prelude::*;

/// Bytes of a page of WebAssembly memory.
const PAGE: usize = 1 << 16;

/// The bits of a message's number below those that tell its sender.
const SENDER_SHIFT: u32 = 24;

/// A mark is this word in its upper half; the lower half is the message's own
/// number. Made at run time: the code and its data must not hold it.
fn mark(number: u32) -> u64 {
    let upper = black_box(0x5a5a_0000_u64) | 0x4d41;
    upper << 32 | u64::from(number)
}

static mut STATICS: [u64; 512] = [0; 512];

#[derive(Default)]
struct Canary;

impl Transformer for Canary {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let number: u32 = message.text("PID-3.1")?.parse().unwrap_or_default();
        let (seen, others) = marks(number >> SENDER_SHIFT);
        on_the_stack(mark(number));
        in_statics(mark(number));
        // Now and then far more than a pool keeps warm.
        let pages = if number.is_multiple_of(64) { 48 } else { number as usize % 4 };
        let heap = vec![mark(number); 2_000 + pages * PAGE / 8];
        black_box(&heap);
        let (left, _) = marks(number >> SENDER_SHIFT);
        context.set_variable("Seen", &seen.to_string())?;
        context.set_variable("Others", &others.to_string())?;
        context.set_variable("Left", &left.to_string())?;
        Ok(())
    }
}

/// How many words of the whole memory are marks, and how many of another sender.
#[inline(never)]
fn marks(sender: u32) -> (usize, usize) {
    let bytes = core::arch::wasm32::memory_size(0) * PAGE;
    let upper = mark(0) >> 32;
    let (mut found, mut others) = (0, 0);
    // The first words are left out: a pointer to address 0 may not be read.
    for address in (PAGE / 64..bytes).step_by(8) {
        // SAFETY: every aligned address below the memory's size can be read, and
        // any bytes are a word. What the compiler thinks of the places does not
        // matter to a volatile read.
        let word = unsafe { std::ptr::with_exposed_provenance::<u64>(address).read_volatile() };
        let is_mark = word >> 32 == upper;
        found += usize::from(is_mark);
        others += usize::from(is_mark && word as u32 >> SENDER_SHIFT != sender);
    }
    (found, others)
}

#[inline(never)]
fn on_the_stack(mark: u64) {
    let words = [mark; 4_096];
    black_box(&words);
}

#[inline(never)]
fn in_statics(mark: u64) {
    for index in 0..512 {
        // SAFETY: an instance has one thread, and nothing borrows the static.
        unsafe { (&raw mut STATICS).cast::<u64>().add(index).write_volatile(mark) };
    }
}

tureen_plugin_sdk::transformer!(Canary, handles = ["Test.Canary"]);
