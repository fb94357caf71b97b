//! `tureen plugin inspect`: everything that a person should know of a plugin
//! before trusting it, and what it has been granted.

mod limits;
mod words;

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tureen_sandbox::{Isolation, Kind, WorkerLimits};

use super::named::{Named, load};
use super::{Ended, HomeArgument, output};
use crate::app::Home;
use crate::config::{Faults, PluginFaults};
use crate::plugins::grants::Missing;
use crate::plugins::trust::{self, Signature};
use crate::plugins::words::{grants_in_words, import_in_words, steps_in_words};
use crate::plugins::{Installed, candidate};

use words::{Settings, fault_budget};

/// Lines of type names and imports that are shown; `--json` has all.
const SHOWN: usize = 100;

/// Shows a plugin's identity, digest, signature, type names, imports in words,
/// grants, limits, how it gets its settings and when its steps are set aside. Nothing
/// of it runs but the question who it is, and that without any grant. Ends with 1 when the file is not trusted, 2 when there is none or
/// it is no plugin.
#[derive(Args)]
pub(in crate::cli) struct Inspect {
    /// The name of an installed plugin, or a .wasm file
    plugin: String,
    #[command(flatten)]
    home: HomeArgument,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) async fn run(self) -> anyhow::Result<Ended> {
        let (home, _) = self.home.open_or_bare(true).await?;
        let found = match Named::find(&home, &self.plugin)? {
            Named::Installed(installed) => {
                Found { installed, place: Place::Installed, distrusted: None }
            }
            Named::File { path, bytes } => of_file(&home, &path, bytes).await?,
        };
        let seen = Seen::new(found, &home);
        if self.json {
            output::line(&seen.to_json().to_string());
        } else {
            seen.show();
        }
        Ok(if seen.found.distrusted.is_none() { Ended::Well } else { Ended::Badly })
    }
}

/// A plugin as it is installed, or as it would be.
struct Found {
    installed: Arc<Installed>,
    place: Place,
    /// Why the server would refuse it.
    distrusted: Option<String>,
}

/// Where the file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Installed,
    /// Among the plugins of the home, which does not take it.
    Refused,
    Elsewhere,
}

/// A plugin with what the home's configuration means for it.
struct Seen {
    found: Found,
    budget: Faults,
    /// Does its own section say something of the budget?
    has_own_budget: bool,
    settings: Settings,
}

async fn of_file(home: &Home, file: &Path, bytes: Arc<[u8]>) -> anyhow::Result<Found> {
    let judged = trust::judge(&home.config.trust, file, &bytes);
    let loaded = load(home, file, bytes).await?;
    let (signature, mut distrusted) = match judged {
        Ok(signature) => (signature, None),
        Err(reason) => (Signature::Unsigned, Some(reason)),
    };
    let installed =
        candidate(&home.path, &home.config, Arc::new(loaded), Some(file.to_owned()), signature);
    let pin = home.config.plugins.get(&installed.plugin.name);
    let pin = pin.and_then(|written| written.sha256.as_deref());
    if !trust::is_pinned(pin, &installed.plugin.digest_text()) {
        let reason = format!("another digest is pinned: {}", pin.unwrap_or_default());
        distrusted.get_or_insert(reason);
    }
    let same = home.plugins.named(&installed.plugin.name);
    let is_installed = same.is_some_and(|same| same.plugin.digest == installed.plugin.digest);
    let place = match is_installed {
        true => Place::Installed,
        false if is_below(file, &home.path.join("plugins")) => Place::Refused,
        false => Place::Elsewhere,
    };
    Ok(Found { installed: Arc::new(installed), place, distrusted })
}

fn is_below(file: &Path, folder: &Path) -> bool {
    let folder_of = file.parent().and_then(|it| it.canonicalize().ok());
    folder_of.is_some() && folder_of == folder.canonicalize().ok()
}

impl Seen {
    fn new(found: Found, home: &Home) -> Self {
        let name = &found.installed.plugin.name;
        let own = home.config.plugins.get(name).map(|written| &written.faults);
        Self {
            budget: home.plugins.fault_budget(name),
            has_own_budget: own.is_some_and(|own| *own != PluginFaults::default()),
            settings: Settings::of(&found.installed, home.config.plugins_cache.snapshots),
            found,
        }
    }

    fn show(&self) {
        let plugin = &self.found.installed.plugin;
        output::line(&format!("{} {} ({})", plugin.name, plugin.version, plugin.kind.name()));
        output::line(&format!("  {}", plugin.summary));
        output::line(&format!("  sha256 {}", plugin.digest_text()));
        output::line(&format!("  {} bytes", plugin.size));
        output::line(&format!("  contract {}", plugin.contract()));
        self.show_trust();
        list("handles:", plugin.handles.iter().map(|name| name.as_str().to_owned()));
        list("exports:", plugin.exports.iter().map(|name| name.as_str().to_owned()));
        list(
            "asks for:",
            plugin.imports.iter().map(|import| format!("{import:<44} {}", import_in_words(import))),
        );
        self.show_grants();
    }

    fn show_trust(&self) {
        let installed = &self.found.installed;
        output::line(&format!("  signature: {}", installed.signature));
        if installed.pinned {
            output::line("  pinned: no other file is taken under this name");
        }
        if let Some(reason) = &self.found.distrusted {
            output::line(&format!("NOT TRUSTED: {reason}"));
        }
        match self.found.place {
            Place::Installed => {}
            Place::Refused => output::line(
                "not taken: the file is in the home's plugins/ folder, `tureen plugin list` says why",
            ),
            Place::Elsewhere => {
                output::line("not installed: copy the file into the home's plugins/ folder");
            }
        }
    }

    fn show_grants(&self) {
        let installed = &self.found.installed;
        output::line(&format!("runs as: {}", instance_of(installed)));
        output::line(&format!("settings: {}", self.settings.text));
        output::line(&format!("faults: {}", fault_budget(&self.budget, self.has_own_budget)));
        for line in limits::lines(&installed.limits) {
            output::line(&line);
        }
        let words = grants_in_words(&installed.grants).into_iter();
        let words: Vec<String> = words.chain(steps_in_words(&installed.steps)).collect();
        match words.is_empty() {
            true => output::line("granted: nothing"),
            false => list("granted:", words.into_iter()),
        }
        if let Some(missing) = Missing::of(installed, &installed.grants) {
            output::line("not granted yet; if you trust it with that, add to tureen.toml:");
            for line in missing.lines(None).lines() {
                output::line(&format!("  {line}"));
            }
        }
    }

    fn to_json(&self) -> Value {
        let installed = &self.found.installed;
        let plugin = &installed.plugin;
        let missing: Vec<String> = plugin
            .missing_grants(&installed.grants)
            .into_iter()
            .map(|(import, _)| import)
            .collect();
        let imports = plugin.imports.iter().map(|import| {
            let granted = !missing.contains(import);
            json!({ "name": import, "means": import_in_words(import), "granted": granted })
        });
        let steps = installed.steps.iter().map(|step| {
            json!({
                "workflow": step.workflow,
                "step": step.step.to_string(),
                "grants": grants_in_words(&step.grants),
            })
        });
        let lines = Missing::of(installed, &installed.grants).map(|missing| missing.lines(None));
        let mut object = super::to_json(installed);
        let more = json!({
            "installed": self.found.place == Place::Installed,
            "distrusted": self.found.distrusted,
            "contract": plugin.contract(),
            "exports": plugin.exports,
            "imports": imports.collect::<Vec<_>>(),
            "grants": grants_in_words(&installed.grants),
            "steps": steps.collect::<Vec<_>>(),
            "limits": limits::to_json(&installed.limits),
            "settings": { "snapshot": self.settings.from_snapshot, "means": self.settings.text },
            "faults": self.budget,
            "lines_to_grant": lines,
        });
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    }
}

fn instance_of(installed: &Installed) -> String {
    let lives = life_of(installed);
    match installed.isolation {
        Isolation::Instance => lives,
        Isolation::Process(WorkerLimits { workers, .. }) => {
            format!("{lives}, in processes of its own (at most {workers})")
        }
    }
}

fn life_of(installed: &Installed) -> String {
    if installed.plugin.kind == Kind::Activity {
        match installed.limits.activity_instances {
            0 | 1 => "one instance lives as long as its workflow's version".to_owned(),
            most => format!("one to {most} instances live as long as their workflow's version"),
        }
    } else if installed.reuse {
        "one instance serves many messages".to_owned()
    } else {
        "a fresh instance for every message".to_owned()
    }
}

fn list(title: &str, lines: impl ExactSizeIterator<Item = String>) {
    output::line(title);
    let more = lines.len().saturating_sub(SHOWN);
    for line in lines.take(SHOWN) {
        output::line(&format!("  {line}"));
    }
    if more > 0 {
        output::line(&format!("  and {more} more (--json shows all)"));
    }
}
