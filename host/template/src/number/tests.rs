use proptest::prelude::*;

use super::{DIGITS_MAX, Decimal, NumberPattern};

fn format(pattern: &str, number: &str) -> Option<String> {
    let number = Decimal::parse(number).unwrap();
    NumberPattern::compile(pattern).unwrap().format(&number)
}

fn check(pattern: &str, number: &str, expected: &str) {
    assert_eq!(format(pattern, number).as_deref(), Some(expected), "{number} as {pattern}");
}

#[test]
fn zeros_are_kept_and_hashes_are_dropped() {
    for (pattern, number, expected) in [
        ("0.00", "1234.567", "1234.57"),
        ("0.00", "0.5", "0.50"),
        ("00000", "123", "00123"),
        ("#", "0", ""),
        ("#.##", "0", ""),
        ("#.##", "0.4", ".4"),
        ("0.##", "7", "7"),
        ("0.00##", "1.2", "1.20"),
        ("0.00##", "1.23456", "1.2346"),
        ("00.#", "5", "05"),
        (".00", "12.5", "12.50"),
        ("0", "98765432109876543210987654321", "98765432109876543210987654321"),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn decimal_text_is_rounded_half_away_from_zero_without_binary_surprises() {
    for (pattern, number, expected) in [
        ("0.00", "1.005", "1.01"),
        ("0.00", "0.045", "0.05"),
        ("0.0", "0.25", "0.3"),
        ("0.0", "-0.25", "-0.3"),
        ("0", "9.5", "10"),
        ("0", "0.49999999999999999999", "0"),
        ("0.00", "999.999", "1000.00"),
        ("0.00", "-0.004", "0.00"),
        ("0", "0.5", "1"),
        ("0.0", "0.04", "0.0"),
        ("F1", "0.05", "0.1"),
        ("0.000000000000000000000", "0.1", "0.100000000000000000000"),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn commas_group_or_scale() {
    for (pattern, number, expected) in [
        ("#,#", "1234567890", "1,234,567,890"),
        ("#,##0.00", "1234.5", "1,234.50"),
        ("#,##0", "12", "12"),
        ("0,000", "5", "0,005"),
        ("#,##0,,", "1234567890", "1,235"),
        ("0,", "1499", "1"),
        ("#,##0.00", "-1234567.891", "-1,234,567.89"),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn percent_multiplies_and_text_is_copied() {
    for (pattern, number, expected) in [
        ("#0.##%", "0.086", "8.6%"),
        ("0‰", "0.0125", "13‰"),
        ("(###) ###-####", "1234567890", "(123) 456-7890"),
        ("0.0 mg", "12.55", "12.6 mg"),
        ("'#'0", "7", "#7"),
        ("\\#0\"%\"", "7", "#7%"),
        ("0-0", "123", "12-3"),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn sections_are_for_positive_negative_and_zero() {
    for (pattern, number, expected) in [
        ("0;(0)", "12", "12"),
        ("0;(0)", "-12", "(12)"),
        ("0;(0);none", "0", "none"),
        ("0.0;(0.0);none", "-0.01", "none"),
        ("0;;none", "-3", "-3"),
        ("0;(0)", "0", "0"),
        // Empty quotes are a section that writes nothing, no text is none.
        ("0;(0);''", "0", ""),
        ("0;(0);''", "7", "7"),
        ("0;(0);\"\"", "0.4", ""),
        ("#,##0.00;-#,##0.00;''", "0", ""),
        ("#,##0.00;-#,##0.00;''", "-1234.5", "-1,234.50"),
        ("0;'';z", "-5", ""),
        ("0;'';z", "-0.4", "z"),
        ("'';0", "5", ""),
        ("0;,;z", "-5", ""),
        ("0;;", "-5", "-5"),
        ("0;;", "0", "0"),
        ("0;(0); ", "0", " "),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn standard_formats_follow_the_invariant_culture() {
    for (pattern, number, expected) in [
        ("N2", "1234.5", "1,234.50"),
        ("N", "1234567", "1,234,567.00"),
        ("N0", "-1234.5", "-1,235"),
        ("F2", "0.005", "0.01"),
        ("F0", "0.4", "0"),
        ("f3", "12", "12.000"),
        ("P1", "0.1234", "12.3 %"),
        ("D5", "42", "00042"),
        ("D5", "-42", "-00042"),
        ("D", "42.0", "42"),
        ("X", "255", "FF"),
        ("x4", "255", "00ff"),
        ("X", "-1", "FFFFFFFFFFFFFFFF"),
        ("G", "1.500e1", "15"),
        ("G", "-0.00250", "-0.0025"),
        // Numbers are decimals, and these have no exponent without a precision.
        ("G", "0.00001", "0.00001"),
    ] {
        check(pattern, number, expected);
    }
    assert_eq!(format("D5", "4.2"), None);
    assert_eq!(format("X", "4.2"), None);
    assert_eq!(format("X", "9223372036854775808"), None);
}

/// Expected texts are those of .NET's documentation of standard and custom
/// formats, in the invariant culture.
#[test]
fn exponents_currency_and_significant_digits_follow_the_invariant_culture() {
    for (pattern, number, expected) in [
        ("E", "1052.0329112756", "1.052033E+003"),
        ("e2", "-1052.0329112756", "-1.05e+003"),
        ("E2", "9.999", "1.00E+001"),
        ("E0", "0", "0E+000"),
        ("E3", "0.000012345", "1.235E-005"),
        ("E1", "1e999", "1.0E+999"),
        ("C", "123.456", "¤123.46"),
        ("C0", "123.456", "¤123"),
        ("C3", "-1123.456", "(¤1,123.456)"),
        ("C1", "-0.01", "¤0.0"),
        ("G4", "123.4546", "123.5"),
        ("G4", "-1.234567890e-25", "-1.235E-25"),
        ("g3", "123456", "1.23e+05"),
        ("G5", "0.0001234", "0.0001234"),
        ("G5", "0.00001234", "1.234E-05"),
        ("G3", "0.00001", "1E-05"),
        ("g1", "-0.000095", "-0.0001"),
        ("G5", "0.000001234", "1.234E-06"),
        ("G3", "1200", "1.2E+03"),
        ("G4", "1200", "1200"),
        ("G2", "0", "0"),
        ("G0", "1.50", "1.5"),
        ("R", "1.50e3", "1500"),
        ("R7", "0.10", "0.1"),
        ("B", "42", "101010"),
        ("B8", "42", "00101010"),
        ("b4", "255", "11111111"),
    ] {
        check(pattern, number, expected);
    }
    assert_eq!(format("B", "-1").map(|text| text.len()), Some(64));
    assert_eq!(format("B", "4.2"), None);
}

#[test]
fn custom_exponents_have_as_many_digits_as_the_pattern() {
    for (pattern, number, expected) in [
        ("0.###E+0", "86000", "8.6E+4"),
        ("0.###E+000", "86000", "8.6E+004"),
        ("0.###E-000", "86000", "8.6E004"),
        ("0.0##e+00", "1503.92311", "1.504e+03"),
        ("00.00E0", "86000", "86.00E3"),
        ("#0.0e0", "0.00012", "12.0e-5"),
        ("0E0", "-95", "-1E2"),
        ("0.0E0", "0", "0.0E0"),
        ("0.0E+0;(0.0E+0);none", "-1234", "(1.2E+3)"),
        ("0.0E+0;(0.0E+0);none", "0", "none"),
        ("0.0E00000000000000000000", "1", "1.0E0000000000"),
        ("0,0E0", "1234", "12E2"),
        ("0,000.0E+0", "1234567", "1,234.6E+3"),
        ("0.0E+0%", "5", "5.0E+2%"),
        ("0.0E+0‰", "-0.0125", "-1.3E+1‰"),
        ("0.0E+0%", "0", "0.0E+0%"),
        ("0,.0E+0", "1234", "1.2E+0"),
        ("0E0E", "5", "5E0E"),
        ("'E0'0", "5", "E05"),
    ] {
        check(pattern, number, expected);
    }
}

#[test]
fn unsupported_formats_name_what_is_supported() {
    for pattern in ["Q", "A2", "0'open", "0\\"] {
        let problem = NumberPattern::compile(pattern).unwrap_err();
        assert_eq!(problem.code, "format.number", "{pattern}");
    }
    // Not the exponent of a number, just a letter.
    check("0 E", "7", "7 E");
}

#[test]
fn only_decimal_text_is_a_number() {
    for text in [
        "", " ", "-", ".", "1,5", "1,234", "1.2.3", "1e", "1e+", "1e1000", "--1", "0x10", "1 2",
        "½", "٣", "NaN", "Infinity", "1e++1",
    ] {
        assert_eq!(Decimal::parse(text), None, "{text}");
    }
    for text in ["1", "+1", "-1.", ".5", " 7 ", "1e-7", "1E+3", "000"] {
        assert!(Decimal::parse(text).is_some(), "{text}");
    }
    assert_eq!(Decimal::parse("-0.00"), Decimal::parse("0"));
}

#[test]
fn a_number_has_a_limited_number_of_digits() {
    assert!(Decimal::parse(&"9".repeat(DIGITS_MAX)).is_some());
    assert_eq!(Decimal::parse(&"9".repeat(DIGITS_MAX + 1)), None);
    assert_eq!(format("0", "1e999").map(|text| text.len()), Some(1_000));
}

proptest! {
    #[test]
    fn no_text_makes_number_patterns_panic(pattern in "\\PC{0,20}", number in "[-+.0-9eE]{0,12}") {
        let compiled = NumberPattern::compile(&pattern);
        if let (Ok(pattern), Some(number)) = (compiled, Decimal::parse(&number)) {
            drop(pattern.format(&number));
        }
    }

    #[test]
    fn any_pattern_of_symbols_can_be_written(
        pattern in "[0#.,%;'\"\\\\ +eE-]{0,12}",
        number in "-?[0-9]{1,8}(\\.[0-9]{1,8})?(e-?[0-9]{1,2})?",
    ) {
        let compiled = NumberPattern::compile(&pattern);
        if let (Ok(pattern), Some(number)) = (compiled, Decimal::parse(&number)) {
            prop_assert!(pattern.format(&number).is_some());
        }
    }

    #[test]
    fn two_places_agree_with_integer_arithmetic(cents in -1_000_000_i64..1_000_000) {
        let sign = if cents < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
        prop_assert_eq!(format("0.00", &text), Some(text.clone()));
        prop_assert_eq!(format("0.00##", &text), format("F2", &text));
    }
}
