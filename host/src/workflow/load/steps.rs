//! The steps that hang on a receiver or an activity: filter, transformers.

use std::sync::Arc;

use tureen_template::SettingId;

use super::classes::Part;
use super::fields::Fields;
use super::findings::Headline as _;
use super::message_type::{TypeOptions, message_type, type_options};
use super::references::References;
use super::settings::{Setting, Settings};
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{Activity, FilterHost, Role, Step};

/// Builds steps and remembers which messages they read.
pub(super) struct Steps<'s, 'a> {
    pub(super) settings: &'s Settings<'a>,
    pub(super) references: &'s mut References,
}

impl<'a> Steps<'_, 'a> {
    /// The filter that an owner links to.
    pub(super) fn filter(&mut self, owner: &Setting<'a>) -> Option<FilterHost> {
        let setting = self.settings.follow(&owner.fields, "Filters", Part::Filter)?;
        if is_disabled(setting) {
            return None;
        }
        // What the settings of a plugin's own filter mean only the plugin knows.
        let has_transformers = setting.known.is_some()
            && setting
                .fields
                .find("Transformers")
                .is_some_and(|found| !found.node.elements().is_empty());
        let transformers =
            has_transformers.then(|| self.step(setting, owner.id, Role::FilterTransformers));
        let conditions = self.step(setting, owner.id, Role::Filter);
        Some(FilterHost { transformers, conditions })
    }

    /// The set of transformers that a property of an owner links to.
    pub(super) fn transformers(
        &mut self,
        owner: &Setting<'a>,
        name: &str,
        role: Role,
    ) -> Option<Step> {
        let setting = self.settings.follow(&owner.fields, name, Part::Transformers)?;
        if name == "Transformers" && owner.fields.flag("TransformersNotAvailable", false) {
            let pointer = owner.fields.pointer_to(name);
            owner.fields.findings().tell(
                codes::TRANSFORMERS_NOT_AVAILABLE,
                &pointer,
                |diagnostic| {
                    diagnostic
                        .saying(format!("the transformers of {} are left out", quoted(&owner.name)))
                        .found("TransformersNotAvailable is true")
                        .help("set it to false if they should run, or remove the link")
                },
            );
            return None;
        }
        if is_disabled(setting) {
            return None;
        }
        Some(self.step(setting, owner.id, role))
    }

    /// An activity with everything that belongs to it.
    pub(super) fn activity(&mut self, setting: &Setting<'a>) -> Activity {
        let fields = &setting.fields;
        let default = setting.known.map_or(1, |known| known.message_type);
        let format = message_type(fields, default);
        let filter = self.filter(setting);
        let transformers = self.transformers(setting, "Transformers", Role::ActivityTransformers);
        let template = fields.template("MessageTemplate");
        lint_segment_ends(fields, "MessageTemplate", format);
        self.references.template(setting, &template, "MessageTemplate");
        let TypeOptions { csv, dicom } = type_options(fields, format);
        Activity {
            id: setting.id,
            name: setting.name.clone(),
            disabled: setting.disabled,
            step: self.step(setting, setting.id, Role::Activity),
            message_type: format,
            csv,
            dicom,
            template,
            filter,
            transformers,
            pointer: fields.pointer.clone(),
        }
    }

    fn step(&mut self, setting: &Setting<'a>, owner: SettingId, role: Role) -> Step {
        self.references.settings_of(setting, owner, role);
        let class = setting.known.map_or(setting.class.as_str(), |known| known.class);
        Step {
            type_name: class.to_owned(),
            settings: Arc::clone(&setting.json()),
            owner,
            role,
            pointer: setting.fields.pointer.clone(),
        }
    }
}

fn is_disabled(setting: &Setting<'_>) -> bool {
    if setting.disabled {
        setting.fields.findings().tell(
            codes::DISABLED_STEP,
            &setting.fields.pointer_to("Disabled"),
            |diagnostic| {
                diagnostic.saying(format!(
                    "{} is disabled: it is left out wherever it is linked",
                    quoted(&setting.name)
                ))
            },
        );
    }
    setting.disabled
}

/// HL7 segments end with a carriage return. A backslash and an r instead are a
/// slip that is told, not mended (contract 1.4).
pub(super) fn lint_segment_ends(fields: &Fields<'_>, name: &str, format: tureen_message::Format) {
    if format != tureen_message::Format::Hl7 {
        return;
    }
    let Some(found) = fields.find(name) else { return };
    let slip = |part: &str| {
        let mut characters = part.chars();
        let segment = characters.by_ref().take(3).collect::<String>();
        segment.len() == 3
            && segment.starts_with(|first: char| first.is_ascii_uppercase())
            && segment.chars().all(|each| each.is_ascii_uppercase() || each.is_ascii_digit())
            && characters.next() == Some('|')
    };
    if found.node.as_text().is_some_and(|text| text.split("\\r").skip(1).any(slip)) {
        fields.findings().tell(codes::LITERAL_BACKSLASH_R, &found.pointer, |diagnostic| {
            diagnostic
                .saying("the template has a backslash and an r where a segment should end")
                .expected("\\r in the JSON text: a carriage return")
                .found("\\\\r in the JSON text: two characters")
        });
    }
}
