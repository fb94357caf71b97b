//! The keys that say when a step whose plugin breaks down again and again is set aside, and how
//! it comes back; and how much of metrics and of plugins' log lines there may be.

use serde::{Deserialize, Serialize};

use super::{between, optional_between};

/// `[faults]`: the budget of every step.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// `false`: steps are never set aside.
    pub on: bool,
    /// Breakdowns in a row.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub consecutive: u32,
    /// More than this part of the calls in one window, in per cent.
    #[serde(deserialize_with = "between::<1, 100, _, _>")]
    pub ratio_percent: u32,
    /// Calls that a window must have before the ratio counts.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub ratio_calls: u64,
    #[serde(deserialize_with = "between::<1, 86_400, _, _>")]
    pub window_seconds: u64,
    /// The first time that a step is set aside; it doubles each time it fails again.
    #[serde(deserialize_with = "between::<1, 86_400_000, _, _>")]
    pub back_off_minimum_milliseconds: u64,
    #[serde(deserialize_with = "between::<1, 86_400_000, _, _>")]
    pub back_off_maximum_milliseconds: u64,
}

/// `[plugins.NAME.faults]`: what is different for one plugin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginFaults {
    pub on: Option<bool>,
    #[serde(deserialize_with = "optional_between::<1, 1_000_000, _, _>")]
    pub consecutive: Option<u32>,
    #[serde(deserialize_with = "optional_between::<1, 100, _, _>")]
    pub ratio_percent: Option<u32>,
    #[serde(deserialize_with = "optional_between::<1, 1_000_000, _, _>")]
    pub ratio_calls: Option<u64>,
    #[serde(deserialize_with = "optional_between::<1, 86_400, _, _>")]
    pub window_seconds: Option<u64>,
    #[serde(deserialize_with = "optional_between::<1, 86_400_000, _, _>")]
    pub back_off_minimum_milliseconds: Option<u64>,
    #[serde(deserialize_with = "optional_between::<1, 86_400_000, _, _>")]
    pub back_off_maximum_milliseconds: Option<u64>,
}

/// `[metrics]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Steps with series of their own, and workflows with series of their own. Those beyond share
    /// one, named `(other)`.
    #[serde(deserialize_with = "between::<1, 100_000, _, _>")]
    pub steps: usize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            on: true,
            consecutive: 5,
            ratio_percent: 50,
            ratio_calls: 20,
            window_seconds: 60,
            back_off_minimum_milliseconds: 1_000,
            back_off_maximum_milliseconds: 60_000,
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { steps: 500 }
    }
}

impl Faults {
    /// With what is different for one plugin.
    pub fn with(&self, own: Option<&PluginFaults>) -> Self {
        let Some(own) = own else { return self.clone() };
        let minimum = own.back_off_minimum_milliseconds;
        let maximum = own.back_off_maximum_milliseconds;
        Self {
            on: own.on.unwrap_or(self.on),
            consecutive: own.consecutive.unwrap_or(self.consecutive),
            ratio_percent: own.ratio_percent.unwrap_or(self.ratio_percent),
            ratio_calls: own.ratio_calls.unwrap_or(self.ratio_calls),
            window_seconds: own.window_seconds.unwrap_or(self.window_seconds),
            back_off_minimum_milliseconds: minimum.unwrap_or(self.back_off_minimum_milliseconds),
            back_off_maximum_milliseconds: maximum.unwrap_or(self.back_off_maximum_milliseconds),
        }
    }

    /// The section and what is wrong with it.
    pub(super) fn refuse_contradictions(&self, section: &str) -> Result<(), (String, String)> {
        let (minimum, maximum) =
            (self.back_off_minimum_milliseconds, self.back_off_maximum_milliseconds);
        if minimum > maximum {
            let text = format!("is {minimum}, more than back_off_maximum_milliseconds ({maximum})");
            return Err((format!("{section}.back_off_minimum_milliseconds"), text));
        }
        Ok(())
    }
}
