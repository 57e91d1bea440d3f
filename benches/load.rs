//! A load program for the server: starts the real binary over an empty data directory, runs
//! workflows over HTTP, and tells what they cost.
//!
//! `cargo bench --bench load -- [RUNS] [CONNECTIONS …]`. CPU is the server's alone, as the
//! operating system counts it (Linux only).

// A measurement needs a clock, and fails loudly.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::print_stdout)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};

const KEY: &str = "owner-key-of-the-load-program";

struct Server {
    child: Child,
    base: String,
    begun: Instant,
}

impl Server {
    fn start(directory: &std::path::Path) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hub"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory)
            .env("HUB_OWNER_KEY", KEY)
            .env("HUB_LOG__FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let base = said.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, base, begun }
    }

    /// Seconds of CPU so far: user and system, in clock ticks of a hundredth.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }

    /// Resident memory in MB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    async fn post(&self, client: &Client, path: &str, body: &Value) -> Value {
        let request = client.post(format!("{}{path}", self.base)).bearer_auth(KEY).json(body);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::main]
async fn main() {
    let given: Vec<usize> =
        std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (runs, connections) = match given.split_first() {
        Some((runs, connections)) if !connections.is_empty() => (*runs, connections.to_vec()),
        Some((runs, _)) => (*runs, vec![1, 64, 128]),
        None => (5_000, vec![1, 64, 128]),
    };
    let directory = tempfile::TempDir::new().unwrap();
    let server = Arc::new(Server::start(directory.path()));
    let client = Client::new();
    while client.get(format!("{}/health", server.base)).send().await.is_err() {}
    println!("start to /health  {:.0} ms", server.begun.elapsed().as_secs_f64() * 1e3);
    println!("idle memory       {:.0} MB", server.memory());
    let step = |name: &str| json!({ "tool_name": "set_variables", "tool_parameters": { name: "{{input.x}}" } });
    let workflow = json!({ "workflow_name": "load", "description": "three steps",
        "steps": [step("a"), step("b"), step("c")] });
    let made = server.post(&client, "/workflows/create-from-steps", &workflow).await;
    let path = Arc::new(format!("/workflows/{}/execute", made["data"]["id"]));
    println!("connections      runs/s   server CPU per run");
    for connections in connections {
        let runs = if connections == 1 { runs / 10 } else { runs };
        let (left, cpu, begun) = (Arc::new(AtomicUsize::new(runs)), server.cpu(), Instant::now());
        let workers = (0..connections).map(|_| {
            let (left, server, path) = (Arc::clone(&left), Arc::clone(&server), Arc::clone(&path));
            let client = client.clone();
            tokio::spawn(async move {
                let take = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let body = json!({ "input_data": { "x": "y" } });
                    let done = server.post(&client, &path, &body).await;
                    assert_eq!(done["data"]["status"], "completed");
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), server.cpu() - cpu);
        let (rate, each) = (runs as f64 / seconds, cpu * 1e3 / runs as f64);
        println!("{connections:>11} {rate:>11.0} {each:>14.3} ms");
    }
    println!("memory after      {:.0} MB", server.memory());
}
