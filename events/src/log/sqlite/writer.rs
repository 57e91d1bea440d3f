//! The writer thread: drains the queue, checks, writes in one transaction, syncs once, answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::super::{
    Append, AppendError, Appended, Command, CommandKey, NewEvent, Remembered, Snapshot,
};
use super::heads::{Head, Heads};
use super::reader;
use super::state::Shared;
use crate::id::StreamId;
use crate::recorded::{Actor, Hash, Position, Recorded, Version};

/// How many requests are written in one transaction at most.
const BATCH: usize = 1_024;

/// How often a full disk is tried again.
const PROBE: Duration = Duration::from_secs(1);

/// How much room there must be again, in bytes.
const ROOM: usize = 256 * 1024;

/// How long commands are remembered, in microseconds: seven days.
const MEMORY: i64 = 7 * 24 * 3_600 * 1_000_000;

/// After how many remembered commands the old ones are forgotten.
const TRIM_EVERY: usize = 1_000;

/// Something for the writer to do.
pub(super) enum Request {
    /// Append, and answer.
    Append {
        append: Append,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
        permit: OwnedSemaphorePermit,
    },
    /// Keep a snapshot.
    Snapshot(Snapshot),
}

type Answer = (oneshot::Sender<Result<Appended, AppendError>>, Result<Appended, AppendError>);

/// The writer.
pub(super) struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    heads: Heads,
    types: HashMap<&'static str, (i64, Arc<str>)>,
    next_stream: i64,
    commands: usize,
}

/// A batch that is checked and not yet written.
#[derive(Default)]
struct Batch {
    events: Vec<(i64, i64, Recorded)>,
    streams: Vec<(i64, StreamId)>,
    heads: HashMap<StreamId, Head>,
    commands: HashMap<CommandKey, (Remembered, i64)>,
    snapshots: Vec<Snapshot>,
    answers: Vec<Answer>,
}

impl Writer {
    pub(super) fn new(connection: Connection, shared: Arc<Shared>) -> rusqlite::Result<Self> {
        let next_stream =
            connection
                .query_row("SELECT coalesce(max(id), 0) + 1 FROM streams", [], |row| row.get(0))?;
        let (heads, types) = (Heads::default(), HashMap::new());
        Ok(Self { connection, shared, heads, types, next_stream, commands: TRIM_EVERY })
    }

    /// Writes what comes in until nobody can send any more.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(PROBE) {
                Ok(first) => {
                    let more = requests.try_iter().take(BATCH - 1);
                    let batch: Vec<_> = std::iter::once(first).chain(more).collect();
                    self.take(batch);
                }
                Err(RecvTimeoutError::Timeout) if self.shared.is_full() => self.probe(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // A clean end leaves one file. Where it does not work out, the next start does it.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    fn take(&mut self, requests: Vec<Request>) {
        self.apply_limit();
        let mut batch = Batch::default();
        let mut permits = Vec::with_capacity(requests.len());
        for request in requests {
            match request {
                Request::Snapshot(snapshot) => batch.snapshots.push(snapshot),
                Request::Append { append, answer, permit } => {
                    let checked = match self.shared.refusing() {
                        Some(reason) => Err(AppendError::Refusing(reason)),
                        None => self.check(append, &mut batch),
                    };
                    batch.answers.push((answer, checked));
                    permits.push(permit);
                }
            }
        }
        if batch.events.is_empty()
            && (batch.snapshots.is_empty() || self.shared.refusing().is_some())
        {
            return answer(batch.answers, None);
        }
        match self.write(&batch) {
            Ok(()) => {
                self.heads_after(&batch);
                self.shared.publish(batch.events.into_iter().map(|(_, _, event)| event).collect());
                answer(batch.answers, None);
            }
            Err(error) => {
                let failure = self.fail(&error);
                answer(batch.answers, Some(failure));
            }
        }
    }

    fn heads_after(&mut self, batch: &Batch) {
        for (stream, head) in &batch.heads {
            self.heads.put(stream.clone(), *head);
        }
        self.commands += batch.commands.len();
    }

    /// Checks an append against what is on record and what is before it in the batch, and adds
    /// it to the batch.
    fn check(&mut self, append: Append, batch: &mut Batch) -> Result<Appended, AppendError> {
        let failed = |error: rusqlite::Error| AppendError::Refusing(error.to_string().into());
        if let Some(command) = append.command
            && let Some(before) = self.before(command, batch).map_err(failed)?
        {
            return Err(AppendError::Duplicate(before));
        }
        let mut head = match batch.heads.get(&append.stream) {
            Some(head) => *head,
            None => self.head(&append.stream).map_err(failed)?,
        };
        if head.version != append.expected {
            return Err(AppendError::WrongVersion { current: head.version });
        }
        let types: Result<Vec<_>, _> =
            append.events.iter().map(|event| self.type_of(event.event_type)).collect();
        let types = types.map_err(failed)?;
        let stream = head.id.unwrap_or_else(|| {
            let id = self.next_stream;
            self.next_stream += 1;
            batch.streams.push((id, append.stream.clone()));
            id
        });
        head.id = Some(stream);
        for (event, (kind, event_type)) in append.events.iter().zip(types) {
            let position = Position(self.shared.head().0 + batch.events.len() as u64 + 1);
            head.version = head.version.plus(1);
            let recorded = record(&append, event, event_type, position, &mut head);
            batch.events.push((stream, kind, recorded));
        }
        batch.heads.insert(append.stream.clone(), head);
        let version = head.version;
        if let Some(Command { key, fingerprint }) = append.command {
            let remembered = Remembered { stream: append.stream, version, fingerprint };
            batch.commands.insert(key, (remembered, append.context.at.timestamp_micros()));
        }
        Ok(Appended {
            position: Position(self.shared.head().0 + batch.events.len() as u64),
            version,
        })
    }

    /// What a command did before, on record or in this batch.
    fn before(&self, command: Command, batch: &Batch) -> rusqlite::Result<Option<Remembered>> {
        match batch.commands.get(&command.key) {
            Some((remembered, _)) => Ok(Some(remembered.clone())),
            None => reader::remembered(&self.connection, command.key),
        }
    }

    /// Where a stream stands on record.
    fn head(&mut self, stream: &StreamId) -> rusqlite::Result<Head> {
        if let Some(head) = self.heads.get(stream) {
            return Ok(head);
        }
        let sql = "SELECT s.id, e.version, e.hash FROM streams s JOIN events e ON e.stream = s.id
                   WHERE s.name = ?1 ORDER BY e.version DESC LIMIT 1";
        let mut found = self.connection.prepare_cached(sql)?;
        let head = found
            .query_row([stream.as_str()], |row| {
                let (id, version) = (Some(row.get(0)?), Version(row.get::<_, i64>(1)? as u64));
                Ok(Head { id, version, hash: Hash(row.get(2)?) })
            })
            .optional()?;
        Ok(head.unwrap_or(Head { id: None, version: Version(0), hash: Hash::default() }))
    }

    /// The number of an event type, which is made durable at its first use.
    fn type_of(&mut self, name: &'static str) -> rusqlite::Result<(i64, Arc<str>)> {
        if let Some(known) = self.types.get(name) {
            return Ok(known.clone());
        }
        self.connection.execute("INSERT OR IGNORE INTO types(name) VALUES (?1)", [name])?;
        let sql = "SELECT id FROM types WHERE name = ?1";
        let id = self.connection.query_row(sql, [name], |row| row.get(0))?;
        let known = (id, Arc::from(name));
        self.types.insert(name, known.clone());
        Ok(known)
    }

    fn write(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let failing = self.shared.is_failing();
        let trim = self.commands + batch.commands.len() >= TRIM_EVERY;
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO streams(id, name) VALUES (?1, ?2)")?;
            for (id, stream) in &batch.streams {
                insert.execute(params![id, stream.as_str()])?;
            }
            let sql = "INSERT INTO events(position, stream, version, type, schema, at, account, \
                       actor, correlation, causation, data, hash) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (stream, kind, event) in &batch.events {
                insert_event(&mut insert, *stream, *kind, event)?;
            }
            let sql = "INSERT INTO commands(key, fingerprint, stream, version, at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (key, (did, at)) in &batch.commands {
                let (stream, version) = (did.stream.as_str(), did.version.0 as i64);
                insert.execute(params![&key.0[..], &did.fingerprint[..], stream, version, at])?;
            }
            let sql = "INSERT OR REPLACE INTO snapshots(stream, version, state_version, state)
                       VALUES (?1, ?2, ?3, ?4)";
            let mut insert = transaction.prepare_cached(sql)?;
            for kept in &batch.snapshots {
                let Snapshot { stream, version, state_version, state } = kept;
                insert.execute(params![stream.as_str(), version.0 as i64, state_version, state])?;
            }
        }
        if trim && let Some(newest) = batch.commands.values().map(|(_, at)| *at).max() {
            transaction.execute("DELETE FROM commands WHERE at < ?1", [newest - MEMORY])?;
            self.commands = 0;
        }
        if failing {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
                Some("a test broke the disk".to_owned()),
            ));
        }
        transaction.commit()
    }

    /// What a failed write means: for those who wait, and for the log.
    fn fail(&mut self, error: &rusqlite::Error) -> AppendError {
        self.heads.clear();
        let rolled_back =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) && rolled_back {
            return AppendError::Refusing(self.shared.fill_up());
        }
        AppendError::Unknown(self.shared.break_down(format!("a write failed: {error}")))
    }

    /// Tries whether there is room again.
    fn probe(&mut self) {
        self.apply_limit();
        let tried = self
            .connection
            .execute("INSERT INTO probe(bytes) VALUES (zeroblob(?1))", [ROOM as i64])
            .and_then(|_| self.connection.execute("DELETE FROM probe", []));
        match tried {
            Ok(_) => self.shared.make_room(),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {}
            Err(error) => drop(self.shared.break_down(format!("a write failed: {error}"))),
        }
    }

    /// Sets a limit that a test wants.
    fn apply_limit(&self) {
        if let Some(limit) = self.shared.new_limit() {
            let pages = limit.map_or(i64::from(u32::MAX - 1), i64::from);
            let _ = self.connection.pragma_update(None, "max_page_count", pages);
        }
    }
}

fn record(
    append: &Append,
    event: &NewEvent,
    event_type: Arc<str>,
    position: Position,
    head: &mut Head,
) -> Recorded {
    let (stream, context) = (&append.stream, &append.context);
    let NewEvent { schema, data, .. } = event;
    head.hash = head.hash.next(stream, head.version, &event_type, *schema, context, data);
    Recorded {
        position,
        stream: stream.clone(),
        version: head.version,
        event_type,
        schema: *schema,
        context: context.clone(),
        data: data.as_str().into(),
        hash: head.hash,
    }
}

fn insert_event(
    insert: &mut rusqlite::CachedStatement<'_>,
    stream: i64,
    kind: i64,
    event: &Recorded,
) -> rusqlite::Result<usize> {
    let context = &event.context;
    insert.execute(params![
        event.position.0 as i64,
        stream,
        event.version.0 as i64,
        kind,
        event.schema,
        context.at.timestamp_micros(),
        context.account.map(|id| id.0),
        match context.actor {
            Actor::Hub => None,
            Actor::Account(id) => Some(id.0),
        },
        &context.correlation.as_bytes()[..],
        context.causation.map(|position| position.0 as i64),
        &*event.data,
        &event.hash.0[..],
    ])
}

/// Answers all; those that were to be written with the failure, where there was one.
fn answer(answers: Vec<Answer>, failure: Option<AppendError>) {
    for (sender, checked) in answers {
        let answer = match (&failure, checked) {
            (Some(failure), Ok(_)) => Err(failure.clone()),
            (_, checked) => checked,
        };
        // Whoever does not wait any more does not need the answer.
        let _ = sender.send(answer);
    }
}

/// Whether an error means that the file or the disk cannot be trusted any more.
pub(super) fn is_broken(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
        )
    )
}
