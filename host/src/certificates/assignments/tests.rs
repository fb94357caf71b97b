use super::*;

fn bind(directory: &Path, port: u16, name: &str, replace: bool) -> Bound {
    Assignments::change(directory, |all| all.bind(port, name, replace)).unwrap()
}

#[test]
fn each_outcome_is_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let by = || "one".to_owned();
    assert_eq!(bind(home, 443, "one", false), Bound::Bound);
    assert_eq!(bind(home, 443, "one", false), Bound::AlreadyThis);
    assert_eq!(bind(home, 443, "two", false), Bound::AlreadyBound { by: by() });
    assert_eq!(bind(home, 443, "two", true), Bound::Replaced { was: by() });
    assert_eq!(bind(home, 444, "one", false), Bound::Bound);
    let unbind = || Assignments::change(home, |all| all.unbind(443)).unwrap();
    assert_eq!(unbind(), Unbound::Removed { name: "two".to_owned() });
    assert_eq!(unbind(), Unbound::NothingBound);
    let default = |name: &str| Assignments::change(home, |all| all.set_default(name)).unwrap();
    assert!(!default("default") && default("one") && !default("one"));
    let saved = Assignments::load(home).unwrap();
    assert_eq!(
        (saved.default_name(), saved.port(443), saved.port(444)),
        ("one", None, Some("one"))
    );
    assert!(default("default"));
    assert_eq!(Assignments::load(home).unwrap().default_name(), DEFAULT_NAME);
}

#[test]
fn a_thumbprint_in_another_spelling_is_the_same_certificate() {
    let mut all = Assignments::default();
    let thumbprint = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let spelled = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    assert_eq!(all.bind(1, thumbprint, false), Bound::Bound);
    assert_eq!(all.bind(1, spelled, false), Bound::AlreadyThis);
}

#[test]
fn commands_at_once_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    std::thread::scope(|scope| {
        for thread in 0..8_u16 {
            scope.spawn(move || {
                for port in 0..10 {
                    bind(path, 1000 + thread * 10 + port, "one", false);
                }
            });
        }
    });
    assert_eq!(Assignments::load(path).unwrap().ports().count(), 80);
}

#[test]
fn of_two_that_bind_one_port_at_once_one_wins_and_the_other_is_told() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    let outcomes: Vec<Bound> = std::thread::scope(|scope| {
        let names = ["one", "two"];
        let threads = names.map(|name| scope.spawn(move || bind(path, 443, name, false)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winner = Assignments::load(path).unwrap().port(443).unwrap().to_owned();
    assert!(outcomes.contains(&Bound::Bound), "{outcomes:?}");
    assert!(outcomes.contains(&Bound::AlreadyBound { by: winner }), "{outcomes:?}");
}

#[test]
fn the_file_is_private_and_says_how_to_edit_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    bind(home.path(), 8443, "one", false);
    let file = home.path().join(FILE);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(HEADER) && text.contains("[ports]\n8443 = \"one\""), "{text}");
}

#[test]
fn a_wrong_file_is_refused_with_its_place() {
    let cases = [
        ("defualt = \"x\"", "unknown field `defualt`"),
        ("[ports]\nhttps = \"x\"", "[ports] has \"https\""),
        ("[ports]\n0 = \"x\"", "[ports] has \"0\""),
        ("[ports]\n65536 = \"x\"", "[ports] has \"65536\""),
        ("[ports]\n\"08443\" = \"x\"", "[ports] has \"08443\""),
        ("[ports]\n8443 = 1", "line 2"),
        ("[ports", "line 1"),
    ];
    for (text, expected) in cases {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(FILE), text).unwrap();
        let error = Assignments::load(home.path()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(FILE), "{expected}: {error}");
        let changed = Assignments::change(home.path(), |all| all.bind(1, "x", false));
        assert!(changed.is_err(), "a file that is not understood is not overwritten");
    }
}
