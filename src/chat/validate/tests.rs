#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hub_events::Class;
use hub_events::id::AccountId;
use serde_json::json;

use super::*;
use crate::tools::{Call, Card, Outcome, Registry, Source, Tool};

struct Named(Card);

impl Tool for Named {
    fn card(&self) -> &Card {
        &self.0
    }

    fn class(&self, _: &Value) -> Class {
        Class::Read
    }

    fn call(&self, _: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(std::future::ready(Outcome::Done(Value::Null)))
    }
}

fn tool(name: &str, properties: Value, required: &[&str]) -> Arc<Registered> {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let registry = Registry::default();
    let tool: Arc<dyn Tool> = Arc::new(Named(Card::new(name, "test", "For tests.", schema)));
    registry.fill(Source::Hub, vec![tool]).unwrap();
    registry.find(AccountId(1), name).unwrap()
}

#[test]
fn mends_slips() {
    let any = tool(
        "any",
        json!({
            "count": { "type": "integer" },
            "price": { "type": "number" },
            "id": { "type": "string" },
            "mode": { "type": "string", "enum": ["Fast", "slow"] },
            "on": { "type": "boolean" },
        }),
        &["count"],
    );
    let check = |given: Value, expected: Value| {
        let found = validate(&any, &given);
        assert_eq!(found.errors, Vec::<String>::new(), "{given}");
        assert_eq!(found.corrected_arguments, Some(expected), "{given}");
    };
    check(json!({ "count": "7" }), json!({ "count": 7 }));
    check(json!({ "count": "7.0", "price": "2.5" }), json!({ "count": 7, "price": 2.5 }));
    check(json!({ "count": 7.0 }), json!({ "count": 7 }));
    check(json!({ "count": 1, "id": 42 }), json!({ "count": 1, "id": "42" }));
    check(json!({ "count": 1, "mode": "FAST" }), json!({ "count": 1, "mode": "Fast" }));
    check(json!({ "count": 1, "on": "true" }), json!({ "count": 1, "on": true }));
}

#[test]
fn names_what_is_wrong() {
    let texts = |names: &[&str]| {
        let one = |name: &&str| ((*name).to_owned(), json!({ "type": "string" }));
        Value::Object(names.iter().map(one).collect())
    };
    let long = "x".repeat(3001);
    let number = json!({ "duration": { "type": "integer" } });
    #[rustfmt::skip]
    let cases = [
        // Name, properties, arguments, how the error begins.
        ("any", texts(&["a"]), json!({}), "\"a\" is a required property"),
        ("any", json!({ "a": { "type": "integer" } }), json!({ "a": "seven" }), "a: "),
        ("any", json!({ "a": { "enum": ["x"] } }), json!({ "a": "y" }), "a: "),
        ("slack_send_message", texts(&["channel"]), json!({ "channel": "general" }), "channel: must begin"),
        ("slack_send_message", texts(&["text"]), json!({ "text": long }), "text: must not be longer"),
        ("whatsapp_send_message", texts(&["to"]), json!({ "to": "0712" }), "to: must be a phone"),
        ("whatsapp_send_message", texts(&["to"]), json!({ "to": "+1234567890123456" }), "to: "),
        ("hubspot_create_contact", texts(&["email"]), json!({ "email": "jane@" }), "email: must be"),
        ("file_management", texts(&["filename"]), json!({ "filename": "a/b" }), "filename: must not"),
        ("zoom_get_meeting", texts(&["meeting_id"]), json!({ "meeting_id": "abc" }), "meeting_id: "),
        ("zoom_create_meeting", number, json!({ "duration": 0 }), "duration: must be greater"),
    ];
    for (name, properties, arguments, expected) in cases {
        let required: Vec<_> = properties.as_object().unwrap().keys().map(String::as_str).collect();
        let tool = tool(name, properties.clone(), &required);
        let found = validate(&tool, &arguments);
        assert_eq!(found.errors.len(), 1, "{name}: {found:?}");
        assert!(found.errors[0].starts_with(expected), "{name}: {found:?}");
        assert_eq!(found.corrected_arguments, None, "{name}");
    }
}

#[test]
fn takes_what_platforms_take() {
    #[rustfmt::skip]
    let cases = [
        ("slack_send_message", "channel", "#general", "#general"),
        ("slack_send_message", "channel", "C024BE91L", "C024BE91L"),
        ("whatsapp_send_message", "to", "+254 712-345-678", "+254712345678"),
        ("hubspot_create_contact", "email", "jane.doe+x@mail.example.com", "jane.doe+x@mail.example.com"),
        ("zoom_get_meeting", "meeting_id", "812 3456 7890", "81234567890"),
        ("file_management", "filename", "Ngũgĩ (1).pdf", "Ngũgĩ (1).pdf"),
        // The demands of one platform are not those of another.
        ("teams_send", "channel", "general", "general"),
    ];
    for (name, argument, given, expected) in cases {
        let tool = tool(name, json!({ argument: { "type": "string" } }), &[argument]);
        let found = validate(&tool, &json!({ argument: given }));
        assert_eq!(found.corrected_arguments, Some(json!({ argument: expected })), "{found:?}");
    }
}
