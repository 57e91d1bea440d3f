//! The registry of tools, and what every tool is.
//!
//! Whatever calls a tool (a run's step, later a conversation or a client) finds it here by
//! name. The ways in which tools are made live in `tools/`. Never here: who may call a tool,
//! or when.

pub mod builtin;
pub mod manifest;
mod registry;
pub mod search;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::id::{AccountId, CallId, ConnectionId};
use serde_json::Value;

use crate::egress::EgressError;
use crate::expressions::context::Context;
use crate::feed::Progress;

pub use registry::{Registered, Registry, Source, Twice};

/// What people and models see of a tool.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its name, unique among what an account can call.
    pub name: Arc<str>,
    /// Where it stands in a list.
    pub category: Arc<str>,
    /// What it does, so that a model can choose by it.
    pub description: Arc<str>,
    /// JSON Schema of its arguments: an object.
    pub schema: Value,
    /// The platform whose connection a call goes through; none where it needs no connection.
    pub platform: Option<Arc<str>>,
    /// Whether it deletes or overwrites what cannot be had back.
    pub destructive: bool,
}

impl Card {
    /// The card of a tool that needs no connection and destroys nothing.
    pub fn new(
        name: impl Into<Arc<str>>,
        category: impl Into<Arc<str>>,
        description: impl Into<Arc<str>>,
        schema: Value,
    ) -> Self {
        let (name, category) = (name.into(), category.into());
        let description = description.into();
        Self { name, category, description, schema, platform: None, destructive: false }
    }
}

/// Something that can be called by name.
pub trait Tool: Send + Sync + 'static {
    /// What people and models see of it.
    fn card(&self) -> &Card;

    /// What the world can notice of a call with these (valid) arguments.
    fn class(&self, arguments: &Value) -> Class;

    /// The connection through which a call with these (valid) arguments would go: the one that
    /// they name, or the account's own choice. None where the tool needs none.
    fn connection<'a>(
        &'a self,
        _account: AccountId,
        _arguments: &'a Value,
    ) -> BoxFuture<'a, Result<Option<ConnectionId>, Failure>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Carries out a call. Dropping the future cancels it.
    fn call(&self, call: Call) -> BoxFuture<'_, Outcome>;
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name, which is the idempotency key that a platform is given.
    pub id: CallId,
    /// On whose behalf.
    pub account: AccountId,
    /// The connection through which it goes, where the tool needs one.
    pub connection: Option<ConnectionId>,
    /// The arguments, valid against the tool's schema.
    pub arguments: Value,
    /// What the run knows (`input`, `steps`, …), for tools of class `read` only: other calls
    /// must depend on nothing but what is on record.
    pub context: Option<Context>,
    /// When it is made.
    pub now: DateTime<Utc>,
    /// How long it may take; the caller gives up then.
    pub timeout: Duration,
    /// Where it can tell how far it has come, if somebody may be listening.
    pub progress: Option<Progress>,
}

impl Call {
    /// Tells how far the call has come.
    pub fn tell(&self, message: &str, fraction: Option<f64>) {
        if let Some(progress) = &self.progress {
            progress.tell(message, fraction);
        }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done(Value),
    /// It is done when a moment has come.
    Deferred {
        /// The moment.
        until: DateTime<Utc>,
        /// The result then.
        result: Value,
    },
    /// It failed.
    Failed(Failure),
}

/// Why a call failed, and what that means for another try.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind of failure, in snake case: `unknown_tool`, `invalid_arguments`, `timeout`, ….
    pub code: &'static str,
    /// In words, for a person; never with a secret in it.
    pub message: String,
    /// What the tool answered, where it answered.
    pub result: Option<Value>,
    /// Whether another try may go better.
    pub retryable: bool,
    /// Whether it may have taken effect all the same: sent, and no answer, or one that leaves
    /// it open.
    pub unanswered: bool,
    /// Not before this moment, where the other side named one.
    pub retry_after: Option<DateTime<Utc>>,
}

impl Failure {
    /// A failure that surely had no effect and that another try would not mend.
    pub fn lasting(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let (result, retry_after) = (None, None);
        Self { code, message, result, retryable: false, unanswered: false, retry_after }
    }

    /// A failure that surely had no effect; another try may go better.
    pub fn passing(code: &'static str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::lasting(code, message) }
    }

    /// It is not known whether it took effect.
    pub fn unanswered(code: &'static str, message: impl Into<String>) -> Self {
        Self { unanswered: true, ..Self::passing(code, message) }
    }
}

/// What it means for a call that its request failed.
impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        let message = error.to_string();
        match error {
            EgressError::Refused(_) => Self::lasting("address_refused", message),
            EgressError::Invalid(_) => Self::lasting("invalid_request", message),
            EgressError::NotSent(_) => Self::passing("not_connected", message),
            EgressError::Unanswered(_) | EgressError::Silent(_) => {
                Self::unanswered("no_answer", message)
            }
            EgressError::Redirects(_) => Self::lasting("too_many_redirects", message),
            // What was asked for was done, and only the answer is lost.
            EgressError::TooLarge(..) => {
                Self { retryable: false, ..Self::unanswered("answer_too_large", message) }
            }
        }
    }
}

/// One thing that is wrong with arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer into the arguments.
    pub pointer: String,
    /// What was expected, in words.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.pointer {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}
