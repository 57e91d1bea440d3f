//! Given, when, then: a small language for tests of deciders.
//!
//! Built with the feature `testing` only.

use chrono::{DateTime, TimeZone, Utc};

use crate::decider::Decider;
use crate::effect::Pending;
use crate::refusal::Refusal;

/// The moment at which tests begin: 2026-01-01T00:00:00Z.
pub fn epoch() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().unwrap_or_default()
}

/// A thing with a history.
#[derive(Debug, Clone)]
pub struct Given<D: Decider> {
    state: D,
    at: DateTime<Utc>,
}

/// What a command led to.
#[derive(Debug)]
pub struct When<D: Decider> {
    given: Given<D>,
    decided: Result<Vec<D::Event>, Refusal>,
}

/// A thing with these events behind it.
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let mut state = D::default();
    events.into_iter().for_each(|event| state.evolve(&event));
    Given { state, at: epoch() }
}

impl<D: Decider> Given<D> {
    /// At another moment than [`epoch`].
    #[must_use]
    pub fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = at;
        self
    }

    /// A command comes in.
    pub fn when(self, command: D::Command) -> When<D> {
        let decided = self.state.decide(command, self.at);
        When { given: self, decided }
    }

    /// The state.
    pub fn state(&self) -> &D {
        &self.state
    }

    /// What it waits for is exactly this.
    #[track_caller]
    pub fn then_pending(self, expected: &[Pending]) -> Self {
        assert_eq!(self.state.pending(), expected);
        self
    }
}

impl<D: Decider> When<D> {
    /// The command led to exactly these events, which now have happened.
    #[track_caller]
    pub fn then(self, expected: &[D::Event]) -> Given<D> {
        assert_eq!(self.decided.as_deref(), Ok(expected));
        let mut given = self.given;
        expected.iter().for_each(|event| given.state.evolve(event));
        given
    }

    /// The command led to events, which now have happened.
    #[track_caller]
    #[allow(clippy::panic)]
    pub fn then_accepted(self) -> Given<D> {
        match self.decided {
            Ok(events) => {
                let mut given = self.given;
                events.iter().for_each(|event| given.state.evolve(event));
                given
            }
            Err(refusal) => panic!("refused: {refusal}"),
        }
    }

    /// The command was refused with this code.
    #[track_caller]
    pub fn then_refused(self, code: &str) -> Given<D> {
        assert_eq!(self.decided.map_err(|refusal| refusal.code), Err(code));
        self.given
    }
}
