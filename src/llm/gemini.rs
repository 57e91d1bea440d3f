//! The dialect of Google's Gemini API.
//!
//! Facts: Google's API reference, «Generating content», «Function calling» and «Thought
//! signatures». Never here: prices or names of models.

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
pub(super) struct Gemini {
    pub(super) server: Server,
}

const AUTHORIZATION: (&str, &str) = ("x-goog-api-key", "");

/// What Google documents for calls whose signature is not known, such as another provider's.
const UNSIGNED: &str = "skip_thought_signature_validator";

impl Provider for Gemini {
    fn complete<'a>(
        &'a self,
        key: Option<&'a Secret>,
        request: &'a Request,
        deltas: Deltas<'a>,
    ) -> BoxFuture<'a, Result<Answer, CompletionError>> {
        Box::pin(async move {
            let model = format!("{}:streamGenerateContent", request.model);
            let operation = Operation {
                path: &["v1beta", "models", &model],
                query: Some("alt=sse"),
                authorization: AUTHORIZATION,
                headers: &[],
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
                path: &["v1beta", "models"],
                query: Some("pageSize=1000"),
                authorization: AUTHORIZATION,
                headers: &[],
            };
            let list = self.server.get(operation, key).await?;
            let list = list.get("models").and_then(Value::as_array);
            let answering = |model: &&Value| {
                let methods = model.get("supportedGenerationMethods").and_then(Value::as_array);
                methods.is_none_or(|methods| methods.iter().any(|it| it == "generateContent"))
            };
            let models = list.into_iter().flatten().filter(answering);
            let names = models.filter_map(|model| model.get("name")?.as_str());
            Ok(names.map(|name| name.trim_start_matches("models/").to_owned()).collect())
        })
    }
}

pub(super) fn body(request: &Request) -> Value {
    let mut body = Map::new();
    body.insert("contents".to_owned(), contents(&request.messages).into());
    if let Some(system) = &request.system {
        body.insert("systemInstruction".to_owned(), json!({ "parts": [{ "text": system }] }));
    }
    if !request.tools.is_empty() {
        let declarations: Vec<_> = request.tools.iter().map(tool).collect();
        body.insert("tools".to_owned(), json!([{ "functionDeclarations": declarations }]));
    }
    let mut generation = Map::new();
    if let Some(most) = request.max_tokens {
        generation.insert("maxOutputTokens".to_owned(), most.into());
    }
    if let Some(temperature) = request.temperature {
        generation.insert("temperature".to_owned(), temperature.into());
    }
    if let Some(schema) = &request.answer_schema {
        generation.insert("responseMimeType".to_owned(), "application/json".into());
        generation.insert("responseJsonSchema".to_owned(), schema.clone());
    }
    if !generation.is_empty() {
        body.insert("generationConfig".to_owned(), generation.into());
    }
    Value::Object(body)
}

fn tool(tool: &ToolSpec) -> Value {
    let schema = tool.plain_schema();
    json!({ "name": tool.name, "description": tool.description, "parametersJsonSchema": schema })
}

/// The messages; the results of the calls of one answer are one.
fn contents(messages: &[Message]) -> Vec<Value> {
    let mut contents: Vec<Value> = Vec::new();
    let mut in_results = false;
    for message in messages {
        let (role, parts) = match message {
            Message::User { text } => ("user", vec![json!({ "text": text })]),
            Message::Assistant { text, calls } => ("model", answer(text, calls)),
            Message::Tool { call_id, name, content, failed } => {
                let response = match failed {
                    true => json!({ "error": content }),
                    false => json!({ "result": content }),
                };
                let response = json!({ "id": call_id, "name": name, "response": response });
                ("user", vec![json!({ "functionResponse": response })])
            }
        };
        let is_result = matches!(message, Message::Tool { .. });
        let last = contents.last_mut().filter(|_| is_result && in_results);
        match last.and_then(|last| last.get_mut("parts")?.as_array_mut()) {
            Some(all) => all.extend(parts),
            None if parts.is_empty() => {}
            None => contents.push(json!({ "role": role, "parts": parts })),
        }
        in_results = is_result;
    }
    contents
}

/// The parts of an answer. Newer models refuse calls without the signature that came with them;
/// of several calls only the first has one.
fn answer(text: &str, calls: &[ToolCall]) -> Vec<Value> {
    let words = Some(text).filter(|text| !text.is_empty()).map(|text| json!({ "text": text }));
    let signed = calls.iter().any(|call| call.signature.is_some());
    let calls = calls.iter().enumerate().map(|(index, call)| {
        let unsigned = (index == 0 && !signed).then_some(UNSIGNED);
        let function = json!({
            "id": call.id, "name": call.name, "args": call.arguments.object(),
        });
        match call.signature.as_deref().or(unsigned) {
            Some(signature) => json!({ "functionCall": function, "thoughtSignature": signature }),
            None => json!({ "functionCall": function }),
        }
    });
    words.into_iter().chain(calls).collect()
}

/// Takes one frame: a piece of the answer.
pub(super) fn decode(frame: &str, draft: &mut Draft<'_>) -> Result<Progress, CompletionError> {
    let piece = parsed(frame)?;
    if piece.get("error").is_some_and(|error| !error.is_null()) {
        return Err(CompletionError::told(&piece));
    }
    draft.model(piece.get("modelVersion").and_then(Value::as_str));
    usage(piece.get("usageMetadata"), draft);
    let blocked = piece.get("promptFeedback").and_then(|feedback| feedback.get("blockReason"));
    if blocked.is_some_and(Value::is_string) {
        draft.stop = Some(Stop::Filtered);
    }
    let candidate = piece.get("candidates").and_then(|candidates| candidates.get(0));
    let Some(candidate) = candidate else { return Ok(Progress::More) };
    let parts = candidate.get("content").and_then(|content| content.get("parts")?.as_array());
    for part in parts.into_iter().flatten() {
        let words = part.get("text").and_then(Value::as_str);
        match part.get("thought") {
            Some(Value::Bool(true)) => draft.reasoning(words),
            _ => draft.text(words),
        }
        if let Some(call) = part.get("functionCall") {
            let field = |name: &str| call.get(name).and_then(Value::as_str);
            let begun = draft.begin(None).named(field("id"), field("name"));
            begun
                .whole(call.get("args"))
                .signed(part.get("thoughtSignature").and_then(Value::as_str));
        }
    }
    if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
        draft.stop = stop(reason)?.or(draft.stop);
    }
    Ok(Progress::More)
}

/// What a reason means; one that says nothing is none.
fn stop(reason: &str) -> Result<Option<Stop>, CompletionError> {
    match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => Ok(None),
        "MAX_TOKENS" => Ok(Some(Stop::Length)),
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
        | "IMAGE_SAFETY" => Ok(Some(Stop::Filtered)),
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE" => {
            Err(CompletionError::malformed("the model's call of a tool is broken"))
        }
        _ => Ok(Some(Stop::End)),
    }
}

fn usage(usage: Option<&Value>, draft: &mut Draft<'_>) {
    let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
    let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or_default();
    draft.usage.input_tokens =
        count("promptTokenCount").saturating_add(count("toolUsePromptTokenCount"));
    draft.usage.output_tokens =
        count("candidatesTokenCount").saturating_add(count("thoughtsTokenCount"));
    draft.usage.cached_tokens = count("cachedContentTokenCount");
}

#[cfg(test)]
mod tests;
