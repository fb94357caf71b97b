//! Messages that are sent.

/// An admission with a control id and a patient id of its own.
pub(crate) fn adt(control_id: &str, patient_id: &str) -> String {
    hl7("ADT^A01", control_id, patient_id)
}

/// A message of a type that the filters of the tests do not want.
pub(crate) fn oru(control_id: &str, patient_id: &str) -> String {
    hl7("ORU^R01", control_id, patient_id)
}

fn hl7(kind: &str, control_id: &str, patient_id: &str) -> String {
    [
        format!("MSH|^~\\&|WARD|NORTH|TUREEN|LAB|20260102030405||{kind}|{control_id}|P|2.5.1"),
        "EVN|A01|20260102030405".to_owned(),
        format!("PID|1||{patient_id}^^^NORTH^MR||Ekholm^Siri^Maria||19800229|F|||1 Quay^^Turku"),
        "PV1|1|I|W1^2^3".to_owned(),
    ]
    .map(|segment| segment + "\r")
    .concat()
}
