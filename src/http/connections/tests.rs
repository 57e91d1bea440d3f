#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use actix_web::test::TestRequest;
use futures_util::future::BoxFuture;
use hub_events::account::Tier;
use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::super::testing::{Answered, OWNER_KEY, hub, register, send, with};
use super::*;
use crate::accounts;
use crate::connections::probe::Probe;

/// Answers as told, else that all is well; remembers what it was asked.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Result<Accepted, String>>>>,
    asked: Arc<Mutex<Vec<Map<String, Value>>>>,
}

impl Probe for Scripted {
    fn probe<'a>(
        &'a self,
        _: AccountId,
        _: &'a Platform,
        config: &'a Map<String, Value>,
    ) -> BoxFuture<'a, Result<Accepted, String>> {
        self.asked.lock().push(config.clone());
        let well = || Ok(Accepted { message: "Connected".to_owned(), data: None });
        let answer = self.answers.lock().pop_front().unwrap_or_else(well);
        Box::pin(std::future::ready(answer))
    }
}

struct Given {
    hub: Data<Hub>,
    probe: Scripted,
    directory: tempfile::TempDir,
}

impl Given {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let probe = Scripted::default();
        let hub = hub(directory.path(), |_| {}).await;
        let mut hub = Arc::try_unwrap(hub.into_inner()).ok().expect("nobody else has it");
        hub.probe = Arc::new(probe.clone());
        Self { hub: Data::new(hub), probe, directory }
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> Answered {
        let request = match method {
            "GET" => TestRequest::get(),
            "PUT" => TestRequest::put(),
            "DELETE" => TestRequest::delete(),
            _ => TestRequest::post(),
        };
        let request = with(token, request.uri(path));
        let request = if body.is_null() { request } else { request.set_json(body) };
        send(&self.hub, request).await
    }

    async fn owner(&self, method: &str, path: &str, body: Value) -> Answered {
        self.ask(OWNER_KEY, method, path, body).await
    }

    async fn made(&self, config: Value) -> i64 {
        let body = json!({ "platform": "slack", "name": "Marketing", "config": config });
        let answer = self.owner("POST", "/connections/", body).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["data"]["id"].as_i64().unwrap()
    }

    fn says(&self, answer: Result<Accepted, &str>) {
        self.probe.answers.lock().push_back(answer.map_err(str::to_owned));
    }

    fn secret(&self, id: i64) -> Option<Value> {
        self.hub.vault.secret(AccountId(1), &ConnectionId(id).into()).unwrap()
    }
}

const SECRET: &str = "xoxb-a-secret-that-is-long-enough";

#[actix_web::test]
async fn what_is_wrong_is_told_in_the_order_of_the_original() {
    let given = Given::new().await;
    let (account, token) = register(&given.hub, "ann@example.com").await;
    let create = async |tier, platform: &str, config: Value| {
        let context = accounts::by_operator(&given.hub, AccountId(account));
        accounts::change_tier(&given.hub, AccountId(account), tier, context).await.unwrap();
        let body = json!({ "platform": platform, "name": "x", "config": config });
        let answer = given.ask(&token, "POST", "/connections", body).await;
        (answer.status, answer.json()["detail"].clone())
    };
    let refused = json!({
        "error": "upgrade_required",
        "message": "This feature requires Business plan or higher",
        "feature": "Stripe integration",
        "current_tier": "Free",
        "required_tier": "Business",
        "upgrade_url": "/pricing",
        "status_code": 402,
    });
    assert_eq!(create(Tier::Free, "stripe", json!({})).await, (402, refused));
    let (status, detail) = create(Tier::Free, "nothing", json!({})).await;
    assert_eq!((status, &detail["required_tier"]), (402, &json!("Free")));
    let (status, detail) = create(Tier::Pro, "nothing", json!({})).await;
    let said = detail.as_str().unwrap();
    assert_eq!(status, 400);
    assert!(said.starts_with("Invalid platform: nothing. Available platforms: ['"), "{said}");
    assert!(said.contains("'slack'") && said.ends_with("']"), "{said}");
    let required = json!("Invalid configuration. Required fields: ['bot_token']");
    assert_eq!(create(Tier::Free, "slack", json!({ "channel": "x" })).await, (400, required));
    assert!(given.probe.asked.lock().is_empty());
    given.says(Err("invalid_auth"));
    let failed = json!("Connection test failed: invalid_auth");
    assert_eq!(create(Tier::Free, "slack", json!({ "token": SECRET })).await, (400, failed));
    let listed = given.ask(&token, "GET", "/connections", Value::Null).await;
    assert_eq!(listed.json(), json!({ "success": true, "data": [] }));
}

#[actix_web::test]
async fn a_connection_lives_as_the_original_shows_it() {
    let given = Given::new().await;
    let sample = json!({ "token": SECRET, "channel": "alerts" });
    let body = json!({ "platform": "slack", "name": "Marketing Slack", "config": sample });
    let answer = given.owner("POST", "/connections/", body).await.json();
    let id = answer["data"]["id"].as_i64().unwrap();
    let at = answer["data"]["created_at"].clone();
    let made = json!({ "id": id, "platform": "slack", "name": "Marketing Slack",
        "status": "active", "created_at": at });
    assert_eq!(answer, json!({ "success": true, "data": made }));
    assert_eq!(given.probe.asked.lock()[0]["bot_token"], SECRET);

    let listed = given.owner("GET", "/connections/", Value::Null).await.json();
    let one = listed["data"][0].clone();
    let keys: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    let all = [
        "id",
        "platform",
        "name",
        "status",
        "config",
        "last_sync",
        "error_message",
        "created_at",
        "updated_at",
    ];
    assert_eq!(keys, all);
    assert!(one["last_sync"].is_null() && one["error_message"].is_null());
    assert!(one["updated_at"].is_null());
    let keys: Vec<_> = one["config"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["token", "channel"]);
    let path = format!("/connections/{id}");
    assert_eq!(given.owner("GET", &path, Value::Null).await.json()["data"], one);

    given.says(Err("account_inactive"));
    let test = format!("{path}/test");
    let tested = given.owner("POST", &test, Value::Null).await;
    let result = json!({ "success": false, "error": "account_inactive" });
    let data = json!({ "connection_id": id, "status": "error", "test_result": result });
    assert_eq!((tested.status, tested.json()["data"].clone()), (200, data));
    let one = given.owner("GET", &path, Value::Null).await.json()["data"].clone();
    assert_eq!(one["error_message"], "account_inactive");
    assert!(one["updated_at"].is_string());
    let tested = given.owner("POST", &test, Value::Null).await.json();
    assert_eq!(tested["data"]["status"], "active");
    let result = json!({ "success": true, "message": "Connected" });
    assert_eq!(tested["data"]["test_result"], result);

    let change = |status: &str, config: &Value| {
        let body = json!({ "name": "Renamed", "status": status, "config": config });
        given.owner("PUT", &path, body)
    };
    let changed = change("inactive", &one["config"]).await.json()["data"].clone();
    assert_eq!((&changed["name"], &changed["status"]), (&json!("Renamed"), &json!("inactive")));
    assert!(changed["updated_at"].is_string());
    assert_eq!(given.secret(id).unwrap()["token"], SECRET);
    assert_eq!(change("whatever", &one["config"]).await.status, 422);
    assert_eq!(change("active", &json!({})).await.status, 400);
    assert_eq!(change("active", &json!({ "token": "another" })).await.status, 200);
    assert_eq!(given.secret(id), Some(json!({ "token": "another" })));

    let usage = given.owner("GET", &format!("{path}/usage"), Value::Null).await.json();
    let told: Vec<_> =
        usage["data"].as_array().unwrap().iter().map(|it| &it["event_type"]).collect();
    let changed = "connection.changed";
    let tested = "connection.tested";
    assert_eq!(
        told,
        ["connection.secret_rotated", changed, changed, tested, tested, "connection.created"]
    );

    let gone = given.owner("DELETE", &path, Value::Null).await;
    let said = json!({ "success": true, "message": "Connection deleted successfully" });
    assert_eq!((gone.status, gone.json()), (200, said));
    assert_eq!(given.secret(id), None);
    for (method, path, body) in [
        ("GET", path.clone(), Value::Null),
        ("DELETE", path.clone(), Value::Null),
        ("POST", test.clone(), Value::Null),
        ("PUT", path.clone(), json!({ "name": "x", "status": "active", "config": {} })),
    ] {
        let answer = given.owner(method, &path, body).await;
        let detail = answer.json()["detail"].clone();
        assert_eq!((answer.status, detail), (404, json!("Connection not found")), "{method}");
    }
    let page = given.owner("GET", &format!("{path}/usage?limit=2"), Value::Null).await.json();
    assert_eq!(page["data"][0]["event_type"], "connection.deleted");
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = format!("{path}/usage?limit=2&cursor={cursor}");
    let page = given.owner("GET", &page, Value::Null).await.json();
    assert_eq!(page["data"][0]["event_type"], "connection.changed");
}

#[actix_web::test]
async fn what_is_anothers_looks_like_what_is_not_there() {
    let given = Given::new().await;
    let id = given.made(json!({ "token": SECRET })).await;
    let (_, stranger) = register(&given.hub, "stranger@example.com").await;
    let change = json!({ "name": "x", "status": "active", "config": { "token": "x" } });
    for (method, rest, body) in [
        ("GET", "", Value::Null),
        ("PUT", "", change),
        ("DELETE", "", Value::Null),
        ("POST", "/test", Value::Null),
        ("GET", "/usage", Value::Null),
    ] {
        let theirs = format!("/connections/{id}{rest}");
        let theirs = given.ask(&stranger, method, &theirs, body.clone()).await;
        let nobodys = format!("/connections/987654{rest}");
        let nobodys = given.ask(&stranger, method, &nobodys, body).await;
        assert_eq!((theirs.status, nobodys.status), (404, 404), "{method} {rest}");
        let details = (&theirs.json()["detail"], &nobodys.json()["detail"]);
        assert_eq!(details.0, details.1, "{method} {rest}");
    }
    let listed = given.ask(&stranger, "GET", "/connections/", Value::Null).await;
    assert_eq!(listed.json()["data"], json!([]));
    let path = format!("/connections/{id}");
    assert_eq!(given.owner("GET", &path, Value::Null).await.json()["data"]["name"], "Marketing");
    assert_eq!(given.secret(id).unwrap()["token"], SECRET);
    assert_eq!(given.probe.asked.lock().len(), 1);
}

#[actix_web::test]
async fn the_same_request_makes_one_connection() {
    let given = Given::new().await;
    let body = json!({ "platform": "slack", "name": "x", "config": { "token": SECRET } });
    let create = async || {
        let request = TestRequest::post().uri("/connections").set_json(&body);
        let request = request.insert_header(("Idempotency-Key", "one"));
        send(&given.hub, with(OWNER_KEY, request)).await.json()
    };
    let (first, second) = futures_util::join!(create(), create());
    assert_eq!(first["data"], second["data"]);
    assert_eq!(create().await["data"], first["data"]);
    let listed = given.owner("GET", "/connections/", Value::Null).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let secrets = (1..20).filter(|id| given.secret(*id).is_some()).count();
    assert_eq!(secrets, 1, "the secret of the one that was not made is still there");
}

#[actix_web::test]
async fn trying_out_always_answers_200_and_keeps_nothing() {
    let given = Given::new().await;
    let (_, token) = register(&given.hub, "ann@example.com").await;
    let test = async |platform: &str, config: Value| {
        let body = json!({ "platform": platform, "config": config });
        let answer = given.ask(&token, "POST", "/connections/test", body).await;
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let refused = "This feature requires Business plan or higher";
    assert_eq!(test("stripe", json!({})).await, json!({ "success": false, "error": refused }));
    let missing = test("slack", json!({})).await;
    assert_eq!(missing, json!({ "success": false, "error": "`bot_token` is required" }));
    given.says(Err("invalid_auth"));
    let failed = test("slack", json!({ "token": SECRET })).await;
    assert_eq!(failed, json!({ "success": false, "error": "invalid_auth" }));
    given.says(Ok(Accepted { message: "Hello".to_owned(), data: Some(json!({ "team": "t" })) }));
    let well = json!({ "success": true, "message": "Hello", "data": { "team": "t" } });
    assert_eq!(test("slack", json!({ "token": SECRET })).await, well);
    let body = json!({ "platform": "nothing", "config": {} });
    let unknown = given.owner("POST", "/connections/test", body).await.json();
    assert_eq!(unknown, json!({ "success": false, "error": "Unsupported platform: nothing" }));
    let listed = given.ask(&token, "GET", "/connections/", Value::Null).await;
    assert_eq!(listed.json()["data"], json!([]));
}

#[actix_web::test]
async fn everybody_sees_the_platforms_and_what_they_want() {
    let given = Given::new().await;
    let answer = send(&given.hub, TestRequest::get().uri("/connections/platforms/")).await;
    let answer = answer.json();
    let platforms = answer["data"]["platforms"].as_array().unwrap();
    let slack = platforms.iter().find(|platform| platform["id"] == "slack").unwrap();
    assert_eq!(slack["config_schema"]["required"], json!(["bot_token"]));
    assert_eq!(slack["name"], "Slack");
    let named = |capability: &Value| capability["tool_name"] == "slack_send_message";
    assert!(slack["capabilities"].as_array().unwrap().iter().any(named));
    for platform in platforms {
        for key in ["description", "icon", "features", "capabilities", "config_schema"] {
            assert!(!platform[key].is_null(), "{} {key}", platform["id"]);
        }
    }
}

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The bytes of every file below a directory.
fn files(directory: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.extend(std::fs::read(&path).unwrap_or_default()),
        }
    }
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// What is planted: in secret fields, and in those that their holder may see.
const PLANTED: &str = "planted-where-nobody-may-see-it";
const OPEN: &str = "open-but-for-its-holder-alone";

/// A connection's fields with what is planted in each.
fn planted(platform: &Platform) -> Map<String, Value> {
    let schema = platform.config_schema();
    let mut config = Map::new();
    for (name, property) in schema["properties"].as_object().unwrap() {
        let plain = property["type"] == "string" && property["enum"].is_null();
        let secret = platform.is_secret(name);
        let value = match (property["format"].as_str(), secret) {
            (Some("uri"), _) => "https://example.com/".to_owned(),
            (_, true) => format!("{PLANTED}-0123456789"),
            (_, false) => OPEN.to_owned(),
        };
        if plain {
            config.insert(name.clone(), value.into());
        }
    }
    config.insert("unknown".to_owned(), format!("{PLANTED}-0123456789").into());
    config
}

#[actix_web::test]
async fn a_secret_is_in_no_file_no_log_line_and_no_answer() {
    let lines = Lines::default();
    let logged = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(logged);
    let given = Given::new().await;
    let mut answers = Vec::new();
    for platform in given.hub.catalogue.all() {
        let (id, config) = (platform.id(), Value::Object(planted(&platform)));
        let create = json!({ "platform": id, "name": OPEN, "config": config });
        let test = json!({ "platform": id, "config": config });
        let faulty = json!({ "platform": id, "config": config });
        let made = given.owner("POST", "/connections", create).await;
        let number = made.json()["data"]["id"].clone();
        answers.extend([made, given.owner("POST", "/connections", faulty).await]);
        answers.push(given.owner("POST", "/connections/test", test).await);
        let path = format!("/connections/{number}");
        let wrong = json!({ "name": OPEN, "status": "wrong", "config": config });
        let again = json!({ "name": OPEN, "status": "active", "config": config });
        answers.push(given.owner("PUT", &path, wrong).await);
        answers.push(given.owner("PUT", &path, again).await);
        let numbers = json!({ "name": OPEN, "status": "active", "config": [config] });
        answers.push(given.owner("PUT", &path, numbers).await);
        for (method, rest) in [("GET", ""), ("POST", "/test"), ("GET", "/usage")] {
            answers.push(given.owner(method, &format!("{path}{rest}"), Value::Null).await);
        }
    }
    answers.push(given.owner("POST", "/admin/vault/rotate", Value::Null).await);
    answers.push(given.owner("GET", "/connections", Value::Null).await);
    assert!(answers.last().unwrap().json()["data"].as_array().unwrap().len() > 2);
    let asked = serde_json::to_string(&*given.probe.asked.lock()).unwrap();
    assert!(asked.contains(PLANTED), "the platform itself is asked with it");
    for answer in &answers {
        assert!(!contains(&answer.bytes, PLANTED), "{}", answer.json());
    }
    let mut kept = Vec::new();
    files(given.directory.path(), &mut kept);
    assert!(contains(&kept, "connection.created"), "the files are not found");
    for what in [PLANTED, OPEN] {
        assert!(!contains(&kept, what), "{what} is in the data directory");
        assert!(!contains(&lines.0.lock(), what), "{what} is in the log lines");
    }
    assert!(!lines.0.lock().is_empty(), "nothing was logged");
}
