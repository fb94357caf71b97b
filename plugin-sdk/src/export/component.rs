//! Answers the contract's exports with an author's step.
//!
//! # Invariants
//! - The step lives in a slot of the component; `configure` fills it, every
//!   other export only borrows it. The host never calls into an instance twice
//!   at the same time, and a step is never called from within itself.

use crate::bindings::activity::exports::tureen::plugin::activity_step;
use crate::bindings::base;
use crate::bindings::base::exports::tureen::plugin::identity;
use crate::bindings::base::tureen::plugin::{configuring, types};
use crate::bindings::filter::exports::tureen::plugin::filter_step;
use crate::bindings::transformer::exports::tureen::plugin::transformer_step;
use crate::{Activity, Configure, Context, Filter, Message, Problem, StepError};
use crate::{Transformer, Verdict, wasm};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::thread::LocalKey;

/// Where a component keeps its configured step.
type Slot<T> = LocalKey<RefCell<Option<T>>>;

/// What an export macro tells of a component.
pub trait Step {
    /// The author's type.
    type Type: Configure + 'static;
    /// The crate's name.
    const NAME: &str;
    /// The crate's version.
    const VERSION: &str;
    /// The crate's description.
    const SUMMARY: &str;
    /// What the plugin implements.
    const HANDLES: &[&str];
    /// Where the step is kept.
    fn slot() -> &'static Slot<Self::Type>;
}

/// The type that the generated exports call.
pub struct Exported<S>(PhantomData<S>);

impl<S: Step> identity::Guest for Exported<S> {
    fn name() -> String {
        S::NAME.to_owned()
    }

    fn version() -> String {
        S::VERSION.to_owned()
    }

    fn summary() -> String {
        S::SUMMARY.to_owned()
    }

    fn handles() -> Vec<String> {
        S::HANDLES.iter().map(|class| (*class).to_owned()).collect()
    }
}

impl<S: Step> base::Guest for Exported<S> {
    fn configure(settings: String, owner: String, role: String) -> configuring::Configuration {
        let (step, configuration) = crate::step::configure::<S::Type>(&settings, &owner, &role);
        S::slot().with_borrow_mut(|slot| *slot = step);
        let findings = configuration.findings.into_iter().map(|finding| configuring::Finding {
            severity: match finding.severity {
                crate::Severity::Error => configuring::Severity::Error,
                crate::Severity::Warning => configuring::Severity::Warning,
            },
            problem: finding.problem.into(),
        });
        let requires = configuration.requirements.into_iter().map(|requirement| {
            configuring::Requirement { type_name: requirement.type_name, place: requirement.place }
        });
        configuring::Configuration { findings: findings.collect(), requires: requires.collect() }
    }
}

fn not_configured() -> Problem {
    Problem::new("plugin.not-configured", "the host called the step before its settings were read")
}

fn with_step<S: Step, R>(use_step: impl FnOnce(&mut S::Type, &Context) -> R) -> Option<R> {
    let context = Context::new(wasm::Context);
    S::slot().with_borrow_mut(|slot| slot.as_mut().map(|step| use_step(step, &context)))
}

impl<S: Step<Type: Filter>> filter_step::Guest for Exported<S> {
    fn decide(target: &Message) -> Result<filter_step::Verdict, types::StepError> {
        match with_step::<S, _>(|step, context| step.decide(context, target)) {
            Some(Ok(Verdict::Pass)) => Ok(filter_step::Verdict::Pass),
            Some(Ok(Verdict::Stop(reason))) => Ok(filter_step::Verdict::Stop(reason)),
            Some(Err(error)) => Err(error.into()),
            None => Err(StepError::from(not_configured()).into()),
        }
    }
}

impl<S: Step<Type: Transformer>> transformer_step::Guest for Exported<S> {
    fn transform(target: &Message) -> Result<(), types::StepError> {
        let mut message = Message::take(target);
        with_step::<S, _>(|step, context| step.transform(context, &mut message))
            .unwrap_or_else(|| Err(not_configured().into()))
            .map_err(types::StepError::from)
    }
}

impl<S: Step<Type: Activity>> activity_step::Guest for Exported<S> {
    fn open() -> Result<(), types::Problem> {
        with_step::<S, _>(|step, context| step.open(context))
            .unwrap_or_else(|| Err(not_configured()))
            .map_err(types::Problem::from)
    }

    fn process(target: &Message) -> Result<Option<Message>, types::StepError> {
        with_step::<S, _>(|step, context| step.process(context, target))
            .unwrap_or_else(|| Err(not_configured().into()))
            .map_err(types::StepError::from)
    }

    fn all_succeeded() {
        with_step::<S, _>(|step, context| step.all_succeeded(context));
    }

    fn roll_back() {
        with_step::<S, _>(|step, context| step.roll_back(context));
    }

    fn cancel() {
        with_step::<S, _>(|step, context| step.cancel(context));
    }

    fn close() {
        with_step::<S, _>(|step, context| step.close(context));
    }
}
