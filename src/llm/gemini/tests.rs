#![allow(clippy::unwrap_used)]

use super::*;
use crate::llm::draft::Reading;
use crate::llm::testing::{history, request};
use crate::llm::{Arguments, Delta};

fn read(pieces: &[Value]) -> Result<Answer, CompletionError> {
    let mut reading = Reading::new(Framing::Events, decode, Draft::new("asked", &|_| {}));
    for piece in pieces {
        reading.take(format!("data: {piece}\n\n").as_bytes())?;
    }
    reading.over(None)
}

fn piece(parts: Value, finish: Option<&str>) -> Value {
    json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": finish }] })
}

#[test]
fn several_calls_stand_in_one_piece_and_the_first_is_signed() {
    let parts = json!([
        { "text": "Both." },
        { "functionCall": { "name": "a", "args": { "x": 1 } }, "thoughtSignature": "sig" },
        { "functionCall": { "name": "b" } },
    ]);
    let usage = json!({ "usageMetadata": { "promptTokenCount": 3, "candidatesTokenCount": 2,
        "thoughtsTokenCount": 4 } });
    let answer = read(&[piece(parts, Some("STOP")), usage]).unwrap();
    let calls: Vec<_> = answer
        .calls
        .iter()
        .map(|call| (call.name.as_str(), json!(call.arguments), call.signature.as_deref()))
        .collect();
    assert_eq!(calls, [("a", json!({ "x": 1 }), Some("sig")), ("b", json!({}), None)]);
    assert_eq!((answer.text.as_str(), answer.stop), ("Both.", Stop::Tools));
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (3, 6));
}

#[test]
fn reasons_for_ends_are_read() {
    let words = || json!([{ "text": "a" }]);
    for (reason, expected) in [
        ("STOP", Ok(Stop::End)),
        ("OTHER", Ok(Stop::End)),
        ("MAX_TOKENS", Ok(Stop::Length)),
        ("SAFETY", Ok(Stop::Filtered)),
        ("FINISH_REASON_UNSPECIFIED", Err("cut_off")),
        ("UNEXPECTED_TOOL_CALL", Err("malformed")),
    ] {
        let answer = read(&[piece(words(), Some(reason))]);
        let stop = answer.map(|answer| answer.stop).map_err(|error| error.code);
        assert_eq!(stop, expected, "{reason}");
    }
    let blocked = read(&[json!({ "promptFeedback": { "blockReason": "SAFETY" } })]).unwrap();
    assert_eq!((blocked.stop, blocked.text.as_str()), (Stop::Filtered, ""));
    assert_eq!(read(&[piece(words(), None)]).unwrap_err().code, "cut_off");
    assert_eq!(read(&[piece(Value::Null, Some("STOP"))]).unwrap().text, "");
}

#[test]
fn thoughts_are_shown_and_are_no_part_of_the_answer() {
    let seen = std::sync::Mutex::new(Vec::new());
    let note = |delta| seen.lock().unwrap().push(delta);
    let mut draft = Draft::new("asked", &note);
    let parts = json!([{ "text": "Hm", "thought": true }, { "text": "Yes" }]);
    decode(&piece(parts, None).to_string(), &mut draft).unwrap();
    let expected = [Delta::Reasoning("Hm".to_owned()), Delta::Text("Yes".to_owned())];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_request_is_put_as_the_dialect_wants_it() {
    let call = |id: &str, args: Value| json!({ "id": id, "name": "look", "args": args });
    let result = |id: &str, response: Value| json!({ "functionResponse": { "id": id, "name": "look", "response": response } });
    assert_eq!(
        body(&request(history())),
        json!({
            "contents": [
                { "role": "user", "parts": [{ "text": "Look" }] },
                { "role": "model", "parts": [
                    { "functionCall": call("a.1", json!({ "at": "it" })),
                        "thoughtSignature": "skip_thought_signature_validator" },
                    { "functionCall": call("b", json!({ "malformed": "{\"at" })) },
                ] },
                { "role": "user", "parts": [
                    result("a.1", json!({ "result": "seen" })),
                    result("b", json!({ "error": "no such place" })),
                ] },
                { "role": "model", "parts": [{ "text": "I saw it." }] },
                { "role": "user", "parts": [{ "text": "" }] },
            ],
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "tools": [{ "functionDeclarations": [{ "name": "look", "description": "Looks.",
                "parametersJsonSchema": { "type": "object", "properties": {} } }] }],
            "generationConfig": { "maxOutputTokens": 50, "temperature": 0.5,
                "responseMimeType": "application/json",
                "responseJsonSchema": { "type": "object" } },
        })
    );
}

#[test]
fn what_came_signed_goes_back_signed() {
    let call = |signature: Option<&str>| ToolCall {
        id: "1".to_owned(),
        name: "f".to_owned(),
        arguments: Arguments::Object(Map::new()),
        signature: signature.map(str::to_owned),
    };
    let signatures = |calls: &[ToolCall]| -> Vec<Option<String>> {
        let parts = answer("", calls);
        let signature = |part: &Value| Some(part.get("thoughtSignature")?.as_str()?.to_owned());
        parts.iter().map(signature).collect()
    };
    assert_eq!(signatures(&[call(Some("sig")), call(None)]), [Some("sig".to_owned()), None]);
    assert_eq!(signatures(&[call(None), call(None)]), [Some(UNSIGNED.to_owned()), None]);
}
