//! Loops: source paths inside a loop mean the current item (contract 7.5).

use crate::namespaces::split;
use std::borrow::Cow;
use tureen_plugin_sdk::{Direction, SettingId};

/// What begins an XPath expression.
const EXPRESSION: &str = "xpath:";

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
    /// A path inside the loop, with the index of the current item.
    ///
    /// Declarations of prefixes stand in front of both paths or of none; those
    /// of the settings are put there later. Of an XPath expression, `[n]` would
    /// count anew at every node before it, so it stands in parentheses.
    fn current(&self, path: &str) -> Option<String> {
        let ((declared, body), (own, items)) = (split(path), split(&self.path));
        if own.trim_end() != declared.trim_end() {
            return None;
        }
        let number = self.iteration;
        match items.strip_prefix(EXPRESSION) {
            None => {
                let rest = inside(body, items, &['-', '.', '/'])?;
                Some(format!("{declared}{items}[{number}]{rest}"))
            }
            Some(expression) => {
                let rest = inside(body, items, &['/'])?;
                Some(format!("{declared}{EXPRESSION}({expression})[{number}]{rest}"))
            }
        }
    }

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
            if let Some(current) = item.current(&path) {
                path = Cow::Owned(current);
            }
        }
        path
    }
}

/// What follows the item that a loop's path addresses; `None` when the path
/// lies outside the loop, or names one item of it by its own index.
fn inside<'p>(path: &'p str, loop_path: &str, follow: &[char]) -> Option<&'p str> {
    let rest = path.strip_prefix(loop_path)?;
    match rest.strip_prefix("[1]") {
        Some(rest) => Some(rest),
        None if rest.is_empty() || rest.starts_with(follow) => Some(rest),
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
    fn an_expression_is_indexed_in_parentheses() {
        check(&[("xpath://Item", 3)], "xpath://Item/Code", "xpath:(//Item)[3]/Code");
        check(&[("xpath://Item", 3)], "xpath://Item", "xpath:(//Item)[3]");
        check(&[("xpath://Item", 3)], "xpath://Item[1]//Code", "xpath:(//Item)[3]//Code");
        check(&[("xpath://Item[1]", 3)], "xpath://Item/Code", "xpath:(//Item)[3]/Code");
        let stays = ["xpath://Item-Code", "xpath://Items", "xpath://Item[@a]/b", "Item/Code"];
        for path in stays {
            check(&[("xpath://Item", 3)], path, path);
        }
        let loops = [("xpath://Visit", 2), ("xpath:(//Visit)[2]/Drug", 5)];
        check(&loops, "xpath://Visit/Drug/Code", "xpath:((//Visit)[2]/Drug)[5]/Code");
        check(&loops, "xpath://Visit/Date", "xpath:(//Visit)[2]/Date");
    }

    #[test]
    fn declarations_of_prefixes_stay_in_front() {
        let declared = "declare namespace p = 'u'; ";
        let path = |path: &str| format!("{declared}{path}");
        for (items, inner, expected) in [
            ("Root/p:Item", "Root/p:Item/Code", "Root/p:Item[3]/Code"),
            ("Root/p:Item[1]", "Root/p:Item[1]", "Root/p:Item[3]"),
            ("xpath://p:Item", "xpath://p:Item/Code", "xpath:(//p:Item)[3]/Code"),
        ] {
            check(&[(&path(items), 3)], &path(inner), &path(expected));
            check(&[(&path(items), 3)], inner, inner);
        }
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
