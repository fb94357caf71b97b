//! The languages that a project can be made in: one entry each, with its files and
//! the commands that it is built with.
//!
//! A language is offered when a project of it builds and passes its own tests; there
//! is an end-to-end test for each.

use tureen_bundle::sdk;
use tureen_sandbox::Kind;

use super::name::ProjectName;
use super::{Project, ProjectFile};

/// A template: where it goes, the kind that it is for, where it is kept.
macro_rules! template {
    ($path:literal, $kind:expr, $file:literal) => {
        Template {
            path: $path,
            kind: $kind,
            text: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/cli/plugin/templates/",
                $file
            )),
        }
    };
}

mod javascript;
mod python;
mod rust;

/// All of them, the usual one first.
pub(super) static LANGUAGES: &[Language] = &[rust::RUST, javascript::JAVASCRIPT, python::PYTHON];

/// One language.
#[derive(Debug)]
pub(super) struct Language {
    /// As `--lang` takes it.
    pub(super) name: &'static str,
    /// Why the language's own tools would refuse a name.
    pub(super) refuses: fn(&str) -> Option<String>,
    /// What its sample of an activity does.
    activity: ActivitySample,
    /// Those of the language alone.
    templates: &'static [Template],
    /// Files that no template is needed for: what the project is built with.
    carried: fn(&ProjectName) -> Vec<ProjectFile>,
    /// Checks and builds it; to be typed in its folder.
    build: fn(&ProjectName) -> Vec<String>,
    /// The file that `build` makes, seen from the project's folder.
    component: fn(&ProjectName) -> String,
}

/// Activities are made for what they reach, and not every language reaches the same.
#[derive(Clone, Copy, Debug)]
enum ActivitySample {
    /// Writes a line for every message into a granted directory.
    Notes,
    /// Answers with the number of the message.
    Counts,
}

/// The samples of filters and transformers, and the message for all: in every language the same.
const SAMPLES: &[Template] = &[
    template!("message.hl7", None, "samples/message.hl7"),
    template!("settings.json", Some(Kind::Filter), "samples/filter/settings.json"),
    template!("expected.txt", Some(Kind::Filter), "samples/filter/expected.txt"),
    template!("settings.json", Some(Kind::Transformer), "samples/transformer/settings.json"),
    template!("expected.hl7", Some(Kind::Transformer), "samples/transformer/expected.hl7"),
];

const NOTES: &[Template] = &[
    template!("settings.json", Some(Kind::Activity), "samples/notes/settings.json"),
    template!("out/.gitignore", Some(Kind::Activity), "samples/notes/out-gitignore"),
];

const COUNTS: &[Template] = &[
    template!("settings.json", Some(Kind::Activity), "samples/counts/settings.json"),
    template!("expected.txt", Some(Kind::Activity), "samples/counts/expected.txt"),
];

impl ActivitySample {
    fn templates(self) -> &'static [Template] {
        match self {
            Self::Notes => NOTES,
            Self::Counts => COUNTS,
        }
    }
}

/// The world of a project that is built from the contract itself.
const WORLD: Template = template!("wit/world.wit", None, "world.wit");

/// A file with placeholders, `{{name}}`.
#[derive(Debug)]
struct Template {
    path: &'static str,
    /// `None`: for all kinds.
    kind: Option<Kind>,
    text: &'static str,
}

impl Language {
    /// The files of a project, filled in.
    pub(super) fn files(&self, project: &Project<'_>) -> Vec<ProjectFile> {
        let templates = self.templates.iter().chain(SAMPLES).chain(self.activity.templates());
        let fitting = templates.filter(|it| it.kind.is_none_or(|kind| kind == project.kind));
        let filled = fitting.map(|template| ProjectFile {
            path: template.path.to_owned(),
            text: self.filled(template.text, project),
        });
        filled.chain((self.carried)(project.name)).collect()
    }

    /// Tests, builds and tries it; to be typed in its folder.
    pub(super) fn commands(&self, project: &Project<'_>) -> Vec<String> {
        let mut commands = (self.build)(project.name);
        commands.push(self.trial(project));
        commands
    }

    /// Puts it into a home.
    pub(super) fn install(&self, project: &Project<'_>) -> Vec<String> {
        let (component, name) = ((self.component)(project.name), project.name.as_str());
        // Written beside and renamed, so that no server reads half of it.
        vec![
            format!("tureen plugin inspect {component}"),
            format!("cp {component} HOME/plugins/{name}.wasm.new"),
            format!("mv HOME/plugins/{name}.wasm.new HOME/plugins/{name}.wasm"),
        ]
    }

    fn filled(&self, text: &str, project: &Project<'_>) -> String {
        let Project { name, kind } = project;
        let lines = |commands: Vec<String>| commands.join("\n");
        let values = [
            ("{{commands}}", lines(self.commands(project))),
            ("{{install}}", lines(self.install(project))),
            ("{{workflow}}", self.in_a_workflow(project)),
            ("{{files}}", self.files_in_words(*kind).to_owned()),
            ("{{summary}}", self.summary(*kind).to_owned()),
            ("{{name}}", name.as_str().to_owned()),
            ("{{type}}", name.type_name(*kind)),
            ("{{handles}}", name.handles()),
            ("{{kind}}", kind.name().to_owned()),
            ("{{a_kind}}", with_article(*kind).to_owned()),
        ];
        values.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }

    /// What the sample of a kind does, in a line.
    fn summary(&self, kind: Kind) -> &'static str {
        match (kind, self.activity) {
            (Kind::Filter, _) => "Passes messages with certain values at a place",
            (Kind::Transformer, _) => "Keeps the digits of a place",
            (Kind::Activity, ActivitySample::Notes) => "Notes every message in a file",
            (Kind::Activity, ActivitySample::Counts) => "Answers every message with its number",
        }
    }

    /// `tureen plugin test` with the sample of the kind.
    fn trial(&self, project: &Project<'_>) -> String {
        let component = (self.component)(project.name);
        let further = match (project.kind, self.activity) {
            (Kind::Filter, _) => "--expect expected.txt",
            (Kind::Transformer, _) => "--expect expected.hl7",
            (Kind::Activity, ActivitySample::Notes) => "--grant-directory out:write",
            (Kind::Activity, ActivitySample::Counts) => "--expect expected.txt",
        };
        format!(
            "tureen plugin test {component} --message message.hl7 --settings settings.json {further}"
        )
    }

    /// The rows of the README's table for the files that only this kind has.
    fn files_in_words(&self, kind: Kind) -> &'static str {
        match (kind, self.activity) {
            (Kind::Filter, _) => {
                "| `expected.txt` | what the filter says to the sample: `pass` or `stop` |"
            }
            (Kind::Transformer, _) => "| `expected.hl7` | what is to come of the sample |",
            (Kind::Activity, ActivitySample::Notes) => {
                "| `out/` | the directory that the trial is granted |"
            }
            (Kind::Activity, ActivitySample::Counts) => {
                "| `expected.txt` | the response to the sample |"
            }
        }
    }

    /// How a workflow names the plugin.
    fn in_a_workflow(&self, project: &Project<'_>) -> String {
        let handles = project.name.handles();
        match (project.kind, self.activity) {
            (Kind::Filter, _) => filter_in_a_workflow(&handles),
            (Kind::Transformer, _) => transformer_in_a_workflow(&handles),
            (Kind::Activity, ActivitySample::Notes) => {
                let setting = activity_in_a_workflow(&handles, "Note", "File", "messages.txt");
                let name = project.name.as_str();
                format!(
                    "{setting}\n\nIt writes files, so it needs a directory in `tureen.toml`:\n\n\
                     ```toml\n[plugins.{name}]\ndirectories = [{{ path = \"out\", write = true }}]\n```"
                )
            }
            (Kind::Activity, ActivitySample::Counts) => {
                activity_in_a_workflow(&handles, "Count", "Greeting", "message")
            }
        }
    }
}

fn with_article(kind: Kind) -> &'static str {
    match kind {
        Kind::Filter => "a filter",
        Kind::Transformer => "a transformer",
        Kind::Activity => "an activity",
    }
}

/// The contract, where tools look for it: beside the world of the project.
fn contract(_name: &ProjectName) -> Vec<ProjectFile> {
    let files = sdk::sources().iter().filter_map(|source| {
        let file = source.path.strip_prefix("wit/")?;
        let path = format!("wit/deps/tureen-plugin/{file}");
        Some(ProjectFile { path, text: source.text.to_owned() })
    });
    files.collect()
}

/// A file of the plugin's name in the project's folder.
fn named_component(name: &ProjectName) -> String {
    format!("{}.wasm", name.as_str())
}

fn filter_in_a_workflow(handles: &str) -> String {
    format!(
        "A setting of its own class, which `Filters` of a receiver or an activity links to:\n\n\
             ```json\n{{\n  \"$type\": \"{handles}\",\n  \"Id\": \"a0000000-0000-4000-8000-000000000007\",\n  \
             \"Path\": \"MSH-9.2\",\n  \"Values\": \"A01, A04\"\n}}\n```"
    )
}

fn transformer_in_a_workflow(handles: &str) -> String {
    format!(
        "Among the `Transformers` of a transformer setting:\n\n\
             ```json\n{{\n  \"$type\": \"HL7Soup.Functions.Settings.CustomTransformerAction, HL7SoupWorkflow\",\n  \
             \"CustomTransformerTypeName\": \"{handles}\",\n  \
             \"Parameters\": {{\n    \"Path\": {{ \"FromPath\": \"PID-13[*]\", \"FromDirection\": 2 }}\n  }}\n}}\n```\n\n\
             Or a setting of its own class, which `Transformers` or `VariableTransformers` links to:\n\n\
             ```json\n{{\n  \"$type\": \"{handles}\",\n  \"Id\": \"a0000000-0000-4000-8000-000000000007\",\n  \
             \"Path\": \"PID-13[*]\"\n}}\n```"
    )
}

fn activity_in_a_workflow(handles: &str, name: &str, property: &str, value: &str) -> String {
    format!(
        "A setting of its own class, named in the receiver's `Activities`:\n\n\
         ```json\n{{\n  \"$type\": \"{handles}\",\n  \"Id\": \"a0000000-0000-4000-8000-000000000007\",\n  \
         \"Name\": \"{name}\",\n  \
         \"MessageTemplate\": \"${{<id of the receiver> inbound}}\",\n  \"{property}\": \"{value}\"\n}}\n```"
    )
}
