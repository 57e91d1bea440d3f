//! Streams that wait for something: at once, or at a moment.
//!
//! It agrees with `Decider::pending` of the thing in the stream: listed where that is not
//! empty, due when the earliest of it is due. A thing that waits for a person (a call in
//! doubt) is not listed. Never here: what it waits for; its actor knows.

mod conversation;

use chrono::{DateTime, Utc};
use hub_events::call;
use hub_events::execution::{Event, Resolution, StepDeferred, StepFailed};
use hub_events::fact::Fact;
use hub_events::id::StreamId;
use hub_events::recorded::Recorded;
use rusqlite::types::Type;
use rusqlite::{Connection, Params, Row, params};

use crate::columns::Micros;
use crate::projection::{ApplyError, Projection};

/// The read model. A row is parked while it waits for a person, or was cancelled in its
/// sleep: that sleep goes on when the run is retried.
pub(crate) struct Unfinished;

impl Projection for Unfinished {
    fn name(&self) -> &'static str {
        "unfinished"
    }

    fn version(&self) -> u32 {
        2
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE unfinished (
            stream TEXT PRIMARY KEY,
            due INTEGER,
            asleep INTEGER NOT NULL,
            parked INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE waits (
            stream TEXT NOT NULL,
            call BLOB NOT NULL,
            turn INTEGER,
            due INTEGER,
            PRIMARY KEY (stream, call)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX sleeping ON unfinished (due) WHERE parked = 0 AND due IS NOT NULL;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let stream = event.stream.as_str();
        match fact {
            Fact::Execution(fact) => execution(tx, stream, fact)?,
            Fact::Call(fact) => direct_call(tx, stream, fact)?,
            Fact::Conversation(fact) => conversation::apply(tx, stream, fact)?,
            // These wait for nothing.
            Fact::Workflow(_)
            | Fact::Account(_)
            | Fact::Collection(_)
            | Fact::Counter(_)
            | Fact::Claim(_)
            | Fact::Checkpoint(_)
            | Fact::Connection(_) => {}
        }
        Ok(())
    }
}

const LIST: &str = "INSERT INTO unfinished VALUES (?1, NULL, 0, 0)
     ON CONFLICT (stream) DO UPDATE SET parked = 0";
const AT_ONCE: &str =
    "UPDATE unfinished SET due = NULL, asleep = 0 WHERE stream = ?1 AND due IS NOT NULL";
const LATER: &str = "UPDATE unfinished SET due = ?2, asleep = ?3 WHERE stream = ?1";
const PARK: &str = "UPDATE unfinished SET due = NULL, asleep = 0, parked = 1 WHERE stream = ?1";
const UNPARK: &str = "UPDATE unfinished SET parked = 0 WHERE stream = ?1";
const PARK_ASLEEP: &str = "UPDATE unfinished SET parked = 1 WHERE stream = ?1 AND asleep = 1";
const REMOVE_AWAKE: &str = "DELETE FROM unfinished WHERE stream = ?1 AND asleep = 0";
const REMOVE: &str = "DELETE FROM unfinished WHERE stream = ?1";

fn execution(tx: &Connection, stream: &str, event: &Event) -> rusqlite::Result<()> {
    match event {
        Event::Started(started) if started.plan.is_empty() => Ok(()),
        Event::Started(_) | Event::Retried(_) => run(tx, LIST, [stream]),
        // Only a repeated try can have waited for its moment.
        Event::StepStarted(started) if started.attempt == 1 => Ok(()),
        Event::StepStarted(_) | Event::StepSkipped(_) | Event::StepSucceeded(_) => {
            run(tx, AT_ONCE, [stream])
        }
        Event::StepDeferred(StepDeferred { until, .. }) => {
            run(tx, LATER, params![stream, Micros(*until), true])
        }
        Event::StepFailed(StepFailed { retry_at: Some(due), .. }) => {
            run(tx, LATER, params![stream, Micros(*due), false])
        }
        // The run's own end follows.
        Event::StepFailed(StepFailed { retry_at: None, .. }) => Ok(()),
        Event::StepDoubted(_) => run(tx, PARK, [stream]),
        Event::StepResolved(_) => run(tx, UNPARK, [stream]),
        Event::Cancelled(_) => {
            run(tx, PARK_ASLEEP, [stream])?;
            run(tx, REMOVE_AWAKE, [stream])
        }
        Event::Completed(_) | Event::Failed(_) => run(tx, REMOVE, [stream]),
    }
}

fn direct_call(tx: &Connection, stream: &str, event: &call::Event) -> rusqlite::Result<()> {
    match event {
        call::Event::Requested(_) => run(tx, LIST, [stream]),
        call::Event::Deferred(call::Deferred { until, .. }) => {
            run(tx, LATER, params![stream, Micros(*until), true])
        }
        call::Event::Doubted(_) => run(tx, PARK, [stream]),
        call::Event::Resolved(call::Resolved { resolution: Resolution::Repeat }) => {
            run(tx, UNPARK, [stream])
        }
        call::Event::Resolved(call::Resolved { resolution: Resolution::Done(_) })
        | call::Event::Succeeded(_)
        | call::Event::Failed(_)
        | call::Event::Cancelled(_) => run(tx, REMOVE, [stream]),
    }
}

fn run(tx: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<()> {
    tx.prepare_cached(statement)?.execute(params).map(drop)
}

/// A stream that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedView {
    /// The stream.
    pub stream: StreamId,
    /// Not before this moment; at once where there is none.
    pub due: Option<DateTime<Utc>>,
}

fn unfinished(row: &Row<'_>) -> rusqlite::Result<UnfinishedView> {
    let name: String = row.get(0)?;
    let unreadable =
        || rusqlite::Error::FromSqlConversionFailure(0, Type::Text, "not a stream's name".into());
    Ok(UnfinishedView {
        stream: StreamId::parse(&name).ok_or_else(unreadable)?,
        due: row.get::<_, Option<Micros>>(1)?.map(|due| due.0),
    })
}

/// What could go on at once.
pub fn ready(views: &Connection) -> rusqlite::Result<Vec<UnfinishedView>> {
    views
        .prepare_cached("SELECT stream, due FROM unfinished WHERE parked = 0 AND due IS NULL")?
        .query_map([], unfinished)?
        .collect()
}

/// What sleeps until a moment before `before`, soonest first, at most `limit`.
pub fn sleeping(
    views: &Connection,
    before: DateTime<Utc>,
    limit: u32,
) -> rusqlite::Result<Vec<UnfinishedView>> {
    views
        .prepare_cached(
            "SELECT stream, due FROM unfinished
             WHERE parked = 0 AND due IS NOT NULL AND due < ?1 ORDER BY due, stream LIMIT ?2",
        )?
        .query_map(params![Micros(before), limit], unfinished)?
        .collect()
}

/// The soonest moment for which something waits.
pub fn next_due(views: &Connection) -> rusqlite::Result<Option<DateTime<Utc>>> {
    views
        .prepare_cached("SELECT min(due) FROM unfinished WHERE parked = 0 AND due IS NOT NULL")?
        .query_row([], |row| Ok(row.get::<_, Option<Micros>>(0)?.map(|due| due.0)))
}

/// How many streams wait, at once or for a moment.
pub fn count(views: &Connection) -> rusqlite::Result<u64> {
    views
        .prepare_cached("SELECT count(*) FROM unfinished WHERE parked = 0")?
        .query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests;
