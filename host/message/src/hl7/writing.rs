//! In which character set an edit is written, and what it decides about the
//! message.
//!
//! Deliberately does not know: paths, lines.
//!
//! # Invariants
//! - What the message's own set cannot hold is refused before anything changes.

use super::charset::{CharacterSet, Declared, Transcoding};
use super::escape::unwritable;
use super::{Hl7, Transcoded};
use crate::Problem;

/// How an edit is encoded, and what it decides about the message.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    pub(super) charset: CharacterSet,
    /// Whether this edit decides the character set: the first text outside
    /// ASCII does.
    settles: bool,
    transcoding: Option<Transcoding>,
}

impl Hl7 {
    /// How text is to be written into this message.
    pub(super) fn writing(&self, text: &str) -> Writing {
        if let Some(charset) = self.charset {
            return Writing { charset, settles: false, transcoding: None };
        }
        if text.is_ascii() {
            return Writing { charset: CharacterSet::Utf8, settles: false, transcoding: None };
        }
        let (charset, transcoding) = match self.declared_charset() {
            Declared::Set(charset) => (charset, None),
            Declared::Transcoded(table @ Transcoding::Table(_)) => {
                (CharacterSet::Utf8, Some(table))
            }
            Declared::Nothing | Declared::Unknown | Declared::Transcoded(_) => {
                (CharacterSet::Utf8, None)
            }
        };
        Writing { charset, settles: true, transcoding }
    }

    /// Refuses an edit that the message's own character set could not hold.
    pub(super) fn prepare(&self, writing: &Writing, bytes: &[u8]) -> Result<(), Problem> {
        let transcoding = match &self.transcoded {
            Some(transcoded) => {
                if !transcoded.is_reversible(&self.store.assembled()) {
                    return Err(Problem::new(
                        "edit.charset",
                        "the message holds bytes that its character set does not define, or \
                         writes in another way; it cannot be changed without losing them",
                    ));
                }
                transcoded.transcoding
            }
            None => match writing.transcoding {
                Some(transcoding) => transcoding,
                None => return Ok(()),
            },
        };
        let text = String::from_utf8_lossy(bytes);
        transcoding.encode(&text).map_err(|written| unwritable(&text, written)).map(|_| ())
    }

    /// Records the character set that an edit decided, and that the message is
    /// no longer the one that was received.
    pub(super) fn settle(&mut self, writing: Writing) {
        self.whole.take();
        if writing.settles {
            self.charset = Some(writing.charset);
        }
        if let Some(transcoding) = writing.transcoding {
            self.transcoded = Some(Box::new(Transcoded { transcoding, received: None }));
        }
        if let Some(transcoded) = &mut self.transcoded {
            transcoded.received = None;
        }
    }
}

impl Transcoded {
    /// Whether the text, written in the message's own set, is what was received.
    /// Once an edit was made it is: edits bring only what can be written.
    fn is_reversible(&self, text: &[u8]) -> bool {
        let Some(received) = &self.received else { return true };
        self.transcoding
            .encode(&String::from_utf8_lossy(text))
            .is_ok_and(|written| written == *received)
    }
}
