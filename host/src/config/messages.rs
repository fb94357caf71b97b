//! The keys that bound what one message may hold.

use serde::{Deserialize, Serialize};
use tureen_message::Limits;

use super::between;

/// How large and deep messages may be. A running server takes changes over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Messages {
    /// HL7 messages of one request.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub messages_per_body: usize,
    /// HL7 segments.
    #[serde(deserialize_with = "between::<1, 10_000_000, _, _>")]
    pub segments: usize,
    /// The highest HL7 field, repetition or component number of a path.
    #[serde(deserialize_with = "between::<1, 65_535, _, _>")]
    pub highest_index: usize,
    /// Nesting of JSON and XML.
    #[serde(deserialize_with = "between::<1, 1_000, _, _>")]
    pub depth: usize,
    /// Steps of one JSON selector.
    #[serde(deserialize_with = "between::<1_000, 1_000_000_000_000, _, _>")]
    pub path_steps: usize,
    /// Attributes of one XML element.
    #[serde(deserialize_with = "between::<1, 100_000, _, _>")]
    pub attributes: usize,
    /// XML namespace declarations in scope at one place.
    #[serde(deserialize_with = "between::<1, 10_000, _, _>")]
    pub namespaces: usize,
    /// Nodes of an XML message that XPath expressions are used on.
    #[serde(deserialize_with = "between::<1_000, 100_000_000, _, _>")]
    pub expression_nodes: usize,
    /// Steps of one XPath expression.
    #[serde(deserialize_with = "between::<1_000, 1_000_000_000_000, _, _>")]
    pub expression_steps: u64,
    /// Columns of one CSV row.
    #[serde(deserialize_with = "between::<1, 1_000_000, _, _>")]
    pub columns: usize,
    /// Bytes of one CSV field.
    #[serde(deserialize_with = "between::<1, 1_073_741_824, _, _>")]
    pub field_bytes: usize,
    /// Elements and items of a DICOM data set.
    #[serde(deserialize_with = "between::<1, 100_000_000, _, _>")]
    pub dicom_elements: usize,
    /// Bytes of the values of a DICOM message that its JSON shows.
    #[serde(deserialize_with = "between::<1, 1_073_741_824, _, _>")]
    pub dicom_shown_bytes: usize,
}

impl Messages {
    /// The parsers' limits, with that on the length of a body.
    pub fn limits(&self, message_bytes: usize) -> Limits {
        Limits {
            message_bytes,
            messages: self.messages_per_body,
            segments: self.segments,
            index: self.highest_index,
            depth: self.depth,
            path_steps: self.path_steps,
            attributes: self.attributes,
            namespaces: self.namespaces,
            expression_nodes: self.expression_nodes,
            expression_steps: self.expression_steps,
            columns: self.columns,
            field_bytes: self.field_bytes,
            elements: self.dicom_elements,
            shown_bytes: self.dicom_shown_bytes,
        }
    }
}

impl Default for Messages {
    fn default() -> Self {
        let Limits {
            message_bytes: _,
            messages,
            segments,
            index,
            depth,
            path_steps,
            attributes,
            namespaces,
            expression_nodes,
            expression_steps,
            columns,
            field_bytes,
            elements,
            shown_bytes,
        } = Limits::default();
        Self {
            messages_per_body: messages,
            segments,
            highest_index: index,
            depth,
            path_steps,
            attributes,
            namespaces,
            expression_nodes,
            expression_steps,
            columns,
            field_bytes,
            dicom_elements: elements,
            dicom_shown_bytes: shown_bytes,
        }
    }
}
