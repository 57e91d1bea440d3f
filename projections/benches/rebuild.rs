//! How fast all read models are computed anew, and how fast they follow.
//!
//! Writes a log of three-step runs, 64 of them side by side, into a temporary directory, and
//! then times `rebuild` over it and a catch-up of fresh views. The number of runs is the first
//! argument: `cargo bench -p hub-projections --bench rebuild -- 100000`.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures_util::StreamExt;
use hub_events::execution::{Completed, Event, PlannedStep, Started, StepStarted, StepSucceeded};
use hub_events::id::{AccountId, CallId, ExecutionId, StepId, WorkflowId};
use hub_events::log::sqlite::Sqlite;
use hub_events::log::{Append, Log, NewEvent};
use hub_events::sealed::{KeyId, Sealed};
use hub_events::{Actor, Class, Context, Version};
use hub_projections::{Views, rebuild};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ACCOUNTS: i64 = 50;
const SIDE_BY_SIDE: usize = 64;

/// What a sealed value of this many bytes looks like.
fn sealed<T>(bytes: usize) -> Sealed<T> {
    Sealed::inline(KeyId(1), vec![0x5a; bytes].into())
}

/// The appends of one run, as its actor makes them.
fn appends(run: i64) -> Vec<Vec<Event>> {
    let step = |number: u32| PlannedStep {
        id: StepId(i64::from(number)),
        number,
        tool: "set_variables".to_owned(),
        max_retries: 3,
        retry_delay_ms: 5_000,
        timeout_s: 30,
    };
    let begun = Event::Started(Started {
        execution: ExecutionId(run),
        account: AccountId(run % ACCOUNTS + 1),
        workflow: WorkflowId(run % 200 + 1),
        workflow_version: 1,
        trigger: "manual".to_owned(),
        plan: (1..=3).map(step).collect(),
        input: sealed(90),
    });
    let mut appends = vec![vec![begun]];
    for step in 1..=3 {
        let call = CallId(Uuid::from_u128((run as u128) << 32 | u128::from(step)));
        let class = Class::Read;
        let started =
            StepStarted { step, attempt: 1, call, class, connection: None, arguments: sealed(120) };
        appends.push(vec![Event::StepStarted(started)]);
        appends.push(vec![Event::StepSucceeded(StepSucceeded { step, result: sealed(150) })]);
    }
    if let Some(last) = appends.last_mut() {
        last.push(Event::Completed(Completed {}));
    }
    appends
}

async fn write(log: &dyn Log, run: i64) -> Outcome<()> {
    let account = AccountId(run % ACCOUNTS + 1);
    let mut expected = Version(0);
    for events in appends(run) {
        let context = Context {
            at: Utc::now() + TimeDelta::seconds(run),
            account: Some(account),
            actor: Actor::Account(account),
            correlation: Uuid::from_u128(run as u128),
            causation: None,
        };
        let append = Append {
            stream: ExecutionId(run).stream(),
            expected,
            events: events.iter().map(NewEvent::of).collect::<Result<_, _>>()?,
            context,
            command: None,
        };
        expected = log.append(append).await?.version;
    }
    Ok(())
}

fn print(what: &str, events: u64, took: Duration) {
    let speed = events as f64 / took.as_secs_f64();
    println!("{what}: {events} events in {:.2} s, {speed:.0} events/s", took.as_secs_f64());
}

fn size(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

fn main() -> Outcome<()> {
    let runs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(50_000);
    let directory = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log: Arc<dyn Log> = Sqlite::open(&directory.path().join("log.db"))?;

    let began = Instant::now();
    runtime.block_on(async {
        let mut writing = futures_util::stream::iter(1..=runs)
            .map(|run| write(&*log, run))
            .buffer_unordered(SIDE_BY_SIDE);
        while let Some(written) = writing.next().await {
            written?;
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    })?;
    let head = log.head();
    print("log", head.0, began.elapsed());

    let places = ["rebuilt", "followed"].map(|name| directory.path().join(name));
    places.iter().try_for_each(std::fs::create_dir)?;
    let [rebuilt, followed] = &places;

    let began = Instant::now();
    let events = rebuild(Arc::clone(&log), rebuilt, &mut |_, _| {})?;
    print("rebuild", events, began.elapsed());
    println!("rebuild: {} bytes per event", size(rebuilt)? / events.max(1));

    let began = Instant::now();
    let views = Views::start(Arc::clone(&log), followed)?;
    runtime.block_on(async {
        while views.wait_for(head).await.is_err() && views.stopped().is_none() {}
    });
    print("catch-up", views.applied().0, began.elapsed());
    Ok(())
}
