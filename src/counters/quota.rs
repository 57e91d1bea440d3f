//! Requests of an account on a UTC day.
//!
//! Never here: what a spent quota looks like to a client.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hub_events::account::Tier;
use hub_events::counter::TakeBlock;
use hub_events::id::AccountId;
use parking_lot::Mutex;
use tokio::sync::Mutex as Turn;

use super::{Counters, Taken};
use crate::transact::TransactError;

/// How much of a day's quota is left after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests per day.
    pub limit: i64,
    /// How many are left today.
    pub remaining: i64,
    /// Seconds until the next day.
    pub reset_s: u64,
}

/// The quota of the day is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of {limit} requests a day is spent")]
pub struct QuotaSpent {
    /// Requests per day.
    pub limit: i64,
    /// Seconds until the next day.
    pub reset_s: u64,
}

/// A block is this part of a day's quota: for free accounts, one append in five requests.
const BLOCKS_PER_DAY: i64 = 20;

/// What an account used on one day.
pub(super) struct Day {
    count: Mutex<Count>,
    taking: Turn<Taken>,
}

/// Up to `granted` is on record; up to `used` was given out.
#[derive(Clone, Copy, Default)]
struct Count {
    used: i64,
    granted: i64,
}

impl Day {
    fn of(account: AccountId, day: NaiveDate) -> Arc<Self> {
        let taking = Turn::new(Taken::of(&format!("requests.{account}.{day}")));
        Arc::new(Self { count: Mutex::default(), taking })
    }

    /// Counts one, if what is granted has room; the number left below `limit` then.
    fn count(&self, limit: i64) -> Option<i64> {
        let mut count = self.count.lock();
        (count.used < count.granted.min(limit)).then(|| {
            count.used += 1;
            limit - count.used
        })
    }
}

impl Counters {
    /// Counts a request of an account on a day; durable in blocks, and never above the quota of
    /// its plan. None where the plan has no limit.
    pub async fn count_request(
        &self,
        account: AccountId,
        tier: Tier,
        day: NaiveDate,
    ) -> Result<Option<Quota>, QuotaSpent> {
        let Some(limit) = self.quotas.of(tier) else { return Ok(None) };
        let reset_s = until_next(day, self.source.clock.now());
        let today = self.days.get_with((account, day), || Day::of(account, day));
        loop {
            if let Some(remaining) = today.count(limit) {
                return Ok(Some(Quota { limit, remaining, reset_s }));
            }
            let mut taken = today.taking.lock().await;
            if let Some(remaining) = today.count(limit) {
                return Ok(Some(Quota { limit, remaining, reset_s }));
            }
            let block = TakeBlock { count: (limit / BLOCKS_PER_DAY).max(1), limit };
            let granted = taken.take(&self.source, block).await;
            let mut count = today.count.lock();
            match granted {
                Ok(block) => {
                    count.used = count.used.max(block.start() - 1);
                    count.granted = *block.end();
                }
                Err(TransactError::Refused(_)) => return Err(QuotaSpent { limit, reset_s }),
                // Reading must go on while the log takes nothing new, so the count goes on in
                // memory, still held to the limit.
                Err(error) if count.used < limit => {
                    tracing::warn!(%error, "requests are counted in memory only");
                    count.granted = (count.granted.max(count.used) + block.count).min(limit);
                }
                Err(_) => return Err(QuotaSpent { limit, reset_s }),
            }
        }
    }
}

/// Whole seconds until the day after `day` begins, at least 1.
fn until_next(day: NaiveDate, now: DateTime<Utc>) -> u64 {
    let next = day.succ_opt().unwrap_or(day).and_time(chrono::NaiveTime::MIN).and_utc();
    let left = (next - now + TimeDelta::milliseconds(999)).num_seconds();
    u64::try_from(left).unwrap_or_default().max(1)
}
