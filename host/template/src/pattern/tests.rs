use super::Pattern;
use crate::date::DateTime;

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
fn a_time_of_day_shows_a_date_and_the_unit_of_a_number_does_not() {
    for (pattern, expected) in [
        ("h:mm:00 tt", "5:07:00 AM"),
        ("h:mmtt 00", "5:07AM 00"),
        ("h:mm:ss.000", "5:07:09.000"),
        ("mm:ss 0", "07:09 0"),
        ("mm:00", "07:00"),
        ("h:00 tt", "5:00 AM"),
        ("h:00tt", "5:00AM"),
        ("h:30", "5:30"),
        ("hh.mm.00 tt", "05.07.00 AM"),
        ("htt '#'0", "5AM #0"),
        ("'0' 00:mm:ss", "0 00:07:09"),
    ] {
        check(pattern, "20240305050709", expected);
    }
    for (pattern, expected) in [
        ("0.00 mm", "1430.00 mm"),
        ("#,##0 \"h\"", "1,430 h"),
        ("0 mmHg", "1430 mmHg"),
        ("0 m/s", "1430 m/s"),
        ("0 t/h", "1430 t/h"),
        ("0h 00m", "14h 30m"),
        ("0h:00m", "14h:30m"),
        ("0 h:00 m", "14 h:30 m"),
        ("Width:00", "Width:1430"),
        ("Width: 0.0", "Width: 1430.0"),
        ("mm:0.00", "mm:1430.00"),
        ("mm:00.0", "mm:1430.0"),
        ("µm:00", "µm:1430"),
        ("0:00", "14:30"),
        ("0.0 tt", "1430.0 tt"),
        ("\"h:mm\" 0", "h:mm 1430"),
    ] {
        check(pattern, "1430", expected);
    }
}

#[test]
fn what_is_a_date_already_takes_any_pattern_with_a_date_letter() {
    let date = DateTime::parse("20240305050709").unwrap();
    for (pattern, expected) in [
        ("h:mm:00 tt", Some("5:07:00 AM")),
        ("mm:00", Some("07:00")),
        ("h'h'00", Some("5h00")),
        ("00:m", Some("00:7")),
        ("0.0 m", Some("0.0 7")),
        ("0.0", None),
        ("N2", None),
    ] {
        let formatted = Pattern::compile(pattern).unwrap().apply_to_date(&date);
        assert_eq!(formatted.as_deref(), expected, "{pattern}");
    }
}

#[test]
fn a_backslash_in_quotes_is_text_beside_a_number_and_an_escape_beside_a_date() {
    check("'\\'0", "5", "\\5");
    check("0'\\'", "5", "5\\");
    check("mm'\\'0'", "202403050507", "07'0");
    check("\\h0", "5", "h5");
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
