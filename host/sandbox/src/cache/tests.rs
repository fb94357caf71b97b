//! What the cache accepts, and what it refuses.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::{CacheOptions, CacheUnusable, CodeCache, EntryFault, EntryKey, Found};

const ROOM: u64 = 1 << 20;

/// A place that belongs to this user alone.
fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("data/compiled");
    (place, directory)
}

fn open(directory: &std::path::Path, bytes: u64) -> Result<CodeCache, CacheUnusable> {
    CodeCache::open(&CacheOptions { directory: directory.to_owned(), bytes })
}

fn key(name: &str) -> EntryKey {
    EntryKey::of(&[name.as_bytes()])
}

fn code_of(found: Found) -> Result<Vec<u8>, EntryFault> {
    match found {
        Found::Entry(entry) => Ok(entry.code.bytes().to_vec()),
        Found::Refused(fault) => Err(fault),
        Found::Nothing => panic!("nothing was found"),
    }
}

#[test]
fn what_was_kept_is_found_again_after_a_restart() {
    let (_place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    assert!(matches!(cache.find(&key("a")), Found::Nothing));
    cache.keep(&key("a"), b"facts", b"code").unwrap();
    let again = open(&directory, ROOM).unwrap();
    let Found::Entry(entry) = again.find(&key("a")) else { panic!("not found") };
    assert_eq!(entry.facts, b"facts");
    assert_eq!(entry.code.bytes(), b"code");
    assert!(matches!(again.find(&key("b")), Found::Nothing));
}

#[test]
fn every_single_changed_bit_is_refused() {
    let (_place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    let code: Vec<u8> = (0..5_000_u32).map(|it| (it % 251) as u8).collect();
    cache.keep(&key("a"), b"facts", &code).unwrap();
    let file = directory.join(key("a").file_name());
    let good = fs::read(&file).unwrap();
    let bits = good.len() * 8;
    let mut refused = 0;
    // 400 bits, evenly over the file.
    for flip in 0..400 {
        let bit = flip * bits / 400;
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bad).unwrap();
        match code_of(cache.find(&key("a"))) {
            Err(EntryFault::Authentication) => refused += 1,
            other => panic!("bit {bit}: {other:?}"),
        }
    }
    assert_eq!(refused, 400);
    fs::write(&file, &good).unwrap();
    assert_eq!(code_of(cache.find(&key("a"))), Ok(code));
}

#[test]
fn a_cut_or_lengthened_entry_is_refused() {
    let (_place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    cache.keep(&key("a"), b"facts", b"code").unwrap();
    let file = directory.join(key("a").file_name());
    let good = fs::read(&file).unwrap();
    for length in 0..good.len() {
        fs::write(&file, &good[..length]).unwrap();
        assert!(code_of(cache.find(&key("a"))).is_err(), "{length} bytes");
    }
    let longer = [good.as_slice(), b"x"].concat();
    fs::write(&file, longer).unwrap();
    assert_eq!(code_of(cache.find(&key("a"))), Err(EntryFault::Authentication));
}

#[test]
fn an_entry_stands_for_its_own_key_only() {
    let (_place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    cache.keep(&key("a"), b"", b"code").unwrap();
    let (a, b) = (directory.join(key("a").file_name()), directory.join(key("b").file_name()));
    fs::rename(a, b).unwrap();
    assert_eq!(code_of(cache.find(&key("b"))), Err(EntryFault::OtherKey));
}

#[test]
fn an_entry_that_others_may_touch_or_that_lies_elsewhere_is_refused() {
    let (place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    cache.keep(&key("a"), b"", b"code").unwrap();
    let file = directory.join(key("a").file_name());
    for mode in [0o644, 0o620, 0o601] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let found = code_of(cache.find(&key("a")));
        assert_eq!(found, Err(EntryFault::Mode { found: mode }));
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let elsewhere = place.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(code_of(cache.find(&key("a"))), Err(EntryFault::SymbolicLink));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(code_of(cache.find(&key("a"))), Err(EntryFault::NotAFile));
}

#[test]
fn another_key_makes_every_entry_a_miss() {
    let (_place, directory) = place();
    open(&directory, ROOM).unwrap().keep(&key("a"), b"", b"code").unwrap();
    let key_file = directory.with_extension("key");
    let before = fs::read(&key_file).unwrap();
    assert_eq!(before.len(), 32);
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    // One that others could read is not trusted any more.
    fs::set_permissions(&key_file, Permissions::from_mode(0o640)).unwrap();
    let cache = open(&directory, ROOM).unwrap();
    assert_ne!(fs::read(&key_file).unwrap(), before);
    assert_eq!(code_of(cache.find(&key("a"))), Err(EntryFault::Authentication));
    fs::write(&key_file, "short").unwrap();
    open(&directory, ROOM).unwrap();
    assert_eq!(fs::read(&key_file).unwrap().len(), 32);
}

#[test]
fn a_directory_that_others_may_open_is_not_used() {
    let (_place, directory) = place();
    open(&directory, ROOM).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(open(&directory, ROOM), Err(CacheUnusable::Mode { found: 0o755, .. })));
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    let around = directory.parent().unwrap();
    fs::set_permissions(around, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(open(&directory, ROOM), Err(CacheUnusable::Mode { found: 0o777, .. })));
}

#[test]
fn a_link_or_a_file_in_its_place_is_not_used() {
    let (place, directory) = place();
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(directory.parent().unwrap()).unwrap();
    fs::set_permissions(directory.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &directory).unwrap();
    assert!(matches!(open(&directory, ROOM), Err(CacheUnusable::NotADirectory { .. })));
    fs::remove_file(&directory).unwrap();
    fs::write(&directory, "").unwrap();
    assert!(matches!(open(&directory, ROOM), Err(CacheUnusable::NotADirectory { .. })));
}

#[test]
fn the_longest_unused_entry_makes_room() {
    let (_place, directory) = place();
    let cache = open(&directory, 3_000).unwrap();
    let code = [7; 1_000];
    cache.keep(&key("a"), b"", &code).unwrap();
    cache.keep(&key("b"), b"", &code).unwrap();
    // Both long ago; then "a" is used.
    for name in ["a", "b"] {
        let file = fs::File::options().write(true).open(directory.join(key(name).file_name()));
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        file.unwrap().set_modified(long_ago).unwrap();
    }
    assert!(matches!(cache.find(&key("a")), Found::Entry(_)));
    cache.keep(&key("c"), b"", &code).unwrap();
    assert!(matches!(cache.find(&key("a")), Found::Entry(_)));
    assert!(matches!(cache.find(&key("b")), Found::Nothing));
    assert!(matches!(cache.find(&key("c")), Found::Entry(_)));
    // What is larger than everything is not kept, and drives nothing out.
    assert!(cache.keep(&key("d"), b"", &[7; 4_000]).is_err());
    assert!(matches!(cache.find(&key("c")), Found::Entry(_)));
}

#[test]
fn what_an_interrupted_writer_left_is_removed() {
    let (_place, directory) = place();
    let cache = open(&directory, ROOM).unwrap();
    let (old, new) = (directory.join(".old.tmp"), directory.join(".new.tmp"));
    fs::write(&old, "").unwrap();
    fs::write(&new, "").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
    fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    cache.keep(&key("a"), b"", b"code").unwrap();
    assert!(!old.exists());
    assert!(new.exists());
}

#[test]
fn one_at_a_time_makes_an_entry() {
    let (_place, directory) = place();
    let (cache, other) = (open(&directory, ROOM).unwrap(), open(&directory, ROOM).unwrap());
    let lock = cache.try_lock(&key("a"), 1).unwrap();
    assert!(lock.is_some());
    assert!(other.try_lock(&key("a"), 1).unwrap().is_none());
    drop(lock);
    assert!(other.try_lock(&key("a"), 1).unwrap().is_some());
}
