//! What can happen to a call, in its wire form.
//!
//! Never here: when it happens; the rules are in the module above.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decider::events;
use crate::effect::Class;
use crate::execution::{Doubt, Resolution};
use crate::id::{AccountId, CallId, ConnectionId};
use crate::sealed::Sealed;

events! {
    /// What can happen to a call that somebody asked for directly.
    "call" {
        /// Its intent, on record before the world can notice.
        Requested(Requested) = "requested" v 1,
        /// It sleeps until a moment.
        Deferred(Deferred) = "deferred" v 1,
        /// It is done.
        Succeeded(Succeeded) = "succeeded" v 1,
        /// It failed.
        Failed(Failed) = "failed" v 1,
        /// It may or may not have taken effect, and must not be repeated blindly.
        Doubted(Doubted) = "doubted" v 1,
        /// Somebody said what became of it.
        Resolved(Resolved) = "resolved" v 1,
        /// Somebody stopped it before it took effect.
        Cancelled(Cancelled) = "cancelled" v 1,
    }
}

/// Through which door a call was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The hub's own HTTP operations.
    Http,
    /// The Model Context Protocol.
    Mcp,
}

/// A call was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// The call.
    pub call: CallId,
    /// Whose it is.
    pub account: AccountId,
    /// The tool.
    pub tool: String,
    /// What the world can notice of it.
    pub class: Class,
    /// The connection through which it goes, where the tool needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// How long it may take, in seconds.
    pub timeout_s: u32,
    /// The arguments.
    pub arguments: Sealed<Value>,
    /// Through which door it was asked for.
    pub via: Via,
}

/// A call sleeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deferred {
    /// When it goes on.
    pub until: DateTime<Utc>,
    /// What its result will be then.
    pub result: Sealed<Value>,
}

/// A call is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Succeeded {
    /// What the tool answered.
    pub result: Sealed<Value>,
}

/// A call failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// When another call may go better, where the other side named a moment.
    pub retry_after: Option<DateTime<Utc>>,
}

/// A call may or may not have taken effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doubted {
    /// Why it is in doubt.
    pub doubt: Doubt,
    /// What is known, in words.
    pub error: Option<Sealed<String>>,
}

/// Somebody settled the doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// How.
    pub resolution: Resolution,
}

/// Somebody stopped the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {}
