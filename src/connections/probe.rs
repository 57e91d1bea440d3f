//! Trying a connection out: the question, and what the platform answers.
//!
//! Never here: requests; whoever knows the platform's interface makes those.

use futures_util::future::BoxFuture;
use hub_events::id::AccountId;
use serde_json::{Map, Value};

use crate::platforms::Platform;

/// What a platform said of a connection that it accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// In words.
    pub message: String,
    /// Who is connected, where the platform says so.
    pub data: Option<Value>,
}

/// Tries connections out.
pub trait Probe: Send + Sync {
    /// Asks a platform whether it accepts a connection of an account made of this, complete and
    /// in the clear. Why it does not, where that is so, never has a secret in it.
    fn probe<'a>(
        &'a self,
        account: AccountId,
        platform: &'a Platform,
        config: &'a Map<String, Value>,
    ) -> BoxFuture<'a, Result<Accepted, String>>;
}
