//! Moving the write-ahead log into the file, on a thread of its own, so that no append pays
//! for it.
//!
//! Never here: the events.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::state::{Shared, is_passing};

/// How often it is looked at how much was written.
const PAUSE: Duration = Duration::from_millis(250);

/// After how many pauses even a little is moved.
const PATIENCE: u32 = 8;

/// How much is moved at the next pause already, in bytes of events.
const MUCH: usize = 1024 * 1024;

/// The write-ahead log is cut back when it is longer than this, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Default)]
struct Pending {
    /// Bytes of events since the last checkpoint.
    written: usize,
    closing: bool,
}

/// What the writer has left to do.
#[derive(Default)]
pub(super) struct Checkpoints {
    pending: Mutex<Pending>,
    changed: Condvar,
}

impl Checkpoints {
    /// So many bytes of events were written.
    pub(super) fn written(&self, bytes: usize) {
        let mut pending = self.pending.lock();
        pending.written += bytes.max(1);
        if pending.written == bytes.max(1) {
            self.changed.notify_all();
        }
    }

    /// Has the thread move what is left, and end.
    pub(super) fn close(&self) {
        self.pending.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits until it is worth while. Answers whether the log is being closed.
    fn wait(&self) -> bool {
        let mut pending = self.pending.lock();
        self.changed.wait_while(&mut pending, |now| now.written == 0 && !now.closing);
        for _ in 0..PATIENCE {
            if pending.closing || pending.written >= MUCH {
                break;
            }
            self.changed.wait_for(&mut pending, PAUSE);
        }
        pending.written = 0;
        pending.closing
    }
}

/// Moves the write-ahead log into the file until the log is closed.
pub(super) fn run(connection: &Connection, path: &Path, pending: &Checkpoints, shared: &Shared) {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let wal = PathBuf::from(wal);
    let length = || wal.metadata().map_or(0, |file| file.len());
    loop {
        let closing = pending.wait();
        // What SQLite could not sync is for the next start to read, as it stands.
        if shared.is_broken() {
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        } else {
            move_pages(connection, "PASSIVE", shared);
            if closing || length() > LONGEST {
                // By now little is left to move, so the writer does not wait for long.
                let _writer_waits = shared.hold();
                move_pages(connection, "TRUNCATE", shared);
            }
        }
        if closing {
            return;
        }
    }
}

fn move_pages(connection: &Connection, mode: &str, shared: &Shared) {
    let moved = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
    match moved {
        Ok(()) => {}
        Err(error) if is_passing(&error) => {
            tracing::warn!(%error, "the write-ahead log stays long for now");
        }
        Err(error) => shared.break_down(&format!("a checkpoint failed: {error}")),
    }
}
