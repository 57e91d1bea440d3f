//! Given, when, then: a small language for tests of deciders, and the laws that hold for all.
//!
//! Built with the feature `testing` only. Never here: what one kind alone must keep.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeZone, Utc};

use crate::decider::{Decider, Event};
use crate::effect::Pending;
use crate::refusal::Refusal;
use crate::sealed::{KeyId, Sealed};

/// The moment at which tests begin: 2026-01-01T00:00:00Z.
pub fn epoch() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().unwrap_or_default()
}

/// Sealed content that nobody can open; equal where the mark is.
pub fn sealed<T>(mark: u8) -> Sealed<T> {
    Sealed::inline(KeyId(1), [mark; 4].into())
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

/// A thing that lives through any commands, and is held to what every decider promises: what
/// is stored reads back as it was, its fold is the live state, and a state that went through a
/// snapshot decides and waits as the live one does.
#[derive(Debug, Default)]
pub struct Life<D: Decider> {
    live: D,
    stored: D,
    seen: BTreeSet<&'static str>,
}

impl<D: Decider> Life<D>
where
    D::Command: Clone,
{
    /// The state.
    pub fn state(&self) -> &D {
        &self.live
    }

    /// The types of all events that have happened to it.
    pub fn seen(&self) -> &BTreeSet<&'static str> {
        &self.seen
    }

    /// A command comes in; answers with what it decided to, which now has happened.
    #[track_caller]
    pub fn when(
        &mut self,
        command: D::Command,
        at: DateTime<Utc>,
    ) -> Result<Vec<D::Event>, Refusal> {
        let restored = restored(&self.live);
        let decided = self.live.decide(command.clone(), at);
        assert_eq!(restored.decide(command, at), decided, "after a snapshot");
        let events = decided?;
        self.happen(&events);
        Ok(events)
    }

    /// It is found unfinished after a crash; answers with what that meant.
    #[track_caller]
    pub fn restart(&mut self) -> Vec<D::Event> {
        self.live = restored(&self.stored);
        let events = self.live.restarted();
        self.happen(&events);
        assert_eq!(self.live.restarted(), [], "a second restart");
        events
    }

    #[track_caller]
    #[allow(clippy::expect_used)]
    fn happen(&mut self, events: &[D::Event]) {
        for event in events {
            let data = event.encode().expect("an event has a wire form");
            let read = D::Event::decode(event.event_type(), &data).expect("its kind knows it");
            let read = read.expect("what was written can be read");
            assert_eq!(&read, event, "as stored");
            self.live.evolve(event);
            self.stored.evolve(&read);
            self.seen.insert(event.event_type());
        }
        assert_eq!(json(&self.stored), json(&self.live), "the fold of what was stored");
        assert_eq!(restored(&self.live).pending(), self.live.pending(), "after a snapshot");
    }
}

#[allow(clippy::expect_used)]
fn json<D: Decider>(state: &D) -> String {
    serde_json::to_string(state).expect("a state has a wire form")
}

#[allow(clippy::expect_used)]
fn restored<D: Decider>(state: &D) -> D {
    serde_json::from_str(&json(state)).expect("a snapshot can be read")
}
