//! What the writer knows of the tables without reading them: where each stream stands, and
//! which integers stand for which names.
//!
//! It runs ahead of the tables while a batch is written, so it is forgotten when that fails.
//! Never here: writing.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

use super::schema;
use crate::id::StreamId;
use crate::recorded::{Hash, Position, Version};

/// How many streams a generation of the cache holds: more than a batch can touch, so that
/// none is forgotten while its events are on their way.
const GENERATION: usize = 65_536;

/// Where a stream stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The integer that stands for its name.
    pub(super) id: i64,
    pub(super) version: Version,
    pub(super) hash: Hash,
}

/// What the writer knows.
pub(super) struct Heads {
    /// The position of the newest event.
    pub(super) position: Position,
    /// Two generations of streams: what was not used during a whole one is forgotten.
    young: HashMap<StreamId, Head>,
    old: HashMap<StreamId, Head>,
    types: HashMap<&'static str, (i64, Arc<str>)>,
    last_stream: i64,
    last_type: i64,
}

impl Heads {
    /// Knows how far the tables go, and nothing else by heart.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let last = |table: &str| {
            let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0))
        };
        Ok(Self {
            position: schema::head(connection)?,
            young: HashMap::new(),
            old: HashMap::new(),
            types: HashMap::new(),
            last_stream: last("streams")?,
            last_type: last("types")?,
        })
    }

    /// Where a stream stands; none where there is no such stream.
    pub(super) fn stream(
        &mut self,
        connection: &Connection,
        stream: &StreamId,
    ) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self.young.get(stream) {
            return Ok(Some(*head));
        }
        let head = match self.old.get(stream) {
            Some(head) => Some(*head),
            None => stored_head(connection, stream)?,
        };
        if let Some(head) = head {
            self.put(stream, head);
        }
        Ok(head)
    }

    /// Gives a stream that is not in the tables an integer.
    pub(super) fn begin(&mut self) -> Head {
        self.last_stream += 1;
        Head { id: self.last_stream, version: Version(0), hash: Hash::default() }
    }

    /// Notes where a stream stands now.
    pub(super) fn put(&mut self, stream: &StreamId, head: Head) {
        if let Some(known) = self.young.get_mut(stream) {
            *known = head;
            return;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream.clone(), head);
    }

    /// The integer that stands for an event type, its name, and whether both are new.
    pub(super) fn event_type(
        &mut self,
        connection: &Connection,
        name: &'static str,
    ) -> rusqlite::Result<(i64, Arc<str>, bool)> {
        if let Some((id, name)) = self.types.get(name) {
            return Ok((*id, Arc::clone(name), false));
        }
        let stored = connection
            .prepare_cached("SELECT id FROM types WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = stored.unwrap_or_else(|| {
            self.last_type += 1;
            self.last_type
        });
        let shared: Arc<str> = name.into();
        self.types.insert(name, (id, Arc::clone(&shared)));
        Ok((id, shared, stored.is_none()))
    }
}

/// Where a stream stands in the tables.
fn stored_head(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<Head>> {
    let id = connection
        .prepare_cached("SELECT id FROM streams WHERE name = ?1")?
        .query_row([stream.as_str()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    let sql = "SELECT version, hash FROM events WHERE stream = ?1 ORDER BY version DESC LIMIT 1";
    let newest = connection
        .prepare_cached(sql)?
        .query_row([id], |row| {
            let version = Version(row.get::<_, i64>(0)?.unsigned_abs());
            Ok(Head { id, version, hash: Hash(row.get(1)?) })
        })
        .optional()?;
    // A command that decided to nothing leaves a stream without events.
    Ok(Some(newest.unwrap_or(Head { id, version: Version(0), hash: Hash::default() })))
}
