//! What a process holds, as Linux counts it.

use std::fs;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    pub(crate) resident_kib: u64,
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

impl Resources {
    pub(crate) fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        Self {
            resident_kib: number(&status, "VmRSS:"),
            threads: usize::try_from(number(&status, "Threads:")).unwrap(),
            descriptors: fs::read_dir(format!("/proc/{process}/fd")).unwrap().count(),
        }
    }
}

fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
