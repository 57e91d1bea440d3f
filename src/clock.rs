//! The only wall clock and the only source of fresh ids and random bytes.
//!
//! Everything else is given its time, so tests can set it. Never here: rules about time.

use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use rand::TryRng as _;
use tokio::sync::watch;
use uuid::Uuid;

/// A clock: the system's, or one that a test moves.
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<watch::Sender<DateTime<Utc>>>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn settable(at: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(watch::Sender::new(at))))
    }

    /// This moment, in whole microseconds (what the log keeps).
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.0.as_ref().map_or_else(Utc::now, |set| *set.borrow());
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a settable clock on; the system's does not obey.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(set) = &self.0 {
            set.send_modify(|now| *now += by);
        }
    }

    /// Waits until a moment has come.
    pub async fn sleep_until(&self, moment: DateTime<Utc>) {
        match &self.0 {
            // The system's time may be set back or stand still, so look again at the end.
            None => {
                while let Ok(left) = (moment - Utc::now()).to_std()
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(std::time::Duration::from_secs(60))).await;
                }
            }
            Some(set) => {
                let _ = set.subscribe().wait_for(|now| *now >= moment).await;
            }
        }
    }
}

/// A fresh UUID, ordered by time.
pub fn uuid() -> Uuid {
    Uuid::now_v7()
}

/// Fresh random bytes, fit for keys.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The operating system's generator does not fail once the process runs; the thread's own
    // generator is seeded from it and is of cryptographic strength too.
    if rand::rngs::SysRng.try_fill_bytes(&mut bytes).is_err() {
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    }
    bytes
}
