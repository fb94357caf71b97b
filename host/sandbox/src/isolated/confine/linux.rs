//! Confining with what Linux has: Landlock, seccomp, resource limits, no privileges.
//!
//! The system calls that are left would do alone. Landlock stands behind them: a
//! hole in one of the two is no way out.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::{Unconfined, system_calls};
use crate::isolated::WorkerLimits;

/// What is asked of Landlock; an older kernel has less of it, but never no files.
const LANDLOCK: ABI = ABI::V6;

/// The first step, while the process has one thread.
pub(super) fn give_up_the_outside(limits: &WorkerLimits) -> Result<(), Unconfined> {
    close_what_was_inherited()?;
    // Nor may others of the same user look into it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused("its memory"))?;
    limit(Resource::Core, 0)?;
    limit(Resource::Data, limits.memory_bytes)?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, none).map_err(refused("its privileges"))?;
    no_files_no_network().map_err(|error| Unconfined(format!("Landlock: {error}")))?;
    Ok(())
}

/// The last step: nothing of a plugin has run yet.
pub(super) fn only_compute() -> Result<(), Unconfined> {
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 0)?;
    limit(Resource::Nproc, 0)?;
    let filter = system_calls::filter()?;
    seccompiler::apply_filter_all_threads(&filter)
        .map_err(|error| Unconfined(format!("seccomp: {error}")))
}

/// Whoever started this program may have left descriptors open.
#[expect(unsafe_code, reason = "closing a descriptor takes it from whoever owns it")]
fn close_what_was_inherited() -> Result<(), Unconfined> {
    // SAFETY: the process has one thread and has opened nothing yet but its standard
    // descriptors, so that nobody owns what is closed.
    match unsafe { libc::close_range(3, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(Unconfined(format!("its descriptors: {}", std::io::Error::last_os_error()))),
    }
}

fn limit(what: Resource, most: u64) -> Result<(), Unconfined> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(what, limit).map_err(refused("a limit"))
}

fn refused(what: &'static str) -> impl Fn(rustix::io::Errno) -> Unconfined {
    move |error| Unconfined(format!("{what}: {error}"))
}

/// Everything that Landlock handles, and no rule that allows any of it.
fn no_files_no_network() -> Result<(), String> {
    let told = |error: landlock::RulesetError| error.to_string();
    let confined = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(told)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .map_err(told)?
        .handle_access(AccessNet::from_all(LANDLOCK))
        .map_err(told)?
        .scope(Scope::from_all(LANDLOCK))
        .map_err(told)?
        .create()
        .map_err(told)?
        .restrict_self()
        .map_err(told)?;
    match confined.ruleset {
        RulesetStatus::NotEnforced => Err("it is not enforced".to_owned()),
        _ if !confined.no_new_privs => Err("the process could gain privileges".to_owned()),
        _ => Ok(()),
    }
}
