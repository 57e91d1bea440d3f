//! Runs, and every try of every step.
//!
//! What changes with each event stands in one row: a step's event changes that step's row, a
//! run's event the run's. A run's results, error, doubt and version are read from both. Never
//! here: inputs, results and errors in the clear; they are sealed, and the caller opens them.

mod place;
mod views;

use hub_events::execution::{Event, Failed, Status};
use hub_events::fact::Fact;
use hub_events::recorded::Recorded;
use rusqlite::Connection;

use crate::columns::Micros;
use crate::projection::{ApplyError, Projection, number};
use place::Place;

pub use views::{ExecutionView, StepStatus, StepView, get, list, list_of_workflow, steps};

/// The read model.
pub(crate) struct Executions;

impl Projection for Executions {
    fn name(&self) -> &'static str {
        "executions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE executions (
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL,
            workflow INTEGER NOT NULL,
            workflow_version INTEGER NOT NULL,
            began INTEGER NOT NULL,
            trigger TEXT NOT NULL,
            plan TEXT NOT NULL,
            input TEXT NOT NULL,
            status TEXT NOT NULL,
            failed_step INTEGER,
            started_at INTEGER NOT NULL,
            completed_at INTEGER,
            version INTEGER NOT NULL,
            position INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX executions_by_account ON executions (account, began);
        CREATE INDEX executions_by_workflow ON executions (workflow, began);
        CREATE TABLE steps (
            execution INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            step INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            status TEXT NOT NULL,
            call BLOB,
            class TEXT,
            arguments TEXT,
            result TEXT,
            error_code TEXT,
            error TEXT,
            retry_at INTEGER,
            until INTEGER,
            started_at INTEGER NOT NULL,
            completed_at INTEGER,
            version INTEGER NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (execution, seq)
        ) STRICT, WITHOUT ROWID;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Execution(fact) = fact else { return Ok(()) };
        let place = Place {
            execution: number(event)?,
            at: Micros(event.context.at),
            version: event.version.0,
            position: event.position.0,
        };
        match fact {
            Event::Started(started) => place.begin(tx, started)?,
            Event::StepSkipped(skipped) => place.skip(tx, skipped)?,
            Event::StepStarted(started) => place.start(tx, started)?,
            Event::StepDeferred(deferred) => place.defer(tx, deferred)?,
            Event::StepSucceeded(succeeded) => place.succeed(tx, succeeded)?,
            Event::StepFailed(failed) => place.fail(tx, failed)?,
            Event::StepDoubted(doubted) => place.doubt(tx, doubted)?,
            Event::StepResolved(resolved) => place.resolve(tx, resolved)?,
            Event::Completed(_) => place.end(tx, Status::Completed, None)?,
            Event::Failed(Failed { step }) => place.end(tx, Status::Failed, Some(*step))?,
            Event::Cancelled(_) => place.cancel(tx)?,
            Event::Retried(_) => place.retry(tx)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
