//! What the standard (PS3.6) says of an attribute: its keyword and its VR.
//!
//! Deliberately does not know: messages.

use dicom_core::dictionary::{DataDictionaryEntry as _, TagRange, VirtualVr};
use dicom_core::{DataDictionary as _, Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

/// The VR of an attribute whose data set does not tell it. `None` for what the
/// standard does not name: private elements, and those newer than the dictionary.
///
/// `signed` is Pixel Representation (0028,0103) of the data set, on which a few
/// VRs depend (PS3.5 annex A.1).
pub(super) fn vr(tag: Tag, signed: bool) -> Option<VR> {
    if is_private(tag) {
        return (0x0010..=0x00FF).contains(&tag.element()).then_some(VR::LO);
    }
    match StandardDataDictionary.by_tag(tag)?.vr() {
        VirtualVr::Exact(vr) => Some(vr),
        VirtualVr::Xs if signed => Some(VR::SS),
        VirtualVr::Xs => Some(VR::US),
        _ => Some(VR::OW),
    }
}

/// The keyword of an attribute that the standard names, and that can stand in a
/// data set once only: overlays and curves repeat in other groups.
pub(super) fn keyword(tag: Tag) -> Option<&'static str> {
    if is_private(tag) {
        return None;
    }
    let entry = StandardDataDictionary.by_tag(tag)?;
    let single = matches!(entry.tag_range(), TagRange::Single(_));
    (single && !entry.alias().is_empty()).then_some(entry.alias())
}

/// Odd groups are private (PS3.5 section 7.8).
fn is_private(tag: Tag) -> bool {
    tag.group() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_names_what_is_not_private_and_does_not_repeat() {
        for (tag, signed, expected_keyword, expected_vr) in [
            (Tag(0x0010, 0x0010), false, Some("PatientName"), Some(VR::PN)),
            (Tag(0x0028, 0x0106), false, Some("SmallestImagePixelValue"), Some(VR::US)),
            (Tag(0x0028, 0x0106), true, Some("SmallestImagePixelValue"), Some(VR::SS)),
            (Tag(0x7FE0, 0x0010), false, Some("PixelData"), Some(VR::OW)),
            (Tag(0x6002, 0x0010), false, None, Some(VR::US)),
            (Tag(0x6001, 0x0010), false, None, Some(VR::LO)),
            (Tag(0x0009, 0x0010), false, None, Some(VR::LO)),
            (Tag(0x0009, 0x1001), false, None, None),
            (Tag(0x0008, 0x0000), false, None, Some(VR::UL)),
            (Tag(0x0010, 0xFFFE), false, None, None),
        ] {
            assert_eq!((keyword(tag), vr(tag, signed)), (expected_keyword, expected_vr), "{tag}");
        }
    }
}
