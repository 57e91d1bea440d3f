//! From a name to its actor: finds it or starts it, counts who asks, and brings back what died.
//!
//! Actix bounds nothing for those who hold an address, so permits are counted here: per thing
//! and in all. Never here: what is asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor as _, Addr, ArbiterHandle, MailboxError, Message};
use futures_util::future::LocalBoxFuture;
use hub_events::Context;
use hub_events::id::StreamId;
use hub_events::log;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Alarms;
use super::entity::{Accepted, Ask, AskError, Entity, Nudge, Settle};
use crate::effects::{Effectful, Outside};

/// How much may go on at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Questions to one thing.
    pub per_entity: usize,
    /// Questions in all.
    pub in_all: usize,
    /// Effects in flight in all.
    pub effects: usize,
    /// How long an actor stays without work.
    pub idle_after: Duration,
}

/// What is asked of a thing.
#[derive(Clone, Debug)]
pub struct Tell<C> {
    /// The command.
    pub command: C,
    /// When, for whom, by whom and why.
    pub context: Context,
    /// Makes it take effect once.
    pub once: Option<log::Command>,
    /// Whether the thing is known to be new, so that there is nothing to read.
    pub fresh: bool,
}

/// What came of it.
pub type Asked = Result<Accepted, AskError>;

/// What every actor of a kind shares.
pub(super) struct Place<D: Effectful> {
    pub(super) outside: Arc<Outside>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) limits: Limits,
    effects: Semaphore,
    winding_down: AtomicBool,
    live: Mutex<HashMap<StreamId, Live<D>>>,
}

struct Live<D: Effectful> {
    address: Addr<Entity<D>>,
    /// How many questions are on their way to it or wait for an answer.
    asking: usize,
}

impl<D: Effectful> Place<D> {
    /// Forgets an actor that has nothing to do; not where a question is on its way to it.
    pub(super) fn retire(&self, stream: &StreamId) -> bool {
        let mut live = self.live.lock();
        match live.get(stream) {
            Some(entry) if entry.asking > 0 => false,
            _ => {
                live.remove(stream);
                true
            }
        }
    }

    /// Forgets an actor that ended, unless another has its name already.
    pub(super) fn gone(&self, stream: &StreamId) {
        let mut live = self.live.lock();
        if live.get(stream).is_some_and(|entry| !entry.address.connected()) {
            live.remove(stream);
        }
    }

    pub(super) fn is_winding_down(&self) -> bool {
        self.winding_down.load(Ordering::Relaxed)
    }

    pub(super) async fn effect_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.effects.acquire().await.ok()
    }
}

/// What the actors of every kind are made with.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) outside: Arc<Outside>,
    /// The threads on which they live.
    pub(super) arbiters: Vec<ArbiterHandle>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) limits: Limits,
}

/// The actors of one kind, whichever it is.
pub(super) trait Kind: Send + Sync {
    /// What stands before the hyphen in their streams' names.
    fn name(&self) -> &'static str;
    /// How many there are.
    fn live(&self) -> usize;
    /// Has one look at what it waits for.
    fn nudge<'a>(&'a self, stream: &'a StreamId) -> LocalBoxFuture<'a, ()>;
    /// Starts no more effects, and waits a while for those in flight.
    fn wind_down(&self, patience: Duration) -> LocalBoxFuture<'_, ()>;
}

impl<D: Effectful> Kind for Directory<D> {
    fn name(&self) -> &'static str {
        D::KIND
    }

    fn live(&self) -> usize {
        self.place.live.lock().len()
    }

    fn nudge<'a>(&'a self, stream: &'a StreamId) -> LocalBoxFuture<'a, ()> {
        Box::pin(self.wake(stream))
    }

    fn wind_down(&self, patience: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.rest(patience))
    }
}

/// The actors of one kind.
pub struct Directory<D: Effectful> {
    place: Arc<Place<D>>,
    arbiters: Vec<ArbiterHandle>,
    asking: AtomicUsize,
    next: AtomicUsize,
}

/// A question under way; its end is counted whichever way it ends.
struct Asking<'a, D: Effectful> {
    directory: &'a Directory<D>,
    stream: &'a StreamId,
}

impl<D: Effectful> Drop for Asking<'_, D> {
    fn drop(&mut self) {
        self.directory.asking.fetch_sub(1, Ordering::Relaxed);
        if let Some(entry) = self.directory.place.live.lock().get_mut(self.stream) {
            entry.asking = entry.asking.saturating_sub(1);
        }
    }
}

impl<D: Effectful> Directory<D> {
    /// An empty directory.
    pub(super) fn new(shared: Shared) -> Arc<Self> {
        let Shared { outside, arbiters, alarms, limits } = shared;
        let place = Arc::new(Place {
            outside,
            alarms,
            limits,
            effects: Semaphore::new(limits.effects),
            winding_down: AtomicBool::new(false),
            live: Mutex::default(),
        });
        let (asking, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { place, arbiters, asking, next })
    }

    /// Has a thing carry out a command; answers when what follows from it is durable.
    pub async fn ask(&self, stream: &StreamId, tell: Tell<D::Command>) -> Asked {
        let Tell { command, context, once, fresh } = tell;
        self.send(stream, Ask::<D> { command, context, once }, fresh).await
    }

    /// Answers when a thing waits for nothing any more.
    pub async fn settled(&self, stream: &StreamId) -> Asked {
        self.send(stream, Settle, false).await
    }

    /// Leave to carry out one effect elsewhere, counted with those of the actors.
    pub async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.place.effect_permit().await
    }

    /// Has a thing look at what it waits for.
    async fn wake(&self, stream: &StreamId) {
        let Ok((address, _asking)) = self.find(stream, false) else {
            // So much is asked that there is no place now; try again soon.
            let due = self.place.outside.clock.now() + chrono::TimeDelta::seconds(1);
            return self.place.alarms.hold(stream, due);
        };
        if address.send(Nudge).await.is_err() {
            tracing::error!(stream = stream.as_str(), "the actor could not be woken");
        }
    }

    /// Starts no more effects, and waits a while for those in flight.
    async fn rest(&self, patience: Duration) {
        self.place.winding_down.store(true, Ordering::Relaxed);
        let all = u32::try_from(self.place.limits.effects).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(patience, self.place.effects.acquire_many(all)).await;
        if ended.is_err() {
            tracing::info!("some effects are still in flight; they resume at the next start");
        }
    }

    /// Sends to an actor; to a new one where the first ended before it answered. Commands bear
    /// that: what is on record already decides to nothing.
    async fn send<M>(&self, stream: &StreamId, message: M, fresh: bool) -> Asked
    where
        M: Message<Result = Asked> + Clone + Send + 'static,
        Entity<D>: actix::Handler<M> + actix::Actor<Context = actix::Context<Entity<D>>>,
    {
        let (address, asking) = self.find(stream, fresh)?;
        match address.send(message.clone()).await {
            Ok(asked) => return asked,
            Err(MailboxError::Timeout) => return Err(AskError::Busy),
            Err(MailboxError::Closed) => {}
        }
        drop(asking);
        tracing::warn!(stream = stream.as_str(), "the actor ended; it is started again");
        self.place.gone(stream);
        let (address, _asking) = self.find(stream, false)?;
        address.send(message).await.unwrap_or(Err(AskError::Ended))
    }

    /// The actor of a stream, started where there is none, with a permit to ask it.
    fn find<'a>(
        &'a self,
        stream: &'a StreamId,
        fresh: bool,
    ) -> Result<(Addr<Entity<D>>, Asking<'a, D>), AskError> {
        if self.asking.fetch_add(1, Ordering::Relaxed) >= self.place.limits.in_all {
            self.asking.fetch_sub(1, Ordering::Relaxed);
            return Err(AskError::Busy);
        }
        let mut live = self.place.live.lock();
        if live.get(stream).is_some_and(|entry| !entry.address.connected()) {
            live.remove(stream);
        }
        let entry = live
            .entry(stream.clone())
            .or_insert_with(|| Live { address: self.start(stream, fresh), asking: 0 });
        if entry.asking >= self.place.limits.per_entity {
            self.asking.fetch_sub(1, Ordering::Relaxed);
            return Err(AskError::Busy);
        }
        entry.asking += 1;
        Ok((entry.address.clone(), Asking { directory: self, stream }))
    }

    fn start(&self, stream: &StreamId, fresh: bool) -> Addr<Entity<D>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let entity = Entity::new(stream.clone(), Arc::clone(&self.place), fresh);
        match self.arbiters.get(turn % self.arbiters.len().max(1)) {
            Some(arbiter) => Entity::start_in_arbiter(arbiter, move |_| entity),
            None => entity.start(),
        }
    }
}

impl<D: Effectful> std::fmt::Debug for Directory<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("live", &self.place.live.lock().len()).finish()
    }
}
