//! One batch: appends that are checked one after the other, each against what the ones
//! before it leave behind, and then written in one go.
//!
//! Everything is checked before anything is written, so a refused append needs no rollback.
//! Never here: transactions, and what becomes of a batch that cannot be written.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::{
    Append, AppendError, Appended, Command, CommandKey, Remembered, Snapshot, in_micros,
};
use super::heads::{Head, Heads};
use super::reader;
use crate::id::StreamId;
use crate::recorded::{Actor, Context, Position, Recorded, Version};

/// How long commands are remembered, in microseconds: seven days.
const MEMORY: i64 = 7 * 24 * 3_600 * 1_000_000;

/// The integers that stand for an event's stream and type.
type Key = (i64, i64);

struct Effect {
    remembered: Remembered,
    stream: i64,
    at: i64,
}

/// What is to be written.
#[derive(Default)]
pub(super) struct Batch {
    /// The events, in order.
    pub(super) events: Vec<Recorded>,
    keys: Vec<Key>,
    streams: Vec<(i64, StreamId)>,
    types: Vec<(i64, Arc<str>)>,
    commands: HashMap<CommandKey, Effect>,
}

impl Batch {
    /// With room for so many events.
    pub(super) fn with_room(events: usize) -> Self {
        let (events, keys) = (Vec::with_capacity(events), Vec::with_capacity(events));
        Self { events, keys, ..Self::default() }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.commands.is_empty()
    }

    /// Takes an append in, or says why not. An error of SQLite leaves the batch and `heads`
    /// unfit for use.
    pub(super) fn admit(
        &mut self,
        connection: &Connection,
        heads: &mut Heads,
        append: Append,
    ) -> rusqlite::Result<Result<Appended, AppendError>> {
        let Append { stream, expected, events, context, command } = append;
        if let Some(command) = command
            && let Some(before) = self.before(connection, command.key)?
        {
            return Ok(Err(AppendError::Duplicate(before)));
        }
        let known = heads.stream(connection, &stream)?;
        let current = known.map_or(Version(0), |head| head.version);
        if current != expected {
            return Ok(Err(AppendError::WrongVersion { current }));
        }
        if events.is_empty() && command.is_none() {
            return Ok(Ok(Appended { position: heads.position, version: current }));
        }
        let mut head = known.unwrap_or_else(|| {
            let head = heads.begin();
            self.streams.push((head.id, stream.clone()));
            head
        });
        let context = in_micros(context);
        for event in events {
            let (type_id, event_type, new) = heads.event_type(connection, event.event_type)?;
            if new {
                self.types.push((type_id, Arc::clone(&event_type)));
            }
            heads.position = Position(heads.position.0 + 1);
            head.version = head.version.plus(1);
            let (schema, data) = (event.schema, event.data);
            head.hash = head.hash.next(&stream, head.version, &event_type, schema, &context, &data);
            self.keys.push((head.id, type_id));
            self.events.push(Recorded {
                position: heads.position,
                stream: stream.clone(),
                version: head.version,
                event_type,
                schema,
                context: context.clone(),
                data: data.into(),
                hash: head.hash,
            });
        }
        heads.put(&stream, head);
        if let Some(command) = command {
            self.remember(command, stream, head, context.at.timestamp_micros());
        }
        Ok(Ok(Appended { position: heads.position, version: head.version }))
    }

    fn remember(&mut self, command: Command, stream: StreamId, head: Head, at: i64) {
        let Command { key, fingerprint } = command;
        let remembered = Remembered { stream, version: head.version, fingerprint };
        self.commands.insert(key, Effect { remembered, stream: head.id, at });
    }

    /// What a command did before, in this batch or on record.
    fn before(
        &self,
        connection: &Connection,
        key: CommandKey,
    ) -> rusqlite::Result<Option<Remembered>> {
        match self.commands.get(&key) {
            Some(effect) => Ok(Some(effect.remembered.clone())),
            None => reader::remembered(connection, key),
        }
    }

    /// Writes everything, in the transaction that is open.
    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO types (id, name) VALUES (?1, ?2)")?;
        for (id, event_type) in &self.types {
            insert.execute(params![id, &**event_type])?;
        }
        let mut insert =
            connection.prepare_cached("INSERT INTO streams (id, name) VALUES (?1, ?2)")?;
        for (id, stream) in &self.streams {
            insert.execute(params![id, stream.as_str()])?;
        }
        self.insert_events(connection)?;
        self.insert_commands(connection)
    }

    fn insert_events(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO events (position, stream, version, type, schema, at, account, actor,
                                 correlation, causation, hash, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        for (event, (stream, event_type)) in self.events.iter().zip(&self.keys) {
            let Context { at, account, actor, correlation, causation } = &event.context;
            let actor = match actor {
                Actor::Hub => None,
                Actor::Account(id) => Some(id.0),
            };
            insert.execute(params![
                event.position.0.cast_signed(),
                stream,
                event.version.0.cast_signed(),
                event_type,
                event.schema,
                at.timestamp_micros(),
                account.map(|id| id.0),
                actor,
                correlation.as_bytes().as_slice(),
                causation.map(|position| position.0.cast_signed()),
                event.hash.0.as_slice(),
                &*event.data,
            ])?;
        }
        Ok(())
    }

    /// Remembers the commands, and forgets up to two old ones for each, so that forgetting
    /// keeps up and never takes long.
    fn insert_commands(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(newest) = self.commands.values().map(|effect| effect.at).max() else {
            return Ok(());
        };
        let mut insert = connection.prepare_cached(
            "INSERT INTO commands (key, fingerprint, stream, version, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (key, Effect { remembered, stream, at }) in &self.commands {
            let (fingerprint, version) = (remembered.fingerprint.as_slice(), remembered.version.0);
            let version = version.cast_signed();
            insert.execute(params![key.0.as_slice(), fingerprint, stream, version, at])?;
        }
        let sql = "DELETE FROM commands WHERE key IN
                   (SELECT key FROM commands WHERE at < ?1 ORDER BY at LIMIT ?2)";
        let most = i64::try_from(self.commands.len()).unwrap_or(i64::MAX).saturating_mul(2);
        connection.prepare_cached(sql)?.execute([newest.saturating_sub(MEMORY), most])?;
        Ok(())
    }
}

/// Keeps a snapshot, in the transaction that is open; not where there is a newer one of the
/// same shape, and not where the stream has not come so far.
pub(super) fn insert_snapshot(
    connection: &Connection,
    heads: &mut Heads,
    snapshot: &Snapshot,
) -> rusqlite::Result<()> {
    let Some(head) = heads.stream(connection, &snapshot.stream)? else { return Ok(()) };
    if head.version < snapshot.version {
        return Ok(());
    }
    let sql = "INSERT INTO snapshots (stream, version, state_version, state)
               VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (stream) DO UPDATE SET version = excluded.version,
                   state_version = excluded.state_version, state = excluded.state
               WHERE excluded.version >= version OR excluded.state_version <> state_version";
    let Snapshot { version, state_version, state, .. } = snapshot;
    let version = version.0.cast_signed();
    connection.prepare_cached(sql)?.execute(params![head.id, version, state_version, state])?;
    Ok(())
}
