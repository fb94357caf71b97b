//! The plugins have workspaces of their own; their native tests (the condition
//! language, the actions, the file writer's paths, the recipes) belong to the whole.

use std::path::Path;

use crate::harness::guests::inner_cargo;
use crate::harness::program::profile_directory;

/// Runs the tests of a workspace, given from the root of the repository.
pub(crate) fn pass_their_own_tests(workspace: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(workspace);
    let target_directory = profile_directory().parent().unwrap().join("plugins-native");
    let mut command = inner_cargo(&source);
    command.args(["test", "--release", "--locked", "--target-dir"]).arg(target_directory);
    let tested = command.output().unwrap();
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{said}\n{}", String::from_utf8_lossy(&tested.stderr));
    let ran = said.lines().filter(|line| line.starts_with("test ") && line.ends_with("ok")).count();
    assert!(ran > 0, "no test of the plugins ran:\n{said}");
}

#[test]
fn the_standard_plugins_pass_their_own_tests() {
    pass_their_own_tests("plugins");
}
