#![allow(clippy::unwrap_used)]

use super::*;
use crate::llm::draft::Reading;
use crate::llm::testing::{history, request};
use crate::llm::{Arguments, Usage};

/// The answer in these chunks.
fn read(chunks: &[Value], done: bool) -> Result<Answer, CompletionError> {
    let mut reading = Reading::new(Framing::Events, decode, Draft::new("asked", &|_| {}));
    for chunk in chunks {
        reading.take(format!("data: {chunk}\n\n").as_bytes())?;
    }
    if done {
        reading.take(b"data: [DONE]\n\n")?;
    }
    reading.over(None)
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "delta": delta, "finish_reason": null }] })
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "delta": {}, "finish_reason": reason }] })
}

fn calls(pieces: &[Value]) -> Vec<(String, String, Value)> {
    let mut chunks: Vec<_> =
        pieces.iter().map(|piece| delta(json!({ "tool_calls": [piece] }))).collect();
    chunks.push(finish("tool_calls"));
    let answer = read(&chunks, true).unwrap();
    assert_eq!(answer.stop, Stop::Tools);
    let calls = answer.calls.into_iter();
    calls.map(|call| (call.id, call.name, json!(call.arguments))).collect()
}

#[test]
fn calls_are_put_together_however_servers_send_them() {
    let piece = |index: Option<u64>, id: Option<&str>, name: Option<&str>, arguments: Value| json!({ "index": index, "id": id, "function": { "name": name, "arguments": arguments } });
    let two = [("1", "f", json!({ "a": 1 })), ("2", "g", json!({}))];
    for pieces in [
        // In pieces, by number.
        vec![
            piece(Some(0), Some("1"), Some("f"), json!("")),
            piece(Some(1), Some("2"), Some("g"), json!("{")),
            piece(Some(0), None, None, json!("{\"a\":1}")),
            piece(Some(1), None, None, json!("}")),
        ],
        // Whole, without numbers.
        vec![
            piece(None, Some("1"), Some("f"), json!("{\"a\":1}")),
            piece(None, Some("2"), Some("g"), json!("")),
        ],
        // Whole, all with the same number, one with an object.
        vec![
            piece(Some(0), Some("1"), Some("f"), json!({ "a": 1 })),
            piece(Some(0), Some("2"), Some("g"), Value::Null),
        ],
        // Id and name again in every piece.
        vec![
            piece(Some(0), Some("1"), Some("f"), json!("{\"a\"")),
            piece(Some(0), Some("1"), Some("f"), json!(":1}")),
            piece(Some(1), Some("2"), Some("g"), json!("null")),
        ],
        // Pieces without numbers, by id.
        vec![
            piece(None, Some("1"), Some("f"), json!("{\"a\"")),
            piece(None, None, None, json!(":1}")),
            piece(None, Some("2"), Some("g"), json!("  ")),
        ],
    ] {
        let found = calls(&pieces);
        let found: Vec<_> =
            found.iter().map(|(id, name, it)| (id.as_str(), name.as_str(), it.clone())).collect();
        assert_eq!(found, two, "{pieces:?}");
    }
    let nameless_ids = calls(&[
        json!({ "function": { "name": "f", "arguments": "{}" } }),
        json!({ "function": { "name": "g", "arguments": "{}" } }),
    ]);
    let [first, second] = nameless_ids.as_slice() else { unreachable!("{nameless_ids:?}") };
    assert_eq!((first.1.as_str(), second.1.as_str()), ("f", "g"));
    assert!(first.0.starts_with("call_") && first.0 != second.0);
}

#[test]
fn arguments_that_are_none_are_given_out_as_such_and_partial_ones_never() {
    let call = |arguments: &str| {
        let function = json!({ "name": "f", "arguments": arguments });
        delta(json!({ "tool_calls": [{ "index": 0, "id": "1", "function": function }] }))
    };
    for broken in ["{\"a\":", "[1]", "7", "{'a': 1}"] {
        let answer = read(&[call(broken), finish("tool_calls")], true).unwrap();
        let arguments = answer.calls.first().map(|call| call.arguments.clone());
        assert_eq!(arguments, Some(Arguments::Malformed(broken.to_owned())));
    }
    for partial in ["", "{\"a\":"] {
        let answer = read(&[call(partial), finish("length")], true).unwrap();
        assert_eq!((answer.calls.len(), answer.stop), (0, Stop::Length));
        assert_eq!(read(&[call(partial)], true).unwrap_err().code, "cut_off");
    }
    let named = delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{}" } }] }));
    assert_eq!(read(&[named, finish("tool_calls")], true).unwrap_err().code, "malformed");
}

#[test]
fn ends_and_words_are_read_as_servers_give_them() {
    let words = delta(json!({ "content": "a" }));
    for (chunks, done, text, stop) in [
        (vec![words.clone(), finish("stop")], true, "a", Stop::End),
        (vec![words.clone(), finish("stop")], false, "a", Stop::End),
        (vec![words.clone(), finish("eos_token")], true, "a", Stop::End),
        (vec![words.clone()], true, "a", Stop::End),
        (vec![words.clone(), finish("content_filter")], true, "a", Stop::Filtered),
        (vec![delta(json!({ "refusal": "No." })), finish("stop")], true, "No.", Stop::Refused),
        (vec![finish("stop")], true, "", Stop::End),
        (vec![finish("tool_calls")], true, "", Stop::End),
        (
            vec![delta(json!({ "content": [{ "type": "text", "text": "b" }] })), finish("stop")],
            true,
            "b",
            Stop::End,
        ),
    ] {
        let answer = read(&chunks, done).unwrap();
        assert_eq!((answer.text.as_str(), answer.stop), (text, stop), "{chunks:?}");
        assert_eq!((answer.usage, answer.model.as_str()), (Usage::default(), "asked"));
    }
    assert_eq!(read(&[words], false).unwrap_err().code, "cut_off");
    assert_eq!(read(&[], true).unwrap_err().code, "cut_off");
}

#[test]
fn a_request_is_put_as_the_dialect_wants_it() {
    let server = crate::llm::testing::server();
    let openai = OpenAi { server, limit: "max_completion_tokens" };
    let tool = json!({ "type": "function", "function": { "name": "look", "description": "Looks.",
        "parameters": { "type": "object", "properties": {} } } });
    let call = |id: &str, arguments: &str| {
        json!({ "id": id, "type": "function",
            "function": { "name": "look", "arguments": arguments } })
    };
    assert_eq!(
        openai.body(&request(history())),
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Look" },
                { "role": "assistant", "content": null, "tool_calls": [
                    call("a.1", "{\"at\":\"it\"}"), call("b", "{\"malformed\":\"{\\\"at\"}"),
                ] },
                { "role": "tool", "tool_call_id": "a.1", "content": "seen" },
                { "role": "tool", "tool_call_id": "b", "content": "no such place" },
                { "role": "assistant", "content": "I saw it." },
                { "role": "user", "content": "" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "tools": [tool],
            "max_completion_tokens": 50,
            "temperature": 0.5,
            "response_format": { "type": "json_schema",
                "json_schema": { "name": "answer", "schema": { "type": "object" } } },
        })
    );
}
