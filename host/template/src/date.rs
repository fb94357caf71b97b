//! HL7 and ISO date-times of any precision, and .NET date patterns.
//!
//! Knows: how such text is read, compared and written, culture-invariant.
//! Deliberately does not know: the system clock and its zone.
//!
//! # Invariants
//! - A value keeps how precise it was written; missing parts are never compared.
//! - Nothing is guessed: a text that is not exactly one of the forms is no date.

use std::cmp::Ordering;

use jiff::civil;
use jiff::{SignedDuration, Zoned};

mod parse;
mod pattern;
#[cfg(test)]
mod tests;

pub use pattern::DatePattern;
pub(crate) use pattern::is_field as is_date_field;

/// How precisely a date-time was written, from coarse to fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `2024`.
    Year,
    /// `202403`.
    Month,
    /// `20240305`.
    Day,
    /// `2024030514`.
    Hour,
    /// `202403051407`.
    Minute,
    /// `20240305140709`.
    Second,
    /// A fraction of a second with this many digits, at most nine of them kept.
    Fraction(u8),
}

/// A date, or a date and time of day, with or without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// As written; what was not written is the smallest: January, day 1, 0.
    local: civil::DateTime,
    precision: Precision,
    /// Seconds east of UTC.
    offset: Option<i32>,
}

impl DateTime {
    /// Reads one of these forms, blanks around it ignored:
    ///
    /// - HL7 DTM (v2 chapter 2A): `YYYY[MM[DD[HH[MM[SS[.f]]]]]][±ZZZZ]`
    /// - ISO 8601: `YYYY-MM[-DD]`, `YYYY-MM-DDTHH[:MM[:SS[.f]]]`, a blank for
    ///   the `T`, a comma for the point, and `YYYYMMDDTHHMMSS`
    ///
    /// The zone is `Z`, `±HH`, `±HHMM` or `±HH:MM`. A fraction may have any
    /// number of digits; those after the ninth are dropped. `None` for all else,
    /// also for a day that the month does not have, hour 24 and second 60.
    pub fn parse(text: &str) -> Option<Self> {
        parse::parse(text.trim())
    }

    /// A moment in its zone, to the nanosecond.
    pub fn from_zoned(zoned: &Zoned) -> Self {
        Self {
            local: zoned.datetime(),
            precision: Precision::Fraction(9),
            offset: Some(zoned.offset().seconds()),
        }
    }

    /// 1 to 9999.
    pub fn year(&self) -> i16 {
        self.local.year()
    }

    /// 1 to 12; 1 where it was not written.
    pub fn month(&self) -> i8 {
        self.local.month()
    }

    /// 1 to 31; 1 where it was not written.
    pub fn day(&self) -> i8 {
        self.local.day()
    }

    /// 0 to 23; 0 where it was not written.
    pub fn hour(&self) -> i8 {
        self.local.hour()
    }

    /// 0 to 59; 0 where it was not written.
    pub fn minute(&self) -> i8 {
        self.local.minute()
    }

    /// 0 to 59; 0 where it was not written.
    pub fn second(&self) -> i8 {
        self.local.second()
    }

    /// 0 to 999,999,999.
    pub fn nanosecond(&self) -> i32 {
        self.local.subsec_nanosecond()
    }

    /// How precisely it was written.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Seconds east of UTC, where a zone was written.
    pub fn offset_seconds(&self) -> Option<i32> {
        self.offset
    }

    /// Compares to the coarser of the two precisions (contract 6.2): `2024` and
    /// `20240131` are equal.
    ///
    /// If both name a zone, the finer one is first moved to the zone of the
    /// coarser one. If only one does, both are taken as local times of the same
    /// place. Because of the coarser precision this is no total order: two days
    /// of one month are unequal, and both equal to the month.
    pub fn compare(&self, other: &Self) -> Ordering {
        match self.precision.cmp(&other.precision) {
            Ordering::Less => self.compare_to_finer(other),
            Ordering::Greater => other.compare_to_finer(self).reverse(),
            Ordering::Equal => match (self.offset, other.offset) {
                (Some(_), Some(_)) => self.at_offset(0).local.cmp(&other.at_offset(0).local),
                _ => self.local.cmp(&other.local),
            },
        }
    }

    fn compare_to_finer(&self, finer: &Self) -> Ordering {
        let finer = match (self.offset, finer.offset) {
            (Some(offset), Some(_)) => finer.at_offset(offset),
            _ => *finer,
        };
        self.local.cmp(&finer.cut(self.precision))
    }

    /// The local time with everything finer than the precision left out.
    fn cut(&self, precision: Precision) -> civil::DateTime {
        let local = self.local;
        let keep =
            |from: Precision, part: i8, least: i8| if precision >= from { part } else { least };
        let nanosecond = match precision {
            Precision::Fraction(digits) => {
                let step = 10_i32.pow(9_u32.saturating_sub(u32::from(digits)));
                local.subsec_nanosecond() / step * step
            }
            _ => 0,
        };
        civil::DateTime::new(
            local.year(),
            keep(Precision::Month, local.month(), 1),
            keep(Precision::Day, local.day(), 1),
            keep(Precision::Hour, local.hour(), 0),
            keep(Precision::Minute, local.minute(), 0),
            keep(Precision::Second, local.second(), 0),
            nanosecond,
        )
        .unwrap_or(local)
    }

    /// The same moment in the zone so many seconds east of UTC. Without a zone
    /// of its own, and at the ends of the calendar, it stays as it is.
    pub fn at_offset(&self, seconds: i32) -> Self {
        let Some(offset) = self.offset else { return *self };
        let difference = SignedDuration::from_secs(i64::from(seconds) - i64::from(offset));
        match self.local.checked_add(difference) {
            Ok(local) => Self { local, precision: self.precision, offset: Some(seconds) },
            Err(_) => *self,
        }
    }

    /// `yyyyMMddHHmmss`, the form without a format (contract 9.2).
    pub fn second_text(&self) -> String {
        let local = self.local;
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second()
        )
    }
}
