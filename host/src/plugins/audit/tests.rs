use super::log::LOG;
use super::*;
use crate::diagnostics::{Diagnostic, codes};

fn refusing(reasons: &[String]) -> PluginSet {
    let told = reasons.iter().map(|reason| Diagnostic::new(codes::PLUGIN_FILE, reason.clone()));
    PluginSet { diagnostics: told.collect(), ..PluginSet::default() }
}

pub(super) fn lines(home: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(home.join("data").join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_refusal_is_told_once_until_it_changes() {
    let home = tempfile::tempdir().unwrap();
    let mut audit = Audit::open(home.path());
    let trust = Trust::default();
    let mut record = |reasons: &[&str]| {
        let reasons: Vec<String> = reasons.iter().map(|it| (*it).to_owned()).collect();
        audit.record(Occasion::Reload, &trust, &refusing(&reasons)).written.unwrap();
        lines(home.path(), LOG).len()
    };
    assert_eq!(record(&["broken"]), 1);
    assert_eq!(record(&["broken"]), 1);
    assert_eq!(record(&["broken", "unsigned"]), 2);
    assert_eq!(record(&[]), 2);
    assert_eq!(record(&["broken"]), 3);
    let last = lines(home.path(), LOG).pop().unwrap();
    assert_eq!(last["event"], "refused");
    assert_eq!(last["reason"], "WF084: broken");
    assert_eq!(last["occasion"], "reload");
    assert_eq!(last["process"], std::process::id());
    assert!(last["time"].as_str().unwrap().ends_with('Z'), "{last}");
}

#[test]
fn the_log_is_bounded_by_putting_full_files_aside() {
    let home = tempfile::tempdir().unwrap();
    let mut audit = Audit::open(home.path());
    let trust = Trust { audit_bytes: 65_536, audit_files: 3, ..Trust::default() };
    for round in 0..40 {
        let reasons = [format!("{round} {}", "x".repeat(9_000))];
        audit.record(Occasion::Reload, &trust, &refusing(&reasons)).written.unwrap();
    }
    let mut files: Vec<_> = fs::read_dir(home.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(LOG))
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["audit.log", "audit.log.1", "audit.log.2"]);
    assert!(files.iter().all(|(_, length)| *length <= 65_536), "{files:?}");
    // The newest are kept, in order.
    let kept: Vec<_> = ["audit.log.2", "audit.log.1", "audit.log"]
        .iter()
        .flat_map(|name| lines(home.path(), name))
        .map(|line| line["reason"].as_str().unwrap().chars().take(9).collect::<String>())
        .collect();
    assert!(kept.last().unwrap().contains("39"), "{kept:?}");
    assert!(kept.len() >= 14 && kept.is_sorted(), "{kept:?}");
}

#[cfg(unix)]
#[test]
fn the_log_is_its_owner_s_alone_and_no_link_is_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let home = tempfile::tempdir().unwrap();
    let mut audit = Audit::open(home.path());
    let trust = Trust::default();
    audit.record(Occasion::Start, &trust, &refusing(&["one".to_owned()])).written.unwrap();
    let mode = |name: &str| {
        let found = fs::metadata(home.path().join("data").join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode(LOG), mode(KNOWN), mode("")), (0o600, 0o600, 0o700));
    let other = home.path().join("other");
    fs::write(&other, "kept").unwrap();
    fs::remove_file(home.path().join("data").join(LOG)).unwrap();
    symlink(&other, home.path().join("data").join(LOG)).unwrap();
    let refused = audit.record(Occasion::Start, &trust, &refusing(&["two".to_owned()]));
    assert!(refused.written.unwrap_err().contains("cannot be written"));
    assert_eq!(fs::read_to_string(other).unwrap(), "kept");
}
