//! The frame around a message: wrapping one, and finding one in what a peer
//! sends, however it is cut into pieces.

use tureen_plugin_sdk::{Finding, Settings};

/// Characters of a frame's start or end.
const FRAME_CHARACTERS_MAX: usize = 16;

/// What stands before and after a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    start: Vec<u8>,
    end: Vec<u8>,
}

impl Frame {
    /// `FrameStart` and `FrameEnd`; the standard ones where they are omitted.
    ///
    /// # Errors
    /// `mllp.frame` when one is empty, too long, or has a character that is not
    /// one byte.
    pub(crate) fn read(settings: &Settings) -> Result<Self, Finding> {
        let bytes = |name: &str, standard: &[u8]| {
            let Some(characters) = settings.characters(name)? else { return Ok(standard.to_vec()) };
            let expected = || {
                let text = format!(
                    "expected 1 to {FRAME_CHARACTERS_MAX} characters below 128, such as [11] or \
                     [28, 13], found {} characters",
                    characters.len()
                );
                settings.error(name, "mllp.frame", text)
            };
            let all_ascii = characters.iter().all(char::is_ascii);
            if characters.is_empty() || characters.len() > FRAME_CHARACTERS_MAX || !all_ascii {
                return Err(expected());
            }
            characters.iter().map(|it| u8::try_from(*it).map_err(|_| expected())).collect()
        };
        Ok(Self { start: bytes("FrameStart", b"\x0b")?, end: bytes("FrameEnd", b"\x1c\r")? })
    }

    /// The message in its frame; `None` when it holds what ends a frame, so that
    /// the peer would read it as two.
    pub(crate) fn wrap(&self, message: &[u8]) -> Option<Vec<u8>> {
        if find(message, &self.end).is_some() {
            return None;
        }
        Some([self.start.as_slice(), message, self.end.as_slice()].concat())
    }
}

/// Collects what a peer sends until a frame is whole. Every byte is looked at once,
/// however small the pieces are.
#[derive(Debug)]
pub(crate) struct Incoming<'f> {
    frame: &'f Frame,
    bytes_max: usize,
    /// All that came.
    bytes: usize,
    /// Of what came before the start of a frame, as much as may begin one; and
    /// everything behind the start.
    received: Vec<u8>,
    /// How much of it is known to hold no end.
    searched: usize,
    /// Bytes before the start of the frame, once there is one.
    skipped: Option<usize>,
}

/// More bytes than an answer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl<'f> Incoming<'f> {
    pub(crate) fn new(frame: &'f Frame, bytes_max: usize) -> Self {
        Self { frame, bytes_max, bytes: 0, received: Vec::new(), searched: 0, skipped: None }
    }

    /// How many bytes have come.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What of a frame has not come yet.
    pub(crate) fn missing(&self) -> &'static str {
        if self.skipped.is_none() { "start" } else { "end" }
    }

    /// Takes a piece; gives the answer when it is whole. What stands before the
    /// frame is skipped, what comes after it is told by [`Answer::more`].
    ///
    /// # Errors
    /// The answer, with what was skipped, is longer than allowed.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Option<Answer>, TooLong> {
        if self.bytes + piece.len() > self.bytes_max {
            return Err(TooLong);
        }
        self.bytes += piece.len();
        self.received.extend_from_slice(piece);
        let Some(skipped) = self.skipped.or_else(|| self.skip_to_start()) else { return Ok(None) };
        let unsearched = self.received.get(self.searched..).unwrap_or_default();
        let Some(end) = find(unsearched, &self.frame.end).map(|end| self.searched + end) else {
            self.searched = before_part(&self.received, &self.frame.end);
            return Ok(None);
        };
        let more = self.received.len() > end + self.frame.end.len();
        self.received.truncate(end);
        Ok(Some(Answer { message: std::mem::take(&mut self.received), skipped, more }))
    }

    /// Drops everything up to the end of the frame's start; gives the bytes before
    /// it. Without one, what cannot begin it is dropped: few bytes are left, so that
    /// dropping costs no more than receiving.
    fn skip_to_start(&mut self) -> Option<usize> {
        let start = &self.frame.start;
        let Some(at) = find(&self.received, start) else {
            self.received.drain(..before_part(&self.received, start));
            return None;
        };
        self.skipped = Some(self.bytes - self.received.len() + at);
        self.received.drain(..at + start.len());
        self.skipped
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) message: Vec<u8>,
    /// Bytes before it that were no frame.
    pub(crate) skipped: usize,
    /// Was more sent behind it? Nobody asked for that.
    pub(crate) more: bool,
}

/// How many of the bytes can be no part of one that comes with the next piece.
fn before_part(bytes: &[u8], part: &[u8]) -> usize {
    bytes.len().saturating_sub(part.len().saturating_sub(1))
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn frame(settings: Value) -> Result<Frame, String> {
        Frame::read(&Settings::new(settings)).map_err(|finding| finding.problem.code)
    }

    #[test]
    fn frames_are_numbers_or_characters() {
        let standard = frame(json!({})).unwrap();
        assert_eq!(standard, Frame { start: vec![11], end: vec![28, 13] });
        for settings in [
            json!({ "FrameStart": [11], "FrameEnd": [28, 13] }),
            json!({ "FrameStart": ["\u{b}"], "FrameEnd": ["\u{1c}", "\r"] }),
            json!({ "FrameStart": "\u{b}", "FrameEnd": "\u{1c}\r" }),
        ] {
            assert_eq!(frame(settings), Ok(standard.clone()));
        }
        for settings in [
            json!({ "FrameStart": [] }),
            json!({ "FrameEnd": "" }),
            json!({ "FrameEnd": [200] }),
            json!({ "FrameEnd": "x".repeat(17) }),
        ] {
            assert_eq!(frame(settings.clone()), Err("mllp.frame".to_owned()), "{settings}");
        }
        assert_eq!(frame(json!({ "FrameStart": ["ab"] })), Err("settings.type".to_owned()));
    }

    #[test]
    fn a_message_that_holds_the_end_of_a_frame_is_not_wrapped() {
        let frame = frame(json!({})).unwrap();
        assert_eq!(frame.wrap(b"MSH\x1c").unwrap(), b"\x0bMSH\x1c\x1c\r");
        assert_eq!(frame.wrap(b"MSH\x1c\rPID"), None);
    }

    #[test]
    fn an_answer_is_found_in_any_pieces() {
        let frame = frame(json!({})).unwrap();
        let sent = b"junk\x0bMSA|AA\x1c|x\x1c\r";
        for cut in 0..sent.len() {
            let mut incoming = Incoming::new(&frame, 100);
            let (first, second) = sent.split_at(cut);
            let early = incoming.take(first).unwrap();
            assert_eq!(early, None, "{cut}");
            let answer = incoming.take(second).unwrap().unwrap();
            let expected = Answer { message: b"MSA|AA\x1c|x".to_vec(), skipped: 4, more: false };
            assert_eq!(answer, expected, "{cut}");
        }
    }

    #[test]
    fn what_comes_behind_an_answer_is_told_and_its_length_bounded() {
        let frame = frame(json!({})).unwrap();
        let answer = Incoming::new(&frame, 100).take(b"\x0bA\x1c\r\x0bB").unwrap().unwrap();
        assert!(answer.more && answer.message == b"A");
        let mut incoming = Incoming::new(&frame, 10);
        assert_eq!((incoming.bytes(), incoming.missing()), (0, "start"));
        assert_eq!(incoming.take(b"\x0b123456789"), Ok(None));
        assert_eq!(incoming.take(b"\x1c"), Err(TooLong));
        assert_eq!((incoming.bytes(), incoming.missing()), (10, "end"));
    }

    #[test]
    fn a_long_start_and_end_are_found_across_pieces() {
        let frame = frame(json!({ "FrameStart": "<aab>", "FrameEnd": "<aac>" })).unwrap();
        let sent = b"<aa<aab><aa<aac>";
        for size in 1..sent.len() {
            let mut incoming = Incoming::new(&frame, sent.len());
            let mut answers = sent.chunks(size).map(|piece| incoming.take(piece).unwrap());
            let expected = Answer { message: b"<aa".to_vec(), skipped: 3, more: false };
            assert_eq!(answers.find_map(|answer| answer), Some(expected), "{size}");
        }
    }

    #[test]
    fn no_byte_is_searched_again_with_a_later_piece() {
        let frame = frame(json!({ "FrameStart": "<aab>", "FrameEnd": "<aac>" })).unwrap();
        let mut incoming = Incoming::new(&frame, 1 << 20);
        for _ in 0..1_000 {
            assert_eq!(incoming.take(b"no <aa start"), Ok(None));
            assert!(incoming.received.len() < frame.start.len(), "what begins no start is dropped");
        }
        assert_eq!(incoming.take(b"<aab>"), Ok(None));
        for _ in 0..1_000 {
            assert_eq!(incoming.take(b"no <aa end"), Ok(None));
            let again = incoming.received.len() - incoming.searched;
            assert!(again < frame.end.len(), "{again} bytes are searched again");
        }
    }
}
