//! An activity that tries everything to read or change what its directories do
//! not hold, and says what came of each.

use std::ffi::{CString, c_char, c_int};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tureen_plugin_sdk::FIRST_DIRECTORY;
use tureen_plugin_sdk::prelude::*;

unsafe extern "C" {
    fn symlink(target: *const c_char, link: *const c_char) -> c_int;
    fn link(existing: *const c_char, new: *const c_char) -> c_int;
    fn truncate(path: *const c_char, length: i64) -> c_int;
}

struct Prowler {
    /// Granted for reading.
    readable: PathBuf,
    /// Granted for writing.
    writable: PathBuf,
    /// Not granted; has `secret.txt`.
    outside: PathBuf,
    /// How often `race/secret.txt` is read.
    races: u32,
}

impl Configure for Prowler {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let path = |name| -> Result<PathBuf, Findings> {
            Ok(PathBuf::from(settings.text(name)?.unwrap_or_default()))
        };
        let races = settings.text("Races")?.and_then(|text| text.parse().ok());
        Ok(Self {
            readable: path("Readable")?,
            writable: path("Writable")?,
            outside: path("Outside")?,
            races: races.unwrap_or(0),
        })
    }
}

impl Activity for Prowler {
    fn process(
        &mut self,
        context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        if self.races > 0 {
            context.set_variable("Outcomes", &self.race())?;
            return Ok(None);
        }
        let told: Vec<String> = self
            .attempts()
            .into_iter()
            .map(|(name, outcome)| match outcome {
                Ok(()) => format!("{name}:DONE"),
                Err(_) => format!("{name}:refused"),
            })
            .collect();
        context.set_variable("Outcomes", &told.join(" "))?;
        Ok(None)
    }
}

impl Prowler {
    fn attempts(&self) -> Vec<(&'static str, io::Result<()>)> {
        let (r, w, o) = (&self.readable, &self.writable, &self.outside);
        let up = Path::new("../outside/secret.txt");
        let mut attempts = vec![
            // What is allowed.
            ("allowed-read", read(&r.join("kept.txt"))),
            ("allowed-write", write(&w.join("new.txt"))),
            ("allowed-inner-link", read(&r.join("link-in"))),
            // Reading outside.
            ("read-absolute", read(&o.join("secret.txt"))),
            ("read-system", read(Path::new("/etc/passwd"))),
            ("read-up", read(&r.join(up))),
            ("read-up-from-first", read(&Path::new(FIRST_DIRECTORY).join(up))),
            ("read-up-twice", read(&r.join("deep/../../outside/secret.txt"))),
            ("read-link", read(&r.join("link-out"))),
            ("read-absolute-link", read(&r.join("link-absolute"))),
            ("read-link-to-folder", read(&w.join("folder-out/secret.txt"))),
            ("read-chain", read(&w.join("chain/secret.txt"))),
            ("list-link", fs::read_dir(w.join("folder-out")).map(drop)),
            ("list-up", fs::read_dir(r.join("..")).map(drop)),
            ("read-own-link", self.own_link("own", "../outside/secret.txt")),
            (
                "read-own-absolute-link",
                self.own_link("own2", &o.join("secret.txt").to_string_lossy()),
            ),
            ("stat-up", fs::metadata(r.join(up)).map(drop)),
            // Changing outside.
            ("write-up", write(&w.join("../outside/new.txt"))),
            ("write-link", write(&w.join("folder-out/new.txt"))),
            ("rename-up", fs::rename(w.join("new.txt"), w.join("../outside/new.txt"))),
            ("rename-from-up", fs::rename(w.join("../outside/secret.txt"), w.join("got.txt"))),
            ("remove-up", fs::remove_file(w.join("../outside/secret.txt"))),
            ("remove-link-folder", fs::remove_file(w.join("folder-out/secret.txt"))),
            ("mkdir-up", fs::create_dir(w.join("../outside/made"))),
            ("hardlink-from-up", hard_link(&w.join("../outside/secret.txt"), &w.join("got"))),
            ("hardlink-through-link", hard_link(&w.join("folder-out/secret.txt"), &w.join("got"))),
        ];
        // Changing what may only be read.
        let kept = r.join("kept.txt");
        attempts.extend([
            ("write-readable", write(&r.join("new.txt"))),
            ("append-readable", OpenOptions::new().append(true).open(&kept).map(drop)),
            ("truncate-open", OpenOptions::new().write(true).truncate(true).open(&kept).map(drop)),
            ("truncate-read", truncated_while_reading(&kept)),
            ("truncate-path", truncated(&kept)),
            ("times", times(&kept)),
            ("remove-readable", fs::remove_file(&kept)),
            ("mkdir-readable", fs::create_dir(r.join("made"))),
            ("rmdir-readable", fs::remove_dir(r.join("deep"))),
            ("rename-readable", fs::rename(&kept, r.join("other.txt"))),
            ("rename-into-writable", fs::rename(&kept, w.join("taken.txt"))),
            ("rename-into-readable", fs::rename(w.join("new.txt"), r.join("kept.txt"))),
            ("symlink-readable", sym_link("kept.txt", &r.join("linked"))),
            ("hardlink-readable", hard_link(&kept, &r.join("linked"))),
            ("hardlink-into-writable", hard_link(&kept, &w.join("linked"))),
            ("write-through-link", write(&w.join("to-readable"))),
        ]);
        attempts
    }

    /// Makes a symbolic link in the writable directory, and reads through it.
    fn own_link(&self, name: &str, target: &str) -> io::Result<()> {
        let place = self.writable.join(name);
        let _may_be_refused = sym_link(target, &place);
        read(&place)
    }

    /// Reads a path while somebody replaces a directory on it by a link.
    fn race(&self) -> String {
        let (mut inside, mut outside, mut refused) = (0, 0, 0);
        for _ in 0..self.races {
            match fs::read_to_string(self.writable.join("race/secret.txt")) {
                Ok(text) if text == "inside" => inside += 1,
                Ok(_) => outside += 1,
                Err(_) => refused += 1,
            }
        }
        format!("{inside} {outside} {refused}")
    }
}

fn read(path: &Path) -> io::Result<()> {
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text).map(drop)
}

fn write(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).open(path)?.write_all(b"changed")
}

fn truncated_while_reading(path: &Path) -> io::Result<()> {
    File::open(path)?.set_len(0)
}

fn times(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::UNIX_EPOCH)
}

fn c_text(path: &Path) -> io::Result<CString> {
    CString::new(path.to_string_lossy().into_owned()).map_err(io::Error::other)
}

fn done(answer: c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn sym_link(target: &str, place: &Path) -> io::Result<()> {
    let (target, place) = (c_text(Path::new(target))?, c_text(place)?);
    // SAFETY: both are texts that end with a zero.
    done(unsafe { symlink(target.as_ptr(), place.as_ptr()) })
}

fn hard_link(existing: &Path, place: &Path) -> io::Result<()> {
    let (existing, place) = (c_text(existing)?, c_text(place)?);
    // SAFETY: both are texts that end with a zero.
    done(unsafe { link(existing.as_ptr(), place.as_ptr()) })
}

fn truncated(path: &Path) -> io::Result<()> {
    let path = c_text(path)?;
    // SAFETY: it is a text that ends with a zero.
    done(unsafe { truncate(path.as_ptr(), 0) })
}

tureen_plugin_sdk::activity!(Prowler, handles = ["Test.ProwlerSetting"]);
