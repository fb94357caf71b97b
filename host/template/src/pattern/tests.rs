use super::Pattern;

fn check(pattern: &str, value: &str, expected: &str) {
    assert_eq!(Pattern::compile(pattern).unwrap().apply(value), expected, "{value} as {pattern}");
}

#[test]
fn the_pattern_decides_how_a_value_is_read() {
    for (pattern, value, expected) in [
        ("yyyy-MM-dd", "20240305", "2024-03-05"),
        ("0.00", "20240305", "20240305.00"),
        // A dose is not the year 1500, and a date is not a number.
        ("0.0 mg", "1500", "1500.0 mg"),
        ("mg 0", "1500", "mg 1500"),
        ("yyyyMMdd000000", "2024-03-05", "20240305000000"),
        ("yyyy-01-01", "20240305", "2024-01-01"),
        ("'0000' HH:mm", "202403051407", "0000 14:07"),
        ("N2", "1234.5", "1,234.50"),
        ("M2", "20240305", "32"),
    ] {
        check(pattern, value, expected);
    }
}

#[test]
fn letters_for_both_prefer_a_date_to_the_day() {
    check("d", "20240305", "03/05/2024");
    check("D", "42", "42");
    check("d", "2024", "2024");
    check("F", "1.5", "1.50");
    check("G", "2024-03-05", "03/05/2024 00:00:00");
}

#[test]
fn a_value_that_the_pattern_is_not_for_stays() {
    for (pattern, value) in [
        ("yyyy-MM-dd", "unknown"),
        ("yyyy-MM-dd", ""),
        ("0.00", ">100"),
        ("0.00", ""),
        ("D5", "1.5"),
        ("'text'", "value"),
        ("--", "value"),
    ] {
        check(pattern, value, value);
    }
}

#[test]
fn impossible_patterns_are_problems() {
    for (pattern, code) in [
        ("Q", "format.number"),
        ("0'", "format.number"),
        ("yyyy'", "format.date"),
        ("0.0\\", "format.number"),
    ] {
        assert_eq!(Pattern::compile(pattern).unwrap_err().code, code, "{pattern}");
    }
}
