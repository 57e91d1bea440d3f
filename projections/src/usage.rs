//! How much each account used: its runs, by calendar month in UTC.
//!
//! Never here: limits; those are the plan's.

use hub_events::execution::Event;
use hub_events::fact::Fact;
use hub_events::id::AccountId;
use hub_events::recorded::Recorded;
use rusqlite::{Connection, OptionalExtension, params};

use crate::projection::{ApplyError, Projection};

/// The read model.
pub(crate) struct Usage;

impl Projection for Usage {
    fn name(&self) -> &'static str {
        "usage"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE usage (
            account INTEGER NOT NULL,
            month TEXT NOT NULL,
            runs INTEGER NOT NULL,
            PRIMARY KEY (account, month)
        ) STRICT, WITHOUT ROWID;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        let Fact::Execution(fact) = fact else { return Ok(()) };
        match fact {
            Event::Started(started) => {
                let month = event.context.at.format("%Y-%m").to_string();
                tx.prepare_cached(
                    "INSERT INTO usage VALUES (?1, ?2, 1)
                     ON CONFLICT (account, month) DO UPDATE SET runs = runs + 1",
                )?
                .execute(params![started.account.0, month])?;
            }
            Event::StepSkipped(_)
            | Event::StepStarted(_)
            | Event::StepDeferred(_)
            | Event::StepSucceeded(_)
            | Event::StepFailed(_)
            | Event::StepDoubted(_)
            | Event::StepResolved(_)
            | Event::Completed(_)
            | Event::Failed(_)
            | Event::Cancelled(_)
            | Event::Retried(_) => {}
        }
        Ok(())
    }
}

/// How many runs an account began in a month, such as `2026-11`.
pub fn runs(views: &Connection, account: AccountId, month: &str) -> rusqlite::Result<u64> {
    let runs = views
        .prepare_cached("SELECT runs FROM usage WHERE account = ?1 AND month = ?2")?
        .query_row(params![account.0, month], |row| row.get(0))
        .optional()?;
    Ok(runs.unwrap_or_default())
}

#[cfg(test)]
mod tests;
