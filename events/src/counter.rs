//! A number that only grows, taken in blocks: the ids of a kind (`counter-ids.execution`), the
//! requests of an account on a day (`counter-requests.7.2026-11-24`).
//!
//! A block is on record before any of it is used, so what is taken is never taken twice; what
//! is left of a block when the process ends is lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, events};
use crate::refusal::{Kind, Refusal};

events! {
    /// What can happen to a counter.
    "counter" {
        /// A block was taken.
        BlockTaken(BlockTaken) = "block_taken" v 1,
    }
}

/// A block was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockTaken {
    /// The first number of the block; the very first is 1.
    pub first: i64,
    /// The last number of the block.
    pub last: i64,
}

/// Take a block of at most `count` numbers, none above `limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeBlock {
    /// How many.
    pub count: i64,
    /// The highest number there may be.
    pub limit: i64,
}

/// A counter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    taken: i64,
}

impl Counter {
    /// The highest number that was taken; 0 where none was.
    pub fn taken(&self) -> i64 {
        self.taken
    }
}

impl Decider for Counter {
    const KIND: &'static str = "counter";
    const STATE_VERSION: u32 = 1;
    type Command = TakeBlock;
    type Event = Event;

    fn decide(&self, take: TakeBlock, _at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let last = self.taken.saturating_add(take.count).min(take.limit);
        if last <= self.taken {
            return Err(Refusal::new(Kind::Limit, "counter_exhausted", "The limit is reached"));
        }
        Ok(vec![Event::BlockTaken(BlockTaken { first: self.taken + 1, last })])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::BlockTaken(BlockTaken { last, .. }) => self.taken = *last,
        }
    }
}

#[cfg(test)]
mod tests;
