// The components of `host/sandbox/guests`, built when a benchmark or a test
// needs them. Included by path: it belongs to no crate.

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const TARGET: &str = "wasm32-wasip2";

/// Builds the guests and reads one. Slow the first time, then cargo sees that
/// nothing changed.
pub(crate) fn component(name: &str) -> Arc<[u8]> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["guests", "sandbox/guests"].map(|place| here.join(place));
    let guests = places.into_iter().find(|place| place.is_dir()).expect("the guests are there");
    let target = guests.join("../../../target/guests");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&guests);
    for (variable, _) in env::vars_os() {
        // What the outer build set for the native target is not for this one.
        let text = variable.to_string_lossy();
        let inherited = text.starts_with("CARGO_") && text != "CARGO_HOME";
        if inherited || text == "RUSTFLAGS" || text.starts_with("RUSTC") {
            command.env_remove(&variable);
        }
    }
    command.args(["build", "--quiet", "--release", "--locked", "--target", TARGET]);
    let built = command.arg("--target-dir").arg(&target).status().expect("cargo can be run");
    assert!(built.success(), "host/sandbox/guests does not build (rustup target add {TARGET}?)");
    let file = target.join(TARGET).join("release").join(format!("{name}.wasm"));
    std::fs::read(&file).expect("cargo built it").into()
}
