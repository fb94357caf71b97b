//! Where a secret is kept. What is written in its place by mistake may be the secret itself,
//! so nothing of it is ever told.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Where a secret is kept: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Relative to the home unless absolute. Only the server's user may read it.
    pub file: Option<PathBuf>,
    /// The name of an environment variable.
    pub environment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    file: Option<PathBuf>,
    environment: Option<String>,
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Place)
    }
}

struct Place;

impl Place {
    fn refuse<T, E: Error>() -> Result<T, E> {
        Err(E::custom(
            "expected a table that says where the secret is, { file = \"…\" } or \
             { environment = \"…\" }, found something else: the secret itself does not belong here",
        ))
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table that says where the secret is")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        let Written { file, environment } = Written::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Secret { file, environment })
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Self::refuse()
    }
}
