#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

//! What holds for every dialect alike.

use std::sync::Arc;
use std::sync::Mutex;

use futures_util::future::join_all;
use hub_events::testing::epoch;
use proptest::prelude::*;

use super::draft::{Decode, Draft, Progress, Reading};
use super::stream::Framing;
use super::*;
use crate::clock::Clock;
use crate::config::{Llm, LlmProvider};
use crate::egress::Egress;
use models::{DIALECTS, Dialect, End, Models, Reply, Said, wire};

fn reader(dialect: Dialect) -> (Framing, Decode) {
    match dialect {
        Dialect::OpenAi => (Framing::Events, openai::decode),
        Dialect::Anthropic => (Framing::Events, anthropic::decode),
        Dialect::Ollama => (Framing::Lines, ollama::decode),
        Dialect::Gemini => (Framing::Events, gemini::decode),
    }
}

/// The answer in some bytes that come in these pieces, after which the stream is over.
fn read<'a>(
    dialect: Dialect,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Answer, CompletionError> {
    let (framing, decode) = reader(dialect);
    let mut reading = Reading::new(framing, decode, Draft::new("asked", &|_| {}));
    for piece in pieces {
        if reading.take(piece)? == Progress::Ended {
            return reading.answer();
        }
    }
    reading.over(None)
}

fn samples() -> [Said; 5] {
    [
        Said::text("Grüße, 世界 🦀!"),
        Said::text("I look.").call("weather", json!({ "city": "Nairobi — \"CBD\"" })),
        Said::default()
            .call("first", json!({}))
            .call("second", json!({ "list": [1, { "b": null }] })),
        Said::text("And then").ending(End::Length),
        Said::text("I won't").ending(End::Withheld),
    ]
}

fn expected(dialect: Dialect, said: &Said) -> Answer {
    let calls = said.calls.iter().enumerate().map(|(index, (name, arguments))| ToolCall {
        id: format!("call_{index}"),
        name: name.clone(),
        arguments: Arguments::Object(arguments.as_object().unwrap().clone()),
        signature: None,
    });
    let stop = match said.end {
        End::Length => Stop::Length,
        End::Withheld => match dialect {
            Dialect::OpenAi | Dialect::Gemini => Stop::Filtered,
            Dialect::Anthropic => Stop::Refused,
            Dialect::Ollama => Stop::End,
        },
        End::Done if said.calls.is_empty() => Stop::End,
        End::Done => Stop::Tools,
    };
    let cached_tokens = if dialect == Dialect::Ollama { 0 } else { 8 };
    let usage = Usage { input_tokens: 20, output_tokens: 5, cached_tokens };
    let (text, model) = (said.text.clone(), "scripted-1".to_owned());
    Answer { text, calls: calls.collect(), stop, usage, model }
}

#[test]
fn every_dialect_gives_the_same_answer_wherever_its_bytes_are_split() {
    for dialect in DIALECTS {
        for said in samples() {
            let bytes = wire(dialect, &said);
            let expected = expected(dialect, &said);
            for at in 0..bytes.len() {
                let answer = read(dialect, [&bytes[..at], &bytes[at..]]);
                assert_eq!(answer.as_ref(), Ok(&expected), "{dialect:?} split at {at}");
            }
            let answer = read(dialect, bytes.chunks(1));
            assert_eq!(answer, Ok(expected), "{dialect:?} byte by byte");
        }
    }
}

#[test]
fn a_stream_that_is_cut_is_an_error_or_all_that_was_said() {
    for dialect in DIALECTS {
        for said in samples() {
            let bytes = wire(dialect, &said);
            let whole = expected(dialect, &said);
            // The end is in the last frames: what comes after it is about usage at most.
            let mut accepted = 0;
            for at in 0..bytes.len() {
                match read(dialect, [&bytes[..at]]) {
                    Err(error) => {
                        assert_eq!(error.code, "cut_off", "{dialect:?} cut at {at}");
                        assert_eq!(accepted, 0, "{dialect:?} cut at {at}, after the end");
                    }
                    Ok(answer) => {
                        let usage = whole.usage;
                        assert_eq!(Answer { usage, ..answer }, whole, "{dialect:?} cut at {at}");
                        accepted += 1;
                    }
                }
            }
            let most = if dialect == Dialect::OpenAi { 250 } else { 4 };
            assert!(accepted <= most, "{dialect:?}: {accepted}");
        }
    }
}

#[test]
fn what_servers_tell_in_the_midst_of_an_answer_is_an_error() {
    for (dialect, frames, code) in [
        (
            Dialect::OpenAi,
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}}]}}]}\n\ndata: {\"error\":{\"message\":\"oops\",\"type\":\"server_error\"}}\n\n",
            "unavailable",
        ),
        (
            Dialect::OpenAi,
            "data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\n",
            "rate_limited",
        ),
        (
            Dialect::OpenAi,
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
            "unavailable",
        ),
        (Dialect::OpenAi, "data: {\"choices\":[{\"del\n\n", "malformed"),
        (
            Dialect::Anthropic,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
            "overloaded",
        ),
        (
            Dialect::Anthropic,
            "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\"}}\n\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n",
            "unavailable",
        ),
        (Dialect::Anthropic, "data: nonsense\n\n", "malformed"),
        (
            Dialect::Ollama,
            "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"model runner has unexpectedly stopped\"}\n",
            "unavailable",
        ),
        (Dialect::Ollama, "<html>\n", "malformed"),
        (
            Dialect::Gemini,
            "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\",\"message\":\"x\"}}\n\n",
            "overloaded",
        ),
        (
            Dialect::Gemini,
            "data: {\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}\n\n",
            "malformed",
        ),
    ] {
        let error = read(dialect, [frames.as_bytes()]).unwrap_err();
        assert_eq!((error.code, error.retryable), (code, true), "{frames}");
    }
}

/// A frame that ends an answer has one of these in it.
fn has_end(dialect: Dialect, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match dialect {
        Dialect::OpenAi => any(&["[DONE]", "finish_reason", "\\u"]),
        Dialect::Anthropic => any(&["message_stop", "\\u"]),
        Dialect::Ollama => any(&["done", "\\u"]),
        Dialect::Gemini => any(&["finishReason", "blockReason", "\\u"]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_is_no_panic_and_no_answer_without_its_end(
        sample in 0_usize..5,
        dialect in 0_usize..4,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..40,
            proptest::collection::vec(any::<u8>(), 0..12)), 0..6),
        length in 1_usize..60,
    ) {
        let dialect = DIALECTS[dialect];
        let mut bytes = wire(dialect, &samples()[sample]);
        for (at, gone, new) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let until = (at + gone).min(bytes.len());
            bytes.splice(at..until, new);
        }
        if let Ok(answer) = read(dialect, bytes.chunks(length)) {
            prop_assert!(has_end(dialect, &bytes), "{:?}", answer);
            prop_assert!(answer.calls.iter().all(|call| !call.name.is_empty() && !call.id.is_empty()));
        }
    }

    #[test]
    fn any_bytes_at_all_are_no_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        dialect in 0_usize..4,
    ) {
        if read(DIALECTS[dialect], bytes.chunks(7)).is_ok() {
            prop_assert!(has_end(DIALECTS[dialect], &bytes));
        }
    }
}

/// Providers of which the one that speaks a dialect is at an address.
fn providers(url: &str, silence_s: u32) -> Providers {
    let mut settings = Llm { silence_s, ..Llm::default() };
    for id in ["openai", "anthropic", "ollama", "gemini"] {
        let base = match id {
            "openai" => format!("{url}/v1"),
            _ => url.to_owned(),
        };
        let base_url = Some(base.parse().unwrap());
        let api_key = Some("sk-server".to_owned().into());
        let set = LlmProvider { api_key, base_url, ..LlmProvider::default() };
        settings.providers.insert(id.to_owned(), set);
    }
    let egress = Arc::new(Egress::new(Vec::new()).unwrap());
    Providers::new(&settings, &egress, &Clock::settable(epoch())).unwrap()
}

fn id(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Ollama => "ollama",
        Dialect::Gemini => "gemini",
    }
}

fn request() -> Request {
    Request {
        model: "scripted".to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![Message::User { text: "Hello".to_owned() }],
        tools: Vec::new(),
        max_tokens: Some(100),
        temperature: None,
        answer_schema: None,
        timeout: Duration::from_secs(20),
    }
}

#[tokio::test]
async fn an_answer_comes_over_the_wire_with_its_pieces_on_the_way() {
    let own = Secret::from("sk-own".to_owned());
    for dialect in DIALECTS {
        let said = Said::text("Let me see 🦀").call("look", json!({ "at": "it" }));
        let models = Models::start([Reply::Says(said.clone()), Reply::Says(said.clone())]).await;
        let providers = providers(&models.url(), 20);
        let provider = providers.get(id(dialect)).unwrap();
        let deltas = Mutex::new(Vec::new());
        let note = |delta| deltas.lock().unwrap().push(delta);
        let answer = provider.complete(None, &request(), &note).await;
        assert_eq!(answer, Ok(expected(dialect, &said)), "{dialect:?}");
        let mut text = String::new();
        let mut calls = Vec::new();
        for delta in deltas.into_inner().unwrap() {
            match delta {
                Delta::Text(more) => text.push_str(&more),
                Delta::Call { index, name } => calls.push((index, name)),
                Delta::Reasoning(more) => panic!("{more}"),
            }
        }
        assert_eq!((text.as_str(), calls), ("Let me see 🦀", vec![(0, "look".to_owned())]));
        provider.complete(Some(&own), &request(), &|_| {}).await.unwrap();
        let asked = models.asked();
        let has =
            |index: usize, word: &str| asked[index].headers.iter().any(|it| it.contains(word));
        assert!(has(0, "sk-server") && !has(1, "sk-server") && has(1, "sk-own"), "{dialect:?}");
        let names = provider.models(None).await.unwrap();
        assert!(names.iter().any(|name| name.starts_with("scripted")), "{names:?}");
        assert!(!names.iter().any(|name| name == "embedder"), "{names:?}");
    }
}

#[tokio::test]
async fn faults_of_servers_are_told_apart_in_every_dialect() {
    let said = Said::text("Never heard in whole");
    let wait = Some(Duration::from_secs(7));
    for (reply, code, status, retryable, retry_after) in [
        (Reply::Status(429, &["retry-after: 7"], "{}"), "rate_limited", Some(429), true, wait),
        (Reply::Status(500, &[], "oh"), "unavailable", Some(500), true, None),
        (Reply::Status(529, &["retry-after: 7"], ""), "overloaded", Some(529), true, wait),
        (Reply::Status(401, &[], "{}"), "unauthorized", Some(401), false, None),
        (Reply::Status(302, &["location: /elsewhere"], ""), "rejected", Some(302), false, None),
        (Reply::Cut(said.clone(), 60), "cut_off", None, true, None),
        (Reply::Cut(said.clone(), 0), "cut_off", None, true, None),
        (Reply::Stalls(said.clone(), 60), "timeout", None, true, None),
        (Reply::Bytes(b"data: {\n\n".to_vec()), "malformed", None, true, None),
    ] {
        let errors = join_all(DIALECTS.map(async |dialect| {
            let models = Models::start([reply.clone()]).await;
            let providers = providers(&models.url(), 1);
            let provider = providers.get(id(dialect)).unwrap();
            provider.complete(None, &request(), &|_| {}).await.unwrap_err()
        }));
        for (error, dialect) in errors.await.into_iter().zip(DIALECTS) {
            let found = (error.code, error.status, error.retryable, error.retry_after);
            assert_eq!(found, (code, status, retryable, retry_after), "{dialect:?} {reply:?}");
            assert!(!error.message.contains("sk-server"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_reachable() {
    let providers = providers("http://127.0.0.1:1", 1);

    for dialect in DIALECTS {
        let provider = providers.get(id(dialect)).unwrap();
        let error = provider.complete(None, &request(), &|_| {}).await.unwrap_err();
        assert_eq!((error.code, error.retryable), ("not_reachable", true));
        assert!(!error.message.contains("127.0.0.1"), "{error}");
    }
}

#[test]
fn calls_are_stored_as_plain_json() {
    let call = |arguments| ToolCall {
        id: "1".to_owned(),
        name: "f".to_owned(),
        arguments,
        signature: None,
    };
    for (arguments, stored) in [
        (Arguments::Object(Map::new()), json!({ "id": "1", "name": "f", "arguments": {} })),
        (
            Arguments::Malformed("{\"a".to_owned()),
            json!({ "id": "1", "name": "f", "arguments": "{\"a" }),
        ),
    ] {
        let call = call(arguments);
        assert_eq!(serde_json::to_value(&call).unwrap(), stored);
        assert_eq!(serde_json::from_value::<ToolCall>(stored).unwrap(), call);
    }
}

#[test]
fn schemas_are_shown_without_what_providers_refuse_at_the_top() {
    let spec = |schema| ToolSpec { name: String::new(), description: String::new(), schema };
    let deep = json!({ "anyOf": [{ "type": "string" }] });
    let schema = json!({ "type": "object", "allOf": [{}], "if": {}, "properties": { "a": deep } });
    let shown = json!({ "type": "object", "properties": { "a": deep } });
    assert_eq!(spec(schema).plain_schema(), shown);
    assert_eq!(spec(json!(true)).plain_schema(), json!({ "type": "object", "properties": {} }));
}
