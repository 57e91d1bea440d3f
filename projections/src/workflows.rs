//! Workflows, and every version of each, for the runs that are pinned to them.
//!
//! Never here: names and steps in the clear; they are sealed, and the caller opens them.

use chrono::{DateTime, Utc};
use hub_events::fact::Fact;
use hub_events::id::{AccountId, WorkflowId};
use hub_events::recorded::Recorded;
use hub_events::workflow::{Changed, Created, Definition, Event};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{Json, Micros, Word};
use crate::projection::{ApplyError, Projection, number};

/// The read model.
pub(crate) struct Workflows;

impl Projection for Workflows {
    fn name(&self) -> &'static str {
        "workflows"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE workflows (
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL,
            version INTEGER NOT NULL,
            status TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER
        ) STRICT;
        CREATE INDEX workflows_by_account ON workflows (account, created_at, id);
        CREATE TABLE definitions (
            workflow INTEGER NOT NULL,
            version INTEGER NOT NULL,
            definition TEXT NOT NULL,
            PRIMARY KEY (workflow, version)
        ) STRICT;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Workflow(fact) = fact else { return Ok(()) };
        let at = Micros(event.context.at);
        match fact {
            Event::Created(Created { workflow, account, definition }) => {
                tx.prepare_cached("INSERT INTO workflows VALUES (?1, ?2, 1, ?3, ?4, NULL)")?
                    .execute(params![workflow.0, account.0, Word(definition.status), at])?;
                keep(tx, workflow.0, 1, definition)?;
            }
            Event::Changed(Changed { version, definition }) => {
                let workflow = number(event)?;
                tx.prepare_cached(
                    "UPDATE workflows SET version = ?2, status = ?3, updated_at = ?4 WHERE id = ?1",
                )?
                .execute(params![
                    workflow,
                    version,
                    Word(definition.status),
                    at
                ])?;
                keep(tx, workflow, *version, definition)?;
            }
            Event::Deleted(_) => {
                tx.prepare_cached("DELETE FROM workflows WHERE id = ?1")?
                    .execute([number(event)?])?;
            }
        }
        Ok(())
    }
}

fn keep(
    tx: &Connection,
    workflow: i64,
    version: u32,
    definition: &Definition,
) -> rusqlite::Result<usize> {
    tx.prepare_cached("INSERT INTO definitions VALUES (?1, ?2, ?3)")?.execute(params![
        workflow,
        version,
        Json(definition)
    ])
}

/// A workflow in its present version.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowView {
    /// The workflow.
    pub id: WorkflowId,
    /// Whose it is.
    pub account: AccountId,
    /// The number of its present version.
    pub version: u32,
    /// What it is.
    pub definition: Definition,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed, if it was.
    pub updated_at: Option<DateTime<Utc>>,
}

const SELECT: &str = "SELECT w.id, w.account, w.version, d.definition, w.created_at, w.updated_at
     FROM workflows w JOIN definitions d ON d.workflow = w.id AND d.version = w.version";

fn workflow(row: &Row<'_>) -> rusqlite::Result<WorkflowView> {
    Ok(WorkflowView {
        id: WorkflowId(row.get(0)?),
        account: AccountId(row.get(1)?),
        version: row.get(2)?,
        definition: row.get::<_, Json<_>>(3)?.0,
        created_at: row.get::<_, Micros>(4)?.0,
        updated_at: row.get::<_, Option<Micros>>(5)?.map(|at| at.0),
    })
}

/// The workflow with this id; none once it is deleted.
pub fn get(views: &Connection, id: WorkflowId) -> rusqlite::Result<Option<WorkflowView>> {
    views
        .prepare_cached(&format!("{SELECT} WHERE w.id = ?1"))?
        .query_row([id.0], workflow)
        .optional()
}

/// An account's workflows, newest first.
pub fn list(views: &Connection, account: AccountId) -> rusqlite::Result<Vec<WorkflowView>> {
    views
        .prepare_cached(&format!(
            "{SELECT} WHERE w.account = ?1 ORDER BY w.created_at DESC, w.id DESC"
        ))?
        .query_map([account.0], workflow)?
        .collect()
}

/// How many of an account's workflows are active.
pub fn count_active(views: &Connection, account: AccountId) -> rusqlite::Result<u64> {
    views
        .prepare_cached("SELECT count(*) FROM workflows WHERE account = ?1 AND status = 'active'")?
        .query_row([account.0], |row| row.get(0))
}

/// What a version of a workflow is or was, also of one that is deleted.
pub fn version(
    views: &Connection,
    id: WorkflowId,
    version: u32,
) -> rusqlite::Result<Option<Definition>> {
    views
        .prepare_cached("SELECT definition FROM definitions WHERE workflow = ?1 AND version = ?2")?
        .query_row(params![id.0, version], |row| Ok(row.get::<_, Json<_>>(0)?.0))
        .optional()
}

#[cfg(test)]
mod tests;
