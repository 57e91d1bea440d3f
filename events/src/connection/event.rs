//! What can happen to a connection, in its wire form.
//!
//! Never here: when it happens; the rules are in the module above. Nor a secret.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Status;
use crate::decider::events;
use crate::id::{AccountId, ConnectionId};
use crate::sealed::Sealed;

events! {
    /// What can happen to a connection.
    "connection" {
        /// It was made.
        Created(Created) = "created" v 1,
        /// Its holder changed it.
        Changed(Changed) = "changed" v 1,
        /// Its holder gave another secret.
        SecretRotated(SecretRotated) = "secret_rotated" v 1,
        /// It was tried out.
        Tested(Tested) = "tested" v 1,
        /// Its status changed by what the platform said.
        StatusChanged(StatusChanged) = "status_changed" v 1,
        /// Its access was renewed without its holder.
        Refreshed(Refreshed) = "refreshed" v 1,
        /// Its access ended and cannot be renewed without its holder.
        Expired(Expired) = "expired" v 1,
        /// It was deleted. Its history stays, its secrets do not.
        Deleted(Deleted) = "deleted" v 1,
    }
}

/// A connection was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The connection.
    pub connection: ConnectionId,
    /// Whose it is.
    pub account: AccountId,
    /// The platform to which it leads, by its id.
    pub platform: String,
    /// What people call it.
    pub name: Sealed<String>,
    /// Whether it can be used.
    pub status: Status,
    /// What it is made of, as it may be shown: a mask in the place of each secret.
    pub config: Sealed<Value>,
}

/// Its holder changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// What people call it now.
    pub name: Sealed<String>,
    /// Whether it can be used now.
    pub status: Status,
    /// What it is made of now, as it may be shown.
    pub config: Sealed<Value>,
}

/// Its holder gave another secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRotated {}

/// It was tried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Whether the platform accepted it.
    pub ok: bool,
    /// Why not, in words.
    pub error: Option<Sealed<String>>,
}

/// Its status changed by what the platform said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusChanged {
    /// What it is now.
    pub status: Status,
    /// Why, in words.
    pub reason: Option<Sealed<String>>,
}

/// Its access was renewed without its holder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// What it is made of now, as it may be shown.
    pub config: Sealed<Value>,
    /// When its access ends, where the platform said so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Its access ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expired {
    /// Why, in words.
    pub reason: Sealed<String>,
}

/// A connection was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {}
