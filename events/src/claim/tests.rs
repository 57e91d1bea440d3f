//! What becomes of a claim.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::testing::{Life, epoch, given};

fn claim(account: i64) -> MakeClaim {
    MakeClaim { account: AccountId(account) }
}

fn made(account: i64) -> Event {
    Event::Made(Made { account: AccountId(account) })
}

#[test]
fn the_first_has_it() {
    let held = given::<Claim>([]).when(claim(1)).then(&[made(1)]);
    assert_eq!(held.state().holder(), Some(AccountId(1)));
    held.clone().when(claim(1)).then(&[]);
    held.when(claim(2)).then_refused("claim_taken");
}

proptest! {
    #[test]
    fn it_stays_with_its_first_holder(claims in prop::collection::vec(0i64..4, 1..10)) {
        let mut life = Life::<Claim>::default();
        for account in &claims {
            let answer = life.when(claim(*account), epoch());
            prop_assert_eq!(answer.is_ok(), account == &claims[0]);
            prop_assert_eq!(life.state().holder(), Some(AccountId(claims[0])));
        }
    }
}
