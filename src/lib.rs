//! Arrotech Hub: the server and its tools.
//!
//! Here the parts are joined; each part is a module of its own. Never here: rules about what
//! may happen (crate `hub-events`) or read models (crate `hub-projections`).

pub mod clock;
pub mod collections;
pub mod config;
pub mod egress;
pub mod expressions;
pub mod http;
pub mod tools;
pub mod transact;
pub mod vault;
