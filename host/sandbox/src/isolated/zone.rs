//! Times as they travel: the worker tells the time in the server's zone, without the
//! files that describe zones.

use std::sync::OnceLock;

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// The zone of the server's clock, as the worker knows it.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Half a year in seconds: the other half has another offset where clocks change.
const HALF_A_YEAR: i64 = 182 * 24 * 3600;

/// How this process tells which zone it is in; and two offsets, to compare.
#[derive(Serialize, Deserialize)]
pub(super) struct Zone {
    variable: Option<String>,
    offsets: Vec<(i64, i32)>,
}

impl Zone {
    pub(super) fn of_this_process() -> Self {
        let now = Timestamp::now().as_second();
        let zone = TimeZone::system();
        let offsets = [now, now - HALF_A_YEAR].map(|second| (second, offset(&zone, second)));
        Self { variable: std::env::var("TZ").ok(), offsets: offsets.to_vec() }
    }

    /// From now on this process tells the time in it. Reads files of the system.
    ///
    /// # Errors
    /// It is not the same zone here.
    pub(super) fn take_over(&self) -> Result<(), String> {
        let zone = match self.variable.as_deref().map(|name| name.trim_start_matches(':')) {
            None => TimeZone::system(),
            Some("") => TimeZone::UTC,
            Some(name) => TimeZone::get(name)
                .or_else(|_| TimeZone::posix(name))
                .map_err(|error| format!("the time zone of TZ is not known: {error}"))?,
        };
        if self.offsets.iter().any(|(second, expected)| offset(&zone, *second) != *expected) {
            return Err("its time zone is another one than the server's".to_owned());
        }
        let _ = ZONE.set(zone);
        Ok(())
    }
}

fn offset(zone: &TimeZone, second: i64) -> i32 {
    let at = Timestamp::from_second(second).unwrap_or_default();
    zone.to_offset(at).seconds()
}

fn server_zone() -> TimeZone {
    ZONE.get().cloned().unwrap_or(TimeZone::UTC)
}

/// The worker's clock.
pub(super) fn now() -> Zoned {
    Timestamp::now().to_zoned(server_zone())
}

/// A moment, with the zone that it is told in.
#[derive(Serialize, Deserialize)]
pub(super) struct Time {
    nanosecond: i128,
    offset_seconds: i32,
    in_server_zone: bool,
}

impl From<&Zoned> for Time {
    fn from(time: &Zoned) -> Self {
        Self {
            nanosecond: time.timestamp().as_nanosecond(),
            offset_seconds: time.offset().seconds(),
            in_server_zone: time.time_zone() == &TimeZone::system(),
        }
    }
}

impl Time {
    pub(super) fn zoned(&self) -> Result<Zoned, String> {
        let told = |error: jiff::Error| error.to_string();
        let at = Timestamp::from_nanosecond(self.nanosecond).map_err(told)?;
        Ok(at.to_zoned(match self.in_server_zone {
            true => server_zone(),
            false => TimeZone::fixed(Offset::from_seconds(self.offset_seconds).map_err(told)?),
        }))
    }
}
