use super::*;

fn config(text: &str) -> ServerConfig {
    ServerConfig::parse(Path::new("tureen.toml"), text).unwrap().0
}

fn granted(home: &Path, text: &str, name: &str) -> (Grants, Vec<StepGrant>, Vec<String>) {
    let config = config(text);
    let (grants, steps, found) = Grantor::new(home, &config).grants(name, false);
    (grants, steps, found.into_iter().map(|found| found.to_string()).collect())
}

#[test]
fn nothing_is_granted_by_default_and_the_standard_plugins_read_tables_and_time() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(granted(home.path(), "", "p").0, Grants::default());
    let empty = config("");
    let (standard, _, _) = Grantor::new(home.path(), &empty).grants("filter", true);
    assert_eq!(standard.tables, TableGrant::All);
    assert_eq!(standard.clock, ClockPrecision::Exact);
    assert!(standard.directories.is_empty() && standard.http.is_empty());
    let named = config("[plugins.filter]\ntables = [\"wards\"]\nclock = \"coarse\"");
    let (standard, _, _) = Grantor::new(home.path(), &named).grants("filter", true);
    assert!(standard.tables.covers("WARDS") && !standard.tables.covers("staff"));
    assert_eq!(standard.clock, ClockPrecision::Coarse);
    assert_eq!(standard.random, RandomSource::Secure);
}

#[test]
fn what_is_granted_but_not_there_is_told() {
    let home = tempfile::tempdir().unwrap();
    let text = "[plugins.p]\nenvironment = [\"PATH\", \"TUREEN_NOT_SET\"]\nsecrets = [\"lab\"]\n";
    let (grants, _, found) = granted(home.path(), text, "p");
    assert_eq!(grants.environment.len(), 1);
    assert!(found[0].contains("TUREEN_NOT_SET"), "{found:?}");
    assert!(found[1].contains("there is no secret \"lab\""), "{found:?}");
    let tables = "[plugins.p]\ntables = [\"Wards\", \"Beds\", \"nobody's\"]\n\
        [tables]\nwards = \"w.csv\"\n[data_tables]\nbeds = \"b.csv\"\n";
    let (grants, _, told) = granted(home.path(), tables, "p");
    assert!(grants.tables.covers("nobody's"), "it may come later");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("there is no table \"nobody's\""), "{told:?}");
    assert!(granted(home.path(), "[plugins.p]\ntables = \"all\"\n", "p").2.is_empty());
    let with = format!("{text}[secrets]\nLab = {{ environment = \"PATH\" }}\n");
    assert_eq!(granted(home.path(), &with, "p").2.len(), 1);
}

#[test]
fn the_grants_of_a_step_are_for_that_step_of_that_workflow() {
    let home = tempfile::tempdir().unwrap();
    let id = "b0000000-0000-4000-8000-000000000002";
    let text = format!(
        "[[plugins.p.steps]]\nworkflow = \"Admissions\"\nstep = \"{id}\"\nsecrets = [\"lab\"]\n\
         [secrets]\nlab = {{ environment = \"PATH\" }}\n"
    );
    let (grants, steps, _) = granted(home.path(), &text, "p");
    assert_eq!(grants, Grants::default());
    let step = SettingId::parse(id).unwrap();
    let other = SettingId::parse("b0000000-0000-4000-8000-000000000003").unwrap();
    assert!(steps[0].is_for("ADMISSIONS", step));
    assert!(!steps[0].is_for("Admissions", other));
    assert!(!steps[0].is_for("Results", step));
    let unknown = |known: &[KnownWorkflow<'_>]| unknown_steps(home.path(), &config(&text), known);
    let known = |name, settings| KnownWorkflow { name, settings };
    assert!(unknown(&[known("admissions", Some(vec![step]))]).is_empty());
    assert!(unknown(&[known("admissions", None)]).is_empty());
    let found = unknown(&[known("admissions", Some(vec![other]))]);
    assert!(found[0].message.contains("no receiver or activity"), "{found:?}");
    let found = unknown(&[known("results", Some(vec![step]))]);
    assert!(found[0].message.contains("no workflow has the name"), "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_that_a_plugin_could_have_made_is_not_followed() {
    use std::os::unix::fs::symlink;

    let base = tempfile::tempdir().unwrap();
    let base = base.path().canonicalize().unwrap();
    let home = base.join("home");
    for folder in ["home/out", "home/share", "elsewhere/deep"] {
        fs::create_dir_all(base.join(folder)).unwrap();
    }
    symlink(base.join("elsewhere"), home.join("mine")).unwrap();
    symlink("../../elsewhere", home.join("out/theirs")).unwrap();
    let paths = |text: &str, name: &str| {
        let (grants, _, found) = granted(&home, text, name);
        let paths = grants.directories.into_iter().map(|granted| granted.path);
        (paths.collect::<Vec<_>>(), found)
    };
    // The operator's own link is resolved at load.
    let (found, told) = paths("[plugins.p]\ndirectories = [{ path = \"mine/deep\" }]", "p");
    assert_eq!((found, told.len()), (vec![base.join("elsewhere/deep")], 0));
    // One below what another plugin may write is not.
    let text = "[plugins.w]\ndirectories = [{ path = \"out\", write = true }]\n\
                [plugins.p]\ndirectories = [{ path = \"out/theirs/deep\" }, { path = \"share\" }]";
    let (found, told) = paths(text, "p");
    assert_eq!(found, [home.join("share")]);
    assert!(told[0].contains("out/theirs is a symbolic link"), "{told:?}");
    // What does not exist yet is taken as it is written.
    let (found, told) = paths("[plugins.p]\ndirectories = [{ path = \"later\" }]", "p");
    assert_eq!((found, told.len()), (vec![home.join("later")], 0));
}

#[cfg(unix)]
#[test]
fn a_directory_that_was_replaced_is_another_one() {
    let home = tempfile::tempdir().unwrap();
    let config = config("[plugins.p]\ndirectories = [{ path = \"out\" }]");
    let without = identities(home.path(), &config);
    fs::create_dir(home.path().join("out")).unwrap();
    let with = identities(home.path(), &config);
    assert_ne!(without, with);
    assert_eq!(with, identities(home.path(), &config));
    fs::create_dir(home.path().join("new")).unwrap();
    fs::remove_dir(home.path().join("out")).unwrap();
    fs::rename(home.path().join("new"), home.path().join("out")).unwrap();
    assert_ne!(with, identities(home.path(), &config));
}

#[test]
fn the_lines_to_add_say_what_each_import_needs() {
    let missing = Missing {
        plugin: "lab".to_owned(),
        imports: vec![
            ("wasi:filesystem/types@0.2.6".to_owned(), Need::Directories),
            ("wasi:filesystem/preopens@0.2.6".to_owned(), Need::Directories),
            ("tureen:plugin/http@0.1.0".to_owned(), Need::Http),
            ("tureen:plugin/connections@0.1.0".to_owned(), Need::Connections),
            ("tureen:plugin/secrets@0.1.0".to_owned(), Need::Secrets),
        ],
    };
    let step = SettingId::parse("b0000000-0000-4000-8000-000000000002").unwrap();
    let expected = "\
[plugins.lab]
directories = [{ path = \"out\", write = true }]
http = [\"https://host.example.org\"]
tls = [\"host.example.org:6661\"]
secrets = [\"name\"]
# or for this step alone:
[[plugins.lab.steps]]
workflow = \"Ward \\\"7\\\"\"
step = \"b0000000-0000-4000-8000-000000000002\"
directories = [{ path = \"out\", write = true }]
http = [\"https://host.example.org\"]
tls = [\"host.example.org:6661\"]
secrets = [\"name\"]";
    let lines = missing.lines(Some(("Ward \"7\"", step)));
    assert_eq!(lines.replace("'Ward \"7\"'", "\"Ward \\\"7\\\"\""), expected);
    let lines = missing.lines(None);
    assert!(!lines.contains("steps"), "{lines}");
    // What is shown can be added as it is.
    config(&lines);
}
