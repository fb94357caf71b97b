//! Says when something in the home may have changed.
//!
//! Events are hints: whoever hears one looks at the files, and their content
//! decides. So nothing here filters by file name; it only waits until it is
//! quiet. Directories are watched, never files: an editor that saves by rename
//! would leave a watch on a file that is gone. A look at everything comes every
//! `rescan_seconds` in any case, for network file systems that report nothing
//! and for events that were lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::{Reload, Watch};

/// Folders of certificates that are watched; changes in further ones are found by
/// the regular look.
const CERTIFICATE_FOLDERS_MAX: usize = 1_000;

/// However busy a directory is, a look is not put off for longer than this.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(1);

/// Waits for changes below a home.
pub struct HomeWatch {
    watcher: Option<Box<dyn Watcher + Send>>,
    changed: mpsc::Receiver<()>,
    home: PathBuf,
    /// Directories of files that the configuration names.
    further: BTreeSet<PathBuf>,
    debounce: Duration,
    rescan: Duration,
}

impl HomeWatch {
    /// Watches the directories of a home whose changes matter; those that do not
    /// exist yet are tried again after every look.
    pub fn new(home: &Path, reload: &Reload) -> Self {
        // One place is enough: a signal that is already waiting says it all.
        let (signal, changed) = mpsc::channel(1);
        let mut watch = Self {
            watcher: watcher(reload, signal),
            changed,
            home: home.to_owned(),
            further: BTreeSet::new(),
            debounce: Duration::from_millis(reload.debounce_milliseconds),
            rescan: Duration::from_secs(reload.rescan_seconds),
        };
        watch.renew();
        watch
    }

    /// Watches the directories of these files too, from now on.
    pub fn watch_files(&mut self, files: impl Iterator<Item = PathBuf>) {
        self.further = files.filter_map(|file| file.parent().map(Path::to_owned)).collect();
        self.renew();
    }

    /// Returns when something may have changed, or it is time to look anyway.
    ///
    /// # Cancellation
    /// Nothing is lost: the next call hears of it.
    pub async fn changed(&mut self) {
        let next_rescan = Instant::now() + self.rescan;
        let heard = timeout_at(next_rescan, self.changed.recv()).await;
        match heard {
            Ok(Some(())) => self.quiet().await,
            // No watcher: only the regular look is left.
            Ok(None) => tokio::time::sleep_until(next_rescan).await,
            Err(_) => {}
        }
        self.renew();
    }

    async fn quiet(&mut self) {
        let latest = Instant::now() + QUIET_WAIT_MAX;
        loop {
            let quiet = (Instant::now() + self.debounce).min(latest);
            match timeout_at(quiet, self.changed.recv()).await {
                Ok(Some(())) if Instant::now() < latest => {}
                _ => return,
            }
        }
    }

    /// Watches again: a directory that was deleted and made anew has lost its
    /// watch. Watching what is watched already changes nothing.
    fn renew(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in directories(&self.home).iter().chain(&self.further) {
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                let path = directory.display();
                tracing::debug!(%path, "not watched, only looked at regularly: {error}");
            }
        }
    }
}

fn watcher(reload: &Reload, signal: mpsc::Sender<()>) -> Option<Box<dyn Watcher + Send>> {
    let polling = reload.watch == Watch::Poll;
    let handler = move |event: Result<Event, notify::Error>| {
        // An error may be a lost event: look.
        if event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
            return;
        }
        // Full means that a look is due anyway.
        let _ = signal.try_send(());
    };
    if polling {
        return poll_watcher(reload, handler);
    }
    match RecommendedWatcher::new(handler, Config::default()) {
        Ok(watcher) => Some(Box::new(watcher)),
        Err(error) => {
            tracing::warn!(
                "the operating system reports no file changes ({error}); files are looked at every {} s",
                reload.rescan_seconds
            );
            None
        }
    }
}

fn poll_watcher(
    reload: &Reload,
    handler: impl FnMut(Result<Event, notify::Error>) + Send + 'static,
) -> Option<Box<dyn Watcher + Send>> {
    let interval = Duration::from_millis(reload.debounce_milliseconds.max(1_000));
    let config = Config::default().with_poll_interval(interval).with_compare_contents(true);
    match PollWatcher::new(handler, config) {
        Ok(watcher) => Some(Box::new(watcher)),
        Err(error) => {
            tracing::warn!("files cannot be polled ({error})");
            None
        }
    }
}

/// The directories of a home whose changes matter: each certificate has its own.
fn directories(home: &Path) -> Vec<PathBuf> {
    let certificates = home.join("certificates");
    let own = std::fs::read_dir(&certificates).into_iter().flatten().filter_map(Result::ok);
    let own = own.map(|entry| entry.path()).filter(|path| path.is_dir());
    let own: Vec<PathBuf> = own.take(CERTIFICATE_FOLDERS_MAX).collect();
    let fixed = ["workflows", "plugins", "tables"].map(|name| home.join(name));
    let mut all = vec![home.to_path_buf(), certificates];
    all.extend(fixed.into_iter().chain(own));
    all
}
