//! What a run of a workflow costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use reqwest::Client;
use serde_json::json;

use crate::server::Server;

/// Runs a workflow over and over with this many connections, and prints what it cost.
pub(crate) async fn measure(given: &[usize]) {
    let (runs, connections) = match given.split_first() {
        Some((runs, connections)) if !connections.is_empty() => (*runs, connections.to_vec()),
        Some((runs, _)) => (*runs, vec![1, 64, 128]),
        None => (5_000, vec![1, 64, 128]),
    };
    let directory = tempfile::TempDir::new().unwrap();
    let server = Arc::new(Server::hub(directory.path()));
    let client = Client::new();
    println!("start to /health  {:.0} ms", server.until_healthy(&client).await);
    println!("idle memory       {:.0} MB", server.memory());
    let workflow = server.workflow(&client).await;
    let path = format!("/workflows/{workflow}/execute");
    println!("connections      runs/s   server CPU per run");
    for connections in connections {
        let runs = if connections == 1 { runs / 10 } else { runs };
        let (cpu, begun) = (server.cpu(), Instant::now());
        run(&server, &client, &path, runs, connections).await;
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), server.cpu() - cpu);
        let (rate, each) = (runs as f64 / seconds, cpu * 1e3 / runs as f64);
        println!("{connections:>11} {rate:>11.0} {each:>14.3} ms");
    }
    println!("memory after      {:.0} MB", server.memory());
}

/// Runs a workflow so often, with so many connections.
pub(crate) async fn run(
    server: &Arc<Server>,
    client: &Client,
    path: &str,
    runs: usize,
    connections: usize,
) {
    let left = Arc::new(AtomicUsize::new(runs));
    let workers = (0..connections).map(|_| {
        let (left, server) = (Arc::clone(&left), Arc::clone(server));
        let (client, path) = (client.clone(), path.to_owned());
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
}
