#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use hub_events::log::memory::Memory;
use hub_events::testing::epoch;
use serde_json::json;

use super::*;
use crate::vault::testing;

const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

struct Given {
    connections: Connections,
    catalogue: Arc<Catalogue>,
    vault: Arc<Vault>,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let (directory, vault) = testing::vault(&[ANN, BEN]);
    let log: Arc<dyn Log> = Memory::new();
    let views = Views::start(Arc::clone(&log), directory.path()).unwrap();
    let (clock, catalogue) = (Clock::settable(epoch()), Arc::new(Catalogue::embedded()));
    let known = Arc::clone(&catalogue);
    let connections = Connections::new(log, views, Arc::clone(&vault), clock, known);
    Given { connections, catalogue, vault, _directory: directory }
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

impl Given {
    async fn made(&self, id: i64, account: AccountId, platform: &str, status: Status) {
        let platform = self.catalogue.get(platform).unwrap();
        let config = map(json!({ "token": "a-token-to-be-kept" }));
        let name = "mine".to_owned();
        let new = New { id: ConnectionId(id), account, name, status, config };
        let context = self.connections.by_hub(account);
        self.connections.create(&platform, new, context, None).await.unwrap();
    }

    async fn status(&self, id: i64) -> Status {
        self.connections.find(ANN, ConnectionId(id)).await.unwrap().status
    }

    async fn token(&self, id: i64) -> Value {
        let opened = self.connections.open(ANN, ConnectionId(id)).await.unwrap();
        opened.config["bot_token"].clone()
    }
}

#[tokio::test]
async fn a_call_goes_through_the_connection_it_names_or_the_oldest_that_is_active() {
    let given = given();
    for (id, account, platform, status) in [
        (1, ANN, "slack", Status::Error),
        (2, BEN, "slack", Status::Active),
        (3, ANN, "slack", Status::Active),
        (4, ANN, "slack", Status::Active),
        (5, ANN, "github", Status::Expired),
    ] {
        given.made(id, account, platform, status).await;
    }
    for (platform, wanted, then) in [
        ("slack", None, Ok(3)),
        ("slack", Some(4), Ok(4)),
        ("slack", Some(1), Err("connection_not_active")),
        ("slack", Some(2), Err("connection_missing")),
        ("slack", Some(9), Err("connection_missing")),
        ("slack", Some(5), Err("connection_mismatch")),
        ("github", None, Err("connection_required")),
        ("stripe", None, Err("connection_required")),
        ("nothing", None, Err("connection_required")),
    ] {
        let chosen = given.connections.choose(ANN, platform, wanted.map(ConnectionId)).await;
        let chosen = chosen.map(|id| id.0).map_err(|error| match error {
            ConnectionError::Refused(refusal) => refusal.code,
            other => panic!("{other}"),
        });
        assert_eq!(chosen, then, "{platform} {wanted:?}");
    }
    let none = given.connections.choose(ANN, "stripe", None).await.unwrap_err();
    assert_eq!(none.to_string(), "No active Stripe connection found");
    let none = given.connections.choose(ANN, "github", None).await.unwrap_err();
    assert_eq!(none.to_string(), "No active GitHub connection found: connection 5 is expired");
}

#[tokio::test]
async fn one_that_fails_is_put_down_and_comes_back_when_it_is_tested() {
    let given = given();
    given.made(1, ANN, "slack", Status::Active).await;
    let (connections, id) = (&given.connections, ConnectionId(1));
    connections.record_error(ANN, id, "token_revoked").await.unwrap();
    assert_eq!(given.status(1).await, Status::Error);
    let view = connections.find(ANN, id).await.unwrap();
    assert_eq!(connections.shown(&view).await.unwrap().error.unwrap(), "token_revoked");
    connections.record_test(ANN, id, Ok(()), connections.by_hub(ANN)).await.unwrap();
    assert_eq!(given.status(1).await, Status::Active);
    connections.record_expired(ANN, id, "invalid_grant").await.unwrap();
    assert_eq!(given.status(1).await, Status::Expired);
}

#[tokio::test]
async fn what_a_platform_gives_out_is_kept() {
    let given = given();
    given.made(1, ANN, "slack", Status::Active).await;
    let (id, connections) = (ConnectionId(1), &given.connections);
    connections.record_expired(ANN, id, "invalid_grant").await.unwrap();
    let learnt = map(json!({ "bot_token": "given-out-just-now", "instance": "eu" }));
    connections.keep_learnt(ANN, id, learnt.clone()).await.unwrap();
    let opened = connections.open(ANN, id).await.unwrap().config;
    assert_eq!(opened, learnt);
    assert_eq!(given.status(1).await, Status::Active);
    // The holder sees the key that he gave, and what is not known to the platform as a secret.
    let view = connections.find(ANN, id).await.unwrap();
    let shown = connections.shown(&view).await.unwrap().config;
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["token", "instance"]);
    assert!(!format!("{shown:?}").contains("given-out"));
    assert!(connections.keep_learnt(BEN, id, learnt).await.is_err());
}

#[tokio::test]
async fn its_secret_is_gone_with_it() {
    let given = given();
    given.made(1, ANN, "slack", Status::Active).await;
    let (id, connections) = (ConnectionId(1), &given.connections);
    let other = connections.delete(BEN, id, connections.by_hub(BEN)).await;
    assert!(matches!(other, Err(ConnectionError::Refused(_))));
    assert_eq!(given.token(1).await, "a-token-to-be-kept");
    connections.delete(ANN, id, connections.by_hub(ANN)).await.unwrap();
    assert_eq!(given.vault.secret(ANN, &id.into()).unwrap(), None);
    for gone in
        [connections.open(ANN, id).await.map(drop), connections.find(ANN, id).await.map(drop)]
    {
        assert_eq!(gone.unwrap_err().to_string(), "Connection not found");
    }
    assert!(connections.list(ANN).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_that_does_not_fit_the_platform_changes_nothing() {
    let given = given();
    given.made(1, ANN, "slack", Status::Active).await;
    let (id, connections) = (ConnectionId(1), &given.connections);
    let change = |config| {
        let change = Change { name: "new".to_owned(), status: Status::Active, config: map(config) };
        connections.change(ANN, id, change, connections.by_hub(ANN))
    };
    let wrong = change(json!({ "bot_token": ["secret-list"] })).await.unwrap_err();
    assert!(matches!(wrong, ConnectionError::Invalid(_)) && !wrong.to_string().contains("secret"));
    assert!(matches!(change(json!({})).await, Err(ConnectionError::Invalid(_))));
    assert_eq!(given.token(1).await, "a-token-to-be-kept");
    let view = connections.find(ANN, id).await.unwrap();
    let shown = connections.shown(&view).await.unwrap();
    assert_eq!(shown.name, "mine");
    change(Value::Object(shown.config)).await.unwrap();
    assert_eq!(given.token(1).await, "a-token-to-be-kept");
    change(json!({ "token": "another" })).await.unwrap();
    assert_eq!(given.token(1).await, "another");
}
