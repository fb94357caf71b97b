//! Numbers with a smallest and a largest value.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

pub(super) fn between<'de, const MIN: u64, const MAX: u64, D, N>(
    deserializer: D,
) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    let found = deserializer.deserialize_u64(Between::<MIN, MAX>)?;
    N::try_from(found).map_err(|_| Error::custom("the number is too large for this machine"))
}

pub(super) fn optional_between<'de, const MIN: u64, const MAX: u64, D, N>(
    deserializer: D,
) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    between::<MIN, MAX, D, N>(deserializer).map(Some)
}

/// Says the range, whatever is found in place of a number in it.
struct Between<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Between<MIN, MAX> {
    fn checked<E: Error>(found: i128) -> Result<u64, E> {
        let fits = u64::try_from(found).ok().filter(|found| (MIN..=MAX).contains(found));
        fits.ok_or_else(|| {
            E::custom(format!("expected a number from {MIN} to {MAX}, found {found}"))
        })
    }
}

impl<const MIN: u64, const MAX: u64> Visitor<'_> for Between<MIN, MAX> {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, found: i64) -> Result<u64, E> {
        Self::checked(i128::from(found))
    }

    fn visit_u64<E: Error>(self, found: u64) -> Result<u64, E> {
        Self::checked(i128::from(found))
    }

    fn visit_i128<E: Error>(self, found: i128) -> Result<u64, E> {
        Self::checked(found)
    }
}
