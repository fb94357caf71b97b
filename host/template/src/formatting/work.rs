//! How much work formatting may be.
//!
//! Deliberately does not know: steps, values.
//!
//! A step may make much of little, the next little of much: a text of a few hundred
//! bytes, with steps that each double their value, would keep a thread busy for
//! minutes although no value is ever too large. So what steps look at counts, too.

/// The most bytes that are read, and looked at by steps of formatting, for one text:
/// 256 MiB, a second or two.
pub const FORMATTING_WORK_MAX: usize = 256 << 20;

/// What was done for one text so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    bytes: usize,
}

impl Work {
    /// Adds work, before it is done; `false` where that is too much.
    #[must_use]
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes <= FORMATTING_WORK_MAX
    }
}
