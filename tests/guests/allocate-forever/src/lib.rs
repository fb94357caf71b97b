//! A transformer that takes all memory that it can get.

use tureen_plugin_sdk::prelude::*;

#[derive(Default)]
struct AllocateForever;

impl Transformer for AllocateForever {
    fn transform(&self, _context: &Context, _message: &mut Message) -> Result<(), StepError> {
        let mut taken = Vec::new();
        loop {
            taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
}

tureen_plugin_sdk::transformer!(AllocateForever, handles = ["Test.AllocateForever"]);
