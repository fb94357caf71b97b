//! DICOM messages: files (PS3.10) that keep their bytes and read as JSON.
//!
//! Stage: received bytes → **DICOM message** → reads by JSON path → the same
//! bytes. Knows: files, data sets, which JSON stands for them. Deliberately does
//! not know: pixels, compression, the network protocol; JSON paths.
//!
//! The format of workflows tells of three nodes, and which options leave them
//! out; it does not tell what is in them. Here they are:
//!
//! ```json
//! { "CommonFields": { "PatientID": "4711", "PatientName": "Doe^John" },
//!   "Report": { "Title": "…", "CompletionFlag": "COMPLETE",
//!               "VerificationFlag": "VERIFIED", "Text": "Finding: …",
//!               "Content": [ { "Level": 1, "Relationship": "CONTAINS",
//!                              "ValueType": "NUM", "Name": "Length",
//!                              "Value": "12.5", "Units": "mm" } ] },
//!   "Tags": { "00100020": { "vr": "LO", "Value": ["4711"] } } }
//! ```
//!
//! - `CommonFields`: each attribute of the file meta information and of the data
//!   set itself that has a keyword, as one text: several values with `\`
//!   between them, dates and names as they stand.
//! - `Report`: only for structured reports (`report`).
//! - `Tags`: the DICOM JSON model (`tags`), sequences included. Bulk data is not
//!   shown; `BulkLength` tells how many bytes it has.
//!
//! # Invariants
//! - The bytes never change but as a whole: a message is read, not edited. Its
//!   attributes depend on one another and on its UIDs.
//! - Parsing checks the structure to the last byte and builds nothing; the JSON
//!   is made when it is first asked for, once.

mod characters;
mod common;
mod dictionary;
mod file;
mod report;
mod scan;
mod tags;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use self::common::CommonFields;
use self::file::Layout;
use self::report::Report;
use self::scan::{Event, Scanner};
use self::tags::Tags;
use crate::json::{Json, JsonPath};
use crate::text::refuse_bytes;
use crate::{Limits, Problem, Value};

/// JSON levels that one nested sequence takes in `Tags`: element, values, item.
const LEVELS_OF_SEQUENCE: usize = 3;
/// Those around the outermost element's values.
const LEVELS_AROUND: usize = 8;

/// Which nodes the JSON has (`DicomMessageTypeOptions`). All by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DicomOptions {
    /// `IncludeCommonFieldsNode`.
    pub common_fields: bool,
    /// `IncludeReportNode`.
    pub report: bool,
    /// `IncludeTagsNode`.
    pub tags: bool,
}

impl Default for DicomOptions {
    fn default() -> Self {
        Self { common_fields: true, report: true, tags: true }
    }
}

/// One DICOM file. A copy shares the bytes and the JSON.
#[derive(Clone)]
pub struct Dicom {
    file: Arc<File>,
    options: DicomOptions,
    json: Arc<OnceLock<Json>>,
}

struct File {
    bytes: Vec<u8>,
    layout: Layout,
    limits: Limits,
}

impl Dicom {
    /// Checks the structure of a file and takes its bytes over as they are.
    ///
    /// A preamble may be missing. A data set without file meta information is
    /// refused: its encoding could only be guessed.
    ///
    /// # Errors
    /// `limit.message-bytes`, `limit.elements`, `limit.shown-bytes`,
    /// `limit.depth`, `dicom.header`, `dicom.transfer-syntax`, `dicom.element`,
    /// `dicom.length`, with the byte. The sender is at fault.
    pub fn parse(bytes: Vec<u8>, options: DicomOptions, limits: &Limits) -> Result<Self, Problem> {
        refuse_bytes(bytes.len(), limits)?;
        let layout = Layout::read(&bytes, limits)?;
        let file = File { bytes, layout, limits: limits.clone() };
        let mut scanner = file.data_set();
        while scanner.next()?.is_some() {}
        Ok(Self { file: Arc::new(file), options, json: Arc::default() })
    }

    /// The same file, shown with other nodes.
    #[must_use]
    pub fn shown_with(&self, options: DicomOptions) -> Self {
        if options == self.options {
            return self.clone();
        }
        Self { file: Arc::clone(&self.file), options, json: Arc::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.file.limits
    }

    pub(crate) fn options(&self) -> DicomOptions {
        self.options
    }

    /// The file as it was received.
    pub fn bytes(&self) -> &[u8] {
        &self.file.bytes
    }

    /// The file, without a copy when nobody else has it.
    pub fn into_bytes(self) -> Vec<u8> {
        match Arc::try_unwrap(self.file) {
            Ok(file) => file.bytes,
            Err(shared) => shared.bytes.clone(),
        }
    }

    /// The JSON, as text.
    pub fn whole_text(&self) -> Cow<'_, str> {
        self.json().whole_text()
    }

    /// What stands at a place of the JSON.
    pub fn get(&self, path: &JsonPath) -> Value<'_> {
        self.json().get(path)
    }

    /// As [`Json::text`].
    pub fn text(&self, path: &JsonPath) -> Cow<'_, str> {
        self.json().text(path)
    }

    /// As [`Json::structure`].
    pub fn structure(&self, path: &JsonPath) -> Option<Cow<'_, str>> {
        self.json().structure(path)
    }

    /// As [`Json::count`].
    pub fn count(&self, path: &JsonPath) -> usize {
        self.json().count(path)
    }

    /// As [`Json::find`].
    pub fn find(&self, pattern: &JsonPath) -> Vec<String> {
        self.json().find(pattern)
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn set(&mut self, _: &JsonPath, _: &str) -> Result<(), Problem> {
        Err(read_only())
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn set_null(&mut self, _: &JsonPath) -> Result<(), Problem> {
        Err(read_only())
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn set_structure(&mut self, _: &JsonPath, _: &str) -> Result<(), Problem> {
        Err(read_only())
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn append(&mut self, _: &str) -> Result<(), Problem> {
        Err(read_only())
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn insert(&mut self, _: &JsonPath, _: &str) -> Result<(), Problem> {
        Err(read_only())
    }

    /// Always refused.
    ///
    /// # Errors
    /// `edit.read-only`.
    pub fn remove(&mut self, _: &JsonPath) -> Result<usize, Problem> {
        Err(read_only())
    }

    /// Breaches of the standard that could be read all the same:
    /// `dicom.order`, elements that are repeated or not in the order of their
    /// tags (of repeated ones the last counts); `dicom.character-set`, one that
    /// the standard does not define (read as UTF-8).
    pub fn check(&self) -> Vec<Problem> {
        let mut scanner = self.file.data_set();
        while let Ok(Some(_)) = scanner.next() {}
        let order = scanner.oddities.order.map(|(tag, offset)| {
            let text = "an element does not come after the one before it in the order of tags";
            Problem::new("dicom.order", text).at(scan::place(tag)).at_offset(offset)
        });
        let characters = scanner.oddities.characters.map(|offset| {
            let text = "the character set is not one of the standard's; text is read as UTF-8";
            Problem::new("dicom.character-set", text).at("element (0008,0005)").at_offset(offset)
        });
        order.into_iter().chain(characters).collect()
    }

    fn json(&self) -> &Json {
        self.json.get_or_init(|| self.file.json(self.options))
    }
}

impl fmt::Debug for Dicom {
    /// Format and length alone: content may be patient data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Dicom({} bytes)", self.file.bytes.len())
    }
}

impl File {
    fn data_set(&self) -> Scanner<'_> {
        let Layout { data_set, encoding, .. } = self.layout;
        Scanner::of_data_set(&self.bytes, data_set, encoding, &self.limits)
    }

    fn json(&self, options: DicomOptions) -> Json {
        let mut nodes = Vec::new();
        if options.common_fields {
            nodes.push(format!("\"CommonFields\":{}", self.common_fields()));
        }
        if options.report
            && let Some(report) = self.report()
        {
            nodes.push(format!("\"Report\":{report}"));
        }
        if options.tags {
            nodes.push(format!("\"Tags\":{}", self.tags()));
        }
        let text = format!("{{{}}}", nodes.join(","));
        drop(nodes);
        // Its size is bounded by the file's limits, and is not the sender's doing.
        let limits = Limits {
            message_bytes: usize::MAX,
            depth: self
                .limits
                .depth
                .saturating_mul(LEVELS_OF_SEQUENCE)
                .saturating_add(LEVELS_AROUND),
            ..self.limits.clone()
        };
        Json::parse(text.into_bytes(), &limits).unwrap_or_else(|problem| {
            debug_assert!(false, "what was written is no JSON: {problem}");
            Json::empty(&limits)
        })
    }

    fn common_fields(&self) -> String {
        let mut fields = CommonFields::new();
        let mut meta = Scanner::of_meta(&self.bytes, self.layout.meta, &self.limits);
        // Both were scanned to their end before: there are no errors.
        while let Ok(Some(event)) = meta.next() {
            if let Event::Element(element) = event {
                fields.take(&element);
            }
        }
        let mut scanner = self.data_set();
        while let Ok(Some(event)) = scanner.next() {
            if let Event::Element(element) = event
                && scanner.depth() == 0
            {
                fields.take(&element);
            }
        }
        fields.finish()
    }

    fn report(&self) -> Option<String> {
        let mut report = Report::new();
        let mut scanner = self.data_set();
        while let Ok(Some(event)) = scanner.next() {
            report.take(&event);
        }
        report.finish()
    }

    fn tags(&self) -> String {
        let mut tags = Tags::new();
        let mut scanner = self.data_set();
        while let Ok(Some(event)) = scanner.next() {
            tags.take(&event);
        }
        tags.finish()
    }
}

fn read_only() -> Problem {
    Problem::new(
        "edit.read-only",
        "a DICOM message is passed on as it is: map what is needed into a message of another type",
    )
}
