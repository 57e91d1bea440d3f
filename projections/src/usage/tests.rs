#![allow(clippy::unwrap_used)]

use hub_events::id::ExecutionId;

use super::*;
use crate::testing::{Kept, folded, whole_run};

#[test]
fn runs_count_for_the_month_in_which_they_began() {
    const DAY: i64 = 86_400;
    let log = Kept::default();
    for (run, second) in [(1, 0), (2, 31 * DAY - 1), (3, 31 * DAY)] {
        log.add(&ExecutionId(run).stream(), AccountId(1), second, &whole_run(run, 1, 1));
    }
    let generation = folded(&[&Usage], &log);
    let views = generation.connection();
    let months = ["2025-12", "2026-01", "2026-02"];
    assert_eq!(months.map(|month| runs(views, AccountId(1), month).unwrap()), [0, 2, 1]);
    assert_eq!(runs(views, AccountId(2), "2026-01").unwrap(), 0);
}
