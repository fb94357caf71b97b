//! What the command line gives: the message, the settings, what is expected.

use std::borrow::Cow;
use std::path::Path;

use anyhow::Context;
use tureen_message::charset::{self, Undecodable};
use tureen_message::{Format, Message};
use tureen_sandbox::Kind;

use super::Test;
use super::candidate::Candidate;
use crate::cli::input;
use crate::cli::test::Looks;
use crate::workflow::document::{DEPTH_MAX, Document};

/// The names of message types.
pub(super) const TYPES: [&str; 7] = ["hl7", "json", "xml", "csv", "text", "binary", "dicom"];

/// Bytes of a settings file.
const SETTINGS_BYTES_MAX: usize = 16 << 20;

/// Bytes of what is expected: as many as a plugin may make of a message, and more.
const EXPECTED_BYTES_MAX: usize = 256 << 20;

/// Everything that was given, read.
pub(super) struct Given {
    pub(super) message: Message,
    pub(super) settings: SettingsFile,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) expected: Option<Expected>,
}

/// The settings, and where their places are.
pub(super) struct SettingsFile {
    pub(super) name: String,
    /// `None`: no file was given.
    document: Option<Document>,
}

/// What is to come of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Pass,
    Stop,
    /// Of an activity, empty: no response.
    Bytes(Vec<u8>),
}

impl Given {
    pub(super) fn read(test: &Test, candidate: &Candidate) -> anyhow::Result<Self> {
        let kind = candidate.installed.plugin.kind;
        if kind != Kind::Transformer && !test.parameters.is_empty() {
            anyhow::bail!(
                "only a transformer has parameters, {} is of kind {}\n  help: give its settings with --settings FILE",
                candidate.installed.plugin.name,
                kind.name()
            );
        }
        if kind != Kind::Transformer && test.role.is_some() {
            anyhow::bail!("--role is for transformers; a {} has one use only", kind.name());
        }
        refuse_repeated(&test.parameters)?;
        let expected = test.expect.as_deref().map(|file| Expected::read(file, kind)).transpose()?;
        Ok(Self {
            message: message(test, candidate)?,
            settings: SettingsFile::read(test.settings.as_deref())?,
            parameters: test.parameters.clone(),
            variables: test.variables.clone(),
            expected,
        })
    }
}

/// A plugin would get one of the two values, and nobody could see which. Names of parameters
/// are told apart as plugins ask for them, whatever their case.
fn refuse_repeated(parameters: &[(String, String)]) -> anyhow::Result<()> {
    for (at, (name, _)) in parameters.iter().enumerate() {
        if parameters.iter().take(at).any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            anyhow::bail!("--parameter gives {name} twice\n  help: give each parameter once");
        }
    }
    Ok(())
}

fn message(test: &Test, candidate: &Candidate) -> anyhow::Result<Message> {
    let file = test.message.as_path();
    let bytes_max = candidate.settings.parse.limits.message_bytes;
    let bytes = input::read(file, "the message", bytes_max)?;
    let format = match &test.message_type {
        Some(name) => Format::from_name(name).context("no such message type")?,
        None => format_of(file, &bytes),
    };
    let unreadable = |problem: tureen_message::Problem| {
        anyhow::anyhow!(
            "the message {} cannot be read as {}: {problem}\n  help: --type names another type",
            file.display(),
            format.name()
        )
    };
    // As a receiver does.
    let undecodable =
        if format == Format::Hl7 { Undecodable::Replace } else { Undecodable::Refuse };
    let decoded = charset::decode(format, bytes, None, undecodable).map_err(unreadable)?;
    Message::parse(format, decoded.bytes, &candidate.settings.parse).map_err(unreadable)
}

pub(super) fn format_of(file: &Path, bytes: &[u8]) -> Format {
    let ending = file.extension().map(|it| it.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("hl7" | "er7") => Format::Hl7,
        Some("json") => Format::Json,
        Some("xml") => Format::Xml,
        Some("csv") => Format::Csv,
        Some("txt") => Format::Text,
        Some("dcm") => Format::Dicom,
        _ => match Looks::of(bytes) {
            Looks::Hl7 => Format::Hl7,
            Looks::Json => Format::Json,
            Looks::Xml => Format::Xml,
            Looks::Text => Format::Text,
            Looks::Binary => Format::Binary,
        },
    }
}

impl SettingsFile {
    pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return Ok(Self { name: "settings".to_owned(), document: None });
        };
        let name = file.display().to_string();
        let bytes = input::read(file, "the settings", SETTINGS_BYTES_MAX)?;
        if bytes.trim_ascii().is_empty() {
            anyhow::bail!(
                "the settings {name} are empty: the settings of a step are one JSON object\n  help: a step without settings has {{}}; or leave --settings out"
            );
        }
        let document = Document::parse(bytes, DEPTH_MAX).map_err(|wrong| {
            anyhow::anyhow!("the settings are no JSON\n{}", wrong.in_file(file))
        })?;
        if !document.root().normalised().is_object() {
            anyhow::bail!(
                "{name}: the settings of a step are one JSON object, found {}",
                document.root().shape()
            );
        }
        Ok(Self { name, document: Some(document) })
    }

    pub(super) fn is_given(&self) -> bool {
        self.document.is_some()
    }

    /// As a workflow hands them over: duplicates resolved, no nulls.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match &self.document {
            Some(document) => Cow::Owned(document.root().to_json()),
            None => Cow::Borrowed("{}"),
        }
    }

    /// Where a JSON pointer leads.
    pub(super) fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }
}

impl Expected {
    fn read(file: &Path, kind: Kind) -> anyhow::Result<Self> {
        let bytes = input::read(file, "what is expected,", EXPECTED_BYTES_MAX)?;
        if kind != Kind::Filter {
            return Ok(Self::Bytes(bytes));
        }
        match bytes.trim_ascii() {
            b"pass" => Ok(Self::Pass),
            b"stop" => Ok(Self::Stop),
            _ => anyhow::bail!("{}: of a filter the word pass or stop is expected", file.display()),
        }
    }
}
