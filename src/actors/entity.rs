//! The one actor: keeps one thing in memory and appends its events, one command at a time.
//!
//! It loads from the log, decides, appends, evolves, and then reconciles what is in flight with
//! what is pending. Decide, append and evolve run as one: nothing else of this actor runs in
//! between, and the state changes only after the log has said yes. Never here: rules, or what
//! an effect does.

mod load;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::{ActorFutureExt as _, WrapFuture as _, wrap_future};
use actix::{
    Actor, ActorContext as _, AsyncContext as _, AtomicResponse, Context, Handler, Message,
    ResponseFuture, SpawnHandle,
};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use hub_events::fact::DecodeError;
use hub_events::id::StreamId;
use hub_events::log::{self, Append, AppendError, NewEvent, ReadError, Snapshot};
use hub_events::{self as events, Actor as Who, Effect, Position, Refusal, Version};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::directory::Place;
use crate::effects::{Accident, Effectful};
use crate::feed::Signal;

/// A snapshot is kept every so many events.
const SNAPSHOT_EVERY: u64 = 200;

/// The pause before an effect is tried again that could not be carried out at all.
const PAUSE: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// The pause before a thing is read again that could not be read.
const LONG_PAUSE: chrono::TimeDelta = chrono::TimeDelta::seconds(30);

/// The pause before an outcome is offered again to a log that takes nothing.
const OFFER_AGAIN: Duration = Duration::from_secs(1);

/// How often a command is decided again when another node writes to the same stream.
const TRIES: u32 = 8;

/// Where a thing stands after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its version.
    pub version: Version,
    /// The position of its newest event that is known here.
    pub position: Position,
}

/// Why nothing came of what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// An expected no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log did not take it, or may not have.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Too much is asked at present.
    #[error("too many requests are under way")]
    Busy,
    /// The actor ended before it answered.
    #[error("the actor ended before it answered")]
    Ended,
}

/// Asks a thing to do something.
#[derive(Clone, Debug)]
pub(super) struct Ask<D: Effectful> {
    pub(super) command: D::Command,
    pub(super) context: events::Context,
    pub(super) once: Option<log::Command>,
}

impl<D: Effectful> Message for Ask<D> {
    type Result = Result<Accepted, AskError>;
}

/// Answers when the thing waits for nothing any more.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Accepted, AskError>")]
pub(super) struct Settle;

/// Looks again at what is pending.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Nudge;

/// An effect came to its end.
#[derive(Message)]
#[rtype(result = "()")]
struct Finished<D: Effectful> {
    effect: Effect,
    result: Result<D::Command, Accident>,
}

/// One thing.
pub(super) struct Entity<D: Effectful> {
    stream: StreamId,
    place: Arc<Place<D>>,
    /// Whether its stream is known to be empty, so that there is nothing to load.
    fresh: bool,
    state: D,
    at: Accepted,
    correlation: Uuid,
    in_flight: HashMap<Effect, tokio::task::JoinHandle<()>>,
    /// Effects that could not be carried out, and when they are tried again.
    resting: HashMap<Effect, DateTime<Utc>>,
    waiting: Vec<oneshot::Sender<Accepted>>,
    idle: Option<SpawnHandle>,
}

impl<D: Effectful> Actor for Entity<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.place.limits.per_entity);
        if self.fresh {
            self.rest(ctx);
            return;
        }
        let loaded = load::load::<D>(self.stream.clone(), Arc::clone(&self.place));
        ctx.wait(wrap_future(loaded).map(|loaded, entity: &mut Self, ctx| match loaded {
            Ok(loaded) => {
                entity.state = loaded.state;
                entity.at = loaded.at;
                entity.correlation = loaded.correlation;
                entity.reconcile(ctx);
            }
            Err(error) => {
                let stream = entity.stream.as_str();
                tracing::error!(stream, %error, "the actor could not be started");
                // Whether anything is pending is not known, so it is looked at again later.
                entity.place.alarms.hold(&entity.stream, entity.later(LONG_PAUSE));
                ctx.stop();
            }
        }));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.in_flight.drain().for_each(|(_, task)| task.abort());
        self.place.gone(&self.stream);
    }
}

impl<D: Effectful> Entity<D> {
    pub(super) fn new(stream: StreamId, place: Arc<Place<D>>, fresh: bool) -> Self {
        Self {
            stream,
            place,
            fresh,
            state: D::default(),
            at: Accepted { version: Version(0), position: Position(0) },
            correlation: Uuid::nil(),
            in_flight: HashMap::new(),
            resting: HashMap::new(),
            waiting: Vec::new(),
            idle: None,
        }
    }

    /// Decides a command, and makes the append that follows from it; none where nothing does.
    fn decide(&self, ask: &Ask<D>) -> Result<Option<Decided<D>>, AskError> {
        let decided = self.state.decide(ask.command.clone(), ask.context.at)?;
        if decided.is_empty() {
            return Ok(None);
        }
        let encoded: Result<Vec<_>, _> = decided.iter().map(NewEvent::of).collect();
        let events = encoded.map_err(|error| {
            tracing::error!(stream = self.stream.as_str(), %error, "an event has no wire form");
            AskError::Ended
        })?;
        let append = Append {
            stream: self.stream.clone(),
            expected: self.at.version,
            events,
            context: ask.context.clone(),
            command: ask.once,
        };
        Ok(Some((decided, append)))
    }

    /// Has a command decided, appended and folded in, as one.
    fn ask(&mut self, ask: Ask<D>, tries: u32) -> Asking<D> {
        let (decided, append) = match self.decide(&ask) {
            Ok(Some(decided)) => decided,
            Ok(None) => return Box::pin(actix::fut::ready(Ok(self.at))),
            Err(error) => return Box::pin(actix::fut::ready(Err(error))),
        };
        let appending = self.place.outside.log.append(append).into_actor(self);
        Box::pin(appending.then(move |appended, entity, ctx| match appended {
            Ok(appended) => {
                let (version, position) = (appended.version, appended.position);
                entity.at = Accepted { version, position };
                entity.correlation = ask.context.correlation;
                entity.fold(&decided);
                entity.reconcile(ctx);
                Box::pin(actix::fut::ready(Ok(entity.at)))
            }
            Err(AppendError::WrongVersion { .. }) if tries > 0 => entity.ask_again(ask, tries),
            Err(error @ (AppendError::Duplicate(_) | AppendError::Refusing(_))) => {
                Box::pin(actix::fut::ready(Err(error.into())))
            }
            // Whether the state is what the log has is not known: begin again from the log.
            Err(error) => {
                entity.end(ctx);
                Box::pin(actix::fut::ready(Err(error.into())))
            }
        }))
    }

    /// Another node wrote to this stream: read on and decide again.
    fn ask_again(&mut self, ask: Ask<D>, tries: u32) -> Asking<D> {
        let tail = load::load_on(
            self.stream.clone(),
            Arc::clone(&self.place),
            load::Loaded { state: self.state.clone(), at: self.at, correlation: self.correlation },
        );
        Box::pin(wrap_future(tail).then(move |loaded, entity: &mut Self, ctx| match loaded {
            Ok(loaded) => {
                entity.state = loaded.state;
                entity.at = loaded.at;
                entity.ask(ask, tries - 1)
            }
            Err(error) => {
                tracing::error!(stream = entity.stream.as_str(), %error, "the stream cannot be read");
                entity.end(ctx);
                Box::pin(actix::fut::ready(Err(AskError::Ended)))
            }
        }))
    }

    fn fold(&mut self, decided: &[D::Event]) {
        let before = self.at.version.0 - decided.len() as u64;
        decided.iter().for_each(|event| self.state.evolve(event));
        if self.at.version.0 / SNAPSHOT_EVERY > before / SNAPSHOT_EVERY
            && let Ok(state) = serde_json::to_string(&self.state)
        {
            let (stream, version) = (self.stream.clone(), self.at.version);
            let state_version = D::STATE_VERSION;
            let snapshot = Snapshot { stream, version, state_version, state };
            self.place.outside.log.save_snapshot(snapshot);
        }
        self.place.outside.feed.tell(&self.stream, Signal::Appended(self.at.version));
    }

    /// Starts what is pending and not in flight, drops what is in flight and no longer pending,
    /// and answers those who wait for an end.
    fn reconcile(&mut self, ctx: &mut Context<Self>) {
        let pending = self.state.pending();
        self.in_flight.retain(|effect, task| {
            let wanted = pending.iter().any(|pending| pending.effect == *effect);
            if !wanted {
                task.abort();
            }
            wanted
        });
        self.resting.retain(|effect, _| pending.iter().any(|pending| pending.effect == *effect));
        if pending.is_empty() {
            self.waiting.drain(..).for_each(|waiting| {
                let _gone = waiting.send(self.at);
            });
        }
        let now = self.place.outside.clock.now();
        for pending in pending {
            let rested = self.resting.get(&pending.effect).copied();
            match pending.due.max(rested).filter(|due| *due > now) {
                Some(due) if rested == Some(due) => self.place.alarms.hold(&self.stream, due),
                Some(due) => self.place.alarms.set(&self.stream, due),
                None => self.start(pending.effect, ctx),
            }
        }
        self.rest(ctx);
    }

    fn start(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        if self.in_flight.contains_key(&effect) || self.place.is_winding_down() {
            return;
        }
        let performing = self.state.perform(effect.clone(), Arc::clone(&self.place.outside));
        let (address, place) = (ctx.address(), Arc::clone(&self.place));
        let name = effect.clone();
        let task = actix_rt::spawn(async move {
            let _permit = place.effect_permit().await;
            let performed = AssertUnwindSafe(performing).catch_unwind().await;
            let result = performed.unwrap_or(Err(Accident::Panicked));
            address.do_send(Finished { effect: name, result });
        });
        self.in_flight.insert(effect, task);
    }

    /// Ends the actor when nothing happens for a while.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.idle.take() {
            ctx.cancel_future(timer);
        }
        let idle_after = self.place.limits.idle_after;
        self.idle = Some(ctx.run_later(idle_after, |entity, ctx| {
            entity.idle = None;
            let busy = !entity.in_flight.is_empty() || !entity.waiting.is_empty();
            if busy || !entity.place.retire(&entity.stream) {
                entity.rest(ctx);
            } else {
                ctx.stop();
            }
        }));
    }

    /// Ends the actor so that the next command begins from the log.
    fn end(&mut self, ctx: &mut Context<Self>) {
        if !self.state.pending().is_empty() {
            self.place.alarms.hold(&self.stream, self.later(PAUSE));
        }
        ctx.stop();
    }

    fn later(&self, pause: chrono::TimeDelta) -> DateTime<Utc> {
        self.place.outside.clock.now() + pause
    }

    /// An effect is out of flight. Where it is pending all the same (nothing came of it, or what
    /// came of it could not be recorded), it rests before it is started again. A call that must
    /// not be repeated may have been made: the actor ends, and being found unfinished puts the
    /// call in doubt, as after a crash.
    fn land(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        self.in_flight.remove(&effect);
        if !self.state.pending().iter().any(|pending| pending.effect == effect) {
            return;
        }
        if !self.state.restarted().is_empty() {
            return self.end(ctx);
        }
        self.resting.insert(effect, self.later(PAUSE));
        self.reconcile(ctx);
    }

    fn internal(&self, command: D::Command) -> Ask<D> {
        let context = events::Context {
            at: self.place.outside.clock.now(),
            account: self.state.account(),
            actor: Who::Hub,
            correlation: self.correlation,
            causation: Some(self.at.position).filter(|position| *position != Position(0)),
        };
        Ask { command, context, once: None }
    }
}

/// What a command leads to, and how it is put on record.
type Decided<D> = (Vec<<D as events::Decider>::Event>, Append);

type Asking<D> =
    std::pin::Pin<Box<dyn actix::ActorFuture<Entity<D>, Output = Result<Accepted, AskError>>>>;

impl<D: Effectful> Handler<Ask<D>> for Entity<D> {
    type Result = AtomicResponse<Self, Result<Accepted, AskError>>;

    fn handle(&mut self, ask: Ask<D>, _: &mut Context<Self>) -> Self::Result {
        AtomicResponse::new(self.ask(ask, TRIES))
    }
}

impl<D: Effectful> Handler<Finished<D>> for Entity<D> {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, finished: Finished<D>, ctx: &mut Context<Self>) -> Self::Result {
        let Finished { effect, result } = finished;
        let stream = self.stream.as_str();
        let command = match result {
            Ok(command) => command,
            Err(accident) => {
                tracing::error!(stream, ?effect, error = %accident, "an effect failed");
                self.land(effect, ctx);
                return AtomicResponse::new(Box::pin(actix::fut::ready(())));
            }
        };
        // Out of flight only when it is recorded: until then it must not be started again.
        let ask = self.internal(command.clone());
        AtomicResponse::new(Box::pin(self.ask(ask, TRIES).map(
            move |asked, entity, ctx| match asked {
                Ok(_) => entity.land(effect, ctx),
                Err(AskError::Append(AppendError::Refusing(reason))) => {
                    let stream = entity.stream.as_str();
                    tracing::warn!(stream, %reason, "an outcome waits for the log");
                    let address = ctx.address();
                    ctx.run_later(OFFER_AGAIN, move |_, _| {
                        address.do_send(Finished::<D> { effect, result: Ok(command) });
                    });
                }
                Err(error) => {
                    let stream = entity.stream.as_str();
                    tracing::error!(stream, ?effect, %error, "an outcome was not recorded");
                    entity.land(effect, ctx);
                }
            },
        )))
    }
}

impl<D: Effectful> Handler<Nudge> for Entity<D> {
    type Result = ();

    fn handle(&mut self, _: Nudge, ctx: &mut Context<Self>) {
        self.reconcile(ctx);
    }
}

impl<D: Effectful> Handler<Settle> for Entity<D> {
    type Result = ResponseFuture<Result<Accepted, AskError>>;

    fn handle(&mut self, _: Settle, _: &mut Context<Self>) -> Self::Result {
        if self.state.pending().is_empty() {
            let at = self.at;
            return Box::pin(async move { Ok(at) });
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.push(sender);
        Box::pin(async move { receiver.await.map_err(|_| AskError::Ended) })
    }
}

/// Why a thing could not be read from the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event is not understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// What being found unfinished means could not be recorded.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// An event has no wire form.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
}
