#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::*;

fn tools() -> Vec<ToolSpec> {
    let text = json!({ "type": "string" });
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({ "type": "object", "properties": properties, "required": required }),
    };
    vec![
        tool(
            "slack_send_message",
            "Post a message to a channel",
            json!({ "channel": text, "text": text }),
            &["channel", "text"],
        ),
        tool("slack_create_channel", "Create a channel", json!({ "name": text }), &["name"]),
        tool(
            "stripe_create_refund",
            "Refund a payment in whole or in part",
            json!({ "charge": text, "amount": { "type": "integer", "description": "in cents" } }),
            &["amount"],
        ),
        tool("trello_list_boards", "List the boards of a member", json!({}), &[]),
        tool(
            "file_management",
            "Keep files: list, upload and download them, make QR codes",
            json!({
                "operation": { "type": "string", "enum": ["upload", "download", "list", "generate_qr"] },
                "filename": text, "url": text,
            }),
            &["operation"],
        ),
    ]
}

fn ask(messages: &[Message]) -> Answer {
    answer(&Request {
        model: MODEL.to_owned(),
        system: None,
        messages: messages.to_vec(),
        tools: tools(),
        max_tokens: None,
        temperature: None,
        answer_schema: None,
        timeout: Duration::from_secs(1),
    })
    .unwrap()
}

fn user(text: &str) -> Message {
    Message::User { text: text.to_owned() }
}

/// The answer as a message, and the result of its call.
fn and_then(answer: Answer, result: Value) -> Vec<Message> {
    let call = answer.calls[0].clone();
    let (call_id, name) = (call.id, call.name);
    vec![
        Message::Assistant { text: answer.text, calls: answer.calls },
        Message::Tool { call_id, name, content: result.to_string(), failed: false },
    ]
}

fn called(answer: &Answer) -> (&str, Value) {
    let [call] = &*answer.calls else { panic!("no call: {answer:?}") };
    let Arguments::Object(arguments) = &call.arguments else { panic!("{answer:?}") };
    (&call.name, Value::Object(arguments.clone()))
}

#[test]
fn calls_the_tool_that_is_meant() {
    let check = |text: &str, tool: &str, arguments: Value| {
        let answer = ask(&[user(text)]);
        assert_eq!(called(&answer), (tool, arguments), "{text}");
        assert_eq!(answer.stop, Stop::Tools, "{text}");
    };
    check(
        "Send \"hi\" to #general",
        "slack_send_message",
        json!({ "channel": "#general", "text": "hi" }),
    );
    check(
        "use slack_send_message with channel=#ops text=up",
        "slack_send_message",
        json!({ "channel": "#ops", "text": "up" }),
    );
    check(
        "please create a channel named launch",
        "slack_create_channel",
        json!({ "name": "launch" }),
    );
    check(
        "refund an amount of 500 for the payment",
        "stripe_create_refund",
        json!({ "amount": 500 }),
    );
    check("list my boards", "trello_list_boards", json!({}));
    check("show the list of my files", "file_management", json!({ "operation": "list" }));
}

#[test]
fn says_what_it_is_and_what_it_does_not_understand() {
    let check = |text: &str, expected: &str| {
        let answer = ask(&[user(text)]);
        assert!(answer.calls.is_empty() && answer.stop == Stop::End, "{text}: {answer:?}");
        assert!(answer.text.contains(expected), "{text}: {answer:?}");
    };
    check("Hello!", "not a language model");
    check("", "not a language model");
    check("the sunset over the lake was lovely", "not a language model");
    check("write a poem about the sea", "I do not understand");
    check("what is the capital of France?", "I do not understand");
    check("something with a channel", "`slack_create_channel`");
    assert!(ask(&[]).text.contains("offline assistant"));
}

#[test]
fn asks_for_what_is_missing_and_goes_on_with_the_answer() {
    let mut messages = vec![user("send a message to #general")];
    let question = ask(&messages);
    assert!(question.calls.is_empty() && question.text.ends_with("- `text`"), "{question:?}");
    messages.push(Message::Assistant { text: question.text, calls: Vec::new() });
    messages.push(user("lunch, and more, is ready"));
    let expected = json!({ "channel": "#general", "text": "lunch, and more, is ready" });
    assert_eq!(called(&ask(&messages)), ("slack_send_message", expected));

    // An answer that is a wish of its own.
    messages.pop();
    messages.push(user("list my boards"));
    assert_eq!(called(&ask(&messages)), ("trello_list_boards", json!({})));

    let described = ask(&[user("refund the payment")]);
    assert!(described.text.contains("- `amount`: in cents"), "{described:?}");
}

#[test]
fn does_one_thing_after_another_and_reports() {
    let mut messages = vec![user("create a channel named launch and then send \"hi\" to #launch")];
    let first = ask(&messages);
    assert_eq!(called(&first), ("slack_create_channel", json!({ "name": "launch" })));
    messages.extend(and_then(first, json!({ "id": "C1" })));
    let second = ask(&messages);
    assert_eq!(called(&second).0, "slack_send_message");
    assert_eq!(second.calls[0].id, "offline-2");
    messages.extend(and_then(second, json!({ "ok": true })));
    let report = ask(&messages);
    assert!(report.calls.is_empty() && report.text.contains("- id: C1"), "{report:?}");
    assert!(report.text.contains("- ok: true"), "{report:?}");
}

#[test]
fn a_question_in_between_repeats_nothing() {
    let mut messages = vec![user("list my boards and then send a message to #general")];
    let first = ask(&messages);
    messages.extend(and_then(first, json!([{ "name": "Plans" }])));
    let question = ask(&messages);
    assert!(
        question.text.contains("| Plans |") && question.text.ends_with("- `text`"),
        "{question:?}"
    );
    messages.push(Message::Assistant { text: question.text, calls: Vec::new() });
    messages.push(user("hello"));
    let expected = json!({ "channel": "#general", "text": "hello" });
    assert_eq!(called(&ask(&messages)), ("slack_send_message", expected));
}

#[test]
fn stops_at_what_failed() {
    let mut messages = vec![user("list my boards and send \"hi\" to #general")];
    let first = ask(&messages);
    assert_eq!(called(&first).0, "trello_list_boards");
    messages.extend(and_then(first, json!({ "error": "no connection" })));
    if let Some(Message::Tool { failed, .. }) = messages.last_mut() {
        *failed = true;
    }
    let report = ask(&messages);
    assert!(report.calls.is_empty(), "{report:?}");
    assert!(report.text.contains("failed: no connection"), "{report:?}");
    assert!(report.text.contains("I stopped there"), "{report:?}");
}

#[test]
fn answers_in_a_form_only_from_the_text() {
    let schema = json!({ "type": "object", "properties": { "amount": { "type": "integer" } }, "required": ["amount"] });
    let messages = |text: &str| vec![user(text)];
    assert_eq!(structured(&messages("an amount of 5"), &schema).unwrap(), r#"{"amount":5}"#);
    let refused = structured(&messages("nothing of that"), &schema).unwrap_err();
    assert!(refused.code == "rejected" && refused.message.ends_with("amount"), "{refused:?}");
}

#[test]
fn is_a_provider_like_any_other() {
    let request = Request {
        model: MODEL.to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![user("hello there")],
        tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        answer_schema: None,
        timeout: Duration::from_secs(1),
    };
    let said = Mutex::new(String::new());
    let take = |delta: Delta| {
        if let Delta::Text(text) = delta {
            said.lock().push_str(&text);
        }
    };
    let answer = futures_util::FutureExt::now_or_never(Offline.complete(None, &request, &take));
    let answer = answer.unwrap().unwrap();
    assert_eq!(*said.lock(), answer.text);
    assert_eq!(answer.usage.input_tokens, 4);
    assert_eq!(answer.usage.output_tokens, words(&answer.text));
    assert_eq!(answer, super::answer(&request).unwrap());
}

#[test]
fn takes_wishes_apart() {
    let check = |text: &str, expected: &[&str]| assert_eq!(wish::parts(text), expected, "{text}");
    check("do this", &["do this"]);
    check("create a, then list b; send c.", &["create a", "list b", "send c"]);
    check("create a and list b", &["create a", "list b"]);
    check("send cats and dogs", &["send cats and dogs"]);
    check("send \"up and then list it\" to #a", &["send \"up and then list it\" to #a"]);
    check("", &[]);
}

proptest::proptest! {
    #[test]
    fn takes_any_conversation(texts in proptest::collection::vec("(\\PC|and then|list|channel|\"|:|=|I still need:|- `a`|\n| ){0,20}", 0..5)) {
        let messages: Vec<_> = texts.iter().enumerate().map(|(at, text)| match at % 3 {
            1 => Message::Assistant { text: text.clone(), calls: Vec::new() },
            2 => Message::Tool { call_id: "1".to_owned(), name: "t".to_owned(), content: text.clone(), failed: false },
            _ => user(text),
        }).collect();
        ask(&messages);
    }
}
