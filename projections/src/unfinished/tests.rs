#![allow(clippy::unwrap_used, clippy::panic)]

use hub_events::execution::{Command, Event, Execution, Failure, Outcome, Resolution, StepStarted};
use hub_events::id::ExecutionId;
use hub_events::{Class, Decider, Effect};
use proptest::prelude::*;

use super::*;
use crate::executions::{self, Executions};
use crate::generation::Generation;
use crate::testing::{Kept, moment, sealed, started, step_started};

const RUN: ExecutionId = ExecutionId(9);

/// Something that may happen to a run next.
#[derive(Clone, Copy, Debug)]
enum Move {
    Skip,
    Start(Class, Option<Came>),
    Reject { retryable: bool },
    Answer(Came),
    Wake,
    Cancel,
    Retry,
    Resolve { done: bool },
    Restart,
}

/// What came of a call.
#[derive(Clone, Copy, Debug)]
enum Came {
    Success,
    Sleep,
    Failure { retryable: bool, unanswered: bool },
}

fn came() -> impl Strategy<Value = Came> {
    prop_oneof![
        3 => Just(Came::Success),
        1 => Just(Came::Sleep),
        3 => any::<(bool, bool)>()
            .prop_map(|(retryable, unanswered)| Came::Failure { retryable, unanswered }),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Read), Just(Class::Keyed), Just(Class::AtMostOnce)]
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        1 => Just(Move::Skip),
        6 => (class(), proptest::option::of(came())).prop_map(|(class, came)| Move::Start(class, came)),
        1 => any::<bool>().prop_map(|retryable| Move::Reject { retryable }),
        5 => came().prop_map(Move::Answer),
        3 => Just(Move::Wake),
        1 => Just(Move::Cancel),
        2 => Just(Move::Retry),
        2 => any::<bool>().prop_map(|done| Move::Resolve { done }),
        1 => Just(Move::Restart),
    ]
}

fn failure(retryable: bool, unanswered: bool) -> Failure {
    Failure {
        code: "tool_failed".to_owned(),
        error: sealed(8),
        result: None,
        retryable,
        unanswered,
        retry_after: None,
    }
}

impl Came {
    fn outcome(self, now: i64) -> Outcome {
        match self {
            Self::Success => Outcome::Succeeded(sealed(2)),
            Self::Sleep => Outcome::Deferred { until: moment(now + 3), result: sealed(2) },
            Self::Failure { retryable, unanswered } => {
                Outcome::Failed(failure(retryable, unanswered))
            }
        }
    }
}

/// What follows from a move, `now` seconds after the beginning; nothing where it is refused or
/// makes no sense.
fn follows(run: &Execution, next: Move, now: i64) -> Vec<Event> {
    let step = run.current().map_or(0, |step| step.number);
    let attempt = run.pending().first().map_or(0, |pending| match pending.effect {
        Effect::Prepare { attempt, .. } | Effect::Call { attempt, .. } => attempt,
        Effect::Wake { .. } => 0,
        ref other => panic!("a run never waits for {other:?}"),
    });
    let command = match next {
        Move::Skip => Command::SkipStep { step, attempt },
        Move::Start(class, came) => Command::StartStep {
            started: StepStarted { class, ..step_started(step, attempt) },
            outcome: came.map(|came| came.outcome(now)),
        },
        Move::Reject { retryable } => {
            Command::RejectStep { step, attempt, failure: failure(retryable, false) }
        }
        Move::Answer(came) => Command::RecordOutcome { step, attempt, outcome: came.outcome(now) },
        Move::Wake => Command::WakeStep { step },
        Move::Cancel => Command::Cancel,
        Move::Retry => Command::Retry,
        Move::Resolve { done } => {
            let resolution = if done { Resolution::Done(sealed(3)) } else { Resolution::Repeat };
            Command::ResolveStep { step, resolution }
        }
        Move::Restart => return run.restarted(),
    };
    run.decide(command, moment(now)).unwrap_or_default()
}

/// The row of the run, as far as it is listed.
fn row(views: &Connection) -> Option<UnfinishedView> {
    let mut rows = ready(views).unwrap();
    rows.extend(sleeping(views, moment(i64::from(u32::MAX)), 10).unwrap());
    assert_eq!(count(views).unwrap(), rows.len() as u64);
    assert!(rows.len() <= 1);
    rows.pop()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn read_models_agree_with_the_run(steps in 0u32..4, moves in prop::collection::vec(any_move(), 0..40)) {
        let log = Kept::default();
        let mut generation = Generation::in_memory(&[&Unfinished, &Executions]);
        let mut run = Execution::default();
        let mut happened = run.decide(Command::Begin(started(RUN.0, 1, steps)), moment(0)).unwrap();
        let mut moves = moves.into_iter().zip(1..);
        loop {
            happened.iter().for_each(|event| run.evolve(event));
            generation.record(&log, &RUN.stream(), 0, &happened);
            let views = generation.connection();

            let pending = run.pending();
            let due = pending.iter().map(|pending| pending.due).min();
            prop_assert_eq!(row(views), due.map(|due| UnfinishedView { stream: RUN.stream(), due }));
            prop_assert_eq!(next_due(views).unwrap(), due.flatten());

            let view = executions::get(views, RUN).unwrap().unwrap();
            prop_assert_eq!(view.status, run.status());
            prop_assert_eq!(view.in_doubt, run.in_doubt());
            prop_assert_eq!(&view.results[..], run.results());
            prop_assert_eq!(view.position, log.head());

            let Some((next, now)) = moves.next() else { break };
            happened = follows(&run, next, now);
        }
    }
}

#[test]
fn sleepers_are_found_soonest_first() {
    let log = Kept::default();
    let mut generation = Generation::in_memory(&[&Unfinished]);
    for (run, until) in [(1, 30), (2, 10), (3, 20)] {
        let sleep = StepDeferred { step: 1, until: moment(until), result: sealed(2) };
        let events = [
            Event::Started(started(run, 1, 1)),
            Event::StepStarted(step_started(1, 1)),
            Event::StepDeferred(sleep),
        ];
        generation.record(&log, &ExecutionId(run).stream(), 0, &events);
    }
    let views = generation.connection();
    let found = |before, limit| {
        let found = sleeping(views, moment(before), limit).unwrap();
        found.into_iter().filter_map(|row| row.stream.number()).collect::<Vec<_>>()
    };
    assert_eq!(found(100, 10), [2, 3, 1]);
    assert_eq!(found(100, 2), [2, 3]);
    assert_eq!(found(30, 10), [2, 3]);
    assert_eq!(next_due(views).unwrap(), Some(moment(10)));
    assert_eq!((ready(views).unwrap(), count(views).unwrap()), (vec![], 3));
}
