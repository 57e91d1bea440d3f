//! One file with all read models of one build, and how far it has come.
//!
//! The file's name tells which read models, in which versions, are in it, so a build with a
//! changed one begins a file of its own beside the old one. Never here: reading the log.

use std::borrow::Borrow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use hub_events::fact::{DecodeError, Fact};
use hub_events::id::StreamId;
use hub_events::recorded::{Hash, Position, Recorded};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::projection::{ApplyError, Models, fingerprint};

/// How many statements the writing connection keeps prepared.
const STATEMENTS: usize = 128;

/// The last event that is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) position: Position,
    pub(crate) hash: Hash,
}

/// Why events could not be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error("the event at position {position} in {stream} is not understood: {source}")]
    Decode { position: Position, stream: StreamId, source: DecodeError },
    #[error("{model} cannot take in the event at position {position} in {stream}: {source}")]
    Apply { model: &'static str, position: Position, stream: StreamId, source: ApplyError },
    #[error("the views' file failed: {0}")]
    Sql(#[from] rusqlite::Error),
}

impl TakeError {
    /// Whether the file itself is damaged.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Decode { .. } | Self::Apply { source: ApplyError::Unnumbered(_), .. } => false,
            Self::Sql(error) | Self::Apply { source: ApplyError::Sql(error), .. } => {
                is_damage(error)
            }
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Understands events, each once for all read models.
pub(crate) fn decode<R: Borrow<Recorded>>(
    events: impl IntoIterator<Item = R>,
) -> Result<Vec<(R, Fact)>, TakeError> {
    let decode = |event: R| match Fact::decode(event.borrow()) {
        Ok(fact) => Ok((event, fact)),
        Err(source) => {
            let Recorded { position, stream, .. } = event.borrow();
            Err(TakeError::Decode { position: *position, stream: stream.clone(), source })
        }
    };
    events.into_iter().map(decode).collect()
}

/// An open file that is written.
pub(crate) struct Generation {
    connection: Connection,
    models: Models,
}

impl Generation {
    /// Opens the file, or makes a new one where there is none or it is damaged.
    pub(crate) fn open(path: &Path, models: Models) -> Result<Self, OpenError> {
        match Self::open_as_it_is(path, models) {
            Err(error) if is_damage(&error) => {
                tracing::warn!(file = %path.display(), %error, "views.damaged");
                remove(path)?;
                Ok(Self::open_as_it_is(path, models)?)
            }
            opened => Ok(opened?),
        }
    }

    /// In WAL mode, a sync at each of its checkpoints is enough: after a power cut the file is
    /// whole, if perhaps behind, and goes on from where it stands.
    fn open_as_it_is(path: &Path, models: Models) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        let generation = Self::with(connection, models)?;
        generation.checkpoint()?;
        Ok(generation)
    }

    /// Makes a new file to be filled fast, for which there is no way back after an error.
    pub(crate) fn build(path: &Path, models: Models) -> Result<Self, OpenError> {
        remove(path)?;
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "cache_size", -131_072)?;
        Ok(Self::with(connection, models)?)
    }

    pub(crate) fn with(mut connection: Connection, models: Models) -> rusqlite::Result<Self> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise some statements are prepared anew for each value that is bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let tx = connection.transaction()?;
        if !tx.table_exists(None, "checkpoint")? {
            tx.execute_batch(
                "CREATE TABLE checkpoint (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    position INTEGER NOT NULL,
                    hash BLOB NOT NULL
                ) STRICT;",
            )?;
            models.iter().try_for_each(|model| tx.execute_batch(model.schema()))?;
        }
        tx.commit()?;
        Ok(Self { connection, models })
    }

    /// How far it has come.
    pub(crate) fn checkpoint(&self) -> rusqlite::Result<Checkpoint> {
        let checkpoint = self
            .connection
            .prepare_cached("SELECT position, hash FROM checkpoint")?
            .query_row([], |row| {
                Ok(Checkpoint { position: Position(row.get(0)?), hash: Hash(row.get(1)?) })
            })
            .optional()?;
        Ok(checkpoint.unwrap_or_default())
    }

    /// Takes events in, and moves the checkpoint, all or nothing.
    pub(crate) fn take<R: Borrow<Recorded>>(
        &mut self,
        events: &[(R, Fact)],
    ) -> Result<(), TakeError> {
        let Some((last, _)) = events.last() else { return Ok(()) };
        let tx = self.connection.transaction()?;
        for (event, fact) in events {
            let event = event.borrow();
            for model in self.models {
                model.apply(&tx, event, fact).map_err(|source| {
                    let Recorded { position, stream, .. } = event;
                    let (model, stream) = (model.name(), stream.clone());
                    TakeError::Apply { model, position: *position, stream, source }
                })?;
            }
        }
        let Recorded { position, hash, .. } = last.borrow();
        tx.prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2)")?
            .execute(params![position.0, hash.0])?;
        Ok(tx.commit()?)
    }

    /// Its connection, to read from.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Ends fast filling: what is in the file can then be opened as any other.
    pub(crate) fn finish(self, path: &Path) -> Result<(), OpenError> {
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.close().map_err(|(_, error)| error)?;
        Ok(fs::File::open(path)?.sync_all()?)
    }
}

/// Why a file could not be opened, made, or put in its place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where the file of these read models is.
pub(crate) fn path(directory: &Path, models: Models) -> PathBuf {
    directory.join(format!("views-{}.db", fingerprint(models)))
}

/// The file at `path` and those that SQLite keeps beside it. The file itself comes first:
/// without it the others are of no use to anybody.
fn parts(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| with_suffix(path, suffix))
}

/// A path whose last name is longer.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut longer = OsString::from(path);
    longer.push(suffix);
    longer.into()
}

/// Removes a file and those beside it, where they are there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    parts(path).iter().try_for_each(|part| match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

/// Removes all that other builds, or a build that was cut short, left beside the file at
/// `path`.
pub(crate) fn remove_others(path: &Path) -> io::Result<()> {
    let ours = parts(path);
    let Some(directory) = path.parent() else { return Ok(()) };
    for entry in fs::read_dir(directory)? {
        let found = entry?.path();
        let name = found.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("views-") && name.contains(".db") && !ours.contains(&found) {
            fs::remove_file(&found)?;
        }
    }
    Ok(())
}
