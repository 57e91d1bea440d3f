//! Reading the log: a pool of connections, and rows to events.
//!
//! What is missing counts as damage here, so that a broken file is never read past.
//! Never here: writing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::{CommandKey, OpenError, ReadError, Remembered, Snapshot};
use super::schema;
use super::state::{Shared, is_damage};
use crate::id::{AccountId, StreamId};
use crate::recorded::{Actor, Context, Hash, Position, Recorded, Version};

/// How many reads run at a time; each has a connection of its own.
const READS: usize = 16;

/// How many stream names a connection remembers.
const NAMES: usize = 16_384;

/// For how many events of a page there is room from the start.
const USUAL: usize = 64;

/// Why a read failed.
#[derive(Debug)]
pub(super) enum Failed {
    Sqlite(rusqlite::Error),
    Damaged { position: Position, what: String },
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Connections for reading.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Readers {
    /// Opens the first connection.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let first = Reader::new(schema::open_for_reading(path)?);
        let head = schema::head(&first.connection).map_err(super::engine)?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            idle: Mutex::new(vec![first]),
            places: Arc::new(Semaphore::new(READS)),
            shared: Arc::new(Shared::new(head)),
        }))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Reads on a thread that may block. Who finds damage has the log refuse new events.
    pub(super) async fn read<T: Send + 'static>(
        self: Arc<Self>,
        read: impl FnOnce(&mut Reader) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, ReadError> {
        let failed = |what: &dyn std::fmt::Display| ReadError::Engine(what.to_string().into());
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.map_err(|error| failed(&error))?;
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            self.read_now(read)
        });
        reading.await.unwrap_or_else(|error| Err(failed(&error)))
    }

    /// Reads on this thread.
    pub(super) fn read_now<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, Failed>,
    ) -> Result<T, ReadError> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::new(
                schema::open_for_reading(&self.path)
                    .map_err(|error| ReadError::Engine(error.to_string().into()))?,
            ),
        };
        match read(&mut reader) {
            Ok(read) => {
                self.idle.lock().push(reader);
                Ok(read)
            }
            Err(Failed::Damaged { position, what }) => {
                self.shared.break_down(&format!("it is damaged at position {position}: {what}"));
                Err(ReadError::Damaged { position, what: what.into() })
            }
            Err(Failed::Sqlite(error)) => {
                if is_damage(&error) {
                    self.shared.break_down(&format!("it is damaged: {error}"));
                }
                Err(ReadError::Engine(error.to_string().into()))
            }
        }
    }

    /// Ends the connections that are not in use.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }
}

/// A connection, and the names it has met.
pub(super) struct Reader {
    connection: Connection,
    streams: HashMap<i64, StreamId>,
    types: HashMap<i64, Arc<str>>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, stream, version, type, schema, at, account, actor, correlation, ",
            "causation, hash, data FROM events WHERE ",
            $rest
        )
    };
}

/// A number as SQLite takes it; too large a one is as good as the largest.
fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

impl Reader {
    fn new(connection: Connection) -> Self {
        Self { connection, streams: HashMap::new(), types: HashMap::new() }
    }

    /// The newest position.
    pub(super) fn head(&self) -> Result<Position, Failed> {
        Ok(schema::head(&self.connection)?)
    }

    /// Events of one stream after a version.
    pub(super) fn stream(
        &mut self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, Failed> {
        let Self { connection, types, .. } = self;
        let Some(id) = stream_id(connection, stream)? else { return Ok(Vec::new()) };
        let sql = select!("stream = ?1 AND version > ?2 ORDER BY version LIMIT ?3");
        let mut query = connection.prepare_cached(sql)?;
        let rows = query.query([id, number(after.0), number(limit)])?;
        let mut last = after;
        let named = |_| Ok(stream.clone());
        collect(connection, rows, limit, Position(0), types, named, |event| {
            let expected = last.plus(1);
            last = event.version;
            let gap = || (event.position, format!("version {last} instead of {expected}"));
            if last == expected { Ok(()) } else { Err(gap()) }
        })
    }

    /// Events of all streams after a position. `head` is known to be on record.
    pub(super) fn all(
        &mut self,
        after: Position,
        limit: usize,
        head: Position,
    ) -> Result<Vec<Recorded>, Failed> {
        let Self { connection, streams, types } = self;
        if streams.len() > NAMES {
            streams.clear();
        }
        let mut query =
            connection.prepare_cached(select!("position > ?1 ORDER BY position LIMIT ?2"))?;
        let rows = query.query([number(after.0), number(limit)])?;
        let mut last = after;
        let mut missing = || {
            last = Position(last.0.saturating_add(1));
            (last, "the event is missing".to_owned())
        };
        let named = |id| name_stream(connection, streams, id);
        let events = collect(connection, rows, limit, after, types, named, |event| {
            let (expected, what) = missing();
            if event.position == expected { Ok(()) } else { Err((expected, what)) }
        })?;
        let (expected, what) = missing();
        if events.len() < limit && expected <= head {
            return Err(Failed::Damaged { position: expected, what });
        }
        Ok(events)
    }

    /// What a command did.
    pub(super) fn remembered(&self, key: CommandKey) -> Result<Option<Remembered>, Failed> {
        Ok(remembered(&self.connection, key)?)
    }

    /// The snapshot of a stream.
    pub(super) fn snapshot(
        &self,
        stream: StreamId,
        state_version: u32,
    ) -> Result<Option<Snapshot>, Failed> {
        let sql = "SELECT version, state FROM snapshots
                   WHERE stream = (SELECT id FROM streams WHERE name = ?1) AND state_version = ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let found = query
            .query_row(params![stream.as_str(), state_version], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found.map(|(version, state)| {
            let version = Version(version.unsigned_abs());
            Snapshot { stream, version, state_version, state }
        }))
    }
}

fn stream_id(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached("SELECT id FROM streams WHERE name = ?1")?;
    query.query_row([stream.as_str()], |row| row.get(0)).optional()
}

/// What a command did, by its key.
pub(super) fn remembered(
    connection: &Connection,
    key: CommandKey,
) -> rusqlite::Result<Option<Remembered>> {
    let sql = "SELECT name, version, fingerprint FROM commands
               JOIN streams ON streams.id = stream WHERE key = ?1";
    let row = connection
        .prepare_cached(sql)?
        .query_row([key.0.as_slice()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(row.and_then(|(stream, version, fingerprint)| {
        let stream = StreamId::parse(&stream)?;
        Some(Remembered { stream, version: Version(version.unsigned_abs()), fingerprint })
    }))
}

/// Reads rows to events, each of which has to be in its place.
fn collect(
    connection: &Connection,
    mut rows: Rows<'_>,
    limit: usize,
    after: Position,
    types: &mut HashMap<i64, Arc<str>>,
    mut stream: impl FnMut(i64) -> Result<StreamId, String>,
    mut in_place: impl FnMut(&Recorded) -> Result<(), (Position, String)>,
) -> Result<Vec<Recorded>, Failed> {
    let mut events = Vec::with_capacity(limit.min(USUAL));
    let mut last = after;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(events),
            Err(error) if is_damage(&error) => {
                let position = Position(last.0 + 1);
                return Err(Failed::Damaged { position, what: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        };
        last = Position(row.get::<_, i64>(0)?.unsigned_abs());
        let event = decode(row, last, &mut stream, |id| name_type(connection, types, id))
            .map_err(|what| (last, what))
            .and_then(|event| in_place(&event).map(|()| event))
            .map_err(|(position, what)| Failed::Damaged { position, what })?;
        events.push(event);
    }
}

fn decode(
    row: &Row<'_>,
    position: Position,
    stream: impl FnOnce(i64) -> Result<StreamId, String>,
    event_type: impl FnOnce(i64) -> Result<Arc<str>, String>,
) -> Result<Recorded, String> {
    fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> Result<T, String> {
        row.get(column).map_err(|error| error.to_string())
    }
    let data = row.get_ref(11).map_err(|error| error.to_string())?;
    let data = data.as_str().map_err(|error| error.to_string())?;
    Ok(Recorded {
        position,
        stream: stream(get(row, 1)?)?,
        version: Version(get::<i64>(row, 2)?.unsigned_abs()),
        event_type: event_type(get(row, 3)?)?,
        schema: get(row, 4)?,
        context: Context {
            at: DateTime::from_timestamp_micros(get(row, 5)?).ok_or("its time is none")?,
            account: get::<Option<i64>>(row, 6)?.map(AccountId),
            actor: match get::<Option<i64>>(row, 7)? {
                Some(id) => Actor::Account(AccountId(id)),
                None => Actor::Hub,
            },
            correlation: Uuid::from_bytes(get(row, 8)?),
            causation: get::<Option<i64>>(row, 9)?.map(|id| Position(id.unsigned_abs())),
        },
        hash: Hash(get(row, 10)?),
        data: data.into(),
    })
}

fn name_stream(
    connection: &Connection,
    known: &mut HashMap<i64, StreamId>,
    id: i64,
) -> Result<StreamId, String> {
    if let Some(name) = known.get(&id) {
        return Ok(name.clone());
    }
    let name = name_of(connection, "SELECT name FROM streams WHERE id = ?1", id)?;
    let name = StreamId::parse(&name).ok_or_else(|| format!("its stream {id} has no kind"))?;
    known.insert(id, name.clone());
    Ok(name)
}

fn name_type(
    connection: &Connection,
    known: &mut HashMap<i64, Arc<str>>,
    id: i64,
) -> Result<Arc<str>, String> {
    if let Some(name) = known.get(&id) {
        return Ok(Arc::clone(name));
    }
    let name: Arc<str> = name_of(connection, "SELECT name FROM types WHERE id = ?1", id)?.into();
    known.insert(id, Arc::clone(&name));
    Ok(name)
}

fn name_of(connection: &Connection, sql: &str, id: i64) -> Result<String, String> {
    let named = connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([id], |row| row.get(0)));
    named.map_err(|error| format!("{id} stands for no name: {error}"))
}
