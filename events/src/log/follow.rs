//! Following a log: from what is on record to what becomes durable now, without gap or double.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::ReadError;
use crate::recorded::{Position, Recorded};

/// How many events are read at a time.
const PAGE: usize = 2_048;

type Page = BoxFuture<'static, Result<Vec<Recorded>, ReadError>>;

struct Follower<R> {
    after: Position,
    /// Batches since before the first read, so that none is missed in between.
    batches: Receiver<Arc<[Recorded]>>,
    read: R,
    /// Whether what is on record was read to its end.
    live: bool,
}

/// Every event after a position, for ever.
pub(in crate::log) fn follow<R>(
    after: Position,
    batches: Receiver<Arc<[Recorded]>>,
    read: R,
) -> BoxStream<'static, Result<Arc<[Recorded]>, ReadError>>
where
    R: Fn(Position, usize) -> Page + Send + Sync + 'static,
{
    let follower = Follower { after, batches, read, live: false };
    stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(follower))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl<R: Fn(Position, usize) -> Page> Follower<R> {
    /// The next batch; none once the log is closed.
    async fn next(&mut self) -> Result<Option<Arc<[Recorded]>>, ReadError> {
        loop {
            if !self.live {
                let page = (self.read)(self.after, PAGE).await?;
                if let Some(last) = page.last() {
                    self.after = last.position;
                    return Ok(Some(page.into()));
                }
                self.live = true;
            }
            match self.batches.recv().await {
                Ok(batch) => {
                    if let Some(batch) = self.unseen(batch) {
                        return Ok(Some(batch));
                    }
                }
                Err(RecvError::Lagged(_)) => self.live = false,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// What of a batch was not seen yet.
    fn unseen(&mut self, batch: Arc<[Recorded]>) -> Option<Arc<[Recorded]>> {
        let (first, last) = (batch.first()?.position, batch.last()?.position);
        if last <= self.after {
            return None;
        }
        let unseen = if first > self.after {
            batch
        } else {
            let after = self.after;
            batch.iter().filter(|event| event.position > after).cloned().collect()
        };
        self.after = last;
        Some(unseen)
    }
}
