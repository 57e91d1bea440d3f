//! How far the runner is, what it saw lately, and who waits for it.
//!
//! Never here: applying events, or a clock of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hub_events::id::AccountId;
use hub_events::recorded::Position;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

/// A kind of stream and an account.
pub(crate) type Topic = (&'static str, AccountId);

/// What the runner tells those who read.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    applied: AtomicU64,
    caught_up: AtomicBool,
    began: AtomicU64,
    changed: RwLock<HashMap<Topic, Position>>,
    waiting: Mutex<Waiting>,
}

/// Those who wait, by the position for which they wait; each is woken once, when that is
/// reached, and by nothing else.
#[derive(Debug, Default)]
struct Waiting {
    callers: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    next: u64,
    stopped: Option<Arc<str>>,
}

impl Reached {
    /// Where the runner begins.
    pub(crate) fn begin(&self, at: Position) {
        self.began.store(at.0, Ordering::Release);
        self.applied.store(at.0, Ordering::Release);
    }

    /// The position up to which everything is applied.
    pub(crate) fn applied(&self) -> Position {
        Position(self.applied.load(Ordering::Acquire))
    }

    /// Everything up to `position` is applied and can be read; `touched` is what changed.
    pub(crate) fn advance(&self, position: Position, touched: HashMap<Topic, Position>) {
        self.changed.write().extend(touched);
        self.applied.store(position.0, Ordering::Release);
        let due = {
            let mut waiting = self.waiting.lock();
            let later = waiting.callers.split_off(&(position.0 + 1, 0));
            std::mem::replace(&mut waiting.callers, later)
        };
        for caller in due.into_values() {
            // Whoever gave up waiting is not there to be told.
            let _ = caller.send(());
        }
    }

    /// The runner has been where the log's head was when it began.
    pub(crate) fn catch_up(&self) {
        self.caught_up.store(true, Ordering::Release);
    }

    /// Whether the runner has been where the log's head was when it began.
    pub(crate) fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// The newest applied position of a topic, or where the runner began.
    pub(crate) fn changed(&self, topic: Topic) -> Position {
        let known = self.changed.read().get(&topic).copied();
        known.unwrap_or_else(|| Position(self.began.load(Ordering::Acquire)))
    }

    /// The runner will not go on.
    pub(crate) fn stop(&self, reason: Arc<str>) {
        let mut waiting = self.waiting.lock();
        waiting.callers.clear();
        waiting.stopped.get_or_insert(reason);
    }

    /// Why the runner will not go on; none while it runs.
    pub(crate) fn stopped(&self) -> Option<Arc<str>> {
        self.waiting.lock().stopped.clone()
    }

    /// Waits until everything up to `position` is applied, at most for `limit`; answers
    /// whether it is.
    pub(crate) async fn wait(&self, position: Position, limit: Duration) -> bool {
        if self.applied() >= position {
            return true;
        }
        let Some(reached) = self.queue(position) else { return self.applied() >= position };
        let _ = tokio::time::timeout(limit, reached).await;
        self.applied() >= position
    }

    /// A place in the queue; none where there is nothing to wait for any more.
    fn queue(&self, position: Position) -> Option<oneshot::Receiver<()>> {
        let mut waiting = self.waiting.lock();
        if self.applied() >= position || waiting.stopped.is_some() {
            return None;
        }
        let (caller, reached) = oneshot::channel();
        let place = (position.0, waiting.next);
        waiting.next += 1;
        waiting.callers.insert(place, caller);
        Some(reached)
    }
}
