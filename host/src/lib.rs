//! Tureen: a receiver server for healthcare messages.
//!
//! `pipeline` tells the life of a message from top to bottom; `app` builds all
//! parts by name. Stages do not name each other: each module says in its first
//! lines what it must not know. `ARCHITECTURE.md` has the map.

pub mod acme;
pub mod admin;
pub mod app;
pub mod certificates;
pub mod cli;
pub mod client_certificates;
pub mod config;
pub mod diagnostics;
pub mod faults;
pub mod listener;
pub mod metrics;
pub mod outbound;
pub mod pipeline;
pub mod plugins;
pub mod proxies;
pub mod receiver;
pub mod refusals;
pub mod response;
pub mod secrets;
pub mod send;
pub mod tables;
pub mod telemetry;
pub mod workflow;
