//! All read models, kept up to date: what reads answer from.
//!
//! Never here: a query; each read model has its own.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hub_events::id::AccountId;
use hub_events::log::{Log, ReadError};
use hub_events::recorded::Position;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::pool::Pool;
use crate::projection::{ALL, Models};
use crate::reached::Reached;
use crate::{generation, runner};

/// How long a read waits for its writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The read models of one log, and the thread that follows it. Ends with its last owner.
#[derive(Debug)]
pub struct Views {
    pool: Pool,
    reached: Arc<Reached>,
    runner: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Why the views could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database failed.
    #[error("the views cannot be opened: {0}")]
    Sql(#[source] rusqlite::Error),
    /// The file system or the operating system failed.
    #[error("the views cannot be opened: {0}")]
    Io(#[from] std::io::Error),
    /// The log could not be read.
    #[error("the views cannot be compared with the log: {0}")]
    Log(#[from] ReadError),
}

impl From<generation::OpenError> for StartError {
    fn from(error: generation::OpenError) -> Self {
        match error {
            generation::OpenError::Sql(error) => Self::Sql(error),
            generation::OpenError::Io(error) => Self::Io(error),
        }
    }
}

/// The views are behind, and did not get where they were waited for in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the views are at position {applied}, not yet at {wanted}")]
pub struct Lagging {
    /// The position up to which everything is applied.
    pub applied: Position,
    /// The position that was waited for.
    pub wanted: Position,
}

/// A query failed.
#[derive(Debug, thiserror::Error)]
#[error("the views cannot be read: {0}")]
pub struct ViewError(#[from] rusqlite::Error);

impl Views {
    /// Opens the views in a directory and follows the log with them from where they stand.
    /// Where there are none, or they belong to another history than this log's, they begin
    /// anew. Answers once they can be read; they may be far behind then.
    pub fn start(log: Arc<dyn Log>, directory: &Path) -> Result<Arc<Self>, StartError> {
        Self::start_with(log, directory, ALL)
    }

    pub(crate) fn start_with(
        log: Arc<dyn Log>,
        directory: &Path,
        models: Models,
    ) -> Result<Arc<Self>, StartError> {
        let path = generation::path(directory, models);
        let reached = Arc::new(Reached::default());
        let (stop, stopping) = oneshot::channel();
        let runner = runner::start(log, path.clone(), models, Arc::clone(&reached), stopping)?;
        Ok(Arc::new(Self { pool: Pool::new(path), reached, runner: Some((stop, runner)) }))
    }

    /// Waits until everything up to `position` can be read, for ten seconds at most. Where it
    /// already can, this does not wait at all.
    pub async fn wait_for(&self, position: Position) -> Result<(), Lagging> {
        if self.reached.wait(position, PATIENCE).await {
            return Ok(());
        }
        Err(Lagging { applied: self.applied(), wanted: position })
    }

    /// The position up to which everything can be read.
    pub fn applied(&self) -> Position {
        self.reached.applied()
    }

    /// Whether the views have been where the log's head was when they were started.
    pub fn caught_up(&self) -> bool {
        self.reached.caught_up()
    }

    /// Why the views no longer follow the log; none while they do.
    pub fn stopped(&self) -> Option<Arc<str>> {
        self.reached.stopped()
    }

    /// Makes queries at one moment of the views' history. They must be short: this blocks.
    pub fn read<T>(
        &self,
        f: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ViewError> {
        Ok(self.pool.read(f)?)
    }

    /// The position of the newest applied event in this account's streams of a kind, as far as
    /// known since the start; else the position at the start. Asked before a read, it tells
    /// whether an answer made earlier is still good.
    pub fn changed(&self, kind: &'static str, account: AccountId) -> Position {
        self.reached.changed((kind, account))
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        if let Some((stop, runner)) = self.runner.take() {
            drop(stop);
            let _ = runner.join();
        }
    }
}

#[cfg(test)]
mod tests;
