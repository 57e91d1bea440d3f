//! What tools that keep things in an account's collections have in common: on whose behalf a
//! call changes them, and what it means for the call that they failed.

use hub_events::{Actor, Context};

use crate::collections::CollectionError;
use crate::tools::{Call, Failure};

/// The context of what a call changes.
pub(super) fn context(call: &Call) -> Context {
    let (account, correlation) = (Some(call.account), call.id.0);
    Context { at: call.now, account, actor: Actor::Hub, correlation, causation: None }
}

impl From<CollectionError> for Failure {
    fn from(error: CollectionError) -> Self {
        match error {
            CollectionError::Refused(refusal) => Self::lasting(refusal.code, refusal.detail),
            CollectionError::Log(_) | CollectionError::Vault(_) => {
                tracing::error!(%error, "an account's collection could not be read or changed");
                Self::unanswered("storage_unavailable", "What is kept cannot be reached at present")
            }
        }
    }
}
