//! The beginning of a run: its id, its variables, and what its steps share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use jiff::Zoned;
use tureen_sandbox::{CallFacts, Exchange, Notifications, Run};
use tureen_template::{Repeatable, RunFacts, RunTables, Variables};

use super::hooks::Untold;
use super::steps::{Steps, Telling};
use super::{Inbound, Life, Performance, Pipeline, Settings};
use crate::workflow::running::Workflow;

impl Pipeline {
    pub(super) fn begin<'a>(
        &'a self,
        workflow: &'a Arc<Workflow>,
        settings: &'a Settings,
        inbound: Inbound,
        performance: Performance,
    ) -> Life<'a> {
        let number = self.next_run.fetch_add(1, Ordering::Relaxed);
        let message_id = format!("{}-{number}", self.started);
        let facts = RunFacts { received: inbound.received_at, instance: number, clock: Zoned::now };
        let mut variables = Variables::new(facts, Arc::clone(&settings.globals));
        if let Some(rehearsal) = &self.rehearsal {
            variables.repeat(Repeatable::at(rehearsal.now.clone()));
        }
        let body_expected = matches!(inbound.method.as_str(), "POST" | "PUT" | "PATCH");
        variables.set_builtin("HttpMethod", inbound.method);
        variables.set_builtin("ClientIP", inbound.client_ip);
        for (name, value) in inbound.builtin_variables {
            variables.set_builtin(&name, value);
        }
        for (name, value) in inbound.variables {
            // Over a limit: such a request is over the URL limit long before.
            let _ = variables.set(&name, value);
        }
        let definition = workflow.definition();
        let activities = definition.activities.iter().map(|activity| activity.id);
        let run = Box::new(Run {
            variables,
            exchange: Exchange::new(definition.receiver.id, activities),
            tables: Arc::new(RunTables::new(Arc::clone(&settings.tables))),
            latest: Some(Instant::now() + self.message_time),
            parse: Arc::clone(&settings.parse),
            facts: Arc::new(CallFacts {
                workflow: definition.name.clone(),
                message_id: message_id.clone(),
                attempt: 1,
            }),
            log: Vec::new(),
            notifications: Notifications::default(),
            acknowledgements: 0,
        });
        Life {
            workflow,
            settings,
            steps: Steps::new(
                workflow,
                settings,
                run,
                Telling {
                    lines: &self.lines,
                    told: &self.told,
                    is_recorded: performance.is_recorded(),
                },
            ),
            body: inbound.body,
            body_expected,
            media_type: inbound.media_type,
            control_id: format!("{}{number:06x}", self.started),
            untold: Untold::new(Arc::clone(workflow), message_id.clone()),
            message_id,
            header: None,
            performance,
            activities: Vec::new(),
            rehearsal: self.rehearsal.as_ref(),
        }
    }
}
