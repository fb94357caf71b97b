//! The system calls that are left to a worker. Any other one fails with "operation
//! not permitted".
//!
//! A refused call fails instead of ending the process: the C library asks now and
//! then for what it can do without, and does so differently in each version.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::Unconfined;

/// Memory, waiting, time, random numbers, signals that interrupt itself, the end.
const ALLOWED: [i64; 25] = [
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_gettimeofday,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_membarrier,
];

/// The descriptor of the socket to the server.
const SOCKET: u64 = 0;

/// The descriptor that is closed when the server is gone.
const LIFE: u64 = 1;

pub(super) fn filter() -> Result<BpfProgram, Unconfined> {
    compiled().map_err(|error| Unconfined(format!("seccomp: {error}")))
}

fn compiled() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_read, vec![on_descriptor(SOCKET)?, on_descriptor(LIFE)?]);
    rules.insert(libc::SYS_write, vec![on_descriptor(SOCKET)?]);
    // No new machine code, by whatever way.
    rules.insert(libc::SYS_mmap, vec![not_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![not_executable()?]);
    let not_permitted = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let architecture = TargetArch::try_from(ARCH)?;
    SeccompFilter::new(rules, not_permitted, SeccompAction::Allow, architecture)?.try_into()
}

fn on_descriptor(number: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let is_it = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)?;
    SeccompRule::new(vec![is_it])
}

/// The third argument of both calls is what the memory is for.
fn not_executable() -> Result<SeccompRule, seccompiler::BackendError> {
    let executable = libc::PROT_EXEC.unsigned_abs().into();
    let masked = SeccompCmpOp::MaskedEq(executable);
    SeccompRule::new(vec![SeccompCondition::new(2, SeccompCmpArgLen::Dword, masked, 0)?])
}
