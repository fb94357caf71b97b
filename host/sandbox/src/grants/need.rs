//! What an import of a component needs, by the name of its interface.

/// What an import needs to be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Always there: the contract itself, or inert WASI (no arguments, only the
    /// granted environment, closed input, dropped output, granted clocks).
    Nothing,
    /// `directories`.
    Directories,
    /// `http`.
    Http,
    /// `tcp` or `tls`.
    Connections,
    /// `secrets`.
    Secrets,
    /// No grant gives it.
    NotAvailable,
}

/// What of the contract every plugin may import.
const CONTRACT: [&str; 12] = [
    "types",
    "hl7",
    "messages",
    "variables",
    "templates",
    "tables",
    "parameters",
    "custom-transformers",
    "log",
    "notifications",
    "call",
    "configuring",
];

/// What of WASI 0.2 every plugin may import.
const INERT: [&str; 18] = [
    "io/error",
    "io/poll",
    "io/streams",
    "cli/environment",
    "cli/exit",
    "cli/stdin",
    "cli/stdout",
    "cli/stderr",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "cli/terminal-stderr",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "random/random",
    "random/insecure",
    "random/insecure-seed",
];

/// Imports that a sentence names before it only counts them.
const NAMED: usize = 12;

/// Characters of an import that a sentence shows: it may have any name.
const SHOWN: usize = 80;

/// Imports for a sentence, which does not become long by them.
pub fn imports_in_a_sentence<'a>(imports: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = imports.len().saturating_sub(NAMED);
    let shown = |import: &str| -> String {
        import.chars().filter(|it| !it.is_control()).take(SHOWN).collect()
    };
    let names = imports.take(NAMED).map(shown).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

/// Judges one import by its interface name, `wasi:io/streams@0.2.6`.
pub fn need_of(import: &str) -> Need {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    if let Some(interface) = name.strip_prefix("tureen:plugin/") {
        return match interface {
            "secrets" => Need::Secrets,
            "http" => Need::Http,
            "connections" => Need::Connections,
            _ if CONTRACT.contains(&interface) => Need::Nothing,
            _ => Need::NotAvailable,
        };
    }
    match name.strip_prefix("wasi:") {
        Some(interface) if version.starts_with("0.2.") => match interface {
            "filesystem/types" | "filesystem/preopens" => Need::Directories,
            "http/types" | "http/outgoing-handler" => Need::Http,
            _ if INERT.contains(&interface) => Need::Nothing,
            _ => Need::NotAvailable,
        },
        _ => Need::NotAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_imports_are_counted_and_not_listed() {
        let imports: Vec<String> =
            (0..10_000).map(|at| format!("a:b/c{at}\n{}", "x".repeat(500))).collect();
        let told = imports_in_a_sentence(imports.iter().map(String::as_str));
        assert!(told.ends_with(" and 9988 more"), "{told}");
        assert!(told.len() < 1_200 && !told.contains('\n'), "{told}");
        assert_eq!(imports_in_a_sentence(["env"].into_iter()), "env");
    }

    #[test]
    fn an_import_needs_what_its_interface_reaches() {
        let check =
            |import: &str, expected: Need| assert_eq!(need_of(import), expected, "{import}");
        check("tureen:plugin/types@0.1.0", Need::Nothing);
        check("tureen:plugin/configuring@0.1.0", Need::Nothing);
        check("tureen:plugin/secrets@0.1.0", Need::Secrets);
        check("tureen:plugin/http@0.1.0", Need::Http);
        check("tureen:plugin/connections@0.1.0", Need::Connections);
        check("tureen:plugin/anything@0.1.0", Need::NotAvailable);
        check("wasi:cli/stderr@0.2.6", Need::Nothing);
        check("wasi:cli/run@0.2.6", Need::NotAvailable);
        check("wasi:clocks/wall-clock@0.2.6", Need::Nothing);
        check("wasi:clocks/wall-clock@0.3.0", Need::NotAvailable);
        check("wasi:clocks/timezone@0.2.6", Need::NotAvailable);
        check("wasi:random/insecure-seed@0.2.6", Need::Nothing);
        check("wasi:filesystem/types@0.2.6", Need::Directories);
        check("wasi:http/outgoing-handler@0.2.6", Need::Http);
        check("wasi:http/incoming-handler@0.2.6", Need::NotAvailable);
        check("wasi:sockets/tcp@0.2.6", Need::NotAvailable);
        check("env", Need::NotAvailable);
        check("", Need::NotAvailable);
    }
}
