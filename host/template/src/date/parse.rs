//! Reads the forms of a date-time, left to right, each byte once.

use jiff::civil;

use super::{DateTime, Precision};

pub(super) fn parse(text: &str) -> Option<DateTime> {
    let mut rest = Rest { bytes: text.as_bytes() };
    let year = rest.number(4).filter(|year| *year > 0)?;
    let mut parts = Parts { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 };
    let precision = if rest.bytes.first() == Some(&b'-') && rest.hyphen_is_date() {
        dashed_date(&mut rest, &mut parts)?
    } else {
        compact_date(&mut rest, &mut parts)?
    };
    let precision = match precision {
        Precision::Day => time(&mut rest, &mut parts)?,
        coarser => coarser,
    };
    let offset = if rest.bytes.is_empty() { None } else { Some(rest.zone()?) };
    let complete = rest.bytes.is_empty();
    complete.then_some(DateTime { local: parts.local()?, precision, offset })
}

/// `-MM[-DD]` after the year.
fn dashed_date(rest: &mut Rest<'_>, parts: &mut Parts) -> Option<Precision> {
    rest.take(b'-');
    parts.month = rest.number(2)?;
    if !rest.take(b'-') {
        return Some(Precision::Month);
    }
    parts.day = rest.number(2)?;
    Some(Precision::Day)
}

/// `[MM[DD]]` after the year.
fn compact_date(rest: &mut Rest<'_>, parts: &mut Parts) -> Option<Precision> {
    if !rest.starts_with_digit() {
        return Some(Precision::Year);
    }
    parts.month = rest.number(2)?;
    if !rest.starts_with_digit() {
        return Some(Precision::Month);
    }
    parts.day = rest.number(2)?;
    Some(Precision::Day)
}

/// `[T]HH[[:]MM[[:]SS[.f]]]` after the day.
fn time(rest: &mut Rest<'_>, parts: &mut Parts) -> Option<Precision> {
    let separated = rest.take(b'T') || rest.take(b't') || rest.take(b' ');
    if !separated && !rest.starts_with_digit() {
        return Some(Precision::Day);
    }
    parts.hour = rest.number(2)?;
    let colons = rest.take(b':');
    if !colons && !rest.starts_with_digit() {
        return Some(Precision::Hour);
    }
    parts.minute = rest.number(2)?;
    let more = if colons { rest.take(b':') } else { rest.starts_with_digit() };
    if !more {
        return Some(Precision::Minute);
    }
    parts.second = rest.number(2)?;
    if !rest.take(b'.') && !rest.take(b',') {
        return Some(Precision::Second);
    }
    let (nanosecond, digits) = rest.fraction()?;
    parts.nanosecond = nanosecond;
    Some(Precision::Fraction(digits))
}

struct Parts {
    year: i16,
    month: i16,
    day: i16,
    hour: i16,
    minute: i16,
    second: i16,
    nanosecond: i32,
}

impl Parts {
    /// `None` for a month, day or time that does not exist.
    fn local(&self) -> Option<civil::DateTime> {
        let small = |number: i16| i8::try_from(number).ok();
        civil::DateTime::new(
            self.year,
            small(self.month)?,
            small(self.day)?,
            small(self.hour)?,
            small(self.minute)?,
            small(self.second)?,
            self.nanosecond,
        )
        .ok()
    }
}

/// What is still to be read.
struct Rest<'a> {
    bytes: &'a [u8],
}

impl Rest<'_> {
    fn take(&mut self, byte: u8) -> bool {
        match self.bytes.split_first() {
            Some((first, rest)) if *first == byte => {
                self.bytes = rest;
                true
            }
            _ => false,
        }
    }

    fn starts_with_digit(&self) -> bool {
        self.bytes.first().is_some_and(u8::is_ascii_digit)
    }

    /// Exactly so many digits, at most four.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.bytes.split_at_checked(digits)?;
        self.bytes = rest;
        number.iter().try_fold(0_i16, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i16::from(byte - b'0'))
        })
    }

    /// After the year, `-05-…` or `-05` is a month and `-0500` is a zone.
    fn hyphen_is_date(&self) -> bool {
        let digits = self.bytes.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        digits == 2 && self.bytes.get(3) != Some(&b':')
    }

    /// One digit or more: nanoseconds, and how many digits count.
    fn fraction(&mut self) -> Option<(i32, u8)> {
        let mut nanosecond = 0_i32;
        let mut digits = 0_u8;
        while let Some((byte, rest)) = self.bytes.split_first()
            && byte.is_ascii_digit()
        {
            self.bytes = rest;
            if digits < 9 {
                nanosecond = nanosecond * 10 + i32::from(byte - b'0');
                digits += 1;
            }
        }
        (digits > 0).then(|| (nanosecond * 10_i32.pow(9 - u32::from(digits)), digits))
    }

    /// `Z`, `±HH`, `±HHMM` or `±HH:MM`, less than a day: seconds east of UTC.
    fn zone(&mut self) -> Option<i32> {
        if self.take(b'Z') || self.take(b'z') {
            return Some(0);
        }
        let sign = if self.take(b'+') {
            1
        } else if self.take(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.number(2)?;
        let colon = self.take(b':');
        let minutes = if colon || self.starts_with_digit() { self.number(2)? } else { 0 };
        let valid = hours < 24 && minutes < 60;
        valid.then(|| sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
    }
}
