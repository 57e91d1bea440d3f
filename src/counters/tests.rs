#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use chrono::TimeDelta;
use hub_events::account::Tier;
use hub_events::log::memory::Memory;
use hub_events::testing::epoch;

use super::*;

fn counters(log: &Arc<dyn Log>, clock: &Clock) -> Arc<Counters> {
    Counters::new(Arc::clone(log), clock.clone(), Quotas::default())
}

#[tokio::test]
async fn ids_are_never_given_twice_not_even_across_a_restart() {
    let (log, clock): (Arc<dyn Log>, _) = (Memory::new(), Clock::settable(epoch()));
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let counters = counters(&log, &clock);
        let takers = (0..16).map(|_| {
            let counters = Arc::clone(&counters);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..40 {
                    ids.push(counters.next_id("account").await.unwrap());
                    tokio::task::yield_now().await;
                }
                ids
            })
        });
        for taker in takers.collect::<Vec<_>>() {
            for id in taker.await.unwrap() {
                assert!(seen.insert(id), "{id} was given twice");
            }
        }
    }
    assert_eq!((seen.len(), seen.first()), (3 * 16 * 40, Some(&1)));
}

#[tokio::test]
async fn kinds_are_counted_apart() {
    let (log, clock): (Arc<dyn Log>, _) = (Memory::new(), Clock::settable(epoch()));
    let counters = counters(&log, &clock);
    assert_eq!(counters.next_id("workflow").await.unwrap(), 1);
    assert_eq!(counters.next_id("workflow").await.unwrap(), 2);
    assert_eq!(counters.next_id("execution").await.unwrap(), 1);
}

async fn spend(counters: &Counters, tier: Tier, clock: &Clock) -> i64 {
    let (account, day) = (AccountId(7), clock.now().date_naive());
    let mut spent = 0;
    while counters.count_request(account, tier, day).await.is_ok() {
        spent += 1;
    }
    spent
}

#[tokio::test]
async fn a_quota_is_given_out_exactly_and_begins_anew_with_the_day() {
    let (log, clock): (Arc<dyn Log>, _) = (Memory::new(), Clock::settable(epoch()));
    let counters = counters(&log, &clock);
    assert_eq!(spend(&counters, Tier::Free, &clock).await, 100);
    // A larger plan opens the rest at once.
    assert_eq!(spend(&counters, Tier::Starter, &clock).await, 900);
    clock.advance(TimeDelta::days(1));
    assert_eq!(spend(&counters, Tier::Free, &clock).await, 100);
}

#[tokio::test]
async fn a_restart_gives_no_request_more_and_loses_at_most_a_block() {
    let (log, clock): (Arc<dyn Log>, _) = (Memory::new(), Clock::settable(epoch()));
    let day = clock.now().date_naive();
    let before = counters(&log, &clock);
    for _ in 0..11 {
        before.count_request(AccountId(7), Tier::Free, day).await.unwrap();
    }
    drop(before);
    assert_eq!(spend(&counters(&log, &clock), Tier::Free, &clock).await, 100 - 15);
    assert_eq!(spend(&counters(&log, &clock), Tier::Free, &clock).await, 0);
}

#[tokio::test]
async fn what_is_left_is_told() {
    let (log, clock): (Arc<dyn Log>, _) = (Memory::new(), Clock::settable(epoch()));
    clock.advance(TimeDelta::hours(23));
    let (counters, day) = (counters(&log, &clock), clock.now().date_naive());
    let quota = counters.count_request(AccountId(7), Tier::Pro, day).await.unwrap();
    assert_eq!(quota, Some(Quota { limit: 10_000, remaining: 9_999, reset_s: 3_600 }));
    let quota = counters.count_request(AccountId(8), Tier::Enterprise, day).await.unwrap();
    assert_eq!(quota, None);
}
