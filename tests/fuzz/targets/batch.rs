#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| tureen_properties::check("batch", data));
