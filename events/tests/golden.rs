//! What was ever written stays readable: a sample of every event type in every schema
//! version, every word that events use, and a whole log with its chain.
//!
//! What stands in `golden/` is never changed. A new type or schema gets its sample with
//! `HUB_BLESS=1 cargo test -p hub-events --test golden`, which writes what is missing and
//! nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "golden/conversations.rs"]
mod conversations;
#[path = "golden/export.rs"]
mod export;
#[path = "golden/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;

use hub_events::fact::Fact;
use hub_events::id::StreamId;
use hub_events::log::NewEvent;
use hub_events::recorded::Hash;
use hub_events::testing::epoch;
use hub_events::{Actor, Class, Context, Position, Recorded, Version};
use hub_events::{account, call, connection, conversation, execution, workflow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The samples that are kept: content by event type and schema.
fn kept() -> BTreeMap<(String, u16), String> {
    let paths = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let samples = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (event_type, schema) = name.rsplit_once(".v").expect("<event type>.v<schema>.json");
        let content = std::fs::read_to_string(&path).unwrap();
        let data = content.strip_suffix('\n').expect("one line").to_owned();
        ((event_type.to_owned(), schema.parse().unwrap()), data)
    };
    samples.map(read).collect()
}

/// The wire form of an event of any kind.
fn encode(fact: &Fact) -> NewEvent {
    match fact {
        Fact::Execution(event) => NewEvent::of(event),
        Fact::Call(event) => NewEvent::of(event),
        Fact::Workflow(event) => NewEvent::of(event),
        Fact::Account(event) => NewEvent::of(event),
        Fact::Collection(event) => NewEvent::of(event),
        Fact::Counter(event) => NewEvent::of(event),
        Fact::Claim(event) => NewEvent::of(event),
        Fact::Connection(event) => NewEvent::of(event),
        Fact::Conversation(event) => NewEvent::of(event),
        Fact::Checkpoint(event) => NewEvent::of(event),
    }
    .unwrap()
}

/// An event as a log gives it back; what stands around its content does not matter here.
fn recorded(event_type: &str, schema: u16, data: &str) -> Recorded {
    Recorded {
        position: Position(1),
        stream: StreamId::new("sample", "1"),
        version: Version(1),
        event_type: event_type.into(),
        schema,
        context: Context {
            at: epoch(),
            account: None,
            actor: Actor::Hub,
            correlation: Uuid::nil(),
            causation: None,
        },
        data: data.into(),
        hash: Hash::default(),
    }
}

/// What is written today, by event type and schema.
fn written() -> BTreeMap<(String, u16), String> {
    let name = |event: NewEvent| ((event.event_type.to_owned(), event.schema), event.data);
    samples::facts().iter().map(|fact| name(encode(fact))).collect()
}

#[test]
fn every_sample_can_be_read() {
    for ((event_type, schema), data) in kept() {
        let fact = Fact::decode(&recorded(&event_type, schema, &data))
            .unwrap_or_else(|error| panic!("{event_type}.v{schema}: {error}"));
        let again = encode(&fact);
        assert_eq!(again.event_type, event_type);
        if again.schema == schema {
            assert_eq!(again.data, data, "{event_type}.v{schema} is no longer written like this");
        } else {
            let present = recorded(again.event_type, again.schema, &again.data);
            assert_eq!(Fact::decode(&present).unwrap(), fact, "{event_type}.v{schema}");
        }
    }
}

#[test]
fn every_event_type_has_a_sample_as_it_is_written_today() {
    let (kept, written) = (kept(), written());
    for (event_type, schema) in Fact::types() {
        let name = (event_type.to_owned(), schema);
        let today = written.get(&name).unwrap_or_else(|| panic!("samples.rs has no {event_type}"));
        match kept.get(&name) {
            Some(data) => assert_eq!(data, today, "{event_type}.v{schema}"),
            None if std::env::var("HUB_BLESS").is_ok_and(|it| it == "1") => {
                let path = directory().join(format!("{event_type}.v{schema}.json"));
                std::fs::write(path, format!("{today}\n")).unwrap();
            }
            None => {
                panic!("golden/{event_type}.v{schema}.json is missing; see the head of this file")
            }
        }
    }
}

#[test]
fn every_sample_is_of_a_known_type_and_no_schema_is_left_out() {
    let types: BTreeMap<_, _> = Fact::types().collect();
    let kept: BTreeSet<_> = kept().into_keys().collect();
    for (event_type, schema) in &kept {
        let known = types.get(event_type.as_str());
        let known = *known.unwrap_or_else(|| panic!("no event has the type {event_type}"));
        assert!(*schema <= known, "{event_type} has schemas up to {known}, not {schema}");
        let gaps = (1..*schema).filter(|older| !kept.contains(&(event_type.clone(), *older)));
        assert_eq!(gaps.count(), 0, "{event_type} has no sample of an older schema");
    }
}

/// Each word is read, and written as it was.
#[track_caller]
fn words<T: DeserializeOwned + Serialize + Debug>(words: &[&str]) {
    for word in words {
        let read: T = serde_json::from_value((*word).into()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), *word, "{read:?}");
    }
}

#[test]
fn every_word_keeps_its_meaning() {
    words::<account::Tier>(&["free", "starter", "business", "pro", "enterprise"]);
    words::<account::Role>(&["owner", "member"]);
    words::<account::Scope>(&["full", "read"]);
    words::<workflow::Status>(&["draft", "active", "inactive", "archived", "paused"]);
    words::<workflow::Trigger>(&["manual", "scheduled", "event", "webhook"]);
    words::<connection::Status>(&["active", "inactive", "error", "pending", "expired"]);
    words::<Class>(&["read", "idempotent", "keyed", "at_most_once"]);
    words::<execution::Doubt>(&["restarted", "cancelled", "unanswered"]);
    words::<execution::Resolution>(&["repeat"]);
    words::<call::Via>(&["http", "mcp"]);
    words::<conversation::Author>(&["person", "hub"]);
    words::<conversation::Resolution>(&["not_done"]);
    words::<conversation::Note>(&["rounds", "tokens", "money", "calls", "time", "repetition"]);
}
