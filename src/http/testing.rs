//! A hub for tests: the real parts over a temporary directory, and calls without a network.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::web::Data;
use hub_events::log::Log;
use hub_events::log::sqlite::Sqlite;
use hub_events::testing::epoch;
use serde_json::Value;

use crate::Hub;
use crate::clock::Clock;
use crate::config::Config;

/// The owner's key in tests.
pub(crate) const OWNER_KEY: &str = "owner-key-for-tests";

/// A hub over a directory, with an owner.
pub(crate) async fn hub(directory: &Path, change: impl FnOnce(&mut Config)) -> Data<Hub> {
    hub_over(directory, Sqlite::open(&directory.join("hub.db")).unwrap(), change).await
}

/// A hub over a directory and a log.
pub(crate) async fn hub_over(
    directory: &Path,
    log: Arc<dyn Log>,
    change: impl FnOnce(&mut Config),
) -> Data<Hub> {
    let owner_key = Some(OWNER_KEY.to_owned().into());
    let data_dir = directory.to_owned();
    let mut config = Config { data_dir, owner_key, ..Config::default() };
    change(&mut config);
    let hub = crate::running::join(config, Clock::settable(epoch()), log).unwrap();
    crate::accounts::bootstrap_owner(&hub).await.unwrap();
    hub
}

/// What came back.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request.
pub(crate) async fn send(hub: &Data<Hub>, request: TestRequest) -> Answered {
    let app = init_service(super::app(hub.clone())).await;
    let peer = SocketAddr::from(([192, 0, 2, 1], 4_000));
    let answer: ServiceResponse<BoxBody> =
        try_call_service(&app, request.peer_addr(peer).to_request()).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = to_bytes(answer.into_body()).await.unwrap().to_vec();
    Answered { status, headers, bytes }
}

/// A request of somebody who is signed in with a token.
pub(crate) fn with(token: &str, request: TestRequest) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {token}")))
}

/// A new account; its id and login token.
pub(crate) async fn register(hub: &Data<Hub>, email: &str) -> (i64, String) {
    let body = serde_json::json!({"email": email, "password": "a password", "name": "Ann"});
    let request = TestRequest::post().uri("/auth/register").set_json(body);
    let answer = send(hub, request).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let data = &answer.json()["data"];
    (data["user"]["id"].as_i64().unwrap(), data["token"].as_str().unwrap().to_owned())
}
