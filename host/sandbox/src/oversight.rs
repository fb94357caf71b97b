//! Who is asked before a step is called, and told afterwards.
//!
//! Knows: the order of asking, calling and telling, whatever way a call ends.
//! Deliberately does not know: why a step is set aside, and where figures go.

use std::sync::Arc;
use std::time::Instant;

use crate::exchange::CallFacts;
use crate::failure::Failure;
use crate::usage::Usage;

/// Watches one step. It is asked for every message, on the data path: it must
/// neither wait nor take a lock that is held for long.
pub trait Overseer: Send + Sync {
    /// May the step be entered for a message now? `open`, `close` and the other
    /// hooks of activities are not asked for, only told.
    fn admit(&self) -> Admission;

    /// A call ended. Every call that was admitted ends here or in
    /// [`Overseer::abandoned`].
    fn ended(&self, call: &EndedCall<'_>);

    /// A call that was admitted was dropped in the middle.
    fn abandoned(&self, is_trial: bool);

    /// An instance of the step was made (`true`) or is gone.
    fn instance(&self, is_made: bool);
}

/// What an overseer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    /// Admitted, to find out whether the step works again.
    Trial,
    /// The call is not made; the text says why and until when.
    Refused(String),
}

/// A call that ended, as its overseer is told.
#[derive(Clone, Copy, Debug)]
pub struct EndedCall<'a> {
    pub usage: &'a Usage,
    /// `None` where it succeeded.
    pub failure: Option<&'a Failure>,
    pub facts: &'a CallFacts,
    pub is_trial: bool,
}

/// A call on its way, from the question to the end of it.
pub(crate) struct Overseen<'a> {
    overseer: Option<&'a dyn Overseer>,
    is_trial: bool,
    /// `None` where nobody is told: asking for the time is not free.
    began: Option<Instant>,
}

impl<'a> Overseen<'a> {
    /// Asks, for a message.
    ///
    /// # Errors
    /// The step is set aside; nothing was entered.
    pub(crate) fn begin(overseer: Option<&'a dyn Overseer>, plugin: &str) -> Result<Self, Failure> {
        let mut overseen = Self::unasked(overseer);
        match overseer.map(Overseer::admit) {
            None | Some(Admission::Admitted) => {}
            Some(Admission::Trial) => overseen.is_trial = true,
            Some(Admission::Refused(text)) => {
                overseen.overseer = None;
                return Err(Failure::plugin(plugin, "plugin.quarantined", text));
            }
        }
        Ok(overseen)
    }

    /// A hook of an activity, which is made whatever state the step is in.
    pub(crate) fn unasked(overseer: Option<&'a dyn Overseer>) -> Self {
        Self { overseer, is_trial: false, began: overseer.map(|_| Instant::now()) }
    }

    /// Tells of the end.
    pub(crate) fn end(mut self, facts: &CallFacts, mut usage: Usage, failure: Option<&Failure>) {
        let Some(overseer) = self.overseer.take() else { return };
        usage.wall = self.began.map(|began| began.elapsed()).unwrap_or_default();
        let is_trial = self.is_trial;
        overseer.ended(&EndedCall { usage: &usage, failure, facts, is_trial });
    }

    /// Tells nobody: the call is part of another one that is told.
    pub(crate) fn forget(mut self) {
        self.overseer = None;
    }

    /// Tells of a call that ended before it had an instance.
    pub(crate) fn end_without_instance(self, facts: &CallFacts, failure: &Failure) {
        self.end(facts, Usage::without_instance(failure.outcome()), Some(failure));
    }
}

impl Drop for Overseen<'_> {
    fn drop(&mut self) {
        if let Some(overseer) = self.overseer {
            overseer.abandoned(self.is_trial);
        }
    }
}

/// Kept by an instance: counts it while it lives.
pub(crate) struct LiveInstance(Arc<dyn Overseer>);

impl LiveInstance {
    pub(crate) fn new(overseer: &Arc<dyn Overseer>) -> Self {
        overseer.instance(true);
        Self(Arc::clone(overseer))
    }
}

impl Drop for LiveInstance {
    fn drop(&mut self) {
        self.0.instance(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::failure::Fault;
    use crate::usage::CallOutcome;

    /// Writes down what it is told.
    struct Told {
        answer: Admission,
        events: Mutex<Vec<String>>,
    }

    impl Told {
        fn answering(answer: Admission) -> Self {
            Self { answer, events: Mutex::default() }
        }

        fn events(&self) -> Vec<String> {
            self.events.lock().unwrap().clone()
        }

        fn note(&self, event: impl Into<String>) {
            self.events.lock().unwrap().push(event.into());
        }
    }

    impl Overseer for Told {
        fn admit(&self) -> Admission {
            self.answer.clone()
        }

        fn ended(&self, call: &EndedCall<'_>) {
            let failure = call.failure.map_or("none", |failure| &failure.code);
            let (outcome, trial) = (call.usage.outcome.name(), call.is_trial);
            self.note(format!("{outcome}, {failure}, {}, {trial}", call.facts.message_id));
        }

        fn abandoned(&self, is_trial: bool) {
            self.note(format!("abandoned, {is_trial}"));
        }

        fn instance(&self, is_made: bool) {
            self.note(if is_made { "made" } else { "gone" });
        }
    }

    fn facts() -> CallFacts {
        CallFacts { workflow: "W".to_owned(), message_id: "7".to_owned(), attempt: 1 }
    }

    #[test]
    fn an_admitted_call_is_told_once_however_it_ends() {
        for (answer, trial) in [(Admission::Admitted, false), (Admission::Trial, true)] {
            let told = Told::answering(answer);
            let begin = || Overseen::begin(Some(&told), "p").unwrap();
            begin().end(&facts(), Usage::without_instance(CallOutcome::Ok), None);
            let failure = Failure { fault: Fault::Host, ..Failure::plugin("p", "x.y", "") };
            begin().end_without_instance(&facts(), &failure);
            drop(begin());
            begin().forget();
            let expected = [
                format!("ok, none, 7, {trial}"),
                format!("host-error, x.y, 7, {trial}"),
                format!("abandoned, {trial}"),
            ];
            assert_eq!(told.events(), expected);
        }
    }

    #[test]
    fn a_refused_call_is_the_plugin_s_fault_and_told_no_further() {
        let told = Told::answering(Admission::Refused("why".to_owned()));
        let refused = Overseen::begin(Some(&told), "p").err().unwrap();
        assert_eq!((refused.code.as_str(), refused.text.as_str()), ("plugin.quarantined", "why"));
        assert_eq!((refused.fault, refused.plugin.as_str()), (Fault::Plugin, "p"));
        // A hook is made all the same.
        let usage = Usage::without_instance(CallOutcome::Trap);
        Overseen::unasked(Some(&told)).end(&facts(), usage, Some(&refused));
        assert_eq!(told.events(), ["trap, plugin.quarantined, 7, false"]);
    }

    #[test]
    fn an_instance_is_counted_while_it_lives() {
        let told = Arc::new(Told::answering(Admission::Admitted));
        let overseer: Arc<dyn Overseer> = told.clone();
        let live = LiveInstance::new(&overseer);
        assert_eq!(told.events(), ["made"]);
        drop(live);
        assert_eq!(told.events(), ["made", "gone"]);
    }
}
