//! Moving the write-ahead log into the file, on a thread of its own, so that appends do not
//! pay for it.
//!
//! Never here: the events.

use std::path::Path;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::state::{Shared, is_passing};

/// How many pages are worth moving at once.
const MUCH: u64 = 4_096;

/// How long a few pages wait for more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The write-ahead log is begun again when it has so many pages: 64 MiB. Its file keeps its
/// length, since overwriting syncs faster than growing.
const LONG: u64 = 16_384;

/// The file is cut back when it is longer than this, in bytes, which readers that take long
/// can bring about.
const TOO_LONG: u64 = 256 * 1024 * 1024;

#[derive(Default)]
struct Pending {
    /// How many pages the write-ahead log has.
    pages: u64,
    /// How many of them are in the file.
    moved: u64,
    closing: bool,
}

impl Pending {
    fn waiting(&self) -> u64 {
        self.pages.saturating_sub(self.moved)
    }
}

/// What the writer has left to do.
#[derive(Default)]
pub(super) struct Checkpoints {
    pending: Mutex<Pending>,
    changed: Condvar,
}

impl Checkpoints {
    /// A commit has brought the write-ahead log to so many pages.
    pub(super) fn grown(&self, pages: u64) {
        let mut pending = self.pending.lock();
        if pages < pending.pages {
            // It has begun again, which it does only when all of it was moved.
            pending.moved = 0;
        }
        let idle = pending.waiting() == 0;
        pending.pages = pages;
        if idle || pending.waiting() >= MUCH {
            self.changed.notify_all();
        }
    }

    /// Has the thread move what is left, and end.
    pub(super) fn close(&self) {
        self.pending.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits until there is something worth moving. Answers whether the log is being closed.
    fn wait(&self) -> bool {
        let mut pending = self.pending.lock();
        self.changed.wait_while(&mut pending, |now| now.waiting() == 0 && !now.closing);
        let few = |now: &mut Pending| now.waiting() < MUCH && !now.closing;
        self.changed.wait_while_for(&mut pending, few, PATIENCE);
        pending.closing
    }

    /// Notes how many pages are in the file. What could not be moved waits for the next commit.
    fn moved(&self, pages: u64) {
        self.pending.lock().moved = pages;
    }
}

/// Moves the write-ahead log into the file until the log is closed.
pub(super) fn run(connection: &Connection, wal: &Path, pending: &Checkpoints, shared: &Shared) {
    loop {
        let closing = pending.wait();
        // What SQLite could not sync is for the next start to read, as it stands.
        if shared.is_broken() {
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            pending.moved(u64::MAX);
        } else {
            let pages = move_pages(connection, "PASSIVE", shared);
            pending.moved(pages);
            let length = wal.metadata().map_or(0, |file| file.len());
            if closing || length > TOO_LONG {
                begin_again(connection, "TRUNCATE", pending, shared);
            } else if pages >= LONG {
                begin_again(connection, "RESTART", pending, shared);
            }
        }
        if closing {
            return;
        }
    }
}

/// Has the write-ahead log begin again. By now little of it is left to move, so the writer does
/// not wait for long.
fn begin_again(connection: &Connection, mode: &str, pending: &Checkpoints, shared: &Shared) {
    let _writer_waits = shared.hold();
    move_pages(connection, mode, shared);
    pending.moved(u64::MAX);
}

/// Moves what can be moved. Answers how many pages there were.
fn move_pages(connection: &Connection, mode: &str, shared: &Shared) -> u64 {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let moved = connection.query_row(&sql, [], |row| row.get::<_, i64>(1));
    match moved {
        Ok(pages) => pages.try_into().unwrap_or(0),
        Err(error) if is_passing(&error) => {
            tracing::warn!(%error, "the write-ahead log stays long for now");
            u64::MAX
        }
        Err(error) => {
            shared.break_down(&format!("a checkpoint failed: {error}"));
            u64::MAX
        }
    }
}
