//! A call of a tool, for tests of tools.

use std::time::Duration;

use hub_events::id::{AccountId, CallId};
use hub_events::testing::epoch;
use serde_json::Value;

use super::Call;

/// A call with these arguments; everything else as plain as can be.
pub(crate) fn call(account: AccountId, arguments: Value) -> Call {
    Call {
        id: CallId(uuid::Uuid::from_u128(1)),
        account,
        connection: None,
        arguments,
        context: None,
        now: epoch(),
        timeout: Duration::from_secs(60),
    }
}
