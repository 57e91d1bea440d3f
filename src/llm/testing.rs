//! Requests for the tests of dialects.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use hub_events::testing::epoch;
use serde_json::{Map, json};

use super::server::Server;
use super::{Arguments, Message, Request, ToolCall, ToolSpec};
use crate::clock::Clock;
use crate::egress::Egress;

/// A server that nobody asks.
pub(super) fn server() -> Server {
    Server {
        egress: Arc::new(Egress::new(Vec::new()).unwrap()),
        clock: Clock::settable(epoch()),
        base: "http://127.0.0.1:1/".parse().unwrap(),
        key: None,
        silence: Duration::from_secs(1),
    }
}

/// A conversation with all kinds of messages: two calls at once, of which one is broken.
pub(super) fn history() -> Vec<Message> {
    let call = |id: &str, arguments| ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments,
        signature: None,
    };
    let result = |id: &str, content: &str, failed| Message::Tool {
        call_id: id.to_owned(),
        name: "look".to_owned(),
        content: content.to_owned(),
        failed,
    };
    let at = Map::from_iter([("at".to_owned(), json!("it"))]);
    vec![
        Message::User { text: "Look".to_owned() },
        Message::Assistant {
            text: String::new(),
            calls: vec![
                call("a.1", Arguments::Object(at)),
                call("b", Arguments::Malformed("{\"at".to_owned())),
            ],
        },
        result("a.1", "seen", false),
        result("b", "no such place", true),
        Message::Assistant { text: "I saw it.".to_owned(), calls: Vec::new() },
        Message::User { text: String::new() },
    ]
}

/// A request that says everything that can be said.
pub(super) fn request(messages: Vec<Message>) -> Request {
    Request {
        model: "m".to_owned(),
        system: Some("Be brief.".to_owned()),
        messages,
        tools: vec![ToolSpec {
            name: "look".to_owned(),
            description: "Looks.".to_owned(),
            schema: json!({ "type": "object" }),
        }],
        max_tokens: Some(50),
        temperature: Some(0.5),
        answer_schema: Some(json!({ "type": "object" })),
        timeout: Duration::from_secs(1),
    }
}
