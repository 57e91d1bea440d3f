//! Read models of the hub, computed from its events.
//!
//! Each read model is one file: its tables, how events change them, its queries and their
//! views. [`Views`] keeps all of them up to date and answers from them. Never here: actors,
//! HTTP, rules about what may happen. A read model can be deleted at any time and computed
//! anew.

pub mod accounts;
mod columns;
pub mod connections;
pub mod conversations;
pub mod executions;
mod generation;
mod pool;
pub mod projection;
mod reached;
mod rebuild;
mod runner;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod unfinished;
pub mod usage;
pub mod views;
pub mod workflows;

pub use projection::Projection;
pub use rebuild::{RebuildError, rebuild};
pub use views::{Lagging, StartError, ViewError, Views};
