//! What the settings of a step need besides its plugin: transformers of other
//! plugins, which become steps within the step, and tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use tureen_sandbox::{Kind, Needs, Requirement, Step};

use super::watched::Watched;
use super::{Preparation, code, texts};
use crate::workflow::definition;
use crate::workflow::vocabulary::Unknown;

impl Preparation<'_> {
    /// The transformers of other plugins that the settings call; tables are looked for.
    pub(super) async fn custom(
        &mut self,
        step: &definition::Step,
        requires: Vec<Requirement>,
    ) -> BTreeMap<String, Arc<Step>> {
        let mut found: BTreeMap<String, Arc<Step>> = BTreeMap::new();
        for Requirement { needs, pointer } in requires {
            let type_name = match needs {
                Needs::Transformer(type_name) => type_name,
                Needs::DataTable(reference) => {
                    let checked = self.vocabulary.check_data_table(&reference);
                    self.needs_table(step, &pointer, checked);
                    continue;
                }
                Needs::LookupTable(table) => {
                    let checked = self.vocabulary.check_lookup(&table);
                    self.needs_table(step, &pointer, checked);
                    continue;
                }
            };
            if found.contains_key(&type_name) {
                continue;
            }
            let installed = match code::digest_in(&type_name) {
                Some(digest) => self.code_transformer(step, &pointer, digest),
                None => {
                    let installed = self.plugins.handling(Kind::Transformer, &type_name);
                    let installed = installed.map(Arc::clone);
                    if installed.is_none() {
                        self.no_plugin(step, &pointer, &type_name, Kind::Transformer);
                    }
                    installed
                }
            };
            let Some(installed) = installed else { continue };
            let Some(grants) = self.granted(step, &installed, &pointer) else { continue };
            let settings = "{}".to_owned();
            let options = self.options(&installed, grants, settings, step.owner, "custom");
            match Box::pin(Step::prepare(Arc::clone(&installed.plugin), options)).await {
                Ok(prepared) => {
                    let watched = Watched { role: "custom", settings: type_name.clone() };
                    let ready = self.overseen(prepared.step, step, &installed, &watched);
                    drop(found.insert(type_name, Arc::new(ready)));
                }
                Err(failure) => self.failed(step, &failure),
            }
        }
        found
    }

    fn needs_table(
        &mut self,
        step: &definition::Step,
        pointer: &str,
        checked: Result<(), Unknown>,
    ) {
        let Err(unknown) = checked else { return };
        let (pointer, position) = self.definition.locate(step, pointer);
        let found = texts::unknown_table(unknown).in_file(&self.definition.file);
        self.about_the_home(found.at(position).pointing(pointer));
    }
}
