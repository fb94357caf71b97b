use std::cmp::Ordering;

use proptest::prelude::*;

use super::{DatePattern, DateTime, Precision};

fn parse(text: &str) -> DateTime {
    DateTime::parse(text).unwrap_or_else(|| panic!("{text} is a date"))
}

fn check(pattern: &str, date: &str, expected: &str) {
    let compiled = DatePattern::compile(pattern).unwrap();
    assert_eq!(compiled.format(&parse(date)), expected, "{date} as {pattern}");
}

#[test]
fn every_precision_of_hl7_and_iso_is_read() {
    for (text, precision, seconds) in [
        ("2024", Precision::Year, "20240101000000"),
        ("202403", Precision::Month, "20240301000000"),
        ("20240305", Precision::Day, "20240305000000"),
        ("2024030514", Precision::Hour, "20240305140000"),
        ("202403051407", Precision::Minute, "20240305140700"),
        ("20240305140709", Precision::Second, "20240305140709"),
        ("20240305140709.1", Precision::Fraction(1), "20240305140709"),
        ("20240305140709.123456789012", Precision::Fraction(9), "20240305140709"),
        ("2024-03", Precision::Month, "20240301000000"),
        ("2024-03-05", Precision::Day, "20240305000000"),
        ("2024-03-05T14", Precision::Hour, "20240305140000"),
        ("2024-03-05T14:07", Precision::Minute, "20240305140700"),
        ("2024-03-05 14:07:09", Precision::Second, "20240305140709"),
        ("2024-03-05t14:07:09,25", Precision::Fraction(2), "20240305140709"),
        ("20240305T140709", Precision::Second, "20240305140709"),
        (" 20240229 ", Precision::Day, "20240229000000"),
    ] {
        let date = parse(text);
        assert_eq!(date.precision(), precision, "{text}");
        assert_eq!(date.second_text(), seconds, "{text}");
        assert_eq!(date.offset_seconds(), None, "{text}");
    }
    assert_eq!(parse("20240305140709.012").nanosecond(), 12_000_000);
}

#[test]
fn zones_are_read_after_any_precision() {
    for (text, offset) in [
        ("2024-0500", -18_000),
        ("202403+0100", 3_600),
        ("20240305140709-0330", -12_600),
        ("20240305140709.5+00", 0),
        ("2024-03-05T14:07:09Z", 0),
        ("2024-03-05T14:07+05:30", 19_800),
        ("2024-03-05-0500", -18_000),
    ] {
        assert_eq!(parse(text).offset_seconds(), Some(offset), "{text}");
    }
}

#[test]
fn anything_else_is_no_date() {
    for text in [
        "",
        "24",
        "202",
        "20241",
        "2024030",
        "202403051",
        "20241301",
        "20230229",
        "20240305240000",
        "20240305146000",
        "20240305140760",
        "0000",
        "20240305140709.",
        "2024-3-5",
        "03/05/2024",
        "2024-03-05T",
        "2024-03T10",
        "20240305+2500",
        "20240305+0060",
        "20240305Z0",
        "20240305 x",
        "２０２４",
        "2024-",
        "2024-03-",
        "20240305 ",
        "2024é",
    ] {
        let expected = text.trim() == "20240305";
        assert_eq!(DateTime::parse(text).is_some(), expected, "{text:?}");
    }
}

#[test]
fn dates_compare_to_the_coarser_precision() {
    for (left, right, expected) in [
        ("2024", "20240305", Ordering::Equal),
        ("2023", "20240101", Ordering::Less),
        ("20240305", "202403051407", Ordering::Equal),
        ("20240306", "20240305235959", Ordering::Greater),
        ("20240305140709.1", "20240305140709.19", Ordering::Equal),
        ("20240305140709.2", "20240305140709.19", Ordering::Greater),
        ("20240305140709", "20240305140710", Ordering::Less),
        // Both zones count; the finer one moves to the coarser one's.
        ("20240305140709-0500", "20240305190709Z", Ordering::Equal),
        ("20240305+0000", "20240304233000-0500", Ordering::Equal),
        ("20240305+0000", "20240304183000-0500", Ordering::Greater),
        ("2024030510+0530", "202403050430Z", Ordering::Equal),
        // One zone alone does not.
        ("20240305140709-0500", "20240305140709", Ordering::Equal),
        ("2024-03-05T14:07:09Z", "20240305140708", Ordering::Greater),
    ] {
        assert_eq!(parse(left).compare(&parse(right)), expected, "{left} and {right}");
        assert_eq!(parse(right).compare(&parse(left)), expected.reverse(), "{right} and {left}");
    }
}

#[test]
fn custom_patterns_write_each_part() {
    const DATE: &str = "20240305140709.123456789-0500";
    for (pattern, expected) in [
        ("yyyyMMddHHmmss", "20240305140709"),
        ("yyyy-MM-ddTHH:mm:sszzz", "2024-03-05T14:07:09-05:00"),
        ("d/M/yy h:m:s tt", "5/3/24 2:7:9 PM"),
        ("dddd, d MMMM yyyy", "Tuesday, 5 March 2024"),
        ("ddd dd MMM", "Tue 05 Mar"),
        ("HHmmss.fff", "140709.123"),
        ("fffffff", "1234567"),
        ("hh t z zz K", "02 P -5 -05 -05:00"),
        ("yyy yyyyy %d %y", "2024 02024 5 24"),
        ("yyyy'year'\"month\"\\d", "2024yearmonthd"),
        ("'it\\'s' yyyy", "it's 2024"),
        ("yyyy gg", "2024 A.D."),
        ("", ""),
    ] {
        check(pattern, DATE, expected);
    }
}

#[test]
fn midnight_noon_and_missing_parts_have_a_text() {
    check("h:mm tt", "202403050005", "12:05 AM");
    check("h:mm tt", "202403051205", "12:05 PM");
    check("yyyyMMdd HHmm", "2024", "20240101 0000");
    check("yyyy-MM-ddTHH:mm:ssK", "20240305140709", "2024-03-05T14:07:09");
    check("HHmmzzz", "20240305140709", "1407");
    check("HHmmK", "20240305140709Z", "1407Z");
    check("HHmmzzz", "20240305140709+0530", "1407+05:30");
}

#[test]
fn optional_fractions_leave_zeros_and_the_point_out() {
    check("ss.FFF", "20240305140709.12", "09.12");
    check("ss.FFF", "20240305140709", "09");
    check("ss.FFF", "20240305140709.0001", "09");
    check("ss FFF", "20240305140709.5", "09 5");
}

#[test]
fn standard_formats_follow_the_invariant_culture() {
    for (letter, expected) in [
        ("d", "03/05/2024"),
        ("D", "Tuesday, 05 March 2024"),
        ("f", "Tuesday, 05 March 2024 14:07"),
        ("F", "Tuesday, 05 March 2024 14:07:09"),
        ("g", "03/05/2024 14:07"),
        ("G", "03/05/2024 14:07:09"),
        ("M", "March 05"),
        ("o", "2024-03-05T14:07:09.1234567-05:00"),
        ("R", "Tue, 05 Mar 2024 19:07:09 GMT"),
        ("s", "2024-03-05T14:07:09"),
        ("t", "14:07"),
        ("T", "14:07:09"),
        ("u", "2024-03-05 19:07:09Z"),
        ("U", "Tuesday, 05 March 2024 19:07:09"),
        ("y", "2024 March"),
    ] {
        check(letter, "20240305140709.123456789-0500", expected);
    }
}

#[test]
fn impossible_patterns_are_refused_with_a_reason() {
    for pattern in ["q", "H", "yyyy'", "yyyy\"MM", "yyyy\\", "yyyy%", "%%d", "ffffffff", "FFFFFFFF"]
    {
        let problem = DatePattern::compile(pattern).unwrap_err();
        assert_eq!(problem.code, "format.date", "{pattern}");
    }
}

/// Every precision, with and without a zone.
const ANY_DATE: &str = "(19|20)[0-9]{2}(0[1-9](0[1-9]([01][0-9]([0-5][0-9]([0-5][0-9]\
                        (\\.[0-9]{1,4})?)?)?)?)?)?([+-]0[0-9][03]0)?";

proptest! {
    #[test]
    fn no_text_makes_dates_panic(text in "\\PC{0,30}", pattern in "\\PC{0,20}") {
        let date = DateTime::parse(&text).unwrap_or_else(|| parse("20240305"));
        if let Ok(pattern) = DatePattern::compile(&pattern) {
            drop(pattern.format(&date));
        }
    }

    #[test]
    fn what_looks_like_a_date_never_panics(
        text in "[0-9]{4}[-0-9T:.+Z ]{0,20}",
        pattern in "[yMdHhmsfFtzKg%'\\\\. ]{0,10}",
    ) {
        let compiled = DatePattern::compile(&pattern);
        if let (Some(date), Ok(compiled)) = (DateTime::parse(&text), compiled) {
            drop(compiled.format(&date));
        }
    }

    #[test]
    fn comparing_is_antisymmetric_and_reflexive(
        left in ANY_DATE,
        right in ANY_DATE,
    ) {
        let (left, right) = (parse(&left), parse(&right));
        prop_assert_eq!(left.compare(&right), right.compare(&left).reverse());
        prop_assert_eq!(left.compare(&left), Ordering::Equal);
    }

    #[test]
    fn writing_and_reading_a_date_gives_it_back(
        second in 0_i64..4_000_000_000,
        zone in -14_i8..15,
    ) {
        let moment = jiff::Timestamp::from_second(second).unwrap();
        let zoned = moment.to_zoned(jiff::tz::offset(zone).to_time_zone());
        let date = DateTime::from_zoned(&zoned);
        let text = DatePattern::compile("yyyyMMddHHmmss.fffffffzzz").unwrap().format(&date);
        let read = parse(&text);
        prop_assert_eq!(read.compare(&date), Ordering::Equal);
        prop_assert_eq!(read.at_offset(0).second_text(), date.at_offset(0).second_text());
    }
}
