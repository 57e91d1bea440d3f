//! The one thread that writes. It takes what waits, writes it in one transaction, syncs once,
//! and answers; what has come meanwhile is the next batch.
//!
//! Never here: what makes an append right or wrong (that is `batch`).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::broadcast;

use super::super::{Append, Snapshot};
use super::batch::{Batch, insert_snapshot};
use super::heads::Heads;
use super::queue::{Answer, Message, Waiting};
use super::state::{Failure, Shared, is_passing};
use crate::recorded::Recorded;

/// How many appends are written in one transaction at most.
const BATCH: usize = 1_024;

/// How many snapshots are held back for the next transaction at most.
const SNAPSHOTS: usize = 256;

/// How often it is tried whether what is waited for has passed.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How much must fit before a disk that was full counts as having room again, in bytes.
const ROOM: i64 = 256 * 1024;

/// The writer.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) heads: Heads,
    pub(super) queue: Receiver<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) followers: broadcast::Sender<Arc<[Recorded]>>,
    pub(super) snapshots: Vec<Snapshot>,
    #[cfg(feature = "testing")]
    pub(super) sync_fails: bool,
}

impl Writer {
    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        let mut closed = false;
        while !closed {
            let Some(first) = self.receive() else { continue };
            let waiting;
            (waiting, closed) = self.gather(first);
            if !waiting.is_empty() || (closed && !self.snapshots.is_empty()) {
                self.settle(waiting);
            }
        }
        if self.shared.is_broken() {
            // What could not be synced is for the next start to read, as it stands.
            let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let _ = self.connection.set_db_config(no_checkpoint, true);
        }
    }

    /// Waits for something to do. Meanwhile it tries whether what is waited for has passed.
    fn receive(&mut self) -> Option<Message> {
        if !self.shared.is_waiting() {
            return Some(self.queue.recv().unwrap_or(Message::Close));
        }
        match self.queue.recv_timeout(TRY_AGAIN) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => Some(Message::Close),
            Err(RecvTimeoutError::Timeout) => {
                self.try_again();
                None
            }
        }
    }

    /// What waits, up to a full batch, and whether the queue is closed.
    fn gather(&mut self, first: Message) -> (Vec<Waiting>, bool) {
        let mut waiting = Vec::new();
        let mut closed = false;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Append(append) => waiting.push(append),
                Message::Snapshot { snapshot, _place } => self.keep(snapshot),
                // Some may have been let in just before.
                Message::Close => closed = true,
                #[cfg(feature = "testing")]
                Message::Fail(failing) => self.fail(failing),
            }
            let full = waiting.len() >= BATCH && !closed;
            next = if full { None } else { self.queue.try_recv().ok() };
        }
        (waiting, closed)
    }

    /// Holds a snapshot back until there is something to sync anyway.
    fn keep(&mut self, snapshot: Snapshot) {
        self.snapshots.retain(|held| held.stream != snapshot.stream);
        if self.snapshots.len() < SNAPSHOTS {
            self.snapshots.push(snapshot);
        }
    }

    /// Writes a batch and answers everyone in it.
    fn settle(&mut self, waiting: Vec<Waiting>) {
        let (appends, answers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.append, waiting.answer)).unzip();
        let checked = match self.shared.refusing() {
            Some(reason) => Err(Failure::Passing(reason)),
            None => self.write(appends).inspect_err(|failure| self.recover_from(failure)),
        };
        // Whoever was refused because of an append before it in a batch that failed was
        // refused for nothing, so a failure is everyone's answer.
        match checked {
            Ok(checked) => {
                answers.into_iter().zip(checked).for_each(|(to, answer)| to.send(answer))
            }
            Err(failure) => answers.into_iter().for_each(|to| to.send(Err(failure.answer()))),
        }
    }

    /// Checks and writes appends in one transaction, and tells followers.
    fn write(&mut self, appends: Vec<Append>) -> Result<Vec<Answer>, Failure> {
        let shared = Arc::clone(&self.shared);
        let _held = shared.hold();
        let mut batch = Batch::with_room(appends.iter().map(|append| append.events.len()).sum());
        let answers =
            self.fill(&mut batch, appends).map_err(|error| Failure::before_commit(&error))?;
        self.commit().map_err(|error| Failure::at_commit(&error))?;
        let events = batch.events;
        if let Some(last) = events.last() {
            self.shared.advance(last.position);
            if self.followers.receiver_count() > 0 {
                // Whoever left meanwhile does not matter.
                let _ = self.followers.send(events.into());
            }
        }
        Ok(answers)
    }

    /// Opens a transaction and puts everything in.
    fn fill(&mut self, batch: &mut Batch, appends: Vec<Append>) -> rusqlite::Result<Vec<Answer>> {
        let (connection, heads) = (&self.connection, &mut self.heads);
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let closing = appends.is_empty();
        let answers = appends.into_iter().map(|append| batch.admit(connection, heads, append));
        let answers = answers.collect::<rusqlite::Result<_>>()?;
        batch.insert(connection)?;
        if closing || !batch.is_empty() {
            for snapshot in self.snapshots.drain(..) {
                insert_snapshot(connection, heads, &snapshot)?;
            }
        }
        Ok(answers)
    }

    /// Makes what is in the transaction durable. One without changes costs no sync.
    fn commit(&mut self) -> rusqlite::Result<()> {
        #[cfg(feature = "testing")]
        if std::mem::take(&mut self.sync_fails) {
            let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(error, None));
        }
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Goes back to what the tables say after a failed write.
    fn recover_from(&mut self, failure: &Failure) {
        match failure {
            Failure::Passing(reason) => self.shared.wait(reason),
            Failure::Lasting(reason) | Failure::Unknown(reason) => {
                self.shared.break_down(&format!("a write failed: {reason}"));
            }
        }
        let rolled_back = match self.connection.is_autocommit() {
            true => Ok(()),
            false => self.connection.execute_batch("ROLLBACK"),
        };
        match rolled_back.and_then(|()| Heads::load(&self.connection)) {
            Ok(heads) => self.heads = heads,
            Err(error) => self.shared.break_down(&format!("a failed write stays: {error}")),
        }
    }

    /// Writes something that may be lost, to see whether writing works again.
    fn try_again(&mut self) {
        let _held = self.shared.hold();
        let sql = "INSERT OR REPLACE INTO room (id, filling) VALUES (1, zeroblob(?1))";
        let tried = self
            .connection
            .execute(sql, [ROOM])
            .and_then(|_| self.connection.execute("DELETE FROM room", []));
        match tried {
            Ok(_) => self.shared.recover(),
            Err(error) if is_passing(&error) => {}
            Err(error) => self.shared.break_down(&format!("a write failed: {error}")),
        }
    }

    #[cfg(feature = "testing")]
    #[allow(clippy::panic)]
    fn fail(&mut self, failing: super::queue::Failing) {
        use super::queue::Failing;
        match failing {
            Failing::Sync => self.sync_fails = true,
            Failing::Pages(pages) => {
                let pages = pages.unwrap_or(u32::MAX - 1);
                let _ = self.connection.pragma_update(None, "max_page_count", pages);
            }
            Failing::Panic => panic!("a test wants the writer to panic"),
        }
    }
}
