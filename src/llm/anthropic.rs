//! The dialect of Anthropic's Messages.
//!
//! Facts: Anthropic's API reference, «Messages», «Streaming Messages» and «Tool use». Never
//! here: prices or names of models.

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
pub(super) struct Anthropic {
    pub(super) server: Server,
}

const AUTHORIZATION: (&str, &str) = ("x-api-key", "");
const HEADERS: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

/// How long an answer may be where nobody says; the dialect wants a number.
const MAX_TOKENS: u32 = 8_192;

/// What stands for an empty message, since the dialect has none.
const EMPTY: &str = "(empty)";

impl Provider for Anthropic {
    fn complete<'a>(
        &'a self,
        key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["v1", "messages"],
                query: None,
                authorization: AUTHORIZATION,
                headers: HEADERS,
            };
            let reader = (Framing::Events, decode as _);
            self.server.complete(operation, key, request, &body(request), reader, deltas).await
        })
    }

    fn models<'a>(
        &'a self,
        key: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Vec<String>, CompletionError>> {
        Box::pin(async move {
            let operation = Operation {
                path: &["v1", "models"],
                query: Some("limit=1000"),
                authorization: AUTHORIZATION,
                headers: HEADERS,
            };
            let list = self.server.get(operation, key).await?;
            let list = list.get("data").and_then(Value::as_array);
            let models = list.into_iter().flatten().filter_map(|model| model.get("id")?.as_str());
            Ok(models.map(str::to_owned).collect())
        })
    }
}

pub(super) fn body(request: &Request) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), request.model.as_str().into());
    body.insert("max_tokens".to_owned(), request.max_tokens.unwrap_or(MAX_TOKENS).into());
    body.insert("stream".to_owned(), true.into());
    body.insert("messages".to_owned(), messages(&request.messages).into());
    if let Some(system) = request.system.as_deref().filter(|system| !system.trim().is_empty()) {
        body.insert("system".to_owned(), system.into());
    }
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), temperature.into());
    }
    if let Some(schema) = &request.answer_schema {
        let format = json!({ "format": { "type": "json_schema", "schema": schema } });
        body.insert("output_config".to_owned(), format);
    }
    Value::Object(body)
}

fn tool(tool: &ToolSpec) -> Value {
    let schema = tool.plain_schema();
    json!({ "name": tool.name, "description": tool.description, "input_schema": schema })
}

/// The messages, of which those of one side are one: the results of calls must all stand in the
/// message after them.
fn messages(messages: &[Message]) -> Vec<Value> {
    let mut sides: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::User { text } => ("user", vec![words(text).unwrap_or_else(|| block(EMPTY))]),
            Message::Assistant { text, calls } => {
                ("assistant", words(text).into_iter().chain(calls.iter().map(call)).collect())
            }
            Message::Tool { call_id, content, failed, .. } => (
                "user",
                vec![json!({
                    "type": "tool_result", "tool_use_id": plain_id(call_id),
                    "content": content, "is_error": failed,
                })],
            ),
        };
        match sides.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => sides.push((role, blocks)),
        }
    }
    sides.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

/// A block of words; none where they are empty, since the dialect takes no such block.
fn words(text: &str) -> Option<Value> {
    Some(text).filter(|text| !text.trim().is_empty()).map(block)
}

fn block(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn call(call: &ToolCall) -> Value {
    let (id, input) = (plain_id(&call.id), call.arguments.object());
    json!({ "type": "tool_use", "id": id, "name": call.name, "input": input })
}

/// An id, which may be another provider's, in the characters that the dialect allows.
fn plain_id(id: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    id.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Takes one event.
pub(super) fn decode(frame: &str, draft: &mut Draft<'_>) -> Result<Progress, CompletionError> {
    let event = parsed(frame)?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let key = event.get("index").and_then(Value::as_u64);
    let none = Value::Null;
    match event.get("type").and_then(Value::as_str) {
        Some("message_start") => {
            let message = event.get("message").unwrap_or(&none);
            draft.model(message.get("model").and_then(Value::as_str));
            usage(message.get("usage"), draft);
        }
        Some("content_block_start") => {
            let block = event.get("content_block").unwrap_or(&none);
            draft.text(text(block, "text").as_deref());
            if block.get("type").is_some_and(|kind| kind == "tool_use") {
                let input = block.get("input").filter(|input| **input != json!({}));
                let (id, name) = (text(block, "id"), text(block, "name"));
                draft.begin(key).named(id.as_deref(), name.as_deref()).arguments(input);
            }
        }
        Some("content_block_delta") => {
            let delta = event.get("delta").unwrap_or(&none);
            draft.text(text(delta, "text").as_deref());
            draft.reasoning(text(delta, "thinking").as_deref());
            if let (Some(piece), Some(call)) = (delta.get("partial_json"), draft.find(key)) {
                call.arguments(Some(piece));
            }
        }
        Some("message_delta") => {
            let reason = event.get("delta").and_then(|delta| text(delta, "stop_reason"));
            draft.announced = reason.as_deref().map(stop).or(draft.announced);
            usage(event.get("usage"), draft);
        }
        Some("message_stop") => {
            draft.stop = draft.announced.or(Some(Stop::End));
            return Ok(Progress::Ended);
        }
        Some("error") => return Err(CompletionError::told(&event)),
        // Pings keep the connection alive, and new events are no reason to fail.
        _ if event.get("error").is_some() => return Err(CompletionError::told(&event)),
        _ => {}
    }
    Ok(Progress::More)
}

fn stop(reason: &str) -> Stop {
    match reason {
        "tool_use" => Stop::Tools,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => Stop::Refused,
        _ => Stop::End,
    }
}

/// Counts are those of the whole answer so far; what an event does not name stays.
fn usage(usage: Option<&Value>, draft: &mut Draft<'_>) {
    let count = |key: &str| usage.and_then(|usage| usage.get(key)?.as_u64());
    if let Some(fresh) = count("input_tokens").filter(|fresh| *fresh > 0) {
        let read = count("cache_read_input_tokens").unwrap_or_default();
        let written = count("cache_creation_input_tokens").unwrap_or_default();
        draft.usage.input_tokens = fresh.saturating_add(read).saturating_add(written);
        draft.usage.cached_tokens = read;
    }
    if let Some(output) = count("output_tokens") {
        draft.usage.output_tokens = output;
    }
}

#[cfg(test)]
mod tests;
