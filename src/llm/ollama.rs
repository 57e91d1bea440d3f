//! The dialect of Ollama's own API.
//!
//! Facts: Ollama's API documentation, «Generate a chat completion» and «List local models».
//! Never here: whether a server is there.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::draft::{Draft, Progress, json as parsed};
use super::openai::tool;
use super::server::{Operation, Server};
use super::stream::Framing;
use super::{Answer, CompletionError, Deltas, Message, Provider, Request, Stop, ToolCall};
use crate::config::Secret;

/// A server that speaks it.
#[derive(Debug)]
pub(super) struct Ollama {
    pub(super) server: Server,
}

/// None is needed at home; a server behind a gateway may want one.
const AUTHORIZATION: (&str, &str) = ("authorization", "Bearer ");

impl Provider for Ollama {
    fn complete<'a>(
        &'a self,
        key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["api", "chat"],
                query: None,
                authorization: AUTHORIZATION,
                headers: &[],
            };
            let reader = (Framing::Lines, decode as _);
            self.server.complete(operation, key, request, &body(request), reader, deltas).await
        })
    }

    fn models<'a>(
        &'a self,
        key: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["api", "tags"],
                query: None,
                authorization: AUTHORIZATION,
                headers: &[],
            };
            let list = self.server.get(operation, key).await?;
            let list = list.get("models").and_then(Value::as_array);
            let models = list.into_iter().flatten().filter_map(|model| model.get("name")?.as_str());
            Ok(models.map(str::to_owned).collect())
        })
    }
}

pub(super) fn body(request: &Request) -> Value {
    let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let messages: Vec<_> = system.chain(request.messages.iter().map(message)).collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), request.model.as_str().into());
    body.insert("messages".to_owned(), messages.into());
    body.insert("stream".to_owned(), true.into());
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
    }
    if let Some(schema) = &request.answer_schema {
        body.insert("format".to_owned(), schema.clone());
    }
    let mut options = Map::new();
    if let Some(most) = request.max_tokens {
        options.insert("num_predict".to_owned(), most.into());
    }
    if let Some(temperature) = request.temperature {
        options.insert("temperature".to_owned(), temperature.into());
    }
    if !options.is_empty() {
        body.insert("options".to_owned(), options.into());
    }
    Value::Object(body)
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, calls } => {
            let calls: Vec<_> = calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": text, "tool_calls": calls })
        }
        Message::Tool { call_id, name, content, .. } => json!({
            "role": "tool", "tool_name": name, "tool_call_id": call_id, "content": content,
        }),
    }
}

fn call(call: &ToolCall) -> Value {
    let function = json!({ "name": call.name, "arguments": call.arguments.object() });
    json!({ "id": call.id, "function": function })
}

/// Takes one line.
pub(super) fn decode(frame: &str, draft: &mut Draft<'_>) -> Result<Progress, CompletionError> {
    let line = parsed(frame)?;
    if line.get("error").is_some_and(|error| !error.is_null()) {
        return Err(CompletionError::told(&line));
    }
    draft.model(line.get("model").and_then(Value::as_str));
    let message = line.get("message");
    let field = |name: &str| message.and_then(|message| message.get(name));
    draft.reasoning(field("thinking").and_then(Value::as_str));
    draft.text(field("content").and_then(Value::as_str));
    // A call comes whole, in one line.
    for call in field("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let function = call.get("function").unwrap_or(call);
        let id = call.get("id").and_then(Value::as_str);
        let name = function.get("name").and_then(Value::as_str);
        draft.begin(None).named(id, name).whole(function.get("arguments"));
    }
    if line.get("done") != Some(&Value::Bool(true)) {
        return Ok(Progress::More);
    }
    let count = |key: &str| line.get(key).and_then(Value::as_u64).unwrap_or_default();
    draft.usage.input_tokens = count("prompt_eval_count");
    draft.usage.output_tokens = count("eval_count");
    let length = line.get("done_reason").is_some_and(|reason| reason == "length");
    draft.stop = Some(if length { Stop::Length } else { Stop::End });
    Ok(Progress::Ended)
}

#[cfg(test)]
mod tests;
