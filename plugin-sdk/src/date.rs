//! HL7 and ISO 8601 date-times of any precision.
//!
//! Reads the forms that the host's date formats read, and compares as date
//! conditions do. Deliberately does not know: the clock, and how dates are
//! written for people, which is [`Context::format_date`](crate::Context::format_date).
//!
//! # Invariants
//! - A value keeps how precisely it was written; missing parts are never
//!   compared.
//! - Nothing is guessed: a text that is not exactly one of the forms is none.

use std::cmp::Ordering;
use std::fmt;

#[cfg(test)]
mod tests;

/// How precisely a date-time was written, from coarse to fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `2026`.
    Year,
    /// `202601`.
    Month,
    /// `20260102`.
    Day,
    /// `2026010203`.
    Hour,
    /// `202601020304`.
    Minute,
    /// `20260102030405`.
    Second,
    /// With so many digits after the second, 1 to 9.
    Fraction(u8),
}

/// A date-time of any precision: `2026`, `20260102`, `20260102030405.678+0100`,
/// `2026-01-02T03:04Z`.
///
/// ```
/// use tureen_plugin_sdk::{DateTime, Precision};
///
/// let born = DateTime::parse("19700102").expect("a date");
/// assert_eq!((born.year(), born.month(), born.day()), (1970, 1, 2));
/// assert_eq!(born.precision(), Precision::Day);
/// assert_eq!(DateTime::parse("2026-01-02T03:04+01:00").unwrap().to_string(), "202601020304+0100");
/// assert_eq!(DateTime::parse("02/01/2026"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl DateTime {
    /// Reads one of these forms, blanks around it ignored; `None` for all else,
    /// also for a day that the month does not have, hour 24 and second 60.
    ///
    /// - HL7 (v2 chapter 2A): `YYYY[MM[DD[HH[MM[SS[.f]]]]]][±ZZZZ]`
    /// - ISO 8601: `YYYY-MM[-DD]`, `YYYY-MM-DDTHH[:MM[:SS[.f]]]`, a blank for the
    ///   `T`, a comma for the point, and `YYYYMMDDTHHMMSS`
    ///
    /// The zone is `Z`, `±HH`, `±HHMM` or `±HH:MM`. Digits of a fraction after
    /// the ninth are dropped.
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
        read.date(&mut cursor)?;
        if read.precision == Precision::Day {
            read.time(&mut cursor)?;
        }
        read.offset_minutes = cursor.offset()?;
        (cursor.0.is_empty() && read.is_in_range()).then_some(read)
    }

    /// 1 to 9999.
    pub fn year(&self) -> i64 {
        self.year
    }

    /// 1 to 12; 1 where it was not written.
    pub fn month(&self) -> i64 {
        self.month
    }

    /// 1 to 31; 1 where it was not written.
    pub fn day(&self) -> i64 {
        self.day
    }

    /// 0 to 23; 0 where it was not written.
    pub fn hour(&self) -> i64 {
        self.hour
    }

    /// 0 to 59; 0 where it was not written.
    pub fn minute(&self) -> i64 {
        self.minute
    }

    /// 0 to 59; 0 where it was not written.
    pub fn second(&self) -> i64 {
        self.second
    }

    /// 0 to 999,999,999.
    pub fn nanosecond(&self) -> i64 {
        self.nanosecond
    }

    /// How precisely it was written.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Minutes east of UTC, where a zone was written.
    pub fn offset_minutes(&self) -> Option<i64> {
        self.offset_minutes
    }

    /// The same, with everything finer than the precision left out; one that is
    /// coarser stays as it is.
    ///
    /// ```
    /// use tureen_plugin_sdk::{DateTime, Precision};
    ///
    /// let observed = DateTime::parse("20260102030405+0100").unwrap();
    /// assert_eq!(observed.at_precision(Precision::Minute).to_string(), "202601020304+0100");
    /// ```
    #[must_use]
    pub fn at_precision(&self, precision: Precision) -> Self {
        let precision = self.precision.min(precision);
        let keep =
            |from: Precision, part: i64, least: i64| if precision >= from { part } else { least };
        Self {
            year: self.year,
            month: keep(Precision::Month, self.month, 1),
            day: keep(Precision::Day, self.day, 1),
            hour: keep(Precision::Hour, self.hour, 0),
            minute: keep(Precision::Minute, self.minute, 0),
            second: keep(Precision::Second, self.second, 0),
            nanosecond: match precision {
                Precision::Fraction(digits) => {
                    self.nanosecond / fraction_unit(digits) * fraction_unit(digits)
                }
                _ => 0,
            },
            precision,
            offset_minutes: self.offset_minutes,
        }
    }

    /// `[-]MM[[-]DD]` after the year.
    fn date(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let dashes = cursor.is_iso_month();
        let follows = |cursor: &mut Cursor<'_>| {
            if dashes { cursor.take_one_of(b"-") } else { cursor.at_digit() }
        };
        if !follows(cursor) {
            return Some(());
        }
        (self.month, self.precision) = (cursor.number(2)?, Precision::Month);
        if !follows(cursor) {
            return Some(());
        }
        (self.day, self.precision) = (cursor.number(2)?, Precision::Day);
        Some(())
    }

    /// `[T]HH[[:]MM[[:]SS[.f]]]` after the day.
    fn time(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        if !cursor.take_one_of(b"Tt ") && !cursor.at_digit() {
            return Some(());
        }
        (self.hour, self.precision) = (cursor.number(2)?, Precision::Hour);
        let colons = cursor.take_one_of(b":");
        if !colons && !cursor.at_digit() {
            return Some(());
        }
        (self.minute, self.precision) = (cursor.number(2)?, Precision::Minute);
        let more = if colons { cursor.take_one_of(b":") } else { cursor.at_digit() };
        if !more {
            return Some(());
        }
        (self.second, self.precision) = (cursor.number(2)?, Precision::Second);
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

    /// Compares to the coarser precision of the two: 2026 equals 20260102.
    ///
    /// Where both tell their zone, moments are compared, so that the finer one is
    /// taken in the zone of the coarser one: 20260101233000+0000 is of the day
    /// 20260102+0100. Where one tells it, both are local times of the same place.
    /// Because of the coarser precision this is no total order: two days of one
    /// month are unequal, and both equal to the month.
    ///
    /// ```
    /// use std::cmp::Ordering;
    /// use tureen_plugin_sdk::DateTime;
    ///
    /// let day = DateTime::parse("20260102+0100").unwrap();
    /// let late = DateTime::parse("20260101233000Z").unwrap();
    /// assert_eq!(day.compare(&late), Ordering::Equal);
    /// ```
    pub fn compare(&self, other: &Self) -> Ordering {
        let zones = self.offset_minutes.is_some() && other.offset_minutes.is_some();
        match self.precision.cmp(&other.precision) {
            Ordering::Equal => self.start(zones).cmp(&other.start(zones)),
            Ordering::Less => self.compare_to_finer(other, zones),
            Ordering::Greater => other.compare_to_finer(self, zones).reverse(),
        }
    }

    /// A finer one that begins while this one lasts is equal.
    fn compare_to_finer(&self, finer: &Self, zones: bool) -> Ordering {
        let moment = finer.start(zones);
        if moment < self.start(zones) {
            Ordering::Greater
        } else if moment >= self.end(zones) {
            Ordering::Less
        } else {
            Ordering::Equal
        }
    }

    /// The first nanosecond, from the beginning of year 1; of UTC where zones
    /// count.
    fn start(&self, zones: bool) -> i128 {
        let days = days_before(self.year, self.month) + self.day - 1;
        let minutes = days * 1440 + self.hour * 60 + self.minute - self.shift(zones);
        nanoseconds(minutes * 60 + self.second) + i128::from(self.nanosecond)
    }

    /// The first nanosecond after it.
    fn end(&self, zones: bool) -> i128 {
        let next =
            |year, month| nanoseconds((days_before(year, month) * 1440 - self.shift(zones)) * 60);
        let start = self.start(zones);
        match self.precision {
            Precision::Year => next(self.year + 1, 1),
            Precision::Month if self.month == 12 => next(self.year + 1, 1),
            Precision::Month => next(self.year, self.month + 1),
            Precision::Day => start + nanoseconds(86_400),
            Precision::Hour => start + nanoseconds(3_600),
            Precision::Minute => start + nanoseconds(60),
            Precision::Second => start + nanoseconds(1),
            Precision::Fraction(digits) => start + i128::from(fraction_unit(digits)),
        }
    }

    fn shift(&self, zones: bool) -> i64 {
        if zones { self.offset_minutes.unwrap_or(0) } else { 0 }
    }
}

/// The text of HL7, as precise as it was read: `20260102030405.678+0100`.
impl fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}", self.year)?;
        let parts = [
            (Precision::Month, self.month),
            (Precision::Day, self.day),
            (Precision::Hour, self.hour),
            (Precision::Minute, self.minute),
            (Precision::Second, self.second),
        ];
        for (_, part) in parts.iter().filter(|(precision, _)| *precision <= self.precision) {
            write!(formatter, "{part:02}")?;
        }
        if let Precision::Fraction(digits) = self.precision {
            let fraction = self.nanosecond / fraction_unit(digits);
            write!(formatter, ".{fraction:0width$}", width = usize::from(digits))?;
        }
        let Some(offset) = self.offset_minutes else { return Ok(()) };
        let sign = if offset < 0 { '-' } else { '+' };
        write!(formatter, "{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60)
    }
}

fn nanoseconds(seconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000
}

/// Nanoseconds of the last of so many digits.
fn fraction_unit(digits: u8) -> i64 {
    10_i64.pow(u32::from(9_u8.saturating_sub(digits)))
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

    /// Whether a month follows the year as ISO writes it; `-0500` and `-05:00`
    /// are zones.
    fn is_iso_month(&self) -> bool {
        matches!(self.0, [b'-', tens, ones, rest @ ..] if tens.is_ascii_digit()
            && ones.is_ascii_digit()
            && !rest.first().is_some_and(|next| next.is_ascii_digit() || *next == b':'))
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
        let colon = self.take_one_of(b":");
        let minutes = if colon || self.at_digit() { self.number(2)? } else { 0 };
        (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 60 + minutes)))
    }
}
