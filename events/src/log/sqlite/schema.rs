//! The file: its layout, how connections to it are opened, and how they must be set.
//!
//! Never here: reading or writing events.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::OpenError;
use super::engine;
use crate::recorded::Position;

/// The layout that this build writes, kept in `PRAGMA user_version`.
const LAYOUT: i64 = 1;

/// Says in the file's header whose it is: `hubl`.
const APPLICATION: i64 = 0x6875_626c;

/// How long a connection waits for another one's lock; ours are held for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of the file the writer and each reader keep in memory, in KiB.
const WRITER_CACHE: i64 = 32 * 1024;
const READER_CACHE: i64 = 4 * 1024;

/// How much of the file readers see through the system's page cache, in bytes: all that
/// SQLite allows.
const MAPPED: i64 = 0x7fff_0000;

/// Opens the file for the writer, and makes the tables where there are none.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(path, flags).map_err(engine)?;
    let empty = is_empty(&connection).map_err(engine)?;
    if !empty {
        check_origin(&connection)?;
    }
    make_durable(&connection)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE).map_err(engine)?;
    if empty {
        create(&connection).map_err(engine)?;
    }
    Ok(connection)
}

/// Opens the file for the thread that moves the write-ahead log into it.
pub(super) fn open_for_checkpoints(path: &Path) -> Result<Connection, OpenError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(engine)?;
    make_durable(&connection)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, OpenError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(engine)?;
    connection.pragma_update(None, "mmap_size", MAPPED).map_err(engine)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE).map_err(engine)?;
    check_origin(&connection)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Sets a connection so that what is committed is on the disk, and reads the settings back,
/// since SQLite says nothing where it does not keep one.
fn make_durable(connection: &Connection) -> Result<(), OpenError> {
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(engine);
    set("journal_mode", "wal")?;
    set("synchronous", "full")?;
    set("wal_autocheckpoint", "0")?;
    // For systems where fsync leaves data in the drive's cache, as macOS does.
    set("fullfsync", "on")?;
    set("checkpoint_fullfsync", "on")?;
    let journal: String = connection.pragma_query_one(None, "journal_mode").map_err(engine)?;
    let synchronous: i64 = connection.pragma_query_one(None, "synchronous").map_err(engine)?;
    if journal != "wal" || synchronous < 2 {
        let found = format!("journal_mode={journal}, synchronous={synchronous}");
        return Err(OpenError::Unsynced(found));
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Refuses a file that is something else, or that a newer build wrote.
fn check_origin(connection: &Connection) -> Result<(), OpenError> {
    let number = |name| connection.pragma_query_one::<i64>(None, name).map_err(engine);
    if number("application_id")? != APPLICATION {
        return Err(engine("the file is not a log of the hub"));
    }
    let found = number("user_version")?;
    if found > LAYOUT {
        return Err(OpenError::Newer { found, known: LAYOUT });
    }
    Ok(())
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()
}

/// The newest position.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Position> {
    let sql = "SELECT coalesce(max(position), 0) FROM events";
    let head = connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))?;
    Ok(Position(head.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_database_that_cannot_sync_is_refused() {
        let refused = make_durable(&Connection::open_in_memory().unwrap());
        assert!(matches!(refused, Err(OpenError::Unsynced(_))), "{refused:?}");
    }

    #[test]
    fn files_of_others_and_of_newer_builds_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
        assert!(matches!(open_for_writing(&other), Err(OpenError::Engine(_))));
        assert!(matches!(open_for_reading(&other), Err(OpenError::Engine(_))));

        let newer = directory.path().join("newer.db");
        let connection = open_for_writing(&newer).unwrap();
        connection.pragma_update(None, "user_version", LAYOUT + 1).unwrap();
        drop(connection);
        let refused = open_for_writing(&newer);
        assert!(matches!(refused, Err(OpenError::Newer { found: 2, known: 1 })), "{refused:?}");
        assert!(matches!(open_for_reading(&newer), Err(OpenError::Newer { .. })));
    }
}
