//! Direct calls of tools: what they answer, that they are made once, and what a crash leaves.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::hub::{Hub, OWNER_KEY};
use crate::stub::{Reply, Stub};

fn post_to(stub: &Stub) -> Value {
    json!({ "name": "http_request", "arguments": { "method": "POST", "url": stub.url("/pay") } })
}

async fn call(hub: &Hub, name: &str, arguments: Value) -> (StatusCode, Value) {
    hub.post("/mcp/call", json!({ "name": name, "arguments": arguments })).await
}

async fn read(hub: &Hub, id: &Value) -> Value {
    let (status, body) = hub.get(&format!("/mcp/calls/{}", id.as_str().unwrap())).await;
    assert_eq!(status, 200, "{body}");
    body["data"].clone()
}

/// Asks for a call without waiting for it: its id.
async fn begin(hub: &Hub, asked: &Value) -> Value {
    let request = hub.request(OWNER_KEY, Method::POST, "/mcp/call");
    let request = request.header("Prefer", "respond-async").json(asked);
    let (status, body) = Hub::send(request).await;
    assert_eq!((status.as_u16(), &body["success"]), (202, &json!(true)), "{body}");
    body["call_id"].clone()
}

/// Waits until a call has this status.
async fn until(hub: &Hub, id: &Value, status: &str) -> Value {
    for _ in 0..6_000 {
        let call = read(hub, id).await;
        if call["status"] == status {
            return call;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{id} never was {status}");
}

#[tokio::test]
async fn tools_are_listed_and_called() {
    let hub = Hub::start();
    let (_, listed) = hub.get("/mcp/tools").await;
    let tools = listed["data"]["tools"].as_array().unwrap();
    assert_eq!(listed["data"]["total"], tools.len());
    let files = tools.iter().find(|tool| tool["name"] == "file_management").unwrap();
    assert_eq!(files["status"], "available");
    assert_eq!((&files["id"], &files["always_available"]), (&files["name"], &json!(true)));
    assert_eq!(files["inputSchema"]["type"], "object");
    assert_eq!(hub.get("/mcp/tools?include_all=yes").await.0, 200);
    let (status, faults) = hub.get("/mcp/tools?all=maybe").await;
    assert_eq!(status, 422);
    assert_eq!(faults["detail"][0]["loc"], json!(["query", "all"]));

    let upload = json!({ "operation": "upload", "filename": "a.txt", "text": "words" });
    let (status, body) = call(&hub, "file_management", upload).await;
    assert_eq!((status.as_u16(), &body["success"]), (200, &json!(true)), "{body}");
    assert_eq!(
        (&body["tool"], &body["result"]["success"]),
        (&json!("file_management"), &json!(true))
    );
    let kept = read(&hub, &body["call_id"]).await;
    assert_eq!((&kept["status"], &kept["via"]), (&json!("completed"), &json!("http")));
    assert_eq!(kept["arguments"]["filename"], "a.txt");
    let (_, calls) = hub.get("/mcp/calls?limit=1").await;
    assert_eq!(calls["data"][0]["id"], body["call_id"]);

    let (_, timeline) = hub.get("/audit/timeline").await;
    let stream = format!("call-{}", body["call_id"].as_str().unwrap());
    let moments = timeline["data"].as_array().unwrap().iter();
    let moments = moments.filter(|moment| moment["stream"] == stream);
    let events: Vec<_> = moments.map(|moment| &moment["event_type"]).collect();
    assert_eq!(events, ["call.succeeded", "call.requested"]);
}

#[tokio::test]
async fn what_cannot_be_called_is_told_as_the_original_told_it() {
    let hub = Hub::start();
    let (status, body) = call(&hub, "nothing_like_it", json!({})).await;
    assert_eq!(status, 200);
    let told = json!({ "success": false, "error": "Unknown tool: nothing_like_it" });
    assert_eq!(body, told);
    let (status, body) = call(&hub, "wait", json!({ "seconds": "soon" })).await;
    assert_eq!(status, 422);
    assert_eq!(body["detail"][0]["loc"], json!(["body", "arguments", "seconds"]));
    let (status, body) = hub.post("/mcp/call", json!({ "name": "wait" })).await;
    assert_eq!(status, 422);
    assert_eq!(body["detail"][0]["loc"], json!(["body", "arguments"]));
    assert_eq!(hub.get("/mcp/calls/17").await.0, 422);

    let stub = Stub::start(&[Reply::Json(400, "{}")]).await;
    let (status, body) = hub.post("/mcp/call", post_to(&stub)).await;
    assert_eq!((status.as_u16(), &body["success"]), (200, &json!(true)), "{body}");
    assert_eq!(body["result"]["success"], false, "{body}");
    assert_eq!(read(&hub, &body["call_id"]).await["status"], "failed");
}

#[tokio::test]
async fn the_same_request_twice_is_one_call() {
    let mut hub = Hub::start();
    let stub = Stub::start(&[]).await;
    let send = |hub: &Hub, asked: Value| {
        let request = hub.request(OWNER_KEY, Method::POST, "/mcp/call");
        Hub::send(request.header("Idempotency-Key", "one").json(&asked))
    };
    let (_, first) = send(&hub, post_to(&stub)).await;
    hub.kill();
    hub.restart();
    let (status, second) = send(&hub, post_to(&stub)).await;
    assert_eq!((status.as_u16(), &second), (200, &first));
    assert_eq!(stub.asked().len(), 1);
    let other = json!({ "name": "wait", "arguments": { "seconds": 0 } });
    assert_eq!(send(&hub, other).await.0, 422);
}

#[tokio::test]
async fn a_call_that_lasts_is_answered_with_its_id_and_goes_on() {
    let mut hub = Hub::start();
    let asleep = begin(&hub, &json!({ "name": "wait", "arguments": { "seconds": 2 } })).await;
    hub.kill();
    hub.restart();
    let done = until(&hub, &asleep, "completed").await;
    assert_eq!(done["result"]["success"], true);
    let (status, body) =
        hub.post(&format!("/mcp/calls/{}/cancel", done["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("call_finished")));

    let far = begin(&hub, &json!({ "name": "wait", "arguments": { "seconds": 1_000 } })).await;
    until(&hub, &far, "waiting").await;
    let path = format!("/mcp/calls/{}/cancel", far.as_str().unwrap());
    let (status, body) = hub.post(&path, json!({})).await;
    assert_eq!((status.as_u16(), &body["data"]["status"]), (200, &json!("cancelled")));
}

#[tokio::test]
async fn killed_in_the_middle_a_call_is_in_doubt_or_made_again() {
    let mut hub = Hub::start();
    let stub = Stub::start(&[Reply::Silence, Reply::Silence]).await;
    let put = json!({ "name": "http_request",
        "arguments": { "method": "PUT", "url": stub.url("/put") } });
    let (once, again) = (begin(&hub, &post_to(&stub)).await, begin(&hub, &put).await);
    while stub.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hub.kill();
    hub.restart();
    until(&hub, &again, "completed").await;
    let doubtful = until(&hub, &once, "in_doubt").await;
    assert_eq!(doubtful["error_code"], "restarted");
    let paid = |stub: &Stub| stub.asked().iter().filter(|it| it.line.contains("/pay")).count();
    assert_eq!(paid(&stub), 1);

    let path = format!("/mcp/calls/{}/resolve", once.as_str().unwrap());
    let (status, body) = hub.post(&path, json!({ "resolution": "repeat" })).await;
    assert_eq!((status.as_u16(), &body["data"]["status"]), (200, &json!("completed")), "{body}");
    assert_eq!(paid(&stub), 2);
    let (status, body) = hub.post(&path, json!({ "resolution": "done" })).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("call_not_in_doubt")));
}

#[tokio::test]
async fn a_call_without_an_answer_is_in_doubt_and_says_so() {
    let hub = Hub::start();
    let stub = Stub::start(&[Reply::Cut]).await;
    let (status, body) = hub.post("/mcp/call", post_to(&stub)).await;
    assert_eq!((status.as_u16(), &body["success"]), (200, &json!(false)), "{body}");
    assert_eq!(body["status"], "in_doubt");
    let path = format!("/mcp/calls/{}/resolve", body["call_id"].as_str().unwrap());
    let done = json!({ "resolution": "done", "result": { "paid": true } });
    let (_, body) = hub.post(&path, done).await;
    assert_eq!(
        (&body["data"]["status"], &body["data"]["result"]),
        (&json!("completed"), &json!({ "paid": true }))
    );
    assert_eq!(stub.asked().len(), 1);
}

/// The frames of a stream, each one line of JSON.
async fn streamed(hub: &Hub, asked: Value) -> Vec<Value> {
    let request = hub.request(OWNER_KEY, Method::POST, "/mcp/call/stream").json(&asked);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    let frames = text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: "));
    frames.map(|frame| serde_json::from_str(frame).unwrap()).collect()
}

#[tokio::test]
async fn a_call_is_followed_while_it_is_made() {
    let hub = Hub::start();
    let stub = Stub::start(&[]).await;
    let urls = json!([stub.url("/a"), stub.url("/b")]);
    let checked = json!({ "name": "web_tools",
        "arguments": { "operation": "check_status", "urls": urls } });
    let frames = streamed(&hub, checked).await;
    let types: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["start", "status", "status", "status", "status", "status", "complete"]);
    assert_eq!(frames[3]["message"], "Checked 1 of 2");
    assert_eq!(
        (&frames[4]["progress"], &frames[6]["result"]["success"]),
        (&json!(1.0), &json!(true))
    );

    let unknown = streamed(&hub, json!({ "name": "nothing", "arguments": {} })).await;
    let last = unknown.last().unwrap();
    assert_eq!((&last["type"], &last["result"]["success"]), (&json!("complete"), &json!(false)));
    let cut = Stub::start(&[Reply::Cut]).await;
    let doubtful = streamed(&hub, post_to(&cut)).await;
    let last = doubtful.last().unwrap();
    assert_eq!((&last["type"], &last["status"]), (&json!("error"), &json!("in_doubt")));
}

#[tokio::test]
async fn the_diagnoses_show_nothing_of_a_secret() {
    let hub = Hub::start_with(&[("WHATSAPP_TOKEN", "words-that-nobody-may-see")]);
    let (_, settings) = hub.get("/mcp/debug/settings").await;
    assert_eq!(settings["data"]["whatsapp_token_set"], true);
    assert!(!settings.to_string().contains("words-that"), "{settings}");
    let (status, tested) = hub.get("/mcp/test/whatsapp").await;
    assert_eq!((status.as_u16(), &tested["success"]), (200, &json!(false)));
}

#[tokio::test]
async fn what_a_plan_or_a_connection_lacks_is_the_tools_own_answer() {
    let hub = Hub::start();
    let (_, free) = hub.account("free@example.com").await;
    let said = json!({ "channel": "C1", "text": "hello" });
    let asked = |name: &str, arguments: Value| json!({ "name": name, "arguments": arguments });
    let call = |key: &str, asked: Value| {
        Hub::send(hub.request(key, Method::POST, "/mcp/call").json(&asked))
    };
    let (status, body) = call(&free, asked("slack_send_message", said.clone())).await;
    assert_eq!(status, 200);
    let result = json!({
        "success": false, "error": "Upgrade to Starter to send and reply to messages",
        "upgrade_required": true, "required_feature": "inbox_send", "current_tier": "free",
        "result": null,
    });
    assert_eq!((&body["success"], &body["result"]), (&json!(true), &result));
    let (_, body) = call(&free, asked("stripe_list_customers", json!({}))).await;
    let told = "Plan restriction: Your free plan does not have access to the 'stripe' \
                integration. Please upgrade.";
    assert_eq!(body["result"], json!({ "success": false, "error": told, "result": null }));
    let (_, body) = call(OWNER_KEY, asked("slack_send_message", said)).await;
    assert_eq!(body["result"]["error"], "No active Slack connection found", "{body}");

    let status = async |key: &str, name: &str| {
        let request = hub.request(key, Method::GET, "/mcp/tools?all=true");
        let (_, listed) = Hub::send(request).await;
        let tools = listed["data"]["tools"].as_array().unwrap().clone();
        tools.into_iter().find(|tool| tool["name"] == name).unwrap()["status"].clone()
    };
    assert_eq!(status(&free, "stripe_list_customers").await, "upgrade_required");
    assert_eq!(status(OWNER_KEY, "stripe_list_customers").await, "connection_required");
    let (_, listed) = hub.get("/mcp/tools").await;
    let tools = listed["data"]["tools"].as_array().unwrap().iter();
    assert!(tools.clone().all(|tool| tool["status"] == "available"));
    let (_, calls) = hub.get("/mcp/calls").await;
    assert_eq!(calls["data"], json!([]));
}
