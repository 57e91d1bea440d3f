//! How each event changes the rows of its run.
//!
//! A run takes one step at a time, so a step's event is about the newest try. Never here:
//! queries.

use hub_events::execution::{
    PlannedStep, Resolution, Started, Status, StepDeferred, StepDoubted, StepFailed, StepResolved,
    StepSkipped, StepStarted, StepSucceeded,
};
use rusqlite::{Connection, Params, ToSql, params};

use crate::columns::{Json, Micros, Word};

/// Which run an event belongs to, and where and when it stands there.
pub(super) struct Place {
    pub(super) execution: i64,
    pub(super) at: Micros,
    pub(super) version: u64,
    pub(super) position: u64,
}

/// Changes the newest try of a run; `?1` is the run, `?2` and `?3` the event's place, `?4` its
/// moment.
macro_rules! update_newest {
    ($set:literal $(, $and:literal)?) => {
        concat!(
            "UPDATE steps SET version = ?2, position = ?3, ", $set,
            " WHERE execution = ?1 AND seq = (SELECT max(seq) FROM steps WHERE execution = ?1)",
            $(" AND ", $and,)?
        )
    };
}

fn run(tx: &Connection, statement: &str, params: impl Params) -> rusqlite::Result<usize> {
    tx.prepare_cached(statement)?.execute(params)
}

impl Place {
    pub(super) fn begin(&self, tx: &Connection, started: &Started) -> rusqlite::Result<()> {
        let Started { account, workflow, workflow_version, trigger, plan, input, .. } = started;
        let outline: Vec<_> =
            plan.iter().map(|PlannedStep { id, number, tool, .. }| (number, id, tool)).collect();
        run(
            tx,
            "INSERT INTO executions VALUES
             (?1, ?5, ?6, ?7, ?3, ?8, ?9, ?10, 'running', NULL, ?4, NULL, ?2, ?3)",
            params![
                self.execution,
                self.version,
                self.position,
                self.at,
                account.0,
                workflow.0,
                workflow_version,
                trigger,
                Json(&outline),
                Json(input),
            ],
        )
        .map(drop)
    }

    pub(super) fn skip(&self, tx: &Connection, skipped: &StepSkipped) -> rusqlite::Result<()> {
        run(
            tx,
            "INSERT INTO steps
             (execution, seq, step, attempt, status, started_at, completed_at, version, position)
             VALUES (?1, ?2, ?5,
                1 + (SELECT count(*) FROM steps WHERE execution = ?1 AND step = ?5),
                'skipped', ?4, ?4, ?2, ?3)",
            params![self.execution, self.version, self.position, self.at, skipped.step],
        )
        .map(drop)
    }

    pub(super) fn start(&self, tx: &Connection, started: &StepStarted) -> rusqlite::Result<()> {
        let StepStarted { step, attempt, call, class, connection: _, arguments } = started;
        run(
            tx,
            "INSERT INTO steps
             (execution, seq, step, attempt, status, call, class, arguments, started_at,
              version, position)
             VALUES (?1, ?2, ?5, ?6, 'running', ?7, ?8, ?9, ?4, ?2, ?3)",
            params![
                self.execution,
                self.version,
                self.position,
                self.at,
                step,
                attempt,
                call.0,
                Word(class),
                Json(arguments),
            ],
        )
        .map(drop)
    }

    pub(super) fn defer(&self, tx: &Connection, deferred: &StepDeferred) -> rusqlite::Result<()> {
        run(
            tx,
            update_newest!("status = 'waiting', until = ?4"),
            params![self.execution, self.version, self.position, Micros(deferred.until)],
        )
        .map(drop)
    }

    pub(super) fn succeed(
        &self,
        tx: &Connection,
        succeeded: &StepSucceeded,
    ) -> rusqlite::Result<()> {
        self.complete(tx, &Json(&succeeded.result))
    }

    fn complete(&self, tx: &Connection, result: &dyn ToSql) -> rusqlite::Result<()> {
        run(
            tx,
            update_newest!(
                "status = 'completed', completed_at = ?4, result = ?5,
                 error_code = NULL, error = NULL"
            ),
            params![self.execution, self.version, self.position, self.at, result],
        )
        .map(drop)
    }

    /// A try that was never started has no row yet.
    pub(super) fn fail(&self, tx: &Connection, failed: &StepFailed) -> rusqlite::Result<()> {
        let StepFailed { step, attempt, code, error, result, retry_at, .. } = failed;
        let (retry_at, result) = (retry_at.map(Micros), result.as_ref().map(Json));
        let params = params![
            self.execution,
            self.version,
            self.position,
            self.at,
            step,
            attempt,
            code,
            Json(error),
            result,
            retry_at,
        ];
        let begun = run(
            tx,
            update_newest!(
                "status = 'failed', completed_at = ?4, error_code = ?7, error = ?8, result = ?9,
                 retry_at = ?10",
                "step = ?5 AND attempt = ?6"
            ),
            params,
        )?;
        if begun == 0 {
            run(
                tx,
                "INSERT INTO steps
                 (execution, seq, step, attempt, status, started_at, completed_at, error_code,
                  error, result, retry_at, version, position)
                 VALUES (?1, ?2, ?5, ?6, 'failed', ?4, ?4, ?7, ?8, ?9, ?10, ?2, ?3)",
                params,
            )?;
        }
        Ok(())
    }

    pub(super) fn doubt(&self, tx: &Connection, doubted: &StepDoubted) -> rusqlite::Result<()> {
        let error = doubted.error.as_ref().map(Json);
        run(
            tx,
            update_newest!("status = 'in_doubt', completed_at = NULL, error_code = ?4, error = ?5"),
            params![self.execution, self.version, self.position, Word(doubted.doubt), error],
        )
        .map(drop)
    }

    /// A try that shall be repeated ends as failed, with its doubt as the reason.
    pub(super) fn resolve(&self, tx: &Connection, resolved: &StepResolved) -> rusqlite::Result<()> {
        match &resolved.resolution {
            Resolution::Done(result) => self.complete(tx, &Json(result)),
            Resolution::Repeat => run(
                tx,
                update_newest!("status = 'failed', completed_at = ?4"),
                params![self.execution, self.version, self.position, self.at],
            )
            .map(drop),
        }
    }

    pub(super) fn end(
        &self,
        tx: &Connection,
        status: Status,
        failed_step: Option<u32>,
    ) -> rusqlite::Result<()> {
        run(
            tx,
            "UPDATE executions SET version = ?2, position = ?3, completed_at = ?4, status = ?5,
             failed_step = ?6 WHERE id = ?1",
            params![
                self.execution,
                self.version,
                self.position,
                self.at,
                Word(status),
                failed_step,
            ],
        )
        .map(drop)
    }

    /// What is under way ends with the run; what is in doubt stays so.
    pub(super) fn cancel(&self, tx: &Connection) -> rusqlite::Result<()> {
        run(
            tx,
            update_newest!(
                "status = 'cancelled', completed_at = ?4",
                "status IN ('running', 'waiting')"
            ),
            params![self.execution, self.version, self.position, self.at],
        )?;
        self.end(tx, Status::Cancelled, None)
    }

    /// What was under way when the run was cancelled goes on in the same try.
    pub(super) fn retry(&self, tx: &Connection) -> rusqlite::Result<()> {
        run(
            tx,
            update_newest!(
                "status = CASE WHEN until IS NULL THEN 'running' ELSE 'waiting' END,
                 completed_at = NULL",
                "status = 'cancelled'"
            ),
            params![self.execution, self.version, self.position],
        )?;
        run(
            tx,
            "UPDATE executions SET version = ?2, position = ?3, status = 'running',
             completed_at = NULL, failed_step = NULL WHERE id = ?1",
            params![self.execution, self.version, self.position],
        )
        .map(drop)
    }
}
