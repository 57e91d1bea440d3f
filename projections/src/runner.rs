//! The thread that follows the log and writes what happened into the read models.
//!
//! Each batch is one transaction that also moves the checkpoint, so every event is taken in
//! exactly once. An event that cannot be taken in stops the thread; none is ever passed over.
//! Never here: what an event changes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt;
use hub_events::decider::Decider;
use hub_events::fact::Fact;
use hub_events::id::{AccountId, CallId, ConnectionId, ConversationId, ExecutionId, WorkflowId};
use hub_events::log::{Log, ReadError};
use hub_events::recorded::{Position, Recorded};
use hub_events::{checkpoint, claim, collection, counter};
use tokio::sync::oneshot;

use crate::generation::{self, Checkpoint, Generation, TakeError};
use crate::projection::Models;
use crate::reached::{Reached, Topic};
use crate::views::StartError;

/// How many batches that wait at the same time become one transaction.
const BATCHES: usize = 64;

/// How long to pause before a log that could not be read is followed again.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the thread does not go on.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error(transparent)]
    Damaged(ReadError),
    #[error("the log can be followed no longer")]
    Ended,
}

/// Tells those who wait that the thread is no more, however it came to its end.
struct Ending(Arc<Reached>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.stop("the views follow the log no longer".into());
    }
}

/// Starts the thread, and answers once its file can be read. It ends when `stopping` does.
pub(crate) fn start(
    log: Arc<dyn Log>,
    path: PathBuf,
    models: Models,
    reached: Arc<Reached>,
    stopping: oneshot::Receiver<()>,
) -> Result<JoinHandle<()>, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (opened, opening) = mpsc::sync_channel(1);
    let runner = thread::Builder::new().name("views".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let (generation, checkpoint) = match open(&*log, &path, models).await {
                Ok(found) => found,
                Err(error) => return drop(opened.send(Err(error))),
            };
            reached.begin(checkpoint.position);
            let _ending = Ending(Arc::clone(&reached));
            let mut runner = Runner { generation, path, goal: Some(log.head()), reached };
            runner.settle(checkpoint.position);
            let _ = opened.send(Ok(()));
            let end = tokio::select! {
                _ = stopping => None,
                end = runner.follow(&*log, checkpoint.position) => end.err(),
            };
            if let Some(end) = end {
                runner.stop(&end);
            }
        });
    })?;
    // A thread that ends without an answer has panicked.
    let died = || std::io::Error::other("the thread of the views ended at once");
    opening.recv().map_err(|_| died())??;
    Ok(runner)
}

/// Opens the file, and begins a new one where its events are not this log's.
async fn open(
    log: &dyn Log,
    path: &Path,
    models: Models,
) -> Result<(Generation, Checkpoint), StartError> {
    let generation = Generation::open(path, models)?;
    let checkpoint = generation.checkpoint().map_err(StartError::Sql)?;
    if is_of(log, checkpoint).await? {
        return Ok((generation, checkpoint));
    }
    tracing::warn!(position = checkpoint.position.0, "views.of_another_history");
    drop(generation);
    generation::remove(path)?;
    Ok((Generation::open(path, models)?, Checkpoint::default()))
}

/// Whether the log has the event at which views stand. It has not when it was restored from
/// an older copy, even if it has grown since.
async fn is_of(log: &dyn Log, checkpoint: Checkpoint) -> Result<bool, ReadError> {
    let Checkpoint { position, hash } = checkpoint;
    if position == Position::default() {
        return Ok(true);
    }
    Ok(log.read_at(position).await?.is_some_and(|event| event.hash == hash))
}

struct Runner {
    generation: Generation,
    path: PathBuf,
    /// The log's head at the start, until it is reached.
    goal: Option<Position>,
    reached: Arc<Reached>,
}

impl Runner {
    /// Follows the log for as long as that goes well.
    async fn follow(&mut self, log: &dyn Log, mut after: Position) -> Result<Infallible, Stopped> {
        loop {
            let mut batches = log.follow(after).ready_chunks(BATCHES);
            let failure = loop {
                let ready = batches.next().await.ok_or(Stopped::Ended)?;
                let mut failure = None;
                let good: Vec<_> = ready
                    .into_iter()
                    .map_while(|batch| batch.map_err(|error| failure = Some(error)).ok())
                    .collect();
                after = self.take(good.iter().flat_map(|batch| batch.iter()))?.unwrap_or(after);
                if let Some(failure) = failure {
                    break failure;
                }
            };
            if let ReadError::Damaged { .. } = failure {
                return Err(Stopped::Damaged(failure));
            }
            tracing::warn!(error = %failure, position = after.0, "views.log_unreadable");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes events in and makes that known; answers with the position of the last.
    fn take<'a>(
        &mut self,
        events: impl Iterator<Item = &'a Recorded>,
    ) -> Result<Option<Position>, TakeError> {
        let events = generation::decode(events)?;
        let Some((last, _)) = events.last() else { return Ok(None) };
        self.generation.take(&events)?;
        let touched: HashMap<_, _> = events
            .iter()
            .filter_map(|(event, fact)| Some((topic(event.context.account?, fact), event.position)))
            .collect();
        self.settle(last.position);
        self.reached.advance(last.position, touched);
        Ok(Some(last.position))
    }

    /// Once what was on record at the start is in, the files of other builds are of no use.
    fn settle(&mut self, position: Position) {
        if self.goal.is_some_and(|goal| goal <= position) {
            self.goal = None;
            self.reached.catch_up();
            if let Err(error) = generation::remove_others(&self.path) {
                tracing::warn!(%error, "views.old_files_kept");
            }
        }
    }

    /// A damaged file is removed, so that the next start begins anew.
    fn stop(self, end: &Stopped) {
        tracing::error!(error = %end, "views.stopped");
        if let Stopped::Take(error) = end
            && error.is_damage()
            && let Err(error) = generation::remove(&self.path)
        {
            tracing::error!(%error, "views.damaged_file_kept");
        }
        self.reached.stop(end.to_string().into());
    }
}

fn topic(account: AccountId, fact: &Fact) -> Topic {
    let kind = match fact {
        Fact::Execution(_) => ExecutionId::KIND,
        Fact::Call(_) => CallId::KIND,
        Fact::Workflow(_) => WorkflowId::KIND,
        Fact::Account(_) => AccountId::KIND,
        Fact::Collection(_) => collection::Collection::KIND,
        Fact::Counter(_) => counter::Counter::KIND,
        Fact::Claim(_) => claim::Claim::KIND,
        Fact::Connection(_) => ConnectionId::KIND,
        Fact::Conversation(_) => ConversationId::KIND,
        Fact::Checkpoint(_) => checkpoint::Checkpoints::KIND,
    };
    (kind, account)
}
