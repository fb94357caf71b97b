//! How the text of a CSV message is divided (contract 8.2).

use crate::Problem;

/// The options of CSV messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between fields: one ASCII byte that is no quote, CR or LF. Default `,`.
    pub delimiter: u8,
    /// Whether the first row names the columns. Default false.
    ///
    /// Where `header` is given, a first row with other names (but for case and
    /// blanks) is no header: the message is a record that was taken from a file or
    /// goes into one.
    pub has_header: bool,
    /// A row of column names, for messages that do not bring one. Default none.
    pub header: String,
    /// Whether the last row is no record. Default false. The only row of a message
    /// without header is a record all the same.
    pub has_footer: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',', has_header: false, header: String::new(), has_footer: false }
    }
}

impl CsvOptions {
    /// The options of a workflow's `Delimiter`: one ASCII character, `\t`
    /// written out for the tabulator, or nothing for the comma.
    ///
    /// # Errors
    /// `options.delimiter`: the fault of the workflow's author.
    pub fn from_delimiter(text: &str) -> Result<Self, Problem> {
        let delimiter = match text.as_bytes() {
            [] => b',',
            b"\\t" => b'\t',
            [delimiter] => *delimiter,
            _ => return Err(delimiter_problem()),
        };
        let options = Self { delimiter, ..Self::default() };
        options.check()?;
        Ok(options)
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.delimiter.is_ascii() && !matches!(self.delimiter, b'"' | b'\r' | b'\n') {
            return Ok(());
        }
        Err(delimiter_problem())
    }
}

fn delimiter_problem() -> Problem {
    Problem::new(
        "options.delimiter",
        "the CSV delimiter must be one ASCII character and no double quote, CR or LF",
    )
}
