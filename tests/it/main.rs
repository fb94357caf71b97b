//! End-to-end tests: `tureen` as a process, real sockets, real TLS, real plugins.
//!
//! One binary, so that it is linked once and the guest plugins are built once.
//! The program is the one beside the tests (`cargo test` builds it), or the one
//! that `TUREEN_PROGRAM` names. `TUREEN_QUICK` makes the load test smaller.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "what a test did not expect ends it, in its helpers too"
)]

mod harness;

/// The life of an activity.
mod activities;
/// What a sender is told.
mod answers;
/// `tureen plugin new`.
mod authors;
/// HTTP Basic and its secrets.
mod basic_authentication;
/// Several messages in one body.
mod batch;
/// Bodies of every type, in and out.
mod bodies;
/// The server's own certificates while it runs.
mod certificates;
/// `tureen check`, and files that are none of ours.
mod checking;
/// Who is let in by its certificate.
mod client_certificates;
/// C# code and the plugins that stand in for it.
mod code_objects;
/// `tureen run`, `send`, `plugin` and `demo`.
mod commands;
mod compiled_plugins;
/// The page about the contract.
mod contract_reference;
/// The recipes of the cookbook, by workflow and by plugin.
mod cookbook;
/// DICOM files.
mod dicom;
/// Links between documents.
mod documents;
/// The edges of HTTP.
mod edges;
/// Thousands of reloads.
mod endurance;
/// Steps whose plugin breaks down: reports, and steps that are set aside.
mod faults;
/// The file writer stays in what it is granted.
mod file_writer;
/// What plugins may reach, and no further.
mod grants;
/// What monitors are told.
mod health;
/// The helpers of the SDK inside the sandbox, and notifications.
mod helpers;
/// Receivers at the shared address of the server.
mod host_mode;
/// Plugins that loop, take memory, trap or remember.
mod hostile;
/// Everything that a plugin can do wrong, and a neighbour that does not notice.
mod hostile_plugins;
/// Plugins in processes of their own.
mod isolated;
/// Many clients while the workflow is saved again and again.
mod load;
/// Results that cannot be written, and readers that have gone away.
mod lost_results;
/// What the server counts about itself.
mod metrics;
/// Plugins in JavaScript and Python.
mod other_languages;
/// Plugins that talk to servers.
mod outbound;
/// `tureen plugin test`.
mod plugin_trials;
/// The standard plugins' own tests.
mod plugins;
/// More than the server takes.
mod pressure;
/// When the answer is given.
mod priorities;
/// No word of any message is in the log.
mod privacy;
/// Clients behind proxies.
mod proxies;
/// A component that is saved again and again while messages flow.
mod rebuilt;
/// The numbered behaviours of the HTTP receiver.
mod receiver_behaviours;
/// Trying workflows of every receiver.
mod receiver_kinds;
/// Saving files while messages flow.
mod reload;
/// The response modes.
mod responses;
/// Which receiver a request reaches.
mod routing;
/// The HTTP and MLLP senders against real peers.
mod senders;
/// Homes that are not there, ports that are taken, signals.
mod starting;
/// Which status tells what, in both profiles.
mod status_profiles;
/// `tureen test`.
mod testing;
/// What the texts of workflows name, and how values are written.
mod texts;
/// What transformers make of a message.
mod transformations;
/// What surprises in the original does not surprise here.
mod traps;
/// Which plugin files run, and what is told of them.
mod trust;
/// What the tutorials for authors say is done and seen.
mod tutorial;
/// What a user reads about command lines and keys that cannot be meant.
mod wrong_command_lines;
/// What an operator reads about configurations that cannot work.
mod wrong_configurations;
