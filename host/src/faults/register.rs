//! All steps that are watched, so that a reload which does not concern a step lets its state be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tureen_sandbox::Overseer;

use super::breaker::Breaker;
use super::oversight::{Oversight, StepPlace};
use super::timing::Timing;
use crate::config::Faults;
use crate::metrics::Metrics;

/// Watches the steps of a server.
pub struct FaultRegister {
    metrics: Arc<Metrics>,
    timing: Timing,
    steps: Mutex<HashMap<[u8; 32], Weak<Oversight>>>,
}

/// What, when it is another, makes a step begin from nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unlike<'a> {
    /// What keeps steps of one setting apart: the role, and the place in the file.
    pub role: &'a str,
    pub pointer: &'a str,
    pub settings: &'a str,
    /// Of the workflow's file.
    pub file_digest: &'a [u8; 32],
    /// Limits and grants, in any form.
    pub allowed: &'a str,
}

/// A step that is set aside now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub workflow: String,
    pub step: String,
    pub plugin: String,
    pub version: String,
    /// Until a message is tried; zero while one is.
    pub retry_in: Duration,
}

impl FaultRegister {
    pub fn new(metrics: Arc<Metrics>, timing: Timing) -> Self {
        Self { metrics, timing, steps: Mutex::default() }
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Who watches this step: the one that watched it before, where nothing about it is new.
    pub fn oversee(
        &self,
        place: StepPlace,
        budget: Faults,
        unlike: Unlike<'_>,
    ) -> Arc<dyn Overseer> {
        let key = key(&place, &budget, unlike);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = steps.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        steps.retain(|_, step| step.strong_count() > 0);
        let series = self.metrics.step(place.labels());
        let breaker = Breaker::new(budget, self.timing.clone());
        let oversight = Arc::new(Oversight::new(place, breaker, series));
        steps.insert(key, Arc::downgrade(&oversight));
        oversight
    }

    /// The steps that are set aside now, by workflow and step.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let living: Vec<Arc<Oversight>> = steps.values().filter_map(Weak::upgrade).collect();
        drop(steps);
        let mut aside: Vec<SetAside> = living
            .iter()
            .filter_map(|step| {
                let retry_in = step.aside_for()?;
                let StepPlace { workflow, step, plugin, version, .. } = step.place.clone();
                Some(SetAside { workflow, step, plugin, version, retry_in })
            })
            .collect();
        aside.sort_by(|one, other| {
            (&one.workflow, &one.step, &one.plugin).cmp(&(
                &other.workflow,
                &other.step,
                &other.plugin,
            ))
        });
        aside
    }
}

/// Every part with its length before it, so that no two different steps look the same.
fn key(place: &StepPlace, budget: &Faults, unlike: Unlike<'_>) -> [u8; 32] {
    let setting = place.setting.to_string();
    let budget = format!("{budget:?}");
    let mut hash = Sha256::new();
    for part in [
        place.workflow.as_bytes(),
        place.step.as_bytes(),
        setting.as_bytes(),
        place.plugin.as_bytes(),
        place.digest.as_bytes(),
        budget.as_bytes(),
        unlike.role.as_bytes(),
        unlike.pointer.as_bytes(),
        unlike.settings.as_bytes(),
        unlike.file_digest,
        unlike.allowed.as_bytes(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
