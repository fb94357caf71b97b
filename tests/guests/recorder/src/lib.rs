//! An activity that writes down every call of its life, with what it remembers
//! of the messages before, and does what it is told to: fails, traps, waits.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tureen_plugin_sdk::FIRST_DIRECTORY;
use tureen_plugin_sdk::prelude::*;

struct Recorder {
    name: String,
    /// The control id of the message that fails, and so on.
    fail_on: String,
    trap_on: String,
    wait_on: String,
    trap_in_hook: bool,
    processed: u32,
    /// Message id to control id, of those that nobody told the end of.
    open: BTreeMap<String, String>,
}

impl Configure for Recorder {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let text = |name: &str| settings.text(name).map(Option::unwrap_or_default);
        Ok(Self {
            name: text("Name")?,
            fail_on: text("FailOn")?,
            trap_on: text("TrapOn")?,
            wait_on: text("WaitOn")?,
            trap_in_hook: settings.flag("TrapInHook")?.unwrap_or(false),
            processed: 0,
            open: BTreeMap::new(),
        })
    }
}

impl Recorder {
    fn write(&self, line: &str) {
        let file = Path::new(FIRST_DIRECTORY).join("calls.txt");
        let file = OpenOptions::new().create(true).append(true).open(file);
        let line = format!("{} {line}\n", self.name);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the file is granted");
    }

    fn told(&mut self, what: &str, context: &Context) {
        let id = self.open.remove(&context.message_id());
        self.write(&format!("{what} {}", id.as_deref().unwrap_or("(not mine)")));
        assert!(!self.trap_in_hook, "it is told to trap");
    }
}

impl Activity for Recorder {
    fn open(&mut self, _context: &Context) -> Result<(), Problem> {
        self.write("open");
        Ok(())
    }

    fn process(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let id = message.text("MSH-10")?;
        self.processed += 1;
        self.write(&format!("process {id} as number {}", self.processed));
        assert!(id != self.trap_on, "it is told to trap");
        if id == self.fail_on {
            return Err(StepError::failed("recorder.told", "it is told to fail"));
        }
        if id == self.wait_on {
            loop {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.open.insert(context.message_id(), id);
        Ok(None)
    }

    fn all_succeeded(&mut self, context: &Context) {
        self.told("all-succeeded", context);
    }

    fn roll_back(&mut self, context: &Context) {
        self.told("roll-back", context);
    }

    fn cancel(&mut self, context: &Context) {
        self.told("cancel", context);
    }

    fn close(&mut self, _context: &Context) {
        self.write(&format!("close with {} open", self.open.len()));
    }
}

tureen_plugin_sdk::activity!(Recorder, handles = ["Test.RecorderSetting"]);
