#![allow(clippy::unwrap_used)]

use super::*;
use crate::llm::Arguments;
use crate::llm::draft::Reading;
use crate::llm::testing::{history, request};

fn read(lines: &[Value]) -> Result<Answer, CompletionError> {
    let mut reading = Reading::new(Framing::Lines, decode, Draft::new("asked", &|_| {}));
    for line in lines {
        reading.take(format!("{line}\n").as_bytes())?;
    }
    reading.over(None)
}

#[test]
fn calls_come_in_one_line_or_several_and_without_ids() {
    let calls = |calls: Value| json!({ "message": { "content": null, "tool_calls": calls } });
    let function = |name: &str, arguments: Value| json!({ "function": { "name": name, "arguments": arguments } });
    let done = json!({ "message": { "content": "" }, "done": true, "done_reason": "stop" });
    let answer = read(&[
        calls(json!([function("a", json!({ "x": 1 })), function("b", Value::Null)])),
        calls(json!([function("c", json!("{\"y\":2}"))])),
        calls(Value::Null),
        done,
    ]);
    let answer = answer.unwrap();
    let found: Vec<_> =
        answer.calls.iter().map(|call| (call.name.as_str(), json!(call.arguments))).collect();
    assert_eq!(found, [("a", json!({ "x": 1 })), ("b", json!({})), ("c", json!({ "y": 2 }))]);
    let mut ids: Vec<_> = answer.calls.iter().map(|call| call.id.as_str()).collect();
    ids.dedup();
    assert_eq!((ids.len(), answer.stop), (3, Stop::Tools));
}

#[test]
fn an_answer_that_was_cut_for_its_length_says_so() {
    let line = json!({ "message": { "content": "a" }, "done": true, "done_reason": "length",
        "prompt_eval_count": 7 });
    let answer = read(&[line]).unwrap();
    assert_eq!((answer.stop, answer.usage.input_tokens), (Stop::Length, 7));
    let not_done = json!({ "message": { "content": "a" }, "done": false });
    assert_eq!(read(&[not_done]).unwrap_err().code, "cut_off");
}

#[test]
fn a_request_is_put_as_the_dialect_wants_it() {
    let call = |id: &str, arguments: Value| json!({ "id": id, "function": { "name": "look", "arguments": arguments } });
    let result = |id: &str, content: &str| json!({ "role": "tool", "tool_name": "look", "tool_call_id": id, "content": content });
    assert_eq!(
        body(&request(history())),
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Look" },
                { "role": "assistant", "content": "", "tool_calls": [
                    call("a.1", json!({ "at": "it" })),
                    call("b", json!({ "malformed": "{\"at" })),
                ] },
                result("a.1", "seen"),
                result("b", "no such place"),
                { "role": "assistant", "content": "I saw it." },
                { "role": "user", "content": "" },
            ],
            "stream": true,
            "tools": [{ "type": "function", "function": { "name": "look",
                "description": "Looks.",
                "parameters": { "type": "object", "properties": {} } } }],
            "format": { "type": "object" },
            "options": { "num_predict": 50, "temperature": 0.5 },
        })
    );
    assert_eq!(Arguments::Object(Map::new()).object(), Map::new());
}
