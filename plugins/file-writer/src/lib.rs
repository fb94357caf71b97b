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
//! - A file that cannot be moved fails no message: it is told, and tried again.

mod file;
mod path;
mod reason;
mod settings;
mod waiting;

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use file::{Record, Unmoved, Written};
use settings::{MoveMode, WriterSettings};
use tureen_plugin_sdk::prelude::*;
use waiting::{FilledFile, Waiting};

/// The file writer of one activity.
#[derive(Debug)]
struct FileWriter {
    settings: WriterSettings,
    /// In move mode, the file that is being filled.
    current: Option<FilledFile>,
    /// In move mode, other files that could not be moved yet.
    waiting: Waiting,
}

impl Configure for FileWriter {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let settings = WriterSettings::read(settings, placement)?;
        Ok(Self { settings, current: None, waiting: Waiting::default() })
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
            None => self.write(&path, &record, context)?,
            Some(mode) => self.write_and_move(path, &record, &mode, context)?,
        }
        Ok(None)
    }

    fn close(&mut self, context: &Context) {
        let Some(mode) = self.settings.move_mode.clone() else { return };
        let mut files = self.waiting.take_all();
        files.extend(self.current.take());
        for file in files {
            if let Err(problem) = self.moved(&file, &mode) {
                let text =
                    format!("a file stays where it is, and has to be moved by hand: {problem}");
                context.log(Level::Error, &text);
            }
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

    fn write(&self, path: &str, record: &Record, context: &Context) -> Result<(), StepError> {
        let written = file::write(path, record).map_err(|error| self.problem(&error))?;
        if written == Written::PerhapsDivided {
            let text = format!(
                "somebody else appended to the file at the same time, perhaps in the middle of \
                 this message: only records of at most {} bytes stay whole in a file that several \
                 activities write, name another one in {} (at {})",
                file::WHOLE_BYTES_MAX,
                self.settings.path.setting(),
                self.settings.path.authored()
            );
            context.log(Level::Warn, &text);
        }
        Ok(())
    }

    fn write_and_move(
        &mut self,
        path: String,
        record: &Record,
        mode: &MoveMode,
        context: &Context,
    ) -> Result<(), StepError> {
        let into = mode.directory.expand(context)?;
        path::check_move((&self.settings.path, &path), (&mode.directory, &into))?;
        if let Some(other) = self.current.take_if(|current| current.path != path) {
            self.move_or_keep(other, mode, context);
        }
        self.write(&path, record, context)?;
        let before = self.current.take().or_else(|| self.waiting.take(&path));
        let records = before.map_or(0, |before| before.records) + 1;
        let file = FilledFile { path, directory_to_move_into: into, records };
        self.current = self.unless_full(file, mode, context);
        for file in self.waiting.take_due(Instant::now()) {
            self.move_or_keep(file, mode, context);
        }
        Ok(())
    }

    /// The file, unless it is full and was moved. The message is in it: where it
    /// cannot be moved now it is with the next one, and writing that message again
    /// would be wrong.
    fn unless_full(
        &self,
        file: FilledFile,
        mode: &MoveMode,
        context: &Context,
    ) -> Option<FilledFile> {
        if file.records < self.settings.records_max {
            return Some(file);
        }
        let problem = self.moved(&file, mode).err()?;
        let text =
            format!("the full file is filled on, and moved with its next message: {problem}");
        context.log(Level::Warn, &text);
        Some(file)
    }

    /// Moves a file that is not filled any more; one that cannot be moved waits.
    fn move_or_keep(&mut self, file: FilledFile, mode: &MoveMode, context: &Context) {
        let Err(problem) = self.moved(&file, mode) else { return };
        let text = format!(
            "a file could not be moved, and is tried again in {} seconds and when the workflow \
             ends: {problem}",
            waiting::TRIED_AGAIN_AFTER.as_secs()
        );
        context.log(Level::Warn, &text);
        if self.waiting.keep(file, Instant::now()).is_some() {
            let text = format!(
                "more than {} files wait to be moved: the oldest one stays where it is, and has to \
                 be moved by hand",
                waiting::FILES_MAX
            );
            context.log(Level::Error, &text);
        }
    }

    /// Moves a file; one that is gone needs no moving.
    fn moved(&self, file: &FilledFile, mode: &MoveMode) -> Result<(), Problem> {
        file::move_into(&file.path, &file.directory_to_move_into).map_err(|unmoved| {
            let template = match unmoved {
                Unmoved::File(_) => &self.settings.path,
                Unmoved::Directory(_) | Unmoved::NoName => &mode.directory,
            };
            let mut problem = file::move_problem(&unmoved).at(template.authored());
            problem.text = format!("{}: {}", template.setting(), problem.text);
            problem
        })
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
