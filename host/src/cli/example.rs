//! The example workflow of `tureen init` and `tureen demo`, and its messages.
//! Persons and places are invented.

/// Admissions over HTTPS: a filter, variables, a message that is changed by
/// mappings, a conditional and third-party logic, written to a file.
pub(super) const ADMISSIONS: &str = include_str!("example/admissions.hl7Workflow");

/// An admission.
pub(super) const ADMISSION: &str = concat!(
    "MSH|^~\\&|ADTAPP|NORTHWING|TUREEN|ARCHIVE|20260301101500||ADT^A01^ADT_A01|ADT-1001|P|2.5\r",
    "EVN|A01|20260301101500\r",
    "PID|1||778899^^^NORTHWING^MR||fictitious^anna^b||19710823|F|||12 Elm Street^^Springfield||555-0142\r",
    "PV1|1|I|4WEST^12^A^NORTHWING||||1234^Adams^Grace\r"
);

/// A laboratory result, which the example's filter does not want.
pub(super) const RESULT: &str = concat!(
    "MSH|^~\\&|LABAPP|NORTHWING|TUREEN|ARCHIVE|20260301101600||ORU^R01^ORU_R01|LAB-2002|P|2.5\r",
    "PID|1||778899^^^NORTHWING^MR||fictitious^anna^b\r",
    "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F\r"
);

/// Grants of the example, appended to the commented configuration.
pub(super) const GRANTS: &str = "\n# The example workflow writes its files here.\n\
[plugins.file-writer]\n\
directories = [{ path = \"out\", write = true }]\n";
