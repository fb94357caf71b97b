//! A changed `tureen.toml`, once whoever writes it is done.
//!
//! Deliberately does not know: what is done with it.

use std::path::Path;
use std::time::Duration;

use crate::config::ServerConfig;

/// A changed file is read again after this long before it is believed.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// `tureen.toml`, or what is wrong with it; `None` while it is being written. A file that was
/// cut short to be written anew grants nothing, and would stop what runs.
pub(super) async fn settled_config(
    home: &Path,
    running: &ServerConfig,
    refused: Option<&str>,
) -> Option<Result<ServerConfig, String>> {
    let read = || {
        let loaded = ServerConfig::load(home);
        loaded.map(|(config, _)| config).map_err(|error| error.to_string())
    };
    let first = read();
    let is_known = match &first {
        Ok(config) => config == running,
        Err(error) => refused == Some(error.as_str()),
    };
    if is_known {
        return Some(first);
    }
    tokio::time::sleep(SECOND_LOOK).await;
    // A change in between is heard of, too.
    (read() == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FILE_NAME;

    #[tokio::test]
    async fn a_file_that_is_being_written_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE_NAME);
        let running = ServerConfig::default();
        for (first, then, expected) in [
            ("[log]\nlevel = \"warn\"\n", None, Some(true)),
            ("[log]\nlevel = 1\n", None, Some(false)),
            // Cut short, and then whole.
            ("[log]\nlevel = \"warn\"\n", Some("[log]\nlevel = \"debug\"\n"), None),
            ("[log", Some("[log]\nlevel = \"warn\"\n"), None),
            // As it runs: nothing to wait for.
            ("", Some("[log"), Some(true)),
        ] {
            std::fs::write(&file, first).unwrap();
            let settled = settled_config(home.path(), &running, None);
            let written = async {
                tokio::time::sleep(SECOND_LOOK / 2).await;
                if let Some(then) = then {
                    std::fs::write(&file, then).unwrap();
                }
            };
            // Asked first each time, so that it has written however late both wake up.
            let ((), settled) = tokio::join!(written, settled);
            assert_eq!(settled.map(|read| read.is_ok()), expected, "{first:?}");
        }
    }
}
