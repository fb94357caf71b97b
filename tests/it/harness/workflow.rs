//! Builders of workflow files. Only shapes are here; what a test is about stands
//! in the test.

use serde_json::{Map, Value, json};

const RECEIVER: &str = "HL7Soup.Functions.Settings.Receivers.HttpReceiverSetting, HL7SoupWorkflow";
const FILE_WRITER: &str =
    "HL7Soup.Functions.Settings.Senders.FileWriterSenderSetting, HL7SoupWorkflow";
const FILTER: &str = "HL7Soup.Functions.Settings.Filters.FilterHostSetting, HL7SoupWorkflow";
const TRANSFORMERS: &str = "HL7Soup.Functions.Settings.TransformerSetting, HL7SoupWorkflow";

/// How ids begin until the workflow is built: no two files may share one.
const ID_PREFIX: &str = "d0000000";

/// The receiver of the workflow that is being built.
pub(crate) const RECEIVER_ID: &str = "d0000000-0000-4000-8000-000000000001";

/// The id of an activity, counted from 1.
pub(crate) fn activity_id(number: usize) -> String {
    format!("d0000000-0000-4000-8000-0000000001{number:02}")
}

fn step_id(number: usize) -> String {
    format!("d0000000-0000-4000-8000-0000000002{number:02}")
}

/// A workflow with an HTTPS receiver on a port that the system chooses.
#[derive(Clone)]
pub(crate) struct Workflow {
    name: String,
    receiver: Map<String, Value>,
    further: Vec<Value>,
    activities: usize,
    steps: usize,
}

impl Workflow {
    /// Answers HL7 messages with a generated acknowledgement after all is done.
    pub(crate) fn new(name: &str, service: &str) -> Self {
        let receiver = json!({
            "$type": RECEIVER, "Id": RECEIVER_ID, "Name": format!("{name} in"), "Version": 3,
            "WorkflowPatternName": name, "MessageType": 1, "ServiceName": service, "Port": 0,
            "UseSsl": true, "ReturnCustomResponse": false, "ReturnApplicationAccept": true,
            "ReponsePriority": 2, "Activities": [],
        });
        Self {
            name: name.to_owned(),
            receiver: receiver.as_object().cloned().unwrap(),
            further: Vec::new(),
            activities: 0,
            steps: 0,
        }
    }

    /// Sets a property of the receiver.
    pub(crate) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.receiver.insert(property.to_owned(), value.into());
        self
    }

    /// Answers with a template instead of an acknowledgement.
    pub(crate) fn responding(self, template: &str) -> Self {
        self.with("ReturnApplicationAccept", false)
            .with("ReturnCustomResponse", true)
            .with("ResponseMessageTemplate", template)
    }

    /// Conditions of the receiver's filter.
    pub(crate) fn filter(mut self, conditions: Vec<Value>) -> Self {
        let id = self.filter_host(conditions);
        self.with("Filters", id)
    }

    /// Actions of the receiver's variable transformers.
    pub(crate) fn variables(mut self, actions: Vec<Value>) -> Self {
        let id = self.transformers(actions);
        self.with("VariableTransformers", id)
    }

    /// Actions on the custom response.
    pub(crate) fn response_transformers(mut self, actions: Vec<Value>) -> Self {
        let id = self.transformers(actions);
        self.with("Transformers", id)
    }

    /// Adds an activity; the first has the id `activity_id(1)`.
    pub(crate) fn activity(mut self, activity: Activity) -> Self {
        self.activities += 1;
        let id = activity_id(self.activities);
        let mut setting = activity.setting;
        setting.insert("Id".to_owned(), json!(id));
        if let Some(conditions) = activity.filter {
            setting.insert("Filters".to_owned(), json!(self.filter_host(conditions)));
        }
        if let Some(actions) = activity.transformers {
            setting.insert("Transformers".to_owned(), json!(self.transformers(actions)));
        }
        self.further.push(Value::Object(setting));
        if let Some(Value::Array(activities)) = self.receiver.get_mut("Activities") {
            activities.push(json!(id));
        }
        self
    }

    /// Adds the file writer that keeps the received message.
    pub(crate) fn archive(self, file: &str) -> Self {
        self.activity(Activity::file("Archive", file).template(&received()))
    }

    fn filter_host(&mut self, conditions: Vec<Value>) -> String {
        let id = self.next_step();
        self.further.push(json!({
            "$type": FILTER, "Id": id, "Version": 3, "Transformers": [], "Filters": conditions,
        }));
        id
    }

    fn transformers(&mut self, actions: Vec<Value>) -> String {
        let id = self.next_step();
        self.further.push(
            json!({ "$type": TRANSFORMERS, "Id": id, "Version": 3, "Transformers": actions }),
        );
        id
    }

    fn next_step(&mut self) -> String {
        self.steps += 1;
        step_id(self.steps)
    }

    /// The file's content, with ids that follow from the name.
    pub(crate) fn build(self) -> Value {
        let own_prefix = format!("{:08x}", fnv(&self.name));
        let mut pattern = vec![Value::Object(self.receiver)];
        pattern.extend(self.further);
        let file = json!({
            "Name": self.name, "WorkflowId": RECEIVER_ID, "Modified": "2026-01-01T00:00:00Z",
            "WorkflowPattern": pattern,
        });
        serde_json::from_str(&file.to_string().replace(ID_PREFIX, &own_prefix)).unwrap()
    }
}

/// The placeholder of the received message.
pub(crate) fn received() -> String {
    format!("${{{RECEIVER_ID} inbound}}")
}

/// Another number for another name (FNV-1a).
fn fnv(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Something that a workflow does with a message.
pub(crate) struct Activity {
    setting: Map<String, Value>,
    filter: Option<Vec<Value>>,
    transformers: Option<Vec<Value>>,
}

impl Activity {
    /// Appends its message to a file; a relative path starts in the granted `out`.
    pub(crate) fn file(name: &str, file: &str) -> Self {
        Self::of_class(FILE_WRITER, name)
            .with("FilePathToWrite", file)
            .with("MaxRecordsPerFile", 5000)
    }

    pub(crate) fn of_class(class: &str, name: &str) -> Self {
        let setting = json!({ "$type": class, "Name": name, "Version": 3, "MessageType": 1 });
        Self { setting: setting.as_object().cloned().unwrap(), filter: None, transformers: None }
    }

    pub(crate) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.setting.insert(property.to_owned(), value.into());
        self
    }

    pub(crate) fn template(self, template: &str) -> Self {
        self.with("MessageTemplate", template)
    }

    pub(crate) fn filter(mut self, conditions: Vec<Value>) -> Self {
        self.filter = Some(conditions);
        self
    }

    pub(crate) fn transformers(mut self, actions: Vec<Value>) -> Self {
        self.transformers = Some(actions);
        self
    }
}
