//! A transformer that reads one field as often as its settings say, and writes
//! another one once: what the sandbox is measured with.

use tureen_plugin_sdk::prelude::*;

struct Measured {
    reads: u32,
}

impl Configure for Measured {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let reads = settings.text("Reads")?.and_then(|reads| reads.parse().ok());
        Ok(Self { reads: reads.unwrap_or(1) })
    }
}

impl Transformer for Measured {
    fn transform(&self, _context: &Context, message: &mut Message) -> Result<(), StepError> {
        let mut patient = String::new();
        for _ in 0..self.reads {
            patient = message.text("PID-3.1")?;
        }
        Ok(message.set("PID-2", &patient)?)
    }
}

tureen_plugin_sdk::transformer!(Measured, handles = ["Test.Measured"]);
