//! Byte offsets as lines and columns, without walking the whole text each time.

use crate::diagnostics::Position;

/// Bytes between two places whose character count is remembered. A position
/// costs at most two walks of this length.
const STRIDE: usize = 4096;

/// Where lines start, and how many characters stand before each stride.
pub(super) struct Lines {
    starts: Vec<usize>,
    characters: Vec<usize>,
    text: String,
}

impl Lines {
    /// A line ends with LF, CR LF, or CR alone.
    pub(super) fn new(text: &str) -> Self {
        let mut starts = vec![0];
        let mut characters = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut seen = 0;
        let mut bytes = text.bytes().enumerate().peekable();
        while let Some((offset, byte)) = bytes.next() {
            if offset % STRIDE == 0 {
                characters.push(seen);
            }
            seen += usize::from(is_character_start(byte));
            let next_is_line_feed = bytes.peek().is_some_and(|(_, next)| *next == b'\n');
            if byte == b'\n' || byte == b'\r' && !next_is_line_feed {
                starts.push(offset + 1);
            }
        }
        Self { starts, characters, text: String::new() }
    }

    /// Keeps the text too, for [`Lines::position_here`].
    pub(super) fn owning(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn position_here(&self, offset: usize) -> Position {
        self.position(&self.text, offset)
    }

    /// The position of a byte offset; past the end is the end.
    pub(super) fn position(&self, text: &str, offset: usize) -> Position {
        let offset = offset.min(text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let before = self.characters_before(text, start.unwrap_or(0));
        Position { line, column: self.characters_before(text, offset) - before + 1 }
    }

    fn characters_before(&self, text: &str, offset: usize) -> usize {
        let stride = offset / STRIDE;
        let Some(seen) = self.characters.get(stride) else {
            // The end of a text whose length is a multiple of the stride.
            return self.characters.last().copied().unwrap_or(0)
                + characters_in(text, offset.saturating_sub(STRIDE), offset);
        };
        seen + characters_in(text, stride * STRIDE, offset)
    }
}

fn characters_in(text: &str, from: usize, to: usize) -> usize {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    bytes.iter().filter(|byte| is_character_start(**byte)).count()
}

/// Whether the byte begins a character: everything but `10xxxxxx` does.
fn is_character_start(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}
