//! Models: what one is asked, what it answers, and why it does not.
//!
//! One file per dialect in `llm/`; beside them what dialects share (`server`, `stream`,
//! `draft`, `errors`), which providers there are (`providers`) and what models cost (`prices`). Never
//! here: what becomes of an answer, or the choice of tools.

mod anthropic;
mod draft;
mod errors;
mod gemini;
pub mod offline;
mod ollama;
mod openai;
pub mod prices;
pub mod providers;
mod server;
mod stream;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::Secret;

pub use providers::{Choice, Providers};

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The model, as its provider names it.
    pub model: String,
    /// What it is told before everything else.
    pub system: Option<String>,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools that it may ask for.
    pub tools: Vec<ToolSpec>,
    /// How long its answer may be, in tokens.
    pub max_tokens: Option<u32>,
    /// How freely it chooses its words; some models take none.
    pub temperature: Option<f64>,
    /// JSON Schema (an object) that the answer's text must follow as JSON.
    pub answer_schema: Option<Value>,
    /// How long the whole answer may take.
    pub timeout: Duration,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// What a person said.
    User {
        /// The words.
        text: String,
    },
    /// What a model answered.
    Assistant {
        /// The words; may be empty beside calls.
        text: String,
        /// The calls that it asked for. Each is followed by its `Tool` message.
        calls: Vec<ToolCall>,
    },
    /// What a call came to.
    Tool {
        /// The `id` of the call.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The result, or what went wrong, as the model reads it.
        content: String,
        /// Whether it went wrong.
        failed: bool,
    },
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub schema: Value,
}

impl ToolSpec {
    /// The schema as all providers take it. Several refuse conditions and choices at its top;
    /// what those ask for is told to the model when it breaks them.
    fn plain_schema(&self) -> Value {
        const NOT_AT_THE_TOP: [&str; 9] =
            ["$schema", "allOf", "anyOf", "oneOf", "not", "enum", "if", "then", "else"];
        let mut schema = self.schema.as_object().cloned().unwrap_or_default();
        schema.retain(|key, _| !NOT_AT_THE_TOP.contains(&key.as_str()));
        schema.insert("type".to_owned(), "object".into());
        schema.entry("properties").or_insert_with(|| json!({}));
        Value::Object(schema)
    }
}

/// A call that a model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own name for it, or one that was made where it gave none.
    pub id: String,
    /// The tool, as the model named it; there may be no such tool.
    pub name: String,
    /// What it is to be called with.
    pub arguments: Arguments,
    /// What the provider wants to have back with the call, if it gave anything of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The arguments of a call as a model sent them; not checked against any schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arguments {
    /// A JSON object.
    Object(Map<String, Value>),
    /// What it sent that is none.
    Malformed(String),
}

impl Arguments {
    /// An object in any case, as dialects want to have arguments back.
    fn object(&self) -> Map<String, Value> {
        match self {
            Self::Object(arguments) => arguments.clone(),
            Self::Malformed(text) => {
                Map::from_iter([("malformed".to_owned(), text.clone().into())])
            }
        }
    }
}

/// What a model answered, in whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The words; may be empty.
    pub text: String,
    /// The calls that it asks for, in its order; whole ones only.
    pub calls: Vec<ToolCall>,
    /// Why it ended.
    pub stop: Stop,
    /// What was used up; zeros where the provider did not say.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: String,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model had said what it had to say.
    End,
    /// It waits for the results of its calls.
    Tools,
    /// It reached the limit on its length; calls that were not whole are left out.
    Length,
    /// It refused.
    Refused,
    /// The provider withheld the rest.
    Filtered,
}

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All that were read, cached ones among them.
    pub input_tokens: u64,
    /// All that were written, thoughts among them.
    pub output_tokens: u64,
    /// Those of the input that came from the provider's cache.
    pub cached_tokens: u64,
}

/// A piece of an answer on its way. Only the whole answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More words of the answer.
    Text(String),
    /// More of what the model thinks, which is no part of the answer.
    Reasoning(String),
    /// A call begins; its arguments are still to come.
    Call {
        /// Its place among the calls of the answer, from 0.
        index: usize,
        /// The tool.
        name: String,
    },
}

/// Takes the pieces of an answer as they come.
pub type Deltas<'a> = &'a (dyn Fn(Delta) + Send + Sync);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompletionError {
    /// The kind of failure, in snake case: `rate_limited`, `overloaded`, `unavailable`,
    /// `timeout`, `cut_off`, `malformed`, `rejected`, `unauthorized`, `unknown_model`,
    /// `quota_exhausted`, `context_too_long` or `not_reachable`.
    pub code: &'static str,
    /// In words, for the person who asked; without keys. May quote the provider, so it is not
    /// for log lines.
    pub message: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Whether the same request may go better later.
    pub retryable: bool,
    /// How long to wait before that, where the provider said.
    pub retry_after: Option<Duration>,
}

/// One provider of models.
pub trait Provider: Send + Sync {
    /// Has a model answer. `key` is the account's own; without it the server's counts. Dropping
    /// the future cancels it.
    fn complete<'a>(
        &'a self,
        key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>>;

    /// The models that can be asked for.
    fn models<'a>(
        &'a self,
        key: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>>;
}

#[cfg(test)]
#[path = "../tests/it/models.rs"]
mod models;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
