//! `http_request`: any request to any public address.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use hub_events::Class;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use serde_json::{Map, Value, json};
use url::Url;

use crate::egress::{Answer, Egress, Request, retry_after};
use crate::tools::{Call, Card, Failure, Outcome, Tool};

/// The tool.
#[derive(Debug)]
pub(super) struct HttpRequest {
    card: Card,
    egress: Arc<Egress>,
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["url"],
        "additionalProperties": false,
        "properties": {
            "url": { "type": "string", "format": "uri", "pattern": "^https?://",
                "description": "Where to, with http:// or https://." },
            "method": { "type": "string", "default": "GET",
                "enum": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
                "description": "GET where none is given." },
            "headers": { "type": "object", "additionalProperties": { "type": "string" },
                "description": "Header names and values." },
            "query": { "type": "object",
                "additionalProperties": { "type": ["string", "number", "boolean"] },
                "description": "Names and values that are added to the URL's query." },
            "json": { "description": "Any value, sent as a JSON body." },
            "body": { "type": "string", "description": "A text body; not together with `json`." },
            "content_type": { "type": "string",
                "description": "What the text body is; text/plain where none is given." },
            "timeout": { "type": "number", "exclusiveMinimum": 0, "maximum": 86400,
                "description": "How long it may take, in seconds; at most the step's own time." },
            "idempotency_header": { "type": "string", "pattern": "^[A-Za-z0-9-]+$",
                "description": "A header by which the other side knows a repeated POST or PATCH; \
                                the call's id is sent in it, and the call may be repeated." },
        },
        "not": { "required": ["json", "body"] },
    })
}

impl HttpRequest {
    /// The tool, over the only way out.
    pub(super) fn new(egress: Arc<Egress>) -> Self {
        let card = Card::new(
            "http_request",
            "web",
            "Sends an HTTP request to a public address and gives back status, \
                          headers and body. Fails where the status is 400 or above.",
            schema(),
        );
        Self { card, egress }
    }
}

fn text<'a>(arguments: &'a Value, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

fn method(arguments: &Value) -> Method {
    let name = text(arguments, "method").unwrap_or("GET");
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::GET)
}

fn class(arguments: &Value) -> Class {
    match method(arguments) {
        Method::GET | Method::HEAD | Method::OPTIONS => Class::Read,
        Method::PUT | Method::DELETE => Class::Idempotent,
        _ if arguments.get("idempotency_header").is_some() => Class::Keyed,
        _ => Class::AtMostOnce,
    }
}

/// The request that a call asks for.
fn request(call: &Call) -> Result<Request, Failure> {
    let invalid = |what: &str| Failure::lasting("invalid_arguments", what.to_owned());
    let arguments = &call.arguments;
    let mut url: Url = text(arguments, "url")
        .and_then(|url| url.parse().ok())
        .ok_or_else(|| invalid("url: not a URL"))?;
    if let Some(query) = arguments.get("query").and_then(Value::as_object) {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query {
            match value {
                Value::String(value) => pairs.append_pair(name, value),
                value => pairs.append_pair(name, &value.to_string()),
            };
        }
    }
    let own = arguments.get("timeout").and_then(Value::as_f64).map(Duration::from_secs_f64);
    let timeout = own.map_or(call.timeout, |own| own.min(call.timeout));
    let mut request = Request::new(method(arguments), url, timeout);
    let header = |name: &str, value: &str| -> Result<(HeaderName, HeaderValue), Failure> {
        let name: HeaderName = name.parse().map_err(|_| invalid("headers: not a header's name"))?;
        let value: HeaderValue =
            value.parse().map_err(|_| invalid("headers: not a header's value"))?;
        Ok((name, value))
    };
    if let Some(json) = arguments.get("json") {
        request.body = Some(Bytes::from(json.to_string()));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    } else if let Some(body) = text(arguments, "body") {
        request.body = Some(Bytes::from(body.to_owned()));
        let kind = text(arguments, "content_type").unwrap_or("text/plain; charset=utf-8");
        let (name, value) = header("content-type", kind)?;
        request.headers.insert(name, value);
    }
    for (name, value) in arguments.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let (name, value) = header(name, value.as_str().unwrap_or_default())?;
        request.headers.insert(name, value);
    }
    if let (Some(name), Class::Keyed) = (text(arguments, "idempotency_header"), class(arguments)) {
        let (name, value) = header(name, &call.id.to_string())?;
        request.headers.insert(name, value);
    }
    Ok(request)
}

/// What later steps see of an answer.
fn result(answer: &Answer) -> Value {
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        if name != SET_COOKIE {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.insert(name.as_str().to_owned(), value.into());
        }
    }
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| kind.contains("json"));
    let parsed = is_json.then(|| serde_json::from_slice(&answer.body).ok()).flatten();
    let (body, encoding) = match (parsed, std::str::from_utf8(&answer.body)) {
        (Some(parsed), _) => (parsed, "json"),
        (None, Ok(text)) => (Value::from(text), "text"),
        (None, Err(_)) => (Value::from(BASE64.encode(&answer.body)), "base64"),
    };
    json!({
        "success": answer.status.as_u16() < 400,
        "status": answer.status.as_u16(),
        "url": answer.url.as_str(),
        "headers": headers,
        "encoding": encoding,
        "body": body,
    })
}

/// What an answer means for a call of this class. A request that must not be sent twice is in
/// doubt after an error of the server, unless the server says that it did not take it.
fn outcome(answer: &Answer, class: Class, now: DateTime<Utc>) -> Outcome {
    let result = result(answer);
    let status = answer.status.as_u16();
    if status < 400 {
        return Outcome::Done(result);
    }
    let message = format!("The answer is {status}");
    let failure = match status {
        425 | 429 | 503 | 529 => Failure::passing("turned_away", message),
        408 | 500.. if class == Class::AtMostOnce => Failure::unanswered("server_error", message),
        408 | 500.. => Failure::passing("server_error", message),
        _ => Failure::lasting("client_error", message),
    };
    let retry_after = retry_after(&answer.headers, now);
    Outcome::Failed(Failure { result: Some(result), retry_after, ..failure })
}

impl Tool for HttpRequest {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, arguments: &Value) -> Class {
        class(arguments)
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let request = match request(&call) {
                Ok(request) => request,
                Err(failure) => return Outcome::Failed(failure),
            };
            match self.egress.send(request).await {
                Ok(answer) => outcome(&answer, class(&call.arguments), call.now),
                Err(error) => Outcome::Failed(error.into()),
            }
        })
    }
}
