//! What every engine of the log promises, and what the SQLite and KurrentDB engines do when
//! something breaks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "log/conformance.rs"]
mod conformance;
#[path = "log/crash.rs"]
mod crash;
#[path = "log/damage.rs"]
mod damage;
#[path = "log/failure.rs"]
mod failure;
#[path = "log/file.rs"]
mod file;
#[cfg(feature = "kurrentdb")]
#[path = "log/kurrentdb.rs"]
mod kurrentdb;
#[path = "log/random.rs"]
mod random;

use std::path::PathBuf;
use std::sync::Arc;

use hub_events::claim::{self, Made};
use hub_events::counter::{self, BlockTaken};
use hub_events::id::{AccountId, StreamId};
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Append, Chain, Command, CommandKey, Log, NewEvent};
use hub_events::testing::epoch;
use hub_events::{Actor, Context, Position, Recorded, Version};
use uuid::Uuid;

/// A directory with a log in it, kept as long as the value lives.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("hub.db")
    }

    fn wal(&self) -> PathBuf {
        self.directory.path().join("hub.db-wal")
    }

    fn open(&self) -> Arc<Sqlite> {
        Sqlite::open(&self.path()).unwrap()
    }

    /// What a crash at this moment would leave behind.
    fn crashed(&self) -> Self {
        let copy = Self::new();
        std::fs::copy(self.path(), copy.path()).unwrap();
        std::fs::copy(self.wal(), copy.wal()).unwrap();
        copy
    }
}

fn stream(key: impl ToString) -> StreamId {
    StreamId::new("counter", &key.to_string())
}

fn context() -> Context {
    Context {
        at: epoch(),
        account: Some(AccountId(7)),
        actor: Actor::Account(AccountId(7)),
        correlation: Uuid::from_u128(42),
        causation: None,
    }
}

fn taken(first: i64) -> NewEvent {
    NewEvent::of(&counter::Event::BlockTaken(BlockTaken { first, last: first })).unwrap()
}

fn made(account: i64) -> NewEvent {
    NewEvent::of(&claim::Event::Made(Made { account: AccountId(account) })).unwrap()
}

/// So many events for a stream that has so many.
fn append(stream: &StreamId, expected: u64, count: usize) -> Append {
    let events = (1..=count).map(|index| taken(expected as i64 + index as i64)).collect();
    let (stream, expected) = (stream.clone(), Version(expected));
    Append { stream, expected, events, context: context(), command: None }
}

fn command(key: u8) -> Command {
    Command { key: CommandKey([key; 32]), fingerprint: [key ^ 0xff; 32] }
}

fn with(command: Command, append: Append) -> Append {
    Append { command: Some(command), ..append }
}

/// Everything on record, read in small pages.
async fn everything(log: &dyn Log) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let after = events.last().map_or(Position(0), |last| last.position);
        let page = log.read_all(after, 7).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

/// Everything on record, with whole chains, and with positions from 1 without gaps where the
/// engine promises that.
async fn sound(log: &dyn Log) -> Vec<Recorded> {
    let events = everything(log).await;
    let mut chain = Chain::default();
    for (event, place) in events.iter().zip(1..) {
        chain.check(event).unwrap();
        assert!(!log.is_gapless() || event.position == Position(place));
    }
    events
}

/// The position of the event that is at this place among all, from 1; 0 for none.
async fn position(log: &dyn Log, place: u64) -> Position {
    match place.checked_sub(1) {
        Some(index) => everything(log).await[index as usize].position,
        None => Position(0),
    }
}
