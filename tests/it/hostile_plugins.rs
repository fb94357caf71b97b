//! Strangers' components: whatever one does, its message fails with a diagnosis of
//! its own, and a well-behaved workflow beside it loses no request.
//!
//! `docs/security.md` lists which threat is held by which limit and shown by which
//! of these tests.

/// Floods, loops and lies of a transformer while it works on a message.
mod behaviours;
/// What is wrong at the boundary between a component and the host.
mod boundary;
/// How long others wait beside endless loops.
mod fairness;
/// Files that are no plugins, or not the plugins that they seem.
mod files;
/// Components made by hand.
mod handmade;
/// An activity from `configure` to `close`.
mod lives;
/// What one message leaves for another.
mod memory;
/// The well-behaved workflow under load.
mod neighbour;
/// Memory of the server's process.
mod process;
/// How long after its time a call is stopped.
mod stopping;

use crate::harness::{Home, Workflow};

/// The service of the well-behaved workflow.
const GOOD: &str = "/adt/in";

/// The standard transformer calls the hostile one, inside its own time: so much that
/// it is the called one's limits that end a call.
const CALLER: &str = "[plugins.transformer]\n\
     running_time_milliseconds = 30000\ncall_time_milliseconds = 40000\n";

/// The workflow that is to notice nothing: a filter, a variable, a file.
fn good(home: &Home) {
    let workflow = Workflow::new("Admissions", "adt/in")
        .filter(crate::harness::actions::only_adt())
        .variables(vec![crate::harness::actions::set_variable("Patient", "PID-3.1")])
        .archive("kept.hl7");
    home.workflow("admissions", &workflow.build());
}
