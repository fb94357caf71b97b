//! What a confined process cannot do: each thing is tried from inside, for real.
//!
//! The program starts itself again: once as it is, where what anybody may do has to
//! work, and once confined, where all of it has to be refused. A third and fourth
//! time the system has no Landlock, or no seccomp: then it must not go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[cfg(target_os = "linux")]
mod confinement {
    pub(crate) mod attempts;
    pub(crate) mod children;
}

#[cfg(target_os = "linux")]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("as-a-child") => confinement::children::run(),
        _ => {
            confinement::children::everything_is_refused_inside_and_the_usual_works_outside();
            confinement::children::what_a_worker_needs_is_left();
            confinement::children::a_system_that_does_not_confine_is_told();
            println!("test result: ok");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    let limits = tureen_sandbox::WorkerLimits::default();
    assert!(tureen_sandbox::confine(&limits, || ()).is_err());
}
