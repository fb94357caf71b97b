//! The server (skeleton).
pub mod certificates;
pub mod config;
pub mod listener;
pub mod receiver;
