//! What the threads of the log share: its head, and whether it takes new events.
//!
//! Never here: repairing anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};
use rusqlite::ErrorCode;

use super::super::AppendError;
use crate::recorded::Position;

/// Why no new events are taken.
#[derive(Clone, Debug)]
enum Refusal {
    /// Until it passes by itself, as a full disk does.
    Passing(Arc<str>),
    /// Until the process starts again.
    Lasting(Arc<str>),
}

/// What the threads share.
pub(super) struct Shared {
    head: AtomicU64,
    refusal: RwLock<Option<Refusal>>,
    gate: Mutex<()>,
}

impl Shared {
    pub(super) fn new(head: Position) -> Self {
        Self { head: AtomicU64::new(head.0), refusal: RwLock::default(), gate: Mutex::default() }
    }

    /// The position of the newest durable event.
    pub(super) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    pub(super) fn advance(&self, head: Position) {
        self.head.store(head.0, Ordering::Release);
    }

    /// Whoever writes holds this, so that a checkpoint can have the file to itself.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock()
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

    /// Whether nothing but a new start can help.
    pub(super) fn is_broken(&self) -> bool {
        matches!(*self.refusal.read(), Some(Refusal::Lasting(_)))
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

/// What a failed write means.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// Nothing was written, and it may go better later.
    Passing(Arc<str>),
    /// Nothing was written, and the file is not to be trusted.
    Lasting(Arc<str>),
    /// What was written may be durable or not.
    Unknown(Arc<str>),
}

impl Failure {
    /// Judges an error that came up before the commit.
    pub(super) fn before_commit(error: &rusqlite::Error) -> Self {
        let reason = error.to_string().into();
        if is_passing(error) { Self::Passing(reason) } else { Self::Lasting(reason) }
    }

    /// Judges an error of the commit. On a full disk the frame that makes the batch valid is
    /// cut off, so there is no batch; after a failed sync there may be one.
    pub(super) fn at_commit(error: &rusqlite::Error) -> Self {
        let reason = error.to_string().into();
        if is_passing(error) { Self::Passing(reason) } else { Self::Unknown(reason) }
    }

    /// What those are told who wait for the write.
    pub(super) fn answer(&self) -> AppendError {
        match self {
            Self::Passing(reason) | Self::Lasting(reason) => {
                AppendError::Refusing(Arc::clone(reason))
            }
            Self::Unknown(reason) => AppendError::Unknown(Arc::clone(reason)),
        }
    }
}

/// Whether an error may pass by itself: the disk is full, or somebody else has locked the file.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Whether an error says that the file is not what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
