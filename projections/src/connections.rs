//! Connections, and what went through each: the history of a credential.
//!
//! Never here: names and what they are made of in the clear; those are sealed, and the caller
//! opens them. Nor a secret; no event has one.

mod uses;

use chrono::{DateTime, Utc};
use hub_events::connection::{
    Changed, Created, Event, Expired, Refreshed, Status, StatusChanged, Tested,
};
use hub_events::fact::Fact;
use hub_events::id::{AccountId, ConnectionId};
use hub_events::recorded::Recorded;
use hub_events::sealed::Sealed;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde_json::Value;

use crate::columns::{Json, Micros, Word};
use crate::projection::{ApplyError, Projection, number};

pub use uses::{UseView, usage};

/// The read model.
pub(crate) struct Connections;

impl Projection for Connections {
    fn name(&self) -> &'static str {
        "connections"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE connections (
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL,
            platform TEXT NOT NULL,
            name TEXT NOT NULL,
            status TEXT,
            config TEXT NOT NULL,
            error TEXT,
            created_at INTEGER NOT NULL,
            updated_at INTEGER
        ) STRICT;
        CREATE INDEX connections_by_account ON connections (account, platform, created_at, id)
            WHERE status IS NOT NULL;
        CREATE TABLE connection_uses (
            connection INTEGER NOT NULL,
            position INTEGER NOT NULL,
            place INTEGER NOT NULL,
            at INTEGER NOT NULL,
            stream TEXT NOT NULL,
            event_type TEXT NOT NULL,
            actor TEXT NOT NULL,
            correlation BLOB NOT NULL,
            call BLOB,
            PRIMARY KEY (connection, position, place)
        ) STRICT, WITHOUT ROWID;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        if let Fact::Connection(fact) = fact {
            change(tx, number(event)?, Micros(event.context.at), fact)?;
        }
        uses::apply(tx, event, fact)
    }
}

const CREATE: &str = "INSERT INTO connections VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, NULL)";
const CHANGE: &str = "UPDATE connections SET name = ?3, status = ?4, config = ?5, updated_at = ?2,
     error = CASE WHEN ?4 IN ('error', 'expired') THEN error END WHERE id = ?1";
const STAND: &str = "UPDATE connections SET status = ?3, error = ?4, updated_at = ?2 WHERE id = ?1";
const RENEW: &str = "UPDATE connections SET config = ?3, updated_at = ?2,
     error = CASE WHEN status <> 'expired' THEN error END,
     status = CASE status WHEN 'expired' THEN 'active' ELSE status END WHERE id = ?1";
const DELETE: &str = "UPDATE connections SET status = NULL, updated_at = ?2 WHERE id = ?1";

fn change(tx: &Connection, id: i64, at: Micros, event: &Event) -> rusqlite::Result<()> {
    let stand = |status: Status, error: Option<&Sealed<String>>| {
        run(tx, STAND, params![id, at, Word(status), error.map(Json)])
    };
    match event {
        Event::Created(created) => {
            let Created { account, platform, name, status, config, .. } = created;
            let (name, config) = (Json(name), Json(config));
            run(tx, CREATE, params![id, account.0, platform, name, Word(status), config, at])
        }
        Event::Changed(Changed { name, status, config }) => {
            run(tx, CHANGE, params![id, at, Json(name), Word(status), Json(config)])
        }
        // With it always comes what else changed.
        Event::SecretRotated(_) => Ok(()),
        Event::Tested(Tested { ok: true, .. }) => stand(Status::Active, None),
        Event::Tested(Tested { ok: false, error }) => stand(Status::Error, error.as_ref()),
        Event::StatusChanged(StatusChanged { status, reason }) => stand(*status, reason.as_ref()),
        Event::Refreshed(Refreshed { config, .. }) => run(tx, RENEW, params![id, at, Json(config)]),
        Event::Expired(Expired { reason }) => stand(Status::Expired, Some(reason)),
        Event::Deleted(_) => run(tx, DELETE, params![id, at]),
    }
}

fn run(tx: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<()> {
    tx.prepare_cached(statement)?.execute(params).map(drop)
}

/// A connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionView {
    /// The connection.
    pub id: ConnectionId,
    /// Whose it is.
    pub account: AccountId,
    /// The platform to which it leads, by its id.
    pub platform: String,
    /// What people call it.
    pub name: Sealed<String>,
    /// Whether it can be used.
    pub status: Status,
    /// What it is made of, as it may be shown.
    pub config: Sealed<Value>,
    /// Why it cannot be used, where something went wrong.
    pub error: Option<Sealed<String>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed, if it did.
    pub updated_at: Option<DateTime<Utc>>,
}

const SELECT: &str = "SELECT id, account, platform, name, status, config, error, created_at,
     updated_at FROM connections WHERE status IS NOT NULL";

fn connection(row: &Row<'_>) -> rusqlite::Result<ConnectionView> {
    Ok(ConnectionView {
        id: ConnectionId(row.get(0)?),
        account: AccountId(row.get(1)?),
        platform: row.get(2)?,
        name: row.get::<_, Json<_>>(3)?.0,
        status: row.get::<_, Word<_>>(4)?.0,
        config: row.get::<_, Json<_>>(5)?.0,
        error: row.get::<_, Option<Json<_>>>(6)?.map(|error| error.0),
        created_at: row.get::<_, Micros>(7)?.0,
        updated_at: row.get::<_, Option<Micros>>(8)?.map(|at| at.0),
    })
}

/// The connection with this id; none once it is deleted.
pub fn get(views: &Connection, id: ConnectionId) -> rusqlite::Result<Option<ConnectionView>> {
    views.prepare_cached(&format!("{SELECT} AND id = ?1"))?.query_row([id.0], connection).optional()
}

/// An account's connections, newest first.
pub fn list(views: &Connection, account: AccountId) -> rusqlite::Result<Vec<ConnectionView>> {
    views
        .prepare_cached(&format!("{SELECT} AND account = ?1 ORDER BY created_at DESC, id DESC"))?
        .query_map([account.0], connection)?
        .collect()
}

/// An account's connections to a platform, the oldest first.
pub fn of_platform(
    views: &Connection,
    account: AccountId,
    platform: &str,
) -> rusqlite::Result<Vec<(ConnectionId, Status)>> {
    views
        .prepare_cached(
            "SELECT id, status FROM connections
             WHERE account = ?1 AND platform = ?2 AND status IS NOT NULL ORDER BY created_at, id",
        )?
        .query_map(params![account.0, platform], |row| {
            Ok((ConnectionId(row.get(0)?), row.get::<_, Word<_>>(1)?.0))
        })?
        .collect()
}

/// Whose a connection is or was, also of one that is deleted.
pub fn owner(views: &Connection, id: ConnectionId) -> rusqlite::Result<Option<AccountId>> {
    views
        .prepare_cached("SELECT account FROM connections WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0).map(AccountId))
        .optional()
}

#[cfg(test)]
mod tests;
