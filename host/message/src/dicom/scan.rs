//! A data set (PS3.5 section 7) as a stream of elements, sequences and items.
//!
//! Knows: how elements are laid out in the four encodings. Deliberately does not
//! know: the file around the data set, what elements mean.
//!
//! dicom-rs has a reader for this. It descends by recursion, one frame for each
//! nested sequence, and makes room for the length that an element tells before
//! the bytes are there: 4 GiB for 12 bytes. So the reading is done here, on
//! bytes that are all in memory, and values are slices of them.
//!
//! # Invariants
//! - Iterative: what is open stands in a list that the depth limit bounds.
//! - Linear, no allocation but that list; no length is believed before it was
//!   compared with the bytes and with what is around it.
//! - The same bytes give the same events: who has scanned once without an error
//!   gets none later.

use dicom_core::{Tag, VR};

use super::characters::Characters;
use super::dictionary;
use super::value::Element;
use crate::{Limits, Problem};

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const DELIMITERS: u16 = 0xFFFE;
const META: u16 = 0x0002;
const SPECIFIC_CHARACTER_SET: Tag = Tag(0x0008, 0x0005);
const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);
const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);

/// How elements are written (PS3.5 section 7.1 and annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// What is met, in the order of the bytes.
pub(super) enum Event<'a> {
    /// An element with a value. Encapsulated pixel data is one, too; its value
    /// is what stands between its header and its end.
    Element(Element<'a>),
    Sequence(Tag),
    SequenceEnd,
    Item,
    ItemEnd,
}

/// A length as it is written.
#[derive(Clone, Copy)]
enum Length {
    Bytes(usize),
    Undefined,
}

#[derive(Clone, Copy)]
enum Holds {
    Elements,
    Items,
}

/// A data set, sequence or item that was begun.
#[derive(Clone, Copy)]
struct Open {
    holds: Holds,
    /// Nothing in it may reach beyond this offset.
    bound: usize,
    /// Whether it ends there, and not by a delimiter.
    ends_at_bound: bool,
    encoding: Encoding,
    characters: Characters,
    /// Pixel Representation.
    signed: bool,
    /// The element before, for the order.
    last: Option<Tag>,
}

/// Reads one data set.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// Only elements of the meta group are read.
    meta_only: bool,
    elements: usize,
    shown_bytes: usize,
    limits: &'a Limits,
    /// What was wrong and did not hinder reading; the first of each kind.
    pub(super) oddities: Oddities,
}

/// Breaches of the standard that reading passes over.
#[derive(Default)]
pub(super) struct Oddities {
    /// An element that does not come after the one before it, and its offset.
    pub(super) order: Option<(Tag, usize)>,
    /// The offset of a character set that is not one of the standard's.
    pub(super) characters: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// Reads from an offset to the end of the bytes.
    pub(super) fn of_data_set(
        bytes: &'a [u8],
        at: usize,
        encoding: Encoding,
        limits: &'a Limits,
    ) -> Self {
        let root = Open {
            holds: Holds::Elements,
            bound: bytes.len(),
            ends_at_bound: true,
            encoding,
            characters: Characters::DEFAULT,
            signed: false,
            last: None,
        };
        Self {
            bytes,
            at,
            open: vec![root],
            meta_only: false,
            elements: 0,
            shown_bytes: 0,
            limits,
            oddities: Oddities::default(),
        }
    }

    /// Reads the file meta information (PS3.10 section 7.1) that begins at an
    /// offset, to the first element of another group: its own length may lie.
    pub(super) fn of_meta(bytes: &'a [u8], at: usize, limits: &'a Limits) -> Self {
        let scanner = Self::of_data_set(bytes, at, Encoding::ExplicitLittle, limits);
        Self { meta_only: true, ..scanner }
    }

    /// Where reading stands.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// How many sequences are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len() / 2
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// `dicom.element`, `dicom.length`, `limit.depth`, `limit.elements` and
    /// `limit.shown-bytes`, with the offset. The scanner is of no use afterwards.
    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, Problem> {
        let Some(around) = self.open.last().copied() else { return Ok(None) };
        if self.at >= around.bound {
            if !around.ends_at_bound {
                return Err(self.length("a delimiter that ends what has no length of its own"));
            }
            return Ok(self.close());
        }
        if self.meta_only && self.open.len() == 1 && !self.is_meta_next() {
            self.open.clear();
            return Ok(None);
        }
        match around.holds {
            Holds::Elements => self.element(around).map(Some),
            Holds::Items => self.item(around).map(Some),
        }
    }

    fn is_meta_next(&self) -> bool {
        self.bytes.get(self.at..self.at.saturating_add(2)) == Some(&META.to_le_bytes()[..])
    }

    fn close(&mut self) -> Option<Event<'a>> {
        let closed = self.open.pop()?;
        if self.open.is_empty() {
            return None;
        }
        Some(match closed.holds {
            Holds::Elements => Event::ItemEnd,
            Holds::Items => Event::SequenceEnd,
        })
    }

    fn item(&mut self, around: Open) -> Result<Event<'a>, Problem> {
        let start = self.at;
        let tag = self.tag(around)?;
        let length = self.long_length(around)?;
        match tag {
            ITEM => {}
            SEQUENCE_END if !around.ends_at_bound => {
                self.open.pop();
                return Ok(Event::SequenceEnd);
            }
            _ => return Err(element_problem("an item of a sequence", start)),
        }
        self.count(start)?;
        let inner = Open { holds: Holds::Elements, last: None, ..self.inside(around, length)? };
        self.open.push(inner);
        Ok(Event::Item)
    }

    fn element(&mut self, around: Open) -> Result<Event<'a>, Problem> {
        let start = self.at;
        let tag = self.tag(around)?;
        if tag.group() == DELIMITERS {
            if tag != ITEM_END || around.ends_at_bound {
                return Err(element_problem("an element of a data set", start));
            }
            self.long_length(around)?;
            self.open.pop();
            return Ok(Event::ItemEnd);
        }
        self.count(start)?;
        self.note_order(tag, start);
        let (vr, length) = self.vr_and_length(tag, around, start)?;
        match (vr, length) {
            (VR::SQ, length) => self.sequence(tag, length, around),
            // Written with implicit VRs, whatever is around it (PS3.5 6.2.2).
            (VR::UN, Length::Undefined) => {
                let around = Open { encoding: Encoding::ImplicitLittle, ..around };
                self.sequence(tag, length, around)
            }
            (VR::OB | VR::OW, Length::Undefined)
                if tag == PIXEL_DATA && around.encoding != Encoding::ImplicitLittle =>
            {
                let value = self.fragments(around)?;
                Ok(Event::Element(Element::new(tag, vr, value, false, around.characters)))
            }
            (_, Length::Undefined) => {
                Err(element_problem("a length for a value that is no sequence", start))
            }
            (vr, Length::Bytes(length)) => self.valued(tag, vr, length, around, start),
        }
    }

    fn valued(
        &mut self,
        tag: Tag,
        vr: VR,
        length: usize,
        around: Open,
        start: usize,
    ) -> Result<Event<'a>, Problem> {
        let value = self.take(length, around)?;
        let big_endian = around.encoding == Encoding::ExplicitBig;
        let element = Element::new(tag, vr, value, big_endian, around.characters);
        if !element.is_bulk() {
            self.shown_bytes = self.shown_bytes.saturating_add(length);
            if self.shown_bytes > self.limits.shown_bytes {
                return Err(self.too_much_to_show(start));
            }
        }
        let Some(open) = self.open.last_mut() else { return Ok(Event::Element(element)) };
        match tag {
            SPECIFIC_CHARACTER_SET => {
                open.characters = Characters::of(value);
                if !open.characters.known {
                    self.oddities.characters.get_or_insert(start);
                }
            }
            PIXEL_REPRESENTATION => open.signed = value.contains(&1),
            _ => {}
        }
        Ok(Event::Element(element))
    }

    fn sequence(&mut self, tag: Tag, length: Length, around: Open) -> Result<Event<'a>, Problem> {
        if self.depth() >= self.limits.depth {
            let text = format!(
                "sequences are nested more than {} deep: that is the limit",
                self.limits.depth
            );
            return Err(Problem::new("limit.depth", text).at(place(tag)).at_offset(self.at));
        }
        let inner = Open { holds: Holds::Items, ..self.inside(around, length)? };
        self.open.push(inner);
        Ok(Event::Sequence(tag))
    }

    /// The same as what is around, within its own length.
    fn inside(&self, around: Open, length: Length) -> Result<Open, Problem> {
        match length {
            Length::Undefined => Ok(Open { ends_at_bound: false, ..around }),
            Length::Bytes(length) => match self.at.checked_add(length) {
                Some(bound) if bound <= around.bound => {
                    Ok(Open { bound, ends_at_bound: true, ..around })
                }
                _ => Err(self.too_long(length, around)),
            },
        }
    }

    /// Encapsulated pixel data: items of bytes (PS3.5 annex A.4).
    fn fragments(&mut self, around: Open) -> Result<&'a [u8], Problem> {
        let start = self.at;
        loop {
            let end = self.at;
            let tag = self.tag(around)?;
            match (tag, self.long_length(around)?) {
                (SEQUENCE_END, _) => return Ok(self.bytes.get(start..end).unwrap_or_default()),
                (ITEM, Length::Bytes(length)) => self.take(length, around)?,
                _ => return Err(element_problem("a fragment of pixel data", end)),
            };
        }
    }

    fn vr_and_length(
        &mut self,
        tag: Tag,
        around: Open,
        start: usize,
    ) -> Result<(VR, Length), Problem> {
        if around.encoding == Encoding::ImplicitLittle {
            let length = self.long_length(around)?;
            let told = dictionary::vr(tag, around.signed);
            return Ok((told.unwrap_or(VR::UN), length));
        }
        let written = self.array::<2>(around)?;
        if !written.iter().all(u8::is_ascii_uppercase) {
            return Err(element_problem("a value representation of two capital letters", start));
        }
        let vr = VR::from_binary(written);
        if vr.is_some_and(is_short) {
            let length = self.short(around)?;
            return Ok((vr.unwrap_or(VR::UN), Length::Bytes(usize::from(length))));
        }
        self.array::<2>(around)?;
        // VRs that are newer than this program have long lengths (PS3.5 6.2).
        Ok((vr.unwrap_or(VR::UN), self.long_length(around)?))
    }

    fn note_order(&mut self, tag: Tag, start: usize) {
        let Some(open) = self.open.last_mut() else { return };
        if open.last.is_some_and(|last| tag <= last) {
            self.oddities.order.get_or_insert((tag, start));
        }
        open.last = Some(tag);
    }

    fn count(&mut self, start: usize) -> Result<(), Problem> {
        self.elements += 1;
        if self.elements <= self.limits.elements {
            return Ok(());
        }
        let text = format!(
            "the data set has more than {} elements and items: that is the limit",
            self.limits.elements
        );
        Err(Problem::new("limit.elements", text).at_offset(start))
    }

    fn tag(&mut self, around: Open) -> Result<Tag, Problem> {
        Ok(Tag(self.short(around)?, self.short(around)?))
    }

    fn short(&mut self, around: Open) -> Result<u16, Problem> {
        let bytes = self.array(around)?;
        Ok(match around.encoding {
            Encoding::ExplicitBig => u16::from_be_bytes(bytes),
            Encoding::ImplicitLittle | Encoding::ExplicitLittle => u16::from_le_bytes(bytes),
        })
    }

    fn long_length(&mut self, around: Open) -> Result<Length, Problem> {
        let bytes = self.array(around)?;
        let length = match around.encoding {
            Encoding::ExplicitBig => u32::from_be_bytes(bytes),
            Encoding::ImplicitLittle | Encoding::ExplicitLittle => u32::from_le_bytes(bytes),
        };
        Ok(match length {
            u32::MAX => Length::Undefined,
            length => Length::Bytes(usize::try_from(length).unwrap_or(usize::MAX)),
        })
    }

    fn array<const N: usize>(&mut self, around: Open) -> Result<[u8; N], Problem> {
        let taken = self.take(N, around)?.first_chunk();
        taken.copied().ok_or_else(|| self.too_long(N, around))
    }

    fn take(&mut self, length: usize, around: Open) -> Result<&'a [u8], Problem> {
        let end = self.at.checked_add(length).filter(|end| *end <= around.bound);
        let Some(taken) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.too_long(length, around));
        };
        self.at += length;
        Ok(taken)
    }

    fn too_long(&self, length: usize, around: Open) -> Problem {
        let left = around.bound.saturating_sub(self.at);
        self.length(&format!("{length} bytes where {left} are left"))
    }

    fn length(&self, expected: &str) -> Problem {
        Problem::new(
            "dicom.length",
            format!("the data set is cut off or a length in it is wrong: expected {expected}"),
        )
        .at_offset(self.at)
        .at(format!("byte {}", self.at.saturating_add(1)))
    }

    fn too_much_to_show(&self, start: usize) -> Problem {
        let text = format!(
            "the values of the data set without bulk data have more than {} bytes: that is the limit",
            self.limits.shown_bytes
        );
        Problem::new("limit.shown-bytes", text).at_offset(start)
    }
}

/// VRs whose length has two bytes (PS3.5 table 7.1-2).
fn is_short(vr: VR) -> bool {
    !matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

fn element_problem(expected: &str, at: usize) -> Problem {
    Problem::new("dicom.element", format!("not a DICOM data set: expected {expected}"))
        .at(format!("byte {}", at.saturating_add(1)))
        .at_offset(at)
}

/// How a tag is written in texts for people.
pub(super) fn place(tag: Tag) -> String {
    format!("element ({:04X},{:04X})", tag.group(), tag.element())
}
