//! Where in a template each part of a draft's text comes from, so that a problem of that text can be
//! told at the place that the author wrote.
//!
//! Knows: offsets. Deliberately does not know: tokens, formats.

/// What the text of a draft consists of, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    marks: Vec<Mark>,
}

/// From this offset on the text comes from that place of the template.
#[derive(Clone, Copy, Debug)]
struct Mark {
    text: usize,
    source: usize,
    /// Whether it is the author's text itself, not what stands in for a placeholder.
    authored: bool,
}

impl Origins {
    /// What follows at the end of the text is the template from an offset on.
    pub(super) fn authored(&mut self, text: usize, source: usize) {
        self.marks.push(Mark { text, source, authored: true });
    }

    /// What follows at the end of the text stands in for the placeholder at an offset.
    pub(super) fn inserted(&mut self, text: usize, source: usize) {
        self.marks.push(Mark { text, source, authored: false });
    }

    /// So many bytes that nobody wrote were put in, near the end of the text.
    pub(super) fn put_in(&mut self, at: usize, bytes: usize) {
        let source = self.of(at);
        for mark in self.marks.iter_mut().rev().take_while(|mark| mark.text >= at) {
            mark.text += bytes;
        }
        let next = self.marks.partition_point(|mark| mark.text <= at);
        self.marks.insert(next, Mark { text: at + bytes, source, authored: true });
    }

    /// The offset in the template of an offset in the text.
    pub(super) fn of(&self, offset: usize) -> usize {
        let next = self.marks.partition_point(|mark| mark.text <= offset);
        let Some(mark) = next.checked_sub(1).and_then(|at| self.marks.get(at)) else { return 0 };
        if !mark.authored {
            return mark.source;
        }
        let source = mark.source + (offset - mark.text);
        self.marks.get(next).map_or(source, |next| source.min(next.source))
    }
}
