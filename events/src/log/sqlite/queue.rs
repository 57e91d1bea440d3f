//! The way to the writer: a queue of bounded length.
//!
//! Never here: what the writer does with it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::super::{Append, AppendError, Appended, Snapshot};

/// How many appends may wait for the writer; more wait to be let in.
const PLACES: usize = 4_096;

/// How many snapshots may wait; more are dropped.
const SNAPSHOTS: usize = 256;

/// The answer to an append.
pub(super) type Answer = Result<Appended, AppendError>;

/// An append with somebody waiting for its answer.
pub(super) struct Waiting {
    pub(super) append: Append,
    pub(super) answer: Answering,
}

/// Whom to answer. Keeps a place in the queue until then.
pub(super) struct Answering {
    to: oneshot::Sender<Answer>,
    _place: OwnedSemaphorePermit,
}

impl Answering {
    pub(super) fn send(self, answer: Answer) {
        // Whoever does not wait any more does not need it.
        let _ = self.to.send(answer);
    }
}

/// What the writer is asked for.
pub(super) enum Message {
    /// Append this.
    Append(Waiting),
    /// Keep this state with the next batch.
    Snapshot { snapshot: Snapshot, _place: OwnedSemaphorePermit },
    /// Write what waits, then end.
    Close,
    /// Fail like this.
    #[cfg(feature = "testing")]
    Fail(Failing),
}

/// How the writer can be made to fail.
#[cfg(feature = "testing")]
pub(super) enum Failing {
    /// The next sync fails.
    Sync,
    /// The file may not grow beyond so many pages.
    Pages(Option<u32>),
    /// The thread panics.
    Panic,
}

/// The callers' end.
#[derive(Clone)]
pub(super) struct Queue {
    sender: Sender<Message>,
    places: Arc<Semaphore>,
    snapshots: Arc<Semaphore>,
}

/// Both ends of a new queue.
pub(super) fn queue() -> (Queue, Receiver<Message>) {
    let (sender, receiver) = mpsc::channel();
    let (places, snapshots) = (Semaphore::new(PLACES), Semaphore::new(SNAPSHOTS));
    (Queue { sender, places: Arc::new(places), snapshots: Arc::new(snapshots) }, receiver)
}

impl Queue {
    /// Waits for a place, then for the answer.
    pub(super) async fn append(self, append: Append) -> Answer {
        let closed = || AppendError::Refusing("the log is closed".into());
        let place = self.places.acquire_owned().await.map_err(|_| closed())?;
        let (to, answered) = oneshot::channel();
        let waiting = Waiting { append, answer: Answering { to, _place: place } };
        self.sender.send(Message::Append(waiting)).map_err(|_| closed())?;
        // A writer that ended without an answer may have written.
        let unknown = || AppendError::Unknown("the writer ended without an answer".into());
        answered.await.unwrap_or_else(|_| Err(unknown()))
    }

    /// Hands a state over, where there is a place for it.
    pub(super) fn snapshot(&self, snapshot: Snapshot) {
        if let Ok(place) = Arc::clone(&self.snapshots).try_acquire_owned() {
            let _ = self.sender.send(Message::Snapshot { snapshot, _place: place });
        }
    }

    /// Lets nobody in any more, and has the writer end after those who are.
    pub(super) fn close(&self) {
        self.places.close();
        let _ = self.sender.send(Message::Close);
    }

    #[cfg(feature = "testing")]
    pub(super) fn fail(&self, failing: Failing) {
        let _ = self.sender.send(Message::Fail(failing));
    }
}
