//! What it means that a call failed or is in doubt, wherever it was made.
//!
//! Never here: what follows from it; each kind has its own rules.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sealed::Sealed;

/// Why a try of a call failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind of failure, in snake case.
    pub code: String,
    /// In words.
    pub error: Sealed<String>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// Whether another try may go better.
    pub retryable: bool,
    /// Whether it may have taken effect all the same: sent, and no answer, or one that leaves
    /// it open.
    pub unanswered: bool,
    /// Not before this moment, where the other side named one.
    pub retry_after: Option<DateTime<Utc>>,
}

/// Why it is not known whether a call took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The hub stopped while the call was under way.
    Restarted,
    /// What made the call was cancelled while it was under way.
    Cancelled,
    /// The call was sent, and no answer came, or one that leaves it open.
    Unanswered,
}

/// The longest pause before a retry.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// The pause before a retry: doubled each time, at most an hour.
pub(crate) fn pause(first_ms: u64, retries: u32) -> TimeDelta {
    let factor = 1u64.checked_shl(retries).unwrap_or(u64::MAX);
    let millis = i64::try_from(first_ms.saturating_mul(factor)).unwrap_or(i64::MAX);
    TimeDelta::try_milliseconds(millis).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_an_hour() {
        let cases = [
            (0, 0, 0),
            (0, 70, 0),
            (5_000, 0, 5_000),
            (5_000, 1, 10_000),
            (5_000, 3, 40_000),
            (5_000, 20, 3_600_000),
            (1, 63, 3_600_000),
            (1, 64, 3_600_000),
            (1, u32::MAX, 3_600_000),
            (u64::MAX, 0, 3_600_000),
        ];
        for (first, retries, expected) in cases {
            assert_eq!(pause(first, retries).num_milliseconds(), expected, "{first} ms, {retries}");
        }
    }
}
