//! The settings of a file writer.

use crate::path::PathTemplate;
use tureen_plugin_sdk::{Choice, Findings, Placement, Settings};

/// The records of a file before it is moved, when the settings do not say.
const RECORDS_MAX: i64 = 5000;

/// The message types that are not text; the others are appended.
const BINARY_TYPES: [Choice<()>; 2] = [(14, "Binary", ()), (16, "DICOM", ())];

/// What a workflow says of a file writer.
#[derive(Debug)]
pub(crate) struct WriterSettings {
    pub(crate) path: PathTemplate,
    /// At least 1.
    pub(crate) records_max: u64,
    pub(crate) move_mode: Option<MoveMode>,
    /// The first line of a new file; may be empty.
    pub(crate) header: String,
    /// Whether a text message is base64 of what is written.
    pub(crate) binary: bool,
}

/// Files are moved away when they are full.
#[derive(Clone, Debug)]
pub(crate) struct MoveMode {
    pub(crate) directory: PathTemplate,
}

impl WriterSettings {
    pub(crate) fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let path = findings.keep(PathTemplate::read(settings, "FilePathToWrite"));
        let moves = findings.keep(settings.flag("MoveIntoDirectoryOnComplete")).flatten();
        let move_mode = if moves == Some(true) {
            let directory = findings.keep(PathTemplate::read(settings, "DirectoryToMoveInto"));
            directory.map(|directory| MoveMode { directory })
        } else {
            None
        };
        let records = findings.keep(settings.number("MaxRecordsPerFile")).flatten();
        let records = records.unwrap_or(RECORDS_MAX);
        if records < 1 && move_mode.is_some() {
            let text =
                format!("expected at least 1 record before a file is moved, found {records}");
            findings.push(settings.error("MaxRecordsPerFile", "file.records", text));
        }
        let options = findings.keep(settings.object("MessageTypeOptions")).flatten();
        let header = options.and_then(|options| findings.keep(options.text("Header")).flatten());
        let binary = matches!(settings.choice("MessageType", &BINARY_TYPES), Ok(Some(())));
        warn(settings, placement, move_mode.is_some(), binary, records);
        let Some(path) = path else { return Err(findings) };
        findings.or(Self {
            path,
            records_max: u64::try_from(records).unwrap_or(1).max(1),
            move_mode,
            header: header.unwrap_or_default(),
            binary,
        })
    }
}

/// What works as the format says and is probably not meant (contract T-50).
fn warn(settings: &Settings, placement: &Placement, moves: bool, binary: bool, records: i64) {
    const NAME: &str = "MaxRecordsPerFile";
    let warn = |text: &str| placement.warn(settings.problem(NAME, "file.records", text));
    if binary && moves && records > 1 {
        warn("every binary message replaces the file: of so many only the last one is moved");
    }
    // 1 keeps HL7 messages without a line end behind them, and the default is everywhere.
    if !moves && settings.has(NAME) && records != RECORDS_MAX && records != 1 {
        warn("it has no effect on when a file is full: MoveIntoDirectoryOnComplete is not true");
    }
}
