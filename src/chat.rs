//! Conversation as a matter of texts: what somebody wants, and whether what is to be called
//! fits the tool.
//!
//! Never here: turns and messages (crate `hub-events`), HTTP, calls to models or to tools.

pub mod fill;
pub mod intent;
pub mod validate;
