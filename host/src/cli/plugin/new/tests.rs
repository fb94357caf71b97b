//! Names, placeholders, and folders that are there already. That a project builds and
//! passes its tests is tested end to end.

use std::fs;
use std::path::Path;

use tureen_sandbox::Kind;

use super::languages::LANGUAGES;
use super::name::ProjectName;
use super::{KINDS, Project, write};

/// Writes what a test compares.
const UPDATE: &str = "TUREEN_UPDATE_EXAMPLES";

#[test]
fn a_name_is_lower_case_words_and_nobody_else_s() {
    for (text, wrong) in [
        ("acme-digits", None),
        ("digits2", None),
        ("", Some("it is empty")),
        ("Acme", Some("'A' is in it")),
        ("acme_digits", Some("'_' is in it")),
        ("../acme", Some("'.' is in it")),
        ("2acme", Some("does not begin with a letter")),
        ("-acme", Some("does not begin with a letter")),
        ("acme-", Some("a word between dashes is empty")),
        ("acme--digits", Some("a word between dashes is empty")),
        ("file-writer", Some("is a standard plugin")),
    ] {
        for language in LANGUAGES {
            let parsed = ProjectName::parse(text, language).map_err(|error| format!("{error:#}"));
            match (wrong, parsed) {
                (None, Ok(name)) => assert_eq!(name.as_str(), text),
                (Some(wrong), Err(error)) => assert!(error.contains(wrong), "{text}: {error}"),
                (_, parsed) => panic!("{text}: {parsed:?}"),
            }
        }
    }
    let rust = &LANGUAGES[0];
    for (text, wrong) in [
        ("match", "the word is reserved"),
        ("test", "the word is reserved"),
        ("serde-json", "a crate that it is built with"),
        ("tureen-plugin-sdk", "a crate that it is built with"),
    ] {
        let error = format!("{:#}", ProjectName::parse(text, rust).unwrap_err());
        assert!(error.contains(wrong), "{text}: {error}");
    }
    assert!(ProjectName::parse(&"a".repeat(65), rust).is_err());
    assert!(ProjectName::parse(&"a".repeat(64), rust).is_ok());
}

#[test]
fn what_follows_from_a_name() {
    for (text, module, type_name, handles) in [
        ("acme-digits", "acme_digits", "AcmeDigitsTransformer", "Acme.Digits"),
        ("acme-keep-digits", "acme_keep_digits", "AcmeKeepDigitsTransformer", "Acme.KeepDigits"),
        ("digits", "digits", "DigitsTransformer", "Digits"),
        ("acme-transformer", "acme_transformer", "AcmeTransformer", "Acme.Transformer"),
    ] {
        let name = ProjectName::parse(text, &LANGUAGES[0]).unwrap();
        assert_eq!(name.underscored(), module);
        assert_eq!(name.type_name(Kind::Transformer), type_name);
        assert_eq!(name.handles(), handles);
    }
}

/// What a project in Rust has in scope by one word or two: the prelude of the SDK and of the
/// language, and its own imports.
#[test]
fn a_type_is_called_as_nothing_that_is_in_scope() {
    let sdk = tureen_bundle::sdk::sources();
    let lib = sdk.iter().find(|source| source.path == "plugin-sdk/src/lib.rs").unwrap();
    let (_, prelude) = lib.text.split_once("pub mod prelude {").unwrap();
    let (names, _) = prelude.split_once("};").unwrap();
    let names = names
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
    let others = [
        "Result",
        "Option",
        "String",
        "Vec",
        "Box",
        "Some",
        "None",
        "Ok",
        "Err",
        "Self",
        "Fn",
        "Drop",
        "Clone",
        "Default",
        "From",
        "Into",
        "Iterator",
        "Send",
        "Sync",
        "Failure",
        "TestRun",
        "PathBuf",
        "Path",
        "OpenOptions",
        "Write",
        "Component",
        "Exported",
    ];
    let taken: Vec<&str> = names.chain(others).collect();
    assert!(taken.contains(&"Message") && taken.contains(&"StepError"), "{taken:?}");
    for name in &taken {
        for kind in KINDS {
            let dashed = dashed(name);
            // Words of the language are refused.
            let Ok(project) = ProjectName::parse(&dashed, &LANGUAGES[0]) else { continue };
            let made = project.type_name(kind);
            assert!(!taken.contains(&made.as_str()), "{dashed} of kind {}: {made}", kind.name());
        }
    }
}

/// `step-error` of `StepError`.
fn dashed(name: &str) -> String {
    let mut dashed = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !dashed.is_empty() {
            dashed.push('-');
        }
        dashed.push(letter.to_ascii_lowercase());
    }
    dashed
}

#[test]
fn no_placeholder_is_left_in_any_project() {
    for language in LANGUAGES {
        for kind in KINDS {
            let name = ProjectName::parse("acme-sample", language).unwrap();
            let files = language.files(&Project { name: &name, kind });
            let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            paths.sort_unstable();
            assert!(paths.windows(2).all(|pair| pair[0] != pair[1]), "{paths:?}");
            let readme = files.iter().find(|file| file.path == "README.md").unwrap();
            let article = if kind == Kind::Activity { "an" } else { "a" };
            let said = format!(": {article} {} plugin for Tureen", kind.name());
            assert!(readme.text.contains(&said), "{said}: {}", readme.text);
            for needed in ["README.md", ".gitignore", "message.hl7", "settings.json"] {
                assert!(paths.contains(&needed), "{needed}: {paths:?}");
            }
            // What is carried has braces of its own.
            for file in files.iter().filter(|file| !file.path.starts_with("tureen/")) {
                for mark in
                    ["{{name", "{{type", "{{handles", "{{summary", "{{kind", "{{a", "{{c", "{{i"]
                {
                    assert!(!file.text.contains(mark), "{}: {mark}", file.path);
                }
            }
        }
    }
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("a/b/acme-sample");
    let name = ProjectName::parse("acme-sample", &LANGUAGES[0]).unwrap();
    let files = LANGUAGES[0].files(&Project { name: &name, kind: KINDS[0] });
    write(&project, &files).unwrap();
    fs::write(project.join("src/lib.rs"), "mine").unwrap();
    let error = format!("{:#}", write(&project, &files).unwrap_err());
    assert!(error.contains("nothing was changed") && error.contains("--directory"), "{error}");
    assert_eq!(fs::read_to_string(project.join("src/lib.rs")).unwrap(), "mine");
}

#[test]
fn what_cannot_be_written_to_its_end_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("acme-sample");
    let file = |path: &str| super::ProjectFile { path: path.to_owned(), text: String::new() };
    // The second needs a folder where the first is a file.
    assert!(write(&project, &[file("src"), file("src/lib.rs")]).is_err());
    assert!(!project.exists());
}

/// The examples are projects that were made by this command and gone on with. What the
/// command carries is the same in both; the rest is the example's own.
#[test]
fn the_examples_have_what_a_project_of_today_carries() {
    let own = ["README.md", "src/plugin.js", "plugin.py", "wit/world.wit"];
    let samples = ["message.hl7", "settings.json", "expected.txt", "expected.hl7"];
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins");
    for (name, language, kind) in
        [("phone-numbers", "javascript", Kind::Transformer), ("age-filter", "python", Kind::Filter)]
    {
        let language = LANGUAGES.iter().find(|it| it.name == language).unwrap();
        let name = ProjectName::parse(name, language).unwrap();
        let folder = examples.join(name.as_str());
        let carried = language.files(&Project { name: &name, kind });
        let carried = carried.iter().filter(|file| !file.path.starts_with("wit/deps/"));
        let mut compared = 0;
        for file in carried.filter(|it| !own.contains(&&*it.path) && !samples.contains(&&*it.path))
        {
            let path = folder.join(&file.path);
            let kept = fs::read_to_string(&path).unwrap_or_default();
            let expected = with_description_of(&kept, &file.text);
            if std::env::var_os(UPDATE).is_some() {
                fs::write(&path, &expected).unwrap();
            } else {
                let path = path.display();
                assert_eq!(kept, expected, "{path}: set {UPDATE}=1 to write what is expected");
            }
            compared += 1;
        }
        assert!(compared >= 3, "{compared} files of {} are compared", name.as_str());
    }
}

/// The text, with the line that describes what an example does, where it has one.
fn with_description_of(kept: &str, text: &str) -> String {
    let is_description = |line: &&str| line.trim_start().starts_with("\"description\":");
    let (own, sample) = (kept.lines().find(is_description), text.lines().find(is_description));
    own.zip(sample).map_or_else(|| text.to_owned(), |(own, sample)| text.replace(sample, own))
}
