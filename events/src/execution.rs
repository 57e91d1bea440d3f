//! One run of a workflow: which step comes next, what is in flight, what is in doubt.
//!
//! ```text
//! Begin ──> running ──(each step: prepare, call, outcome)──> completed
//!              │ ▲  ▲
//!              │ │  └──Retry── failed, cancelled
//!              │ └──Resolve── in doubt
//!              └──Cancel──> cancelled
//! ```
//!
//! Never here: a step's condition, arguments or tool; those are evaluated by the effects,
//! which come back with a command.

mod command;
mod event;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decider::Decider;
use crate::effect::{Class, Effect, Pending};
use crate::id::{CallId, ConnectionId, ExecutionId};
use crate::outcome::pause;
use crate::refusal::{Kind, Refusal};
use crate::sealed::Sealed;
use crate::workflow::distinct_numbers;

pub use crate::outcome::{Doubt, Failure};
pub use command::{Command, Outcome};
pub use event::{
    Cancelled, Completed, Event, Failed, PlannedStep, Resolution, Retried, Started, StepDeferred,
    StepDoubted, StepFailed, StepResolved, StepSkipped, StepStarted, StepSucceeded,
};

/// The status of a run as clients see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    #[default]
    Pending,
    /// Under way.
    Running,
    /// All steps are done.
    Completed,
    /// A step failed for good.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// Where the step at the cursor stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Progress {
    /// To be prepared, not before `due`.
    Ready { due: Option<DateTime<Utc>> },
    /// Its call is under way.
    Called { class: Class },
    /// It sleeps.
    Asleep { until: DateTime<Utc>, result: Sealed<Value> },
    /// Its call is in doubt.
    InDoubt,
    /// It failed for good.
    Stuck,
}

/// A run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Execution {
    begun: Option<Started>,
    status: Status,
    /// The place in the plan of the step that is next or under way.
    cursor: usize,
    progress: Option<Progress>,
    /// The call under way, or to be made again under its name.
    call: Option<CallId>,
    /// The connection through which the call under way goes.
    connection: Option<ConnectionId>,
    /// The arguments of the call under way.
    arguments: Option<Sealed<Value>>,
    /// How many tries of this step were begun or rejected.
    attempts: u32,
    /// How many of its retries are used up.
    retries: u32,
    results: Vec<(u32, Sealed<Value>)>,
}

impl Execution {
    /// What it began with.
    pub fn begun(&self) -> Option<&Started> {
        self.begun.as_ref()
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether a step waits for somebody to say what became of its call.
    pub fn in_doubt(&self) -> bool {
        matches!(self.progress, Some(Progress::InDoubt))
    }

    /// The step that is next or under way.
    pub fn current(&self) -> Option<&PlannedStep> {
        self.begun.as_ref()?.plan.get(self.cursor)
    }

    /// The arguments of the call under way.
    pub fn arguments(&self) -> Option<&Sealed<Value>> {
        self.arguments.as_ref()
    }

    /// The connection through which the call under way goes.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// The call under way, or the one to be made again under its name.
    pub fn call(&self) -> Option<CallId> {
        self.call
    }

    /// The results of the steps that are done, by step number.
    pub fn results(&self) -> &[(u32, Sealed<Value>)] {
        &self.results
    }

    /// Whether this try of this step is the one to be prepared.
    fn is_ready(&self, step: u32, attempt: u32) -> bool {
        self.status == Status::Running
            && matches!(self.progress, Some(Progress::Ready { .. }))
            && attempt == self.attempts + 1
            && self.current().is_some_and(|current| current.number == step)
    }

    /// The class of this try of this step, where its call is under way.
    fn called(&self, step: u32, attempt: u32) -> Option<Class> {
        match self.progress {
            Some(Progress::Called { class })
                if self.status == Status::Running
                    && attempt == self.attempts
                    && self.current().is_some_and(|current| current.number == step) =>
            {
                Some(class)
            }
            _ => None,
        }
    }

    fn is_last(&self) -> bool {
        self.begun.as_ref().is_none_or(|begun| self.cursor + 1 >= begun.plan.len())
    }

    /// The event that a step is done, and with the last one that the run is.
    fn succeed(&self, step: u32, result: Sealed<Value>) -> Vec<Event> {
        self.and_finish(Event::StepSucceeded(StepSucceeded { step, result }))
    }

    fn and_finish(&self, event: Event) -> Vec<Event> {
        let mut events = vec![event];
        if self.is_last() && self.status == Status::Running {
            events.push(Event::Completed(Completed {}));
        }
        events
    }

    /// The events that a try failed, and with the last one that the run did. The next try is
    /// made under the name of `call`, where one is given.
    fn fail(
        &self,
        (step, attempt): (u32, u32),
        call: Option<CallId>,
        failure: Failure,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let Failure { code, error, result, retryable, retry_after, .. } = failure;
        let retry_at = match self.current() {
            Some(planned) if retryable && self.retries < planned.max_retries => {
                let pause = pause(planned.retry_delay_ms, self.retries);
                Some((at + pause).max(retry_after.unwrap_or(at)))
            }
            _ => None,
        };
        let failed = StepFailed { step, attempt, code, error, result, retry_at, call };
        let mut events = vec![Event::StepFailed(failed)];
        if retry_at.is_none() {
            events.push(Event::Failed(Failed { step }));
        }
        events
    }

    /// The intent of a try, with its outcome where the call needed no intent. A call that is
    /// made again keeps its name; one whose tool no longer allows that is in doubt.
    fn start(
        &self,
        mut started: StepStarted,
        outcome: Option<Outcome>,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let StepStarted { step, attempt, class, .. } = started;
        if self.call.is_some() && !class.repeatable() {
            let doubt = Doubt::Unanswered;
            return vec![Event::StepDoubted(StepDoubted { step, doubt, error: None })];
        }
        started.call = self.call.unwrap_or(started.call);
        let call = Some(started.call);
        let mut events = vec![Event::StepStarted(started)];
        if let Some(outcome) = outcome {
            events.extend(self.record((step, attempt), (call, class), outcome, at));
        }
        events
    }

    /// What follows from the outcome of a call.
    fn record(
        &self,
        (step, attempt): (u32, u32),
        (call, class): (Option<CallId>, Class),
        outcome: Outcome,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        match outcome {
            Outcome::Succeeded(result) => self.succeed(step, result),
            Outcome::Deferred { until, result } => {
                vec![Event::StepDeferred(StepDeferred { step, until, result })]
            }
            Outcome::Failed(failure) if failure.unanswered && !class.repeatable() => {
                let (doubt, error) = (Doubt::Unanswered, Some(failure.error));
                vec![Event::StepDoubted(StepDoubted { step, doubt, error })]
            }
            Outcome::Failed(failure) => {
                let call = call.filter(|_| class.repeatable());
                self.fail((step, attempt), call, failure, at)
            }
        }
    }

    fn wake(&self, step: u32, at: DateTime<Utc>) -> Vec<Event> {
        match (&self.progress, self.current()) {
            (Some(Progress::Asleep { until, result }), Some(current))
                if self.status == Status::Running && current.number == step && *until <= at =>
            {
                self.succeed(step, result.clone())
            }
            _ => Vec::new(),
        }
    }

    fn cancel(&self) -> Result<Vec<Event>, Refusal> {
        match self.status {
            Status::Running => {
                let mut events = self.doubt(Doubt::Cancelled);
                events.push(Event::Cancelled(Cancelled {}));
                Ok(events)
            }
            Status::Cancelled => Ok(Vec::new()),
            Status::Pending | Status::Completed | Status::Failed => Err(finished()),
        }
    }

    fn retry(&self) -> Result<Vec<Event>, Refusal> {
        match (self.status, self.current()) {
            (Status::Failed | Status::Cancelled, Some(_)) if self.in_doubt() => Err(Refusal::new(
                Kind::Conflict,
                "step_in_doubt",
                "The step where it stopped is in doubt; resolve it first",
            )),
            (Status::Failed | Status::Cancelled, Some(step)) => {
                Ok(vec![Event::Retried(Retried { step: step.number })])
            }
            // Cancelled while the last step was in doubt, which was then settled as done.
            (Status::Cancelled, None) => Ok(vec![Event::Completed(Completed {})]),
            (Status::Pending | Status::Running, _) => Err(Refusal::new(
                Kind::Conflict,
                "execution_running",
                "The execution is still running",
            )),
            (Status::Completed | Status::Failed, _) => Err(finished()),
        }
    }

    fn resolve(&self, step: u32, resolution: Resolution) -> Result<Vec<Event>, Refusal> {
        if !self.in_doubt() || self.current().is_none_or(|current| current.number != step) {
            return Err(Refusal::new(
                Kind::Conflict,
                "step_not_in_doubt",
                "The step is not in doubt",
            ));
        }
        let done = matches!(resolution, Resolution::Done(_));
        let event = Event::StepResolved(StepResolved { step, resolution });
        Ok(if done { self.and_finish(event) } else { vec![event] })
    }

    /// The doubt that stopping now leaves behind: none where nothing is under way, or where
    /// what is under way can simply be made again.
    fn doubt(&self, doubt: Doubt) -> Vec<Event> {
        match (&self.progress, self.current()) {
            (Some(Progress::Called { class }), Some(step)) if !class.repeatable() => {
                vec![Event::StepDoubted(StepDoubted { step: step.number, doubt, error: None })]
            }
            _ => Vec::new(),
        }
    }

    fn advance(&mut self) {
        self.cursor += 1;
        self.attempts = 0;
        self.retries = 0;
        self.call = None;
        self.arguments = None;
        self.progress = self.current().map(|_| Progress::Ready { due: None });
    }

    fn finish_step(&mut self, step: u32, result: &Sealed<Value>) {
        self.results.push((step, result.clone()));
        self.advance();
    }
}

/// The events that a run begins; one without steps is over at once.
fn begin(started: Started) -> Result<Vec<Event>, Refusal> {
    distinct_numbers(started.plan.iter().map(|step| step.number))?;
    let done = started.plan.is_empty().then_some(Event::Completed(Completed {}));
    Ok(std::iter::once(Event::Started(started)).chain(done).collect())
}

fn finished() -> Refusal {
    Refusal::new(Kind::Conflict, "execution_finished", "The execution has finished")
}

impl Decider for Execution {
    const KIND: &'static str = ExecutionId::KIND;
    const STATE_VERSION: u32 = 2;
    type Command = Command;
    type Event = Event;

    fn decide(&self, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        let Some(begun) = &self.begun else {
            return match command {
                Command::Begin(started) => begin(started),
                _ => Err(Refusal::new(
                    Kind::Missing,
                    "execution_missing",
                    "Workflow execution not found",
                )),
            };
        };
        match command {
            Command::Begin(started) if started.execution == begun.execution => Ok(Vec::new()),
            Command::Begin(_) => {
                Err(Refusal::new(Kind::Conflict, "execution_begun", "The execution has begun"))
            }
            Command::SkipStep { step, attempt } if self.is_ready(step, attempt) => {
                Ok(self.and_finish(Event::StepSkipped(StepSkipped { step })))
            }
            Command::StartStep { started, outcome }
                if self.is_ready(started.step, started.attempt) =>
            {
                Ok(self.start(started, outcome, at))
            }
            Command::RejectStep { step, attempt, failure } if self.is_ready(step, attempt) => {
                Ok(self.fail((step, attempt), self.call, failure, at))
            }
            Command::RecordOutcome { step, attempt, outcome } => Ok(self
                .called(step, attempt)
                .map(|class| self.record((step, attempt), (self.call, class), outcome, at))
                .unwrap_or_default()),
            // What comes too late, or twice, changes nothing.
            Command::SkipStep { .. } | Command::StartStep { .. } | Command::RejectStep { .. } => {
                Ok(Vec::new())
            }
            Command::WakeStep { step } => Ok(self.wake(step, at)),
            Command::Cancel => self.cancel(),
            Command::Retry => self.retry(),
            Command::ResolveStep { step, resolution } => self.resolve(step, resolution),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Started(started) => {
                self.begun = Some(started.clone());
                self.status = Status::Running;
                self.progress = self.current().map(|_| Progress::Ready { due: None });
            }
            Event::StepSkipped(_) => self.advance(),
            Event::StepStarted(started) => {
                let StepStarted { attempt, call, class, connection, arguments, .. } = started;
                self.attempts = *attempt;
                self.call = Some(*call);
                self.connection = *connection;
                self.arguments = Some(arguments.clone());
                self.progress = Some(Progress::Called { class: *class });
            }
            Event::StepDeferred(StepDeferred { until, result, .. }) => {
                self.progress = Some(Progress::Asleep { until: *until, result: result.clone() });
            }
            Event::StepSucceeded(StepSucceeded { step, result }) => self.finish_step(*step, result),
            Event::StepFailed(StepFailed { attempt, retry_at, call, .. }) => {
                self.attempts = *attempt;
                self.call = *call;
                self.arguments = None;
                self.progress = match retry_at {
                    Some(due) => {
                        self.retries += 1;
                        Some(Progress::Ready { due: Some(*due) })
                    }
                    None => Some(Progress::Stuck),
                };
            }
            Event::StepDoubted(_) => self.progress = Some(Progress::InDoubt),
            Event::StepResolved(StepResolved { step, resolution }) => match resolution {
                Resolution::Done(result) => self.finish_step(*step, result),
                Resolution::Repeat => {
                    self.call = None;
                    self.arguments = None;
                    self.retries = 0;
                    self.progress = Some(Progress::Ready { due: None });
                }
            },
            Event::Completed(_) => self.status = Status::Completed,
            Event::Failed(_) => self.status = Status::Failed,
            Event::Cancelled(_) => self.status = Status::Cancelled,
            Event::Retried(_) => {
                self.status = Status::Running;
                self.retries = 0;
                // A call that was under way is made again under its name, a sleep goes on.
                if !matches!(self.progress, Some(Progress::Called { .. } | Progress::Asleep { .. }))
                {
                    self.progress = Some(Progress::Ready { due: None });
                }
            }
        }
    }

    fn pending(&self) -> Vec<Pending> {
        let (Status::Running, Some(current)) = (self.status, self.current()) else {
            return Vec::new();
        };
        let step = current.number;
        match &self.progress {
            Some(Progress::Ready { due }) => {
                let effect = Effect::Prepare { step, attempt: self.attempts + 1 };
                vec![Pending { effect, due: *due }]
            }
            Some(Progress::Called { .. }) => {
                vec![Pending::now(Effect::Call { step, attempt: self.attempts })]
            }
            Some(Progress::Asleep { until, .. }) => {
                vec![Pending::at(Effect::Wake { step }, *until)]
            }
            Some(Progress::InDoubt | Progress::Stuck) | None => Vec::new(),
        }
    }

    fn restarted(&self) -> Vec<Event> {
        if self.status == Status::Running { self.doubt(Doubt::Restarted) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests;
