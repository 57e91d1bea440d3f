//! The actors: one for each thing that has something to wait for, while it has.
//!
//! `entity` is the one actor, `directory` finds or starts it, `alarms` wakes it when a moment
//! has come. Never here: rules (deciders) or what an effect does (`effects`).

mod alarms;
mod directory;
mod entity;

use std::sync::Arc;

use actix::Arbiter;
use hub_events::call::Call;
use hub_events::conversation::Conversation;
use hub_events::execution::Execution;
use hub_events::id::StreamId;
use hub_projections::{ViewError, Views, unfinished};

use crate::effects::Outside;

pub use alarms::Alarms;
pub use directory::{Asked, Directory, Limits, Tell};
use directory::{Kind, Shared};
pub use entity::{Accepted, AskError};

/// Every actor of this process.
pub struct Actors {
    /// Runs of workflows.
    pub executions: Arc<Directory<Execution>>,
    /// Conversations.
    pub conversations: Arc<Directory<Conversation>>,
    /// Calls that somebody asked for directly.
    pub calls: Arc<Directory<Call>>,
    /// All of them, where the kind does not matter.
    kinds: Vec<Arc<dyn Kind>>,
    alarms: Arc<Alarms>,
}

impl std::fmt::Debug for Actors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let live = self.kinds.iter().map(|kind| (kind.name(), kind.live()));
        f.debug_map().entries(live).finish()
    }
}

/// How many unfinished things are resumed at a time when the process starts.
const RESUMED_AT_ONCE: usize = 64;

impl Actors {
    /// Makes the places for actors. Nothing runs until [`Actors::resume`].
    pub fn new(outside: Arc<Outside>, views: Arc<Views>, limits: Limits) -> Arc<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let arbiters: Vec<_> = (0..threads).map(|_| Arbiter::new().handle()).collect();
        let alarms = Alarms::new(outside.clock.clone(), Arc::clone(&outside.log), views);
        let shared = Shared { outside, arbiters, alarms: Arc::clone(&alarms), limits };
        let executions = Directory::new(shared.clone());
        let conversations = Directory::new(shared.clone());
        let calls = Directory::new(shared);
        let kinds: Vec<Arc<dyn Kind>> =
            vec![executions.clone(), conversations.clone(), calls.clone()];
        Arc::new(Self { executions, conversations, calls, kinds, alarms })
    }

    /// Starts whatever is unfinished, and the alarms. Answers when everything that was ready at
    /// the start is under way; alarms go on in the background.
    pub async fn resume(self: &Arc<Self>, views: &Views) -> Result<(), ViewError> {
        let alarms = Arc::clone(&self.alarms);
        let actors = Arc::clone(self);
        actix_rt::spawn(async move {
            alarms.run(|stream| actors.nudge(stream)).await;
        });
        let ready = views.read(unfinished::ready)?;
        if !ready.is_empty() {
            tracing::info!(count = ready.len(), "resuming what was unfinished");
        }
        for some in ready.chunks(RESUMED_AT_ONCE) {
            let nudges = some.iter().map(|waiting| self.resume_one(&waiting.stream));
            futures_util::future::join_all(nudges).await;
        }
        Ok(())
    }

    /// How many actors there are.
    pub fn live(&self) -> usize {
        self.kinds.iter().map(|kind| kind.live()).sum()
    }

    async fn resume_one(&self, stream: &StreamId) {
        if let Some(kind) = self.kinds.iter().find(|kind| kind.name() == stream.kind()) {
            kind.nudge(stream).await;
        }
    }

    /// Has a thing look at what it waits for, in the background.
    fn nudge(self: &Arc<Self>, stream: StreamId) {
        let actors = Arc::clone(self);
        actix_rt::spawn(async move { actors.resume_one(&stream).await });
    }

    /// Starts nothing new, and waits a while for what is under way to come to an end. What does
    /// not is resumed at the next start.
    pub async fn wind_down(&self, patience: std::time::Duration) {
        let ended = self.kinds.iter().map(|kind| kind.wind_down(patience));
        futures_util::future::join_all(ended).await;
    }
}

#[cfg(test)]
mod tests;
