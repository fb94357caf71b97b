//! What scripts did to single values, where the host's own rules are needed.

use super::Context;
use crate::{DateTime, Problem};

/// A way to write a text so that a format can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// HL7 escapes for the delimiters `|^~\&`. [`Message::set`](crate::Message::set)
    /// escapes by itself, for the delimiters of its message.
    Hl7,
    /// The inside of a JSON string.
    Json,
    /// Character data and attributes of XML.
    Xml,
    /// A CSV field, in quotes where it needs them.
    Csv,
    /// Base64 of the text's UTF-8.
    Base64,
}

impl Encoding {
    fn encoder(self) -> &'static str {
        match self {
            Self::Hl7 => "HL7Encode",
            Self::Json => "JSONEncode",
            Self::Xml => "XMLEncode",
            Self::Csv => "CSVEncode",
            Self::Base64 => "Base64Encode",
        }
    }

    fn decoder(self) -> &'static str {
        match self {
            Self::Hl7 => "HL7Decode",
            Self::Json => "JSONDecode",
            Self::Xml => "XMLDecode",
            Self::Csv => "CSVDecode",
            Self::Base64 => "Base64Decode",
        }
    }
}

impl Context {
    /// Writes a text so that a format can hold it.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let outcome = TestRun::new().transform_with(|context, _| {
    ///     let encoded = context.encode(Encoding::Xml, "a < b")?;
    ///     context.set_variable("Encoded", &encoded)?;
    ///     context.set_variable("Decoded", &context.decode(Encoding::Xml, &encoded)?)?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(outcome.variable("Encoded"), Some("a &lt; b"));
    /// assert_eq!(outcome.variable("Decoded"), Some("a < b"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `limit.formatted-bytes`: it would become too long.
    pub fn encode(&self, encoding: Encoding, text: &str) -> Result<String, Problem> {
        self.formatted(text, "Encoding", encoding.encoder())
    }

    /// Reads what was written by [`Context::encode`], or by anybody else for that
    /// format. Escapes that are none stay as they are.
    ///
    /// # Errors
    /// `formatting.value`: it is not base64 of UTF-8.
    pub fn decode(&self, encoding: Encoding, text: &str) -> Result<String, Problem> {
        self.formatted(text, "Encoding", encoding.decoder())
    }

    /// The first letter of every word capital, the others small: `SMITH-JONES`
    /// becomes `Smith-Jones`.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let pid = b"MSH|^~\\&|A\rPID|1||||MCDONALD^ANN-MARIE\r";
    /// let outcome = TestRun::new().message(Format::Hl7, pid).transform_with(|context, message| {
    ///     let family = context.mc_name_case(&message.text("PID-5.1")?)?;
    ///     let given = context.title_case(&message.text("PID-5.2")?)?;
    ///     message.set("PID-5.1", &family)?;
    ///     message.set("PID-5.2", &given)?;
    ///     Ok(())
    /// })?;
    /// assert!(outcome.text().ends_with("|McDonald^Ann-Marie\r"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// None with this host; it may refuse what is too long.
    pub fn title_case(&self, text: &str) -> Result<String, Problem> {
        self.formatted(text, "TextFormat", "TitleCase")
    }

    /// Title case, and a capital after a leading `Mc` and after a one-letter
    /// prefix with an apostrophe: `McDonald`, `O'Brien`.
    ///
    /// # Errors
    /// As [`Context::title_case`].
    pub fn mc_name_case(&self, text: &str) -> Result<String, Problem> {
        self.formatted(text, "TextFormat", "McNameCase")
    }

    /// Writes a date-time by a .NET date format, culture-invariant. A value that
    /// is no date-time stays as it is; so ask [`DateTime::parse`] where that
    /// matters.
    ///
    /// ```
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let outcome = TestRun::new().transform_with(|context, _| {
    ///     let born = context.format_date("19700102", "d MMMM yyyy")?;
    ///     Ok(context.set_variable("Born", &born)?)
    /// })?;
    /// assert_eq!(outcome.variable("Born"), Some("2 January 1970"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `format.date`: the format is none.
    pub fn format_date(&self, value: &str, format: &str) -> Result<String, Problem> {
        self.formatted(value, "Format", format)
    }

    /// The time now, in the zone of the host.
    ///
    /// ```
    /// # use tureen_plugin_sdk::Precision;
    /// # use tureen_plugin_sdk::prelude::*;
    /// # use tureen_plugin_sdk::testkit::{Failure, TestRun};
    /// # fn main() -> Result<(), Failure> {
    /// let outcome = TestRun::new().message(Format::Hl7, b"MSH|^~\\&|A\rEVN|A01\r").transform_with(
    ///     |context, message| {
    ///         let now = context.now()?.at_precision(Precision::Second);
    ///         Ok(message.set("EVN-2", &now.to_string())?)
    ///     },
    /// )?;
    /// assert!(outcome.text().ends_with("EVN|A01|20260102030405+0000\r"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// None with this host: its clock always tells.
    pub fn now(&self) -> Result<DateTime, Problem> {
        let now = self.expand("${CurrentDateTime:yyyyMMddHHmmss.fffzzz}")?;
        DateTime::parse(&now).ok_or_else(|| {
            Problem::new("clock.format", "the host told the time in a form that is not known")
        })
    }

    fn formatted(&self, value: &str, property: &str, how: &str) -> Result<String, Problem> {
        self.format(value, &[(property.to_owned(), how.to_owned())])
    }
}
