//! May the pool ask the kernel which pages an instance wrote?
//!
//! With the page-map scan (`PAGEMAP_SCAN`) only the pages that were written are
//! cleaned for the next instance. wasmtime asks for pages that are *present*. A
//! page that is just then swapped out, or on its way to another frame, is not: it
//! would be left as it is, and the next instance could read what the last one
//! wrote (wasmtime #14357). So the scan is used only where the kernel does
//! neither. Without it the lowest part of a memory is overwritten whatever was
//! written, and the rest is given back: that cannot miss a page.
//!
//! Knows: what the kernel says about itself. Deliberately does not know: pools,
//! instances. Locking the pool in memory is not enough: the kernel may move
//! locked pages, too.

use std::fmt;
use std::fs;
use std::path::Path;

/// When the scan is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageMapScan {
    /// Where it provably leaves nothing behind.
    #[default]
    WhereProven,
    Never,
    /// Wherever the kernel has it, proven or not: for measurements and tests.
    Unproven,
}

/// What was decided when the engine was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageMapDecision {
    Used,
    UsedUnproven,
    /// It was not asked for.
    NotAsked,
    /// `/proc/swaps` names swap space, or cannot be read.
    Swap,
    /// The kernel moves pages together (`/proc/sys/vm/compact_memory` is there).
    Compaction,
    /// There are several memory nodes, between which pages move.
    Nodes,
    /// The kernel has no page-map scan, or this is no Linux.
    Missing,
}

impl PageMapDecision {
    pub(crate) fn is_used(self) -> bool {
        matches!(self, Self::Used | Self::UsedUnproven)
    }
}

impl fmt::Display for PageMapDecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Used => "used: nothing is swapped out, and no page is moved",
            Self::UsedUnproven => "used without proof that it finds every page",
            Self::NotAsked => "not used",
            Self::Swap => "not used: pages may be swapped out",
            Self::Compaction => "not used: the kernel moves pages in memory (compaction)",
            Self::Nodes => "not used: pages move between the nodes of memory",
            Self::Missing => "not used: the kernel has none",
        })
    }
}

/// Decides; `root` is `/` but in tests.
pub(crate) fn decide(asked: PageMapScan, root: &Path) -> PageMapDecision {
    match asked {
        PageMapScan::Never => PageMapDecision::NotAsked,
        PageMapScan::Unproven => PageMapDecision::UsedUnproven,
        PageMapScan::WhereProven => what_moves(root).unwrap_or(PageMapDecision::Used),
    }
}

/// What could make a page not present while an instance's memory is cleaned.
fn what_moves(root: &Path) -> Option<PageMapDecision> {
    // The first line is a heading.
    let swaps = fs::read_to_string(root.join("proc/swaps")).ok();
    if swaps.is_none_or(|swaps| swaps.lines().count() != 1) {
        return Some(PageMapDecision::Swap);
    }
    if root.join("proc/sys/vm/compact_memory").exists() {
        return Some(PageMapDecision::Compaction);
    }
    let nodes = fs::read_to_string(root.join("sys/devices/system/node/online"));
    // Without a list the kernel knows no nodes.
    if nodes.is_ok_and(|nodes| nodes.trim() != "0") {
        return Some(PageMapDecision::Nodes);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Filename\tType\tSize\tUsed\tPriority\n";

    fn machine(swaps: &str, compacts: bool, nodes: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/sys/vm")).unwrap();
        fs::create_dir_all(root.path().join("sys/devices/system/node")).unwrap();
        fs::write(root.path().join("proc/swaps"), swaps).unwrap();
        if compacts {
            fs::write(root.path().join("proc/sys/vm/compact_memory"), "").unwrap();
        }
        if let Some(nodes) = nodes {
            fs::write(root.path().join("sys/devices/system/node/online"), nodes).unwrap();
        }
        root
    }

    #[test]
    fn the_scan_is_used_only_where_no_page_can_be_away() {
        let check = |swaps: &str, compacts, nodes, expected| {
            let root = machine(swaps, compacts, nodes);
            assert_eq!(decide(PageMapScan::WhereProven, root.path()), expected);
            assert_eq!(decide(PageMapScan::Never, root.path()), PageMapDecision::NotAsked);
        };
        let swap = format!("{HEADING}/dev/sda2 partition 1000 0 -2\n");
        check(HEADING, false, Some("0\n"), PageMapDecision::Used);
        check(HEADING, false, None, PageMapDecision::Used);
        check(&swap, false, Some("0\n"), PageMapDecision::Swap);
        check("", false, Some("0\n"), PageMapDecision::Swap);
        check(HEADING, true, Some("0\n"), PageMapDecision::Compaction);
        check(HEADING, false, Some("0-1\n"), PageMapDecision::Nodes);
        let nowhere = Path::new("/nonexistent");
        assert_eq!(decide(PageMapScan::WhereProven, nowhere), PageMapDecision::Swap);
    }
}
