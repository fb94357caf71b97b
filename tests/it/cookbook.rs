//! The cookbook: every recipe gives the same by its workflow and by its plugin, and
//! the document shows what is tested.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::Home;
use crate::harness::http1::{Answer, Http1};
use crate::plugins::pass_their_own_tests;

use recipes::{Case, Recipe, Variant, recipes};

/// What the document shows.
mod document;
/// The folders of `examples/cookbook`.
mod recipes;

/// A port that the system chooses.
const FREE: u16 = 0;

/// Any port, where nothing is opened.
const SOME: u16 = 8443;

/// A home with the named variants of all recipes, their tables and, if wanted, their
/// plugins.
fn home(variants: &[Variant], port: u16, with_plugins: bool) -> Home {
    let configuration: String = recipes().iter().filter_map(Recipe::configuration).collect();
    let home = Home::and(&configuration);
    fs::create_dir(home.path("tables")).unwrap();
    for recipe in recipes() {
        for (name, table) in recipe.tables() {
            home.write(&format!("tables/{name}"), table);
        }
        for variant in variants {
            let file = format!("{}{}", recipe.name, variant.suffix());
            home.workflow(&file, &recipe.workflow(*variant).on_port(port));
        }
        if with_plugins {
            home.plugin(&recipe.name, recipe.component());
        }
    }
    home
}

#[test]
fn every_recipe_gives_the_same_by_its_workflow_and_by_its_plugin() {
    let home = home(&Variant::ALL, FREE, true);
    let server = home.serve();
    assert_eq!(server.addresses().len(), recipes().len() * 2, "{}", server.log());
    let mut http = server.http1();
    let mut cases = 0;
    for recipe in recipes() {
        for variant in Variant::ALL {
            for case in recipe.cases() {
                check(&home, &mut http, recipe, variant, &case);
                cases += 1;
            }
        }
    }
    assert!(
        cases >= recipes().len() * 2 * 2,
        "a recipe has two cases at least, not {cases} in all"
    );
    server.stop();
}

/// The answer, and the files that were written: those, and no others.
fn check(home: &Home, http: &mut Http1, recipe: &Recipe, variant: Variant, case: &Case) {
    let workflow = recipe.workflow(variant);
    let what = format!("{} {}, {}", recipe.name, case.name, variant.file());
    let answer = http.post(&format!("/{}", workflow.service()), case.message_on_the_wire());
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    check_answer(&answer, case, &what);
    assert_eq!(take_written(home), case.expected_files(), "{what}");
}

fn check_answer(answer: &Answer, case: &Case, what: &str) {
    match case.expected_response() {
        Some(response) => assert_eq!(answer.text(), response.trim_end(), "{what}"),
        None if answer.body.is_empty() => assert!(!case.is_filtered(), "{what}: {answer:?}"),
        None => {
            let code = if case.is_filtered() { "AR" } else { "AA" };
            assert_eq!(acknowledgement_code(&answer.text()), Some(code), "{what}: {answer:?}");
        }
    }
}

/// MSA-1, whatever the delimiters are.
fn acknowledgement_code(answer: &str) -> Option<&str> {
    let segment = answer.split('\r').find(|segment| segment.starts_with("MSA"))?;
    segment.get(4..6)
}

/// Takes the files out of `out`. Expected messages are kept with a line for each
/// segment, and end with a line end; a written record is followed by one.
fn take_written(home: &Home) -> BTreeMap<String, String> {
    let mut written = BTreeMap::new();
    for entry in fs::read_dir(home.path("out")).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap().replace('\r', "\n");
        let name = entry.file_name().into_string().unwrap();
        written.insert(name, format!("{}\n", text.trim_end_matches('\n')));
        fs::remove_file(entry.path()).unwrap();
    }
    written
}

/// The recipe of a name.
fn recipe(name: &str) -> &'static Recipe {
    recipes().iter().find(|recipe| recipe.name == name).unwrap()
}

#[test]
fn rows_are_added_under_one_header() {
    let home = home(&Variant::ALL, FREE, true);
    let server = home.serve();
    let mut http = server.http1();
    let recipe = recipe("08-hl7-to-csv");
    let mut expected = String::new();
    for variant in Variant::ALL {
        for case in recipe.cases() {
            let service = recipe.workflow(variant).service().to_owned();
            http.post(&format!("/{service}"), case.message_on_the_wire());
            let file = case.expected_files().remove("hl7-to-csv.csv").unwrap();
            let (header, rows) = file.split_once('\n').unwrap();
            if expected.is_empty() {
                expected = format!("{header}\n");
            }
            expected.push_str(rows);
        }
    }
    assert_eq!(take_written(&home).remove("hl7-to-csv.csv"), Some(expected));
    server.stop();
}

#[test]
fn a_filter_of_ones_own_tells_what_is_wrong_in_its_settings_and_where() {
    let home = home(&[], SOME, true);
    let file = recipe("04-routing").workflow(Variant::Plugin).on_port(SOME).to_string();
    let wrong = file.replace("A34, A40", "A34,,A40");
    assert_ne!(wrong, file);
    home.workflow("routing", &serde_json::from_str(&wrong).unwrap());
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for said in ["route.list", "/WorkflowPattern/5/Events", "expected values with commas"] {
        assert!(checked.stdout.contains(said), "{said}: {}", checked.stdout);
    }
}

#[test]
fn nothing_is_to_be_said_against_any_recipe() {
    let checked = home(&Variant::ALL, SOME, true).run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("0 error(s), 0 warning(s)"), "{checked:?}");
}

/// So that a plugin which does nothing would not go unnoticed.
#[test]
fn a_recipe_with_a_plugin_needs_that_plugin() {
    let home = home(&[Variant::Plugin], SOME, false);
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    for recipe in recipes() {
        let file = format!("{}{}.hl7Workflow", recipe.name, Variant::Plugin.suffix());
        assert!(checked.stdout.contains(&file), "{file}: {checked:?}");
    }
}

#[test]
fn the_plugins_of_the_recipes_pass_their_own_tests() {
    pass_their_own_tests("examples/cookbook");
}
