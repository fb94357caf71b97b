//! Grants and imports in words: what a person reads before trusting a plugin.

use tureen_sandbox::{ClockPrecision, Grants, NameGrant, Need, RandomSource, need_of};

use super::grants::StepGrant;

/// What grants allow, a line each; nothing secret is in them.
pub fn grants_in_words(grants: &Grants) -> Vec<String> {
    let mut words = Vec::new();
    for granted in &grants.directories {
        let right = if granted.write { "read and write" } else { "read" };
        words.push(format!("{right} below {}", granted.path.display()));
    }
    words.extend(grants.http.iter().map(|it| format!("send HTTP requests to {it}")));
    words.extend(grants.tcp.iter().map(|it| format!("connect to {it}, without TLS")));
    words.extend(grants.tls.iter().map(|it| format!("connect to {it}, with TLS")));
    words.extend(grants.private_addresses.iter().map(|it| format!("reach granted names in {it}")));
    let certificate = |it: &String| format!("show the client certificate {it}");
    words.extend(named(&grants.client_certificates, "show any client certificate", certificate));
    words.extend(grants.environment.iter().map(|(name, _)| format!("read the variable {name}")));
    words.extend(grants.secrets.iter().map(|name| format!("read the secret {name}")));
    let table = |it: &String| format!("read the table {it}");
    words.extend(named(&grants.tables, "read every table", table));
    if grants.clock == ClockPrecision::Exact {
        words.push("read the exact time".to_owned());
    }
    if grants.random == RandomSource::Secure {
        words.push("draw unpredictable random numbers".to_owned());
    }
    words
}

fn named(grant: &NameGrant, every: &str, one: impl Fn(&String) -> String) -> Vec<String> {
    match grant {
        NameGrant::None => Vec::new(),
        NameGrant::All => vec![every.to_owned()],
        NameGrant::Named(names) => names.iter().map(one).collect(),
    }
}

/// The same of single steps.
pub fn steps_in_words(steps: &[StepGrant]) -> Vec<String> {
    let of_step = |step: &StepGrant| {
        let place = format!("in step {} of {}", step.step, step.workflow);
        let words = grants_in_words(&step.grants).into_iter();
        words.map(|words| format!("{place}: {words}")).collect::<Vec<_>>()
    };
    steps.iter().flat_map(of_step).collect()
}

/// What an import lets a plugin do.
pub fn import_in_words(import: &str) -> &'static str {
    let name = import.split('@').next().unwrap_or(import);
    match need_of(import) {
        Need::Directories => "files, in the directories that it is granted",
        Need::Http => "requests to the HTTP servers that it is granted",
        Need::Connections => "connections to the hosts that it is granted",
        Need::Secrets => "read the secrets that it is granted",
        Need::NotAvailable => "nothing here: it cannot be granted",
        Need::Nothing => match name {
            "tureen:plugin/types" => "read and change the message of its step",
            "tureen:plugin/hl7" => "edit HL7, build acknowledgements",
            "tureen:plugin/messages" => "read the other messages of the run",
            "tureen:plugin/variables" => "read and set variables of the run",
            "tureen:plugin/templates" => "expand ${…} texts and format values",
            "tureen:plugin/tables" => "look values up in the tables that it is granted",
            "tureen:plugin/parameters" => "read the parameters it is called with",
            "tureen:plugin/custom-transformers" => "call transformers of other plugins",
            "tureen:plugin/log" => "write log lines, within limits",
            "tureen:plugin/notifications" => "tell a person something, within limits",
            "tureen:plugin/call" => "know the workflow's name and the message's id",
            "tureen:plugin/configuring" => "say what is wrong with its settings",
            "wasi:cli/environment" => "the environment variables that it is granted",
            "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => {
                "know the time, to the millisecond unless it is granted exactly"
            }
            _ if name.starts_with("wasi:random/") => {
                "draw random numbers, from the message's id unless secure ones are granted"
            }
            _ => "nothing: inert here",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_told_without_what_it_gives() {
        let grants = Grants {
            environment: vec![("LANG".to_owned(), "hidden".to_owned())],
            secrets: vec!["lab".to_owned()],
            tables: NameGrant::All,
            ..Grants::default()
        };
        let words = grants_in_words(&grants);
        assert_eq!(words, ["read the variable LANG", "read the secret lab", "read every table"]);
    }

    #[test]
    fn every_interface_of_the_contract_has_words_of_its_own() {
        let interfaces = include_str!("../../../wit/types.wit").lines();
        let interfaces = interfaces.filter_map(|line| line.strip_prefix("interface "));
        let mut seen = 0;
        for name in interfaces.map(|line| line.trim_end_matches([' ', '{'])) {
            let words = import_in_words(&format!("tureen:plugin/{name}@0.1.0"));
            assert!(!words.starts_with("nothing"), "{name}: {words}");
            seen += 1;
        }
        assert!(seen > 5, "{seen}");
    }
}
