//! What holds for any call under any sequence of commands, sensible or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::testing::Life;

/// Something that happens around a call.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
enum Move {
    /// A command comes in.
    Ask(Command),
    /// Time passes, in seconds.
    Wait(i64),
    /// The hub crashes and finds the call unfinished.
    Crash,
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        1 => Just(success()),
        1 => Just(sleep()),
        2 => any::<bool>().prop_map(|unanswered| Outcome::Failed(failure(unanswered))),
    ]
}

fn any_request() -> impl Strategy<Value = Command> {
    let class = select(vec![Read, Class::Idempotent, Keyed, AtMostOnce]);
    (1u128..3, class, option::weighted(0.2, any_outcome())).prop_map(|(number, class, outcome)| {
        let requested = Requested { call: call(number), ..wanted(class) };
        Command::Request { requested, outcome }
    })
}

fn any_move() -> impl Strategy<Value = Move> {
    let result = any::<u8>().prop_map(|mark| Resolution::Done(sealed(mark)));
    let resolution = prop_oneof![1 => result, 2 => Just(Resolution::Repeat)];
    prop_oneof![
        3 => any_request().prop_map(Move::Ask),
        3 => any_outcome().prop_map(|outcome| Move::Ask(record(outcome))),
        1 => Just(Move::Ask(Command::Wake)),
        1 => Just(Move::Ask(Command::Cancel)),
        2 => resolution.prop_map(|resolution| Move::Ask(resolve(resolution))),
        1 => (0i64..9).prop_map(Move::Wait),
        2 => Just(Move::Crash),
    ]
}

proptest! {
    #[test]
    fn any_history_keeps_the_laws(moves in prop::collection::vec(any_move(), 0..24)) {
        let (mut life, mut now) = (Life::<Call>::default(), 0);
        for next in moves {
            match next {
                Move::Wait(seconds) => now += seconds,
                Move::Crash => {
                    let found = life.restart();
                    // What must not be repeated is never pending after a crash.
                    let once = life.state().requested().is_some_and(|it| it.class == AtMostOnce);
                    prop_assert!(!once || life.state().pending() != under_way());
                    prop_assert!(found.len() <= 1);
                }
                Move::Ask(command) => {
                    let first = life.when(command.clone(), at(now));
                    let first = first.unwrap_or_default();
                    // A doubt that is settled for a repetition may be settled so again, later.
                    let again = life.when(command, at(now)).unwrap_or_default();
                    prop_assert!(first.is_empty() || again.is_empty(), "{first:?} {again:?}");
                }
            }
            // It waits for one thing at most, and for nothing that is over.
            prop_assert!(life.state().pending().len() <= 1);
            prop_assert!(!life.state().in_doubt() || life.state().pending().is_empty());
        }
    }
}
