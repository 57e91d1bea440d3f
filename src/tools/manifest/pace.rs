//! Whose turn it is: how often calls go through each connection, and when they wait.
//!
//! A lane per connection: calls per second as the manifest says, a wait that the platform asked
//! for and that holds for every call, and a rest after failures in a row. Never here: how an
//! answer is read.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_events::id::ConnectionId;
use parking_lot::Mutex;

use super::answer::Reading;
use crate::clock::Clock;
use crate::egress::EgressError;
use crate::platforms::manifest::Limits;
use crate::tools::Failure;

/// Failures in a row after which a connection rests.
const FAILURES: u32 = 5;

/// The first rest; each further one is twice as long.
const REST: TimeDelta = TimeDelta::seconds(2);

/// The longest rest.
const LONGEST_REST: TimeDelta = TimeDelta::seconds(60);

/// For how long a call waits for its turn; where that is not enough, it is tried again later.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest wait that a platform is believed.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

/// From so many lanes on those that say nothing are dropped.
const LANES: usize = 10_000;

/// All lanes.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<ConnectionId, Lane>>);

/// What is known of a connection's turns.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// When the next call may go, by the calls per second.
    next: Option<DateTime<Utc>>,
    /// Until when the platform asked to wait.
    wait: Option<DateTime<Utc>>,
    /// Until when it rests.
    rest: Option<DateTime<Utc>>,
    /// Failures in a row.
    failures: u32,
}

impl Lane {
    /// The moment before which no call may go.
    fn opens(&self) -> Option<DateTime<Utc>> {
        self.wait.max(self.rest)
    }

    /// Takes a turn; or says from when on there is one.
    fn take(&mut self, limits: &Limits, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        if let Some(opens) = self.opens().filter(|opens| *opens > now) {
            return Err(opens);
        }
        if self.rest.is_some() {
            // After a rest one call goes first, to see.
            self.rest = Some(now + REST);
        }
        let Some(per_second) = limits.per_second.filter(|per_second| *per_second > 0.0) else {
            return Ok(());
        };
        let each = seconds(1.0 / per_second);
        let early = seconds((limits.burst.max(1.0) - 1.0) / per_second);
        let earliest = now - early;
        let next = self.next.map_or(earliest, |next| next.max(earliest));
        if next > now {
            return Err(next);
        }
        self.next = Some(next + each);
        Ok(())
    }

    fn failed(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let rest = REST * 2_i32.pow(more.min(5));
            self.rest = Some(now + rest.min(LONGEST_REST));
        }
    }

    fn says_nothing(&self, now: DateTime<Utc>) -> bool {
        self.failures == 0 && self.opens().max(self.next).is_none_or(|moment| moment <= now)
    }
}

fn seconds(seconds: f64) -> TimeDelta {
    TimeDelta::microseconds((seconds * 1_000_000.0) as i64)
}

impl Pace {
    /// Waits for a connection's turn; a call that would wait too long fails and may be tried
    /// again then.
    pub(super) async fn turn(
        &self,
        connection: ConnectionId,
        limits: &Limits,
        clock: &Clock,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let patience = TimeDelta::from_std(PATIENCE.min(timeout / 2)).unwrap_or_default();
        let began = clock.now();
        loop {
            let now = clock.now();
            let Err(from) = self.lane(connection, now, |lane| lane.take(limits, now)) else {
                return Ok(());
            };
            if from - began > patience {
                let message =
                    "The platform asked to wait, or does not answer; it is not called now";
                let retry_after = Some(from);
                return Err(Failure { retry_after, ..Failure::passing("waiting", message) });
            }
            clock.sleep_until(from).await;
        }
    }

    /// Learns from an answer.
    pub(super) fn heard(
        &self,
        connection: ConnectionId,
        limits: &Limits,
        reading: &Reading,
        now: DateTime<Utc>,
    ) {
        let wait = reading.wait(limits, now).map(|until| until.min(now + LONGEST_WAIT));
        let is_down = reading.status >= 500;
        self.lane(connection, now, |lane| {
            if let Some(until) = wait {
                lane.wait = lane.wait.max(Some(until));
            }
            if is_down && wait.is_none() {
                lane.failed(now);
            } else {
                (lane.failures, lane.rest) = (0, None);
            }
        });
    }

    /// Learns from a failure that says when to try again: a code may say so with any status.
    pub(super) fn told(&self, connection: ConnectionId, failure: &Failure, now: DateTime<Utc>) {
        if let Some(until) = failure.retry_after.map(|until| until.min(now + LONGEST_WAIT)) {
            self.lane(connection, now, |lane| lane.wait = lane.wait.max(Some(until)));
        }
    }

    /// Learns that no answer came.
    pub(super) fn lost(&self, connection: ConnectionId, error: &EgressError, now: DateTime<Utc>) {
        if matches!(error, EgressError::NotSent(_) | EgressError::Unanswered(_)) {
            self.lane(connection, now, |lane| lane.failed(now));
        }
    }

    fn lane<T>(
        &self,
        connection: ConnectionId,
        now: DateTime<Utc>,
        what: impl FnOnce(&mut Lane) -> T,
    ) -> T {
        let mut lanes = self.0.lock();
        if lanes.len() > LANES {
            lanes.retain(|_, lane| !lane.says_nothing(now));
        }
        what(lanes.entry(connection).or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    #[test]
    fn calls_keep_to_so_many_per_second_after_a_burst() {
        let limits = Limits { per_second: Some(10.0), burst: 3.0, ..Limits::default() };
        let mut lane = Lane::default();
        for _ in 0..3 {
            assert_eq!(lane.take(&limits, at(0)), Ok(()));
        }
        assert_eq!(lane.take(&limits, at(0)), Err(at(100)));
        assert_eq!(lane.take(&limits, at(100)), Ok(()));
        assert_eq!(lane.take(&limits, at(100)), Err(at(200)));
        for _ in 0..3 {
            assert_eq!(lane.take(&limits, at(9_000)), Ok(()));
        }
        assert!(lane.take(&limits, at(9_000)).is_err());
        let free = Limits::default();
        assert!((0..1_000).all(|_| Lane::default().take(&free, at(0)).is_ok()));
    }

    #[test]
    fn a_wait_holds_for_every_call() {
        let mut lane = Lane { wait: Some(at(5_000)), ..Lane::default() };
        let limits = Limits::default();
        assert_eq!(lane.take(&limits, at(0)), Err(at(5_000)));
        assert_eq!(lane.take(&limits, at(5_000)), Ok(()));
    }

    #[test]
    fn failures_in_a_row_make_a_rest_and_one_call_goes_first() {
        let (mut lane, limits) = (Lane::default(), Limits::default());
        for _ in 0..4 {
            lane.failed(at(0));
        }
        assert_eq!(lane.take(&limits, at(0)), Ok(()));
        lane.failed(at(0));
        assert_eq!(lane.take(&limits, at(0)), Err(at(2_000)));
        assert_eq!(lane.take(&limits, at(2_000)), Ok(()), "one, to see");
        assert_eq!(lane.take(&limits, at(2_000)), Err(at(4_000)), "the others wait for it");
        lane.failed(at(2_100));
        assert_eq!(lane.take(&limits, at(2_200)), Err(at(6_100)), "twice as long");
    }
}
