#![allow(clippy::unwrap_used, clippy::panic)]

use hub_events::Actor;
use hub_events::log::memory::Memory;
use hub_events::testing::epoch;
use serde_json::json;

use super::*;
use crate::vault::testing;

const SET: Set = Set { name: "things", items: 2, item_bytes: 100_000, total_bytes: 150_000 };
const ANN: AccountId = AccountId(1);
const BEN: AccountId = AccountId(2);

struct Given {
    collections: Collections,
    log: Arc<dyn Log>,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let (directory, vault) = testing::vault(&[ANN, BEN]);
    let log: Arc<dyn Log> = Memory::new();
    let collections = Collections::new(Arc::clone(&log), vault);
    Given { collections, log, _directory: directory }
}

fn context(account: AccountId) -> Context {
    let correlation = uuid::Uuid::from_u128(1);
    let (account, actor) = (Some(account), Actor::Account(account));
    Context { at: epoch(), account, actor, correlation, causation: None }
}

fn new(name: &str, content: &[u8]) -> New {
    New { name: name.to_owned(), about: json!({"kind": "note"}), content: Some(content.to_vec()) }
}

impl Given {
    async fn put(&self, name: &str, content: &[u8]) -> Result<Item, CollectionError> {
        self.collections.put(ANN, &SET, new(name, content), context(ANN)).await
    }

    async fn names(&self, account: AccountId) -> Vec<String> {
        let items = self.collections.list(account, &SET).await.unwrap();
        items.into_iter().map(|item| item.name).collect()
    }

    async fn refused(&self, name: &str, size: usize) -> &'static str {
        match self.put(name, &vec![7; size]).await {
            Err(CollectionError::Refused(refusal)) => refusal.code,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn keeps_things_small_and_large_by_name_for_their_account_only() {
    let given = given();
    given.put("small", b"words").await.unwrap();
    given.put("large", &[7; 90_000]).await.unwrap();
    assert_eq!(given.names(ANN).await, ["large", "small"]);
    assert!(given.names(BEN).await.is_empty());
    for (name, content) in [("small", &b"words"[..]), ("large", &[7; 90_000])] {
        let item = given.collections.get(ANN, &SET, name).await.unwrap().unwrap();
        assert_eq!(item.size, content.len() as u64);
        assert_eq!(item.about, json!({"kind": "note"}));
        assert_eq!(given.collections.content(ANN, &item).await.unwrap(), content);
    }
    assert!(given.collections.get(BEN, &SET, "small").await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_thing_again_writes_nothing_and_another_replaces_it() {
    let given = given();
    given.put("a", b"one").await.unwrap();
    let head = given.log.head();
    given.put("a", b"one").await.unwrap();
    assert_eq!(given.log.head(), head);
    given.put("a", b"two").await.unwrap();
    let item = given.collections.get(ANN, &SET, "a").await.unwrap().unwrap();
    assert_eq!(given.collections.content(ANN, &item).await.unwrap(), b"two");
    assert_eq!(given.names(ANN).await, ["a"]);
}

#[tokio::test]
async fn limits_the_size_of_one_the_number_and_the_size_of_all() {
    let given = given();
    assert_eq!(given.refused("a", 100_001).await, "item_too_large");
    given.put("a", &[1; 90_000]).await.unwrap();
    assert_eq!(given.refused("b", 60_001).await, "collection_full");
    given.put("a", &[2; 100_000]).await.unwrap();
    given.put("b", &[1; 50_000]).await.unwrap();
    assert_eq!(given.refused("c", 0).await, "collection_full");
}

#[tokio::test]
async fn says_whether_there_was_something_to_remove() {
    let given = given();
    given.put("a", b"one").await.unwrap();
    assert!(given.collections.remove(ANN, &SET, "a", context(ANN)).await.unwrap());
    assert!(!given.collections.remove(ANN, &SET, "a", context(ANN)).await.unwrap());
    assert!(given.names(ANN).await.is_empty());
}

#[tokio::test]
async fn neither_names_nor_words_stand_in_the_log() {
    let given = given();
    given.put("budget-2026", b"confidential").await.unwrap();
    let stream = collection::stream(ANN, SET.name);
    let events = given.log.read_stream(&stream, hub_events::Version(0), 10).await.unwrap();
    let data: String = events.iter().map(|event| &*event.data).collect();
    assert!(!data.is_empty() && !data.contains("budget") && !data.contains("confidential"));
}
