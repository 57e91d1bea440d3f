//! `kill -9` wherever a run can be, and start again: nothing done is lost, nothing that must not
//! be repeated is, and the log verifies.

use std::sync::Arc;
use std::time::Duration;

use hub_events::Position;
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Chain, Log as _};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hub::Hub;
use crate::stub::{Reply, Stub};

fn log_of(hub: &Hub) -> Arc<Sqlite> {
    Sqlite::open_read_only(&hub.directory().join("hub.db")).unwrap()
}

/// Everything in the log follows from what is before it.
async fn verify(hub: &Hub) {
    let log = log_of(hub);
    let mut chain = Chain::default();
    loop {
        let page = log.read_all(chain.position(), 1_000).await.unwrap();
        page.iter().for_each(|event| chain.check(event).unwrap());
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(chain.position().0, chain.events());
}

fn steps(stub: &Stub) -> Value {
    let put = json!({ "tool_name": "http_request", "tool_parameters":
        { "method": "PUT", "url": stub.url("/put"), "json": "{{step_1.a}}" } });
    let keyed = json!({ "tool_name": "http_request", "tool_parameters":
        { "method": "POST", "url": stub.url("/keyed"), "idempotency_header": "X-Key" } });
    json!([
        { "tool_name": "set_variables", "tool_parameters": { "a": "{{input.x}}" } },
        put,
        { "tool_name": "wait", "tool_parameters": { "seconds": 0.05 } },
        keyed,
        { "tool_name": "set_variables", "tool_parameters": { "b": "{{step_2.status}}" } },
    ])
}

/// The run has thirteen events. Killed at each of them, it ends as it does undisturbed.
#[tokio::test]
async fn a_run_killed_at_any_append_ends_the_same() {
    let mut hub = Hub::start();
    let stub = Stub::start(&[]).await;
    let workflow = hub.workflow(steps(&stub)).await;
    let undisturbed = hub.run(workflow, json!({ "x": "y" })).await;
    assert_eq!(undisturbed["status"], "completed", "{undisturbed}");
    for event in 1..=13 {
        let before = log_of(&hub).head();
        let asked = stub.asked().len();
        let run = hub.begin(workflow, json!({ "x": "y" })).await;
        let log = log_of(&hub);
        while log.head() < Position(before.0 + event) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        hub.kill();
        verify(&hub).await;
        hub.restart();
        let done = hub.until(run, &["completed", "failed", "in_doubt"]).await;
        assert_eq!(done["status"], "completed", "killed at event {event}: {done}");
        for step in ["step_1", "step_5"] {
            assert_eq!(done["output_data"][step], undisturbed["output_data"][step]);
        }
        // However often the keyed call was made, it was made under one name.
        let asked: Vec<_> = stub.asked().into_iter().skip(asked).collect();
        let keys: std::collections::HashSet<_> = asked
            .iter()
            .filter(|asked| asked.line.contains("/keyed"))
            .flat_map(|asked| asked.headers.iter().filter(|header| header.starts_with("x-key")))
            .collect();
        assert_eq!(keys.len(), 1, "killed at event {event}");
        verify(&hub).await;
    }
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_in_doubt_after_a_kill() {
    let mut hub = Hub::start();
    let stub = Stub::start(&[Reply::Silence]).await;
    let post = json!({ "tool_name": "http_request",
        "tool_parameters": { "method": "POST", "url": stub.url("/pay") } });
    let workflow = hub.workflow(json!([post])).await;
    let run = hub.begin(workflow, json!({})).await;
    while stub.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    hub.kill();
    hub.restart();
    let doubtful = hub.until(run, &["in_doubt", "completed", "failed"]).await;
    assert_eq!(doubtful["status"], "in_doubt");
    assert_eq!(hub.steps(run).await[0]["error_code"], "restarted");
    hub.kill();
    hub.restart();
    assert_eq!(hub.execution(run).await["status"], "in_doubt");
    assert_eq!(stub.asked().len(), 1);
    let path = format!("/workflows/executions/{run}/steps/1/resolve");
    assert_eq!(hub.post(&path, json!({ "resolution": "repeat" })).await.0, 200);
    hub.until(run, &["completed"]).await;
    assert_eq!(stub.asked().len(), 2);
}

/// The answer is too large to stand in an event, and blobs cannot be stored: the call was made
/// and its outcome is lost, which is a doubt and no reason to make it again.
#[tokio::test]
async fn a_call_whose_outcome_cannot_be_kept_is_in_doubt_and_not_repeated() {
    let hub = Hub::start();
    let large: &'static str = format!("\"{}\"", "x".repeat(100_000)).leak();
    let stub = Stub::start(&[Reply::Json(200, large)]).await;
    let post = json!({ "tool_name": "http_request",
        "tool_parameters": { "method": "POST", "url": stub.url("/pay") } });
    let workflow = hub.workflow(json!([post])).await;
    let blobs = hub.directory().join("blobs");
    std::fs::remove_dir_all(&blobs).unwrap();
    std::fs::write(&blobs, "in the way").unwrap();
    let run = hub.begin(workflow, json!({})).await;
    let doubtful = hub.until(run, &["in_doubt", "completed", "failed"]).await;
    assert_eq!(doubtful["status"], "in_doubt");
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_sleeping_run_wakes_in_another_process_and_an_orderly_end_is_quick() {
    let mut hub = Hub::start();
    let sleep = json!({ "tool_name": "wait", "tool_parameters": { "seconds": 1 } });
    let workflow = hub.workflow(json!([sleep])).await;
    let run = hub.begin(workflow, json!({})).await;
    hub.terminate();
    hub.restart();
    hub.until(run, &["completed"]).await;
}

#[tokio::test]
async fn a_copy_of_the_data_directory_verifies_and_goes_on() {
    let mut hub = Hub::start();
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let run = hub.run(workflow, json!({ "x": 1 })).await;
    hub.terminate();
    let copy = TempDir::new().unwrap();
    copy_all(hub.directory(), copy.path());
    let restored = Hub::over(copy);
    verify(&restored).await;
    let kept = restored.execution(run["id"].as_i64().unwrap()).await;
    assert_eq!(kept["output_data"], run["output_data"]);
    assert_eq!(restored.run(workflow, json!({})).await["status"], "completed");
}

/// A vault whose master key is gone stays closed, and no other key is made in its place.
#[tokio::test]
async fn without_its_master_key_a_hub_does_not_start() {
    let mut hub = Hub::start();
    hub.terminate();
    let key = hub.directory().join("master.key");
    std::fs::remove_file(&key).unwrap();
    let started = std::process::Command::new(env!("CARGO_BIN_EXE_hub"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(hub.directory())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(!started.status.success() && said.contains("master.key"), "{said}");
    assert!(!key.exists());
}

/// The master key changes under a server that works: who is signed in stays so, what is sealed
/// stays readable, and after a crash the new key is the one.
#[tokio::test]
async fn a_rotation_is_not_noticed() {
    let mut hub = Hub::start();
    let key = |hub: &Hub| std::fs::read(hub.directory().join("master.key")).unwrap();
    let (_, stranger) = hub.account("ann@example.com").await;
    let workflow = hub.workflow(json!([{ "tool_name": "set_variables" }])).await;
    let path = format!("/workflows/{workflow}");
    let login = json!({ "email": "ann@example.com", "password": "a long password" });
    let (_, signed_in) = hub.post("/auth/login", login.clone()).await;
    let token = signed_in["data"]["token"].as_str().unwrap().to_owned();
    let (before, first) = (hub.get(&path).await, key(&hub));
    for _ in 0..2 {
        let (status, rotated) = hub.post("/admin/vault/rotate", json!({})).await;
        assert_eq!((status.as_u16(), &rotated["data"]["data_keys"]), (200, &json!(2)), "{rotated}");
        assert_eq!(hub.get(&path).await, before);
    }
    assert_ne!(key(&hub), first);
    hub.kill();
    hub.restart();
    assert_eq!(hub.get(&path).await, before);
    for known in [&stranger, &token] {
        let (status, me) = Hub::send(hub.request(known, Method::GET, "/auth/me")).await;
        assert_eq!((status.as_u16(), &me["data"]["email"]), (200, &json!("ann@example.com")));
    }
    assert_eq!(hub.post("/auth/login", login).await.0, 200);
}

pub fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// No word that a person gave is readable in the data directory.
#[tokio::test]
async fn what_people_say_is_sealed_on_disk() {
    let mut hub = Hub::start();
    let steps = json!([{ "tool_name": "set_variables",
        "tool_parameters": { "secret": "parameter-words {{input.said}}" } }]);
    let workflow = hub.workflow(steps).await;
    hub.run(workflow, json!({ "said": "input-words" })).await;
    hub.account("address-words@example.com").await;
    hub.terminate();
    let mut files = vec![hub.directory().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = ["parameter-words", "input-words", "address-words", crate::hub::OWNER_KEY];
        for words in found {
            let there = bytes.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!there, "{words} in {}", path.display());
        }
    }
}
