//! `MessageType` and `MessageTypeOptions` (contract 2.1, 8.2).

use tureen_message::Format;
use tureen_message::csv::CsvOptions;
use tureen_message::dicom::DicomOptions;

use super::classes::class_name;
use super::fields::{Fields, Names};
use super::findings::Headline as _;
use crate::diagnostics::{codes, quoted};
use crate::workflow::document::Node;

const MESSAGE_TYPES: Names = &[
    (1, "HL7"),
    (4, "XML"),
    (5, "CSV"),
    (11, "JSON"),
    (13, "Text"),
    (14, "Binary"),
    (16, "DICOM"),
    (0, "Unknown"),
    (1, "HL7V2"),
    (2, "HL7V3"),
    (3, "FHIR"),
    (6, "SQL"),
    (7, "TextWithVariables"),
    (8, "HL7V2Path"),
    (9, "XPath"),
    (10, "CSVPath"),
    (12, "JSONPath"),
    (15, "MessageStructure"),
];

/// What a diagnostic lists as expected.
const SUPPORTED: &str = "1 HL7, 4 XML, 5 CSV, 11 JSON, 13 Text, 14 Binary or 16 DICOM";

/// The format of a setting's messages. A type that this version does not have
/// is told and taken as HL7, so that loading can go on without further findings.
pub(super) fn message_type(fields: &Fields<'_>, default: i64) -> Format {
    let number = match fields.find("MessageType") {
        None => default,
        // A value that is none of the enum's was told.
        Some(_) => match fields.choice("MessageType", MESSAGE_TYPES) {
            Some(number) => number,
            None => return Format::Hl7,
        },
    };
    match number {
        1 => Format::Hl7,
        4 => Format::Xml,
        5 => Format::Csv,
        11 => Format::Json,
        13 => Format::Text,
        14 => Format::Binary,
        16 => Format::Dicom,
        // The text of a query: shown as it would be asked.
        6 if fields.findings().purpose().takes_any_receiver() => Format::Text,
        other => {
            tell_unsupported(fields, other);
            Format::Hl7
        }
    }
}

fn tell_unsupported(fields: &Fields<'_>, number: i64) {
    let name =
        MESSAGE_TYPES.iter().find(|(value, _)| *value == number).map_or("", |(_, name)| name);
    let (message, help) = match number {
        8 => ("MessageType names a path language, not a kind of message", "HL7 messages are 1"),
        9 => ("MessageType names a path language, not a kind of message", "XML messages are 4"),
        10 => ("MessageType names a path language, not a kind of message", "CSV messages are 5"),
        12 => ("MessageType names a path language, not a kind of message", "JSON messages are 11"),
        7 => ("MessageType names a path language, not a kind of message", "text messages are 13"),
        0 | 15 => ("MessageType names no kind of message", "HL7 messages are 1"),
        _ => (
            "messages of this MessageType are not available in this version",
            "disable the setting, or let it carry the message as 13 Text or 14 Binary",
        ),
    };
    fields.findings().tell(
        codes::MESSAGE_TYPE_UNSUPPORTED,
        &fields.pointer_to("MessageType"),
        |diagnostic| {
            diagnostic
                .saying(message)
                .expected(SUPPORTED)
                .found(format!("{number} {name}"))
                .help(help)
        },
    );
}

/// What `MessageTypeOptions` says, as far as it belongs to the message type;
/// defaults for any other.
#[derive(Default)]
pub(super) struct TypeOptions {
    pub(super) csv: CsvOptions,
    pub(super) dicom: DicomOptions,
}

/// Reads the options of a setting's message type.
pub(super) fn type_options(fields: &Fields<'_>, format: Format) -> TypeOptions {
    let mut options = TypeOptions::default();
    let Some(found) = fields.find("MessageTypeOptions") else { return options };
    let Some(of_type) = fields.object("MessageTypeOptions", found) else { return options };
    if !options_match(&of_type, format) {
        return options;
    }
    match format {
        Format::Csv => options.csv = csv_options(&of_type),
        Format::Dicom => options.dicom = dicom_options(&of_type),
        Format::Hl7 | Format::Json | Format::Xml | Format::Text | Format::Binary => {}
    }
    options
}

/// Which nodes the JSON of DICOM messages has.
fn dicom_options(of_type: &Fields<'_>) -> DicomOptions {
    let default = DicomOptions::default();
    DicomOptions {
        common_fields: of_type.flag("IncludeCommonFieldsNode", default.common_fields),
        report: of_type.flag("IncludeReportNode", default.report),
        tags: of_type.flag("IncludeTagsNode", default.tags),
    }
}

fn csv_options(of_type: &Fields<'_>) -> CsvOptions {
    let mut options = CsvOptions {
        has_header: of_type.flag("HasHeader", false),
        has_footer: of_type.flag("HasFooter", false),
        header: of_type.text("Header").unwrap_or_default(),
        ..CsvOptions::default()
    };
    let delimiter = of_type.text("Delimiter").unwrap_or_default();
    match CsvOptions::from_delimiter(&delimiter) {
        Ok(CsvOptions { delimiter, .. }) if delimiter != 0 => options.delimiter = delimiter,
        _ => of_type.findings().tell(
            codes::DELIMITER,
            &of_type.pointer_to("Delimiter"),
            |diagnostic| {
                diagnostic
                    .saying("the delimiter of CSV messages cannot be used")
                    .expected("one ASCII character that is not a quote or a line end")
                    .found(format!("{} ({} bytes)", quoted(&delimiter), delimiter.len()))
            },
        ),
    }
    options
}

/// Whether the options are those of the message type; others have no effect.
fn options_match(options: &Fields<'_>, format: Format) -> bool {
    let Some(text) = options.node.get("$type").and_then(Node::as_text) else { return true };
    let class = class_name(text);
    let matching = match format {
        Format::Csv => class.ends_with("CSVMessageTypeOption"),
        Format::Text => class.ends_with("TextMessageTypeOption"),
        Format::Dicom => class.ends_with("DicomMessageTypeOptions"),
        Format::Hl7 | Format::Json | Format::Xml | Format::Binary => false,
    };
    if !matching {
        options.findings().tell(codes::OPTIONS_OF_OTHER_TYPE, &options.pointer, |diagnostic| {
            diagnostic
                .saying("MessageTypeOptions belong to another MessageType: they have no effect")
                .found(format!("{} beside {}", quoted(class), format.name()))
        });
    }
    matching
}
