//! `[plugins_cache]`: where the compiled code of plugins is kept, and what
//! compiling may cost.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::between;

/// Every start reads what an earlier one compiled.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsCache {
    /// Relative to the home unless absolute. Empty: nothing is kept.
    pub directory: PathBuf,
    /// Of all entries together.
    #[serde(deserialize_with = "between::<1_048_576, 1_099_511_627_776, _, _>")]
    pub bytes: u64,
    /// Fresh instances start with their settings, where a plugin allows it.
    pub snapshots: bool,
    /// Compilations at once.
    #[serde(deserialize_with = "between::<1, 64, _, _>")]
    pub compilers: usize,
    /// Address space of one compilation.
    #[serde(deserialize_with = "between::<67_108_864, 1_099_511_627_776, _, _>")]
    pub compile_memory_bytes: u64,
    /// Processor time of one compilation.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub compile_cpu_seconds: u64,
    /// Time of one compilation from start to answer.
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub compile_seconds: u64,
    /// How much compiling gives way to all else; 19 is most.
    #[serde(deserialize_with = "between::<0, 19, _, _>")]
    pub compile_niceness: u8,
}

impl Default for PluginsCache {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("data/compiled"),
            bytes: 1_073_741_824,
            snapshots: true,
            compilers: 1,
            compile_memory_bytes: 2_147_483_648,
            compile_cpu_seconds: 180,
            compile_seconds: 600,
            compile_niceness: 10,
        }
    }
}
