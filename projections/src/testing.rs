//! What the tests of this crate share: a log in memory, sample events, and dumps of tables.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use hub_events::execution::{self, PlannedStep, Started, StepStarted, StepSucceeded};
use hub_events::fact::Fact;
use hub_events::id::{AccountId, CallId, ExecutionId, StepId, StreamId, WorkflowId};
use hub_events::log::memory::Memory;
use hub_events::log::{Append, Log, NewEvent};
use hub_events::sealed::{KeyId, Sealed};
use hub_events::testing::epoch;
use hub_events::{Actor, Class, Context, Event, Position, Recorded, Version};
use rusqlite::Connection;
use rusqlite::types::Value;
use uuid::Uuid;

use crate::generation::{Generation, decode};
use crate::projection::Models;

/// A log in memory that is written to without waiting.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Memory>);

impl Default for Kept {
    fn default() -> Self {
        Self(Memory::new())
    }
}

impl Kept {
    /// Adds events to a stream, `seconds` after the beginning.
    pub(crate) fn add<E: Event>(
        &self,
        stream: &StreamId,
        account: AccountId,
        seconds: i64,
        happened: &[E],
    ) -> Position {
        let new = happened.iter().map(|event| NewEvent::of(event).unwrap()).collect();
        self.add_new(stream, account, seconds, new)
    }

    /// As [`Kept::add`], of events that need not be understood.
    pub(crate) fn add_new(
        &self,
        stream: &StreamId,
        account: AccountId,
        seconds: i64,
        events: Vec<NewEvent>,
    ) -> Position {
        let before = self.0.read_stream(stream, Version(0), usize::MAX).now_or_never().unwrap();
        let context = Context {
            at: moment(seconds),
            account: Some(account),
            actor: Actor::Account(account),
            correlation: Uuid::from_u128(7),
            causation: None,
        };
        let expected = Version(before.unwrap().len() as u64);
        let append = Append { stream: stream.clone(), expected, events, context, command: None };
        self.0.append(append).now_or_never().unwrap().unwrap().position
    }

    /// Events after a position.
    pub(crate) fn after(&self, after: Position) -> Vec<Recorded> {
        self.0.read_all(after, usize::MAX).now_or_never().unwrap().unwrap()
    }

    pub(crate) fn head(&self) -> Position {
        self.0.head()
    }

    /// For those who take any log.
    pub(crate) fn shared(&self) -> Arc<dyn Log> {
        Arc::clone(&self.0) as Arc<dyn Log>
    }
}

/// So many seconds after the beginning.
pub(crate) fn moment(seconds: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::seconds(seconds)
}

/// Sealed content that can be told apart.
pub(crate) fn sealed<T>(content: u8) -> Sealed<T> {
    Sealed::inline(KeyId(1), vec![content; 40].into())
}

/// The beginning of a run with steps 1 to `steps`.
pub(crate) fn started(execution: i64, account: i64, steps: u32) -> Started {
    let step = |number: u32| PlannedStep {
        id: StepId(i64::from(number) + 100),
        number,
        tool: "set_variables".to_owned(),
        max_retries: 2,
        retry_delay_ms: 1_000,
        timeout_s: 60,
    };
    Started {
        execution: ExecutionId(execution),
        account: AccountId(account),
        workflow: WorkflowId(5),
        workflow_version: 1,
        trigger: "manual".to_owned(),
        plan: (1..=steps).map(step).collect(),
        input: sealed(0),
    }
}

/// A try of a step begins.
pub(crate) fn step_started(step: u32, attempt: u32) -> StepStarted {
    let call = CallId(Uuid::from_u128(u128::from(step) << 32 | u128::from(attempt)));
    StepStarted { step, attempt, call, class: Class::Read, connection: None, arguments: sealed(1) }
}

/// All that happens in a run of which every step succeeds.
pub(crate) fn whole_run(execution: i64, account: i64, steps: u32) -> Vec<execution::Event> {
    let step = |step| {
        [
            execution::Event::StepStarted(step_started(step, 1)),
            execution::Event::StepSucceeded(StepSucceeded { step, result: sealed(2) }),
        ]
    };
    let begun = execution::Event::Started(started(execution, account, steps));
    let done = execution::Event::Completed(execution::Completed {});
    std::iter::once(begun).chain((1..=steps).flat_map(step)).chain([done]).collect()
}

/// Read models in memory, with these events taken in.
pub(crate) fn folded(models: Models, log: &Kept) -> Generation {
    let mut generation = Generation::in_memory(models);
    generation.take(&decode(log.after(Position(0))).unwrap()).unwrap();
    generation
}

/// Every row of every table, in the tables' own order.
pub(crate) fn dump(views: &Connection) -> rusqlite::Result<Vec<(String, Vec<Vec<Value>>)>> {
    let mut names = views.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY name",
    )?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let dump = |name: String| {
        let mut rows = views.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2"))?;
        let columns = rows.column_count();
        let rows = rows
            .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?
            .collect::<rusqlite::Result<Vec<Vec<Value>>>>()?;
        Ok((name, rows))
    };
    names.into_iter().map(dump).collect()
}

impl Generation {
    /// One that is kept in memory.
    pub(crate) fn in_memory(models: Models) -> Self {
        Self::with(Connection::open_in_memory().unwrap(), models).unwrap()
    }

    /// Takes in what just happened to one stream.
    pub(crate) fn record<E: Event>(
        &mut self,
        log: &Kept,
        stream: &StreamId,
        seconds: i64,
        new: &[E],
    ) {
        let before = log.head();
        log.add(stream, AccountId(1), seconds, new);
        let new: Vec<(Recorded, Fact)> = decode(log.after(before)).unwrap();
        self.take(&new).unwrap();
    }
}
