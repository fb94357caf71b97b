//! What the texts of workflows may name in a home, and which setting may name what.
//!
//! Knows: names and purposes, never a value. Deliberately does not know: files, how texts are
//! filled.

use std::collections::{BTreeMap, BTreeSet};

use tureen_template::{Globals, Purpose, TableReference};

use crate::config::{Encode, FormatNumbers, ServerConfig};
use crate::tables::HomeTables;

/// Which settings may read globals that are not plain texts (contract T-08): property and purposes.
/// Any other text that names one is refused.
const READERS: [(&str, &[Purpose]); 7] = [
    ("AuthenticationUserName", &[Purpose::Secret]),
    ("AuthenticationPassword", &[Purpose::Secret]),
    // Of senders, whose plugins read a secret only where it is granted to them.
    ("UserName", &[Purpose::Secret]),
    ("Password", &[Purpose::Secret]),
    ("ClientSecret", &[Purpose::Secret]),
    ("ProxyUserName", &[Purpose::Secret]),
    ("ProxyPassword", &[Purpose::Secret]),
];

/// The purposes that a property is meant for, besides plain text.
pub fn purposes(property: &str) -> &'static [Purpose] {
    READERS.iter().find(|(known, _)| *known == property).map_or(&[], |(_, purposes)| purposes)
}

/// The names of a home at one time. Workflows are judged anew when it differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    globals: BTreeMap<String, Purpose>,
    lookup_tables: BTreeSet<String>,
    /// Table to fields, all lower-case.
    data_tables: BTreeMap<String, BTreeSet<String>>,
    encode: Encode,
    encode_of: BTreeMap<String, Encode>,
    pub numbers: FormatNumbers,
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub text: String,
    pub help: String,
}

impl Vocabulary {
    pub fn new(config: &ServerConfig, globals: &Globals, tables: &HomeTables) -> Self {
        let names = config.globals.keys().chain(config.secrets.keys());
        let names = names.chain(config.connection_strings.keys());
        let own = config.receivers.iter();
        let own = own.filter_map(|(name, own)| Some((name.to_lowercase(), own.encode?)));
        let data = tables.data_tables().map(|(name, table)| {
            (name.to_owned(), table.fields().map(str::to_lowercase).collect())
        });
        Self {
            globals: names
                .filter_map(|name| Some((name.to_lowercase(), globals.purpose(name)?)))
                .collect(),
            lookup_tables: tables.lookup_tables().map(str::to_owned).collect(),
            data_tables: data.collect(),
            encode: config.templates.encode,
            encode_of: own.collect(),
            numbers: config.format_numbers.clone(),
        }
    }

    /// What a global variable is for; `None` when there is none of the name.
    pub fn purpose(&self, name: &str) -> Option<Purpose> {
        self.globals.get(&name.to_lowercase()).copied()
    }

    /// How the templates of a workflow are filled.
    pub fn encode(&self, workflow: &str) -> Encode {
        self.encode_of.get(&workflow.to_lowercase()).copied().unwrap_or(self.encode)
    }

    /// Whether there is such a lookup table.
    ///
    /// # Errors
    /// There is none.
    pub fn check_lookup(&self, table: &str) -> Result<(), Unknown> {
        if self.lookup_tables.contains(&table.to_lowercase()) {
            return Ok(());
        }
        Err(Unknown {
            text: format!("this home has no lookup table {table:?}"),
            help: told("[tables]", self.lookup_tables.iter()),
        })
    }

    /// Whether there is such a data table, and such a field in it.
    ///
    /// # Errors
    /// There is none.
    pub fn check_data_table(&self, reference: &str) -> Result<(), Unknown> {
        let TableReference { table, field } = TableReference::parse(reference);
        let Some(fields) = self.data_tables.get(&table.to_lowercase()) else {
            return Err(Unknown {
                text: format!("this home has no data table {table:?}"),
                help: told("[data_tables]", self.data_tables.keys()),
            });
        };
        match field {
            Some(field) if !fields.contains(&field.to_lowercase()) => Err(Unknown {
                text: format!("the data table {table:?} has no field {field:?}"),
                help: format!("its fields are {}", listed(fields.iter())),
            }),
            _ => Ok(()),
        }
    }
}

fn told<'a>(section: &str, names: impl Iterator<Item = &'a String>) -> String {
    match listed(names) {
        names if names.is_empty() => format!("add it to {section} of tureen.toml"),
        names => format!("add it to {section} of tureen.toml; there are {names}"),
    }
}

/// Names for a help text, the first few of them.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    const LISTED_MAX: usize = 12;
    let mut names: Vec<&str> = names.take(LISTED_MAX + 1).map(String::as_str).collect();
    if names.len() > LISTED_MAX {
        names.truncate(LISTED_MAX);
        names.push("…");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(text: &str) -> Vocabulary {
        let (config, _) = ServerConfig::parse("tureen.toml".as_ref(), text).unwrap();
        let (globals, _) = crate::secrets::globals("/nonexistent".as_ref(), &config);
        Vocabulary::new(&config, &globals, &HomeTables::default())
    }

    #[test]
    fn globals_have_purposes_also_when_they_cannot_be_read() {
        let known = vocabulary(
            "[globals]\nA = \"1\"\n[secrets]\nB = { file = \"b\" }\n\
             [connection_strings]\nC = { environment = \"PATH\" }\n",
        );
        for (name, purpose) in [
            ("a", Some(Purpose::Text)),
            ("b", Some(Purpose::Secret)),
            ("C", Some(Purpose::ConnectionString)),
            ("d", None),
        ] {
            assert_eq!(known.purpose(name), purpose, "{name}");
        }
        assert_ne!(known, vocabulary("[globals]\nA = \"1\"\n"));
        assert_eq!(known, known.clone());
    }

    #[test]
    fn only_credentials_are_meant_for_secrets() {
        assert_eq!(purposes("AuthenticationPassword"), [Purpose::Secret]);
        assert_eq!(purposes("FromPath"), []);
    }

    #[test]
    fn a_name_that_leads_nowhere_comes_with_those_that_lead_somewhere() {
        let known = Vocabulary {
            lookup_tables: ["sex".to_owned()].into(),
            data_tables: [("staff".to_owned(), ["id".to_owned(), "name".to_owned()].into())].into(),
            ..Vocabulary::default()
        };
        assert_eq!(known.check_lookup("SEX"), Ok(()));
        assert_eq!(known.check_data_table("Staff"), Ok(()));
        assert_eq!(known.check_data_table("staff.NAME"), Ok(()));
        let help = |checked: Result<(), Unknown>| checked.unwrap_err().help;
        assert!(help(known.check_lookup("x")).ends_with("; there are sex"));
        assert!(help(known.check_data_table("x.y")).contains("[data_tables]"));
        assert_eq!(help(known.check_data_table("staff.x")), "its fields are id, name");
        let many: BTreeSet<String> = (10..30).map(|number| number.to_string()).collect();
        assert!(listed(many.iter()).ends_with(", 21, …"));
    }
}
