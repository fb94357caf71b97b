//! A transformer that traps, and before that tries to tell the log, the standard
//! streams and the panic message what stands in the message.

use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct Trap;

impl Transformer for Trap {
    fn transform(&self, context: &Context, message: &mut Message) -> Result<(), StepError> {
        let content = message.text("PID-3.1")?;
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error] {
            context.log(level, &format!("a third party's line with {content}"));
        }
        println!("on standard output: {content}");
        eprintln!("on standard error: {content}");
        panic!("a panic with {content}");
    }
}

tureen_plugin_sdk::transformer!(Trap, handles = ["Test.Trap"]);
