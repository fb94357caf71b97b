//! Numbers with a smallest and a largest value.

use serde::{Deserialize as _, Deserializer};

pub(super) fn between<'de, const MIN: u64, const MAX: u64, D, N>(
    deserializer: D,
) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    let found = u64::deserialize(deserializer)?;
    if !(MIN..=MAX).contains(&found) {
        let text = format!("expected a number from {MIN} to {MAX}, found {found}");
        return Err(serde::de::Error::custom(text));
    }
    N::try_from(found)
        .map_err(|_| serde::de::Error::custom("the number is too large for this machine"))
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
