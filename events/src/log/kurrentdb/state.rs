//! What the log and its writer share: the head, the commands of late, and whether new events
//! are taken.
//!
//! Never here: speaking to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::commands::Commands;
use super::reader::Known;
use crate::recorded::Position;

/// Why no new events are taken.
#[derive(Clone, Debug)]
enum Refusal {
    /// Until the server can be spoken to again.
    Passing(Arc<str>),
    /// Until the process starts again.
    Lasting(Arc<str>),
}

/// What is shared.
#[derive(Debug)]
pub(super) struct Shared {
    head: AtomicU64,
    commands: Mutex<Commands>,
    refusal: RwLock<Option<Refusal>>,
}

impl Shared {
    pub(super) fn new(known: Known) -> Self {
        let Known { head, commands } = known;
        let (head, commands) = (AtomicU64::new(head.0), Mutex::new(commands));
        Self { head, commands, refusal: RwLock::default() }
    }

    /// The position of the newest durable event.
    pub(super) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    /// There is a durable event at this position.
    pub(super) fn advance(&self, position: Position) {
        self.head.fetch_max(position.0, Ordering::AcqRel);
    }

    /// The commands of late.
    pub(super) fn commands(&self) -> MutexGuard<'_, Commands> {
        self.commands.lock()
    }

    /// Why new events are refused; none when they are taken.
    pub(super) fn refusing(&self) -> Option<Arc<str>> {
        match &*self.refusal.read() {
            Some(Refusal::Passing(reason) | Refusal::Lasting(reason)) => Some(Arc::clone(reason)),
            None => None,
        }
    }

    /// Whether events are refused for a reason that may pass.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(*self.refusal.read(), Some(Refusal::Passing(_)))
    }

    /// No new events until [`Shared::recover`].
    pub(super) fn wait(&self, reason: &Arc<str>) {
        let mut refusal = self.refusal.write();
        if refusal.is_none() {
            tracing::error!(%reason, "the log takes no new events until this has passed");
            *refusal = Some(Refusal::Passing(Arc::clone(reason)));
        }
    }

    /// What was waited for has passed.
    pub(super) fn recover(&self) {
        let mut refusal = self.refusal.write();
        if matches!(*refusal, Some(Refusal::Passing(_))) {
            tracing::info!("the log takes new events again");
            *refusal = None;
        }
    }

    /// No new events until the process starts again.
    pub(super) fn break_down(&self, reason: &str) {
        let mut refusal = self.refusal.write();
        if !matches!(*refusal, Some(Refusal::Lasting(_))) {
            tracing::error!(%reason, "the log takes no new events until the next start");
            *refusal = Some(Refusal::Lasting(reason.into()));
        }
    }
}
