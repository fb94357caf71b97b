//! Loops: source paths inside a loop mean the current item (contract 7.5).

use std::borrow::Cow;
use tureen_plugin_sdk::{Direction, SettingId};

/// One loop that is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// Whose message it runs over.
    pub setting: SettingId,
    /// Which of its messages.
    pub direction: Direction,
    /// The path of what it counts, without an index at its end.
    pub path: String,
    /// The current item, from 1.
    pub iteration: u32,
}

impl Loop {
    fn is_over(&self, setting: SettingId, direction: Direction) -> bool {
        self.setting == setting && self.direction == direction
    }
}

/// The loops around an action, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loops(Vec<Loop>);

impl Loops {
    /// Enters a loop.
    pub fn enter(&mut self, item: Loop) {
        self.0.push(item);
    }

    /// Leaves the innermost loop.
    pub fn leave(&mut self) -> Option<Loop> {
        self.0.pop()
    }

    /// The innermost loop.
    pub fn innermost(&mut self) -> Option<&mut Loop> {
        self.0.last_mut()
    }

    /// The path of a source with the index of every loop that it lies in: the
    /// index after the loop's path, written `[1]` or omitted, becomes the
    /// current one.
    pub fn reindexed<'p>(
        &self,
        setting: SettingId,
        direction: Direction,
        path: Cow<'p, str>,
    ) -> Cow<'p, str> {
        let mut path = path;
        let mut rest = self.0.as_slice();
        while let Some((item, inner)) = rest.split_first() {
            rest = inner;
            // Of two loops over the same items, the inner one counts.
            let again = |other: &Loop| other.is_over(setting, direction) && other.path == item.path;
            if !item.is_over(setting, direction) || inner.iter().any(again) {
                continue;
            }
            if let Some(rest) = inside(&path, &item.path) {
                path = Cow::Owned(format!("{}[{}]{rest}", item.path, item.iteration));
            }
        }
        path
    }
}

/// What follows the item that a loop's path addresses; `None` when the path
/// lies outside the loop, or names one item of it by its own index.
fn inside<'p>(path: &'p str, loop_path: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(loop_path)?;
    match rest.strip_prefix("[1]") {
        Some(rest) => Some(rest),
        None if rest.is_empty() || rest.starts_with(['-', '.', '/']) => Some(rest),
        None => None,
    }
}

/// The path of a loop: its last index, which it counts itself, is left out.
pub fn loop_path(path: &str) -> &str {
    let index = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
    match index {
        Some((bare, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looped(path: &str, iteration: u32) -> Loop {
        Loop {
            setting: SettingId::NONE,
            direction: Direction::Inbound,
            path: loop_path(path).to_owned(),
            iteration,
        }
    }

    fn check(loops: &[(&str, u32)], path: &str, expected: &str) {
        let mut running = Loops::default();
        for (path, iteration) in loops {
            running.enter(looped(path, *iteration));
        }
        let found = running.reindexed(SettingId::NONE, Direction::Inbound, Cow::Borrowed(path));
        assert_eq!(found, expected, "{path} in {loops:?}");
    }

    #[test]
    fn a_path_inside_a_loop_gets_the_current_index() {
        check(&[("OBX", 3)], "OBX-5.1", "OBX[3]-5.1");
        check(&[("OBX", 3)], "OBX[1]-5.1", "OBX[3]-5.1");
        check(&[("OBX[1]", 3)], "OBX-5.1", "OBX[3]-5.1");
        check(&[("OBX", 3)], "OBX", "OBX[3]");
        check(&[("PID-3", 2)], "PID-3.1", "PID-3[2].1");
        check(&[("PID-3", 2)], "PID-3[1].1", "PID-3[2].1");
        check(&[("Patient/Drugs", 4)], "Patient/Drugs[1]/Code", "Patient/Drugs[4]/Code");
        check(&[("Patient/Drugs", 4)], "Patient/Drugs/Code", "Patient/Drugs[4]/Code");
    }

    #[test]
    fn a_path_outside_a_loop_stays() {
        check(&[("PID-3", 2)], "PID-30", "PID-30");
        check(&[("PID-3", 2)], "PID-5.1", "PID-5.1");
        check(&[("OBX", 2)], "OBX[2]-5", "OBX[2]-5");
        check(&[("OBX", 2)], "OBX[12]-5", "OBX[12]-5");
        check(&[("Patient/Drug", 2)], "Patient/Drugs[1]", "Patient/Drugs[1]");
        check(&[], "OBX-5", "OBX-5");
    }

    #[test]
    fn an_inner_loop_counts_within_the_item_of_the_outer_one() {
        let loops = [("Visits", 2), ("Visits[2]/Drugs", 5)];
        check(&loops, "Visits[1]/Drugs[1]/Code", "Visits[2]/Drugs[5]/Code");
        check(&loops, "Visits/Drugs/Code", "Visits[2]/Drugs[5]/Code");
        check(&loops, "Visits[1]/Date", "Visits[2]/Date");
        check(&[("OBX", 2), ("OBX[2]-5", 3)], "OBX-5.1", "OBX[2]-5[3].1");
        check(&[("OBX", 2), ("OBX[2]", 3)], "OBX-5.1", "OBX[3]-5.1");
        check(&[("PID-3[4]", 2)], "PID-3.1", "PID-3[2].1");
    }

    #[test]
    fn the_message_of_another_setting_is_not_looped_over() {
        let mut running = Loops::default();
        running.enter(looped("OBX", 2));
        let other = SettingId::parse("d0000000000000000000000000000001").unwrap();
        for (setting, direction) in
            [(other, Direction::Inbound), (SettingId::NONE, Direction::Outbound)]
        {
            assert_eq!(running.reindexed(setting, direction, Cow::Borrowed("OBX-5")), "OBX-5");
        }
    }
}
