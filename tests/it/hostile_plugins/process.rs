//! Memory of the server's process, from `/proc`. Elsewhere nothing is measured.

use crate::harness::Server;

/// What a process has, in KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) now: usize,
    /// Resident at most since the last [`forget_peak`].
    pub(super) peak: usize,
}

#[cfg(target_os = "linux")]
pub(super) fn memory(server: &Server) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
    };
    Some(Memory { now: field("VmRSS")?, peak: field("VmHWM")? })
}

/// The peak begins anew.
#[cfg(target_os = "linux")]
pub(super) fn forget_peak(server: &Server) {
    // Where that may not be written, the peak is that of all behaviours so far.
    let _ = std::fs::write(format!("/proc/{}/clear_refs", server.process_id()), "5");
}

#[cfg(not(target_os = "linux"))]
pub(super) fn memory(_server: &Server) -> Option<Memory> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn forget_peak(_server: &Server) {}
