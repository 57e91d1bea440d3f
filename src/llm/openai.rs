//! The dialect of OpenAI's Chat Completions, which most servers speak: vLLM, llama.cpp, LM Studio,
//! OpenRouter, Together, the router of Hugging Face and others.
//!
//! Facts: the API reference of OpenAI, «Chat Completions» and «Streaming»; and what those
//! servers do differently. Never here: which servers there are.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::draft::{Draft, Progress, json as parsed};
use super::server::{Operation, Server};
use super::stream::Framing;
use super::{
    Answer, CompletionError, Deltas, Message, Provider, Request, Stop, ToolCall, ToolSpec,
};
use crate::config::Secret;

/// A server that speaks it.
#[derive(Debug)]
pub(super) struct OpenAi {
    pub(super) server: Server,
    /// What the limit on an answer's length is called.
    pub(super) limit: &'static str,
}

const AUTHORIZATION: (&str, &str) = ("authorization", "Bearer ");

impl Provider for OpenAi {
    fn complete<'a>(
        &'a self,
        key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["chat", "completions"],
                query: None,
                authorization: AUTHORIZATION,
                headers: &[("accept", "text/event-stream")],
            };
            let body = self.body(request);
            let reader = (Framing::Events, decode as _);
            self.server.complete(operation, key, request, &body, reader, deltas).await
        })
    }

    fn models<'a>(
        &'a self,
        key: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["models"],
                query: None,
                authorization: AUTHORIZATION,
                headers: &[],
            };
            let list = self.server.get(operation, key).await?;
            // Together answers with the bare list.
            let list = list.get("data").unwrap_or(&list).as_array();
            let models = list.into_iter().flatten().filter_map(|model| model.get("id")?.as_str());
            Ok(models.map(str::to_owned).collect())
        })
    }
}

impl OpenAi {
    fn body(&self, request: &Request) -> Value {
        let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
        let messages: Vec<_> = system.chain(request.messages.iter().map(message)).collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), request.model.as_str().into());
        body.insert("messages".to_owned(), messages.into());
        body.insert("stream".to_owned(), true.into());
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        if !request.tools.is_empty() {
            body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
        }
        if let Some(most) = request.max_tokens {
            body.insert(self.limit.to_owned(), most.into());
        }
        if let Some(temperature) = request.temperature {
            body.insert("temperature".to_owned(), temperature.into());
        }
        if let Some(schema) = &request.answer_schema {
            let format = json!({ "name": "answer", "schema": schema });
            let format = json!({ "type": "json_schema", "json_schema": format });
            body.insert("response_format".to_owned(), format);
        }
        Value::Object(body)
    }
}

/// A tool as this dialect and Ollama's describe it.
pub(super) fn tool(tool: &ToolSpec) -> Value {
    json!({ "type": "function", "function": {
        "name": tool.name, "description": tool.description, "parameters": tool.plain_schema(),
    } })
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, calls } => {
            let content = Some(text).filter(|text| !text.is_empty());
            let calls: Vec<_> = calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        Message::Tool { call_id, content, .. } => {
            json!({ "role": "tool", "tool_call_id": call_id, "content": content })
        }
    }
}

fn call(call: &ToolCall) -> Value {
    let arguments = Value::Object(call.arguments.object()).to_string();
    let function = json!({ "name": call.name, "arguments": arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

/// Takes one frame: a chunk, or the end.
pub(super) fn decode(frame: &str, draft: &mut Draft<'_>) -> Result<Progress, CompletionError> {
    if frame.trim() == "[DONE]" {
        if draft.stop.is_none() && draft.seems_whole() {
            draft.stop = Some(Stop::End);
        }
        return Ok(Progress::Ended);
    }
    let chunk = parsed(frame)?;
    let failed = chunk.get("error").is_some_and(|error| !error.is_null());
    if failed || chunk.get("object").is_some_and(|object| object == "error") {
        return Err(CompletionError::told(&chunk));
    }
    draft.model(chunk.get("model").and_then(Value::as_str));
    usage(chunk.get("usage"), draft);
    let choice = chunk.get("choices").and_then(|choices| choices.get(0));
    let Some(choice) = choice else { return Ok(Progress::More) };
    if let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) {
        words(delta, draft);
        for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            call_piece(piece, draft);
        }
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        None | Some("") => {}
        Some("error") => return Err(CompletionError::told(&Value::Null)),
        Some(reason) => draft.stop = Some(stop(reason)),
    }
    Ok(Progress::More)
}

fn words(delta: &Value, draft: &mut Draft<'_>) {
    match delta.get("content") {
        // Some servers give parts, as requests may have them.
        Some(Value::Array(parts)) => {
            for part in parts {
                draft.text(part.get("text").and_then(Value::as_str));
            }
        }
        content => draft.text(content.and_then(Value::as_str)),
    }
    let thoughts = delta.get("reasoning_content").filter(|it| it.is_string());
    draft.reasoning(thoughts.or_else(|| delta.get("reasoning")).and_then(Value::as_str));
    if let Some(refusal) = delta.get("refusal").and_then(Value::as_str) {
        draft.refused |= !refusal.is_empty();
        draft.text(Some(refusal));
    }
}

/// Takes a piece of a call. Which call it belongs to is told by its number; where servers give
/// none, or the same to all, by its id; where they give neither, a name begins a new one.
fn call_piece(piece: &Value, draft: &mut Draft<'_>) {
    let known = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let key = piece.get("index").and_then(Value::as_u64);
    let id = known(piece.get("id"));
    let function = piece.get("function").unwrap_or(piece);
    let name = known(function.get("name"));
    let begins = match draft.find(key) {
        None => true,
        Some(call) => match &id {
            Some(id) => call.is_another(id),
            None => key.is_none() && name.is_some() && call.is_named(),
        },
    };
    let call = if begins { Some(draft.begin(key)) } else { draft.find(key) };
    if let Some(call) = call {
        call.named(id.as_deref(), name.as_deref()).arguments(function.get("arguments"));
    }
}

fn stop(reason: &str) -> Stop {
    match reason {
        "tool_calls" | "function_call" => Stop::Tools,
        "length" | "model_length" | "max_tokens" => Stop::Length,
        "content_filter" => Stop::Filtered,
        _ => Stop::End,
    }
}

fn usage(usage: Option<&Value>, draft: &mut Draft<'_>) {
    let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    draft.usage.input_tokens = count("prompt_tokens").unwrap_or_default();
    draft.usage.output_tokens = count("completion_tokens").unwrap_or_default();
    let details = usage.get("prompt_tokens_details");
    let cached = details.and_then(|details| details.get("cached_tokens")?.as_u64());
    draft.usage.cached_tokens = cached.unwrap_or_default();
}

#[cfg(test)]
mod tests;
