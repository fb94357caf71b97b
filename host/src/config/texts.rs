//! The keys about the texts of workflows: how templates write values, and what the numbers of
//! formatting enumerations mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tureen_template::Formatting;

/// How templates are filled.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    pub encode: Encode,
}

/// How a value is written into a message template or a custom response (contract T-10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// As it is, like the original: encoding is up to the template.
    #[default]
    AsWritten,
    /// By the rules of the message's format for the place where it stands, unless the placeholder
    /// names an encoder or `Raw`.
    ByFormat,
}

/// What numbers of enumerations mean that the format does not publish (contract 2.3): number to
/// name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct FormatNumbers {
    pub text_format: BTreeMap<String, String>,
    pub truncation: BTreeMap<String, String>,
    pub encoding: BTreeMap<String, String>,
}

impl FormatNumbers {
    /// The enumerations by the name of their property.
    fn enumerations(&self) -> [(&'static str, &BTreeMap<String, String>); 3] {
        [
            ("TextFormat", &self.text_format),
            ("Truncation", &self.truncation),
            ("Encoding", &self.encoding),
        ]
    }

    /// The name that a number of a property stands for.
    pub fn name(&self, property: &str, number: &str) -> Option<&str> {
        let numbers = self.enumerations();
        let (_, names) = numbers.iter().find(|(known, _)| known.eq_ignore_ascii_case(property))?;
        names.get(number).map(String::as_str)
    }

    /// Whether no number has a meaning.
    pub fn is_empty(&self) -> bool {
        self.enumerations().iter().all(|(_, names)| names.is_empty())
    }

    pub(super) fn refuse_contradictions(&self) -> Result<(), (String, String)> {
        for (property, names) in self.enumerations() {
            let known = Formatting::names(property);
            for (number, name) in names {
                let key = format!("format_numbers.{property}.{number}");
                if number.parse::<u32>().ok().filter(|it| *it > 0).map(|it| it.to_string())
                    != Some(number.clone())
                {
                    return Err((key, "expected a whole number from 1 as the key".to_owned()));
                }
                if !known.contains(&name.as_str()) {
                    let text = format!("expected one of {}, found {name:?}", known.join(", "));
                    return Err((key, text));
                }
            }
        }
        Ok(())
    }
}
