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

/// Collects what a peer sends until a frame is whole.
#[derive(Debug)]
pub(crate) struct Incoming<'f> {
    frame: &'f Frame,
    received: Vec<u8>,
    bytes_max: usize,
    /// What was received before the start of a frame, and is of no use.
    skipped: usize,
}

/// More bytes than an answer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl<'f> Incoming<'f> {
    pub(crate) fn new(frame: &'f Frame, bytes_max: usize) -> Self {
        Self { frame, received: Vec::new(), bytes_max, skipped: 0 }
    }

    /// Has anything come?
    pub(crate) fn is_empty(&self) -> bool {
        self.received.is_empty() && self.skipped == 0
    }

    /// Takes a piece; gives the answer when it is whole. What stands before the
    /// frame is skipped, what comes after it is told by [`Answer::more`].
    ///
    /// # Errors
    /// The answer, with what was skipped, is longer than allowed.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Option<Answer>, TooLong> {
        if self.skipped + self.received.len() + piece.len() > self.bytes_max {
            return Err(TooLong);
        }
        self.received.extend_from_slice(piece);
        let Some(start) = find(&self.received, &self.frame.start) else { return Ok(None) };
        // Kept: the frame's start, so that it is found again.
        self.received.drain(..start);
        self.skipped += start;
        let Some(inside) = self.received.get(self.frame.start.len()..) else { return Ok(None) };
        let Some(end) = find(inside, &self.frame.end) else { return Ok(None) };
        let message = inside.get(..end).unwrap_or_default().to_vec();
        let behind = end + self.frame.end.len();
        let more = inside.len() > behind;
        Ok(Some(Answer { message, skipped: self.skipped, more }))
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
        assert!(incoming.is_empty());
        assert_eq!(incoming.take(b"\x0b123456789"), Ok(None));
        assert_eq!(incoming.take(b"\x1c"), Err(TooLong));
        assert!(!incoming.is_empty());
    }
}
