//! How long the hub takes to start over a long log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub_events::log::Log as _;
use hub_events::log::sqlite::Sqlite;
use reqwest::Client;

use crate::runs::run;
use crate::server::Server;

/// Three steps are eight events, so these are a million.
const RUNS: usize = 125_000;

const CONNECTIONS: usize = 128;

const STARTS: usize = 5;

/// Fills a log with runs, ends the server as a power failure would, and times starts over it.
pub(crate) async fn measure(runs: Option<usize>) {
    let directory = tempfile::TempDir::new().unwrap();
    let client = Client::new();
    fill(directory.path(), &client, runs.unwrap_or(RUNS)).await;
    let log = Sqlite::open(&directory.path().join("hub.db")).unwrap();
    println!("{} events in the log", log.head());
    drop(log);
    for _ in 0..STARTS {
        let server = Server::hub(directory.path());
        let said = server.begun.elapsed().as_secs_f64() * 1e3;
        let healthy = server.until_healthy(&client).await;
        println!("start to listening {said:.0} ms, to /health {healthy:.0} ms");
    }
}

async fn fill(directory: &Path, client: &Client, runs: usize) {
    let server = Arc::new(Server::hub(directory));
    let workflow = server.workflow(client).await;
    let path = format!("/workflows/{workflow}/execute");
    run(&server, client, &path, runs, CONNECTIONS).await;
    // The read models have caught up then.
    let ready = format!("{}/ready", server.base);
    while client.get(&ready).send().await.unwrap().error_for_status().is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
