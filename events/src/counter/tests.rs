//! What is taken of a counter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::testing::{Life, epoch, given};

fn taken(first: i64, last: i64) -> Event {
    Event::BlockTaken(BlockTaken { first, last })
}

#[track_caller]
fn check(history: &[Event], (count, limit): (i64, i64), then: Option<(i64, i64)>) {
    let when = given::<Counter>(history.iter().cloned()).when(TakeBlock { count, limit });
    match then {
        Some((first, last)) => {
            let given = when.then(&[taken(first, last)]);
            assert_eq!(given.state().taken(), last);
        }
        None => {
            when.then_refused("counter_exhausted");
        }
    }
}

#[test]
fn a_block_follows_the_one_before() {
    check(&[], (1, i64::MAX), Some((1, 1)));
    check(&[taken(1, 100)], (50, i64::MAX), Some((101, 150)));
}

#[test]
fn nothing_is_taken_above_the_limit() {
    check(&[taken(1, 95)], (10, 100), Some((96, 100)));
    check(&[taken(1, 100)], (1, 100), None);
    check(&[taken(1, 100)], (1, 50), None);
    check(&[], (1, 0), None);
    check(&[taken(1, i64::MAX)], (1, i64::MAX), None);
    check(&[taken(1, i64::MAX - 1)], (i64::MAX, i64::MAX), Some((i64::MAX, i64::MAX)));
}

#[test]
fn a_block_holds_something() {
    for count in [0, -1, i64::MIN] {
        check(&[taken(1, 5)], (count, 100), None);
    }
}

/// Counts and limits, small ones and the strangest.
fn any_number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -5i64..50, 1 => any::<i64>()]
}

proptest! {
    #[test]
    fn no_number_is_taken_twice_or_left_out(
        takes in prop::collection::vec((any_number(), any_number()), 0..30),
    ) {
        let mut life = Life::<Counter>::default();
        for (count, limit) in takes {
            let before = life.state().taken();
            match life.when(TakeBlock { count, limit }, epoch()).as_deref() {
                Ok([Event::BlockTaken(block)]) => {
                    prop_assert_eq!(Some(block.first), before.checked_add(1));
                    prop_assert!(block.first <= block.last && block.last <= limit);
                    prop_assert!(block.last - block.first < count);
                }
                Ok(other) => prop_assert!(false, "{other:?}"),
                Err(_) => prop_assert_eq!(life.state().taken(), before),
            }
        }
    }
}
