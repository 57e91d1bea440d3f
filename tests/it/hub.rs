//! A server process of its own over a temporary directory, and a client for it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stub::Stub;

/// The owner's key in every test.
pub const OWNER_KEY: &str = "owner-key-of-the-tests-0123456789";

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server and its data directory; ended when dropped.
pub struct Hub {
    child: Child,
    base: String,
    directory: TempDir,
    settings: Vec<(String, String)>,
    client: Client,
}

/// An answer: status, body.
pub type Answer = (StatusCode, Value);

impl Hub {
    /// A fresh hub that may reach loopback addresses.
    pub fn start() -> Self {
        Self::start_with(&[("HUB_EGRESS__ALLOW", "127.0.0.0/8")])
    }

    /// A fresh hub with these settings.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let (child, base) = spawn(directory.path(), &settings);
        Self { child, base, directory, settings, client: Client::new() }
    }

    /// A fresh hub for which this is Slack.
    pub fn with_slack(stub: &Stub) -> Self {
        let address = stub.url("/api");
        let slack = ("HUB_PLATFORMS__SLACK__BASE_URL", address.as_str());
        Self::start_with(&[("HUB_EGRESS__ALLOW", "127.0.0.0/8"), slack])
    }

    /// A new connection to Slack with this token: its id.
    pub async fn slack(&self, token: &str) -> i64 {
        let config = json!({ "token": token });
        let body = json!({ "platform": "slack", "name": "Marketing", "config": config });
        let (status, body) = self.post("/connections/", body).await;
        assert_eq!(status, 200, "{body}");
        body["data"]["id"].as_i64().unwrap()
    }

    /// A hub over a copy of another's data directory.
    pub fn over(directory: TempDir) -> Self {
        let settings = vec![("HUB_EGRESS__ALLOW".to_owned(), "127.0.0.0/8".to_owned())];
        let (child, base) = spawn(directory.path(), &settings);
        Self { child, base, directory, settings, client: Client::new() }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the process at once, as a power failure would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and waits until it has.
    pub fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Starts the process again.
    pub fn restart(&mut self) {
        let (child, base) = spawn(self.directory.path(), &self.settings);
        (self.child, self.base) = (child, base);
    }

    pub fn request(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(key)
    }

    pub async fn send(request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(OWNER_KEY, Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Self::send(self.request(OWNER_KEY, Method::POST, path).json(&body)).await
    }

    /// A new account: its id and an API key.
    pub async fn account(&self, email: &str) -> (i64, String) {
        let body = json!({ "email": email, "password": "a long password", "name": "Somebody" });
        let (status, body) = self.post("/auth/register", body).await;
        assert_eq!(status, 200, "{body}");
        let id = body["data"]["user"]["id"].as_i64().unwrap();
        let token = body["data"]["token"].as_str().unwrap();
        let path = "/auth/me/regenerate-api-key";
        let (_, body) = Self::send(self.request(token, Method::POST, path)).await;
        (id, body["data"]["api_key"].as_str().unwrap().to_owned())
    }

    /// A new workflow with these steps: its id.
    pub async fn workflow(&self, steps: Value) -> i64 {
        let body = json!({ "workflow_name": "test", "description": "", "steps": steps });
        let (status, body) = self.post("/workflows/create-from-steps", body).await;
        assert_eq!(status, 200, "{body}");
        body["data"]["id"].as_i64().unwrap()
    }

    /// Begins a run without waiting for it: its id.
    pub async fn begin(&self, workflow: i64, input: Value) -> i64 {
        let path = format!("/workflows/{workflow}/execute");
        let request = self.request(OWNER_KEY, Method::POST, &path);
        let request = request.header("Prefer", "respond-async");
        let (status, body) = Self::send(request.json(&json!({ "input_data": input }))).await;
        assert_eq!(status, 202, "{body}");
        body["data"]["id"].as_i64().unwrap()
    }

    /// Runs a workflow to its end: the run.
    pub async fn run(&self, workflow: i64, input: Value) -> Value {
        let path = format!("/workflows/{workflow}/execute");
        let (status, body) = self.post(&path, json!({ "input_data": input })).await;
        assert_eq!(status, 200, "{body}");
        body["data"].clone()
    }

    pub async fn execution(&self, id: i64) -> Value {
        let (status, body) = self.get(&format!("/workflows/executions/{id}")).await;
        assert_eq!(status, 200, "{body}");
        body["data"].clone()
    }

    pub async fn steps(&self, id: i64) -> Vec<Value> {
        let (status, body) = self.get(&format!("/workflows/executions/{id}/steps")).await;
        assert_eq!(status, 200, "{body}");
        body["data"].as_array().unwrap().clone()
    }

    /// Waits until a run has one of these statuses.
    pub async fn until(&self, id: i64, statuses: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let run = self.execution(id).await;
            if statuses.contains(&run["status"].as_str().unwrap()) {
                return run;
            }
            assert!(begun.elapsed() < PATIENCE, "still {run}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the server on a free port and waits until it says where it listens.
fn spawn(directory: &Path, settings: &[(String, String)]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hub"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory)
        .env("HUB_OWNER_KEY", OWNER_KEY)
        .env("HUB_LOG__FILTER", "warn")
        .env("HUB_AUTH__ATTEMPTS_PER_MINUTE", "0")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = said
        .map_while(Result::ok)
        .find_map(|line| Some(line.strip_prefix("Arrotech Hub listens on ")?.to_owned()));
    (child, address.expect("the server did not start"))
}
