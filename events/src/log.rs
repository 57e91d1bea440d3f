//! The log: the one place where what happened is kept, and the only truth.
//!
//! The trait, its words and its errors live here; engines live in `log/`. Never here: what
//! an event means, or anything that is computed from events.

mod chain;
mod follow;
mod heads;
#[cfg(feature = "kurrentdb")]
pub mod kurrentdb;
pub mod memory;
mod merkle;
pub mod sqlite;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::id::StreamId;
use crate::recorded::{Context, Position, Recorded, Version};

pub use chain::{Chain, Fault};
pub use heads::Heads;

/// An append-only sequence of events, ordered as a whole and within each stream.
///
/// Every engine keeps these promises, and one suite (`tests/log.rs`) holds it to them: an
/// append is atomic and durable when it is answered; versions of a stream have no gaps; an
/// append that expects another version than the stream has changes nothing; what is read is
/// what was appended.
pub trait Log: Send + Sync + 'static {
    /// Appends events to one stream, durably.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>>;

    /// Events of one stream after a version, in order, at most `limit`.
    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>>;

    /// Events of all streams after a position, in order, at most `limit`.
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>>;

    /// The event at a position, where there is one.
    fn read_at(
        &self,
        position: Position,
    ) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>>;

    /// Every event after a position, for ever: first those on record, then each batch as it
    /// becomes durable. Batches are never empty. An error ends the stream; follow again from
    /// the last position seen. It also ends when the log is closed.
    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>>;

    /// The position of the newest durable event; 0 where there is none.
    fn head(&self) -> Position;

    /// Whether positions count the events from 1, so that one that is missing shows.
    fn is_gapless(&self) -> bool;

    /// What a command with this key did, where one took effect within the log's memory
    /// (at least 24 hours).
    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>>;

    /// Keeps a state so that a long stream need not be read from its beginning. An
    /// optimization: it may be lost at any time.
    fn save_snapshot(&self, snapshot: Snapshot);

    /// The newest snapshot of a stream with this state version.
    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>>;

    /// Why new events are refused at present; none when all is well.
    fn refusing(&self) -> Option<Arc<str>>;
}

/// Events to be added to one stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The version that the stream must have; 0 for one that must not exist.
    pub expected: Version,
    /// What happened, in order; at least one.
    pub events: Vec<NewEvent>,
    /// When, for whom, by whom and why.
    pub context: Context,
    /// Makes this append happen at most once, whatever the stream's version.
    pub command: Option<Command>,
}

fn engine(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Engine(error.into())
}

/// Takes the file whose lock says whose the log at `path` is. The system lets go of it when the
/// process dies.
fn lock(path: &Path, file: &Path) -> Result<File, OpenError> {
    let lock = File::create(file).map_err(engine)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(engine(error)),
    }
}

/// The event at a position, for engines whose positions have no gaps.
fn read_next<L: Log + ?Sized>(
    log: &L,
    position: Position,
) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>> {
    let Some(before) = position.0.checked_sub(1) else {
        return Box::pin(std::future::ready(Ok(None)));
    };
    let read = log.read_all(Position(before), 1);
    Box::pin(async move { Ok(read.await?.pop().filter(|event| event.position == position)) })
}

/// A context as engines keep it: in whole microseconds.
fn in_micros(context: Context) -> Context {
    let at = DateTime::from_timestamp_micros(context.at.timestamp_micros());
    Context { at: at.unwrap_or(context.at), ..context }
}

/// An event that is not yet in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its wire name.
    pub event_type: &'static str,
    /// Which shape of that type `data` has.
    pub schema: u16,
    /// The content: a JSON object.
    pub data: String,
}

impl NewEvent {
    /// The wire form of an event.
    pub fn of<E: crate::Event>(event: &E) -> Result<Self, serde_json::Error> {
        Ok(Self { event_type: event.event_type(), schema: event.schema(), data: event.encode()? })
    }
}

/// A command that must take effect once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which command.
    pub key: CommandKey,
    /// SHA-256 of what it asks for, so that a key used for something else is noticed.
    pub fingerprint: [u8; 32],
}

/// The name of a command that must take effect once: SHA-256 over the account, the route and
/// the client's `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandKey(pub [u8; 32]);

/// What a command with a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The stream it wrote to.
    pub stream: StreamId,
    /// That stream's version after it.
    pub version: Version,
    /// The fingerprint it came with.
    pub fingerprint: [u8; 32],
}

/// Where appended events stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of the last of them.
    pub position: Position,
    /// The stream's version after them.
    pub version: Version,
}

/// A state of one stream at a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The stream.
    pub stream: StreamId,
    /// The version at which the state was taken.
    pub version: Version,
    /// The shape of the state.
    pub state_version: u32,
    /// The state as JSON.
    pub state: String,
}

/// Why an append did not happen, or may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The stream has another version; nothing was written.
    #[error("the stream is at version {current}")]
    WrongVersion {
        /// The version that it has.
        current: Version,
    },
    /// A command with this key took effect before; nothing was written.
    #[error("this command took effect before")]
    Duplicate(Remembered),
    /// New events are refused for now; nothing was written.
    #[error("the log takes no new events: {0}")]
    Refusing(Arc<str>),
    /// The write failed in a way that leaves open whether it is durable.
    #[error("whether the events are durable is not known: {0}")]
    Unknown(Arc<str>),
}

/// Why the log could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The engine failed.
    #[error("the log cannot be read: {0}")]
    Engine(Arc<str>),
    /// What is stored is not what was written.
    #[error("the log is damaged at position {position}: {what}")]
    Damaged {
        /// Where.
        position: Position,
        /// What is wrong there.
        what: Arc<str>,
    },
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process")]
    InUse(std::path::PathBuf),
    /// The engine does not keep the promise of durability as it is set up.
    #[error("the engine does not sync as it must: {0}")]
    Unsynced(String),
    /// It was written by a newer build.
    #[error("the log has layout {found}, this build knows up to {known}")]
    Newer {
        /// The layout found.
        found: i64,
        /// The newest layout this build knows.
        known: i64,
    },
    /// The engine or the file system failed.
    #[error("the log cannot be opened: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}
