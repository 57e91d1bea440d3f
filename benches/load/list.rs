//! What the list of an account's workflows costs, against a bare handler of the same bytes.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use actix_web::web::{Bytes, get};
use actix_web::{App, HttpResponse, HttpServer};
use reqwest::Client;

use crate::server::{KEY, Server};

const WORKFLOWS: usize = 100;
const REQUESTS: usize = 20_000;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 3;
const PATH: &str = "/workflows/";

/// Asks both so often, in turns, and prints the ratio of their CPU.
pub(crate) async fn measure(requests: Option<usize>) {
    let requests = requests.unwrap_or(REQUESTS);
    // The same bytes: neither compresses.
    let client = Client::builder().no_gzip().no_brotli().build().unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let hub = Arc::new(Server::hub(directory.path()));
    for _ in 0..WORKFLOWS {
        hub.workflow(&client).await;
    }
    let body = ask(&hub, &client).await;
    println!("GET {PATH} of {WORKFLOWS} workflows: {} bytes", body.len());
    let file = directory.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let this = std::env::current_exe().unwrap();
    let bare = Arc::new(Server::of(Command::new(this).arg("bare").arg(&file)));
    assert_eq!(ask(&bare, &client).await, body);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let bare = cost("bare handler", &bare, &client, requests).await;
        let hub = cost("hub", &hub, &client, requests).await;
        ratios.push(hub / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio of CPU, the middle one {:.2}", ratios[ROUNDS / 2]);
}

async fn ask(server: &Server, client: &Client) -> Bytes {
    let request = client.get(format!("{}{PATH}", server.base)).bearer_auth(KEY);
    request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
}

/// Microseconds of CPU for each request.
async fn cost(name: &str, server: &Arc<Server>, client: &Client, requests: usize) -> f64 {
    let (cpu, begun) = (server.cpu(), Instant::now());
    let asking = (0..CONNECTIONS).map(|_| {
        let (server, client) = (Arc::clone(server), client.clone());
        tokio::spawn(async move {
            for _ in 0..requests / CONNECTIONS {
                ask(&server, &client).await;
            }
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    let each = (server.cpu() - cpu) * 1e6 / requests as f64;
    let rate = requests as f64 / begun.elapsed().as_secs_f64();
    println!("{name:<14} {rate:>8.0} requests/s {each:>8.1} µs of CPU each");
    each
}

/// Serves a file's bytes from memory, and nothing else.
pub(crate) fn serve_bare(file: &str) {
    let body = Bytes::from(std::fs::read(file).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let app = move || {
        let body = body.clone();
        let answer = move || {
            let answer = HttpResponse::Ok().content_type("application/json").body(body.clone());
            std::future::ready(answer)
        };
        App::new().route(PATH, get().to(answer))
    };
    let server = HttpServer::new(app).listen(listener).unwrap().run();
    actix_web::rt::System::new().block_on(server).unwrap();
}
