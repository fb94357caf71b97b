//! Words of commands that are printed to be typed.

use std::path::Path;

/// Signs that a shell takes as they are, besides letters and digits.
const PLAIN: &str = "_@%+=:,./-";

/// A path as one word of a command line, quoted where a shell would read it otherwise.
pub(super) fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    // A word that begins with a dash would be read as an option, quoted or not.
    let text = if text.starts_with('-') { format!("./{text}") } else { text.into_owned() };
    let is_plain = |sign: char| sign.is_alphanumeric() || PLAIN.contains(sign);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_path_that_was_meant() {
        for (path, expected) in [
            ("home", "home"),
            ("/srv/tureen-1.0/a_b", "/srv/tureen-1.0/a_b"),
            ("hüme", "hüme"),
            ("home with ü space", "'home with ü space'"),
            ("a$(b)", "'a$(b)'"),
            ("~", "'~'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("-rf", "./-rf"),
            ("-r f", "'./-r f'"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
            let echo = format!("printf %s {expected}");
            let said = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
            let said = String::from_utf8(said.stdout).unwrap();
            assert_eq!(said.trim_start_matches("./"), path);
        }
    }
}
