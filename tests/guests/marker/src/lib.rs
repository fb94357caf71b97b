//! A transformer that says which version of it runs: a test patches the digits.

use tureen_plugin_sdk::prelude::*;

/// Replaced in the component's bytes by a text of the same length.
static MARKER: [u8; 16] = *b"marker-version-1";

#[derive(Default)]
struct Marker;

impl Transformer for Marker {
    fn transform(&self, context: &Context, _message: &mut Message) -> Result<(), StepError> {
        let marker = std::hint::black_box(&MARKER);
        context.set_variable("Marker", &String::from_utf8_lossy(marker))?;
        Ok(())
    }
}

tureen_plugin_sdk::transformer!(Marker, handles = ["Test.Marker"]);
