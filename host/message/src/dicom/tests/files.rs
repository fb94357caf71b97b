//! Small DICOM files, written by dicom-rs.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, dicom_value};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// The bytes of a file.
pub(super) fn file(object: &InMemDicomObject, transfer_syntax: &str) -> Vec<u8> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(transfer_syntax)
        .media_storage_sop_class_uid("1.2.840.10008.5.1.4.1.1.7")
        .media_storage_sop_instance_uid("2.25.1");
    let mut bytes = Vec::new();
    object.clone().with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
    bytes
}

pub(super) fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

pub(super) fn put_items(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// A small image with a value of most VRs.
pub(super) fn image() -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        (Tag(0x0008, 0x0005), VR::CS, "ISO_IR 192"),
        (Tag(0x0008, 0x0008), VR::CS, "ORIGINAL\\PRIMARY"),
        (Tag(0x0008, 0x0016), VR::UI, "1.2.840.10008.5.1.4.1.1.7"),
        (Tag(0x0008, 0x0018), VR::UI, "2.25.1"),
        (Tag(0x0008, 0x0020), VR::DA, "20260105"),
        (Tag(0x0008, 0x0030), VR::TM, "101112.5"),
        (Tag(0x0008, 0x0050), VR::SH, "A-17"),
        (Tag(0x0008, 0x0060), VR::CS, "OT"),
        (Tag(0x0010, 0x0010), VR::PN, "Müller^Zoë=王^小東"),
        (Tag(0x0010, 0x0020), VR::LO, "4711"),
        (Tag(0x0010, 0x0030), VR::DA, ""),
        (Tag(0x0010, 0x1010), VR::AS, "044Y"),
        (Tag(0x0020, 0x000D), VR::UI, "2.25.2"),
        (Tag(0x0020, 0x0013), VR::IS, "3"),
        (Tag(0x0028, 0x0030), VR::DS, "0.50\\0.25"),
        (Tag(0x0020, 0x4000), VR::LT, "a \"note\"\r\n\\ more"),
        (Tag(0x0009, 0x0010), VR::LO, "ACME"),
    ] {
        put(&mut object, tag, vr, value);
    }
    for (tag, vr, value) in [
        (Tag(0x0028, 0x0010), VR::US, dicom_value!(U16, [2])),
        (Tag(0x0028, 0x0009), VR::AT, dicom_value!(Tags, [Tag(0x0018, 0x1063)])),
        (Tag(0x0018, 0x9073), VR::FD, dicom_value!(F64, [1.5, -2.25])),
        (Tag(0x0028, 0x0103), VR::US, dicom_value!(U16, [1])),
        (Tag(0x0028, 0x0106), VR::SS, dicom_value!(I16, [-7])),
        (Tag(0x7FE0, 0x0010), VR::OW, dicom_value!(U16, [1, 2, 3, 4])),
    ] {
        object.put(DataElement::new(tag, vr, value));
    }
    let mut code = InMemDicomObject::new_empty();
    put(&mut code, Tag(0x0008, 0x0100), VR::SH, "CT1");
    let mut request = InMemDicomObject::new_empty();
    put(&mut request, Tag(0x0040, 0x0007), VR::LO, "Thorax");
    put_items(&mut request, Tag(0x0040, 0x0008), vec![code]);
    let empty = InMemDicomObject::new_empty();
    put_items(&mut object, Tag(0x0040, 0x0275), vec![request, empty]);
    put_items(&mut object, Tag(0x0008, 0x1140), vec![]);
    object
}

/// A structured report: a title, a measurement in a container, a text, a code.
pub(super) fn report() -> InMemDicomObject {
    let mut length = content("CONTAINS", "NUM", "Length");
    let mut units = InMemDicomObject::new_empty();
    put(&mut units, Tag(0x0008, 0x0100), VR::SH, "mm");
    let mut measured = InMemDicomObject::new_empty();
    put(&mut measured, Tag(0x0040, 0xA30A), VR::DS, "12.5");
    put_items(&mut measured, Tag(0x0040, 0x08EA), vec![units]);
    put_items(&mut length, Tag(0x0040, 0xA300), vec![measured]);

    let mut findings = content("CONTAINS", "CONTAINER", "Findings");
    put_items(&mut findings, Tag(0x0040, 0xA730), vec![length]);

    let mut conclusion = content("CONTAINS", "TEXT", "Conclusion");
    put(&mut conclusion, Tag(0x0040, 0xA160), VR::UT, "Nothing found.");

    let mut laterality = content("HAS CONCEPT MOD", "CODE", "Laterality");
    let mut code = InMemDicomObject::new_empty();
    put(&mut code, Tag(0x0008, 0x0104), VR::LO, "Right");
    put_items(&mut laterality, Tag(0x0040, 0xA168), vec![code]);

    let mut object = content("", "CONTAINER", "Chest report");
    put(&mut object, Tag(0x0008, 0x0060), VR::CS, "SR");
    put(&mut object, Tag(0x0040, 0xA491), VR::CS, "COMPLETE");
    put(&mut object, Tag(0x0040, 0xA493), VR::CS, "VERIFIED");
    put_items(&mut object, Tag(0x0040, 0xA730), vec![findings, conclusion, laterality]);
    object
}

fn content(relationship: &str, value_type: &str, name: &str) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    let mut concept = InMemDicomObject::new_empty();
    put(&mut concept, Tag(0x0008, 0x0104), VR::LO, name);
    if !relationship.is_empty() {
        put(&mut item, Tag(0x0040, 0xA010), VR::CS, relationship);
    }
    put(&mut item, Tag(0x0040, 0xA040), VR::CS, value_type);
    put_items(&mut item, Tag(0x0040, 0xA043), vec![concept]);
    item
}

/// A file by hand: preamble, mark, meta information, and any bytes behind it.
pub(super) fn raw(transfer_syntax: &str, data_set: &[u8]) -> Vec<u8> {
    let mut uid = transfer_syntax.as_bytes().to_vec();
    if uid.len() % 2 == 1 {
        uid.push(0);
    }
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    bytes.extend_from_slice(&explicit(Tag(0x0002, 0x0010), b"UI", &uid));
    bytes.extend_from_slice(data_set);
    bytes
}

/// An element of a short VR, explicit and little-endian.
pub(super) fn explicit(tag: Tag, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = bare(tag);
    bytes.extend_from_slice(vr);
    bytes.extend_from_slice(&u16::try_from(value.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// The header of an element of a long VR, with any length.
pub(super) fn long(tag: Tag, vr: &[u8; 2], length: u32) -> Vec<u8> {
    let mut bytes = bare(tag);
    bytes.extend_from_slice(vr);
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

/// A tag and a length: of an item, a delimiter, an element without VR.
pub(super) fn plain(tag: Tag, length: u32) -> Vec<u8> {
    let mut bytes = bare(tag);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

fn bare(tag: Tag) -> Vec<u8> {
    [tag.group().to_le_bytes(), tag.element().to_le_bytes()].concat()
}
