use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;

const URL: &str = "https://ca.example/directory";

fn made(host: &str) -> Pair {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new([host.to_owned()]).unwrap();
    Pair { chain_pem: parameters.self_signed(&key).unwrap().pem(), key_pem: key.serialize_pem() }
}

fn hosts(store: &Store, name: &str) -> Option<Vec<String>> {
    let present = store.present(name)?;
    Some(present.leaf.hosts.iter().map(Host::to_string).collect())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_pair_is_installed_replaced_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    assert_eq!(store.present("front"), None);
    for host in ["one.example", "two.example", "192.0.2.7"] {
        store.install("front", &made(host), URL).unwrap();
        assert_eq!(hosts(&store, "front").unwrap(), [host]);
        assert_eq!(store.present("front").unwrap().directory_url.as_deref(), Some(URL));
        let folder = store.folder("front");
        assert_eq!(names(&folder), ["acme.json", "certificate.pem", "key.pem"]);
        assert_eq!(names(&store.own()), [] as [&str; 0], "{host}");
        for file in names(&folder) {
            let mode = fs::metadata(folder.join(&file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}

#[test]
fn two_folders_are_exchanged_in_one_step() {
    let home = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| home.path().join(name));
    for path in [&one, &other] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("name"), path.as_os_str().as_encoded_bytes()).unwrap();
    }
    exchange(&one, &other).unwrap();
    assert_eq!(fs::read(one.join("name")).unwrap(), other.as_os_str().as_encoded_bytes());
    assert_eq!(fs::read(other.join("name")).unwrap(), one.as_os_str().as_encoded_bytes());
}

#[test]
fn a_pair_is_replaced_where_the_file_system_cannot_exchange_folders() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let new = store.own().join("front.new");
    store.install("front", &made("one.example"), URL).unwrap();
    store.exchange_in_two_steps(&new, "front").unwrap_err();
    assert_eq!(hosts(&store, "front").unwrap(), ["one.example"], "without a new folder");
    store.install("back", &made("two.example"), URL).unwrap();
    fs::rename(store.folder("back"), &new).unwrap();
    store.exchange_in_two_steps(&new, "front").unwrap();
    assert_eq!(hosts(&store, "front").unwrap(), ["two.example"]);
    assert_eq!(names(&store.own()), [] as [&str; 0]);
}

#[test]
fn the_folder_is_there_at_every_moment_of_a_replacement() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    store.install("front", &made("one.example"), URL).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::Relaxed;
    let looks = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(ordering) {
                assert!(store.folder("front").is_dir(), "look {looks}");
                looks += 1;
            }
            looks
        });
        for _ in 0..50 {
            store.install("front", &made("two.example"), URL).unwrap();
        }
        done.store(true, ordering);
        reader.join().unwrap()
    });
    assert!(looks > 0);
    assert_eq!(hosts(&store, "front").unwrap(), ["two.example"]);
}

#[test]
fn what_a_stopped_machine_left_does_no_harm() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    store.install("front", &made("one.example"), URL).unwrap();
    // In the middle of writing the new folder.
    let new = store.own().join("front.new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join(CERTIFICATE_FILE), "half").unwrap();
    assert_eq!(hosts(&store, "front").unwrap(), ["one.example"]);
    store.install("front", &made("two.example"), URL).unwrap();
    assert_eq!(hosts(&store, "front").unwrap(), ["two.example"]);
    // Between the two renames of a file system that cannot exchange.
    fs::rename(store.folder("front"), store.old("front")).unwrap();
    assert_eq!(hosts(&store, "front").unwrap(), ["two.example"]);
    assert_eq!(names(&store.own()), [] as [&str; 0]);
}

#[test]
fn what_cannot_be_used_is_not_present() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path()).unwrap();
    let (one, other) = (made("one.example"), made("other.example"));
    let cases: [(&str, &[u8], &[u8]); 5] = [
        ("no PEM", b"text", one.key_pem.as_bytes()),
        ("no key", one.chain_pem.as_bytes(), b""),
        ("another's key", one.chain_pem.as_bytes(), other.key_pem.as_bytes()),
        (
            "not X.509",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            one.key_pem.as_bytes(),
        ),
        ("too long", &[b'x'; FILE_BYTES_MAX as usize + 1], one.key_pem.as_bytes()),
    ];
    for (case, chain, key) in cases {
        store.install("front", &one, URL).unwrap();
        fs::write(store.folder("front").join(CERTIFICATE_FILE), chain).unwrap();
        fs::write(store.folder("front").join(KEY_FILE), key).unwrap();
        assert_eq!(store.present("front"), None, "{case}");
    }
    // Put there by somebody else.
    store.install("front", &one, URL).unwrap();
    fs::write(store.folder("front").join(ORIGIN_FILE), "{}").unwrap();
    assert_eq!(store.present("front").unwrap().directory_url, None);
}

#[test]
fn a_second_order_for_a_certificate_is_refused_while_one_is_under_way() {
    let home = tempfile::tempdir().unwrap();
    let [store, another_process] = [(); 2].map(|()| Store::open(home.path()).unwrap());
    let lock = store.lock("front").unwrap();
    assert!(matches!(another_process.lock("front"), Err(AcmeError::Busy { .. })));
    assert!(another_process.lock("back").is_ok());
    drop(lock);
    assert!(another_process.lock("front").is_ok());
}

#[test]
fn a_private_file_is_replaced_whole() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("account.json");
    // Left by a process that ended in the middle.
    fs::write(home.path().join("account.new"), "half of it").unwrap();
    for text in ["first and longer", "second"] {
        replace_private_file(&path, text.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(names(home.path()), ["account.json"]);
}

proptest! {
    #[test]
    fn any_files_are_a_pair_or_are_refused(
        place in 0..2000_usize,
        byte: u8,
        in_chain: bool,
    ) {
        let Pair { chain_pem, key_pem } = made("one.example");
        let [mut chain, mut key] = [chain_pem.into_bytes(), key_pem.into_bytes()];
        let changed = if in_chain { &mut chain } else { &mut key };
        let place = place % changed.len();
        changed[place] = byte;
        if let Ok(leaf) = check_pair(&chain, &key) {
            prop_assert!(leaf.hosts.len() <= 1);
        }
    }
}
