//! The standard senders against real peers: HTTP and HTTPS servers, a proxy, a
//! token endpoint, MLLP peers that answer, refuse, stay silent, close or talk
//! nonsense.

mod http;
mod mllp;
mod oauth;
mod peers;
mod showing;

use serde_json::Value;

use crate::harness::certificates::Identity;
use crate::harness::workflow::activity_id;
use crate::harness::{Activity, Home, Workflow};

const HTTP_SENDER: &str = "HL7Soup.Functions.Settings.Senders.HttpSenderSetting, HL7SoupWorkflow";
const MLLP_SENDER: &str = "HL7Soup.Functions.Settings.Senders.MLLPSenderSetting, HL7SoupWorkflow";

/// A workflow `in` that answers with what its only activity got.
fn relay(activity: Activity) -> Value {
    Workflow::new("Relay", "in")
        .with("ReturnApplicationAccept", false)
        .with("ReturnResponseFromActivity", true)
        .with("ReturnResponseFromActivityId", activity_id(1))
        .activity(activity)
        .build()
}

/// A home with that workflow and these tables.
fn home(tables: &str, activity: Activity) -> Home {
    let home = Home::with(tables);
    home.workflow("relay", &relay(activity));
    home
}

/// Puts a certificate into the home.
fn import(home: &Home, identity: &Identity) {
    let file = home.write("certificates.pem", identity.whole_pem());
    let imported = home.run(&["cert", "import", file.to_str().unwrap(), "--name", "client"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
}
