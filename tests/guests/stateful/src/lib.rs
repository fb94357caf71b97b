//! A transformer that keeps a count, and the last patient, in its memory and
//! sets them as variables.

use std::cell::RefCell;
use tureen_plugin_sdk::prelude::*;

thread_local! {
    static SEEN: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

#[derive(Default)]
struct Stateful;

impl Transformer for Stateful {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let patient = message.text("PID-3.1")?;
        let (count, before) = SEEN.with_borrow_mut(|(count, last)| {
            *count += 1;
            (*count, std::mem::replace(last, patient))
        });
        context.set_variable("StatefulCount", &count.to_string())?;
        context.set_variable("StatefulBefore", &before)?;
        Ok(())
    }
}

tureen_plugin_sdk::transformer!(Stateful, handles = ["Test.Stateful"]);
