//! Following a log: what is on record first, then each batch as it becomes durable, with no
//! gap and nothing twice where the two meet.
//!
//! Never here: an engine. One reads pages for the follower and sends it batches.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::log::ReadError;
use crate::recorded::{Position, Recorded};

/// How many events are read at once.
const PAGE: usize = 1_000;

/// How many batches wait for a follower before it has to read them instead.
pub(super) const BATCHES: usize = 64;

/// Reads at most so many events after a position.
pub(super) type Read =
    Box<dyn Fn(Position, usize) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>> + Send>;

/// How a follower hears of what is new.
pub(super) enum News {
    /// The engine tells it. Must have been asked for before the first page is read.
    Told(broadcast::Receiver<Arc<[Recorded]>>),
    /// Another process writes; look again after this long.
    Looked(Duration),
}

struct Follower {
    read: Read,
    news: News,
    seen: Position,
    /// Whether there may be more on record than was read.
    behind: bool,
}

/// Every event after a position, until the log is closed.
pub(super) fn follow(
    read: Read,
    news: News,
    after: Position,
) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>> {
    let follower = Follower { read, news, seen: after, behind: true };
    stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok(batch) => {
                let batch = batch?;
                follower.seen = batch.last().map_or(follower.seen, |last| last.position);
                Some((Ok(batch), Some(follower)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl Follower {
    /// The next events after those seen, at least one; none once the log is closed.
    async fn next(&mut self) -> Result<Option<Arc<[Recorded]>>, ReadError> {
        loop {
            if self.behind {
                let page = (self.read)(self.seen, PAGE).await?;
                self.behind = page.len() >= PAGE;
                if !page.is_empty() {
                    return Ok(Some(page.into()));
                }
            }
            match &mut self.news {
                News::Looked(pause) => {
                    tokio::time::sleep(*pause).await;
                    self.behind = true;
                }
                News::Told(live) => match live.recv().await {
                    Ok(batch) => {
                        if let Some(fresh) = after(batch, self.seen) {
                            return Ok(Some(fresh));
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.behind = true,
                    Err(RecvError::Closed) => return Ok(None),
                },
            }
        }
    }
}

/// The part of a batch that comes after a position; none where there is nothing.
fn after(batch: Arc<[Recorded]>, seen: Position) -> Option<Arc<[Recorded]>> {
    let known = batch.partition_point(|event| event.position <= seen);
    match known {
        0 => (!batch.is_empty()).then_some(batch),
        _ => batch.get(known..).filter(|rest| !rest.is_empty()).map(Arc::from),
    }
}
