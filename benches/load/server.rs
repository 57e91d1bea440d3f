//! A server process, and what the operating system says of it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};

/// The owner's key.
pub(crate) const KEY: &str = "owner-key-of-the-load-program";

/// A server; ended when dropped, as a power failure would end it.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    pub(crate) begun: Instant,
}

impl Server {
    /// The hub over a data directory.
    pub(crate) fn hub(directory: &Path) -> Self {
        let mut hub = Command::new(env!("CARGO_BIN_EXE_hub"));
        hub.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory);
        Self::of(hub.env("HUB_OWNER_KEY", KEY).env("HUB_LOG__FILTER", "warn"))
    }

    /// A server that first prints a line with its address at the end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let base = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, base, begun }
    }

    /// Waits until it answers; how long that took since it was started, in milliseconds.
    pub(crate) async fn until_healthy(&self, client: &Client) -> f64 {
        while client.get(format!("{}/health", self.base)).send().await.is_err() {}
        self.begun.elapsed().as_secs_f64() * 1e3
    }

    /// Seconds of CPU so far: user and system, in clock ticks of a hundredth.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }

    /// Resident memory in MB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    pub(crate) async fn post(&self, client: &Client, path: &str, body: &Value) -> Value {
        let request = client.post(format!("{}{path}", self.base)).bearer_auth(KEY).json(body);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap()
    }

    /// A new workflow of three steps: its number.
    pub(crate) async fn workflow(&self, client: &Client) -> Value {
        let step = |name: &str| json!({ "tool_name": "set_variables", "tool_parameters": { name: "{{input.x}}" } });
        let workflow = json!({ "workflow_name": "load", "description": "three steps",
            "steps": [step("a"), step("b"), step("c")] });
        let made = self.post(client, "/workflows/create-from-steps", &workflow).await;
        made["data"]["id"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
