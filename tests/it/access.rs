//! Who gets in, and that nobody sees what is another's.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::hub::{Hub, OWNER_KEY};
use crate::stub::Stub;

/// Every operation that needs a caller, as the API's description names it, with a body that it
/// accepts.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("GET", "/workflows/", ""),
    ("GET", "/workflows/executions", ""),
    ("POST", "/workflows/create-from-steps", r#"{"workflow_name":"","description":"","steps":[]}"#),
    ("POST", "/workflows/test-condition", r#"{"condition":{},"context":{}}"#),
    ("POST", "/workflows/test-variable-substitution", r#"{"parameters":{},"context":{}}"#),
    ("GET", "/workflows/{workflow_id}", ""),
    ("PUT", "/workflows/{workflow_id}", "{}"),
    ("DELETE", "/workflows/{workflow_id}", ""),
    ("POST", "/workflows/{workflow_id}/execute", "{}"),
    ("GET", "/workflows/{workflow_id}/executions", ""),
    ("GET", "/workflows/executions/{execution_id}", ""),
    ("GET", "/workflows/executions/{execution_id}/steps", ""),
    ("GET", "/workflows/executions/{execution_id}/events", ""),
    ("POST", "/workflows/executions/{execution_id}/cancel", ""),
    ("POST", "/workflows/executions/{execution_id}/retry", ""),
    (
        "POST",
        "/workflows/executions/{execution_id}/steps/{step_number}/resolve",
        r#"{"resolution":"repeat"}"#,
    ),
    ("GET", "/mcp/tools", ""),
    ("POST", "/mcp/call", r#"{"name":"wait","arguments":{"seconds":0}}"#),
    ("POST", "/mcp/call/stream", r#"{"name":"wait","arguments":{"seconds":0}}"#),
    ("GET", "/mcp/calls", ""),
    ("GET", "/mcp/calls/{call_id}", ""),
    ("POST", "/mcp/calls/{call_id}/cancel", ""),
    ("POST", "/mcp/calls/{call_id}/resolve", r#"{"resolution":"repeat"}"#),
    ("GET", "/mcp/test/whatsapp", ""),
    ("GET", "/mcp/debug/settings", ""),
    ("GET", "/chat/providers", ""),
    ("GET", "/chat/conversations", ""),
    ("POST", "/chat/conversations", "{}"),
    ("GET", "/chat/conversations/{conversation_id}", ""),
    ("PUT", "/chat/conversations/{conversation_id}", r#"{"title":""}"#),
    ("DELETE", "/chat/conversations/{conversation_id}", ""),
    ("GET", "/chat/conversations/{conversation_id}/messages", ""),
    ("POST", "/chat/conversations/{conversation_id}/messages", r#"{"content":""}"#),
    ("POST", "/chat/conversations/{conversation_id}/messages/stream", r#"{"content":""}"#),
    ("GET", "/chat/conversations/{conversation_id}/events", ""),
    ("GET", "/chat/conversations/{conversation_id}/messages/{message_id}", ""),
    ("POST", "/chat/conversations/{conversation_id}/messages/{message_id}/cancel", ""),
    ("GET", "/chat/conversations/{conversation_id}/messages/{message_id}/siblings", ""),
    ("POST", "/chat/conversations/{conversation_id}/messages/{message_id}/select", ""),
    ("POST", "/chat/conversations/{conversation_id}/validate-tool", r#"{"tool":"wait"}"#),
    ("POST", "/chat/conversations/{conversation_id}/explain-intent", r#"{"content":""}"#),
    ("POST", "/chat/conversations/{conversation_id}/explain-tools", r#"{"content":""}"#),
    ("GET", "/chat/files/{conversation_id}/{message_id}", ""),
    ("GET", "/chat/download/{conversation_id}/{message_id}/{filename}", ""),
    ("GET", "/chat/proposals", ""),
    ("POST", "/chat/proposals/{proposal_id}/confirm", "{}"),
    ("POST", "/chat/calls/{call_id}/resolve", r#"{"resolution":"not_done"}"#),
    ("GET", "/chat/tools", ""),
    ("GET", "/chat/tools/capabilities", ""),
    ("GET", "/chat/tools/discover", ""),
    ("POST", "/chat/test/direct-response", r#"{"content":"hi","provider":"offline"}"#),
    ("GET", "/auth/me", ""),
    ("POST", "/auth/me/regenerate-api-key", ""),
    ("GET", "/audit/timeline", ""),
    ("GET", "/connections/", ""),
    ("POST", "/connections/", r#"{"platform":"nothing","name":"","config":{}}"#),
    ("POST", "/connections/test", r#"{"platform":"nothing","config":{}}"#),
    ("GET", "/connections/{connection_id}", ""),
    ("PUT", "/connections/{connection_id}", r#"{"name":"","status":"active","config":{}}"#),
    ("DELETE", "/connections/{connection_id}", ""),
    ("POST", "/connections/{connection_id}/test", ""),
    ("GET", "/connections/{connection_id}/usage", ""),
    ("POST", "/admin/vault/rotate", ""),
    ("GET", "/admin/accounts", ""),
    ("PUT", "/admin/accounts/{account_id}", r#"{"tier":"pro"}"#),
];

/// How the paths begin of what is for the hub's owner alone.
const OWNERS: [&str; 2] = ["/admin", "/mcp/debug"];

/// What stands in the places of a path.
type Ids<'a> = [(&'a str, String)];

/// The ids of what is not there.
fn nobodys() -> Vec<(&'static str, String)> {
    let call = "01901234-5678-7abc-8def-0123456789ab";
    let numbers = ["workflow_id", "execution_id", "connection_id", "step_number", "account_id"];
    numbers
        .into_iter()
        .chain(["conversation_id", "message_id"])
        .map(|place| (place, "987654".to_owned()))
        .chain(["call_id", "proposal_id", "filename"].map(|place| (place, call.to_owned())))
        .collect()
}

/// A path with ids in their places.
fn filled(path: &str, ids: &Ids<'_>) -> String {
    let fill =
        |path: String, (place, id): &(&str, String)| path.replace(&format!("{{{place}}}"), id);
    ids.iter().fold(path.to_owned(), fill)
}

async fn ask(hub: &Hub, key: &str, operation: (&str, &str, &str), ids: &Ids<'_>) -> (u16, Value) {
    let (method, path, body) = operation;
    let path = filled(path, ids);
    let mut request = hub.request(key, method.parse().unwrap(), &path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let (status, body) = Hub::send(request).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn every_operation_wants_to_know_who_asks() {
    let hub = Hub::start();
    for operation in OPERATIONS {
        let (status, body) = ask(&hub, "not-a-key", *operation, &nobodys()).await;
        assert_eq!(status, 401, "{operation:?}");
        assert_eq!(body["detail"], "Could not validate credentials", "{operation:?}");
        let path = filled(operation.1, &nobodys());
        let request = hub.request("x", operation.0.parse().unwrap(), &path).build().unwrap();
        let bare = Client::new().request(request.method().clone(), request.url().clone());
        let answer = bare.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{operation:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["detail"], "Not authenticated", "{operation:?}");
    }
}

/// The table above names every operation of the API's description that is not open to all.
#[tokio::test]
async fn no_operation_is_missing_from_the_table() {
    let hub = Hub::start();
    let (_, document) = hub.get("/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["security"].as_array().is_none_or(Vec::is_empty);
            let known = OPERATIONS.iter().any(|(known, place, _)| {
                known.eq_ignore_ascii_case(method)
                    && place.trim_end_matches('/') == path.trim_end_matches('/')
            });
            assert!(open || known, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_anothers_looks_like_what_is_not_there() {
    let hub = Hub::with_slack(&Stub::start(&[]).await);
    let connection = hub.slack("xoxb-1").await;
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let run = hub.run(workflow, json!({})).await["id"].as_i64().unwrap();
    let asked = json!({ "name": "set_variables", "arguments": { "a": 1 } });
    let (_, call) = hub.post("/mcp/call", asked).await;
    let (_, opened) = hub.post("/chat/conversations", json!({})).await;
    let conversation = opened["data"]["id"].as_i64().unwrap();
    let path = format!("/chat/conversations/{conversation}/messages");
    let said = json!({ "content": "call the tool wait seconds=0", "provider": "offline" });
    let (_, message) = hub.post(&path, said).await;
    let ids = [
        ("workflow_id", workflow.to_string()),
        ("execution_id", run.to_string()),
        ("step_number", "1".to_owned()),
        ("call_id", call["call_id"].as_str().unwrap().to_owned()),
        ("connection_id", connection.to_string()),
        ("conversation_id", conversation.to_string()),
        ("message_id", message["id"].to_string()),
        ("proposal_id", message["tools_called"][0]["id"].as_str().unwrap().to_owned()),
        ("filename", "a.txt".to_owned()),
    ];
    let (_, stranger) = hub.account("stranger@example.com").await;
    let owners = |path: &str| OWNERS.iter().any(|way| path.starts_with(way));
    let others = OPERATIONS.iter().filter(|(_, path, _)| path.contains('{') && !owners(path));
    for operation in others {
        let theirs = ask(&hub, &stranger, *operation, &ids).await;
        let nobodys = ask(&hub, &stranger, *operation, &nobodys()).await;
        assert_eq!((theirs.0, nobodys.0), (404, 404), "{operation:?}");
        assert_eq!(theirs.1["detail"], nobodys.1["detail"], "{operation:?}");
    }
    for path in ["/workflows/", "/workflows/executions", "/connections/", "/mcp/calls"]
        .into_iter()
        .chain(["/chat/conversations", "/chat/proposals"])
    {
        let (_, body) = Hub::send(hub.request(&stranger, Method::GET, path)).await;
        assert_eq!(body["data"], json!([]), "{path}");
    }
    for operation in OPERATIONS.iter().filter(|(_, path, _)| owners(path)) {
        assert_eq!(ask(&hub, &stranger, *operation, &nobodys()).await.0, 403, "{operation:?}");
    }
    let (_, body) = hub.get(&format!("/workflows/{workflow}")).await;
    assert_eq!(body["data"]["version"], 1);
    assert_eq!(hub.execution(run).await["status"], "completed");
    let (_, body) = hub.get(&format!("/connections/{connection}")).await;
    assert_eq!(body["data"]["status"], "active");
}

#[tokio::test]
async fn a_free_account_has_a_hundred_requests_a_day_also_after_a_restart() {
    let mut hub = Hub::start();
    let (id, key) = hub.account("free@example.com").await;
    let ask = |hub: &Hub| hub.request(&key, Method::GET, "/workflows/").send();
    let mut answered = 0;
    for round in 0..120 {
        if round == 50 {
            hub.kill();
            hub.restart();
        }
        let answer = ask(&hub).await.unwrap();
        match answer.status().as_u16() {
            200 => answered += 1,
            429 => assert!(answer.headers().contains_key("retry-after")),
            status => panic!("{status}"),
        }
    }
    // One request went into getting the key; a crash may cost the rest of a block, never give.
    assert!((90..=99).contains(&answered), "{answered}");
    let path = format!("/admin/accounts/{id}");
    let raise = hub.request(OWNER_KEY, Method::PUT, &path).json(&json!({ "tier": "pro" }));
    assert_eq!(Hub::send(raise).await.0, 200);
    assert_eq!(ask(&hub).await.unwrap().status(), 200);
}
