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
    pub asked: Asked,
}

/// Was the overseer asked before a call?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A hook of an activity: made without asking. That it works says nothing of how
    /// the next message will fare.
    Not,
    Admitted,
    Trial,
}

/// A call on its way, from the question to the end of it.
pub(crate) struct Overseen<'a> {
    overseer: Option<&'a dyn Overseer>,
    asked: Asked,
    /// `None` where nobody is told: asking for the time is not free.
    began: Option<Instant>,
}

impl<'a> Overseen<'a> {
    /// Asks, for a message.
    ///
    /// # Errors
    /// The step is set aside; nothing was entered.
    pub(crate) fn begin(overseer: Option<&'a dyn Overseer>, plugin: &str) -> Result<Self, Failure> {
        let asked = match overseer.map(Overseer::admit) {
            None | Some(Admission::Admitted) => Asked::Admitted,
            Some(Admission::Trial) => Asked::Trial,
            Some(Admission::Refused(text)) => {
                return Err(Failure::plugin(plugin, "plugin.quarantined", text));
            }
        };
        let mut overseen = Self::unasked(overseer);
        overseen.asked = asked;
        Ok(overseen)
    }

    /// The call was in line until now: the wait does not count, and the step may have
    /// been set aside meanwhile.
    ///
    /// # Errors
    /// As [`Overseen::begin`].
    pub(crate) fn after_the_line(mut self, plugin: &str) -> Result<Self, Failure> {
        match self.asked {
            Asked::Admitted => {
                let overseer = self.overseer.take();
                Self::begin(overseer, plugin)
            }
            Asked::Not | Asked::Trial => {
                self.began = self.overseer.map(|_| Instant::now());
                Ok(self)
            }
        }
    }

    /// A hook of an activity, which is made whatever state the step is in.
    pub(crate) fn unasked(overseer: Option<&'a dyn Overseer>) -> Self {
        Self { overseer, asked: Asked::Not, began: overseer.map(|_| Instant::now()) }
    }

    /// Tells of the end.
    pub(crate) fn end(mut self, facts: &CallFacts, mut usage: Usage, failure: Option<&Failure>) {
        let Some(overseer) = self.overseer.take() else { return };
        usage.wall = self.began.map(|began| began.elapsed()).unwrap_or_default();
        let asked = self.asked;
        overseer.ended(&EndedCall { usage: &usage, failure, facts, asked });
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
            overseer.abandoned(self.asked == Asked::Trial);
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
            let (outcome, asked) = (call.usage.outcome.name(), call.asked);
            self.note(format!("{outcome}, {failure}, {}, {asked:?}", call.facts.message_id));
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
        for (answer, asked) in
            [(Admission::Admitted, Asked::Admitted), (Admission::Trial, Asked::Trial)]
        {
            let told = Told::answering(answer);
            let begin = || Overseen::begin(Some(&told), "p").unwrap();
            begin().end(&facts(), Usage::without_instance(CallOutcome::Ok), None);
            let failure = Failure { fault: Fault::Host, ..Failure::plugin("p", "x.y", "") };
            begin().end_without_instance(&facts(), &failure);
            drop(begin());
            begin().forget();
            let expected = [
                format!("ok, none, 7, {asked:?}"),
                format!("host-error, x.y, 7, {asked:?}"),
                format!("abandoned, {}", asked == Asked::Trial),
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
        assert_eq!(told.events(), ["trap, plugin.quarantined, 7, Not"]);
    }

    #[test]
    fn a_call_that_was_in_line_is_asked_for_again_unless_it_is_the_trial() {
        let told = Told::answering(Admission::Trial);
        let trial = Overseen::begin(Some(&told), "p").unwrap();
        assert_eq!(trial.after_the_line("p").unwrap().asked, Asked::Trial);
        let refusing = Told::answering(Admission::Refused(String::new()));
        let mut admitted = Overseen::unasked(Some(&refusing));
        admitted.asked = Asked::Admitted;
        assert_eq!(admitted.after_the_line("p").err().unwrap().code, "plugin.quarantined");
        assert!(refusing.events().is_empty(), "nothing was admitted that could be abandoned");
        assert_eq!(Overseen::unasked(None).after_the_line("p").unwrap().asked, Asked::Not);
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
