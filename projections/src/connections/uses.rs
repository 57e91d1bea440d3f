//! What went through each connection, and what happened to it: the history of a credential.
//!
//! Never here: what an event says; the log has that.

use chrono::{DateTime, Utc};
use hub_events::fact::Fact;
use hub_events::id::{CallId, ConnectionId, StreamId};
use hub_events::recorded::{Actor, Position, Recorded};
use hub_events::{call, conversation, execution};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::columns::{Micros, Word};
use crate::projection::{ApplyError, number};

/// Takes an event in where it belongs to the history of connections.
pub(super) fn apply(tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO connection_uses VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (place, (connection, call)) in used(event, fact)?.into_iter().enumerate() {
        insert.execute(params![
            connection.0,
            event.position.0,
            place,
            Micros(event.context.at),
            event.stream.as_str(),
            &*event.event_type,
            event.context.actor.to_string(),
            event.context.correlation,
            call.map(|call| call.0),
        ])?;
    }
    Ok(())
}

type Use = (ConnectionId, Option<CallId>);

/// The connections to whose history an event belongs, each with the call that went through it.
/// One arm for each kind of thing that calls through connections.
fn used(event: &Recorded, fact: &Fact) -> Result<Vec<Use>, ApplyError> {
    Ok(match fact {
        Fact::Connection(_) => vec![(ConnectionId(number(event)?), None)],
        Fact::Execution(execution::Event::StepStarted(started)) => {
            let through = |connection| (connection, Some(started.call));
            started.connection.into_iter().map(through).collect()
        }
        Fact::Conversation(conversation::Event::Answered(answered)) => {
            let calls = answered.calls.iter();
            calls.filter_map(|call| Some((call.verdict.connection()?, Some(call.call)))).collect()
        }
        Fact::Call(call::Event::Requested(requested)) => {
            let through = |connection| (connection, Some(requested.call));
            requested.connection.into_iter().map(through).collect()
        }
        Fact::Execution(_)
        | Fact::Call(_)
        | Fact::Conversation(_)
        | Fact::Workflow(_)
        | Fact::Account(_)
        | Fact::Collection(_)
        | Fact::Counter(_)
        | Fact::Claim(_)
        | Fact::Checkpoint(_) => Vec::new(),
    })
}

/// Something in the history of a connection: it changed, or a call went through it.
#[derive(Clone, Debug, PartialEq)]
pub struct UseView {
    /// Its place among all events.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// To what it happened: the connection itself, or the run whose call it was.
    pub stream: StreamId,
    /// What, by its wire name.
    pub event_type: String,
    /// Who asked for it.
    pub actor: Actor,
    /// The request or alarm that began everything with this value.
    pub correlation: Uuid,
    /// The call that went through it.
    pub call: Option<CallId>,
}

/// The history of a connection before a position (or up to now), newest first, at most `limit`.
pub fn usage(
    views: &Connection,
    id: ConnectionId,
    before: Option<Position>,
    limit: u32,
) -> rusqlite::Result<Vec<UseView>> {
    let before = before.map_or(i64::MAX as u64, |position| position.0);
    views
        .prepare_cached(
            "SELECT position, at, stream, event_type, actor, correlation, call
             FROM connection_uses WHERE connection = ?1 AND position < ?2
             ORDER BY position DESC, place LIMIT ?3",
        )?
        .query_map(params![id.0, before, limit], used_view)?
        .collect()
}

fn used_view(row: &Row<'_>) -> rusqlite::Result<UseView> {
    let actor: String = row.get(4)?;
    let unreadable =
        |_| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, "not an actor".into());
    Ok(UseView {
        position: Position(row.get(0)?),
        at: row.get::<_, Micros>(1)?.0,
        stream: row.get::<_, Word<_>>(2)?.0,
        event_type: row.get(3)?,
        actor: actor.parse().map_err(unreadable)?,
        correlation: row.get(5)?,
        call: row.get::<_, Option<Uuid>>(6)?.map(CallId),
    })
}
