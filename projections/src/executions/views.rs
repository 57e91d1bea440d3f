//! What runs and steps look like to those who read them, and the queries.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hub_events::Class;
use hub_events::execution::Status;
use hub_events::id::{AccountId, CallId, ExecutionId, StepId, WorkflowId};
use hub_events::recorded::{Position, Version};
use hub_events::sealed::Sealed;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::columns::{Json, Micros, Word};

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionView {
    /// The run.
    pub id: ExecutionId,
    /// Whose it is.
    pub account: AccountId,
    /// The workflow that it runs.
    pub workflow: WorkflowId,
    /// The version of that workflow to which it is pinned.
    pub workflow_version: u32,
    /// The position at which it began; runs are listed and paged by it.
    pub began: Position,
    /// Where it stands.
    pub status: Status,
    /// Whether a step waits for somebody to say what became of its call.
    pub in_doubt: bool,
    /// What began it.
    pub trigger: String,
    /// What it was given.
    pub input: Sealed<Map<String, Value>>,
    /// The results of the steps that are done, by step number, in the order they were done.
    pub results: Vec<(u32, Sealed<Value>)>,
    /// The step that failed for good.
    pub failed_step: Option<u32>,
    /// What went wrong there, in words.
    pub error: Option<Sealed<String>>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it came to an end.
    pub completed_at: Option<DateTime<Utc>>,
    /// The version of its stream.
    pub version: Version,
    /// The position of its newest event.
    pub position: Position,
}

/// Where a try of a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its call is under way.
    Running,
    /// It sleeps until a moment.
    Waiting,
    /// Its call may or may not have taken effect.
    InDoubt,
    /// It is done.
    Completed,
    /// It failed.
    Failed,
    /// It ended with the run.
    Cancelled,
    /// Its condition was false.
    Skipped,
}

/// One try of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepView {
    /// Its place among the tries of the run; it grows, with gaps.
    pub seq: u64,
    /// The step's number.
    pub step_number: u32,
    /// The step of the workflow's version.
    pub step_id: StepId,
    /// The tool that it calls.
    pub tool: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub status: StepStatus,
    /// The call; none where it was never started.
    pub call: Option<CallId>,
    /// What the world can notice of the call.
    pub class: Option<Class>,
    /// The arguments, filled in; none where it was never started.
    pub arguments: Option<Sealed<Value>>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// The kind of failure, or of doubt, in snake case.
    pub error_code: Option<String>,
    /// What went wrong, in words.
    pub error: Option<Sealed<String>>,
    /// When the step is tried again, if it is.
    pub retry_at: Option<DateTime<Utc>>,
    /// Until when it sleeps or slept.
    pub until: Option<DateTime<Utc>>,
    /// When it began, or was found impossible to begin.
    pub started_at: DateTime<Utc>,
    /// When it came to an end.
    pub completed_at: Option<DateTime<Utc>>,
}

macro_rules! select_executions {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, workflow, workflow_version, began, status, trigger, input,
             failed_step, started_at, completed_at, version, position FROM executions ",
            $rest
        )
    };
}

/// A run as its own row has it, without what its steps add.
fn execution(row: &Row<'_>) -> rusqlite::Result<ExecutionView> {
    Ok(ExecutionView {
        id: ExecutionId(row.get(0)?),
        account: AccountId(row.get(1)?),
        workflow: WorkflowId(row.get(2)?),
        workflow_version: row.get(3)?,
        began: Position(row.get(4)?),
        status: row.get::<_, Word<_>>(5)?.0,
        in_doubt: false,
        trigger: row.get(6)?,
        input: row.get::<_, Json<_>>(7)?.0,
        results: Vec::new(),
        failed_step: row.get(8)?,
        error: None,
        started_at: row.get::<_, Micros>(9)?.0,
        completed_at: row.get::<_, Option<Micros>>(10)?.map(|at| at.0),
        version: Version(row.get(11)?),
        position: Position(row.get(12)?),
    })
}

const OUTCOMES: &str = "SELECT step, status, result, error, version, position FROM steps
     WHERE execution = ?1 ORDER BY seq";

/// Adds what a run's steps say of it.
fn add_outcomes(
    outcomes: &mut CachedStatement<'_>,
    mut view: ExecutionView,
) -> rusqlite::Result<ExecutionView> {
    let mut rows = outcomes.query([view.id.0])?;
    let mut newest_error = None;
    while let Some(row) = rows.next()? {
        let status = row.get::<_, Word<StepStatus>>(1)?.0;
        if status == StepStatus::Completed {
            view.results.push((row.get(0)?, row.get::<_, Json<_>>(2)?.0));
        }
        view.in_doubt = status == StepStatus::InDoubt;
        newest_error = row.get::<_, Option<Json<_>>>(3)?.map(|error| error.0);
        view.version = view.version.max(Version(row.get(4)?));
        view.position = view.position.max(Position(row.get(5)?));
    }
    view.error = newest_error.filter(|_| view.status == Status::Failed);
    Ok(view)
}

/// The run with this id.
pub fn get(views: &Connection, id: ExecutionId) -> rusqlite::Result<Option<ExecutionView>> {
    let row = views
        .prepare_cached(select_executions!("WHERE id = ?1"))?
        .query_row([id.0], execution)
        .optional()?;
    let mut outcomes = views.prepare_cached(OUTCOMES)?;
    row.map(|view| add_outcomes(&mut outcomes, view)).transpose()
}

/// An account's runs, newest first: those that began before a position (or up to now), at
/// most `limit`.
pub fn list(
    views: &Connection,
    account: AccountId,
    before: Option<Position>,
    limit: Option<u32>,
) -> rusqlite::Result<Vec<ExecutionView>> {
    let statement =
        select_executions!("WHERE account = ?1 AND began < ?2 ORDER BY began DESC LIMIT ?3");
    let (before, limit) = page(before, limit);
    let mut outcomes = views.prepare_cached(OUTCOMES)?;
    views
        .prepare_cached(statement)?
        .query_map(params![account.0, before, limit], execution)?
        .map(|view| add_outcomes(&mut outcomes, view?))
        .collect()
}

/// As [`list`], of one workflow. Another account's workflow has none.
pub fn list_of_workflow(
    views: &Connection,
    account: AccountId,
    workflow: WorkflowId,
    before: Option<Position>,
    limit: Option<u32>,
) -> rusqlite::Result<Vec<ExecutionView>> {
    let statement = select_executions!(
        "WHERE workflow = ?1 AND +account = ?4 AND began < ?2 ORDER BY began DESC LIMIT ?3"
    );
    let (before, limit) = page(before, limit);
    let mut outcomes = views.prepare_cached(OUTCOMES)?;
    views
        .prepare_cached(statement)?
        .query_map(params![workflow.0, before, limit, account.0], execution)?
        .map(|view| add_outcomes(&mut outcomes, view?))
        .collect()
}

/// Bounds as SQLite takes them: a position above all, and -1 for no limit.
fn page(before: Option<Position>, limit: Option<u32>) -> (i64, i64) {
    let before = before.and_then(|position| i64::try_from(position.0).ok());
    (before.unwrap_or(i64::MAX), limit.map_or(-1, i64::from))
}

/// Every try of every step of a run, in order; empty where there is no such run.
pub fn steps(views: &Connection, id: ExecutionId) -> rusqlite::Result<Vec<StepView>> {
    let plan = views
        .prepare_cached("SELECT plan FROM executions WHERE id = ?1")?
        .query_row([id.0], |row| Ok(row.get::<_, Json<Vec<(u32, StepId, String)>>>(0)?.0))
        .optional()?;
    let plan: HashMap<_, _> = plan
        .unwrap_or_default()
        .into_iter()
        .map(|(number, id, tool)| (number, (id, tool)))
        .collect();
    views
        .prepare_cached(
            "SELECT seq, step, attempt, status, call, class, arguments, result, error_code, error,
             retry_at, until, started_at, completed_at FROM steps
             WHERE execution = ?1 ORDER BY seq",
        )?
        .query_map([id.0], |row| step(row, &plan))?
        .collect()
}

fn step(row: &Row<'_>, plan: &HashMap<u32, (StepId, String)>) -> rusqlite::Result<StepView> {
    let step_number = row.get(1)?;
    let (step_id, tool) =
        plan.get(&step_number).cloned().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let sealed = |column| {
        Ok::<_, rusqlite::Error>(row.get::<_, Option<Json<_>>>(column)?.map(|json| json.0))
    };
    let moment =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Micros>>(column)?.map(|at| at.0));
    Ok(StepView {
        seq: row.get(0)?,
        step_number,
        step_id,
        tool,
        attempt: row.get(2)?,
        status: row.get::<_, Word<_>>(3)?.0,
        call: row.get::<_, Option<_>>(4)?.map(CallId),
        class: row.get::<_, Option<Word<_>>>(5)?.map(|class| class.0),
        arguments: sealed(6)?,
        result: sealed(7)?,
        error_code: row.get(8)?,
        error: row.get::<_, Option<Json<_>>>(9)?.map(|json| json.0),
        retry_at: moment(10)?,
        until: moment(11)?,
        started_at: row.get::<_, Micros>(12)?.0,
        completed_at: moment(13)?,
    })
}
