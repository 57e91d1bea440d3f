//! How much each account used: its runs by calendar month, and what models answered it by day
//! and by month, all in UTC.
//!
//! Never here: limits; those are the plan's.

use chrono::{DateTime, Utc};
use hub_events::conversation::{self, Answered, Summarised};
use hub_events::execution;
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
        2
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE usage (
            account INTEGER NOT NULL,
            month TEXT NOT NULL,
            runs INTEGER NOT NULL,
            PRIMARY KEY (account, month)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE model_usage (
            account INTEGER NOT NULL,
            day TEXT NOT NULL,
            answers INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL,
            cost_micros INTEGER NOT NULL,
            PRIMARY KEY (account, day)
        ) STRICT, WITHOUT ROWID;"
    }

    fn apply(&self, tx: &Connection, event: &Recorded, fact: &Fact) -> Result<(), ApplyError> {
        match fact {
            Fact::Execution(fact) => run(tx, event.context.at, fact)?,
            Fact::Conversation(fact) => answer(tx, event, fact)?,
            Fact::Call(_)
            | Fact::Workflow(_)
            | Fact::Account(_)
            | Fact::Connection(_)
            | Fact::Checkpoint(_)
            | Fact::Collection(_)
            | Fact::Counter(_)
            | Fact::Claim(_) => {}
        }
        Ok(())
    }
}

fn run(tx: &Connection, at: DateTime<Utc>, fact: &execution::Event) -> rusqlite::Result<()> {
    use execution::Event;
    match fact {
        Event::Started(started) => {
            let month = at.format("%Y-%m").to_string();
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

/// A turn that is completed counts as one answer, however many a model gave on the way; tokens
/// count as they are used up.
fn answer(tx: &Connection, event: &Recorded, fact: &conversation::Event) -> rusqlite::Result<()> {
    use conversation::Event;
    let (answers, usage, cost) = match fact {
        Event::Answered(Answered { usage, cost_micros, .. })
        | Event::Summarised(Summarised { usage, cost_micros, .. }) => (0, *usage, *cost_micros),
        Event::TurnCompleted(_) => (1, conversation::Usage::default(), None),
        Event::Opened(_)
        | Event::Titled(_)
        | Event::Deleted(_)
        | Event::MessagePosted(_)
        | Event::BranchSelected(_)
        | Event::TurnStarted(_)
        | Event::CompletionFailed(_)
        | Event::SummaryFailed(_)
        | Event::TurnLimited(_)
        | Event::CallApproved(_)
        | Event::CallDeclined(_)
        | Event::CallExpired(_)
        | Event::CallSucceeded(_)
        | Event::CallFailed(_)
        | Event::CallDoubted(_)
        | Event::CallResolved(_)
        | Event::TurnFailed(_)
        | Event::TurnCancelled(_) => return Ok(()),
    };
    let Some(account) = event.context.account else { return Ok(()) };
    let day = event.context.at.format("%Y-%m-%d").to_string();
    tx.prepare_cached(
        "INSERT INTO model_usage VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, day) DO UPDATE SET answers = answers + ?3,
         input_tokens = input_tokens + ?4, output_tokens = output_tokens + ?5,
         cost_micros = cost_micros + ?6",
    )?
    .execute(params![
        account.0,
        day,
        answers,
        count(usage.input_tokens),
        count(usage.output_tokens),
        count(cost.unwrap_or_default()),
    ])?;
    Ok(())
}

/// A count that no sum of many brings over the edge, whatever a provider claims.
fn count(claimed: u64) -> i64 {
    i64::from(u32::try_from(claimed).unwrap_or(u32::MAX))
}

/// How many runs an account began in a month, such as `2026-11`.
pub fn runs(views: &Connection, account: AccountId, month: &str) -> rusqlite::Result<u64> {
    let runs = views
        .prepare_cached("SELECT runs FROM usage WHERE account = ?1 AND month = ?2")?
        .query_row(params![account.0, month], |row| row.get(0))
        .optional()?;
    Ok(runs.unwrap_or_default())
}

/// What models did for an account in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelUsageView {
    /// How many of its messages were answered.
    pub answers: u64,
    /// Tokens that were read.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
    /// What that cost, in millionths of a US dollar, where the price is known.
    pub cost_micros: u64,
}

/// What models did for an account on a day, such as `2026-11-24`, or in a month, such as
/// `2026-11`.
pub fn models(
    views: &Connection,
    account: AccountId,
    period: &str,
) -> rusqlite::Result<ModelUsageView> {
    views
        .prepare_cached(
            "SELECT ifnull(sum(answers), 0), ifnull(sum(input_tokens), 0),
             ifnull(sum(output_tokens), 0), ifnull(sum(cost_micros), 0)
             FROM model_usage WHERE account = ?1 AND day BETWEEN ?2 AND ?2 || '-99'",
        )?
        .query_row(params![account.0, period], |row| {
            Ok(ModelUsageView {
                answers: row.get(0)?,
                input_tokens: row.get(1)?,
                output_tokens: row.get(2)?,
                cost_micros: row.get(3)?,
            })
        })
}

#[cfg(test)]
mod tests;
