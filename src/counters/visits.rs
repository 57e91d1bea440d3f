//! Visits of links.
//!
//! Counted in memory and put on record together, since each is worth little: a crash loses
//! those of the last half minute. Never here: what a link is.

use std::sync::Arc;
use std::time::Duration;

use hub_events::counter::TakeBlock;
use parking_lot::Mutex;
use tokio::sync::Mutex as Turn;

use super::{Counters, Taken};
use crate::transact::TransactError;

/// How long visits are counted in memory only.
const TOGETHER: Duration = Duration::from_secs(30);

/// The visits of one link.
pub(super) struct Visits {
    /// Those that are not on record yet.
    new: Mutex<i64>,
    recorded: Turn<Taken>,
}

impl Visits {
    fn of(link: &str) -> Arc<Self> {
        let recorded = Turn::new(Taken::of(&format!("visits.{link}")));
        Arc::new(Self { new: Mutex::default(), recorded })
    }
}

impl Counters {
    /// Counts a visit of a link.
    pub fn count_visit(self: &Arc<Self>, link: &str) {
        let visits = self.visits_of(link);
        let mut new = visits.new.lock();
        *new += 1;
        if *new > 1 {
            return;
        }
        drop(new);
        let mut unrecorded = self.unrecorded.lock();
        unrecorded.push(visits);
        if unrecorded.len() == 1 {
            let counters = Arc::clone(self);
            tokio::spawn(async move {
                while !counters.unrecorded.lock().is_empty() {
                    tokio::time::sleep(TOGETHER).await;
                    counters.record_visits().await;
                }
            });
        }
    }

    /// How often a link was visited.
    pub async fn visits(&self, link: &str) -> Result<i64, TransactError> {
        let visits = self.visits_of(link);
        // While it is locked, none are on their way to the log.
        let mut recorded = visits.recorded.lock().await;
        let counted = recorded.read(&self.source).await?;
        let new = *visits.new.lock();
        Ok(counted + new)
    }

    /// Puts all visits on record that are not yet.
    pub async fn record_visits(&self) {
        let unrecorded = std::mem::take(&mut *self.unrecorded.lock());
        for visits in unrecorded {
            let mut recorded = visits.recorded.lock().await;
            let count = std::mem::take(&mut *visits.new.lock());
            if count == 0 {
                continue;
            }
            let block = TakeBlock { count, limit: i64::MAX };
            if let Err(error) = recorded.take(&self.source, block).await {
                tracing::warn!(%error, "visits of a link wait for the log");
                *visits.new.lock() += count;
                drop(recorded);
                self.unrecorded.lock().push(visits);
            }
        }
    }

    fn visits_of(&self, link: &str) -> Arc<Visits> {
        self.visits.get_with_by_ref(link, || Visits::of(link))
    }
}
