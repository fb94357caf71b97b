use super::*;

fn date(text: &str) -> DateTime {
    DateTime::parse(text).unwrap_or_else(|| panic!("{text} is a date-time"))
}

#[test]
fn hl7_and_iso_date_times_of_any_precision_are_read() {
    for text in [
        "2026",
        "202601",
        "20260102",
        "2026010203",
        "202601020304",
        "20260102030405",
        "20260102030405.6",
        "20260102030405.6789",
        "20260102030405.6789+0130",
        "202601020304-0500",
        "2026-0500",
        "2026-01",
        "2026-01-02",
        "2026-01-02T03:04",
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:05+01:00",
        "20260102T030405",
        "20260102T0304Z",
        " 20260102 ",
        "20240229",
    ] {
        date(text);
    }
}

#[test]
fn what_is_no_date_time_is_not_read() {
    for text in [
        "",
        "26",
        "202",
        "20261",
        "20261301",
        "20260230",
        "20230229",
        "2026010224",
        "202601020360",
        "20260102030405.",
        "20260102x",
        "20260102T",
        "202601T02",
        "2026-1-2",
        "2026-01-02T",
        "2026-01-02T03:04:05+25:00",
        "01/02/2026",
        "0000",
        "２０２６",
    ] {
        assert_eq!(DateTime::parse(text), None, "{text}");
    }
}

#[test]
fn date_times_compare_to_the_coarser_precision() {
    let equal = Ordering::Equal;
    let (less, greater) = (Ordering::Less, Ordering::Greater);
    for (first, second, expected) in [
        ("2026", "20260102", equal),
        ("20260102", "2026-01-02", equal),
        ("20260102030405", "2026-01-02T03:04", equal),
        ("20260102", "20260103", less),
        ("2027", "20261231", greater),
        ("20260102030405.12", "20260102030405.129", equal),
        ("20260102030405.13", "20260102030405.129", greater),
        ("202601020304+0100", "202601020204Z", equal),
        ("202601020030+0100", "2026-01-01T23:30:00Z", equal),
        ("202601020304+0100", "202601020304", equal),
        ("20260102", "20260102030405+0100", equal),
        // Two zones: the finer one is taken in the zone of the coarser one.
        ("20260102+0100", "20260101233000Z", equal),
        ("20260102+0100", "20260101225959Z", greater),
        ("20260102+0100", "20260102225959.9Z", equal),
        ("20260102+0100", "20260102230000Z", less),
        ("202601-0500", "202601010459Z", greater),
        ("202601-0500", "202602010459Z", equal),
        ("202612-0500", "202701010459Z", equal),
        ("202612-0500", "202701010500Z", less),
        ("2024+0530", "20231231183000+0000", equal),
        ("2024+0530", "20231231182959+0000", greater),
        ("2024+0530", "20241231183000+0000", less),
        ("2026010203+0030", "202601020230Z", equal),
        ("2026010203+0030", "202601020330Z", less),
        ("20260102030405+0100", "20260102020405.9Z", equal),
        ("20260102030405.1+0100", "20260102020405.19Z", equal),
        ("20260102030405.1+0100", "20260102020405.2Z", less),
        // Equally precise ones are two moments.
        ("20260102+0100", "20260102Z", less),
        ("202601+0000", "202601-0001", less),
        ("2026+0100", "2026+0100", equal),
        ("0001+2300", "0001Z", less),
        ("9999Z", "99991231235959-0001", less),
    ] {
        assert_eq!(date(first).compare(&date(second)), expected, "{first} and {second}");
        assert_eq!(date(second).compare(&date(first)), expected.reverse());
    }
}

#[test]
fn a_date_time_is_written_as_hl7_writes_it() {
    for (text, expected) in [
        ("2026", "2026"),
        ("2026-01", "202601"),
        ("2026-01-02", "20260102"),
        ("2026-01-02T03", "2026010203"),
        ("2026-01-02 03:04:05,0600", "20260102030405.0600"),
        ("20260102T030405Z", "20260102030405+0000"),
        ("2026-0530", "2026-0530"),
    ] {
        assert_eq!(date(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_finer_than_a_precision_is_left_out() {
    let fine = date("20261112131415.6789-0500");
    for (precision, expected) in [
        (Precision::Year, "2026-0500"),
        (Precision::Month, "202611-0500"),
        (Precision::Minute, "202611121314-0500"),
        (Precision::Fraction(2), "20261112131415.67-0500"),
        (Precision::Fraction(9), "20261112131415.6789-0500"),
    ] {
        assert_eq!(fine.at_precision(precision).to_string(), expected, "{precision:?}");
    }
}

/// The host reads dates for its formats, and plugins read them here: what one
/// takes, the other takes, and understands alike.
fn agrees_with_the_host(text: &str) {
    let (ours, hosts) = (DateTime::parse(text), tureen_template::date::DateTime::parse(text));
    assert_eq!(ours.is_some(), hosts.is_some(), "{text}");
    let (Some(ours), Some(hosts)) = (ours, hosts) else { return };
    let parts = [hosts.month(), hosts.day(), hosts.hour(), hosts.minute(), hosts.second()];
    let our_parts = [ours.month(), ours.day(), ours.hour(), ours.minute(), ours.second()];
    assert_eq!(our_parts, parts.map(i64::from), "{text}");
    assert_eq!(ours.year(), i64::from(hosts.year()), "{text}");
    assert_eq!(ours.nanosecond(), i64::from(hosts.nanosecond()), "{text}");
    let offset = hosts.offset_seconds().map(|seconds| i64::from(seconds) / 60);
    assert_eq!(ours.offset_minutes(), offset, "{text}");
    assert_eq!(format!("{:?}", ours.precision()), format!("{:?}", hosts.precision()), "{text}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    #[test]
    fn dates_are_read_as_the_host_reads_them(
        text in "(19|20)[0-9]{2}(-?[01][0-9](-?[0-3][0-9]([T ]?[0-2][0-9](:?[0-5][0-9](:?[0-6][0-9]([.,][0-9]{0,11})?)?)?)?)?)?(Z|[+-][0-2][0-9](:?[0-5][0-9])?)?",
    ) {
        agrees_with_the_host(&text);
    }

    #[test]
    fn dates_are_compared_as_the_host_compares_them(
        first in "2024((0[12]|12)((0[12]|29|31)([012][0-3]([0-5][0-9]([0-5][0-9](\\.[0-9]{1,3})?)?)?)?)?)?(Z|[+-][01][0-9][034]0)?",
        second in "202[345]((01|02|12)((0[12]|29|31)([012][0-3]([0-5][0-9]([0-5][0-9](\\.[0-9]{1,3})?)?)?)?)?)?(Z|[+-][01][0-9][034]0)?",
    ) {
        let ours = (DateTime::parse(&first), DateTime::parse(&second));
        let host = tureen_template::date::DateTime::parse;
        if let ((Some(first), Some(second)), (Some(one), Some(other))) =
            (ours, (host(&first), host(&second)))
        {
            proptest::prop_assert_eq!(first.compare(&second), one.compare(&other));
        }
    }

    #[test]
    fn whatever_looks_a_little_like_a_date_is_judged_alike(text in "[0-9]{4}[-0-9:TZ.+ ]{0,16}") {
        agrees_with_the_host(&text);
    }

    #[test]
    fn what_is_written_is_read_again(
        text in "20[0-9]{2}([01][0-9]([0-2][0-9]([01][0-9]([0-5][0-9]([0-5][0-9](\\.[0-9]{1,9})?)?)?)?)?)?([+-][01][0-9][0-5][0-9])?",
    ) {
        if let Some(read) = DateTime::parse(&text) {
            proptest::prop_assert_eq!(DateTime::parse(&read.to_string()), Some(read));
        }
    }
}
