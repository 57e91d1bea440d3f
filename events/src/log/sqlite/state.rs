//! What the threads of the log share: its head, its followers, and whether it refuses.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::broadcast;

use crate::recorded::{Position, Recorded};

/// How many batches a follower may lag behind before it reads them again.
const LAG: usize = 1_024;

/// How often the write-ahead log is moved into the file.
const CHECKPOINT: Duration = Duration::from_millis(250);

/// The write-ahead log is cut back when it is longer than this, in bytes.
const LONGEST_WAL: u64 = 64 * 1024 * 1024;

/// Why no new events are taken.
#[derive(Clone, Debug)]
enum Refusal {
    /// There is no room. That may change.
    Full(Arc<str>),
    /// Until the process starts again.
    Broken(Arc<str>),
}

/// What the threads share.
pub(super) struct Shared {
    head: AtomicU64,
    refusal: Mutex<Option<Refusal>>,
    batches: broadcast::Sender<Arc<[Recorded]>>,
    closed: Mutex<bool>,
    closing: Condvar,
    failing: AtomicBool,
    pages: Mutex<Option<Option<u32>>>,
}

impl Shared {
    pub(super) fn new(head: Position) -> Self {
        Self {
            head: AtomicU64::new(head.0),
            refusal: Mutex::default(),
            batches: broadcast::channel(LAG).0,
            closed: Mutex::new(false),
            closing: Condvar::new(),
            failing: AtomicBool::new(false),
            pages: Mutex::default(),
        }
    }

    pub(super) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    /// A batch is durable.
    pub(super) fn publish(&self, batch: Vec<Recorded>) {
        let Some(last) = batch.last() else { return };
        self.head.store(last.position.0, Ordering::Release);
        if self.batches.receiver_count() > 0 {
            // Whoever left meanwhile does not matter.
            let _ = self.batches.send(batch.into());
        }
    }

    pub(super) fn batches(&self) -> broadcast::Receiver<Arc<[Recorded]>> {
        self.batches.subscribe()
    }

    pub(super) fn refusing(&self) -> Option<Arc<str>> {
        match &*self.refusal.lock() {
            Some(Refusal::Full(reason) | Refusal::Broken(reason)) => Some(Arc::clone(reason)),
            None => None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        matches!(*self.refusal.lock(), Some(Refusal::Full(_)))
    }

    /// There is no room for more.
    pub(super) fn fill_up(&self) -> Arc<str> {
        let mut refusal = self.refusal.lock();
        match &*refusal {
            Some(Refusal::Full(reason) | Refusal::Broken(reason)) => Arc::clone(reason),
            None => {
                let reason: Arc<str> = "the disk is full".into();
                tracing::error!(%reason, "the log takes no new events");
                *refusal = Some(Refusal::Full(Arc::clone(&reason)));
                reason
            }
        }
    }

    /// There is room again.
    pub(super) fn make_room(&self) {
        let mut refusal = self.refusal.lock();
        if matches!(*refusal, Some(Refusal::Full(_))) {
            tracing::info!("the log takes new events again");
            *refusal = None;
        }
    }

    /// Nothing more is taken until the process starts again.
    pub(super) fn break_down(&self, reason: String) -> Arc<str> {
        let mut refusal = self.refusal.lock();
        if let Some(Refusal::Broken(reason)) = &*refusal {
            return Arc::clone(reason);
        }
        let reason: Arc<str> = reason.into();
        tracing::error!(%reason, "the log takes no new events until the next start");
        *refusal = Some(Refusal::Broken(Arc::clone(&reason)));
        reason
    }

    pub(super) fn close(&self) {
        *self.closed.lock() = true;
        self.closing.notify_all();
    }

    /// Waits; answers whether the log is being closed.
    fn closes_within(&self, time: Duration) -> bool {
        let mut closed = self.closed.lock();
        if !*closed {
            self.closing.wait_for(&mut closed, time);
        }
        *closed
    }

    #[cfg(feature = "testing")]
    pub(super) fn fail_next_sync(&self) {
        self.failing.store(true, Ordering::SeqCst);
    }

    #[cfg(feature = "testing")]
    pub(super) fn limit_pages(&self, pages: Option<u32>) {
        *self.pages.lock() = Some(pages);
    }

    /// Whether a test wants this sync to fail.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.swap(false, Ordering::SeqCst)
    }

    /// A limit on pages that a test wants from now on.
    pub(super) fn new_limit(&self) -> Option<Option<u32>> {
        self.pages.lock().take()
    }
}

/// Moves the write-ahead log into the file, until the log is closed.
pub(super) fn checkpoint(connection: &Connection, shared: &Shared) {
    let wal = connection.path().map(|path| PathBuf::from(format!("{path}-wal")));
    let mut done = shared.head();
    while !shared.closes_within(CHECKPOINT) {
        if shared.head() == done {
            continue;
        }
        done = shared.head();
        let length = wal.as_ref().and_then(|wal| wal.metadata().ok()).map_or(0, |file| file.len());
        let mode = if length > LONGEST_WAL { "TRUNCATE" } else { "PASSIVE" };
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        match connection.query_row(&sql, [], |_| Ok(())) {
            Err(error) if super::writer::is_broken(&error) => {
                shared.break_down(format!("the file cannot be brought up to date: {error}"));
            }
            Err(error) => tracing::warn!(%error, "the write-ahead log stays long for now"),
            Ok(()) => {}
        }
    }
}
