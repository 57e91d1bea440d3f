#![allow(clippy::unwrap_used)]

use super::*;
use crate::llm::draft::Reading;
use crate::llm::testing::{history, request};
use crate::llm::{Arguments, Delta, Usage};

fn read(events: &[Value]) -> Result<Answer, CompletionError> {
    let mut reading = Reading::new(Framing::Events, decode, Draft::new("asked", &|_| {}));
    for event in events {
        reading.take(format!("data: {event}\n\n").as_bytes())?;
    }
    reading.over(None)
}

#[test]
fn a_call_may_begin_without_its_input_or_with_all_of_it() {
    let begin = |index: u64, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let more = |index: u64, json: &str| {
        let delta = json!({ "type": "input_json_delta", "partial_json": json });
        json!({ "type": "content_block_delta", "index": index, "delta": delta })
    };
    let answer = read(&[
        begin(0, json!({ "type": "tool_use", "id": "0", "name": "none" })),
        begin(1, json!({ "type": "tool_use", "name": "pieces" })),
        begin(2, json!({ "type": "tool_use", "id": "2", "name": "whole", "input": { "a": 1 } })),
        more(1, "{\"b\":"),
        more(1, "2}"),
        more(7, "of no call"),
        json!({ "type": "content_block_stop", "index": 1 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
        json!({ "type": "message_stop" }),
    ]);
    let answer = answer.unwrap();
    let calls: Vec<_> =
        answer.calls.iter().map(|call| (call.name.as_str(), json!(call.arguments))).collect();
    let expected =
        [("none", json!({})), ("pieces", json!({ "b": 2 })), ("whole", json!({ "a": 1 }))];
    assert_eq!(calls, expected);
    assert!(answer.calls.iter().all(|call| !call.id.is_empty()));
    assert_eq!((answer.stop, answer.usage), (Stop::Tools, Usage::default()));
}

#[test]
fn thoughts_are_shown_and_are_no_part_of_the_answer() {
    let seen = std::sync::Mutex::new(Vec::new());
    let note = |delta| seen.lock().unwrap().push(delta);
    let mut draft = Draft::new("asked", &note);
    let delta = json!({ "type": "thinking_delta", "thinking": "Hm" });
    let event = json!({ "type": "content_block_delta", "index": 0, "delta": delta });
    decode(&event.to_string(), &mut draft).unwrap();
    let unknown = json!({ "type": "something_new", "delta": 7 }).to_string();
    assert_eq!(decode(&unknown, &mut draft), Ok(Progress::More));
    assert_eq!(*seen.lock().unwrap(), [Delta::Reasoning("Hm".to_owned())]);
}

#[test]
fn the_reason_for_an_end_is_no_end() {
    let words = json!({ "type": "content_block_delta", "index": 0,
        "delta": { "type": "text_delta", "text": "a" } });
    let reason = |reason: &str| {
        json!({ "type": "message_delta", "delta": { "stop_reason": reason },
            "usage": { "output_tokens": 3 } })
    };
    let stop = json!({ "type": "message_stop" });
    assert_eq!(read(&[words.clone(), reason("end_turn")]).unwrap_err().code, "cut_off");
    for (word, expected) in [
        ("end_turn", Stop::End),
        ("stop_sequence", Stop::End),
        ("max_tokens", Stop::Length),
        ("model_context_window_exceeded", Stop::Length),
        ("refusal", Stop::Refused),
        ("tool_use", Stop::End),
    ] {
        let answer = read(&[words.clone(), reason(word), stop.clone()]).unwrap();
        assert_eq!((answer.stop, answer.usage.output_tokens), (expected, 3), "{word}");
    }
    assert_eq!(read(&[words, stop]).unwrap().stop, Stop::End);
}

#[test]
fn a_request_is_put_as_the_dialect_wants_it() {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let call = |id: &str, input: Value| json!({ "type": "tool_use", "id": id, "name": "look", "input": input });
    let result = |id: &str, content: &str, is_error: bool| {
        json!({ "type": "tool_result", "tool_use_id": id, "content": content,
            "is_error": is_error })
    };
    assert_eq!(
        body(&request(history())),
        json!({
            "model": "m",
            "max_tokens": 50,
            "stream": true,
            "messages": [
                { "role": "user", "content": [text("Look")] },
                { "role": "assistant", "content": [
                    call("a_1", json!({ "at": "it" })),
                    call("b", json!({ "malformed": "{\"at" })),
                ] },
                { "role": "user", "content": [
                    result("a_1", "seen", false), result("b", "no such place", true),
                ] },
                { "role": "assistant", "content": [text("I saw it.")] },
                { "role": "user", "content": [text("(empty)")] },
            ],
            "system": "Be brief.",
            "tools": [{ "name": "look", "description": "Looks.",
                "input_schema": { "type": "object", "properties": {} } }],
            "temperature": 0.5,
            "output_config": { "format": { "type": "json_schema",
                "schema": { "type": "object" } } },
        })
    );
    let bare = crate::llm::Request { max_tokens: None, ..request(Vec::new()) };
    assert_eq!(body(&bare).get("max_tokens"), Some(&json!(8_192)));
    let silent = Message::Assistant { text: " ".to_owned(), calls: Vec::new() };
    assert_eq!(messages(&[silent]), Vec::<Value>::new());
    assert_eq!(Arguments::Malformed("x".to_owned()).object().len(), 1);
}
