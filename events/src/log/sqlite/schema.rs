//! The tables of the log, and how its file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::OpenError;
use super::engine;
use crate::recorded::Position;

/// The layout that this build writes.
const LAYOUT: i64 = 1;

/// Says in the file's header whose it is: `hubl`.
const APPLICATION: i64 = 0x6875_626c;

const SCHEMA: &str = "
CREATE TABLE streams(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE types(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE events(
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams(id),
    version INTEGER NOT NULL,
    type INTEGER NOT NULL REFERENCES types(id),
    schema INTEGER NOT NULL,
    at INTEGER NOT NULL,              -- microseconds since 1970, UTC
    account INTEGER,
    actor INTEGER,                    -- an account; null for the hub itself
    correlation BLOB NOT NULL,
    causation INTEGER,                -- a position
    data TEXT NOT NULL,
    hash BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX events_by_stream ON events(stream, version);
CREATE TABLE commands(
    key BLOB PRIMARY KEY, fingerprint BLOB NOT NULL, stream TEXT NOT NULL,
    version INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots(
    stream TEXT PRIMARY KEY, version INTEGER NOT NULL, state_version INTEGER NOT NULL,
    state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE probe(bytes BLOB NOT NULL) STRICT;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
    BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
    BEGIN SELECT raise(ABORT, 'events are never deleted'); END;
CREATE VIEW event_log AS
    SELECT e.position, s.name AS stream, e.version, t.name AS type, e.schema,
           strftime('%Y-%m-%dT%H:%M:%f', e.at / 1000000.0, 'unixepoch') || 'Z' AS at,
           e.account, coalesce('account:' || e.actor, 'hub') AS actor,
           lower(hex(e.correlation)) AS correlation, e.causation, e.data, lower(hex(e.hash)) AS hash
    FROM events e JOIN streams s ON s.id = e.stream JOIN types t ON t.id = e.type;
";

/// Opens the file for the writer, and makes the tables where there are none.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path).map_err(engine)?;
    set_up(&connection).map_err(engine)?;
    check(&connection)?;
    let found: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(engine)?;
    if found > LAYOUT {
        return Err(OpenError::Newer { found, known: LAYOUT });
    }
    if found == 0 {
        create(&mut connection).map_err(engine)?;
    }
    Ok(connection)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Reads back what the promise of durability rests on.
fn check(connection: &Connection) -> Result<(), OpenError> {
    let mode: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(engine)?;
    let sync: i64 =
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(engine)?;
    if !mode.eq_ignore_ascii_case("wal") || sync < 2 {
        return Err(OpenError::Unsynced(format!("journal_mode={mode}, synchronous={sync}")));
    }
    Ok(())
}

/// Opens the file for the thread that moves the write-ahead log into it.
pub(super) fn open_for_checkpoints(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_millis(100))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 36)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// The newest position.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Position> {
    let sql = "SELECT coalesce(max(position), 0) FROM events";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|head| Position(head as u64))
}
