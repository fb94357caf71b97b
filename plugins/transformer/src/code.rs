//! The scripts of `CodeTransformerAction`.
//!
//! C# cannot run here. The operator may bind a script to the transformer of an
//! installed plugin, by the digest of its text (contract 5.6): the action then
//! calls what the host resolves the name `code:<digest>` to. Deliberately does
//! not know: C#, beyond what a comment is.

use sha2::{Digest, Sha256};

/// The name under which a script's stand-in is required and called.
///
/// Line ends count as one line feed each, so that the same script saved on
/// another system is the same (as in the host's `plugins::code`).
pub(crate) fn type_name(code: &str) -> String {
    let code = code.replace("\r\n", "\n").replace('\r', "\n");
    let digest = Sha256::digest(code.as_bytes());
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("code:{}", digits.concat())
}

/// Is there nothing but blanks and comments? Such a script needs no stand-in.
pub(crate) fn does_nothing(code: &str) -> bool {
    let mut rest = code.trim_start();
    while !rest.is_empty() {
        rest = if let Some(line) = rest.strip_prefix("//") {
            line.split_once(['\r', '\n']).map_or("", |(_, rest)| rest)
        } else if let Some(block) = rest.strip_prefix("/*") {
            match block.split_once("*/") {
                Some((_, rest)) => rest,
                // C# would not compile it.
                None => return false,
            }
        } else {
            return false;
        };
        rest = rest.trim_start();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_and_comments_do_nothing() {
        for (code, expected) in [
            ("", true),
            (" \r\n\t", true),
            ("// was: x();", true),
            ("// a\n/* b\n * x(); */ // c", true),
            ("/**/", true),
            ("x();", false),
            ("// a\nx();", false),
            ("/* a */ ;", false),
            ("/* never closed", false),
            ("/ /", false),
        ] {
            assert_eq!(does_nothing(code), expected, "{code:?}");
        }
    }

    #[test]
    fn line_ends_do_not_change_the_name_and_anything_else_does() {
        let name = type_name("abc");
        let expected = "code:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(name, expected);
        assert_eq!(type_name("a\r\nb\rc"), type_name("a\nb\nc"));
        assert_ne!(type_name("a\nb"), type_name("a\nb\n"));
    }
}
