//! The real server, driven as clients and operators drive it: over HTTP, by signals, by killing.
//!
//! One binary for all integration tests. Each test has a server and a data directory of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

mod access;
mod calls;
mod chat;
mod checkpoints;
mod connections;
mod crash;
mod head;
mod hub;
mod mcp;
mod models;
mod providers;
mod runs;
mod stub;
mod tools;
mod workflows;
