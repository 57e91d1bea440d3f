//! What happened for each account, newest first.
//!
//! Never here: what an event says; the log has that.

use chrono::{DateTime, Utc};
use hub_events::fact::Fact;
use hub_events::id::{AccountId, StreamId};
use hub_events::recorded::{Actor, Position, Recorded};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::columns::Micros;
use crate::projection::{ApplyError, Projection};

/// The read model. One table, ordered as it is read, and no index beside it.
pub(crate) struct Timeline;

impl Projection for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE timeline (
            account INTEGER NOT NULL,
            position INTEGER NOT NULL,
            at INTEGER NOT NULL,
            stream TEXT NOT NULL,
            event_type TEXT NOT NULL,
            actor TEXT NOT NULL,
            correlation BLOB NOT NULL,
            PRIMARY KEY (account, position)
        ) STRICT, WITHOUT ROWID;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, _: &Fact) -> Result<(), ApplyError> {
        let Some(account) = event.context.account else { return Ok(()) };
        tx.prepare_cached("INSERT INTO timeline VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
            params![
                account.0,
                event.position.0,
                Micros(event.context.at),
                event.stream.as_str(),
                &*event.event_type,
                event.context.actor.to_string(),
                event.context.correlation,
            ],
        )?;
        Ok(())
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentView {
    /// Its place among all events.
    pub position: Position,
    /// When.
    pub at: DateTime<Utc>,
    /// To what.
    pub stream: StreamId,
    /// What, by its wire name.
    pub event_type: String,
    /// Who asked for it.
    pub actor: Actor,
    /// The request or alarm that began everything with this value.
    pub correlation: Uuid,
}

fn moment(row: &Row<'_>) -> rusqlite::Result<MomentView> {
    let stream: String = row.get(2)?;
    let actor: String = row.get(4)?;
    let unreadable = |column, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
    };
    Ok(MomentView {
        position: Position(row.get(0)?),
        at: row.get::<_, Micros>(1)?.0,
        stream: StreamId::parse(&stream).ok_or_else(|| unreadable(2, "not a stream's name"))?,
        event_type: row.get(3)?,
        actor: actor.parse().map_err(|_| unreadable(4, "not an actor"))?,
        correlation: row.get(5)?,
    })
}

/// What happened for an account before a position (or up to now), newest first, at most
/// `limit`.
pub fn page(
    views: &Connection,
    account: AccountId,
    before: Option<Position>,
    limit: u32,
) -> rusqlite::Result<Vec<MomentView>> {
    let before = before.map_or(i64::MAX as u64, |position| position.0);
    views
        .prepare_cached(
            "SELECT position, at, stream, event_type, actor, correlation FROM timeline
             WHERE account = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
        )?
        .query_map(params![account.0, before, limit], moment)?
        .collect()
}

#[cfg(test)]
mod tests;
