//! What holds for any bytes.

use proptest::prelude::*;
use serde_json::Value as Tree;

use super::files::{BIG_ENDIAN, EXPLICIT, IMPLICIT, file, image, raw, report};
use super::*;

/// Small, so that hostile bytes meet them.
fn limits() -> Limits {
    Limits { depth: 4, elements: 60, shown_bytes: 2_000, ..Limits::default() }
}

/// Parses; when that works, reads everything that can be read.
fn look(bytes: &[u8]) -> Result<(), TestCaseError> {
    for limits in [limits(), Limits::default()] {
        let Ok(dicom) = Dicom::parse(bytes.to_vec(), DicomOptions::default(), &limits) else {
            continue;
        };
        let text = dicom.whole_text();
        prop_assert!(text.len() < 25 * bytes.len() + 1_000);
        let tree: Tree = serde_json::from_str(&text).unwrap();
        prop_assert!(tree["Tags"].is_object() && tree["CommonFields"].is_object());
        dicom.check();
        prop_assert_eq!(dicom.bytes(), bytes);
    }
    Ok(())
}

fn well_formed() -> Vec<Vec<u8>> {
    let syntaxes = [IMPLICIT, EXPLICIT, BIG_ENDIAN];
    syntaxes.iter().flat_map(|it| [file(&image(), it), file(&report(), it)]).collect()
}

/// Bytes that often mean something in a data set.
fn telling() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".to_vec()),
        Just(b"\xFE\xFF\x0D\xE0\x00\x00\x00\x00".to_vec()),
        Just(b"\xFE\xFF\xDD\xE0\x00\x00\x00\x00".to_vec()),
        Just(b"\x40\x00\x30\xA7SQ\x00\x00\xFF\xFF\xFF\xFF".to_vec()),
        Just(b"\x40\x00\x75\x02SQ\x00\x00\x10\x00\x00\x00".to_vec()),
        Just(b"\x09\x00\x01\x10UN\x00\x00\xFF\xFF\xFF\xFF".to_vec()),
        Just(b"\xE0\x7F\x10\x00OB\x00\x00\xFF\xFF\xFF\xFF".to_vec()),
        Just(b"\x08\x00\x05\x00CS\x10\x00\\ISO 2022 IR 87".to_vec()),
        Just(b"\x10\x00\x10\x00PN\x08\x00A^\x1B$B;3\\".to_vec()),
        Just(b"\x28\x00\x03\x01US\x02\x00\x01\x00".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        look(&bytes)?;
    }

    #[test]
    fn any_data_set_is_read_or_refused(
        data_set in telling(), syntax in prop::sample::select(vec![IMPLICIT, EXPLICIT, BIG_ENDIAN]),
    ) {
        look(&raw(syntax, &data_set))?;
    }

    #[test]
    fn any_change_of_a_file_is_read_or_refused(
        base in prop::sample::select(well_formed()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = base;
        for (at, byte) in changes {
            // The preamble means nothing.
            let at = 128 + at.index(bytes.len() - 128);
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        look(&bytes)?;
    }
}
