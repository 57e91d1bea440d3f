//! The registry of tools, and what every tool is.
//!
//! Whatever calls a tool (a run's step, later a conversation or a client) finds it here by
//! name. The ways in which tools are made live in `tools/`. Never here: who may call a tool,
//! or when.

pub mod builtin;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::id::{AccountId, CallId};
use serde_json::Value;

use crate::egress::EgressError;
use crate::expressions::context::Context;

/// What people and models see of a tool.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its name, unique in the registry.
    pub name: &'static str,
    /// Where it stands in a list.
    pub category: &'static str,
    /// What it does, so that a model can choose by it.
    pub description: &'static str,
    /// JSON Schema of its arguments: an object.
    pub schema: Value,
}

/// Something that can be called by name.
pub trait Tool: Send + Sync + 'static {
    /// What people and models see of it.
    fn card(&self) -> &Card;

    /// What the world can notice of a call with these (valid) arguments.
    fn class(&self, arguments: &Value) -> Class;

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
    /// The arguments, valid against the tool's schema.
    pub arguments: Value,
    /// What the run knows (`input`, `steps`, …), for tools of class `read` only: other calls
    /// must depend on nothing but what is on record.
    pub context: Option<Context>,
    /// When it is made.
    pub now: DateTime<Utc>,
    /// How long it may take; the caller gives up then.
    pub timeout: Duration,
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

/// All tools, by name.
#[derive(Default)]
pub struct Registry {
    tools: BTreeMap<&'static str, Registered>,
}

struct Registered {
    tool: Arc<dyn Tool>,
    schema: jsonschema::Validator,
}

/// A tool that cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its name is taken.
    #[error("there are two tools named {0}")]
    Twice(&'static str),
    /// Its schema is none.
    #[error("the schema of {0} is not valid: {1}")]
    Schema(&'static str, String),
}

impl Registry {
    /// Adds a tool.
    pub fn add(&mut self, tool: Arc<dyn Tool>) -> Result<(), RegistryError> {
        let name = tool.card().name;
        let schema = jsonschema::options()
            .should_validate_formats(true)
            .build(&tool.card().schema)
            .map_err(|error| RegistryError::Schema(name, error.to_string()))?;
        match self.tools.insert(name, Registered { tool, schema }) {
            None => Ok(()),
            Some(_) => Err(RegistryError::Twice(name)),
        }
    }

    /// The tool of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.get(name).map(|registered| &registered.tool)
    }

    /// Every tool, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.tools.values().map(|registered| &registered.tool)
    }

    /// The arguments with texts turned into what the tool's schema asks for, where they are
    /// written so: expressions always give texts, so `"5"` may be meant for an integer.
    pub fn coerced(&self, name: &str, mut arguments: Value) -> Value {
        let schema = self.tools.get(name).map(|registered| &registered.tool.card().schema);
        let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
        let (Some(properties), Value::Object(given)) = (properties, &mut arguments) else {
            return arguments;
        };
        for (key, value) in given {
            if let (Value::String(text), Some(property)) = (&*value, properties.get(key))
                && let Some(meant) = meant(text, property)
            {
                *value = meant;
            }
        }
        arguments
    }

    /// Everything that is wrong with arguments for a tool; nothing for a tool that is unknown.
    pub fn faults(&self, name: &str, arguments: &Value) -> Vec<Fault> {
        let Some(registered) = self.tools.get(name) else { return Vec::new() };
        registered
            .schema
            .iter_errors(arguments)
            .map(|error| Fault {
                pointer: error.instance_path().to_string(),
                message: error.to_string(),
            })
            .collect()
    }
}

/// What a text means where a schema asks for something else than a text; none where the schema
/// takes texts, or the text is not written so.
fn meant(text: &str, schema: &Value) -> Option<Value> {
    let kind = schema.get("type")?;
    let asks_for = |name: &str| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        kind => kind == name,
    };
    if asks_for("string") {
        return None;
    }
    let read = match text.trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        "None" => Value::Null,
        text => serde_json::from_str(text).ok()?,
    };
    let is_asked_for = match &read {
        Value::Null => asks_for("null"),
        Value::Bool(_) => asks_for("boolean"),
        Value::Number(number) => {
            asks_for("number") || asks_for("integer") && (number.is_i64() || number.is_u64())
        }
        Value::Array(_) => asks_for("array"),
        Value::Object(_) => asks_for("object"),
        Value::String(_) => false,
    };
    is_asked_for.then_some(read)
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}
