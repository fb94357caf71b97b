//! File descriptors: makes room for the connections that the server may have, or says how many fit.
//!
//! Without a descriptor nothing can be accepted, and no file can be opened either. So connections
//! must leave some free, and it is better to know at the start than under load.

/// How many connections fit, and what has to be set for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    connections: usize,
    /// The new soft limit, where the one there is too low.
    soft: Option<u64>,
}

/// Descriptors that the process may have. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowed {
    soft: Option<u64>,
    hard: Option<u64>,
}

impl Plan {
    /// `used` is for everything but connections: what is open now, and what is reserved.
    fn new(wanted: usize, used: u64, allowed: Allowed) -> Self {
        let needed = used.saturating_add(wanted as u64);
        let missing = allowed.soft.is_some_and(|soft| soft < needed);
        if !missing {
            return Self { connections: wanted, soft: None };
        }
        let soft = allowed.hard.map_or(needed, |hard| hard.min(needed));
        let fitting = usize::try_from(soft.saturating_sub(used)).unwrap_or(wanted);
        let raised = allowed.soft.is_some_and(|now| now < soft);
        Self { connections: fitting.clamp(1, wanted.max(1)), soft: raised.then_some(soft) }
    }
}

/// Raises the soft limit of file descriptors (`ulimit -n`) as far as `wanted` connections need it
/// and the system allows it, and gives the number of connections that fit.
///
/// Raising is safe: nothing here uses `select`, whose descriptors must be below 1,024, and no
/// program is started that could. What is lowered is logged with what to set.
pub fn make_room(wanted: usize, reserved: usize) -> usize {
    let Some(allowed) = system::allowed() else { return wanted };
    let used = system::open().saturating_add(reserved as u64);
    let plan = Plan::new(wanted, used, allowed);
    if let Some(soft) = plan.soft
        && let Err(error) = system::set_soft(soft)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised to {soft}");
        let as_it_is = Allowed { hard: allowed.soft, ..allowed };
        return told(Plan::new(wanted, used, as_it_is), wanted, used);
    }
    told(plan, wanted, used)
}

fn told(plan: Plan, wanted: usize, used: u64) -> usize {
    if plan.connections < wanted {
        tracing::warn!(
            "limits.connections is {wanted}, but only {} fit into the open files that the system \
             allows: that many are used. Allow {} open files (LimitNOFILE= in the systemd unit, \
             or `ulimit -n`), or lower limits.connections",
            plan.connections,
            used.saturating_add(wanted as u64),
        );
    }
    plan.connections
}

#[cfg(unix)]
mod system {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::Allowed;

    /// Where the system does not tell what is open.
    const OPEN_USUALLY: u64 = 64;

    pub(super) fn allowed() -> Option<Allowed> {
        let limit = getrlimit(Resource::Nofile);
        Some(Allowed { soft: limit.current, hard: limit.maximum })
    }

    pub(super) fn set_soft(soft: u64) -> std::io::Result<()> {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum })?;
        Ok(())
    }

    /// Descriptors that are open now.
    pub(super) fn open() -> u64 {
        std::fs::read_dir("/dev/fd").map_or(OPEN_USUALLY, |open| open.count() as u64)
    }
}

#[cfg(not(unix))]
mod system {
    use super::Allowed;

    pub(super) fn allowed() -> Option<Allowed> {
        None
    }

    pub(super) fn set_soft(_soft: u64) -> std::io::Result<()> {
        Ok(())
    }

    pub(super) fn open() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_as_far_as_needed_and_connections_are_lowered_last() {
        let plan = |connections, soft| Plan { connections, soft };
        // Wanted, used by others, soft limit, hard limit.
        let cases = [
            (1_000, 50, Some(1_024), Some(4_096), plan(1_000, Some(1_050))),
            (1_000, 50, Some(1_050), Some(4_096), plan(1_000, None)),
            (1_000, 50, Some(1_024), Some(1_024), plan(974, None)),
            (9_000, 50, Some(1_024), Some(4_096), plan(4_046, Some(4_096))),
            (9_000, 50, Some(1_024), None, plan(9_000, Some(9_050))),
            (9_000, 50, None, None, plan(9_000, None)),
            (9_000, 50, Some(20), Some(20), plan(1, None)),
            (1, 0, Some(1), Some(1), plan(1, None)),
        ];
        for (wanted, used, soft, hard, expected) in cases {
            let found = Plan::new(wanted, used, Allowed { soft, hard });
            assert_eq!(found, expected, "{wanted} connections, {used} used, {soft:?} of {hard:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_open_is_counted() {
        let before = system::open();
        let files: Vec<_> = (0..20).map(|_| tempfile::tempfile().unwrap()).collect();
        // Other tests open and close at the same time.
        assert!(system::open() >= 20 && before > 0, "{before}");
        drop(files);
    }
}
