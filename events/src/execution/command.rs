//! What can be asked of a run, by people and by the effects that come back.
//!
//! Never here: what follows from it; the rules are in the module above.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::event::{Resolution, Started, StepStarted};
use crate::outcome::Failure;
use crate::sealed::Sealed;

/// What can be asked of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin it.
    Begin(Started),
    /// Pass over a step whose condition is false.
    SkipStep {
        /// The step's number.
        step: u32,
        /// The try for which the condition was evaluated.
        attempt: u32,
    },
    /// Put a step's intent on record; for a call that only reads, with its outcome.
    StartStep {
        /// The intent.
        started: StepStarted,
        /// What came of it, where the call needed no intent.
        outcome: Option<Outcome>,
    },
    /// A step could not even be started.
    RejectStep {
        /// The step's number.
        step: u32,
        /// The try that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// Record what came of a call.
    RecordOutcome {
        /// The step's number.
        step: u32,
        /// The try.
        attempt: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// Let a sleeping step go on, if its moment has come.
    WakeStep {
        /// The step's number.
        step: u32,
    },
    /// Stop.
    Cancel,
    /// Go on from the step where it stopped.
    Retry,
    /// Settle a step in doubt.
    ResolveStep {
        /// The step's number.
        step: u32,
        /// How.
        resolution: Resolution,
    },
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Succeeded(Sealed<Value>),
    /// It is done when a moment has come.
    Deferred {
        /// The moment.
        until: DateTime<Utc>,
        /// The result then.
        result: Sealed<Value>,
    },
    /// It failed.
    Failed(Failure),
}
