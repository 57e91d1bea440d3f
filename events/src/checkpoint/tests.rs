//! What checkpoints follow one another, and what they notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use uuid::Uuid;

use super::*;
use crate::recorded::{Actor, Context, Hash, Recorded, Version};
use crate::testing::{epoch, given};

fn signed(after: u64, up_to: u64) -> Signed {
    Signed {
        after: Position(after),
        up_to: Position(up_to),
        streams: 1,
        root: "00".to_owned(),
        public_key: "01".to_owned(),
        signature: "02".to_owned(),
    }
}

#[test]
fn each_begins_where_the_one_before_ends() {
    let first = Event::Signed(signed(0, 5));
    let state = given::<Checkpoints>([]).when(Sign(signed(0, 5))).then(&[first]);
    assert_eq!(state.state().up_to(), Position(5));
    for (after, up_to) in [(0, 5), (0, 9), (4, 9), (6, 9), (5, 5)] {
        state.clone().when(Sign(signed(after, up_to))).then(&[]);
    }
    state.when(Sign(signed(5, 9))).then(&[Event::Signed(signed(5, 9))]);
}

fn event(position: u64, stream: &str, version: u64, mark: u8) -> Recorded {
    Recorded {
        position: Position(position),
        stream: StreamId::new("a", stream),
        version: Version(version),
        event_type: "claim.made".into(),
        schema: 1,
        context: Context {
            at: epoch(),
            account: None,
            actor: Actor::Hub,
            correlation: Uuid::nil(),
            causation: None,
        },
        data: "{}".into(),
        hash: Hash([mark; 32]),
    }
}

#[test]
fn it_holds_for_the_same_heads_only() {
    let heads = |events: &[(u64, &str, u64, u8)]| {
        let mut heads = Heads::after(Position(0));
        for (position, stream, version, mark) in events {
            heads.note(&event(*position, stream, *version, *mark));
        }
        heads
    };
    let told = Signed::of(&heads(&[(1, "x", 1, 1), (2, "y", 1, 2), (3, "x", 2, 3)]), "k".into());
    assert_eq!((told.up_to, told.streams), (Position(3), 2));
    // What came in between is bound by the hash of what came last.
    assert!(told.holds_for(&heads(&[(2, "y", 1, 2), (3, "x", 2, 3)])));
    for changed in [
        &[(2, "y", 1, 2), (3, "x", 2, 4)][..],
        &[(2, "y", 1, 2), (3, "x", 3, 3)],
        &[(2, "z", 1, 2), (3, "x", 2, 3)],
        &[(3, "x", 2, 3)],
        &[(1, "w", 1, 1), (2, "y", 1, 2), (3, "x", 2, 3)],
        &[],
    ] {
        assert!(!told.holds_for(&heads(changed)), "{changed:?}");
    }
}
