//! Reading the log: connections, and rows to events.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::super::{CommandKey, ReadError, Remembered, Snapshot};
use super::schema;
use crate::id::{AccountId, StreamId};
use crate::recorded::{Actor, Context, Hash, Position, Recorded, Version};

/// How many idle connections are kept.
const KEPT: usize = 8;

/// How many stream names a connection remembers.
const NAMES: usize = 65_536;

/// Connections for reading; as many as there are readers at a time.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    /// Reads over a connection of its own.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        let read = read(&mut reader)?;
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(reader);
        }
        Ok(read)
    }

    pub(super) fn head(&self) -> Result<Position, ReadError> {
        self.with(|reader| schema::head(&reader.connection).map_err(failed))
    }
}

fn failed(error: rusqlite::Error) -> ReadError {
    ReadError::Engine(error.to_string().into())
}

/// A connection, and the names it has met.
pub(super) struct Reader {
    connection: Connection,
    streams: HashMap<i64, StreamId>,
    types: HashMap<i64, Arc<str>>,
}

const COLUMNS: &str = "position, version, type, schema, at, account, actor, correlation, causation, data, hash, stream";

impl Reader {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let connection = schema::open_for_reading(path).map_err(failed)?;
        let (streams, types) = (HashMap::new(), HashMap::new());
        Ok(Self { connection, streams, types })
    }

    /// Events of one stream after a version.
    pub(super) fn stream(
        &mut self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let sql = "SELECT id FROM streams WHERE name = ?1";
        let id: Option<i64> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut found| found.query_row([stream.as_str()], |row| row.get(0)).optional())
            .map_err(failed)?;
        let Some(id) = id else { return Ok(Vec::new()) };
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE stream = ?1 AND version > ?2 ORDER BY version LIMIT ?3"
        );
        let Self { connection, types, .. } = self;
        let page = params![id, after.0 as i64, limit as i64];
        collect(connection, &sql, page, Position(0), types, |_, _| Ok(stream.clone()))
    }

    /// Events of all streams after a position.
    pub(super) fn all(
        &mut self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        let Self { connection, streams, types } = self;
        if streams.len() > NAMES {
            streams.clear();
        }
        let sql =
            format!("SELECT {COLUMNS} FROM events WHERE position > ?1 ORDER BY position LIMIT ?2");
        let page = params![after.0 as i64, limit as i64];
        collect(connection, &sql, page, after, types, |connection, id| {
            if let Some(name) = streams.get(&id) {
                return Ok(name.clone());
            }
            let name = name_of(connection, "streams", id)?;
            let name =
                StreamId::parse(&name).ok_or_else(|| format!("stream {name} has no kind"))?;
            streams.insert(id, name.clone());
            Ok(name)
        })
    }

    /// What a command did.
    pub(super) fn remembered(&self, key: CommandKey) -> Result<Option<Remembered>, ReadError> {
        remembered(&self.connection, key).map_err(failed)
    }

    /// The snapshot of a stream.
    pub(super) fn snapshot(
        &self,
        stream: StreamId,
        state_version: u32,
    ) -> Result<Option<Snapshot>, ReadError> {
        let sql = "SELECT version, state FROM snapshots WHERE stream = ?1 AND state_version = ?2";
        let found: Option<(i64, String)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut found| {
                let wanted = params![stream.as_str(), state_version];
                found.query_row(wanted, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(failed)?;
        Ok(found.map(|(version, state)| {
            let version = Version(version as u64);
            Snapshot { stream, version, state_version, state }
        }))
    }
}

/// What a command did, by its key.
pub(super) fn remembered(
    connection: &Connection,
    key: CommandKey,
) -> rusqlite::Result<Option<Remembered>> {
    let sql = "SELECT stream, version, fingerprint FROM commands WHERE key = ?1";
    let mut found = connection.prepare_cached(sql)?;
    let row = found
        .query_row([&key.0[..]], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, [u8; 32]>(2)?))
        })
        .optional()?;
    Ok(row.and_then(|(stream, version, fingerprint)| {
        let stream = StreamId::parse(&stream)?;
        Some(Remembered { stream, version: Version(version as u64), fingerprint })
    }))
}

/// Runs a query for events. What goes wrong in the middle is told with its position.
fn collect(
    connection: &Connection,
    sql: &str,
    page: &[&dyn rusqlite::ToSql],
    after: Position,
    types: &mut HashMap<i64, Arc<str>>,
    mut stream: impl FnMut(&Connection, i64) -> Result<StreamId, String>,
) -> Result<Vec<Recorded>, ReadError> {
    let mut events = Vec::new();
    let mut query = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = query.query(page).map_err(failed)?;
    let mut last = after;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(events),
            Err(error) => return Err(damaged_or_failed(error, last)),
        };
        let position = row.get::<_, i64>(0).map_err(failed)?;
        last = Position(position as u64);
        let event = decode(connection, row, types, &mut stream);
        events
            .push(event.map_err(|what| ReadError::Damaged { position: last, what: what.into() })?);
    }
}

fn damaged_or_failed(error: rusqlite::Error, last: Position) -> ReadError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ReadError::Damaged { position: Position(last.0 + 1), what: error.to_string().into() }
        }
        _ => failed(error),
    }
}

fn decode(
    connection: &Connection,
    row: &Row<'_>,
    types: &mut HashMap<i64, Arc<str>>,
    stream: &mut impl FnMut(&Connection, i64) -> Result<StreamId, String>,
) -> Result<Recorded, String> {
    let unreadable = |error: rusqlite::Error| error.to_string();
    let kind: i64 = row.get(2).map_err(unreadable)?;
    let event_type = match types.get(&kind) {
        Some(name) => Arc::clone(name),
        None => {
            let name: Arc<str> = name_of(connection, "types", kind)?.into();
            types.insert(kind, Arc::clone(&name));
            name
        }
    };
    let at: i64 = row.get(4).map_err(unreadable)?;
    let account: Option<i64> = row.get(5).map_err(unreadable)?;
    let actor: Option<i64> = row.get(6).map_err(unreadable)?;
    let correlation: [u8; 16] = row.get(7).map_err(unreadable)?;
    let causation: Option<i64> = row.get(8).map_err(unreadable)?;
    let data = row.get_ref(9).map_err(unreadable)?.as_str().map_err(|error| error.to_string())?;
    Ok(Recorded {
        position: Position(row.get::<_, i64>(0).map_err(unreadable)? as u64),
        stream: stream(connection, row.get(11).map_err(unreadable)?)?,
        version: Version(row.get::<_, i64>(1).map_err(unreadable)? as u64),
        event_type,
        schema: row.get(3).map_err(unreadable)?,
        context: Context {
            at: DateTime::from_timestamp_micros(at).ok_or("its time is none")?,
            account: account.map(AccountId),
            actor: actor.map_or(Actor::Hub, |id| Actor::Account(AccountId(id))),
            correlation: Uuid::from_bytes(correlation),
            causation: causation.map(|position| Position(position as u64)),
        },
        data: data.into(),
        hash: Hash(row.get(10).map_err(unreadable)?),
    })
}

fn name_of(connection: &Connection, table: &str, id: i64) -> Result<String, String> {
    let sql = format!("SELECT name FROM {table} WHERE id = ?1");
    let named = connection
        .prepare_cached(&sql)
        .and_then(|mut named| named.query_row([id], |row| row.get(0)));
    named.map_err(|error| format!("{table} has no entry {id}: {error}"))
}
