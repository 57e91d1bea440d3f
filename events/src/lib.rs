//! What can happen in the hub, and the log that keeps it.
//!
//! Here live the deciders (pure rules over a state), the events they produce, the
//! [`log`] that stores them, and the few types those need. Never here: actors, HTTP,
//! models, the wall clock, fresh random ids.

pub mod account;
pub mod blob;
pub mod call;
pub mod checkpoint;
pub mod claim;
pub mod collection;
pub mod connection;
pub mod conversation;
pub mod counter;
pub mod decider;
pub mod effect;
pub mod execution;
pub mod fact;
pub mod id;
pub mod log;
pub mod outcome;
pub mod recorded;
pub mod refusal;
pub mod schedule;
pub mod sealed;
pub mod upcast;
pub mod workflow;

#[cfg(feature = "testing")]
pub mod testing;

pub use decider::{Decider, Event};
pub use effect::{Class, Effect, Pending};
pub use recorded::{Actor, Context, Position, Recorded, Version};
pub use refusal::Refusal;
