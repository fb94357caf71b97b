//! Plugins that talk to servers: what is granted works, all else has its own
//! diagnosis, over real sockets and TLS.

mod granting;
mod misbehaving;
mod peers;
mod tls;
mod wasi_http;
mod watching;

use serde_json::{Map, Value};

use crate::harness::guests::guest;
use crate::harness::http1::Answer;
use crate::harness::messages::adt;
use crate::harness::workflow::{Activity, received};
use crate::harness::{Home, Server, Workflow};

/// A home whose one workflow does what the settings say, and a message through it.
struct Outbound {
    _home: Home,
    server: Server,
}

impl Outbound {
    fn new(grants: &str, settings: &[(&str, &str)]) -> Self {
        Self::of("outbound", "Test.Outbound", grants, settings)
    }

    fn of(plugin: &str, class: &str, grants: &str, settings: &[(&str, &str)]) -> Self {
        Self::in_home(Home::and(grants), plugin, class, settings)
    }

    fn in_home(home: Home, plugin: &str, class: &str, settings: &[(&str, &str)]) -> Self {
        home.plugin(plugin, guest(plugin));
        let settings: Map<String, Value> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let mut activity =
            Activity::of_class(&format!("{class}, Test"), "Send").template(&received());
        for (name, value) in settings {
            activity = activity.with(&name, value);
        }
        let workflow = Workflow::new("Outbound", "in")
            .activity(activity)
            .responding("MSH|^~\\&|T\rMSA|AA|${Outbound}|\r");
        home.workflow("outbound", &workflow.build());
        let server = home.serve();
        Self { _home: home, server }
    }

    fn answer(&self) -> Answer {
        self.server.http1().post("/in", adt("F", "1"))
    }

    /// What the plugin told.
    fn told(&self) -> String {
        self.answer().msa(2)
    }
}

/// What the plugin told of one exchange.
fn told(grants: &str, settings: &[(&str, &str)]) -> String {
    let outbound = Outbound::new(grants, settings);
    let told = outbound.told();
    outbound.server.stop();
    told
}
