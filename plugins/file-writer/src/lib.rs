//! The file writer of the workflow format: `FileWriterSenderSetting`.
//!
//! Appends the text of every message to a file whose path may hold variables,
//! and in move mode moves the file away when it is full, when the path changes
//! and when the workflow closes (contract 5.4). Which directories there are is
//! up to the operator, who grants them to the plugin.
//!
//! # Invariants
//! - A value from a message never decides the directory of a file: a path that
//!   it would lead elsewhere is refused (contract T-11).
//! - No path and no problem that is logged shows an inserted value.

mod file;
mod path;
mod reason;
mod settings;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use file::Record;
use settings::{MoveMode, WriterSettings};
use tureen_plugin_sdk::prelude::*;

/// The file writer of one activity.
#[derive(Debug)]
struct FileWriter {
    settings: WriterSettings,
    /// In move mode, the file that is being filled.
    current: Option<CurrentFile>,
}

#[derive(Debug)]
struct CurrentFile {
    path: String,
    directory_to_move_into: String,
    records: u64,
}

impl Configure for FileWriter {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        Ok(Self { settings: WriterSettings::read(settings, placement)?, current: None })
    }
}

impl Activity for FileWriter {
    fn process(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let path = self.settings.path.expand(context)?;
        let record = self.record(message)?;
        match self.settings.move_mode.clone() {
            None => self.write(&path, &record)?,
            Some(mode) => self.write_and_move(path, &record, &mode, context)?,
        }
        Ok(None)
    }

    fn close(&mut self, context: &Context) {
        if let Err(error) = self.move_current() {
            let text = format!("the file that was being filled stays where it is: {error}");
            context.log(Level::Error, &text);
        }
    }
}

impl FileWriter {
    /// What is written for a message.
    fn record(&self, message: &Message) -> Result<Record, StepError> {
        if matches!(message.format(), Format::Binary | Format::Dicom) {
            return Ok(Record::Whole(message.bytes()));
        }
        let mut bytes = message.bytes();
        if self.settings.binary {
            // A message of this type is base64 wherever it is text.
            let decoded = STANDARD.decode(bytes.trim_ascii()).map_err(|_| {
                let found = bytes.len();
                let text = format!("expected the file as base64, found {found} bytes that are not");
                StepError::rejected("file.base64", text)
            })?;
            return Ok(Record::Whole(decoded));
        }
        if message.format() != Format::Hl7 || self.settings.records_max > 1 {
            bytes.push(b'\n');
        }
        Ok(Record::Appended { bytes, header: self.settings.header.clone() })
    }

    fn write(&self, path: &str, record: &Record) -> Result<(), StepError> {
        file::write(path, record).map_err(|error| self.problem(&error))
    }

    fn write_and_move(
        &mut self,
        path: String,
        record: &Record,
        mode: &MoveMode,
        context: &Context,
    ) -> Result<(), StepError> {
        let directory_to_move_into = mode.directory.expand(context)?;
        if self.current.as_ref().is_some_and(|current| current.path != path) {
            self.move_current()?;
        }
        self.write(&path, record)?;
        let records = self.current.as_ref().map_or(0, |current| current.records) + 1;
        self.current = Some(CurrentFile { path, directory_to_move_into, records });
        if records >= self.settings.records_max {
            // The message is in the file: a file that cannot be moved now is
            // moved with the next one, and writing it again would be wrong.
            if let Err(error) = self.move_current() {
                context.log(Level::Error, &format!("the full file could not be moved: {error}"));
            }
        }
        Ok(())
    }

    /// Moves the file that is being filled; one that is gone needs no moving.
    fn move_current(&mut self) -> Result<(), StepError> {
        let Some(current) = &self.current else { return Ok(()) };
        file::move_into(&current.path, &current.directory_to_move_into)
            .map_err(|error| self.problem(&error))?;
        self.current = None;
        Ok(())
    }

    /// What to tell of an error of the file system: the path as authored, since
    /// the real one may hold a patient's name.
    fn problem(&self, error: &std::io::Error) -> StepError {
        let problem = file::problem(error).at(self.settings.path.authored());
        match file::may_recover(error) {
            true => StepError::Retryable { problem, after: None },
            false => StepError::Failed(problem),
        }
    }
}

tureen_plugin_sdk::activity!(
    FileWriter,
    handles = ["HL7Soup.Functions.Settings.Senders.FileWriterSenderSetting"],
);

#[cfg(test)]
mod tests;
