//! Conversation as a matter of texts: what somebody wants, whether what is to be called fits the
//! tool, and the words for models.
//!
//! Never here: turns and messages (crate `hub-events`), HTTP, calls to models or to tools.

pub mod fill;
pub mod intent;
pub mod prompt;
pub mod tokens;
pub mod validate;
