//! Conversations over HTTP, with a scripted model: the loop, its faults, its ends, its streams.

use std::time::Duration;

use hub_events::Position;
use hub_events::log::Log as _;
use hub_events::log::sqlite::Sqlite;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::hub::{Answer, Hub, OWNER_KEY};
use crate::models::{Models, Reply, Said};
use crate::stub::{self, Stub};

/// A hub whose only model is a scripted one; no setting of the machine counts.
fn hub(models: &Models) -> Hub {
    hub_with(models, &[])
}

fn hub_with(models: &Models, settings: &[(&str, &str)]) -> Hub {
    let url = format!("{}/v1", models.url());
    let mut all = vec![
        ("HUB_EGRESS__ALLOW", "127.0.0.0/8"),
        ("HUB_LLM__MINE__BASE_URL", url.as_str()),
        ("HUB_LLM__MINE__MODEL", "scripted"),
        ("HUB_LLM__DEFAULT", "mine"),
        ("OLLAMA_HOST", "127.0.0.1:1"),
    ];
    all.extend(
        ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN"]
            .map(|name| (name, "")),
    );
    all.extend(settings);
    Hub::start_with(&all)
}

fn says(text: &str) -> Reply {
    Reply::Says(Said::text(text))
}

fn calls(tool: &str, arguments: Value) -> Reply {
    Reply::Says(Said::text("").call(tool, arguments))
}

/// A new conversation: its path.
async fn open(hub: &Hub) -> String {
    let (status, body) = hub.post("/chat/conversations", json!({})).await;
    assert_eq!((status.as_u16(), &body["data"]["title"]), (201, &json!("New Conversation")));
    assert_eq!(body["data"]["updated_at"], "");
    format!("/chat/conversations/{}", body["data"]["id"])
}

async fn say(hub: &Hub, conversation: &str, body: Value) -> Value {
    let (status, message) = hub.post(&format!("{conversation}/messages"), body).await;
    assert_eq!(status, 200, "{message}");
    message
}

async fn messages(hub: &Hub, conversation: &str) -> Vec<Value> {
    let (status, body) = hub.get(&format!("{conversation}/messages")).await;
    assert_eq!(status, 200, "{body}");
    body["data"].as_array().unwrap().clone()
}

fn roles(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["role"].as_str().unwrap()).collect()
}

/// Waits until the answer to a message is there.
async fn until_answered(hub: &Hub, conversation: &str, reply: i64) -> Value {
    for _ in 0..6_000 {
        let (_, message) = hub.get(&format!("{conversation}/messages/{reply}")).await;
        if matches!(message["status"].as_str(), Some("completed" | "error")) {
            return message;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no answer came");
}

#[tokio::test]
async fn a_message_is_answered_and_names_its_conversation() {
    let models = Models::start([says("Good morning.")]).await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let other = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "Hello there. How are you?" })).await;
    assert_eq!(message["content"], "Good morning.");
    assert_eq!((&message["role"], &message["status"]), (&json!("assistant"), &json!("completed")));
    assert_eq!((&message["tokens_used"], &message["tools_called"]), (&json!(25), &json!([])));
    assert_eq!((&message["error_message"], &message["tool_call_id"]), (&Value::Null, &Value::Null));
    let (_, whole) = hub.get(&conversation).await;
    assert_eq!(whole["title"], "Hello there");
    assert_eq!(roles(whole["messages"].as_array().unwrap()), ["user", "assistant"]);
    let (_, list) = hub.get("/chat/conversations").await;
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert!(conversation.ends_with(&ids[0].to_string()), "{list}");
    assert_eq!(hub.get("/chat/conversations?limit=1").await.1["data"].as_array().unwrap().len(), 1);
    let put = hub.request(OWNER_KEY, Method::PUT, &other).json(&json!({ "title": "Plans" }));
    let (_, renamed) = Hub::send(put).await;
    assert_eq!(renamed["data"]["title"], "Plans");
    assert_eq!(renamed["message"], "Conversation updated successfully");
    let (_, deleted) = Hub::send(hub.request(OWNER_KEY, Method::DELETE, &other)).await;
    assert_eq!(deleted["message"], "Conversation deleted successfully");
    let (status, missing) = hub.get(&other).await;
    assert_eq!((status.as_u16(), &missing["detail"]), (404, &json!("Conversation not found")));
    let path = format!("{conversation}/messages");
    for wrong in [json!({}), json!({ "content": null }), json!({ "content": "x", "limits": 1 })] {
        assert_eq!(hub.post(&path, wrong).await.0, 422);
    }
}

#[tokio::test]
async fn wrong_arguments_are_mended_by_the_model_and_two_calls_are_made_at_once() {
    let models = Models::start([
        calls("wait", json!({ "seconds": "soon" })),
        Reply::Says(Said::text("").call("wait", json!({ "seconds": 0 })).call("nobody", json!({}))),
        says("Done."),
    ])
    .await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "wait a little" })).await;
    assert_eq!(message["content"], "Done.", "{message}");
    let called = message["tools_called"].as_array().unwrap();
    let stood: Vec<_> = called.iter().map(|call| call["status"].as_str().unwrap()).collect();
    assert_eq!(stood[..1], ["rejected"], "{message}");
    assert_eq!(stood[2..], ["rejected"], "{message}");
    assert!(called[0]["result"]["error"].as_str().unwrap().contains("seconds"), "{message}");
    let said = messages(&hub, &conversation).await;
    assert_eq!(roles(&said), ["user", "tool", "tool", "tool", "assistant"]);
    assert_eq!(said[1]["tool_call_id"], called[0]["id"]);
    let asked = models.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].body.to_string().contains("Invalid arguments"));
}

#[tokio::test]
async fn calls_without_end_are_ended() {
    let endless = (0..20).map(|n| calls("set_variables", json!({ "n": n })));
    let models = Models::start(endless).await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let limits = json!({ "rounds": 3 });
    let message = say(&hub, &conversation, json!({ "content": "go", "limits": limits })).await;
    assert_eq!(message["limit_reached"], "rounds", "{message}");
    assert_eq!(models.asked().len(), 4);
}

#[tokio::test]
async fn who_is_too_busy_is_asked_again_and_who_fails_is_told() {
    let models = Models::start([
        Reply::Status(429, &["retry-after: 1"], r#"{"error":{"message":"slow down"}}"#),
        says("Here."),
        Reply::Status(401, &[], r#"{"error":{"message":"no such key"}}"#),
    ])
    .await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "hello" })).await;
    assert_eq!((&message["content"], &message["status"]), (&json!("Here."), &json!("completed")));
    for provider in [Value::Null, json!("nobody"), json!("openai")] {
        let said = json!({ "content": "hello", "provider": provider });
        let message = say(&hub, &conversation, said).await;
        assert_eq!((&message["status"], &message["tokens_used"]), (&json!("error"), &json!(0)));
        assert!(message["content"].as_str().unwrap().starts_with("I apologize"), "{message}");
        assert!(message["error_message"].is_string(), "{message}");
    }
    assert_eq!(models.asked().len(), 3);
}

#[tokio::test]
async fn another_provider_answers_where_the_first_fails() {
    let broken = Models::start([Reply::Status(400, &[], "{}")]).await;
    let models = Models::start([says("From the other.")]).await;
    let url = format!("{}/v1", broken.url());
    let settings = [
        ("HUB_LLM__FIRST__BASE_URL", url.as_str()),
        ("HUB_LLM__FIRST__MODEL", "scripted"),
        ("HUB_LLM__DEFAULT", "first"),
    ];
    let hub = hub_with(&models, &settings);
    let conversation = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "hello" })).await;
    assert_eq!(
        (&message["content"], &message["provider"]),
        (&json!("From the other."), &json!("mine"))
    );
}

/// A call that a person must approve, as its model asks for it.
fn post(stub: &Stub, path: &str) -> Reply {
    calls("http_request", json!({ "method": "POST", "url": stub.url(path) }))
}

#[tokio::test]
async fn a_proposal_is_made_when_it_is_approved_and_not_when_it_is_declined() {
    let stub = Stub::start(&[]).await;
    let models =
        Models::start([post(&stub, "/a"), says("Sent."), post(&stub, "/b"), says("Not sent.")])
            .await;
    let mut hub = hub_with(&models, &[("HUB_CHAT__APPROVE_AT_MOST_ONCE", "true")]);
    let conversation = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "send it" })).await;
    assert_eq!(message["status"], "processing", "{message}");
    assert_eq!(message["tools_called"][0]["status"], "proposed");
    hub.kill();
    hub.restart();
    let (_, proposals) = hub.get("/chat/proposals").await;
    let proposal = proposals["data"][0].clone();
    assert_eq!(proposal["tool"], "http_request", "{proposals}");
    let path = format!("/chat/proposals/{}/confirm", proposal["id"].as_str().unwrap());
    let other = hub.post(&path, json!({ "arguments_hash": "other" })).await;
    assert_eq!((other.0.as_u16(), &other.1["code"]), (409, &json!("proposal_changed")));
    assert_eq!(stub.asked().len(), 0);
    let (status, done) = hub.post(&path, json!({})).await;
    assert_eq!((status.as_u16(), &done["status"]), (200, &json!("executed")), "{done}");
    let reply = message["id"].as_i64().unwrap();
    assert_eq!(until_answered(&hub, &conversation, reply).await["content"], "Sent.");
    let message = say(&hub, &conversation, json!({ "content": "again" })).await;
    let (_, proposals) = hub.get("/chat/proposals").await;
    let path = format!("/chat/proposals/{}/confirm", proposals["data"][0]["id"].as_str().unwrap());
    let (_, declined) = hub.post(&path, json!({ "approve": false })).await;
    assert_eq!(declined["status"], "cancelled", "{declined}");
    let reply = message["id"].as_i64().unwrap();
    assert_eq!(until_answered(&hub, &conversation, reply).await["content"], "Not sent.");
    assert_eq!(hub.post(&path, json!({})).await.0, 409);
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_turn_is_cancelled_and_the_next_message_waits_or_is_refused() {
    let models =
        Models::start([Reply::Stalls(Said::text("a long answer"), 40), says("Next.")]).await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let path = format!("{conversation}/messages");
    let send = |body: Value| hub.request(OWNER_KEY, Method::POST, &path).json(&body);
    let first = send(json!({ "content": "one" })).header("Prefer", "respond-async");
    let (status, first) = Hub::send(first).await;
    assert_eq!(status, 202, "{first}");
    let refused = hub.post(&path, json!({ "content": "two", "when_busy": "refuse" })).await;
    assert_eq!((refused.0.as_u16(), &refused.1["code"]), (409, &json!("turn_running")));
    let queued = send(json!({ "content": "two" })).header("Prefer", "respond-async");
    let (_, queued) = Hub::send(queued).await;
    assert_eq!(queued["status"], "pending");
    let cancel = format!("{path}/{}/cancel", first["id"]);
    assert_eq!(hub.post(&cancel, json!({})).await.0, 200);
    let next = until_answered(&hub, &conversation, queued["id"].as_i64().unwrap()).await;
    assert_eq!(next["content"], "Next.");
    let (_, first) = hub.get(&format!("{path}/{}", first["id"])).await;
    assert_eq!((&first["status"], &first["error_code"]), (&json!("error"), &json!("cancelled")));
}

#[tokio::test]
async fn an_edit_opens_a_branch_and_the_other_is_kept() {
    let models = Models::start([says("A."), says("B.")]).await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    say(&hub, &conversation, json!({ "content": "first" })).await;
    let first = messages(&hub, &conversation).await[0]["id"].clone();
    say(&hub, &conversation, json!({ "content": "second", "edits": first })).await;
    let said = messages(&hub, &conversation).await;
    assert_eq!((said.len(), &said[1]["content"]), (2, &json!("B.")));
    let of_first = format!("{conversation}/messages/{first}");
    let (_, siblings) = hub.get(&format!("{of_first}/siblings")).await;
    assert_eq!(siblings["data"].as_array().unwrap().len(), 2);
    let (_, selected) = hub.post(&format!("{of_first}/select"), json!({})).await;
    assert_eq!(selected["data"][1]["content"], "A.");
    let edits = json!({ "content": "x", "edits": 987_654 });
    assert_eq!(hub.post(&format!("{conversation}/messages"), edits).await.0, 404);
}

fn keyed(request: RequestBuilder) -> RequestBuilder {
    request.header("Idempotency-Key", "once")
}

#[tokio::test]
async fn the_same_request_posts_one_message_also_after_a_restart() {
    let models = Models::start([says("One.")]).await;
    let mut hub = hub(&models);
    let conversation = open(&hub).await;
    let path = format!("{conversation}/messages");
    let send = |hub: &Hub| {
        keyed(hub.request(OWNER_KEY, Method::POST, &path)).json(&json!({ "content": "hello" }))
    };
    let (_, first): Answer = Hub::send(send(&hub)).await;
    hub.kill();
    hub.restart();
    let (_, second) = Hub::send(send(&hub)).await;
    assert_eq!(first, second);
    assert_eq!(models.asked().len(), 1);
}

/// The frames of a stream: id, name, data.
fn frames(text: &str) -> Vec<(Option<u64>, String, Value)> {
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
    };
    text.split("\n\n")
        .filter_map(|block| {
            let data = serde_json::from_str(&field(block, "data: ")?).unwrap();
            let id = field(block, "id: ").map(|id| id.parse().unwrap());
            Some((id, field(block, "event: ")?, data))
        })
        .collect()
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off_also_after_a_restart() {
    let models =
        Models::start([calls("set_variables", json!({ "a": 1 })), says("It is set.")]).await;
    let mut hub = hub(&models);
    let conversation = open(&hub).await;
    let path = format!("{conversation}/messages/stream");
    let send = |hub: &Hub| {
        keyed(hub.request(OWNER_KEY, Method::POST, &path)).json(&json!({ "content": "set a" }))
    };
    let answer = send(&hub).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let whole = frames(&answer.text().await.unwrap());
    assert!(whole.iter().all(|(_, name, data)| data["type"] == **name), "{whole:?}");
    let deltas = whole.iter().filter(|(_, name, _)| name == "content_delta");
    let deltas: String = deltas.map(|(.., data)| data["delta"].as_str().unwrap()).collect();
    assert_eq!(deltas, "It is set.");
    let kept: Vec<_> = whole.iter().filter(|(_, name, _)| !name.ends_with("_delta")).collect();
    let names: Vec<_> = kept.iter().map(|(_, name, _)| &**name).collect();
    let expected = ["thinking", "tool_start", "tool_result", "content", "done", "message_saved"];
    assert_eq!(names, expected, "{whole:?}");
    assert_eq!(kept[2].2["success"], true);
    assert_eq!(kept[4].2["content"], "It is set.");
    hub.kill();
    hub.restart();
    for (place, (seen, ..)) in kept.iter().enumerate() {
        let Some(seen) = seen else { continue };
        let again = send(&hub).header("Last-Event-ID", seen.to_string()).send().await.unwrap();
        let again = frames(&again.text().await.unwrap());
        let rest: Vec<_> = kept[place + 1..].iter().map(|frame| (*frame).clone()).collect();
        assert_eq!(again, rest, "after {seen}");
    }
    assert_eq!(models.asked().len(), 2);
}

#[tokio::test]
async fn what_a_tool_made_is_listed_and_downloaded_under_its_own_name() {
    let arguments =
        json!({ "operation": "generate_pdf", "content": "# Hi", "filename": "a b.pdf" });
    let models = Models::start([calls("file_management", arguments), says("There.")]).await;
    let hub = hub(&models);
    let conversation = open(&hub).await;
    let message = say(&hub, &conversation, json!({ "content": "make a pdf" })).await;
    let place = format!("{}/{}", message["conversation_id"], message["id"]);
    let (_, files) = hub.get(&format!("/chat/files/{place}")).await;
    let file = &files["data"]["files"][0];
    assert_eq!((&file["filename"], &file["method"]), (&json!("a b.pdf"), &json!("generate_pdf")));
    let url = file["download_url"].as_str().unwrap();
    let got = hub.request(OWNER_KEY, Method::GET, url).send().await.unwrap();
    assert_eq!(
        (got.status().as_u16(), &got.headers()["content-type"]),
        (200, &"application/pdf".parse().unwrap())
    );
    assert_eq!(got.headers()["content-disposition"], "attachment; filename=\"a b.pdf\"");
    assert!(got.bytes().await.unwrap().starts_with(b"%PDF"));
    let (status, missing) = hub.get(&format!("/chat/download/{place}/other.pdf")).await;
    assert_eq!((status.as_u16(), &missing["detail"]), (404, &json!("No file content found")));
    let user = messages(&hub, &conversation).await[0]["id"].clone();
    let place = format!("{}/{user}", message["conversation_id"]);
    assert_eq!(hub.get(&format!("/chat/files/{place}")).await.1["data"]["files"], json!([]));
    let (_, missing) = hub.get(&format!("/chat/download/{place}/a")).await;
    assert_eq!(missing["detail"], "No file content found in message");
}

#[tokio::test]
async fn the_assistant_explains_itself() {
    let hub = hub(&Models::start([]).await);
    let conversation = open(&hub).await;
    let said = json!({ "content": "Send a message to the channel #general on Slack" });
    let (status, intent) = hub.post(&format!("{conversation}/explain-intent"), said.clone()).await;
    assert_eq!((status.as_u16(), &intent["intent_type"]), (200, &json!("action")), "{intent}");
    let (_, tools) = hub.post(&format!("{conversation}/explain-tools"), said).await;
    let found = tools["relevant_tools"].as_array().unwrap();
    assert!(found.iter().any(|tool| tool["platform"] == "slack"), "{tools}");
    assert!(found[0]["relevance_score"].as_f64().unwrap() > 0.0);
    let path = format!("{conversation}/validate-tool");
    let (_, valid) =
        hub.post(&path, json!({ "tool": "wait", "arguments": { "seconds": "1" } })).await;
    assert_eq!(
        (&valid["valid"], &valid["corrected_arguments"]["seconds"]),
        (&json!(true), &json!(1)),
        "{valid}"
    );
    let (status, missing) = hub.post(&path, json!({ "tool": "nobody" })).await;
    assert_eq!((status.as_u16(), &missing["detail"]), (404, &json!("Tool nobody not found")));
    assert_eq!(hub.post(&path, json!({})).await.0, 422);
    let (_, tools) = hub.get("/chat/tools").await;
    let (_, few) = hub.get("/chat/tools?all=false&include_all=false").await;
    assert!(tools["data"]["total"].as_u64() > few["data"]["total"].as_u64());
    let (_, able) = hub.get("/chat/tools/capabilities").await;
    assert_eq!(able["total_tools"], few["data"]["total"]);
    let (_, found) = hub.get("/chat/tools/discover?query=slack%20message").await;
    assert!(found["tools"].as_array().unwrap().iter().any(|tool| tool["platform"] == "slack"));
}

#[tokio::test]
async fn a_direct_response_leaves_nothing_behind() {
    let models = Models::start([says("Hi.")]).await;
    let hub = hub(&models);
    let said = json!({ "content": "hello", "provider": "mine" });
    let (_, answer) = hub.post("/chat/test/direct-response", said).await;
    assert_eq!(
        (&answer["success"], &answer["response"]),
        (&json!(true), &json!("Hi.")),
        "{answer}"
    );
    let (_, answer) = hub.post("/chat/test/direct-response", json!({ "content": "hello" })).await;
    assert_eq!(answer["success"], false, "{answer}");
    assert_eq!(hub.get("/chat/conversations").await.1["data"], json!([]));
}

/// A turn with two calls, killed at each of its events, ends as it does undisturbed: the model is
/// asked for nothing that it has answered, and no call is repeated that must not be.
#[tokio::test]
async fn a_turn_killed_at_any_append_ends_the_same() {
    let stub = Stub::start(&[]).await;
    let models = Models::start([]).await;
    let mut hub = hub(&models);
    let conversation = open(&hub).await;
    let path = format!("{conversation}/messages");
    let head = |hub: &Hub| Sqlite::open_read_only(&hub.directory().join("hub.db")).unwrap();
    say(&hub, &conversation, json!({ "content": "hello" })).await;
    let first_answer = 3;
    for event in 1..=7 {
        let (asked, made) = (models.asked().len(), stub.asked().len());
        let both = Said::text("")
            .call("http_request", json!({ "method": "POST", "url": stub.url("/pay") }))
            .call("set_variables", json!({ "n": event }));
        models.replace([Reply::Says(both), says("Paid."), says("Paid.")]);
        let before = head(&hub).head();
        let request = hub.request(OWNER_KEY, Method::POST, &path);
        let request = request.header("Prefer", "respond-async");
        let (_, reply) = Hub::send(request.json(&json!({ "content": "pay" }))).await;
        let log = head(&hub);
        while log.head() < Position(before.0 + event) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        hub.kill();
        hub.restart();
        let done = until_answered(&hub, &conversation, reply["id"].as_i64().unwrap()).await;
        assert_eq!(done["content"], "Paid.", "killed at event {event}: {done}");
        assert!(stub.asked().len() - made <= 1, "paid twice, killed at event {event}");
        // From the first answer on record, the third event, the model is asked for it no more.
        let firsts = models.asked().into_iter().skip(asked);
        let firsts = firsts.filter(|asked| {
            let messages = asked.body["messages"].as_array().unwrap();
            messages.last().unwrap()["role"] == "user"
        });
        assert!(event < first_answer || firsts.count() == 1, "killed at event {event}");
        if event >= first_answer {
            assert_eq!(done["tools_called"].as_array().unwrap().len(), 2, "{done}");
        }
    }
}

#[tokio::test]
async fn a_call_in_doubt_is_not_repeated_and_can_be_settled() {
    let stub = Stub::start(&[stub::Reply::Silence]).await;
    let models = Models::start([post(&stub, "/pay"), says("It is in doubt.")]).await;
    let mut hub = hub(&models);
    let conversation = open(&hub).await;
    let path = format!("{conversation}/messages");
    let request = hub.request(OWNER_KEY, Method::POST, &path).header("Prefer", "respond-async");
    let (_, reply) = Hub::send(request.json(&json!({ "content": "pay" }))).await;
    while stub.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hub.kill();
    hub.restart();
    let done = until_answered(&hub, &conversation, reply["id"].as_i64().unwrap()).await;
    assert_eq!(done["content"], "It is in doubt.");
    let call = &done["tools_called"][0];
    assert_eq!(call["status"], "in_doubt");
    assert_eq!((stub.asked().len(), models.asked().len()), (1, 2));
    let path = format!("/chat/calls/{}/resolve", call["id"].as_str().unwrap());
    let said = json!({ "resolution": "done", "result": { "paid": true } });
    let (status, resolved) = hub.post(&path, said.clone()).await;
    assert_eq!((status.as_u16(), &resolved["data"]["result"]["paid"]), (200, &json!(true)));
    assert_eq!(hub.post(&path, said).await.0, 409);
}
