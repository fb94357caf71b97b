//! A transformer that never comes back.

use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct LoopForever;

impl Transformer for LoopForever {
    fn transform(&self, _context: &Context, _message: &mut Message) -> Result<(), StepError> {
        let mut turns = 0_u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }
}

tureen_plugin_sdk::transformer!(LoopForever, handles = ["Test.LoopForever"]);
