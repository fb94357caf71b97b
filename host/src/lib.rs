//! The server (skeleton).
pub mod config;
pub mod listener;
pub mod receiver;
