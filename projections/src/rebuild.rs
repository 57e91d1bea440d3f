//! Computing all read models anew, beside the present ones.
//!
//! For the operator, while no server runs. One thread reads and decodes, the caller's writes.
//! Never here: following the log.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::{fs, io, thread};

use hub_events::fact::Fact;
use hub_events::log::{Log, ReadError};
use hub_events::recorded::{Position, Recorded};

use crate::generation::{self, Generation};
use crate::projection::{ALL, Models};

/// How many events are read, and written, at once.
const PAGE: usize = 16_384;

/// How many pages may wait to be written.
const WAITING: usize = 2;

/// Why nothing was rebuilt. The present views are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An event could not be taken in.
    #[error("{0}")]
    Take(String),
    /// The database failed.
    #[error("the views cannot be written: {0}")]
    Sql(#[source] rusqlite::Error),
    /// The file system or the operating system failed.
    #[error("the views cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl From<generation::OpenError> for RebuildError {
    fn from(error: generation::OpenError) -> Self {
        match error {
            generation::OpenError::Sql(error) => Self::Sql(error),
            generation::OpenError::Io(error) => Self::Io(error),
        }
    }
}

impl From<generation::TakeError> for RebuildError {
    fn from(error: generation::TakeError) -> Self {
        Self::Take(error.to_string())
    }
}

/// Computes all read models of a log into a new file and puts that in the place of the
/// present one, which nobody may have open. `progress` is told how many positions are done, of
/// how many. Answers with the number of events. Blocks.
pub fn rebuild(
    log: Arc<dyn Log>,
    directory: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RebuildError> {
    rebuild_with(log, directory, ALL, progress)
}

pub(crate) fn rebuild_with(
    log: Arc<dyn Log>,
    directory: &Path,
    models: Models,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, RebuildError> {
    let path = generation::path(directory, models);
    let beside = generation::with_suffix(&path, ".new");
    let total = log.head().0;
    let mut generation = Generation::build(&beside, models)?;
    let mut events = 0;
    progress(0, total);
    for page in pages(log)? {
        let page = page?;
        generation.take(&page)?;
        events += page.len() as u64;
        if let Some((last, _)) = page.last() {
            progress(last.position.0, total);
        }
    }
    generation.finish(&beside)?;
    generation::remove(&path)?;
    fs::rename(&beside, &path)?;
    Ok(events)
}

type Page = Result<Vec<(Recorded, Fact)>, RebuildError>;

/// Everything in the log, read and decoded ahead on a thread of its own.
fn pages(log: Arc<dyn Log>) -> Result<mpsc::Receiver<Page>, RebuildError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::Builder::new().name("views-reader".to_owned()).spawn(move || {
        let mut after = Position::default();
        loop {
            let page = runtime
                .block_on(log.read_all(after, PAGE))
                .map_err(RebuildError::from)
                .and_then(|events| Ok(generation::decode(events)?));
            let last = page.as_ref().ok().and_then(|page| page.last());
            let next = last.map(|(event, _)| event.position);
            // Nobody receives any more once a page could not be written.
            match (sender.send(page), next) {
                (Ok(()), Some(position)) => after = position,
                _ => return,
            }
        }
    })?;
    Ok(receiver)
}
