//! Events as the server keeps them: the content as it is, everything else that the chain is
//! over in the metadata.
//!
//! `$correlationId` is the name under which the server's own tools look for it. Never here:
//! names of streams, and speaking to the server.

use std::sync::Arc;

use chrono::DateTime;
use eventstore::{EventData, RecordedEvent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::super::{Command, CommandKey, NewEvent, ReadError, Remembered, Snapshot};
use super::link;
use super::names::Names;
use crate::id::{AccountId, StreamId};
use crate::recorded::{Context, Hash, Position, Recorded, Version};

/// The type of an event that says who writes.
const OWNED: &str = "log.owned";
/// The type of one that keeps a command which decided to nothing.
const DECIDED: &str = "log.decided";
/// The type of a snapshot.
const SNAPSHOT: &str = "log.snapshot";

/// What stands beside an event's content.
#[derive(Serialize, Deserialize)]
struct Meta {
    schema: u16,
    at: i64,
    account: Option<i64>,
    actor: String,
    #[serde(rename = "$correlationId")]
    correlation: Uuid,
    causation: Option<u64>,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Did>,
}

/// The command that an append belongs to.
#[derive(Serialize, Deserialize)]
struct Did {
    key: String,
    fingerprint: String,
}

/// A command that decided to nothing.
#[derive(Serialize, Deserialize)]
struct Decided {
    stream: StreamId,
    version: Version,
    at: i64,
    command: Did,
}

#[derive(Serialize, Deserialize)]
struct Owned {
    owner: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    version: Version,
    state_version: u32,
    #[serde(borrow)]
    state: std::borrow::Cow<'a, str>,
}

/// Something on the server that concerns the hub.
pub(super) enum Entry {
    /// An event, and the command that is durable with it.
    Event(Recorded, Option<Command>),
    /// A command that decided to nothing.
    Decided(CommandKey, Remembered, DateTime<chrono::Utc>),
    /// Who writes from here on.
    Owned(Uuid),
}

impl Did {
    fn of(command: &Command) -> Self {
        let (key, fingerprint) = (hex::encode(command.key.0), hex::encode(command.fingerprint));
        Self { key, fingerprint }
    }

    fn command(&self) -> Option<Command> {
        let (key, fingerprint) = (CommandKey(bytes(&self.key)?), bytes(&self.fingerprint)?);
        Some(Command { key, fingerprint })
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// An event for the server.
pub(super) fn event(
    new: &NewEvent,
    context: &Context,
    hash: Hash,
    command: Option<&Command>,
    id: Uuid,
) -> serde_json::Result<EventData> {
    let meta = Meta {
        schema: new.schema,
        at: context.at.timestamp_micros(),
        account: context.account.map(|id| id.0),
        actor: context.actor.to_string(),
        correlation: context.correlation,
        causation: context.causation.map(|position| position.0),
        hash: hash.to_string(),
        command: command.map(Did::of),
    };
    let content = RawValue::from_string(new.data.clone())?;
    EventData::json(new.event_type, &content)?.id(id).metadata_as_json(&meta)
}

/// A command that decided to nothing, for the server.
pub(super) fn decided(
    stream: &StreamId,
    version: Version,
    at: i64,
    command: &Command,
    id: Uuid,
) -> serde_json::Result<EventData> {
    let decided = Decided { stream: stream.clone(), version, at, command: Did::of(command) };
    Ok(EventData::json(DECIDED, &decided)?.id(id))
}

/// Who writes from here on, for the server.
pub(super) fn owned(owner: Uuid) -> serde_json::Result<EventData> {
    Ok(EventData::json(OWNED, &Owned { owner })?.id(owner))
}

/// A snapshot for the server.
pub(super) fn snapshot(snapshot: &Snapshot, id: Uuid) -> serde_json::Result<EventData> {
    let Snapshot { version, state_version, state, .. } = snapshot;
    let kept =
        Kept { version: *version, state_version: *state_version, state: state.as_str().into() };
    Ok(EventData::json(SNAPSHOT, &kept)?.id(id))
}

/// The setting by which the server keeps only the newest event of a stream.
pub(super) fn only_newest(id: Uuid) -> serde_json::Result<EventData> {
    Ok(EventData::json("$metadata", &serde_json::json!({ "$maxCount": 1 }))?.id(id))
}

/// A snapshot as it was kept; none where this build cannot read it.
pub(super) fn kept(stream: &StreamId, event: &RecordedEvent) -> Option<Snapshot> {
    let Kept { version, state_version, state } = event.as_json().ok()?;
    let (stream, state) = (stream.clone(), state.into_owned());
    Some(Snapshot { stream, version, state_version, state })
}

/// What an event of the server is to the hub; none where it is another's.
pub(super) fn entry(
    names: &Names,
    event: &RecordedEvent,
) -> Result<Option<(Position, Entry)>, ReadError> {
    let position = link::position(event.position);
    let damaged = || ReadError::Damaged {
        position,
        what: "its content or what stands beside it is not what the hub wrote".into(),
    };
    let entry = if let Some(stream) = names.stream(&event.stream_id) {
        if event.position.commit == u64::MAX {
            let what = "KurrentDB: this server tells no positions with the events of a stream; \
                        EventStoreDB 22.6 or later does";
            return Err(ReadError::Engine(what.into()));
        }
        recorded(stream, position, event).ok_or_else(damaged)?
    } else if event.stream_id == names.commands() {
        let Decided { stream, version, at, command } = event.as_json().map_err(|_| damaged())?;
        let Command { key, fingerprint } = command.command().ok_or_else(damaged)?;
        let at = DateTime::from_timestamp_micros(at).ok_or_else(damaged)?;
        Entry::Decided(key, Remembered { stream, version, fingerprint }, at)
    } else if event.stream_id == names.owner() {
        Entry::Owned(event.as_json::<Owned>().map_err(|_| damaged())?.owner)
    } else {
        return Ok(None);
    };
    Ok(Some((position, entry)))
}

fn recorded(stream: StreamId, position: Position, event: &RecordedEvent) -> Option<Entry> {
    let meta: Meta = serde_json::from_slice(&event.custom_metadata).ok()?;
    let context = Context {
        at: DateTime::from_timestamp_micros(meta.at)?,
        account: meta.account.map(AccountId),
        actor: meta.actor.parse().ok()?,
        correlation: meta.correlation,
        causation: meta.causation.map(Position),
    };
    let command = match &meta.command {
        Some(did) => Some(did.command()?),
        None => None,
    };
    let recorded = Recorded {
        position,
        stream,
        version: Version(event.revision.checked_add(1)?),
        event_type: Arc::from(event.event_type.as_str()),
        schema: meta.schema,
        context,
        data: Arc::from(std::str::from_utf8(&event.data).ok()?),
        hash: Hash(bytes(&meta.hash)?),
    };
    Some(Entry::Event(recorded, command))
}
