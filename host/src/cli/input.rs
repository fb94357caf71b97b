//! Files that the command line names, of which no more is read than can be used.
//!
//! Deliberately does not know: what is in them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The whole file; standard input for `-`. `what` says to a person what it is.
///
/// # Errors
/// It cannot be read, or has more bytes.
pub(super) fn read(file: &Path, what: &str, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let name = if file == Path::new("-") { "standard input" } else { &*file.to_string_lossy() };
    let read = match file == Path::new("-") {
        true => whole(std::io::stdin().lock(), bytes_max),
        false => File::open(file).and_then(|opened| whole(opened, bytes_max)),
    };
    match read {
        Ok(bytes) if bytes.len() <= bytes_max => Ok(bytes),
        Ok(_) => anyhow::bail!("{what} {name} is too long: at most {bytes_max} bytes are read"),
        Err(error) => anyhow::bail!("{what} {name} cannot be read: {error}"),
    }
}

/// One byte more than allowed tells that it is too long.
fn whole(source: impl Read, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take((bytes_max as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_allowed_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.hl7");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, "the message", 5).unwrap(), b"12345");
        for (path, most, expected) in [
            (&file, 4, "a.hl7 is too long: at most 4 bytes are read"),
            (&folder.path().to_path_buf(), 4, "cannot be read: Is a directory"),
            (&folder.path().join("none"), 4, "none cannot be read: No such file"),
        ] {
            let error = read(path, "the message", most).unwrap_err().to_string();
            assert!(error.starts_with("the message ") && error.contains(expected), "{error}");
        }
    }
}
