//! What became of a message: for the log, and for `tureen run`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use tureen_template::SettingId;

use crate::response::{Response, RunError};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// The receiver's filter did not want the message; which condition decided.
    Filtered {
        reason: String,
    },
    /// The message was refused: the sender's fault.
    Rejected {
        error: RunError,
    },
    /// Something else went wrong.
    Failed {
        error: RunError,
    },
}

impl Outcome {
    /// `accepted`, `filtered`, `rejected`, `failed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filtered { .. } => "filtered",
            Self::Rejected { .. } => "rejected",
            Self::Failed { .. } => "failed",
        }
    }

    pub fn error(&self) -> Option<&RunError> {
        match self {
            Self::Rejected { error } | Self::Failed { error } => Some(error),
            Self::Accepted | Self::Filtered { .. } => None,
        }
    }
}

/// One activity of a run.
pub struct ActivityRecord {
    pub id: SettingId,
    pub name: String,
    pub filtered: bool,
    /// Was the deed done, or only shown?
    pub performed: bool,
    /// The message that it sent, or would have sent.
    pub message: Option<Vec<u8>>,
    pub response: Option<Vec<u8>>,
}

impl ActivityRecord {
    pub(super) fn new(id: SettingId, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            filtered: false,
            performed: false,
            message: None,
            response: None,
        }
    }
}

/// The record of one run. Holds message content: it is for who ran it.
pub struct RunRecord {
    pub outcome: Outcome,
    pub response: Option<Response>,
    pub variables: Vec<(String, String)>,
    pub activities: Vec<ActivityRecord>,
    /// What steps told a person, oldest first.
    pub notifications: Vec<NotificationRecord>,
}

/// Something that a step told a person.
pub struct NotificationRecord {
    /// The receiver's or activity's name, and the role.
    pub step: String,
    pub critical: bool,
    pub text: String,
}

impl RunRecord {
    /// The object that `tureen run --json` prints.
    pub fn to_json(&self) -> Value {
        let error = self.outcome.error().map(|error| {
            json!({
                "code": error.code, "fault": error.fault.name(), "text": error.text,
                "where": error.location(),
            })
        });
        let variables: Map<String, Value> =
            self.variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut record = json!({
            "outcome": self.outcome.name(),
            "error": error,
            "response": self.response.as_ref().map(response_json),
            "variables": variables,
            "activities": self.activities.iter().map(activity_json).collect::<Vec<_>>(),
            "notifications": self.notifications.iter().map(notification_json).collect::<Vec<_>>(),
        });
        if let (Outcome::Filtered { reason }, Some(record)) =
            (&self.outcome, record.as_object_mut())
        {
            record.insert("reason".to_owned(), json!(reason));
        }
        record
    }
}

fn response_json(response: &Response) -> Value {
    let mut object = Map::new();
    insert_bytes(&mut object, "body", &response.body);
    object.insert("contentType".to_owned(), json!(response.content_type));
    object.insert("status".to_owned(), json!(response.status));
    Value::Object(object)
}

fn activity_json(activity: &ActivityRecord) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(activity.id.to_string()));
    object.insert("name".to_owned(), json!(activity.name));
    object.insert("filtered".to_owned(), json!(activity.filtered));
    object.insert("performed".to_owned(), json!(activity.performed));
    match &activity.message {
        Some(message) => insert_bytes(&mut object, "message", message),
        None => drop(object.insert("message".to_owned(), Value::Null)),
    }
    match &activity.response {
        Some(response) => insert_bytes(&mut object, "response", response),
        None => drop(object.insert("response".to_owned(), Value::Null)),
    }
    Value::Object(object)
}

fn notification_json(notification: &NotificationRecord) -> Value {
    let NotificationRecord { step, critical, text } = notification;
    json!({ "step": step, "critical": critical, "text": text })
}

/// Text as it is; bytes that are not UTF-8 as base64 under another name.
fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), json!(text)),
        Err(_) => object.insert(format!("{name}Base64"), json!(BASE64.encode(bytes))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_base64_under_another_name() {
        let mut object = Map::new();
        insert_bytes(&mut object, "body", b"plain");
        insert_bytes(&mut object, "message", b"\xff\x00");
        assert_eq!(Value::Object(object), json!({ "body": "plain", "messageBase64": "/wA=" }));
    }

    #[test]
    fn a_record_says_outcome_response_variables_activities_and_notifications() {
        let record = RunRecord {
            outcome: Outcome::Filtered { reason: "condition 1".to_owned() },
            response: Some(Response { status: 200, content_type: None, body: b"x".to_vec() }),
            variables: vec![("Mrn".to_owned(), "1".to_owned())],
            activities: Vec::new(),
            notifications: vec![NotificationRecord {
                step: "Lab".to_owned(),
                critical: true,
                text: "look".to_owned(),
            }],
        };
        let expected = json!({
            "outcome": "filtered", "error": null, "reason": "condition 1",
            "response": { "body": "x", "contentType": null, "status": 200 },
            "variables": { "Mrn": "1" }, "activities": [],
            "notifications": [{ "step": "Lab", "critical": true, "text": "look" }],
        });
        assert_eq!(record.to_json(), expected);
    }
}
