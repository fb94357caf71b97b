//! HL7 and ISO 8601 date-times of any precision, as conditions compare them.

use std::cmp::Ordering;

/// The parts that a date-time may be written to, coarsest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// With so many digits after the second, 1 to 9.
    Fraction(u8),
}

/// A date-time of any precision: `2026`, `20260102`, `20260102030405.678+0100`,
/// `2026-01-02T03:04Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    precision: Precision,
    offset_minutes: Option<i64>,
}

/// Where a part is kept.
type Part = fn(&mut DateTime) -> &mut i64;

impl DateTime {
    /// Reads a date-time; `None` when the text, less blanks around it, is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor(text.trim().as_bytes());
        let mut read = Self {
            year: cursor.number(4)?,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            precision: Precision::Year,
            offset_minutes: None,
        };
        if cursor.is_iso_month() {
            read.rest_of_iso(&mut cursor)?;
        } else {
            read.rest_of_hl7(&mut cursor)?;
        }
        read.offset_minutes = cursor.offset()?;
        (cursor.0.is_empty() && read.is_in_range()).then_some(read)
    }

    fn rest_of_hl7(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let steps: [(Precision, Part); 5] = [
            (Precision::Month, |read| &mut read.month),
            (Precision::Day, |read| &mut read.day),
            (Precision::Hour, |read| &mut read.hour),
            (Precision::Minute, |read| &mut read.minute),
            (Precision::Second, |read| &mut read.second),
        ];
        for (precision, part) in steps {
            if !cursor.at_digit() {
                return Some(());
            }
            *part(self) = cursor.number(2)?;
            self.precision = precision;
        }
        self.fraction(cursor)
    }

    fn rest_of_iso(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let steps: [(&[u8], Precision, Part); 5] = [
            (b"-", Precision::Month, |read| &mut read.month),
            (b"-", Precision::Day, |read| &mut read.day),
            (b"Tt ", Precision::Hour, |read| &mut read.hour),
            (b":", Precision::Minute, |read| &mut read.minute),
            (b":", Precision::Second, |read| &mut read.second),
        ];
        for (separators, precision, part) in steps {
            // After the day, a minus would be an offset, which needs an hour.
            if !cursor.take_one_of(separators) {
                return Some(());
            }
            *part(self) = cursor.number(2)?;
            self.precision = precision;
        }
        self.fraction(cursor)
    }

    fn fraction(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        if !cursor.take_one_of(b".,") {
            return Some(());
        }
        let mut digits: u8 = 0;
        let mut unit = 100_000_000;
        while cursor.at_digit() {
            let digit = cursor.number(1)?;
            self.nanosecond += digit * unit;
            unit /= 10;
            digits = digits.saturating_add(1);
        }
        self.precision = Precision::Fraction(digits.min(9));
        (digits > 0).then_some(())
    }

    fn is_in_range(&self) -> bool {
        self.year >= 1
            && (1..=12).contains(&self.month)
            && (1..=days_in(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }

    /// Compares to the coarser precision of the two: 2026 equals 20260102. Where
    /// both tell their offset and the hour, the same instant is equal.
    pub fn compare(&self, other: &Self) -> Ordering {
        let precision = self.precision.min(other.precision);
        let both = self.offset_minutes.is_some() && other.offset_minutes.is_some();
        let universal = both && precision >= Precision::Hour;
        self.key(precision, universal).cmp(&other.key(precision, universal))
    }

    /// Something that is ordered as date-times of that precision are.
    fn key(&self, precision: Precision, universal: bool) -> [i64; 4] {
        let offset = if universal { self.offset_minutes.unwrap_or(0) } else { 0 };
        let days = days_before(self.year, self.month) + self.day;
        let minutes = days * 1440 + self.hour * 60 + self.minute - offset;
        match precision {
            Precision::Year => [self.year, 0, 0, 0],
            Precision::Month => [self.year, self.month, 0, 0],
            Precision::Day => [self.year, self.month, self.day, 0],
            Precision::Hour => [minutes.div_euclid(60), 0, 0, 0],
            Precision::Minute => [minutes, 0, 0, 0],
            Precision::Second => [minutes, self.second, 0, 0],
            Precision::Fraction(digits) => {
                let unit = 10_i64.pow(u32::from(9_u8.saturating_sub(digits)));
                [minutes, self.second, self.nanosecond / unit, 0]
            }
        }
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of year 1 to that of the month.
fn days_before(year: i64, month: i64) -> i64 {
    let years = year - 1;
    let leaps = years / 4 - years / 100 + years / 400;
    let months: i64 = (1..month).map(|earlier| days_in(year, earlier)).sum();
    years * 365 + leaps + months
}

/// What is left of the text.
struct Cursor<'t>(&'t [u8]);

impl Cursor<'_> {
    fn at_digit(&self) -> bool {
        self.0.first().is_some_and(u8::is_ascii_digit)
    }

    /// A number of exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(number.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    fn take_one_of(&mut self, separators: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if separators.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Whether a month follows the year as ISO writes it; `-0500` is an offset.
    fn is_iso_month(&self) -> bool {
        matches!(self.0, [b'-', tens, ones, rest @ ..] if tens.is_ascii_digit()
            && ones.is_ascii_digit() && !rest.first().is_some_and(u8::is_ascii_digit))
    }

    /// The offset at the end: `Z`, `+0100`, `+01:00`; none is fine.
    fn offset(&mut self) -> Option<Option<i64>> {
        if self.take_one_of(b"Zz") {
            return Some(Some(0));
        }
        let sign = match self.0.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some(None),
        };
        self.take_one_of(b"+-");
        let hours = self.number(2)?;
        self.take_one_of(b":");
        let minutes = if self.0.is_empty() { 0 } else { self.number(2)? };
        (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes)))
    }
}

#[cfg(test)]
mod tests {
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
        ] {
            assert_eq!(date(first).compare(&date(second)), expected, "{first} and {second}");
            assert_eq!(date(second).compare(&date(first)), expected.reverse());
        }
    }
}
