//! Connections from end to end: a stand-in for a platform, a run whose calls go through one,
//! its history, and that its secret is nowhere.

use std::path::Path;

use serde_json::{Value, json};

use crate::hub::Hub;
use crate::stub::{Reply, Stub};

const TOKEN: &str = "xoxb-planted-where-nobody-may-see-it";

fn send() -> Value {
    let parameters = json!({ "channel": "C0123456789", "text": "hello" });
    json!([{ "tool_name": "slack_send_message", "tool_parameters": parameters }])
}

/// The files below a directory that have a text in them.
fn files_with(directory: &Path, text: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files_with(&entry.path(), text, found);
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(entry.path().display().to_string());
        }
    }
}

#[tokio::test]
async fn a_run_goes_through_a_connection_and_its_history_tells_of_it() {
    let stub = Stub::start(&[]).await;
    let mut hub = Hub::with_slack(&stub);
    let connection = hub.slack(TOKEN).await;
    let tested = stub.asked();
    assert_eq!(tested[0].line, "POST /api/auth.test HTTP/1.1");
    let bearer = format!("authorization: bearer {TOKEN}");
    assert!(tested[0].headers.contains(&bearer), "{:?}", tested[0].headers);

    let workflow = hub.workflow(send()).await;
    hub.kill();
    hub.restart();
    let run = hub.run(workflow, json!({})).await;
    assert_eq!(run["status"], "completed", "{run}");
    let asked = stub.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].line, "POST /api/chat.postMessage HTTP/1.1");
    assert!(asked[1].headers.contains(&bearer));

    let (_, usage) = hub.get(&format!("/connections/{connection}/usage")).await;
    let told: Vec<_> = usage["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| (used["event_type"].as_str().unwrap(), used["stream"].as_str().unwrap()))
        .collect();
    let (run, itself) = (format!("execution-{}", run["id"]), format!("connection-{connection}"));
    let expected = [("execution.step_started", &*run), ("connection.created", &*itself)];
    assert_eq!(told, expected);
    assert!(usage["data"][0]["call_id"].is_string());

    let mut found = Vec::new();
    files_with(hub.directory(), TOKEN, &mut found);
    assert_eq!(found, [""; 0]);
    files_with(hub.directory(), "connection.created", &mut found);
    assert!(!found.is_empty(), "the files are not found");
}

#[tokio::test]
async fn what_the_platform_does_not_take_is_told_and_not_kept() {
    let refused = Reply::Json(200, r#"{"ok":false,"error":"invalid_auth"}"#);
    let stub = Stub::start(std::slice::from_ref(&refused)).await;
    let hub = Hub::with_slack(&stub);
    let create = || {
        let config = json!({ "token": TOKEN });
        hub.post("/connections", json!({ "platform": "slack", "name": "x", "config": config }))
    };
    let (status, body) = create().await;
    let said = body["detail"].as_str().unwrap();
    assert_eq!((status.as_u16(), body["code"].as_str()), (400, Some("connection_test_failed")));
    assert!(
        said.starts_with("Connection test failed: ") && said.contains("invalid_auth"),
        "{said}"
    );
    let (_, body) = hub.get("/connections").await;
    assert_eq!(body["data"], json!([]));

    let run = hub.run(hub.workflow(send()).await, json!({})).await;
    assert_eq!(run["status"], "failed");
    let step = hub.steps(run["id"].as_i64().unwrap()).await.remove(0);
    assert!(step.to_string().contains("No active Slack connection found"), "{step}");
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_deleted_connection_leaves_its_history_and_not_its_secret() {
    let stub = Stub::start(&[]).await;
    let mut hub = Hub::with_slack(&stub);
    let connection = hub.slack(TOKEN).await;
    let (status, _) = hub.post("/admin/vault/rotate", json!({})).await;
    assert_eq!(status, 200);
    let path = format!("/connections/{connection}");
    let (status, tested) = hub.post(&format!("{path}/test"), json!({})).await;
    assert_eq!((status.as_u16(), &tested["data"]["status"]), (200, &json!("active")));
    let bearer = format!("authorization: bearer {TOKEN}");
    assert!(stub.asked()[1].headers.contains(&bearer), "the secret survived the rotation");
    let key = crate::hub::OWNER_KEY;
    let (status, _) = Hub::send(hub.request(key, reqwest::Method::DELETE, &path)).await;
    assert_eq!(status, 200);
    hub.terminate();
    hub.restart();
    assert_eq!(hub.get(&path).await.0, 404);
    let (_, usage) = hub.get(&format!("{path}/usage")).await;
    let told: Vec<_> =
        usage["data"].as_array().unwrap().iter().map(|used| &used["event_type"]).collect();
    assert_eq!(told, ["connection.deleted", "connection.tested", "connection.created"]);
}

/// A manifest that the operator puts into their directory counts without a restart.
#[tokio::test]
async fn a_manifest_of_the_operator_counts_while_the_hub_runs() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start_with(&[("HUB_PLATFORMS__DIR", directory.path().to_str().unwrap())]);
    let manifest = "id = \"shop\"\nname = \"Shop\"\ndescription = \"Sells things to people\"\n\
        category = \"tests\"\ntier = \"free\"\nbase_url = \"https://shop.example\"\n\
        [[tool]]\nid = \"list\"\ndescription = \"Lists what is sold\"\npath = \"/things\"\n";
    std::fs::write(directory.path().join("shop.toml"), manifest).unwrap();
    for _ in 0..300 {
        let (_, tools) = hub.get("/mcp/tools?all=true").await;
        let tools = tools["data"]["tools"].as_array().unwrap();
        if tools.iter().any(|tool| tool["name"] == "shop_list") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the manifest was not seen");
}
