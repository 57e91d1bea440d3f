//! One call of a tool that somebody asked for directly: its intent, what came of it, its doubt.
//!
//! ```text
//! Request ──> called ──(outcome)──> succeeded, failed
//!             ▲  │  └──(deferred)──> asleep ──Wake──> succeeded
//!             │  └──Cancel, or no answer──> in doubt ──Resolve──> succeeded
//!             └──────────────Resolve──────────┘
//! ```
//!
//! Where the call may be repeated, or sleeps, `Cancel` leads to cancelled and not to doubt.
//! Never here: whether the arguments are right or who may call; that was looked at before.

mod command;
mod event;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decider::Decider;
use crate::effect::{Effect, Pending};
use crate::execution::{Doubt, Failure, Outcome, Resolution};
use crate::id::CallId;
use crate::refusal::{Kind, Refusal};
use crate::sealed::Sealed;

pub use command::Command;
pub use event::{Cancelled, Deferred, Doubted, Event, Failed, Requested, Resolved, Succeeded, Via};

/// The number under which the one step of a call wakes.
const STEP: u32 = 1;

/// A call is tried once; one that somebody has repeated is the same try again.
const ATTEMPT: u32 = 1;

/// Where a call stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Progress {
    /// Not asked for.
    #[default]
    Missing,
    /// It is under way.
    Called,
    /// It sleeps.
    Asleep { until: DateTime<Utc>, result: Sealed<Value> },
    /// It may or may not have taken effect.
    InDoubt,
    /// It is over.
    Over,
    /// Somebody stopped it before it took effect.
    Cancelled,
}

/// A call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Call {
    requested: Option<Requested>,
    progress: Progress,
}

impl Call {
    /// What was asked for.
    pub fn requested(&self) -> Option<&Requested> {
        self.requested.as_ref()
    }

    /// Whether it waits for somebody to say what became of it.
    pub fn in_doubt(&self) -> bool {
        self.progress == Progress::InDoubt
    }

    /// Whether what is under way could simply be made again.
    fn repeatable(&self) -> bool {
        self.requested.as_ref().is_some_and(|requested| requested.class.repeatable())
    }

    fn request(&self, requested: Requested, outcome: Option<Outcome>) -> Vec<Event> {
        let repeatable = requested.class.repeatable();
        let mut events = vec![Event::Requested(requested)];
        events.extend(outcome.map(|outcome| record(outcome, repeatable)));
        events
    }

    fn wake(&self, at: DateTime<Utc>) -> Vec<Event> {
        match &self.progress {
            Progress::Asleep { until, result } if *until <= at => {
                vec![Event::Succeeded(Succeeded { result: result.clone() })]
            }
            _ => Vec::new(),
        }
    }

    fn cancel(&self) -> Result<Vec<Event>, Refusal> {
        match self.progress {
            Progress::Called if !self.repeatable() => Ok(self.doubt(Doubt::Cancelled)),
            Progress::Called | Progress::Asleep { .. } => Ok(vec![Event::Cancelled(Cancelled {})]),
            // What is in doubt is not under way, so there is nothing to stop.
            Progress::InDoubt | Progress::Cancelled => Ok(Vec::new()),
            Progress::Missing | Progress::Over => {
                Err(Refusal::new(Kind::Conflict, "call_finished", "The call is over"))
            }
        }
    }

    fn resolve(&self, resolution: Resolution) -> Result<Vec<Event>, Refusal> {
        if self.in_doubt() {
            return Ok(vec![Event::Resolved(Resolved { resolution })]);
        }
        Err(Refusal::new(Kind::Conflict, "call_not_in_doubt", "The call is not in doubt"))
    }

    fn doubt(&self, doubt: Doubt) -> Vec<Event> {
        vec![Event::Doubted(Doubted { doubt, error: None })]
    }
}

/// What follows from the outcome of a call.
fn record(outcome: Outcome, repeatable: bool) -> Event {
    match outcome {
        Outcome::Succeeded(result) => Event::Succeeded(Succeeded { result }),
        Outcome::Deferred { until, result } => Event::Deferred(Deferred { until, result }),
        Outcome::Failed(failure) if failure.unanswered && !repeatable => {
            Event::Doubted(Doubted { doubt: Doubt::Unanswered, error: Some(failure.error) })
        }
        Outcome::Failed(Failure { code, error, result, retry_after, .. }) => {
            Event::Failed(Failed { code, error, result, retry_after })
        }
    }
}

impl Decider for Call {
    const KIND: &'static str = CallId::KIND;
    const STATE_VERSION: u32 = 1;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some(known) = &self.requested else {
            return match command {
                Command::Request { requested, outcome } => Ok(self.request(requested, outcome)),
                _ => Err(Refusal::new(Kind::Missing, "call_missing", "Call not found")),
            };
        };
        match command {
            Command::Request { requested, .. } if requested.call == known.call => Ok(Vec::new()),
            Command::Request { .. } => {
                Err(Refusal::new(Kind::Conflict, "call_requested", "The call was asked for"))
            }
            Command::RecordOutcome { outcome } if self.progress == Progress::Called => {
                Ok(vec![record(outcome, self.repeatable())])
            }
            // What comes too late, or twice, changes nothing.
            Command::RecordOutcome { .. } => Ok(Vec::new()),
            Command::Wake => Ok(self.wake(at)),
            Command::Cancel => self.cancel(),
            Command::Resolve { resolution } => self.resolve(resolution),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.progress = match event {
            Event::Requested(requested) => {
                self.requested = Some(requested.clone());
                Progress::Called
            }
            Event::Deferred(Deferred { until, result }) => {
                Progress::Asleep { until: *until, result: result.clone() }
            }
            Event::Succeeded(_) | Event::Failed(_) => Progress::Over,
            Event::Doubted(_) => Progress::InDoubt,
            Event::Resolved(Resolved { resolution: Resolution::Done(_) }) => Progress::Over,
            Event::Resolved(Resolved { resolution: Resolution::Repeat }) => Progress::Called,
            Event::Cancelled(_) => Progress::Cancelled,
        };
    }

    fn pending(&self) -> Vec<Pending> {
        match (&self.progress, &self.requested) {
            (Progress::Called, Some(requested)) => {
                vec![Pending::now(Effect::CallTool { call: requested.call, attempt: ATTEMPT })]
            }
            (Progress::Asleep { until, .. }, _) => {
                vec![Pending::at(Effect::Wake { step: STEP }, *until)]
            }
            _ => Vec::new(),
        }
    }

    fn restarted(&self) -> Vec<Event> {
        match self.progress {
            Progress::Called if !self.repeatable() => self.doubt(Doubt::Restarted),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
