use super::{Direction, SettingId};

const D_FORM: &str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

#[test]
fn every_text_form_names_the_same_setting() {
    let expected = SettingId::parse(D_FORM).unwrap();
    for text in [
        "3F2504E0-4F89-11D3-9A0C-0305E82C3301",
        "3f2504e04f8911d39a0c0305e82c3301",
        "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}",
        "(3f2504e0-4f89-11d3-9a0c-0305e82c3301)",
        "  3f2504e0-4f89-11d3-9a0c-0305e82c3301\t",
        "{0x3f2504e0,0x4f89,0x11d3,{0x9a,0x0c,0x03,0x05,0xe8,0x2c,0x33,0x01}}",
        "{0X3F2504E0, 0x4F89, 0x11D3, {0x9A, 0xC, 0x3, 0x5, 0xE8, 0x2C, 0x33, 0x1}}",
    ] {
        assert_eq!(SettingId::parse(text), Ok(expected), "{text}");
    }
    assert_eq!(expected.to_string(), D_FORM);
}

#[test]
fn no_text_and_zeros_are_no_reference() {
    for text in
        ["", "  ", "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000"]
    {
        assert_eq!(SettingId::parse(text), Ok(SettingId::NONE), "{text}");
    }
    assert!(SettingId::NONE.is_none());
}

#[test]
fn anything_else_is_refused_by_its_length_alone() {
    for text in [
        "3f2504e0-4f89-11d3-9a0c-0305e82c330",
        "3f2504e0-4f89-11d3-9a0c-0305e82c33011",
        "3f2504e04f89-11d3-9a0c-0305e82c3301",
        "3f2504e0-4f89-11d3-9a0c-0305e82c330g",
        "+f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "(3f2504e0-4f89-11d3-9a0c-0305e82c3301}",
        "{3f2504e04f8911d39a0c0305e82c3301}",
        "{0x3f2504e0,0x4f89,{0x11d3,0x9a,0x0c,0x03,0x05,0xe8,0x2c,0x33,0x01}}",
        "{0x3f2504e0,0x4f89,0x11d3,{0x9a,0x0c,0x03,0x05,0xe8,0x2c,0x33,0x001}}",
        "{0x3f2504e0,0x4f89,0x11d3,{0x9a}}",
        "éééééééééééééééé",
        "-",
    ] {
        let problem = SettingId::parse(text).unwrap_err();
        assert_eq!(problem.code, "guid.syntax", "{text}");
        assert!(!problem.text.contains(text) || text == "-", "{text}");
    }
}

#[test]
fn directions_are_read_in_any_case() {
    assert_eq!(Direction::from_name("InBound"), Some(Direction::Inbound));
    assert_eq!(Direction::from_name("OUTBOUND"), Some(Direction::Outbound));
    assert_eq!(Direction::from_name("variable"), None);
    assert_eq!(Direction::Inbound.name(), "inbound");
}
