//! Calls of tools that somebody asked for directly.
//!
//! Never here: arguments, results and errors in the clear; they are sealed, and the caller opens
//! them. Calls within runs are rows of their runs.

use chrono::{DateTime, Utc};
use hub_events::Class;
use hub_events::call::{Deferred, Doubted, Event, Failed, Requested, Resolved, Succeeded, Via};
use hub_events::execution::Resolution;
use hub_events::fact::Fact;
use hub_events::id::{AccountId, CallId, ConnectionId};
use hub_events::recorded::{Position, Recorded, Version};
use hub_events::sealed::Sealed;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::columns::{Json, Micros, Word};
use crate::projection::{ApplyError, Projection};

/// The read model.
pub(crate) struct Calls;

impl Projection for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE direct_calls (
            id BLOB PRIMARY KEY,
            account INTEGER NOT NULL,
            began INTEGER NOT NULL,
            tool TEXT NOT NULL,
            class TEXT NOT NULL,
            connection INTEGER,
            via TEXT NOT NULL,
            arguments TEXT NOT NULL,
            status TEXT NOT NULL,
            until INTEGER,
            result TEXT,
            error_code TEXT,
            error TEXT,
            retry_after INTEGER,
            started_at INTEGER NOT NULL,
            completed_at INTEGER,
            version INTEGER NOT NULL,
            position INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX direct_calls_by_account ON direct_calls (account, began);"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Call(fact) = fact else { return Ok(()) };
        let call = CallId::of(&event.stream);
        let call = call.ok_or_else(|| ApplyError::Unnumbered(event.stream.clone()))?;
        let place = Place {
            call,
            at: Micros(event.context.at),
            version: event.version.0,
            position: event.position.0,
        };
        match fact {
            Event::Requested(requested) => place.request(tx, requested)?,
            Event::Deferred(deferred) => place.defer(tx, deferred)?,
            Event::Succeeded(Succeeded { result }) => place.succeed(tx, result)?,
            Event::Failed(failed) => place.fail(tx, failed)?,
            Event::Doubted(doubted) => place.doubt(tx, doubted)?,
            Event::Resolved(Resolved { resolution: Resolution::Done(result) }) => {
                place.succeed(tx, result)?;
            }
            Event::Resolved(Resolved { resolution: Resolution::Repeat }) => place.repeat(tx)?,
            Event::Cancelled(_) => place.cancel(tx)?,
        }
        Ok(())
    }
}

/// Which call an event belongs to, and where and when it stands there.
struct Place {
    call: CallId,
    at: Micros,
    version: u64,
    position: u64,
}

/// Changes a call; `?1` is the call, `?2` and `?3` the event's place.
macro_rules! update {
    ($set:literal) => {
        concat!("UPDATE direct_calls SET version = ?2, position = ?3, ", $set, " WHERE id = ?1")
    };
}

fn run(tx: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<()> {
    tx.prepare_cached(statement)?.execute(params).map(drop)
}

impl Place {
    fn request(&self, tx: &Connection, requested: &Requested) -> rusqlite::Result<()> {
        let Requested { account, tool, class, connection, arguments, via, .. } = requested;
        run(
            tx,
            "INSERT INTO direct_calls (id, account, began, tool, class, connection, via, arguments,
                status, started_at, version, position)
             VALUES (?1, ?5, ?3, ?6, ?7, ?8, ?9, ?10, 'running', ?4, ?2, ?3)",
            params![
                self.call.0,
                self.version,
                self.position,
                self.at,
                account.0,
                tool,
                Word(class),
                connection.map(|connection| connection.0),
                Word(via),
                Json(arguments),
            ],
        )
    }

    fn defer(&self, tx: &Connection, deferred: &Deferred) -> rusqlite::Result<()> {
        let until = Micros(deferred.until);
        let params = params![self.call.0, self.version, self.position, until];
        run(tx, update!("status = 'waiting', until = ?4"), params)
    }

    fn succeed(&self, tx: &Connection, result: &Sealed<Value>) -> rusqlite::Result<()> {
        run(
            tx,
            update!(
                "status = 'completed', completed_at = ?4, result = ?5, error_code = NULL,
                 error = NULL"
            ),
            params![self.call.0, self.version, self.position, self.at, Json(result)],
        )
    }

    fn fail(&self, tx: &Connection, failed: &Failed) -> rusqlite::Result<()> {
        let Failed { code, error, result, retry_after } = failed;
        run(
            tx,
            update!(
                "status = 'failed', completed_at = ?4, error_code = ?5, error = ?6, result = ?7,
                 retry_after = ?8"
            ),
            params![
                self.call.0,
                self.version,
                self.position,
                self.at,
                code,
                Json(error),
                result.as_ref().map(Json),
                retry_after.map(Micros),
            ],
        )
    }

    fn doubt(&self, tx: &Connection, doubted: &Doubted) -> rusqlite::Result<()> {
        let Doubted { doubt, error } = doubted;
        let error = error.as_ref().map(Json);
        let params = params![self.call.0, self.version, self.position, Word(doubt), error];
        run(tx, update!("status = 'in_doubt', error_code = ?4, error = ?5"), params)
    }

    fn repeat(&self, tx: &Connection) -> rusqlite::Result<()> {
        let params = params![self.call.0, self.version, self.position];
        run(tx, update!("status = 'running', error_code = NULL, error = NULL"), params)
    }

    fn cancel(&self, tx: &Connection) -> rusqlite::Result<()> {
        let params = params![self.call.0, self.version, self.position, self.at];
        run(tx, update!("status = 'cancelled', completed_at = ?4"), params)
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is under way.
    Running,
    /// It sleeps until a moment.
    Waiting,
    /// It may or may not have taken effect.
    InDoubt,
    /// It is done.
    Completed,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallView {
    /// The call.
    pub id: CallId,
    /// Whose it is.
    pub account: AccountId,
    /// The position at which it was asked for; calls are listed and paged by it.
    pub began: Position,
    /// The tool.
    pub tool: String,
    /// What the world can notice of it.
    pub class: Class,
    /// The connection through which it goes.
    pub connection: Option<ConnectionId>,
    /// Through which door it was asked for.
    pub via: Via,
    /// The arguments.
    pub arguments: Sealed<Value>,
    /// Where it stands.
    pub status: Status,
    /// Until when it sleeps or slept.
    pub until: Option<DateTime<Utc>>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// The kind of failure, or of doubt, in snake case.
    pub error_code: Option<String>,
    /// What went wrong, in words.
    pub error: Option<Sealed<String>>,
    /// When another call may go better, where the other side named a moment.
    pub retry_after: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When it came to an end.
    pub completed_at: Option<DateTime<Utc>>,
    /// The version of its stream.
    pub version: Version,
    /// The position of its newest event.
    pub position: Position,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, began, tool, class, connection, via, arguments, status, until,
             result, error_code, error, retry_after, started_at, completed_at, version, position
             FROM direct_calls ",
            $rest
        )
    };
}

fn call(row: &Row<'_>) -> rusqlite::Result<CallView> {
    let moment =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Micros>>(column)?.map(|at| at.0));
    Ok(CallView {
        id: CallId(row.get(0)?),
        account: AccountId(row.get(1)?),
        began: Position(row.get(2)?),
        tool: row.get(3)?,
        class: row.get::<_, Word<_>>(4)?.0,
        connection: row.get::<_, Option<_>>(5)?.map(ConnectionId),
        via: row.get::<_, Word<_>>(6)?.0,
        arguments: row.get::<_, Json<_>>(7)?.0,
        status: row.get::<_, Word<_>>(8)?.0,
        until: moment(9)?,
        result: row.get::<_, Option<Json<_>>>(10)?.map(|result| result.0),
        error_code: row.get(11)?,
        error: row.get::<_, Option<Json<_>>>(12)?.map(|error| error.0),
        retry_after: moment(13)?,
        started_at: row.get::<_, Micros>(14)?.0,
        completed_at: moment(15)?,
        version: Version(row.get(16)?),
        position: Position(row.get(17)?),
    })
}

/// The call with this id.
pub fn get(views: &Connection, id: CallId) -> rusqlite::Result<Option<CallView>> {
    views.prepare_cached(select!("WHERE id = ?1"))?.query_row([id.0], call).optional()
}

/// An account's calls, newest first: those asked for before a position (or up to now), at most
/// `limit`.
pub fn list(
    views: &Connection,
    account: AccountId,
    before: Option<Position>,
    limit: u32,
) -> rusqlite::Result<Vec<CallView>> {
    let before = before.and_then(|position| i64::try_from(position.0).ok());
    views
        .prepare_cached(select!("WHERE account = ?1 AND began < ?2 ORDER BY began DESC LIMIT ?3"))?
        .query_map(params![account.0, before.unwrap_or(i64::MAX), limit], call)?
        .collect()
}

#[cfg(test)]
mod tests;
