#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::test::TestRequest;
use actix_web::web::Data;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use hub_events::execution::{Command, PlannedStep, Started};
use hub_events::id::{ExecutionId, StepId, WorkflowId};
use hub_events::log::{
    Append, AppendError, Appended, CommandKey, Log, ReadError, Remembered, Snapshot,
};
use hub_events::{Class, Decider as _, Position, Recorded, Version};
use serde_json::{Value, json};

use super::*;
use crate::Hub;
use crate::accounts::{OWNER, by_operator};
use crate::http::testing::{self, OWNER_KEY, send};
use crate::tools::{Call, Card, Outcome, Registry, Source, Tool};
use crate::transact::transact;

/// A log whose runs cannot be read for the first so many times.
struct Shaky {
    log: Arc<dyn Log>,
    faults: AtomicUsize,
}

fn one_less(left: &AtomicUsize) -> bool {
    let less = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
}

impl Log for Shaky {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, AppendError>> {
        self.log.append(append)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        if stream.kind() == Execution::KIND && one_less(&self.faults) {
            return Box::pin(async { Err(ReadError::Engine("a test wants it so".into())) });
        }
        self.log.read_stream(stream, after, limit)
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> {
        self.log.read_all(after, limit)
    }

    fn follow(&self, after: Position) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
        self.log.follow(after)
    }

    fn read_at(
        &self,
        position: Position,
    ) -> BoxFuture<'static, Result<Option<Recorded>, ReadError>> {
        self.log.read_at(position)
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn is_gapless(&self) -> bool {
        self.log.is_gapless()
    }

    fn remembered(
        &self,
        key: CommandKey,
    ) -> BoxFuture<'static, Result<Option<Remembered>, ReadError>> {
        self.log.remembered(key)
    }

    fn save_snapshot(&self, snapshot: Snapshot) {
        self.log.save_snapshot(snapshot);
    }

    fn load_snapshot(
        &self,
        stream: &StreamId,
        state_version: u32,
    ) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>> {
        self.log.load_snapshot(stream, state_version)
    }

    fn refusing(&self) -> Option<Arc<str>> {
        self.log.refusing()
    }
}

/// A tool that takes its effect down for the first so many times.
struct Panicking {
    card: Card,
    panics: Arc<AtomicUsize>,
}

impl Tool for Panicking {
    fn card(&self) -> &Card {
        &self.card
    }

    fn class(&self, _: &Value) -> Class {
        assert!(!one_less(&self.panics), "a test wants it so");
        Class::Read
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { Outcome::Done(call.arguments) })
    }
}

struct Given {
    hub: Data<Hub>,
    actors: Arc<Actors>,
    log: Arc<Shaky>,
    panics: Arc<AtomicUsize>,
    begin: Command,
    stream: StreamId,
}

/// A run of one step that is about to begin, where so many things go wrong first.
async fn given(directory: &Path, faults: usize, panics: usize) -> Given {
    let hub = testing::hub(directory, |_| {}).await;
    let steps = json!([{ "tool_name": "panicking" }]);
    let body = json!({ "workflow_name": "one step", "description": "", "steps": steps });
    let request = TestRequest::post().uri("/workflows/create-from-steps").set_json(body);
    let made = send(&hub, testing::with(OWNER_KEY, request)).await;
    let workflow = WorkflowId(made.json()["data"]["id"].as_i64().unwrap());

    let log = Arc::new(Shaky { log: Arc::clone(&hub.log), faults: AtomicUsize::new(faults) });
    let panics = Arc::new(AtomicUsize::new(panics));
    let schema = json!({ "type": "object" });
    let card = Card::new("panicking", "tests", "", schema);
    let tools = Arc::new(Registry::default());
    let panicking = Arc::new(Panicking { card, panics: Arc::clone(&panics) });
    tools.fill(Source::Hub, vec![panicking]).unwrap();
    let outside = Outside { log: Arc::<Shaky>::clone(&log), tools, ..(*hub.outside).clone() };
    let limits =
        Limits { per_entity: 8, in_all: 8, effects: 8, idle_after: Duration::from_secs(60) };
    let actors = Actors::new(Arc::new(outside), Arc::clone(&hub.views), limits);
    let execution = ExecutionId(7);
    let step = PlannedStep {
        id: StepId(1),
        number: 1,
        tool: "panicking".to_owned(),
        max_retries: 0,
        retry_delay_ms: 0,
        timeout_s: 30,
    };
    let begin = Command::Begin(Started {
        execution,
        account: OWNER,
        workflow,
        workflow_version: 1,
        trigger: "manual".to_owned(),
        plan: vec![step],
        input: hub.vault.seal(OWNER, &serde_json::Map::new()).await.unwrap(),
    });
    Given { hub, actors, log, panics, begin, stream: execution.stream() }
}

impl Given {
    /// Lets time pass until the run is completed, without asking its actor.
    async fn until_completed(&self) {
        for _ in 0..3_000 {
            let events = self.hub.log.read_stream(&self.stream, Version(0), 100).await.unwrap();
            if events.iter().any(|event| &*event.event_type == "execution.completed") {
                return;
            }
            self.hub.clock.advance(TimeDelta::seconds(1));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the run is not completed");
    }
}

#[actix_web::test]
async fn an_effect_that_panics_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let given = given(directory.path(), 0, 2).await;
    given.actors.resume(&given.hub.views).await.unwrap();
    let context = by_operator(&given.hub, OWNER);
    let command = given.begin.clone();
    let tell = Tell { command, context, once: None, fresh: true };
    given.actors.executions.ask(&given.stream, tell).await.unwrap();
    given.until_completed().await;
    assert_eq!(given.panics.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn an_actor_that_cannot_be_loaded_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let given = given(directory.path(), 2, 0).await;
    let (log, context) = (&given.hub.log, by_operator(&given.hub, OWNER));
    transact::<Execution>(log, &given.stream, given.begin.clone(), context).await.unwrap();
    given.hub.read_your_writes().await.unwrap();
    given.actors.resume(&given.hub.views).await.unwrap();
    given.until_completed().await;
    assert_eq!(given.log.faults.load(Ordering::Relaxed), 0);
}
