//! The hub as a server of the Model Context Protocol, in both revisions, over HTTP and over
//! standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::hub::{Hub, OWNER_KEY};
use crate::stub::Stub;

const OLDER: &str = "2025-11-25";
const NEWER: &str = "2026-07-28";

/// The messages of an answer, whether it is one or a stream of them.
async fn messages(request: RequestBuilder) -> (u16, HeaderMap, Vec<Value>) {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    let streamed = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let messages = match streamed {
        true => text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .filter_map(|data| serde_json::from_str(data.trim()).ok())
            .collect(),
        false => serde_json::from_str(&text).into_iter().collect(),
    };
    (status, headers, messages)
}

fn post(hub: &Hub, key: &str, message: &Value) -> RequestBuilder {
    let request = hub.request(key, Method::POST, "/mcp").json(message);
    request.header("Accept", "application/json, text/event-stream")
}

/// A message of the newer revision, which says everything each time.
async fn ask(hub: &Hub, key: &str, method: &str, mut params: Value) -> Vec<Value> {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = NEWER.into();
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "t", "version": "1" });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut request = post(hub, key, &message).header("MCP-Protocol-Version", NEWER);
    request = request.header("Mcp-Method", method);
    if let Some(name) = ["name", "uri"].iter().find_map(|name| params[name].as_str()) {
        request = request.header("Mcp-Name", name);
    }
    messages(request).await.2
}

/// The result of such a message.
async fn result(hub: &Hub, key: &str, method: &str, params: Value) -> Value {
    let answers = ask(hub, key, method, params).await;
    let last = answers.last().cloned().unwrap_or_default();
    assert!(last["error"].is_null(), "{method}: {last}");
    last["result"].clone()
}

#[tokio::test]
async fn the_older_revision_has_sessions_that_belong_to_their_account() {
    let hub = Hub::start();
    let begin = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": OLDER, "capabilities": {},
        "clientInfo": { "name": "t", "version": "1" } } });
    let (status, headers, answers) = messages(post(&hub, OWNER_KEY, &begin)).await;
    assert_eq!(status, 200, "{answers:?}");
    let begun = &answers.last().unwrap()["result"];
    assert_eq!(
        (&begun["protocolVersion"], &begun["serverInfo"]["name"]),
        (&json!(OLDER), &json!("arrotech-hub"))
    );
    let session = headers["mcp-session-id"].to_str().unwrap().to_owned();
    let send = |key: &str, message: Value| {
        let request = post(&hub, key, &message).header("Mcp-Session-Id", &session);
        messages(request.header("MCP-Protocol-Version", OLDER))
    };
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(send(OWNER_KEY, ready).await.0, 202);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let (_, _, answers) = send(OWNER_KEY, list.clone()).await;
    let tools = answers.last().unwrap()["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "web_tools"), "{tools:?}");

    let stub = Stub::start(&[]).await;
    let check = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "web_tools", "_meta": { "progressToken": "p" },
        "arguments": { "operation": "check_status", "urls": [stub.url("/a"), stub.url("/b")] } } });
    let (_, _, answers) = send(OWNER_KEY, check).await;
    let told: Vec<_> =
        answers.iter().filter(|it| it["method"] == "notifications/progress").collect();
    assert_eq!(told.len(), 2, "{answers:?}");
    assert_eq!(told[1]["params"]["message"], "Checked 2 of 2");
    let called = &answers.last().unwrap()["result"];
    assert_eq!(
        (&called["isError"], &called["structuredContent"]["success"]),
        (&json!(false), &json!(true))
    );

    let (_, stranger) = hub.account("stranger@example.com").await;
    assert_eq!(send(&stranger, list.clone()).await.0, 404);
    let end = hub.request(OWNER_KEY, Method::DELETE, "/mcp").header("Mcp-Session-Id", &session);
    assert!(end.send().await.unwrap().status().is_success());
    assert_eq!(send(OWNER_KEY, list).await.0, 404);
}

#[tokio::test]
async fn the_newer_revision_needs_no_beginning() {
    let hub = Hub::start();
    let found = result(&hub, OWNER_KEY, "server/discover", json!({})).await;
    assert!(found["supportedVersions"].as_array().unwrap().contains(&json!(NEWER)), "{found}");
    let (_, stranger) = hub.account("stranger@example.com").await;

    let set = json!({ "name": "set_variables", "arguments": { "a": 1 } });
    let called = result(&hub, OWNER_KEY, "tools/call", set).await;
    assert_eq!(
        (&called["isError"], &called["structuredContent"]),
        (&json!(false), &json!({ "a": 1 }))
    );
    let (_, calls) = hub.get("/mcp/calls").await;
    assert_eq!(
        (&calls["data"][0]["via"], &calls["data"][0]["status"]),
        (&json!("mcp"), &json!("completed"))
    );

    let wrong = json!({ "name": "wait", "arguments": { "seconds": "soon" } });
    assert_eq!(result(&hub, OWNER_KEY, "tools/call", wrong).await["isError"], true);
    let unknown = ask(&hub, OWNER_KEY, "tools/call", json!({ "name": "nothing" })).await;
    assert_eq!(unknown[0]["error"]["code"], -32_602, "{unknown:?}");
    let cursor = ask(&hub, OWNER_KEY, "tools/list", json!({ "cursor": "x" })).await;
    assert_eq!(cursor[0]["error"]["code"], -32_602, "{cursor:?}");

    let step =
        json!({ "tool_name": "set_variables", "tool_parameters": { "said": "{{input.x}}" } });
    let workflow = hub.workflow(json!([step])).await;
    let tools = result(&hub, OWNER_KEY, "tools/list", json!({})).await;
    let tool = format!("workflow_{workflow}_test");
    assert!(tools["tools"].as_array().unwrap().iter().any(|it| it["name"] == tool), "{tools}");
    let run = json!({ "name": tool, "arguments": { "x": "hello" } });
    let ran = result(&hub, OWNER_KEY, "tools/call", run.clone()).await;
    let ran = &ran["structuredContent"];
    assert_eq!(ran["output_data"]["step_1"]["said"], "hello", "{ran}");
    assert_eq!(result(&hub, &stranger, "tools/call", run).await["isError"], true);

    let listed = result(&hub, OWNER_KEY, "resources/list", json!({})).await;
    let uri = format!("hub://executions/{}", ran["id"]);
    assert_eq!(listed["resources"][0]["uri"], uri);
    let read = result(&hub, OWNER_KEY, "resources/read", json!({ "uri": uri })).await;
    let text = read["contents"][0]["text"].as_str().unwrap();
    let text: Value = serde_json::from_str(text).unwrap();
    assert_eq!(text["steps"][0]["tool_name"], "set_variables");
    let theirs = ask(&hub, &stranger, "resources/read", json!({ "uri": uri })).await;
    assert!(theirs[0]["error"]["code"].is_i64(), "{theirs:?}");
    let none = result(&hub, &stranger, "resources/list", json!({})).await;
    assert_eq!(none["resources"], json!([]));
    let templates = result(&hub, OWNER_KEY, "resources/templates/list", json!({})).await;
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "hub://executions/{execution_id}");
}

#[tokio::test]
async fn only_known_callers_hosts_and_pages_get_in() {
    let hub = Hub::start();
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let unknown = post(&hub, "not-a-key", &list).send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    assert_eq!(unknown.headers()["www-authenticate"], "Bearer");
    let named = post(&hub, "x", &list).build().unwrap();
    let bare = Client::new().post(named.url().clone()).json(&list).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    for (header, value) in [("Origin", "https://evil.example"), ("Host", "evil.example")] {
        let answer = post(&hub, OWNER_KEY, &list).header(header, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{header}");
    }
}

/// `hub mcp` with a client's hands on it.
struct Spoken {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Spoken {
    fn start(arguments: &[&str], directory: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hub"))
            .arg("mcp")
            .args(arguments)
            .arg("--data-dir")
            .arg(directory)
            .env("HUB_KEY", OWNER_KEY)
            .env("HUB_LOG__FILTER", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// The answer to a message; what else comes is passed over.
    fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let mut answers = self.lines.by_ref().map(|line| line.unwrap());
        let read = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        answers.find_map(|line| Some(read(line)).filter(|it| it["id"] == id)).unwrap()
    }

    /// Begins in the older revision, calls a tool, and ends.
    fn converse(mut self) {
        let begin = json!({ "protocolVersion": OLDER, "capabilities": {},
            "clientInfo": { "name": "t", "version": "1" } });
        let begun = self.ask(0, "initialize", begin);
        assert_eq!(begun["result"]["protocolVersion"], OLDER, "{begun}");
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let set = json!({ "name": "set_variables", "arguments": { "a": "b" } });
        let called = self.ask(1, "tools/call", set);
        assert_eq!(called["result"]["structuredContent"]["a"], "b", "{called}");
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[tokio::test]
async fn a_client_that_starts_its_servers_speaks_with_a_running_hub_or_without() {
    let mut hub = Hub::start();
    let base = hub.request("x", Method::GET, "/").build().unwrap().url().to_string();
    let spoken = Spoken::start(&["--url", &base], hub.directory());
    tokio::task::spawn_blocking(|| spoken.converse()).await.unwrap();
    hub.terminate();
    let spoken = Spoken::start(&[], hub.directory());
    tokio::task::spawn_blocking(|| spoken.converse()).await.unwrap();
    hub.restart();
    let (_, calls) = hub.get("/mcp/calls").await;
    assert_eq!(calls["data"].as_array().unwrap().len(), 2, "{calls}");
    assert_eq!(calls["data"][0]["via"], "mcp");
}
