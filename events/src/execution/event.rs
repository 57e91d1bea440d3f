//! What can happen to a run, in its wire form.
//!
//! Never here: when it happens; the rules are in the module above.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decider::events;
use crate::effect::Class;
use crate::id::{AccountId, CallId, ConnectionId, ExecutionId, StepId, WorkflowId};
use crate::outcome::Doubt;
use crate::sealed::Sealed;

events! {
    /// What can happen to a run.
    "execution" {
        /// It began.
        Started(Started) = "started" v 1,
        /// A step's condition was false.
        StepSkipped(StepSkipped) = "step_skipped" v 1,
        /// A step's intent, on record before the world can notice.
        StepStarted(StepStarted) = "step_started" v 1,
        /// A started step sleeps until a moment.
        StepDeferred(StepDeferred) = "step_deferred" v 1,
        /// A step is done.
        StepSucceeded(StepSucceeded) = "step_succeeded" v 1,
        /// A try of a step failed.
        StepFailed(StepFailed) = "step_failed" v 1,
        /// A call may or may not have taken effect, and must not be repeated blindly.
        StepDoubted(StepDoubted) = "step_doubted" v 1,
        /// Somebody said what became of a call in doubt.
        StepResolved(StepResolved) = "step_resolved" v 1,
        /// All steps are done.
        Completed(Completed) = "completed" v 1,
        /// A step failed for good.
        Failed(Failed) = "failed" v 1,
        /// Somebody stopped it.
        Cancelled(Cancelled) = "cancelled" v 1,
        /// Somebody had it go on from the step where it stopped.
        Retried(Retried) = "retried" v 1,
    }
}

/// A run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The run.
    pub execution: ExecutionId,
    /// Whose it is.
    pub account: AccountId,
    /// The workflow that it runs.
    pub workflow: WorkflowId,
    /// The version of that workflow to which it is pinned.
    pub workflow_version: u32,
    /// What began it: `manual`, `scheduled`, `webhook` or `event`.
    pub trigger: String,
    /// The structure of the steps, in their order.
    pub plan: Vec<PlannedStep>,
    /// What the run was given.
    pub input: Sealed<Map<String, Value>>,
}

/// The structure of one step, as the run needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step of the workflow's version.
    pub id: StepId,
    /// Its number, by which results are named.
    pub number: u32,
    /// The tool that it calls.
    pub tool: String,
    /// How many times a failed try is repeated.
    pub max_retries: u32,
    /// How long to wait before the first repetition, in milliseconds; doubled for each more.
    pub retry_delay_ms: u64,
    /// How long one try may take, in seconds.
    pub timeout_s: u32,
}

/// A step's condition was false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSkipped {
    /// The step's number.
    pub step: u32,
}

/// A try of a step began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStarted {
    /// The step's number.
    pub step: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The call.
    pub call: CallId,
    /// What the world can notice of it.
    pub class: Class,
    /// The connection through which it goes, where the tool needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// The arguments, filled in.
    pub arguments: Sealed<Value>,
}

/// A started step sleeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDeferred {
    /// The step's number.
    pub step: u32,
    /// When it goes on.
    pub until: DateTime<Utc>,
    /// What its result will be then.
    pub result: Sealed<Value>,
}

/// A step is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSucceeded {
    /// The step's number.
    pub step: u32,
    /// What the tool answered.
    pub result: Sealed<Value>,
}

/// A try of a step failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFailed {
    /// The step's number.
    pub step: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The kind of failure, in snake case.
    pub code: String,
    /// What went wrong, in words.
    pub error: Sealed<String>,
    /// What the tool answered, where it answered.
    pub result: Option<Sealed<Value>>,
    /// When the step is tried again, if it is.
    pub retry_at: Option<DateTime<Utc>>,
    /// The call, where the next try is made under its name, so that a platform which knows
    /// calls by name does not do it twice: always where it may be repeated, since the answer
    /// to one try says nothing of those before it.
    pub call: Option<CallId>,
}

/// A call may or may not have taken effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDoubted {
    /// The step's number.
    pub step: u32,
    /// Why it is in doubt.
    pub doubt: Doubt,
    /// What is known, in words.
    pub error: Option<Sealed<String>>,
}

/// What became of a call in doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It took effect, with this result.
    Done(Sealed<Value>),
    /// It did not, or may be made again.
    Repeat,
}

/// Somebody settled a doubt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResolved {
    /// The step's number.
    pub step: u32,
    /// How.
    pub resolution: Resolution,
}

/// All steps are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {}

/// A step failed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The step's number.
    pub step: u32,
}

/// Somebody stopped the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {}

/// Somebody had the run go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retried {
    /// The number of the step from which it goes on.
    pub step: u32,
}
