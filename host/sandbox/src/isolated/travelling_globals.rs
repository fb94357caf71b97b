//! Globals as they travel: the values of secrets that are not granted stay where
//! they are.

use serde::{Deserialize, Serialize};
use tureen_template::{Globals, PortableGlobal, Purpose};

use crate::grants::Grants;

/// [`PortableGlobal`], a purpose by its number.
#[derive(Serialize, Deserialize)]
pub(super) enum TravellingGlobal {
    Text(String),
    Withheld(u8),
    Guarded(u8, String),
    Unavailable(u8, String),
}

const PURPOSES: [Purpose; 3] = [Purpose::Text, Purpose::Secret, Purpose::ConnectionString];

fn number_of(purpose: Purpose) -> u8 {
    let number = PURPOSES.iter().position(|it| *it == purpose).unwrap_or_default();
    u8::try_from(number).unwrap_or_default()
}

fn purpose_of(number: u8) -> Purpose {
    PURPOSES.get(usize::from(number)).copied().unwrap_or(Purpose::Secret)
}

/// The globals as a plugin with these grants may have them.
pub(super) fn globals_for(globals: &Globals, grants: &Grants) -> Vec<(String, TravellingGlobal)> {
    let may_have = |name: &str| grants.secrets.iter().any(|it| it.to_lowercase() == name);
    let all = globals.portable(may_have).into_iter();
    all.map(|(name, global)| {
        let global = match global {
            PortableGlobal::Text(value) => TravellingGlobal::Text(value),
            PortableGlobal::Withheld(purpose) => TravellingGlobal::Withheld(number_of(purpose)),
            PortableGlobal::Guarded(purpose, value) => {
                TravellingGlobal::Guarded(number_of(purpose), value)
            }
            PortableGlobal::Unavailable(purpose, why) => {
                TravellingGlobal::Unavailable(number_of(purpose), why)
            }
        };
        (name, global)
    })
    .collect()
}

pub(super) fn globals_of(all: Vec<(String, TravellingGlobal)>) -> Globals {
    let all = all.into_iter().map(|(name, global)| {
        let global = match global {
            TravellingGlobal::Text(value) => PortableGlobal::Text(value),
            TravellingGlobal::Withheld(purpose) => PortableGlobal::Withheld(purpose_of(purpose)),
            TravellingGlobal::Guarded(purpose, value) => {
                PortableGlobal::Guarded(purpose_of(purpose), value)
            }
            TravellingGlobal::Unavailable(purpose, why) => {
                PortableGlobal::Unavailable(purpose_of(purpose), why)
            }
        };
        (name, global)
    });
    Globals::from_portable(all)
}
