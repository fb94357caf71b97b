//! Loading plugins as a server does: compiled once, read from then on, and never
//! run when somebody touched the code.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tureen_sandbox::{
    CACHE_BYTES_DEFAULT, CacheOptions, CodeCounts, CodeOptions, Engine, EngineOptions, Grants,
    Limits, LoadError, Plugin, Severity, Start, Step, StepOptions,
};

/// Few instances: a test needs little address space.
fn small() -> EngineOptions {
    EngineOptions { calls: 4, idle: 4, activities: 4, ..EngineOptions::default() }
}

fn engine(directory: &Path) -> Engine {
    let cache = CacheOptions { directory: directory.to_owned(), bytes: CACHE_BYTES_DEFAULT };
    let code = CodeOptions { cache: Some(cache), ..CodeOptions::default() };
    let engine = Engine::with_code(&small(), code).unwrap();
    assert!(engine.cache_unusable().is_none(), "{:?}", engine.cache_unusable());
    engine
}

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data/compiled");
    (place, directory)
}

fn standard(name: &str) -> Arc<[u8]> {
    let bundled = tureen_bundle::bundled();
    Arc::from(bundled.iter().find(|it| it.name == name).unwrap().component)
}

/// The same plugin in another file: a custom section that says nothing.
fn another(component: &[u8], number: u8) -> Arc<[u8]> {
    let section = [0, 3, 1, b'n', number];
    [component, &section].concat().into()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|it| it == "code")).collect();
    files.sort();
    files
}

fn counts(compiled: u64, read: u64, refused: u64) -> CodeCounts {
    CodeCounts { compiled, read, refused, ..CodeCounts::default() }
}

fn options(settings: &str) -> StepOptions {
    StepOptions {
        settings: settings.to_owned(),
        owner: "b0000000-0000-4000-8000-000000000001".parse().unwrap(),
        role: "filter",
        limits: Limits::default(),
        grants: Grants::default(),
        reuse: false,
        ungranted: tureen_sandbox::Ungranted::Inert,
        isolation: tureen_sandbox::Isolation::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_plugins_are_compiled_once_and_read_at_the_second_start() {
    let (_place, directory) = place();
    let component = standard("deidentify");
    let files: Vec<_> = (0..50).map(|number| another(&component, number)).collect();
    let first = engine(&directory);
    for file in &files {
        Plugin::load(&first, Arc::clone(file)).await.unwrap();
    }
    assert_eq!(first.code_counts(), counts(50, 0, 0));
    drop(first);
    let second = engine(&directory);
    for file in &files {
        let plugin = Plugin::load(&second, Arc::clone(file)).await.unwrap();
        assert_eq!(plugin.name, "deidentify");
        assert!(!plugin.version.is_empty() && !plugin.summary.is_empty());
        assert!(!plugin.handles.is_empty() && !plugin.imports.is_empty());
    }
    assert_eq!(second.code_counts(), counts(0, 50, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_was_touched_is_never_run_and_is_made_anew() {
    let (_place, directory) = place();
    let component = standard("deidentify");
    Plugin::load(&engine(&directory), Arc::clone(&component)).await.unwrap();
    let [file] = entries(&directory).try_into().unwrap();
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&file, &bad).unwrap();
    let touched = engine(&directory);
    Plugin::load(&touched, Arc::clone(&component)).await.unwrap();
    assert_eq!(touched.code_counts(), counts(1, 0, 1));
    // The bad one was replaced.
    let after = engine(&directory);
    Plugin::load(&after, component).await.unwrap();
    assert_eq!(after.code_counts(), counts(0, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_usable_directory_every_start_compiles() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = CacheOptions { directory: file.join("compiled"), bytes: CACHE_BYTES_DEFAULT };
    let code = CodeOptions { cache: Some(cache), ..CodeOptions::default() };
    let engine = Engine::with_code(&small(), code).unwrap();
    assert!(engine.cache_unusable().unwrap().to_string().contains("file"));
    Plugin::load(&engine, standard("deidentify")).await.unwrap();
    assert_eq!(engine.code_counts(), counts(1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_broken_behind_its_first_bytes_is_refused_and_not_kept() {
    let (_place, directory) = place();
    let component = standard("deidentify");
    let engine = engine(&directory);
    let cut: Arc<[u8]> = Arc::from(&component[..component.len() / 2]);
    let error = Plugin::load(&engine, cut).await.unwrap_err();
    assert!(matches!(error, LoadError::Broken(_)), "{error}");
    assert_eq!(entries(&directory), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_instances_start_from_a_snapshot_of_their_settings() {
    let (_place, directory) = place();
    let first = engine(&directory);
    first.make_snapshots();
    let plugin = Arc::new(Plugin::load(&first, standard("filter")).await.unwrap());
    let settings =
        r#"{"$type":"HL7Soup.Functions.Settings.Filters.FilterHostSetting","Filters":[]}"#;
    let prepared = Step::prepare(Arc::clone(&plugin), options(settings)).await.unwrap();
    let findings = prepared.findings.clone();
    assert!(!findings.iter().any(|it| it.severity == Severity::Error), "{findings:?}");
    prepared.step.settled().await;
    assert_eq!(prepared.step.start(), Start::Snapshot);
    assert_eq!(first.code_counts(), CodeCounts { compiled: 2, snapshots: 1, ..counts(0, 0, 0) });
    // The same settings again: the snapshot that is there already.
    let again = Step::prepare(Arc::clone(&plugin), options(settings)).await.unwrap();
    assert_eq!(again.step.start(), Start::Snapshot);
    assert_eq!(again.findings, findings);
    assert_eq!(first.code_counts().snapshots, 1);
    // Another owner is another snapshot.
    let mut other = options(settings);
    other.owner = "b0000000-0000-4000-8000-000000000002".parse().unwrap();
    let other = Step::prepare(plugin, other).await.unwrap();
    other.step.settled().await;
    assert_eq!(first.code_counts().snapshots, 2);
    drop((prepared, again, other, first));
    // After a restart nothing is compiled, and `configure` is not called either.
    let second = engine(&directory);
    second.make_snapshots();
    let plugin = Arc::new(Plugin::load(&second, standard("filter")).await.unwrap());
    let read = Step::prepare(plugin, options(settings)).await.unwrap();
    assert_eq!(read.step.start(), Start::Snapshot);
    assert_eq!(read.findings, findings);
    assert_eq!(second.code_counts(), CodeCounts { read: 2, snapshots: 1, ..counts(0, 0, 0) });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_from_a_snapshot_says_why() {
    let (_place, directory) = place();
    let engine = engine(&directory);
    let filter = Arc::new(Plugin::load(&engine, standard("filter")).await.unwrap());
    let settings =
        r#"{"$type":"HL7Soup.Functions.Settings.Filters.FilterHostSetting","Filters":[]}"#;
    let why = |start: Start| match start {
        Start::Configured(why) => why,
        other => panic!("{other:?}"),
    };
    let step = Step::prepare(Arc::clone(&filter), options(settings)).await.unwrap().step;
    assert_eq!(why(step.start()), "no snapshots are made here");
    engine.make_snapshots();
    let reused = StepOptions { reuse: true, ..options(settings) };
    let step = Step::prepare(Arc::clone(&filter), reused).await.unwrap().step;
    assert_eq!(why(step.start()), "a reused instance is configured once");
    let wrong = Step::prepare(filter, options(r#"{"Filters":7}"#)).await.unwrap();
    assert!(wrong.findings.iter().any(|it| it.severity == Severity::Error));
    assert_eq!(why(wrong.step.start()), "its settings are refused");
    let writer = Arc::new(Plugin::load(&engine, standard("file-writer")).await.unwrap());
    let step = Step::prepare(writer, options("{}")).await.unwrap().step;
    assert_eq!(why(step.start()), "an activity is configured once");
    assert_eq!(engine.code_counts().snapshots, 0);
}
