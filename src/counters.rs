//! Numbers taken in durable blocks: ids, the requests of an account on a day, visits of links.
//!
//! A block is on record before any of it is used (visits excepted), so neither a crash nor a
//! restart gives an id twice or a request more than the quota. What is left of a block when the
//! process ends is lost. Never here: what is counted for which reason.

mod quota;
mod visits;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use hub_events::counter::{BlockTaken, Counter, Event, TakeBlock};
use hub_events::id::{AccountId, StreamId};
use hub_events::log::{Append, AppendError, Log, NewEvent};
use hub_events::{Actor, Context, Decider as _, Version};
use parking_lot::Mutex;
use tokio::sync::Mutex as Turn;

use crate::clock::{self, Clock};
use crate::config::Quotas;
use crate::transact::{TransactError, load_on};

pub use quota::{Quota, QuotaSpent};

/// All counters of this node.
pub struct Counters {
    source: Source,
    quotas: Quotas,
    ids: Mutex<HashMap<&'static str, Arc<Ids>>>,
    days: moka::sync::Cache<(AccountId, NaiveDate), Arc<quota::Day>>,
    visits: moka::sync::Cache<String, Arc<visits::Visits>>,
    unrecorded: Mutex<Vec<Arc<visits::Visits>>>,
}

/// Accounts whose count of today is kept in memory. A forgotten one loses the rest of its block.
const ACCOUNTS_IN_MEMORY: u64 = 100_000;

/// Links whose count is kept in memory; that of a forgotten one is read again.
const LINKS_IN_MEMORY: u64 = 10_000;

impl Counters {
    /// The counters that a log keeps.
    pub fn new(log: Arc<dyn Log>, clock: Clock, quotas: Quotas) -> Arc<Self> {
        Arc::new(Self {
            source: Source { log, clock },
            quotas,
            ids: Mutex::default(),
            days: moka::sync::Cache::new(ACCOUNTS_IN_MEMORY),
            visits: moka::sync::Cache::new(LINKS_IN_MEMORY),
            unrecorded: Mutex::default(),
        })
    }

    /// A fresh id for a thing of a kind: from 1, never the same twice, with gaps.
    pub async fn next_id(&self, kind: &'static str) -> Result<i64, TransactError> {
        let ids = Arc::clone(self.ids.lock().entry(kind).or_insert_with(|| Ids::of(kind)));
        loop {
            if let Some((id, left)) = ids.pop() {
                if left == ids.block / 2 {
                    // So that whoever takes the last one need not wait for the next block. If
                    // this fails, that one tries again and tells.
                    let (ids, source) = (Arc::clone(&ids), self.source.clone());
                    tokio::spawn(async move { ids.fill(&source).await });
                }
                return Ok(id);
            }
            ids.fill(&self.source).await?;
        }
    }
}

/// Ids of one kind.
struct Ids {
    block: i64,
    ready: Mutex<VecDeque<RangeInclusive<i64>>>,
    taking: Turn<Taken>,
}

impl Ids {
    fn of(kind: &str) -> Arc<Self> {
        let block = if matches!(kind, "execution" | "step") { 1_000 } else { 100 };
        let taking = Turn::new(Taken::of(&format!("ids.{kind}")));
        Arc::new(Self { block, ready: Mutex::default(), taking })
    }

    /// An id, and how many are left.
    fn pop(&self) -> Option<(i64, i64)> {
        let mut ready = self.ready.lock();
        let id = ready.front_mut()?.next()?;
        if ready.front().is_some_and(RangeInclusive::is_empty) {
            ready.pop_front();
        }
        Some((id, left(&ready)))
    }

    /// Takes a block, unless another caller just did.
    async fn fill(&self, source: &Source) -> Result<(), TransactError> {
        let mut taken = self.taking.lock().await;
        if left(&self.ready.lock()) > self.block / 2 {
            return Ok(());
        }
        let block = taken.take(source, TakeBlock { count: self.block, limit: i64::MAX }).await?;
        self.ready.lock().push_back(block);
        Ok(())
    }
}

fn left(ready: &VecDeque<RangeInclusive<i64>>) -> i64 {
    ready.iter().map(|block| block.end() - block.start() + 1).sum()
}

/// Where blocks are recorded.
#[derive(Clone)]
struct Source {
    log: Arc<dyn Log>,
    clock: Clock,
}

/// What is known of one counter.
struct Taken {
    stream: StreamId,
    counter: Counter,
    version: Version,
}

/// How often a block is tried for when other nodes take blocks too.
const TRIES: u32 = 64;

impl Taken {
    fn of(key: &str) -> Self {
        let stream = StreamId::new(Counter::KIND, key);
        Self { stream, counter: Counter::default(), version: Version(0) }
    }

    /// The highest number that is on record.
    async fn read(&mut self, source: &Source) -> Result<i64, TransactError> {
        let counter = self.counter.clone();
        (self.counter, self.version) =
            load_on(&source.log, &self.stream, counter, self.version).await?;
        Ok(self.counter.taken())
    }

    /// Takes a block; on record when it is answered.
    async fn take(
        &mut self,
        source: &Source,
        block: TakeBlock,
    ) -> Result<RangeInclusive<i64>, TransactError> {
        for _ in 0..TRIES {
            self.read(source).await?;
            let at = source.clock.now();
            let events = self.counter.decide(block, at)?;
            let correlation = clock::uuid();
            let append = Append {
                stream: self.stream.clone(),
                expected: self.version,
                events: events.iter().map(NewEvent::of).collect::<Result<_, _>>()?,
                context: Context {
                    at,
                    account: None,
                    actor: Actor::Hub,
                    correlation,
                    causation: None,
                },
                command: None,
            };
            match source.log.append(append).await {
                Ok(appended) => {
                    self.version = appended.version;
                    events.iter().for_each(|event| self.counter.evolve(event));
                    if let Some(Event::BlockTaken(BlockTaken { first, last })) = events.first() {
                        return Ok(*first..=*last);
                    }
                }
                Err(AppendError::WrongVersion { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppendError::WrongVersion { current: self.version }.into())
    }
}

#[cfg(test)]
mod tests;
