//! The server (skeleton).
pub mod config;
