#![allow(clippy::unwrap_used)]

use hub_events::id::ExecutionId;

use super::*;
use crate::testing::{Kept, folded, moment, whole_run};

#[test]
fn an_accounts_moments_are_paged_newest_first() {
    let log = Kept::default();
    for (run, account) in [(1, 1), (2, 2), (3, 1)] {
        log.add(&ExecutionId(run).stream(), AccountId(account), run, &whole_run(run, account, 0));
    }
    let generation = folded(&[&Timeline], &log);
    let views = generation.connection();
    let one = AccountId(1);

    let newest = page(views, one, None, 3).unwrap();
    let positions: Vec<_> = newest.iter().map(|moment| moment.position.0).collect();
    assert_eq!(positions, [6, 5, 2]);
    assert_eq!(
        newest.first(),
        Some(&MomentView {
            position: Position(6),
            at: moment(3),
            stream: ExecutionId(3).stream(),
            event_type: "execution.completed".to_owned(),
            actor: Actor::Account(one),
            correlation: Uuid::from_u128(7),
        })
    );
    let older = page(views, one, Some(Position(2)), 3).unwrap();
    assert_eq!(older.iter().map(|moment| moment.position.0).collect::<Vec<_>>(), [1]);
    assert!(page(views, AccountId(3), None, 3).unwrap().is_empty());
}
