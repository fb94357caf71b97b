//! What the tests have in common: the program as a process, a throw-away home,
//! clients on real sockets with real TLS, and builders of workflow files.
//!
//! Deliberately does not know: any crate of the host. What the tests see is what
//! an operator and a sender see.

pub(crate) mod actions;
pub(crate) mod admin;
pub(crate) mod basic;
pub(crate) mod certificates;
pub(crate) mod connection;
pub(crate) mod findings;
pub(crate) mod guests;
pub(crate) mod home;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod load;
pub(crate) mod messages;
pub(crate) mod minisign;
pub(crate) mod openssl;
pub(crate) mod other_languages;
pub(crate) mod ports;
pub(crate) mod program;
pub(crate) mod project;
pub(crate) mod resources;
pub(crate) mod server;
pub(crate) mod wait;
pub(crate) mod workflow;

pub(crate) use connection::Connection;
pub(crate) use findings::Findings;
pub(crate) use home::Home;
pub(crate) use http1::{Answer, Http1};
pub(crate) use http2::Http2;
pub(crate) use server::Server;
pub(crate) use workflow::{Activity, Workflow};
