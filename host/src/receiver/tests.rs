//! The receiver over real sockets; raw bytes where a client library would tidy them up.

mod harness;

mod body;
mod clients;
mod foreign_clients;
mod guessing;
mod head;
mod hosts;
mod http2;
mod http2_abuse;
mod life;
mod limits;
mod paths;
mod slow;
mod smuggling;
