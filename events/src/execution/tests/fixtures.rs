//! The runs, histories and commands that tests of a run speak of.

use uuid::Uuid;

use super::*;

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    epoch() + TimeDelta::seconds(seconds)
}

/// A run of steps with these numbers; each is retried twice, after 1 s and 2 s.
pub(super) fn run(numbers: &[u32]) -> Started {
    let step = |number: &u32| PlannedStep {
        id: StepId(i64::from(*number) + 100),
        number: *number,
        tool: "http_request".to_owned(),
        max_retries: 2,
        retry_delay_ms: 1_000,
        timeout_s: 30,
    };
    Started {
        execution: ExecutionId(7),
        account: AccountId(1),
        workflow: WorkflowId(3),
        workflow_version: 2,
        trigger: "manual".to_owned(),
        plan: numbers.iter().map(step).collect(),
        input: sealed(0),
    }
}

pub(super) fn call(number: u128) -> CallId {
    CallId(Uuid::from_u128(number))
}

/// The try of a step, with call number 1.
pub(super) fn try_of(step: u32, attempt: u32, class: Class) -> StepStarted {
    StepStarted { step, attempt, call: call(1), class, connection: None, arguments: sealed(1) }
}

/// The name of that call, kept for the next try.
pub(super) const NAMED: Option<CallId> = Some(CallId(Uuid::from_u128(1)));

pub(super) fn failure(retryable: bool, unanswered: bool) -> Failure {
    Failure {
        code: "tool_failed".to_owned(),
        error: sealed(2),
        result: None,
        retryable,
        unanswered,
        retry_after: None,
    }
}

pub(super) fn failed(attempt: u32, retry_at: Option<DateTime<Utc>>, call: Option<CallId>) -> Event {
    let (code, error) = ("tool_failed".to_owned(), sealed(2));
    Event::StepFailed(StepFailed { step: 1, attempt, code, error, result: None, retry_at, call })
}

pub(super) fn succeeded(step: u32) -> Event {
    Event::StepSucceeded(StepSucceeded { step, result: sealed(9) })
}

pub(super) fn doubted(doubt: Doubt, error: Option<Sealed<String>>) -> Event {
    Event::StepDoubted(StepDoubted { step: 1, doubt, error })
}

pub(super) fn resolved(resolution: Resolution) -> Event {
    Event::StepResolved(StepResolved { step: 1, resolution })
}

pub(super) const COMPLETED: Event = Event::Completed(Completed {});
pub(super) const CANCELLED: Event = Event::Cancelled(Cancelled {});
pub(super) const FAILED: Event = Event::Failed(Failed { step: 1 });
pub(super) const RETRIED: Event = Event::Retried(Retried { step: 1 });

// Histories, from the shortest on. Two steps, except where it is said.

pub(super) fn begun() -> Vec<Event> {
    vec![Event::Started(run(&[1, 2]))]
}

/// A run of one step.
pub(super) fn begun_single() -> Vec<Event> {
    vec![Event::Started(run(&[1]))]
}

pub(super) fn and(history: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history.into_iter().chain(more).collect()
}

pub(super) fn calling(class: Class) -> Vec<Event> {
    and(begun(), [Event::StepStarted(try_of(1, 1, class))])
}

pub(super) fn deferred() -> Event {
    Event::StepDeferred(StepDeferred { step: 1, until: at(60), result: sealed(9) })
}

pub(super) fn asleep() -> Vec<Event> {
    and(calling(Read), [deferred()])
}

pub(super) fn in_doubt() -> Vec<Event> {
    and(calling(AtMostOnce), [doubted(Doubt::Restarted, None)])
}

pub(super) fn stuck() -> Vec<Event> {
    and(calling(AtMostOnce), [failed(1, None, None), FAILED])
}

pub(super) fn completed() -> Vec<Event> {
    and(calling(Read), [succeeded(1), Event::StepSkipped(StepSkipped { step: 2 }), COMPLETED])
}

// Commands.

pub(super) fn start(step: u32, attempt: u32, class: Class) -> Command {
    Command::StartStep { started: try_of(step, attempt, class), outcome: None }
}

pub(super) fn start_with(class: Class, outcome: Outcome) -> Command {
    Command::StartStep { started: try_of(1, 1, class), outcome: Some(outcome) }
}

pub(super) fn record(step: u32, attempt: u32, outcome: Outcome) -> Command {
    Command::RecordOutcome { step, attempt, outcome }
}

pub(super) fn reject(attempt: u32, failure: Failure) -> Command {
    Command::RejectStep { step: 1, attempt, failure }
}

pub(super) fn resolve(resolution: Resolution) -> Command {
    Command::ResolveStep { step: 1, resolution }
}

pub(super) fn success() -> Outcome {
    Outcome::Succeeded(sealed(9))
}

pub(super) fn sleep() -> Outcome {
    Outcome::Deferred { until: at(60), result: sealed(9) }
}

pub(super) fn prepare(step: u32, attempt: u32) -> Vec<Pending> {
    vec![Pending::now(Effect::Prepare { step, attempt })]
}

pub(super) fn prepare_at(seconds: i64, attempt: u32) -> Vec<Pending> {
    vec![Pending::at(Effect::Prepare { step: 1, attempt }, at(seconds))]
}

pub(super) fn make_call(attempt: u32) -> Vec<Pending> {
    vec![Pending::now(Effect::Call { step: 1, attempt })]
}

pub(super) fn wake() -> Vec<Pending> {
    vec![Pending::at(Effect::Wake { step: 1 }, at(60))]
}
